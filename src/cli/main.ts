/** `npm run admin`, the administrator's command line: reads words, and writes one document or one line of refusal. */

import { Command, CommanderError } from 'commander'
import { oneLine, Refusal } from '../local/refusal.ts'
import { RegistrationError } from '../protocol/registration/errors.ts'
import { withoutCredentials } from '../protocol/sanitize.ts'
import { addClientCommands } from './client-commands.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { addDocumentHostCommands } from './document-host-commands.ts'
import { addImportCommands } from './import-commands.ts'
import { addKeyCommands } from './key-commands.ts'
import { addSignInCommands } from './login.ts'
import { keptByNpm } from './npm-options.ts'
import { OPTION_WORDS } from './options.ts'
import { addRecordCommands } from './record-commands.ts'
import { addRegistryFileCommands } from './registry-file-commands.ts'
import { addResourceCommands } from './resource-commands.ts'
import { addScopeCommands } from './scope-commands.ts'
import { addSessionCommands } from './session-commands.ts'
import { printable } from './text-form.ts'
import { addUserCommands } from './user-commands.ts'
import { DONE, Ended, FAILED, type Io, WRONG_USAGE } from './verb.ts'

const wordsOf = (fault: unknown) =>
  fault instanceof RegistrationError ? fault.in(OPTION_WORDS) : oneLine(fault)
/** A message may contain what was typed, but no credential. */
const line = (fault: unknown) => `${printable(withoutCredentials(wordsOf(fault)))}\n`

/** Node decodes the bytes of the command line itself, and replaces bytes that are not UTF-8 with this character. */
const REPLACEMENT = '\uFFFD'

function requireText(what: string, text: string): string {
  if (text.includes(REPLACEMENT)) throw new Refusal(`${what} is not UTF-8 text`)
  return text
}

/** A text of spaces alone is not changed, because an empty word can have a meaning of its own. */
const trimmed = (text: string) => text.trim() || text

/** Removes the spaces around every word. The values of repeatable options are split at spaces already. */
function trimWords(command: Command) {
  for (const [index, word] of command.processedArgs.entries()) {
    if (typeof word === 'string') {
      command.processedArgs[index] = trimmed(requireText('an argument', word))
    }
  }
  for (const option of command.options) {
    const name = option.attributeName()
    const value: unknown = command.getOptionValue(name)
    const what = option.long ?? name
    if (Array.isArray(value)) for (const one of value) requireText(what, String(one))
    if (typeof value !== 'string') continue
    const text = requireText(what, value)
    const source = command.getOptionValueSource(name) ?? 'cli'
    // A password may begin or end with a space.
    if (name !== 'password') command.setOptionValueWithSource(name, trimmed(text), source)
  }
}

export function commandLine(io: Io): Command {
  const program = new Command('npm run admin --')
    .description(
      'Administer the clients, users, scopes, resources and sessions of the registry. Find out why a request was refused and who ' +
        'changed what, check a deployment, and make and rotate signing keys.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(line(text)),
    })
    .hook('preAction', (_program, command) => trimWords(command))
    .addHelpText(
      'after',
      '\nWithout --remote it works on STATE_DIR, whether the registry runs or not. With --remote it works on the registry at ISSUER:\n' +
        'as the person who signed in with login, or as a client (REGISTRY_CLIENT_ID with REGISTRY_CLIENT_SECRET or\n' +
        'REGISTRY_PRIVATE_KEY_FILE).\n' +
        'A secret has leaked, or something does not work: docs/operate.md, "What to do in an incident".\n' +
        'Example:\n  npm run --silent admin -- client list --json',
    )
  addClientCommands(program, io)
  addUserCommands(program, io)
  addScopeCommands(program, io)
  addResourceCommands(program, io)
  addDocumentHostCommands(program, io)
  addSessionCommands(program, io)
  addImportCommands(program, io)
  addRecordCommands(program, io)
  addRegistryFileCommands(program, io)
  addDoctorCommand(program, io)
  addSignInCommands(program, io)
  addKeyCommands(program, io)
  return program
}

/** If npm keeps one of these options, a command silently does something else than was asked. */
const NEEDED = ['remote', 'dry-run', 'check', 'prune', 'requested-only', 'overlap-seconds']
const EXAMPLE = 'npm run --silent admin -- client list --remote'

/** Returns the exit status: 0, 1 if something was refused or failed, 2 if the usage is wrong. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const kept = keptByNpm(NEEDED, { argv, env: io.env, example: EXAMPLE })
  if (kept !== null) {
    io.stderr.write(`error: ${kept}\n`)
    return WRONG_USAGE
  }
  try {
    await commandLine(io).parseAsync(argv, { from: 'user' })
    return DONE
  } catch (fault) {
    // Commander has already written its own line.
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? DONE : WRONG_USAGE
    if (fault instanceof Ended) return fault.status
    // The reader closed the pipe, for example `head`.
    if (fault instanceof Error && 'code' in fault && fault.code === 'EPIPE') return DONE
    io.stderr.write(`error: ${line(fault)}`)
    return FAILED
  }
}

if (import.meta.main) {
  // The callback of each write reports its failure.
  process.stdout.on('error', () => {})
  process.exitCode = await run(process.argv.slice(2), process)
}
