/** What the webhook sends: the headers and the body of Standard Webhooks (https://www.standardwebhooks.com). */

import type { WebhookDelivery } from '../domain/webhook.ts'
import { isoTime } from './registration/field.ts'

/** Where the requests wait for an approver. */
const APPROVALS_PATH = '/approvals'

/** The id of the person, also behind a client of the management API. Null for a program. */
const userIn = (actor: string) => /(?:^| )user:(.+)$/.exec(actor)?.[1] ?? null

export function webhookBody(delivery: WebhookDelivery, issuer: string): string {
  const { told } = delivery
  return JSON.stringify({
    type: delivery.event,
    timestamp: isoTime(delivery.createdAt),
    data: {
      client_id: delivery.clientId,
      client_name: delivery.clientName,
      client_kind: delivery.clientKind,
      ...(delivery.event.startsWith('listing.') ? told[0] : { permissions: told }),
      actor: delivery.actor,
      user_id: userIn(delivery.actor),
      approvals_url: issuer + APPROVALS_PATH,
    },
  })
}

export const webhookHeaders = (webhookId: string, timestamp: number, signature: string) => ({
  'webhook-id': webhookId,
  'webhook-timestamp': String(timestamp),
  'webhook-signature': signature,
})
