/** The audit entries about a client, in D1. The newest comes first, and each names the person who acted. */

import type { AuditEntry } from '../domain/audit.ts'
import { rowReader } from './database.ts'
import { named, type Owner, ownerJson } from './shown-client.ts'

/** A longer detail is left out, because a page has many entries. */
const MAX_DETAIL_LENGTH = 8000

/** SQL: the users that a change of the owners names, as JSON. */
const PEOPLE = `(SELECT json_group_array(json_object('userId', p.value, 'username', pu.username, 'seenName', pe.username_key))
    FROM json_each(json_insert(coalesce(slice.detail -> 'further_owners', '[]'),
      '$[#]', slice.detail ->> 'user_id', '$[#]', slice.detail ->> 'owner_id')) p
    LEFT JOIN user pu ON pu.user_id = p.value LEFT JOIN external_user pe ON pe.user_id = p.value WHERE p.value <> '')`

/** SQL: `more` is a condition on the rows, `slice` a LIMIT. The end of the actor's text names the person. */
export const historyOf = (
  more: string,
  slice: string,
) => `SELECT slice.auditId, slice.happenedAt, slice.actor, slice.event, slice.detail, ${ownerJson('slice.person')} AS person,
    ${PEOPLE} AS people FROM (
    SELECT audit_id AS auditId, happened_at AS happenedAt, actor, event, iif(length(detail) <= ${MAX_DETAIL_LENGTH}, detail, '{}') AS detail,
      iif(actor LIKE 'user:%', substr(actor, 6),
        iif(actor LIKE 'client:% user:%', substr(actor, instr(actor, ' user:') + 6), NULL)) AS person
    FROM audit WHERE client_id = ?1 AND event GLOB 'client.*' AND ${more} ORDER BY audit_id DESC ${slice}) slice
  ${named('slice.person')}
  ORDER BY slice.auditId DESC`

/** `person`: null if no person acted. `people`: the people whom the detail names as owners. */
export type HistoryEntry = Pick<AuditEntry, 'happenedAt' | 'actor' | 'event' | 'detail'> &
  Readonly<{ auditId: number; person: Owner | null; people: readonly Owner[] }>

export const readEntry = rowReader<HistoryEntry>({ detail: 'json', person: 'json', people: 'json' })
