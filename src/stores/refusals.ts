/** Refusals in D1: the cause of each, for the operator, for a day. */

import type { Database } from './database.ts'
import type { RefusalStore, Refused } from './ports.ts'

export type RefusalRow = {
  refusal_id: string
  refused_at: number
  endpoint: string
  error: string
  detail: string
  client_id: string | null
}

export const INSERT_REFUSAL = `INSERT INTO refusal (refusal_id, refused_at, endpoint, error, detail, client_id)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING`
export const FIND_REFUSAL = `SELECT refusal_id, refused_at, endpoint, error, detail, client_id
  FROM refusal WHERE refusal_id = ?1 AND refused_at > ?2`

/** For the owners of the client that the request named. */
export const FIND_REFUSAL_OF_CLIENT = `SELECT refusal_id, refused_at, endpoint, error, detail, client_id
  FROM refusal WHERE refusal_id = ?1 AND refused_at > ?2 AND client_id = ?3`

export const KEEP_REFUSALS_SECONDS = 86_400

export const readRefusalRow = (row: RefusalRow): Refused => ({
  correlationId: row.refusal_id,
  refusedAt: row.refused_at,
  endpoint: row.endpoint,
  error: row.error,
  detail: row.detail,
  clientId: row.client_id,
})

export const refusalStore = (db: Database): RefusalStore => ({
  async record({ correlationId, refusedAt, endpoint, error, detail, clientId }) {
    await db
      .prepare(INSERT_REFUSAL)
      .bind(correlationId, refusedAt, endpoint, error, detail, clientId)
      .run()
  },
  async find(correlationId, now): Promise<Refused | null> {
    const row = await db
      .prepare(FIND_REFUSAL)
      .bind(correlationId, now - KEEP_REFUSALS_SECONDS)
      .first<RefusalRow>()
    return row && readRefusalRow(row)
  },
})
