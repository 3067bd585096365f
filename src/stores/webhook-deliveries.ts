/** Events that wait for the webhook, in D1. Triggers of the schema write the rows in the batch of the change. */

import {
  KEEP_DELIVERY_SECONDS,
  RETRY_AFTER_SECONDS,
  type WebhookDelivery,
} from '../domain/webhook.ts'
import { bound, D1_NOW, type Database, type RowOf, rowReader, rowsIn } from './database.ts'

export type Attempt = Readonly<{
  webhookId: string
  /** Null if the delivery was accepted. Otherwise the end of a sentence that begins with the address. */
  failure: string | null
  isLast: boolean
}>

/** SQL: a moment that is later than the one at which a delivery is dropped. */
const NEVER = `created_at + 2 * ${KEEP_DELIVERY_SECONDS}`

/** `?2` lists the seconds to wait after each attempt. */
export const CLAIM_DELIVERIES = `UPDATE webhook_delivery SET attempts = attempts + 1,
    attempt_at = coalesce(${D1_NOW} + (?2 ->> attempts), ${NEVER})
  WHERE webhook_id IN (SELECT webhook_id FROM webhook_delivery WHERE attempt_at <= ${D1_NOW} ORDER BY attempt_at LIMIT ?1)
  RETURNING webhook_id AS webhookId, event, client_id AS clientId, client_name AS clientName, client_kind AS clientKind,
    permissions AS told, actor, created_at AS createdAt, attempts`
export const FORGET_DELIVERIES = `DELETE FROM webhook_delivery WHERE webhook_id IN (SELECT value FROM json_each(?1))`
/** `?1` lists ids, each with the failure and with whether the attempt was the last. */
export const NOTE_FAILURES = `UPDATE webhook_delivery SET failure = j.value ->> 1, attempt_at = iif(j.value ->> 2, ${NEVER}, attempt_at)
  FROM json_each(?1) j WHERE webhook_id = j.value ->> 0`

const readDelivery = rowReader<WebhookDelivery>({ told: 'json' })

export type WebhookDeliveryStore = ReturnType<typeof webhookDeliveryStore>

/** Instants in epoch seconds, by D1's clock. */
export const webhookDeliveryStore = (db: Database) => ({
  /**
   * Begins an attempt of at most `rows` deliveries that are due. The delivery that has been due longest comes first. Only one
   * of several simultaneous calls gets a delivery. The statement also plans the next attempt, so a call that fails afterwards
   * loses nothing.
   */
  async claim(rows: number): Promise<readonly WebhookDelivery[]> {
    const claim = bound(db, CLAIM_DELIVERIES, rows, JSON.stringify(RETRY_AFTER_SECONDS))
    return rowsIn<RowOf<WebhookDelivery>>(await claim.all()).map(readDelivery)
  },
  /** Deletes the accepted deliveries. Failed deliveries wait for their next attempt. */
  async settle(attempts: readonly Attempt[]): Promise<void> {
    const accepted = attempts.filter(({ failure }) => failure === null)
    const failed = attempts.filter(({ failure }) => failure !== null)
    const failures = failed.map(({ webhookId, failure, isLast }) => [webhookId, failure, isLast])
    await db.batch([
      bound(db, FORGET_DELIVERIES, JSON.stringify(accepted.map((one) => one.webhookId))),
      bound(db, NOTE_FAILURES, JSON.stringify(failures)),
    ])
  },
})
