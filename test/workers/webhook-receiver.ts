/** A registry with a webhook, and the events that its receiver got. */

import { env } from 'cloudflare:workers'
import { type Bindings, compose } from '../../src/compose.ts'
import { composeManagement } from '../../src/management/compose.ts'
import { ISSUER, serve } from './registry.ts'
import { newHost, type Published, publish, requestsTo, type Seen } from './world.ts'

export const WEBHOOK_SECRET = `whsec_${btoa('a secret of the tests, 32 bytes.')}`

export type WebhookEvent = Readonly<{
  type: string
  timestamp: string
  data: Readonly<{
    client_id: string
    client_name: string
    client_kind: string
    permissions: readonly Readonly<Record<string, string>>[]
    decision?: string
    reason?: string
    actor: string
    user_id: string | null
    approvals_url: string
  }>
}>

/** Runs cron with these bindings and settings. */
export async function runCron(changes: Readonly<Record<string, unknown>>, atMs = Date.now()) {
  const given = { ...env, ISSUER, ...changes }
  const { sendWebhooks, finishDeletions } = composeManagement(given, () => {})
  const bindings = { ...given, MANAGEMENT: { sendWebhooks, finishDeletions }, ...changes }
  await compose(bindings as unknown as Bindings).housekeep(atMs)
}

/** `more` are settings of the registry. */
export async function withWebhook(answer: Published, more: Readonly<Record<string, unknown>> = {}) {
  const host = newHost()
  const url = `https://${host}/hook`
  const settings = { WEBHOOK_URL: url, WEBHOOK_SECRET, ...more }
  await publish(url, answer)
  const received = (): Promise<readonly Seen[]> => requestsTo(host)
  return {
    settings,
    fetch: serve(settings),
    cron: (changes: Readonly<Record<string, unknown>> = {}, atMs?: number) =>
      runCron({ ...settings, ...changes }, atMs),
    answers: (next: Published) => publish(url, next),
    received,
    events: async () => (await received()).map(({ body }) => JSON.parse(body) as WebhookEvent),
  }
}

/** Deletes the deliveries of other tests. */
export const forgetDeliveries = () => env.DB.prepare('DELETE FROM webhook_delivery').run()

export const waiting = async () => {
  const { results } = await env.DB.prepare(
    `SELECT webhook_id, attempts, attempt_at - unixepoch() AS seconds, failure FROM webhook_delivery ORDER BY audit_id`,
  ).all<{ webhook_id: string; attempts: number; seconds: number; failure: string | null }>()
  return results
}

/** Moves all deliveries this many seconds into the past. */
export const later = (seconds: number) =>
  env.DB.prepare(
    'UPDATE webhook_delivery SET attempt_at = attempt_at - ?1, created_at = created_at - ?1',
  )
    .bind(seconds)
    .run()
