/** What the verbs of the command line have in common: their options, their storage and their output. */

import { type Command, Option } from 'commander'
import type { Environment } from '../local/project.ts'
import type { Call, ManagementApi } from './api.ts'
import { withApi } from './reach.ts'
import { printable, textForm } from './text-form.ts'

/** Standard input and output, and the environment. */
export type Io = Readonly<{
  stdout: { write(text: string, done?: (fault?: Error | null) => void): unknown }
  stderr: { write(text: string): unknown }
  stdin: AsyncIterable<Uint8Array | string>
  env: Environment
}>

/** The options of every verb. */
export type Form = Readonly<{ json?: boolean; remote?: boolean }>

/** What the process ends with. */
export const DONE = 0
export const FAILED = 1
export const WRONG_USAGE = 2

/** The words of a repeatable option: repeated, or separated by spaces inside one value. */
const collect = (value: string, before: readonly string[] | undefined) => [
  ...new Set([...(before ?? []), ...value.split(/\s+/).filter(Boolean)]),
]

export const listOption = (flags: string, description: string) =>
  new Option(flags, `${description} (repeatable)`).argParser(collect)

/** A verb that asks no registry. */
export const offlineVerb = (noun: Command, usage: string, description: string, example: string) =>
  noun
    .command(usage)
    .description(description)
    .summary(`${description.split('. ', 1)[0]?.replace(/\.$/, '')}`)
    .option('--json', 'print one JSON document and nothing else')
    .addHelpText(
      'after',
      `\nExample:\n  npm run --silent admin -- ${noun.parent ? `${noun.name()} ` : ''}${example}`,
    )

export const verb = (noun: Command, usage: string, description: string, example: string) =>
  offlineVerb(noun, usage, description, example).option(
    '--remote',
    'work on the deployed registry (ISSUER), as who signed in with login, or with REGISTRY_CLIENT_ID',
  )

/** Thrown by a command that has said all: the process ends with this status. */
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

/** What is printed of what a command did: a document with `--json`, and what people read. */
export type Printed<Done> = Readonly<{
  document: (done: Done) => object
  /** The document, unless people read more or less of it. */
  forPeople?: (done: Done) => object
}>

export const asItIs: Printed<object> = { document: (done) => done }

/** Prints what `work` returns, in the form and from the registry that the options ask for. */
export async function printFrom<Done>(
  command: Command,
  io: Io,
  work: (api: ManagementApi) => Promise<Done>,
  { document, forPeople = document }: Printed<Done>,
) {
  const { json = false, remote = false } = command.opts<Form>()
  const done = await withApi({ remote, env: io.env }, work)
  const text = json ? printable(JSON.stringify(document(done))) : textForm(forPeople(done))
  await writeOut(io, `${text}\n`)
}

/** Prints what the API returns. */
export const printRead = (command: Command, io: Io, call: Call) =>
  printFrom(command, io, async (api) => (await api.call<object>(call)).body, asItIs)

/** Settles when the reader has taken the text. */
export const writeOut = (io: Io, text: string) =>
  new Promise<void>((resolve, reject) =>
    io.stdout.write(text, (fault) => (fault ? reject(fault) : resolve())),
  )

export const note = (io: Io, line: string) => io.stderr.write(`note: ${printable(line)}\n`)
