/** Composition: makes the application from bindings and settings. */

import { readSettings, type Settings, startProblems } from '../config.ts'
import { readWebhookSecrets } from '../crypto/webhook-signature.ts'
import { withDeadline } from '../deadline.ts'
import { fetchLogo } from '../flows/logos.ts'
import { finishDeletions } from '../flows/registration/deletions.ts'
import { sendWebhooks } from '../flows/webhook.ts'
import { log } from '../http/log.ts'
import { postBounded } from '../outbound/fetch-bounded.ts'
import { allowsLoopbackFor } from '../protocol/outbound-url.ts'
import { webhookDeliveryStore } from '../stores/webhook-deliveries.ts'
import { webhookProblems } from '../webhook-settings.ts'
import { createManagement } from './app.ts'
import { managementDeps } from './deps.ts'

export type ManagementEnv = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  LOGIN_LIMIT: RateLimit
  REFUSAL_LIMIT: RateLimit
  EVENTS?: AnalyticsEngineDataset
  /** Required if the setting WEBHOOK_URL is set. */
  WEBHOOK_SECRET?: string
  ISSUER: string
}>

/** Null if WEBHOOK_URL is not set. */
function webhookOf({ DB: db, WEBHOOK_SECRET: secret = '' }: ManagementEnv, settings: Settings) {
  const { webhookUrl: url, issuer, storageTimeoutSeconds } = settings
  if (url === null) return null
  const deps = {
    url,
    issuer,
    secrets: readWebhookSecrets(secret),
    deliveries: withDeadline(webhookDeliveryStore(db), storageTimeoutSeconds),
    postBounded: postBounded(allowsLoopbackFor(issuer)),
    nowMs: Date.now,
    log,
  }
  return () => sendWebhooks(deps)
}

/** `defer` keeps a promise alive after the response. Throws an Error that names the wrong setting or binding. */
export function composeManagement(env: ManagementEnv, defer: (work: Promise<unknown>) => void) {
  const [problem] = [...startProblems('management', env), ...webhookProblems(env)]
  if (problem !== undefined) throw new Error(problem)
  const settings = readSettings(env)
  const webhook = webhookOf(env, settings)
  /** Cron repeats what fails here. */
  const later = (work: Promise<void>, event: string) =>
    defer(work.catch((fault: unknown) => log(event, { fault })))
  const deps = managementDeps(env, settings, {
    tell() {
      if (webhook) later(webhook(), 'webhook_not_sent')
    },
    finish: () => later(finishDeletions(deps), 'deletion_not_finished'),
  })
  return {
    fetch: createManagement(deps).fetch,
    resolveClientDocument: deps.resolveDocument,
    async sendWebhooks(): Promise<void> {
      await webhook?.()
    },
    finishDeletions: () => finishDeletions(deps),
    async fetchLogo(clientId: string): Promise<void> {
      const missing = await fetchLogo(clientId, deps, Math.floor(Date.now() / 1000))
      if (missing && !missing.isLater) log('logo_not_shown', { clientId, why: missing.sentence })
    },
  }
}
