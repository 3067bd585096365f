/** `session revoke`: ends one session, or all of a client or a user. */

import type { Command } from 'commander'
import { printChange } from './act.ts'
import { readFirstLine } from './input.ts'
import { type Io, refuseUsage, verb } from './verb.ts'

type Options = Readonly<{
  token?: string
  tokenStdin?: boolean
  client?: string
  user?: string
  evenUnknown?: boolean
}>

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
      const text = (token ?? (tokenStdin ? await readFirstLine(io.stdin) : '')).trim()
      const revoked = () => {
        if (client !== undefined) return { client_id: client }
        if (user === undefined) return { token: text }
        return { user_id: user, ...(evenUnknown && { even_unknown: true }) }
      }
      const path = '/sessions/revocations'
      return printChange(command, io, { method: 'POST', path, body: revoked() })
    })
}
