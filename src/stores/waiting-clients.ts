/** Clients that wait for a decision on their requests. The client with the oldest request comes first. */

import { PERMISSION_TABLES } from './permission-rows.ts'

/** SQL: one row for each request. */
const requests = (which = '') =>
  PERMISSION_TABLES.map(
    ({ kind, table, column }) =>
      `SELECT client_id, requested_at, '${kind}' AS kind, ${column} AS value FROM ${table} WHERE authorized_at IS NULL${which}`,
  ).join(' UNION ALL ')
const REQUESTS = requests()
const OF_CLIENT = requests(' AND client_id = c.client_id')

/** SQL: at most `?2` clients after the place `?1`. Three indexes are merged, so that a page reads few rows. */
export const WAITING_CLIENTS = `SELECT q.client_id, q.requested_at FROM (${REQUESTS}) q
  WHERE (q.requested_at, q.client_id) > (?1 ->> 0, ?1 ->> 1) AND NOT EXISTS (SELECT 1 FROM (${REQUESTS}) o
    WHERE o.client_id = q.client_id AND (o.requested_at, o.kind, o.value) < (q.requested_at, q.kind, q.value))
  ORDER BY q.requested_at, q.client_id LIMIT ?2`

/** SQL: a JSON list of the first requests of the client `c`. */
export const firstRequests = (most: number) =>
  `(SELECT json_group_array(json_object('kind', kind, 'value', value)) FROM (${OF_CLIENT}
    ORDER BY requested_at, kind, value LIMIT ${most}))`
export const COUNT_REQUESTS = `(SELECT count(*) FROM (${OF_CLIENT}))`

/** The place at which a page of such clients ended: it is JSON, so that SQL can read it. */
export const placeOf = (requestedAt: number, clientId: string) =>
  JSON.stringify([requestedAt, clientId])

export const FIRST_PLACE = placeOf(0, '')

const FORM = /^\[\d{1,12},".*"\]$/s

/** Is the text a place? The statement would fail on any other text. */
export function isPlace(text: string): boolean {
  if (!FORM.test(text)) return false
  try {
    return (JSON.parse(text) as unknown[]).length === 2
  } catch {
    return false
  }
}
