/** Pages of records, ordered by id. A filter without an index reads the ids and names first, then the records that match. */

import type { Database } from './database.ts'
import type { Page } from './registration-ports.ts'

/** One page of the API has no more records, and so no more rows are in memory at a time. */
const KEYS_AT_ONCE = 200
/** With the other reads of a request, fewer than D1 allows a request on the free plan (50). */
const READS_OF_KEYS = 20

type Matching<KeyRow, Row, Found> = Readonly<{
  /** SQL for at most `?2` keys after the id `?1`, ordered by id. `parameters` are the parameters from `?3` on. */
  keys: string
  parameters: readonly string[]
  idOf: (row: KeyRow) => string
  matches: (row: KeyRow) => boolean
  /** SQL for the records whose ids are in `?1`, a JSON list, ordered by id. */
  records: string
  read: (row: Row) => Found
}>

/** A full page is followed by another, which may be empty. */
export const pageOfAll = <Found>(
  records: readonly Found[],
  rows: number,
  idOf: (record: Found) => string,
): Page<Found> => {
  const last = records.at(-1)
  return { records, next: last !== undefined && records.length === rows ? idOf(last) : null }
}

/** The page ends early, with the last id that was looked at as `next`, if few of many records match. */
export async function pageOfMatching<KeyRow, Row, Found>(
  db: Database,
  { keys, parameters, idOf, matches, records, read }: Matching<KeyRow, Row, Found>,
  after: string,
  rows: number,
): Promise<Page<Found>> {
  const ids: string[] = []
  let next: string | null = after
  for (let reads = 0; next !== null && ids.length < rows && reads < READS_OF_KEYS; reads += 1) {
    const statement = db.prepare(keys).bind(next, KEYS_AT_ONCE, ...parameters)
    const { results } = await statement.all<KeyRow>()
    ids.push(...results.filter(matches).map(idOf))
    const last = results.at(-1)
    next = last !== undefined && results.length === KEYS_AT_ONCE ? idOf(last) : null
  }
  if (ids.length > rows) next = ids[rows - 1] ?? null
  if (ids.length === 0) return { records: [], next }
  const wanted = JSON.stringify(ids.slice(0, rows))
  const found = await db.prepare(records).bind(wanted).all<Row>()
  return { records: found.results.map(read), next }
}
