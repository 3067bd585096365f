/** Composition: bindings and settings in, the application out. */

import { seenProofs } from '../authenticator/seen-proofs.ts'
import {
  type Given,
  lifetimesOf,
  readSetting,
  readSettings,
  SETTING_NAMES,
  startProblems,
} from '../config.ts'
import { limitInTime, withDeadline } from '../deadline.ts'
import { fetchLogo } from '../flows/logos.ts'
import { resolveClientDocument } from '../flows/registration/client-documents.ts'
import { log } from '../http/log.ts'
import { fetchBounded } from '../outbound/fetch-bounded.ts'
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
  ISSUER: string
}>

const settingsOf = (given: Given) =>
  Object.fromEntries(SETTING_NAMES.map((name) => [name, readSetting(name, given)]))

/** Throws, naming the setting or the binding, when one is bad. */
export function composeManagement(env: ManagementEnv) {
  const [problem] = startProblems('management', env)
  if (problem !== undefined) throw new Error(problem)
  const settings = readSettings(env)
  const { DB: db, SESSIONS: sessions } = env
  const inTime = <Port extends object>(port: Port) =>
    withDeadline(port, settings.storageTimeoutSeconds)
  const ports = registrationPorts(db, sessions, lifetimesOf(settings))
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
    ports: {
      clients: inTime(ports.clients),
      users: inTime(ports.users),
      scopes: inTime(ports.scopes),
      categories: inTime(ports.categories),
      resources: inTime(ports.resources),
      documentHosts: inTime(ports.documentHosts),
      revocations: inTime(ports.revocations),
      refreshTokens: inTime(ports.refreshTokens),
    },
    registrations: inTime(selfRegistrations(db)),
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
    async fetchLogo(clientId: string): Promise<void> {
      const missing = await fetchLogo(clientId, deps, Math.floor(Date.now() / 1000))
      if (missing && !missing.isLater) log('logo_not_shown', { clientId, why: missing.sentence })
    },
  }
}
