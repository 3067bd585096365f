/** Composition: bindings and settings in, the application out. */

import { seenProofs } from '../authenticator/seen-proofs.ts'
import {
  type Given,
  lifetimesOf,
  readSetting,
  readSettings,
  SETTING_NAMES,
  type Settings,
  startProblems,
} from '../config.ts'
import { readWebhookSecrets } from '../crypto/webhook-signature.ts'
import { limitInTime, withDeadline } from '../deadline.ts'
import { fetchLogo } from '../flows/logos.ts'
import { resolveClientDocument } from '../flows/registration/client-documents.ts'
import { sendWebhooks } from '../flows/webhook.ts'
import { log } from '../http/log.ts'
import { fetchBounded, postBounded } from '../outbound/fetch-bounded.ts'
import type { Resolution, ResolutionRequest } from '../protocol/client-documents.ts'
import { allowsLoopbackFor } from '../protocol/outbound-url.ts'
import { approvalsReader } from '../stores/approvals.ts'
import { auditReader } from '../stores/audit.ts'
import { clientDocumentStore } from '../stores/client-documents.ts'
import { directoryReader } from '../stores/directory.ts'
import { invitationStore } from '../stores/invitations.ts'
import { liveSessions } from '../stores/live-sessions.ts'
import { logoStore } from '../stores/logos.ts'
import { portalReader } from '../stores/portal.ts'
import { refusalStore } from '../stores/refusals.ts'
import { registrationPorts } from '../stores/registration.ts'
import { selfRegistrations } from '../stores/self-registrations.ts'
import { statusReader } from '../stores/status.ts'
import { webhookDeliveryStore } from '../stores/webhook-deliveries.ts'
import { webhookProblems } from '../webhook-settings.ts'
import { createManagement } from './app.ts'
import { checkerStores } from './checker/stores.ts'
import type { ManagementDeps } from './deps.ts'
import { edgeCache } from './edge-cache.ts'

export type ManagementEnv = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  LOGIN_LIMIT: RateLimit
  REFUSAL_LIMIT: RateLimit
  /** Optional: takes the data points. */
  EVENTS?: AnalyticsEngineDataset
  /** Needed with the setting WEBHOOK_URL. */
  WEBHOOK_SECRET?: string
  ISSUER: string
}>

const settingsOf = (given: Given) =>
  Object.fromEntries(SETTING_NAMES.map((name) => [name, readSetting(name, given)]))

/** The same ports, each with a deadline for its methods. */
const eachInTime = <Ports extends object>(ports: Ports, seconds: number): Ports =>
  Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, withDeadline(port, seconds)]),
  ) as Ports

/** The same port, with `then` called after each of these methods has succeeded. */
function followed<Port extends object>(
  port: Port,
  methods: readonly (keyof Port)[],
  then: () => void,
): Port {
  type Method = (...words: unknown[]) => Promise<unknown>
  const following = methods.map((name) => [
    name,
    async (...words: unknown[]) => {
      const outcome = await (port[name] as Method)(...words)
      then()
      return outcome
    },
  ])
  return { ...port, ...Object.fromEntries(following) }
}

/** Null without the setting. */
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

/** `defer` keeps a promise alive after the response. Throws, naming the setting or the binding, when one is bad. */
export function composeManagement(env: ManagementEnv, defer: (work: Promise<unknown>) => void) {
  const [problem] = [...startProblems('management', env), ...webhookProblems(env)]
  if (problem !== undefined) throw new Error(problem)
  const settings = readSettings(env)
  const { DB: db, SESSIONS: sessions } = env
  const inTime = <Port extends object>(port: Port) =>
    withDeadline(port, settings.storageTimeoutSeconds)
  const ports = eachInTime(
    registrationPorts(db, sessions, lifetimesOf(settings)),
    settings.storageTimeoutSeconds,
  )
  const webhook = webhookOf(env, settings)
  /** Cron sends the events that fail here. */
  const tell = () => {
    if (webhook) defer(webhook().catch((fault: unknown) => log('webhook_not_sent', { fault })))
  }
  const deps: ManagementDeps = {
    issuer: settings.issuer,
    branding: settings.branding,
    logsAnswers: settings.logsAnswers,
    dataPoints: env.EVENTS ?? null,
    settings,
    givenSettings: settingsOf(env),
    loginLimit: limitInTime(env.LOGIN_LIMIT),
    refusalLimit: limitInTime(env.REFUSAL_LIMIT),
    liveSessions: inTime(liveSessions(sessions, db)),
    proofs: inTime(seenProofs(db)),
    refusals: inTime(refusalStore(db)),
    ports: { ...ports, clients: followed(ports.clients, ['create', 'change'], tell) },
    registrations: followed(inTime(selfRegistrations(db)), ['register'], tell),
    portal: inTime(portalReader(db)),
    approvals: inTime(approvalsReader(db)),
    checkerStores: checkerStores(db, settings.storageTimeoutSeconds),
    directory: inTime(directoryReader(db)),
    edgeCache: inTime(edgeCache),
    invitations: inTime(invitationStore(db, settings.longestSessionSeconds)),
    logos: inTime(logoStore(db)),
    fetchBounded: fetchBounded(allowsLoopbackFor(settings.issuer)),
    readKeys: (clientId) => resolve({ clientId, cause: 'unknown_key' }),
    audit: inTime(auditReader(db)),
    status: inTime(statusReader(db)),
  }
  const documentDeps = {
    documents: inTime(clientDocumentStore(db)),
    fetchBounded: deps.fetchBounded,
    policy: settings.clientDocuments,
    privateUseSchemes: settings.privateUseSchemes,
    allowsLoopback: allowsLoopbackFor(settings.issuer),
    ports: deps.ports,
  }
  function resolve(asked: ResolutionRequest): Promise<Resolution> {
    return resolveClientDocument(asked, documentDeps, Math.floor(Date.now() / 1000))
  }
  return {
    fetch: createManagement(deps).fetch,
    resolveClientDocument: resolve,
    async sendWebhooks(): Promise<void> {
      await webhook?.()
    },
    async fetchLogo(clientId: string): Promise<void> {
      const missing = await fetchLogo(clientId, deps, Math.floor(Date.now() / 1000))
      if (missing && !missing.isLater) log('logo_not_shown', { clientId, why: missing.sentence })
    },
  }
}
