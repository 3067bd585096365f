/** Imports the clients of the original registry: groups the rows by client, sends 200 clients at a time, and reports. */

import type { ClientImport } from '../../protocol/registration/client-import.ts'
import { importRow, type Rules } from './client-rows.ts'
import { readSource } from './source.ts'
import { type StagedRow, Staging } from './staging.ts'
import { type BadRow, badRow } from './tables.ts'

/** The results that the API returns for the sent clients, in the order of the clients. */
export type ImportResult = Readonly<{
  outcome: 'created' | 'unchanged' | 'refused'
  problem?: Readonly<{ detail: string }> | undefined
}>

type Importer = Readonly<{
  /** Sends the clients. The call may be repeated with the same clients. */
  send: (clients: readonly ClientImport[]) => Promise<readonly ImportResult[]>
  report: (bad: BadRow) => void
  progress: (line: string) => void
  /** Epoch milliseconds. */
  clock: () => number
}>

/** Rows that were left out are counted in `badRows`, and the clients among them in `notImported`. */
type Summary = Readonly<{
  clients: number
  created: number
  unchanged: number
  notImported: number
  badRows: number
}>

/** The limits of one request to the API. */
const MAX_CLIENTS = 200
const MAX_CHARACTERS = 250_000
const ROWS_A_LINE = 100_000
const CLIENTS_A_LINE = 5_000

const written = (count: number) => count.toLocaleString('en-US')

async function stageAll(path: string, staging: Staging, { report, progress }: Importer) {
  let rows = 0
  for await (const found of readSource(path)) {
    if (found.kind === 'table') continue
    const bad = staging.add(found)
    if (bad) report(bad)
    rows++
    if (rows % ROWS_A_LINE === 0) progress(`${written(rows)} rows are read`)
  }
  staging.index()
  for (const orphan of staging.orphans()) report(orphan)
}

type Waiting = Readonly<{ row: ClientImport; from: StagedRow }>

function* batchesOf(waiting: Iterable<Waiting>): Generator<readonly Waiting[]> {
  let batch: Waiting[] = []
  let characters = 0
  for (const one of waiting) {
    const length = JSON.stringify(one.row).length
    if (
      batch.length === MAX_CLIENTS ||
      (batch.length > 0 && characters + length > MAX_CHARACTERS)
    ) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(one)
    characters += length
  }
  if (batch.length > 0) yield batch
}

async function sendAll(
  waiting: Iterable<Waiting>,
  clientCount: number,
  { send, report, progress, clock }: Importer,
) {
  const counts = { created: 0, unchanged: 0, refused: 0 }
  const startedAt = clock()
  let sent = 0
  for (const batch of batchesOf(waiting)) {
    const results = await send(batch.map(({ row }) => row))
    for (const [index, { outcome, problem }] of results.entries()) {
      counts[outcome]++
      const from = batch[index]?.from
      if (outcome === 'refused' && from) report(badRow(from, null, problem?.detail ?? 'is refused'))
    }
    const isDue = sent % CLIENTS_A_LINE >= CLIENTS_A_LINE - batch.length
    sent += batch.length
    if (isDue) {
      const speed = written(Math.round((sent / (clock() - startedAt)) * 1000))
      progress(`${written(sent)} of ${written(clientCount)} clients, ${speed} a second`)
    }
  }
  return counts
}

/** Throws a Refusal, before anything is sent, if the file cannot be read as a whole. */
export async function importArxiv(
  path: string,
  rules: Rules,
  importer: Importer,
): Promise<Summary> {
  const staging = new Staging()
  let notImported = 0
  let badRows = 0
  const report = (bad: BadRow) => {
    badRows++
    importer.report(bad)
  }
  function* rows(): Generator<Waiting> {
    for (const staged of staging.clients()) {
      const row = importRow(staged, rules, report)
      if (row) yield { row, from: staged.client[0] }
      else notImported++
    }
  }
  try {
    await stageAll(path, staging, { ...importer, report })
    const clients = staging.clientCount
    const { refused, ...done } = await sendAll(rows(), clients, { ...importer, report })
    return { clients, ...done, notImported: notImported + refused, badRows }
  } finally {
    staging.close()
  }
}
