/** Refusals in D1: the cause of each refusal is stored for a day, for the operator. */

import { bound, type Database } from './database.ts'

/** One refusal, for the operator. Instants in epoch seconds. */
export type Refused = Readonly<{
  correlationId: string
  refusedAt: number
  /** The method and the path of the request. */
  endpoint: string
  error: string
  /** The cause. Never contains a secret. */
  detail: string
  /** The client id as the request presented it, not verified; null if the request presented none. */
  clientId: string | null
}>

export const INSERT_REFUSAL = `INSERT INTO refusal (refusal_id, refused_at, endpoint, error, detail, client_id)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING`
export const FIND_REFUSAL = `SELECT refusal_id AS correlationId, refused_at AS refusedAt, endpoint, error, detail,
    client_id AS clientId
  FROM refusal WHERE refusal_id = ?1 AND refused_at > ?2`

/** The same statement for the owners of the client that the request named. */
export const FIND_REFUSAL_OF_CLIENT = `${FIND_REFUSAL} AND client_id = ?3`

export const KEEP_REFUSALS_SECONDS = 86_400

export type RefusalStore = ReturnType<typeof refusalStore>

export const refusalStore = (db: Database) => ({
  /** A lost write is harmless. */
  async record(refused: Refused): Promise<void> {
    const { correlationId, refusedAt, endpoint, error, detail, clientId } = refused
    const values = [correlationId, refusedAt, endpoint, error, detail, clientId]
    await bound(db, INSERT_REFUSAL, ...values).run()
  },
  /** Null if the refusal was not recorded, or if it is more than a day old. */
  find: (correlationId: string, now: number) =>
    bound(db, FIND_REFUSAL, correlationId, now - KEEP_REFUSALS_SECONDS).first<Refused>(),
})
