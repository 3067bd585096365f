/** What the audit has of a client, in D1, the newest first, each entry with the person who acted. */

import type { AuditEntry } from '../domain/audit.ts'
import type { Owner } from './portal.ts'

/** A longer detail is left out, because a page has many entries. */
const MAX_DETAIL = 8000

/** SQL: the users that a change of the owners names, as JSON. */
const PEOPLE = `(SELECT json_group_array(json_object('userId', p.value, 'username', pu.username, 'seenName', pe.username_key))
    FROM json_each(json_insert(coalesce(slice.detail -> 'further_owners', '[]'),
      '$[#]', slice.detail ->> 'user_id', '$[#]', slice.detail ->> 'owner_id')) p
    LEFT JOIN user pu ON pu.user_id = p.value LEFT JOIN external_user pe ON pe.user_id = p.value WHERE p.value <> '')`

/** SQL: `more` is a condition on the rows, `slice` a LIMIT. The person is named at the end of the actor. */
export const historyOf = (
  more: string,
  slice: string,
) => `SELECT slice.*, u.username, e.username_key AS seen_name, ${PEOPLE} AS people FROM (
    SELECT audit_id, happened_at, actor, event, iif(length(detail) <= ${MAX_DETAIL}, detail, '{}') AS detail,
      iif(actor LIKE 'user:%', substr(actor, 6),
        iif(actor LIKE 'client:% user:%', substr(actor, instr(actor, ' user:') + 6), NULL)) AS person
    FROM audit WHERE client_id = ?1 AND event GLOB 'client.*' AND ${more} ORDER BY audit_id DESC ${slice}) slice
  LEFT JOIN user u ON u.user_id = slice.person LEFT JOIN external_user e ON e.user_id = slice.person
  ORDER BY slice.audit_id DESC`

/** `person`: null if none acted. `people`: those whom the detail names as owners. */
export type HistoryEntry = Pick<AuditEntry, 'happenedAt' | 'actor' | 'event' | 'detail'> &
  Readonly<{ auditId: number; person: Owner | null; people: readonly Owner[] }>

export type HistoryRow = {
  audit_id: number
  happened_at: number
  actor: string
  event: AuditEntry['event']
  detail: string
  person: string | null
  people: string
  username: string | null
  seen_name: string | null
}

export const readPerson = (
  userId: string | null,
  { username, seen_name }: Pick<HistoryRow, 'username' | 'seen_name'>,
): Owner | null =>
  userId === null || userId === '' ? null : { userId, username, seenName: seen_name }

export const readEntry = (row: HistoryRow): HistoryEntry => ({
  auditId: row.audit_id,
  happenedAt: row.happened_at,
  actor: row.actor,
  event: row.event,
  detail: JSON.parse(row.detail) as AuditEntry['detail'],
  person: readPerson(row.person, row),
  people: JSON.parse(row.people) as Owner[],
})
