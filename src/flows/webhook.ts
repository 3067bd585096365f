/**
 * Sends requests and decisions to the webhook in the format of Standard Webhooks (https://www.standardwebhooks.com): sends
 * the deliveries that wait in D1, and deletes the deliveries that the receiver has accepted.
 */

import { type WebhookSecret, webhookSignature } from '../crypto/webhook-signature.ts'
import type { WebhookDelivery } from '../domain/webhook.ts'
import type { PostBounded, Posted } from '../protocol/outbound.ts'
import { isoTime } from '../protocol/registration/field.ts'
import type { Attempt, WebhookDeliveryStore } from '../stores/webhook-deliveries.ts'

/** A Worker keeps at most six connections open. */
const AT_ONCE = 5
/** The deadline is shorter than the time until the second attempt, so that two attempts never run at once. */
const DEADLINE_SECONDS = 10
const MAX_ROUNDS = 20

export type WebhookDeps = Readonly<{
  url: string
  secrets: readonly WebhookSecret[]
  issuer: string
  deliveries: WebhookDeliveryStore
  postBounded: PostBounded
  /** Epoch milliseconds. */
  nowMs: () => number
  log: (event: string, line: Readonly<Record<string, unknown>>) => void
}>

const APPROVALS_PATH = '/approvals'

/** The id of the person who acted, also through a client of the management API. Null for a program. */
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

async function send(delivery: WebhookDelivery, deps: WebhookDeps): Promise<Posted> {
  const { webhookId } = delivery
  const body = webhookBody(delivery, deps.issuer)
  const timestamp = Math.floor(deps.nowMs() / 1000)
  const signature = await webhookSignature(deps.secrets, { webhookId, timestamp, body })
  return deps.postBounded({
    url: deps.url,
    body,
    mediaType: 'application/json',
    headers: {
      'webhook-id': webhookId,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature,
    },
    deadlineSeconds: DEADLINE_SECONDS,
  })
}

async function attempt(delivery: WebhookDelivery, deps: WebhookDeps): Promise<Attempt> {
  const { webhookId, attempts } = delivery
  const posted = await send(delivery, deps)
  if (posted.kind === 'accepted') return { webhookId, failure: null, isLast: true }
  const { reason: failure, isGone: isLast } = posted
  deps.log('webhook_failed', { webhookId, attempts, why: failure })
  return { webhookId, failure, isLast }
}

/**
 * Sends what is due, a few deliveries at once, until nothing is left or a receiver fails: the rest then waits for the next
 * run. Throws if storage fails, and loses nothing: a delivery may then be sent again, with the same id.
 */
export async function sendWebhooks(deps: WebhookDeps): Promise<void> {
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const claimed = await deps.deliveries.claim(AT_ONCE)
    if (claimed.length === 0) return
    const attempts = await Promise.all(claimed.map((delivery) => attempt(delivery, deps)))
    await deps.deliveries.settle(attempts)
    if (claimed.length < AT_ONCE || attempts.some(({ failure }) => failure !== null)) return
  }
}
