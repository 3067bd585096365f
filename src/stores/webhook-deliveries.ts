/** What the webhook has yet to tell, in D1. Triggers of the schema write the rows, in the batch of the change. */

import {
  KEEP_DELIVERY_SECONDS,
  RETRY_AFTER_SECONDS,
  type WebhookDelivery,
} from '../domain/webhook.ts'
import { D1_NOW } from './d1-clock.ts'
import type { Database } from './database.ts'
import type { WebhookDeliveryStore } from './webhook-ports.ts'

/** SQL: later than the moment at which a delivery is dropped. */
const NEVER = `created_at + 2 * ${KEEP_DELIVERY_SECONDS}`

/** `?2` lists the seconds after each attempt. */
export const CLAIM_DELIVERIES = `UPDATE webhook_delivery SET attempts = attempts + 1,
    attempt_at = coalesce(${D1_NOW} + (?2 ->> attempts), ${NEVER})
  WHERE webhook_id IN (SELECT webhook_id FROM webhook_delivery WHERE attempt_at <= ${D1_NOW} ORDER BY attempt_at LIMIT ?1)
  RETURNING webhook_id, event, client_id, client_name, client_kind, permissions, actor, created_at, attempts`
export const FORGET_DELIVERIES = `DELETE FROM webhook_delivery WHERE webhook_id IN (SELECT value FROM json_each(?1))`
/** `?1` lists ids, each with what failed and whether it was the last attempt. */
export const NOTE_FAILURES = `UPDATE webhook_delivery SET failure = j.value ->> 1, attempt_at = iif(j.value ->> 2, ${NEVER}, attempt_at)
  FROM json_each(?1) j WHERE webhook_id = j.value ->> 0`

type DeliveryRow = {
  webhook_id: string
  event: WebhookDelivery['event']
  client_id: string
  client_name: string
  client_kind: WebhookDelivery['clientKind']
  permissions: string
  actor: string
  created_at: number
  attempts: number
}

const readDelivery = (row: DeliveryRow): WebhookDelivery => ({
  webhookId: row.webhook_id,
  event: row.event,
  clientId: row.client_id,
  clientName: row.client_name,
  clientKind: row.client_kind,
  told: JSON.parse(row.permissions) as WebhookDelivery['told'],
  actor: row.actor,
  createdAt: row.created_at,
  attempts: row.attempts,
})

export const webhookDeliveryStore = (db: Database): WebhookDeliveryStore => ({
  async claim(rows) {
    const { results } = await db
      .prepare(CLAIM_DELIVERIES)
      .bind(rows, JSON.stringify(RETRY_AFTER_SECONDS))
      .all<DeliveryRow>()
    return results.map(readDelivery)
  },
  async settle(attempts) {
    const accepted = attempts.filter(({ failure }) => failure === null)
    const failed = attempts.filter(({ failure }) => failure !== null)
    const failures = failed.map(({ webhookId, failure, isLast }) => [webhookId, failure, isLast])
    await db.batch([
      db.prepare(FORGET_DELIVERIES).bind(JSON.stringify(accepted.map((one) => one.webhookId))),
      db.prepare(NOTE_FAILURES).bind(JSON.stringify(failures)),
    ])
  },
})
