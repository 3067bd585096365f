/** The audit in D1: each act has a row, which is written in the batch of the act. */

import { type AuditEntry, userActor } from '../domain/audit.ts'
import { bound, D1_NOW, type Database, type RowOf, rowReader } from './database.ts'

/** A filter; an absent field does not filter. */
type AuditQuery = Readonly<{
  clientId?: string | undefined
  userId?: string | undefined
  event?: string | undefined
  /** Epoch seconds. */
  since?: number | undefined
}>

/** `auditId` orders the entries of one second. */
export type StoredEntry = AuditEntry & Readonly<{ auditId: number }>

/** Writes a row only if the statement before it in the batch changed a row: an act without effect is not recorded. */
export const RECORD_IF_CHANGED = `INSERT INTO audit (happened_at, actor, event, client_id, user_id, detail)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE changes() > 0`
/** Must run before the consent is deleted. Writes nothing if there is no consent. */
export const RECORD_REMOVAL = `INSERT INTO audit (happened_at, actor, event, client_id, user_id, detail)
  SELECT ${D1_NOW}, ?1, 'consent.remove', client_id, user_id, json_object('scopes', json_array(scopes))
  FROM consent WHERE user_id = ?2 AND client_id = ?3`

/** The newest entry comes first; all entries are older than `?1` and `?2`. */
const pageOf = (
  which: string,
) => `SELECT audit_id AS auditId, happened_at AS happenedAt, actor, event, client_id AS clientId, user_id AS userId, detail
  FROM audit WHERE ${which} AND (happened_at, audit_id) < (?1, ?2) AND happened_at >= ?3
    AND (?4 IS NULL OR client_id = ?4) AND (?5 IS NULL OR user_id = ?5) AND (?6 IS NULL OR event = ?6)
  ORDER BY happened_at DESC, audit_id DESC LIMIT ?7`
/** Each index has a statement of its own. */
export const PAGE_OF_CLIENT = pageOf('client_id = ?4')
export const PAGE_OF_USER = pageOf('user_id = ?5')
export const PAGE_OF_EVENT = pageOf('event = ?6')
export const PAGE_OF_ALL = pageOf('true')

/** A position after every entry. */
const NOT_YET = { happenedAt: Number.MAX_SAFE_INTEGER, auditId: Number.MAX_SAFE_INTEGER }

export const recordStatement = (db: Database, entry: AuditEntry) => {
  const { happenedAt, actor, event, clientId, userId, detail } = entry
  return bound(
    db,
    RECORD_IF_CHANGED,
    happenedAt,
    actor,
    event,
    clientId,
    userId,
    JSON.stringify(detail),
  )
}

export const removalStatement = (db: Database, userId: string, clientId: string) =>
  bound(db, RECORD_REMOVAL, userActor(userId), userId, clientId)

const statementFor = (asked: AuditQuery) => {
  if (asked.clientId !== undefined) return PAGE_OF_CLIENT
  if (asked.userId !== undefined) return PAGE_OF_USER
  return asked.event === undefined ? PAGE_OF_ALL : PAGE_OF_EVENT
}

const readStored = rowReader<StoredEntry>({ detail: 'json' })

export type AuditReader = ReturnType<typeof auditReader>

export const auditReader = (db: Database) => ({
  /** At most `rows` entries older than `last`. The newest entry comes first. */
  async page(
    asked: AuditQuery,
    last: Pick<StoredEntry, 'happenedAt' | 'auditId'> | undefined,
    rows: number,
  ): Promise<readonly StoredEntry[]> {
    const { happenedAt, auditId } = last ?? NOT_YET
    const { clientId = null, userId = null, event = null, since = 0 } = asked
    const values = [happenedAt, auditId, since, clientId, userId, event, rows]
    const { results } = await bound(db, statementFor(asked), ...values).all<RowOf<StoredEntry>>()
    return results.map(readStored)
  },
})
