/** Pages of records, ordered by id. Without an index for a filter, ids and names are read first, then matching records. */

import { bound, type Database } from './database.ts'
import type { Page } from './registration-ports.ts'

/** The most records on one page of the API. No more rows than this are in memory at a time. */
const KEYS_AT_ONCE = 200
/** The most reads of keys. With the other reads of a request they stay below the 50 that D1's free plan allows. */
const READS_OF_KEYS = 20

type Matching<KeyRow, Row, Found> = Readonly<{
  /** SQL for at most `?2` keys after `?1`, ordered by `cursorOf`. `parameters` are the parameters from `?3` on. */
  keys: string
  parameters?: readonly string[]
  /** The cursor after a row; the id if this member is missing. */
  cursorOf?: (row: KeyRow) => string
  matches: (row: KeyRow) => boolean
  /** SQL for the records whose ids are in `?1`, a JSON list, in the order of the list. */
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

/** If few of many records match, the page ends early, after the last key that was looked at. */
export async function pageOfMatching<KeyRow extends Readonly<{ id: string }>, Row, Found>(
  db: Database,
  matching: Matching<KeyRow, Row, Found>,
  after: string,
  rows: number,
): Promise<Page<Found>> {
  const {
    keys,
    parameters = [],
    cursorOf = ({ id }: KeyRow) => id,
    matches,
    records,
    read,
  } = matching
  const matched: KeyRow[] = []
  let next: string | null = after
  for (let reads = 0; next !== null && matched.length < rows && reads < READS_OF_KEYS; reads += 1) {
    const statement = bound(db, keys, next, KEYS_AT_ONCE, ...parameters)
    const { results } = await statement.all<KeyRow>()
    matched.push(...results.filter(matches))
    const last = results.at(-1)
    next = last !== undefined && results.length === KEYS_AT_ONCE ? cursorOf(last) : null
  }
  const page = matched.slice(0, rows)
  const last = page.at(-1)
  if (last === undefined) return { records: [], next }
  if (matched.length > rows) next = cursorOf(last)
  const ids = JSON.stringify(page.map(({ id }) => id))
  const { results } = await bound(db, records, ids).all<Row>()
  return { records: results.map(read), next }
}
