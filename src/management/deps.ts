/**
 * The dependencies of operations and pages. They are composed once per isolate, and each method of a store has a deadline.
 */

import { seenProofs } from '../authenticator/seen-proofs.ts'
import { lifetimesOf, readSetting, SETTING_NAMES, type Settings } from '../config.ts'
import { limitInTime, withDeadline } from '../deadline.ts'
import { resolveClientDocument } from '../flows/registration/client-documents.ts'
import { fetchBounded } from '../outbound/fetch-bounded.ts'
import type { Resolution, ResolutionRequest } from '../protocol/client-documents.ts'
import { allowsLoopbackFor } from '../protocol/outbound-url.ts'
import { approvalsReader } from '../stores/approvals.ts'
import { auditReader } from '../stores/audit.ts'
import { clientDocumentStore } from '../stores/client-documents.ts'
import { deletionStore } from '../stores/deletions.ts'
import { directoryReader } from '../stores/directory.ts'
import { invitationStore } from '../stores/invitations.ts'
import { liveSessions } from '../stores/live-sessions.ts'
import { logoStore } from '../stores/logos.ts'
import { portalReader } from '../stores/portal.ts'
import { refusalStore } from '../stores/refusals.ts'
import { registrationPorts } from '../stores/registration.ts'
import type { Changed } from '../stores/registration-ports.ts'
import { selfRegistrations } from '../stores/self-registrations.ts'
import { statusReader } from '../stores/status.ts'
import { checkerStores } from './checker/stores.ts'
import type { ManagementEnv } from './compose.ts'
import { edgeCache } from './edge-cache.ts'

export type ManagementDeps = ReturnType<typeof managementDeps>

const eachInTime = <Ports extends object>(ports: Ports, seconds: number): Ports =>
  Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, withDeadline(port, seconds)]),
  ) as Ports

/** The same port, but `then` is called with the outcome of each of these methods after it has succeeded. */
function followed<Port extends object>(
  port: Port,
  methods: readonly (keyof Port)[],
  then: (outcome: unknown) => void,
): Port {
  type Method = (...words: unknown[]) => Promise<unknown>
  const following = methods.map((name) => [
    name,
    async (...words: unknown[]) => {
      const outcome = await (port[name] as Method)(...words)
      then(outcome)
      return outcome
    },
  ])
  return { ...port, ...Object.fromEntries(following) }
}

type Afterwards = Readonly<{
  /** Is called after each change that causes an event of the webhook. */
  tell: () => void
  /** Is called after a deletion that has left rows. */
  finish: () => void
}>

const isUnfinished = (outcome: unknown) =>
  (outcome as Partial<Extract<Changed<unknown>, { kind: 'changed' }>> | null)?.isUnfinished === true

export function managementDeps(
  env: ManagementEnv,
  settings: Settings,
  { tell, finish }: Afterwards,
) {
  const { DB: db, SESSIONS: sessions } = env
  const { issuer, branding, logsAnswers, storageTimeoutSeconds, longestSessionSeconds } = settings
  const inTime = <Port extends object>(port: Port) => withDeadline(port, storageTimeoutSeconds)
  const changing = eachInTime(
    registrationPorts(db, sessions, lifetimesOf(settings)),
    storageTimeoutSeconds,
  )
  const finishing = (outcome: unknown) => {
    if (isUnfinished(outcome)) finish()
  }
  const clients = followed(changing.clients, ['change'], finishing)
  const ports = {
    ...changing,
    clients: followed(clients, ['create', 'change'], tell),
    users: followed(changing.users, ['change'], finishing),
  }
  const outbound = { fetchBounded: fetchBounded(allowsLoopbackFor(issuer)) }
  const documentDeps = {
    ...{ ...outbound, ports },
    documents: inTime(clientDocumentStore(db)),
    policy: settings.clientDocuments,
    privateUseSchemes: settings.privateUseSchemes,
    allowsLoopback: allowsLoopbackFor(issuer),
  }
  return {
    ...{ issuer, branding, logsAnswers, settings, ports },
    dataPoints: env.EVENTS ?? null,
    /** The settings by their names, with the defaults, for `status`. */
    givenSettings: Object.fromEntries(SETTING_NAMES.map((name) => [name, readSetting(name, env)])),
    loginLimit: limitInTime(env.LOGIN_LIMIT),
    refusalLimit: limitInTime(env.REFUSAL_LIMIT),
    liveSessions: inTime(liveSessions(sessions, db)),
    proofs: inTime(seenProofs(db)),
    refusals: inTime(refusalStore(db)),
    registrations: followed(inTime(selfRegistrations(db)), ['register'], tell),
    portal: inTime(portalReader(db)),
    approvals: inTime(approvalsReader(db)),
    /** Stores that only read, for the request checker. */
    checkerStores: checkerStores(db, storageTimeoutSeconds),
    directory: inTime(directoryReader(db)),
    edgeCache: inTime(edgeCache),
    invitations: inTime(invitationStore(db, longestSessionSeconds)),
    logos: inTime(logoStore(db)),
    deletions: inTime(deletionStore(db)),
    nowMs: Date.now,
    audit: inTime(auditReader(db)),
    status: inTime(statusReader(db)),
    /** Sends a request to an address that a client or an operator names. */
    ...outbound,
    /** Reads a client's metadata document, or the keys that the client publishes, and stores what was read. */
    resolveDocument: (asked: ResolutionRequest): Promise<Resolution> =>
      resolveClientDocument(asked, documentDeps, Math.floor(Date.now() / 1000)),
  }
}
