/** Composition: makes the application and its housekeeping from bindings and settings. */

import { createApp } from './app.ts'
import { readSettings, type Settings, startProblems } from './config.ts'
import { DeadlineError, limitInTime, withDeadline, within } from './deadline.ts'
import { CRON_INTERVAL_SECONDS } from './domain/revocation.ts'
import { log } from './http/log.ts'
import type { ClientDocuments, Resolution, ResolutionRequest } from './protocol/client-documents.ts'
import { SIGNS_HEADER } from './protocol/key-set.ts'
import { readKeys } from './secrets.ts'
import { authorizationStore } from './stores/authorizations.ts'
import { clientCache } from './stores/client-cache.ts'
import { clientStore } from './stores/clients.ts'
import { codeStore } from './stores/codes.ts'
import { connectedApplicationStore } from './stores/connected-applications.ts'
import type { TextWriter } from './stores/database.ts'
import {
  dueTasks,
  housekeepingStore,
  type OtherWork,
  type Swept,
  sweepInTurns,
} from './stores/housekeeping.ts'
import { knownBrowserStore } from './stores/known-browsers.ts'
import { liveSessions, sessionStore } from './stores/live-sessions.ts'
import { refreshTokenStore } from './stores/refresh-tokens.ts'
import { refusalStore } from './stores/refusals.ts'
import { revocationStore } from './stores/revocations.ts'
import { supportedByRegistry, supportedReader } from './stores/scope-catalogue.ts'
import { signInFailureStore } from './stores/sign-in-failures.ts'
import { sweepsOf } from './stores/sweeps.ts'
import { usedJtiStore } from './stores/used-jtis.ts'
import { keyOlderNamesInCron } from './stores/username-keys.ts'
import { userStore } from './stores/users.ts'

type Management = Pick<Fetcher, 'fetch'> &
  Readonly<{
    resolveClientDocument(asked: ResolutionRequest): Promise<Resolution>
    fetchLogo(clientId: string): Promise<void>
    sendWebhooks(): Promise<void>
    finishDeletions(): Promise<void>
  }>

export type Bindings = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  CODES: KVNamespace
  LOGIN_LIMIT: RateLimit
  REFUSAL_LIMIT: RateLimit
  /** Optional: the dataset that gets the data points. */
  EVENTS?: AnalyticsEngineDataset
  MANAGEMENT?: Management
  /** Optional: the private JWK Set that signs tokens. */
  SIGNING_KEYS?: string
  ISSUER: string
}>

/** The time for two requests to other hosts, each within 3 s, and for the statements in D1. */
const OUTBOUND_SECONDS = 7
const STORAGE_ROUNDS = 3

/** Reads documents through the management Worker. Without this binding no client has a document. */
const documentsOf = (management: Management | undefined, timeoutSeconds: number): ClientDocuments =>
  withDeadline(
    {
      resolve: async (asked: ResolutionRequest): Promise<Resolution> =>
        management
          ? management.resolveClientDocument(asked)
          : { kind: 'refused', reason: 'no management worker is bound' },
    },
    OUTBOUND_SECONDS + STORAGE_ROUNDS * timeoutSeconds,
  )

/** All stores, with a deadline for each method. Reading a client may use a near replica; all other reads use the primary. */
function storesOf(env: Bindings, settings: Settings) {
  const { DB: db, SESSIONS: sessions, CODES } = env
  const { longestSessionSeconds, storageTimeoutSeconds } = settings
  const usersAreExternal = settings.loginUrl !== null
  const inTime = <Port extends object>(port: Port, repeated: readonly (keyof Port)[] = []) =>
    withDeadline(port, storageTimeoutSeconds, repeated)

  const clients = inTime(clientStore(db, () => db.withSession('first-unconstrained')))
  // KV has half the time, so that a KV that does not answer does not cost the code, which the ledger has too.
  const codesInHalfTheTime = withDeadline(
    { put: async (...asked: Parameters<TextWriter['put']>) => CODES.put(...asked) },
    storageTimeoutSeconds / 2,
  )
  return {
    usersAreExternal,
    clients,
    clientCache: clientCache(new Map(), { clients }, settings),
    codes: inTime(codeStore(db, CODES), ['spend']),
    authorizations: inTime(authorizationStore(db, codesInHalfTheTime, usersAreExternal)),
    sessions: inTime(sessionStore(sessions)),
    loginLimit: limitInTime(env.LOGIN_LIMIT),
    refusalLimit: limitInTime(env.REFUSAL_LIMIT),
    connectedApplications: inTime(connectedApplicationStore(db, longestSessionSeconds)),
    liveSessions: inTime(liveSessions(sessions, db)),
    refreshTokens: inTime(refreshTokenStore(db), ['rotate']),
    refusals: inTime(refusalStore(db)),
    revocations: inTime(revocationStore(db, sessions, longestSessionSeconds)),
    knownBrowsers: inTime(knownBrowserStore(db)),
    signInFailures: inTime(signInFailureStore(db)),
    supported: supportedByRegistry(inTime(supportedReader(db))),
    usedJtis: inTime(usedJtiStore(db)),
    users: inTime(userStore(db)),
    documents: documentsOf(env.MANAGEMENT, storageTimeoutSeconds),
    fetchLogo: async (clientId: string) => env.MANAGEMENT?.fetchLogo(clientId),
    probe: inTime({ probe: () => db.prepare('SELECT 1 FROM client LIMIT 1').run() }).probe,
  }
}

