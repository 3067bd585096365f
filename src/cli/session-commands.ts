/** `session revoke`: ends one session, or all of a client or a user. */

import type { Command } from 'commander'
import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { hasTokenPrefix, isWellFormed } from '../crypto/token.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  CRON_INTERVAL_SECONDS,
  SESSION_REVOKED_WITHIN_SECONDS,
} from '../domain/revocation.ts'
import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { refreshTokenStore } from '../stores/refresh-tokens.ts'
import { revocationStore } from '../stores/revocations.ts'
import { type Act, actsOf, ending, NOT_SHOWN, recording, showInKv } from './act.ts'
import { findClient } from './client-verbs.ts'
import { readFirstLine } from './input.ts'
import { findUserId } from './user-verbs.ts'
import { type Io, printFrom, refuseUsage, verb } from './verb.ts'

type Options = Readonly<{
  token?: string
  tokenStdin?: boolean
  client?: string
  user?: string
  evenUnknown?: boolean
}>

/** Ends something. Returns whether KV shows it. */
type Revoke = (act: Act) => Promise<boolean>

/** The tokens of an external accounts service have a form of their own, unlike any of ours. */
function mayBeSession(token: string, act: Act): boolean {
  if (isWellFormed('accessToken', token) || isWellFormed('browserSession', token)) return true
  return act.usersAreExternal && token !== '' && !hasTokenPrefix(token)
}

async function revokeToken(act: Act, token: string): Promise<boolean> {
  const { db, sessions, longestSessionSeconds } = act
  const revocations = (about: Readonly<{ clientId?: string; userId?: string }>, kind: string) =>
    revocationStore(db, sessions, longestSessionSeconds, [
      recording(act, 'session.revoke', about, { kind }),
    ])
  if (isWellFormed('refreshToken', token)) {
    const found = await refreshTokenStore(db).find(await tokenDigestOf(token))
    if (!found) throw new Refusal('there is no such refresh token')
    const { familyId, clientId, user } = found.family
    return revocations({ clientId, userId: user.userId }, 'refresh token').endFamily(familyId)
  }
  if (!mayBeSession(token, act)) {
    throw new Refusal('the token is not an access, refresh or browser session token')
  }
  // The session is in KV, which may not show yet what was issued a moment ago. A stolen token must not outlive that, so
  // KV is not asked whose session it is, nor whether there was one.
  const kind = isWellFormed('browserSession', token) ? 'browser session' : 'access token'
  const key = await sessionKeyOf(token)
  const store = revocations({}, kind)
  const isShown = await store.endSessions([key])
  // If this fails, cron shows it once more.
  if (isShown) await store.markShown([key]).catch(() => {})
  return isShown
}

async function requireUserId(db: Database, idOrName: string, evenUnknown: boolean) {
  const known = await findUserId(db, idOrName)
  if (known !== null) return known
  if (evenUnknown && idOrName !== '') return idOrName
  throw new Refusal(
    `there is no user ${JSON.stringify(idOrName)}: D1 has no user, consent, code or refresh token of that id or name. ` +
      'To revoke what this id may have all the same: --even-unknown',
  )
}

async function revokeAll(act: Act, about: Readonly<{ clientId: string } | { userId: string }>) {
  const ended =
    'clientId' in about ? ending(act, 'client', about.clientId) : ending(act, 'user', about.userId)
  // The last of these statements adds the revocation: the audit's row depends on it.
  await act.db.batch([...ended, recording(act, 'session.revoke', about)])
  return showInKv(act)
}

/** Prints the bound that it promises. */
async function printRevoked(command: Command, io: Io, boundSeconds: number, revoke: Revoke) {
  const begin = await actsOf(io)
  return printFrom(command, io, async (storage) => ({
    revoked: true,
    effective_within_seconds:
      boundSeconds + ((await revoke(begin(storage))) ? 0 : CRON_INTERVAL_SECONDS),
  }))
}

export function addSessionCommands(program: Command, io: Io) {
  const session = program.command('session').description('sessions: what tokens stand for')
  verb(
    session,
    'revoke',
    'End one session, or all that was issued to a client or for a user: access tokens, browser sessions, refresh ' +
      'tokens and codes. Prints within how many seconds every check refuses it; checks with fresh refuse it at once. For ' +
      'one access token or browser session `revoked` means that it is not valid now, not that it was ever issued.',
    'revoke --token-stdin < token.txt',
  )
    .option(
      '--token <token>',
      'an access, refresh or browser session token; others may see it in the process list. A refresh token ends all ' +
        'that was renewed with it',
    )
    .option('--token-stdin', 'read the token from standard input, one line')
    .option('--client <id>', 'all of this client')
    .option(
      '--user <id>',
      'all of this user, by id or username, also one of an external accounts service',
    )
    .option(
      '--even-unknown',
      'with --user: also an id that D1 does not know, as of a user of an external service who only signed in',
    )
    // A token without its option must not be repeated by a message of Commander.
    .allowExcessArguments()
    .action(async (options: Options, command: Command) => {
      const { token, tokenStdin, client, user, evenUnknown = false } = options
      const given = [token, tokenStdin, client, user].filter((one) => one !== undefined)
      if (given.length !== 1 || command.args.length > 0) {
        refuseUsage(command, 'give exactly one of --token, --token-stdin, --client and --user')
      }
      if (evenUnknown && user === undefined) refuseUsage(command, '--even-unknown is for --user')
      if (client !== undefined) {
        return printRevoked(command, io, ALL_REVOKED_WITHIN_SECONDS, async (act) => {
          const { clientId } = await findClient(act.db, client)
          return revokeAll(act, { clientId })
        })
      }
      if (user !== undefined) {
        return printRevoked(command, io, ALL_REVOKED_WITHIN_SECONDS, async (act) => {
          const userId = await requireUserId(act.db, user, evenUnknown)
          return revokeAll(act, { userId })
        })
      }
      const text = (token ?? (await readFirstLine(io.stdin))).trim()
      return printRevoked(command, io, SESSION_REVOKED_WITHIN_SECONDS, async (act) => {
        const isShown = await revokeToken(act, text)
        if (!isShown) act.note(NOT_SHOWN)
        return isShown
      })
    })
}
