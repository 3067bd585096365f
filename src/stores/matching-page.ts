/** A page of records that match what no index knows: their keys are gone through first, the records follow. */

import type { Database } from './database.ts'

/** Keys are small: one answer carries many. */
const KEYS_AT_ONCE = 2000

export type Matching<KeyRow> = Readonly<{
  /** In the order of their ids, those after `?1`: at most `?2`. Further parameters are `parameters`. */
  keys: string
  parameters: readonly string[]
  idOf: (row: KeyRow) => string
  matches: (row: KeyRow) => boolean
  /** By ids, `?1`, a JSON list; in the order of the ids. */
  records: string
}>

export async function pageOfMatching<KeyRow, Row>(
  db: Database,
  { keys, parameters, idOf, matches, records }: Matching<KeyRow>,
  after: string,
  rows: number,
): Promise<Row[]> {
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
  return (await db.prepare(records).bind(wanted).all<Row>()).results
}