/** Throws an Error that names the wrong setting or binding: a registry with wrong settings serves nothing. */
export function compose(env: Bindings) {
  const [problem] = startProblems('registry', env)
  if (problem !== undefined) throw new Error(problem)
  const settings = readSettings(env)
  const stores = storesOf(env, settings)
  const { EVENTS: dataPoints = null, MANAGEMENT } = env
  const signingKeys = readKeys('SIGNING_KEYS', env)
  const forward = (request: Request) => {
    const told = new Request(request)
    told.headers.set(SIGNS_HEADER, signingKeys ? 'yes' : 'no')
    return (MANAGEMENT as Management).fetch(told)
  }
  const management = MANAGEMENT ? forward : null
  const app = createApp({ ...settings, ...stores, signingKeys, dataPoints, management })
  return { fetch: app.fetch, housekeep: (nowMs: number) => housekeep(env, settings, nowMs) }
}

/**
 * Cron: writes to KV each revocation that KV does not have yet, removes what has expired, and starts the sending of webhook
 * events. A task that fails does not stop the others. The run then fails at its end, so that the platform counts the failure.
 */
async function housekeep(
  { DB: db, SESSIONS: sessions, MANAGEMENT: management }: Bindings,
  settings: Settings,
  nowMs: number,
) {
  const failures: string[] = []
  const failed = (task: string, fault: unknown) => {
    failures.push(task)
    log('housekeeping_failed', { task, fault })
  }
  const attempt = <Result>(task: string, work: () => Promise<Result>, seconds: number) =>
    within(seconds, work, () => new DeadlineError(task, seconds)).catch((fault: unknown) =>
      failed(task, fault),
    )
  // This task begins first and is awaited last, so that expired rows are removed even while KV does not answer.
  const revocations = revocationStore(db, sessions, settings.longestSessionSeconds)
  const repair = attempt('repair_kv', revocations.repairKv, CRON_INTERVAL_SECONDS)
  const now = Math.floor(nowMs / 1000)
  const sweeps = sweepsOf(settings.auditKeepDays)
  const due = await attempt('due', () => dueTasks(db, sweeps, now), settings.storageTimeoutSeconds)
  // If D1 cannot say which tasks are due, every task is tried.
  const isDue = (task: string) => due?.[task] !== 0
  const beside = (task: OtherWork, work: () => Promise<unknown>) =>
    isDue(task) ? attempt(task, work, CRON_INTERVAL_SECONDS) : null
  const keying = beside('username_keys', () => keyOlderNamesInCron(db))
  const deleting = beside('deletion', async () => management?.finishDeletions())
  const telling = beside('webhook', async () => settings.webhookUrl && management?.sendWebhooks())
  const store = withDeadline(housekeepingStore(db), settings.storageTimeoutSeconds)
  const dueSweeps = sweeps.filter(({ task }) => isDue(task))
  const swept = await sweepInTurns(store, dueSweeps, now, failed).catch((fault: unknown) => {
    failed('begin', fault)
    return new Map<string, Swept>()
  })
  const worthTelling = [...swept].filter(([, { removed, leftOver }]) => removed + leftOver > 0)
  if (worthTelling.length > 0) log('housekeeping', lineOf(worthTelling))
  await Promise.all([repair, keying, deleting, telling])
  if (failures.length > 0) throw new Error(`housekeeping failed: ${failures.join(', ')}`)
}

/** Text such as `refusal: 17, refusal_left: 3`: the removed rows, and the rows that are left for the next run. */
const lineOf = (swept: readonly (readonly [task: string, Swept])[]) =>
  Object.fromEntries(
    swept.flatMap(([task, { removed, leftOver }]) => [
      [task, removed],
      ...(leftOver > 0 ? [[`${task}_left`, leftOver]] : []),
    ]),
  )
