/** Composition: bindings and settings in, the application and its housekeeping out. */

import { createApp, type RouteDeps } from './app.ts'
import { readSettings, startProblems } from './config.ts'
import { CRON_INTERVAL_SECONDS } from './domain/revocation.ts'
import { log } from './http/log.ts'
import { RequestNote } from './http/request-note.ts'
import { clientCache, type KeptClients } from './stores/client-cache.ts'
import { clientStore } from './stores/clients.ts'
import { authorizationStore, codeStore } from './stores/codes.ts'
import { connectedApplicationStore } from './stores/connected-applications.ts'
import { countedDatabase, countedNamespace } from './stores/counted.ts'
import type { Database, Namespace } from './stores/database.ts'
import { withDeadline } from './stores/deadline.ts'
import { housekeepingStore, type Swept, sweepInTurns } from './stores/housekeeping.ts'
import { knownBrowserStore } from './stores/known-browsers.ts'
import { KnownSessions, liveSessions, sessionStore } from './stores/live-sessions.ts'
import { refreshTokenStore } from './stores/refresh-tokens.ts'
import { refusalStore } from './stores/refusals.ts'
import { revocationStore } from './stores/revocations.ts'
import { signInFailureStore } from './stores/sign-in-failures.ts'
import { usedJtiStore } from './stores/used-jtis.ts'
import { keyOlderNamesInCron } from './stores/username-keys.ts'
import { userStore } from './stores/users.ts'

export type Bindings = Readonly<{
  DB: D1Database
  SESSIONS: KVNamespace
  CODES: KVNamespace
  LOGIN_LIMIT: RateLimit
  REFUSAL_LIMIT: RateLimit
  /** Data points are taken where it is bound. */
  EVENTS?: AnalyticsEngineDataset
  ISSUER: string
}>

/** Storage as one request asks it: counted in its note. */
type Storage = Readonly<{
  note: RequestNote
  db: Database
  /** Perhaps a replica, seconds old. */
  nearby: () => Database
  sessions: Namespace
  codes: Namespace
}>

/** Of a rate limit, which is counted at the location. The least that a deadline can be. */
const LIMIT_TIMEOUT_SECONDS = 1

const storageFor = ({ DB, SESSIONS, CODES }: Bindings, note: RequestNote): Storage => ({
  note,
  db: countedDatabase(DB, note.count),
  nearby: () => countedDatabase(DB.withSession('first-unconstrained'), note.count),
  sessions: countedNamespace(SESSIONS, note.count),
  codes: countedNamespace(CODES, note.count),
})

/** Throws, naming the setting or the binding, when one is bad: a registry that is set up wrongly serves nothing. */
export function compose(env: Bindings) {
  const [problem] = startProblems('registry', env)
  if (problem !== undefined) throw new Error(problem)
  const settings = readSettings(env)
  const { longestSessionSeconds, storageTimeoutSeconds } = settings
  // What the isolate keeps from one request to the next. All else is a request's own.
  const keptClients: KeptClients = new Map()
  const knownSessions = new KnownSessions()

  const inTime = <Port extends object>(
    { note }: Storage,
    port: Port,
    askedAgain: readonly (keyof Port)[] = [],
    seconds = storageTimeoutSeconds,
  ) => withDeadline(port, seconds, () => note.deadlines, askedAgain)

  const revocationsIn = ({ db, sessions }: Storage) =>
    revocationStore(db, sessions, longestSessionSeconds)

  const limitIn = (its: Storage, binding: RateLimit) => {
    const port = { limit: async (asked: RateLimitOptions) => binding.limit(asked) }
    return inTime(its, port, [], LIMIT_TIMEOUT_SECONDS)
  }

  const usersAreExternal = settings.loginUrl !== null
  /** What one request is given. Reading a client may use a near replica; everything that must be right asks the primary. */
  function depsOf(note: RequestNote): RouteDeps {
    const its = storageFor(env, note)
    const { db } = its
    const clients = inTime(its, clientStore(db, its.nearby))
    const refusalLimit = limitIn(its, env.REFUSAL_LIMIT)
    // KV has half the time, so that its silence does not cost the answer: the ledger has the code as well.
    const codes = { put: its.codes.put.bind(its.codes) }
    const codesInHalfTheTime = inTime(its, codes, [], storageTimeoutSeconds / 2)
    return {
      ...settings,
      usersAreExternal,
      clients,
      clientCache: clientCache(keptClients, { clients }, settings),
      codes: inTime(its, codeStore(db, its.codes), ['spend']),
      authorizations: inTime(its, authorizationStore(db, codesInHalfTheTime, usersAreExternal)),
      sessions: inTime(its, sessionStore(its.sessions)),
      loginLimit: limitIn(its, env.LOGIN_LIMIT),
      refusalLimit,
      connectedApplications: inTime(its, connectedApplicationStore(db, longestSessionSeconds)),
      liveSessions: inTime(its, liveSessions(its.sessions, db, knownSessions)),
      refreshTokens: inTime(its, refreshTokenStore(db), ['rotate']),
      refusals: inTime(its, refusalStore(db)),
      revocations: inTime(its, revocationsIn(its)),
      knownBrowsers: inTime(its, knownBrowserStore(db)),
      signInFailures: inTime(its, signInFailureStore(db)),
      usedJtis: inTime(its, usedJtiStore(db)),
      users: inTime(its, userStore(db)),
      probe: inTime(its, { probe: () => db.prepare('SELECT 1 FROM client LIMIT 1').run() }).probe,
    }
  }
  const app = createApp({ ...settings, dataPoints: env.EVENTS ?? null }, depsOf)
  return {
    fetch: app.fetch,
    depsOf,
    /**
     * Cron: shows every revocation that is not shown yet, then removes what has expired. One that fails keeps none of
     * the others; the run fails at its end, for the platform to count.
     */
    async housekeep(nowMs: number) {
      const storage = storageFor(env, new RequestNote())
      const failures: string[] = []
      const failed = (task: string, fault: unknown) => {
        failures.push(task)
        log('housekeeping_failed', { task, fault })
      }
      // First, but not waited for until the end: while KV does not answer, rows expire all the same.
      const repair = inTime(storage, revocationsIn(storage), [], CRON_INTERVAL_SECONDS)
        .repairKv()
        .catch((fault: unknown) => failed('repair_kv', fault))
      const keying = inTime(
        storage,
        { key: () => keyOlderNamesInCron(storage.db) },
        [],
        CRON_INTERVAL_SECONDS,
      )
        .key()
        .catch((fault: unknown) => failed('username_keys', fault))
      const now = Math.floor(nowMs / 1000)
      const store = inTime(storage, housekeepingStore(storage.db))
      const swept = await sweepInTurns(store, settings.auditKeepDays, now, failed).catch(
        (fault: unknown) => {
          failed('begin', fault)
          return new Map<string, Swept>()
        },
      )
      const worthTelling = [...swept].filter(([, { removed, leftOver }]) => removed + leftOver > 0)
      if (worthTelling.length > 0) log('housekeeping', lineOf(worthTelling))
      await Promise.all([repair, keying])
      if (failures.length > 0) throw new Error(`housekeeping failed: ${failures.join(', ')}`)
    },
  }
}

/** As in `refusal: 17, refusal_left: 3`: rows removed, and rows left for the next run. */
const lineOf = (swept: readonly (readonly [task: string, Swept])[]) =>
  Object.fromEntries(
    swept.flatMap(([task, { removed, leftOver }]) => [
      [task, removed],
      ...(leftOver > 0 ? [[`${task}_left`, leftOver]] : []),
    ]),
  )
