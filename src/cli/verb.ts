/** What the verbs of the command line have in common: their options, their storage and their output. */

import { type Command, Option } from 'commander'
import type { Environment } from '../local/project.ts'
import type { ManagementApi } from './api.ts'
import { withApi } from './reach.ts'
import { printable, textForm } from './text-form.ts'

export type Io = Readonly<{
  stdout: { write(text: string, done?: (fault?: Error | null) => void): unknown }
  stderr: { write(text: string): unknown }
  stdin: AsyncIterable<Uint8Array | string>
  env: Environment
}>

export type Form = Readonly<{ json?: boolean; remote?: boolean }>

export const DONE = 0
export const FAILED = 1
export const WRONG_USAGE = 2

/** The words of a repeatable option: the option is repeated, or its value has several words separated by spaces. */
const collect = (value: string, before: readonly string[] | undefined) => [
  ...new Set([...(before ?? []), ...value.split(/\s+/).filter(Boolean)]),
]

export const listOption = (flags: string, description: string) =>
  new Option(flags, `${description} (repeatable)`).argParser(collect)

/** Options that take any value, with their help: `{ '--limit <n>': 'print at most n' }`. */
export const plainOptions = (options: Readonly<Record<string, string>>) =>
  Object.entries(options).map(([flags, help]) => new Option(flags, help))

export type Usage = Readonly<{
  /** The name and the arguments of the verb: `show <id>`. */
  usage: string
  /** The description, whose first sentence is the line in the help of the noun. */
  description: string
  /** The part of an example after the verb's name. */
  example: string
  options?: readonly Option[]
}>

/** A verb that sends no request to a registry. */
export function offlineVerb(
  noun: Command,
  { usage, description, example, options = [] }: Usage,
): Command {
  const added = noun
    .command(usage)
    .description(description)
    .summary(description.split('. ', 1)[0]?.replace(/\.$/, '') ?? '')
    .option('--json', 'print one JSON document and nothing else')
  for (const option of options) added.addOption(option)
  const words = [noun.parent ? noun.name() : '', added.name(), example].filter(Boolean)
  return added.addHelpText('after', `\nExample:\n  npm run --silent admin -- ${words.join(' ')}`)
}

const remoteOption = () =>
  new Option(
    '--remote',
    'work on the deployed registry (ISSUER), as the person who signed in with login, or as the client REGISTRY_CLIENT_ID',
  )

export const verb = (noun: Command, usage: Usage) =>
  offlineVerb(noun, { ...usage, options: [remoteOption(), ...(usage.options ?? [])] })

/** Is thrown by a command that has printed everything: the process ends with this status. */
export class Ended extends Error {
  readonly status: number

  constructor(status: number) {
    super(`ended with ${status}`)
    this.status = status
  }
}

/** Ends the command with one line and the status of wrong usage. */
export const refuseUsage = (command: Command, message: string): never =>
  command.error(`error: ${message}`, { exitCode: WRONG_USAGE })

/** The part of the result that programs (`--json`) and people read. The default is all of it. */
export type Printed<Done> = Readonly<{
  json?: (done: Done) => object
  people?: (done: Done) => object
}>

const allOfIt = <Done>(done: Done) => done

/** Prints what `work` returns in the form that the options ask for. `work` gets the registry that they name. */
export async function printFrom<Done extends object>(
  command: Command,
  io: Io,
  work: (api: ManagementApi) => Promise<Done>,
  { json = allOfIt, people = allOfIt }: Printed<Done> = {},
) {
  const form = command.opts<Form>()
  const done = await withApi({ ...io, remote: form.remote ?? false }, work)
  await printDocument(io, form, form.json ? json(done) : people(done))
}

export const printDocument = (io: Io, { json }: Form, document: object) =>
  writeOut(io, `${json ? printable(JSON.stringify(document)) : textForm(document)}\n`)

/** Settles when the reader has taken the text. */
export const writeOut = (io: Io, text: string) =>
  new Promise<void>((resolve, reject) =>
    io.stdout.write(text, (fault) => (fault ? reject(fault) : resolve())),
  )

export const note = (io: Io, line: string) => io.stderr.write(`note: ${printable(line)}\n`)
