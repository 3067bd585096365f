/** What the verbs of the command line have in common: their options, their database and their output. */

import { type Command, Option } from 'commander'
import type { Database } from '../stores/database.ts'
import { withDatabase } from './open-database.ts'
import { textForm } from './text-form.ts'

/** The world outside, as the command line sees it. */
export type Io = Readonly<{
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
  stdin: AsyncIterable<Uint8Array | string>
  env: Readonly<Record<string, string | undefined>>
}>

const WRONG_USAGE = 2

/** The words of a repeatable option: repeated, or separated by spaces inside one value. */
const collect = (value: string, before: readonly string[] | undefined) => [
  ...new Set([...(before ?? []), ...value.split(/\s+/).filter(Boolean)]),
]

export const listOption = (flags: string, description: string) =>
  new Option(flags, `${description} (repeatable)`).argParser(collect)

export const verb = (noun: Command, usage: string, description: string, example: string) =>
  noun
    .command(usage)
    .description(description)
    .summary(`${description.split('. ', 1)[0]?.replace(/\.$/, '')}`)
    .option('--json', 'print one JSON document and nothing else')
    .option(
      '--remote',
      'work on the deployed database, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID',
    )
    .addHelpText(
      'after',
      `\nExample:\n  npm run --silent admin -- ${noun.parent ? `${noun.name()} ` : ''}${example}`,
    )

/** Ends the command with one line and the status of wrong usage. */
export const refuseUsage = (command: Command, message: string): never =>
  command.error(`error: ${message}`, { exitCode: WRONG_USAGE })

/** Works on the database that was asked for and prints the answer in the form that was asked for. */
export async function answer(
  command: Command,
  io: Io,
  work: (db: Database, now: number) => Promise<unknown>,
) {
  const { json = false, remote = false } = command.opts<{ json?: boolean; remote?: boolean }>()
  const now = Math.floor(Date.now() / 1000)
  const document = await withDatabase({ remote, env: io.env }, (db) => work(db, now))
  io.stdout.write(`${json ? JSON.stringify(document) : textForm(document)}\n`)
}
