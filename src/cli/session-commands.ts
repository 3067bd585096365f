/** `session revoke`: ends what was issued, at the word of the administrator. */

import type { Command } from 'commander'
import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { isWellFormed, TOKEN_PREFIXES } from '../crypto/token.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  CRON_INTERVAL_SECONDS,
  SESSION_REVOKED_WITHIN_SECONDS,
} from '../domain/revocation.ts'
import { Refusal } from '../local/refusal.ts'
import type { Storage } from '../local/state.ts'
import { findClientRecord } from '../stores/client-record.ts'
import type { Database } from '../stores/database.ts'
import { refreshTokenStore } from '../stores/refresh-tokens.ts'
import { revocationStore } from '../stores/revocations.ts'
import { type Act, actsOf, ending, NOT_SHOWN, recording, showInKv } from './act.ts'
import { readFirstLine } from './first-line.ts'
import { findUserId } from './known-user.ts'
import { answerFrom, type Io, note, refuseUsage, verb } from './verb.ts'

type Options = Readonly<{
  token?: string
  tokenStdin?: boolean
  client?: string
  user?: string
  evenUnknown?: boolean
}>

/** An external accounts service may mint its own, unlike any credential of ours. */
function mayBeSession(token: string, act: Act): boolean {
  if (isWellFormed('accessToken', token) || isWellFormed('browserSession', token)) return true
  const isOurs = Object.values(TOKEN_PREFIXES).some((prefix) => token.startsWith(prefix))
  return act.usersAreExternal && token !== '' && !isOurs
}

/** Answers whether KV shows it. */
async function revokeToken({ db, sessions }: Storage, token: string, act: Act): Promise<boolean> {
  const revocations = (about: Readonly<{ clientId?: string; userId?: string }>, detail: object) =>
    revocationStore(db, sessions, act.longestSessionSeconds, [
      recording(db, act, 'session.revoke', about, { ...detail }),
    ])
  if (isWellFormed('refreshToken', token)) {
    const standing = await refreshTokenStore(db).find(await tokenDigestOf(token))
    if (!standing) throw new Refusal('there is no such refresh token')
    const { familyId, clientId, user } = standing.family
    const about = { clientId, userId: user.userId }
    return revocations(about, { kind: 'refresh token' }).endFamily(familyId)
  }
  if (!mayBeSession(token, act)) {
    throw new Refusal('the token is not an access, refresh or browser session token')
  }
  // Whose it is, and whether it ever was, only the session itself says, and that is in KV, which the command line does
  // not read: KV might not show yet what was issued a moment ago, and a stolen token must not outlive that.
  const kind = isWellFormed('browserSession', token) ? 'browser session' : 'access token'
  const key = await sessionKeyOf(token)
  const store = revocations({}, { kind })
  const isShown = await store.endSessions([key])
  // Harmless if it fails: then cron shows it once more.
  if (isShown) await store.markShown([key]).catch(() => {})
  return isShown
}

async function clientId(db: Database, id: string): Promise<string> {
  if (await findClientRecord(db, id)) return id
  throw new Refusal(`there is no client ${JSON.stringify(id)}`)
}

async function userId(db: Database, idOrName: string, evenUnknown: boolean): Promise<string> {
  const known = await findUserId(db, idOrName)
  if (known !== null) return known
  if (evenUnknown && idOrName !== '') return idOrName
  throw new Refusal(
    `there is no user ${JSON.stringify(idOrName)}: D1 has no user, consent, code or refresh token of that id or name. ` +
      'To revoke what this id may have all the same: --even-unknown',
  )
}

/** Prints the bound that it promises. */
async function answerRevoked(
  command: Command,
  io: Io,
  boundSeconds: number,
  revoke: (storage: Storage, act: Act) => Promise<boolean>,
) {
  const begin = await actsOf(io)
  return answerFrom(command, io, async (storage) => {
    const isShown = await revoke(storage, begin())
    return {
      revoked: true,
      effective_within_seconds: boundSeconds + (isShown ? 0 : CRON_INTERVAL_SECONDS),
    }
  })
}

const revokeAll =
  (io: Io, kind: 'client' | 'user', id: string, evenUnknown: boolean) =>
  async (storage: Storage, act: Act) => {
    const { db } = storage
    const subject = kind === 'client' ? await clientId(db, id) : await userId(db, id, evenUnknown)
    const about = kind === 'client' ? { clientId: subject } : { userId: subject }
    // The revocation is the last of them, and what the audit's row goes by.
    await db.batch([...ending(db, kind, subject, act), recording(db, act, 'session.revoke', about)])
    return showInKv(storage, io)
  }

export function addSessionCommands(program: Command, io: Io) {
  const session = program.command('session').description('sessions: what tokens stand for')
  verb(
    session,
    'revoke',
    'End one session, or all that was issued to a client or for a user: access tokens, browser sessions, refresh ' +
      'tokens and codes. Prints within how many seconds every check knows; checks that ask for fresh know at once. Of ' +
      'one access or browser session token `revoked` says that it is good no more, not that it ever was.',
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
    // Whoever forgets the option must not find the token in a message.
    .allowExcessArguments()
    .action(async (options: Options, command: Command) => {
      const { token, tokenStdin, client, user, evenUnknown = false } = options
      const isOne = [token, tokenStdin, client, user].filter((one) => one !== undefined)
      if (isOne.length !== 1 || command.args.length > 0) {
        refuseUsage(command, 'give exactly one of --token, --token-stdin, --client and --user')
      }
      if (evenUnknown && user === undefined) refuseUsage(command, '--even-unknown is for --user')
      if (client !== undefined || user !== undefined) {
        const work =
          client !== undefined
            ? revokeAll(io, 'client', client, false)
            : revokeAll(io, 'user', user ?? '', evenUnknown)
        return answerRevoked(command, io, ALL_REVOKED_WITHIN_SECONDS, work)
      }
      const given = token ?? (await readFirstLine(io.stdin))
      return answerRevoked(command, io, SESSION_REVOKED_WITHIN_SECONDS, async (storage, act) => {
        const isShown = await revokeToken(storage, given.trim(), act)
        if (!isShown) note(io, NOT_SHOWN)
        return isShown
      })
    })
}
