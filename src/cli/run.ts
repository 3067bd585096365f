/** The administrator's command line: words in, one answer or one line of refusal out. */

import { Command, CommanderError } from 'commander'
import { oneLine } from '../local/refusal.ts'
import { addAuditCommand } from './audit-command.ts'
import { addClientCommands } from './client-commands.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { printable } from './printable.ts'
import { addSessionCommands } from './session-commands.ts'
import { tidyTypedWords } from './typed-words.ts'
import { addUserCommands } from './user-commands.ts'
import type { Io } from './verb.ts'
import { addWhyCommand } from './why-command.ts'

/** Whatever a message repeats of what was typed, a credential of ours is not in it. */
const withoutTokens = (text: string) => text.replace(/\breg[bcrs]?_[\w-]{20,}/g, '[token]')
const line = (fault: unknown) => `${printable(withoutTokens(oneLine(fault)))}\n`

/** What the process ends with. */
const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

export function commandLine(io: Io): Command {
  const program = new Command('npm run admin --')
    .description(
      'Administer the clients, users and sessions of the registry, say why it refused something, who did what, and ' +
        'whether all is well.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(line(text)),
    })
    .hook('preAction', (_program, command) => tidyTypedWords(command))
    .addHelpText(
      'after',
      '\nWithout --remote it works on STATE_DIR, also while the registry runs.\n' +
        'Example:\n  npm run --silent admin -- client list --json',
    )
  addClientCommands(program, io)
  addUserCommands(program, io)
  addSessionCommands(program, io)
  addWhyCommand(program, io)
  addAuditCommand(program, io)
  addDoctorCommand(program, io)
  return program
}

/** Answers the exit status: 0, 1 for what was refused or failed, 2 for wrong usage. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await commandLine(io).parseAsync(argv, { from: 'user' })
    return DONE
  } catch (fault) {
    // Commander has already written its own line.
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? DONE : WRONG_USAGE
    // The reader has seen enough, as `head` has.
    if (fault instanceof Error && 'code' in fault && fault.code === 'EPIPE') return DONE
    io.stderr.write(`error: ${line(fault)}`)
    return FAILED
  }
}
