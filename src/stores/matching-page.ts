/** A page of records that match a filter without an index: reads the keys first, then the records of the matching keys. */

import type { Database } from './database.ts'

/** Keys are small, so one read returns many. */
const KEYS_AT_ONCE = 2000

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

export async function pageOfMatching<KeyRow, Row, Found>(
  db: Database,
  { keys, parameters, idOf, matches, records, read }: Matching<KeyRow, Row, Found>,
  after: string,
  rows: number,
): Promise<Found[]> {
  const ids: string[] = []
  let last = after
  for (let isMore = true; isMore && ids.length < rows; ) {
    const { results } = await db
      .prepare(keys)
      .bind(last, KEYS_AT_ONCE, ...parameters)
      .all<KeyRow>()
    ids.push(...results.filter(matches).map(idOf))
    const end = results.at(-1)
    isMore = end !== undefined && results.length === KEYS_AT_ONCE
    if (end !== undefined) last = idOf(end)
  }
  if (ids.length === 0) return []
  const wanted = JSON.stringify(ids.slice(0, rows))
  return (await db.prepare(records).bind(wanted).all<Row>()).results.map(read)
}
