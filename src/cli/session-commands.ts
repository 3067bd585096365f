/** `session revoke`: ends one session, or all sessions of a client or a user. */

import type { Command } from 'commander'
import type { Call } from './api.ts'
import { callAction } from './call-verbs.ts'
import { readAsked } from './input.ts'
import { type Io, plainOptions, refuseUsage, verb } from './verb.ts'

type Options = Readonly<{
  token?: string
  tokenStdin?: boolean
  client?: string
  user?: string
  evenUnknown?: boolean
}>

const OPTIONS = plainOptions({
  '--token <token>':
    'an access, refresh or browser session token; others may see it in the process list. A refresh token ends its ' +
    'whole family',
  '--token-stdin': 'read the token from standard input, one line',
  '--client <id>': 'all of this client',
  '--user <id>': 'all of this user, by id or username, also one of an accounts service',
  '--even-unknown':
    'with --user: accept an id that D1 does not know, as of a user of an accounts service who only signed in',
})

async function revocation(options: Options, command: Command, io: Io): Promise<Call> {
  const { token, tokenStdin, client, user, evenUnknown = false } = options
  const given = [token, tokenStdin, client, user].filter((one) => one !== undefined)
  if (given.length !== 1 || command.args.length > 0) {
    refuseUsage(command, 'give exactly one of --token, --token-stdin, --client and --user')
  }
  if (evenUnknown && user === undefined) refuseUsage(command, '--even-unknown is for --user')
  const revoked = async () => {
    if (client !== undefined) return { client_id: client }
    if (user !== undefined) return { user_id: user, ...(evenUnknown && { even_unknown: true }) }
    return { token: (token ?? (await readAsked(io, 'the token'))).trim() }
  }
  return { method: 'POST', path: '/sessions/revocations', body: await revoked() }
}

export function addSessionCommands(program: Command, io: Io) {
  const noun = program
    .command('session')
    .description('Sessions: access tokens, refresh tokens and browser sessions')
  verb(noun, {
    usage: 'revoke',
    description:
      'End one session, or all that was issued to a client or for a user: access tokens, browser sessions, refresh ' +
      'tokens and codes. Prints within how many seconds every check refuses it; checks with fresh refuse it at once. For ' +
      'one access token or browser session `revoked` means that it is not valid now, not that it was ever issued.',
    example: '--token-stdin < token.txt',
    options: OPTIONS,
  })
    // Commander's own message is avoided, because it could contain a token that was typed without its option.
    .allowExcessArguments()
    .action(
      callAction(io, (options: Options, command: Command) => revocation(options, command, io)),
    )
}
