/** `import`: imports the clients of another registry through the management API. */

import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { Refusal } from '../local/refusal.ts'
import { filledSchema, requireValid } from '../protocol/registration/field.ts'
import { LostAnswer, type ManagementApi, ProblemRefusal } from './api.ts'
import type { ImportResult } from './arxiv/import-arxiv.ts'
import { type BadRow, TABLE_NAMES, TABLES } from './arxiv/tables.ts'
import { printable } from './text-form.ts'
import { type Form, type Io, note, plainOptions, printFrom, verb } from './verb.ts'

type Imported = Readonly<{ results: readonly ImportResult[] }>
type Options = Form & Readonly<{ dryRun?: boolean; owner?: string }>

/** Seconds before each further attempt: an import can be repeated, so a lost response need not end it. */
const WAITS_SECONDS = [1, 2, 4, 8]

const isPassing = (fault: unknown) =>
  fault instanceof LostAnswer || (fault instanceof ProblemRefusal && fault.status === 429)

const sender =
  (api: ManagementApi, isDryRun: boolean) =>
  async (clients: readonly unknown[]): Promise<readonly ImportResult[]> => {
    const body = { clients, ...(isDryRun && { dry_run: true }) }
    const call = { method: 'POST', path: '/imports', body, isRepeatable: true } as const
    const send = async ([seconds, ...more]: readonly number[]) => {
      try {
        return (await api.call<Imported>(call)).body.results
      } catch (fault) {
        if (seconds === undefined || !isPassing(fault)) throw fault
        await wait(seconds * 1000)
        return send(more)
      }
    }
    return send(WAITS_SECONDS)
  }

/** One line about the row: the table, its key or its line, the column, and the rule. */
function lineOf({ table, key, line, field, rule }: BadRow): string {
  const row = key === null ? '' : `, ${TABLES[table][0]} ${key}`
  const at = line === null ? '' : `, line ${line}`
  return `bad row: ${table}${row}${at}: ${field === null ? '' : `${field} `}${rule}`
}

async function runImport(
  io: Io,
  path: string,
  { dryRun = false, owner }: Options,
  command: Command,
) {
  const rules = {
    owner: owner === undefined ? null : requireValid(filledSchema(1000), owner, 'owner_id'),
    now: new Date().toISOString(),
  }
  let leftOut = 0
  const { importArxiv } = await import('./arxiv/import-arxiv.ts')
  const work = async (api: ManagementApi) => {
    const { notImported, badRows, ...counts } = await importArxiv(path, rules, {
      send: sender(api, dryRun),
      report: (bad) => io.stderr.write(`${printable(lineOf(bad))}\n`),
      progress: (line) => note(io, line),
      clock: Date.now,
    })
    leftOut = badRows
    return { dry_run: dryRun, ...counts, not_imported: notImported, bad_rows: badRows }
  }
  await printFrom(command, io, work)
  if (leftOut > 0) throw new Refusal(`rows left out: ${leftOut}, each in a line above`)
}

export function addImportCommands(program: Command, io: Io) {
  const noun = program
    .command('import')
    .description('Clients of another registry: import them with their ids and secrets')
  const files = TABLE_NAMES.map((name) => `${name}.csv`).join(', ')
  verb(noun, {
    usage: 'arxiv <path>',
    description:
      'Import the clients of the original arXiv API client registry, with their ids, secrets, redirect URIs, scopes and ' +
      'grant types, and the dates of these. <path> is its SQLite file, an SQL dump (MySQL, MariaDB, SQLite), or a ' +
      `directory of CSV files with the names of the columns in the first row: ${files}. ` +
      'A bad row is reported on standard error and stops nothing else. A client that is there already stays as it is, ' +
      'so an import that ended early is continued by the same command.',
    example: 'registry.sql --dry-run',
    options: plainOptions({
      '--dry-run': 'say what the import would do, and write nothing',
      '--owner <id>':
        'the owner of clients without an owner; without this option they are left out',
    }),
  }).action((path: string, options: Options, command: Command) =>
    runImport(io, path, options, command),
  )
}
