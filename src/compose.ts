/** Composition: bindings and settings in, the application and its housekeeping out. */

import { createApp } from './app.ts'
import { readSettings } from './config.ts'
import { Deadlines } from './deadlines.ts'
import { log, nameOf } from './http/log.ts'
import { countOperations, currentNote } from './http/request-note.ts'
import { clientCache } from './stores/client-cache.ts'
import { clientFailureStore } from './stores/client-failures.ts'
import { clientStore } from './stores/clients.ts'
import { authorizationStore, codeStore } from './stores/codes.ts'
import { connectedApplicationStore } from './stores/connected-applications.ts'
import { countedDatabase, countedNamespace } from './stores/counted.ts'
import { withDeadline } from './stores/deadline.ts'
import { housekeepingStore, type Swept, sweepInTurns } from './stores/housekeeping.ts'
import { liveSessions } from './stores/live-sessions.ts'
import { refreshTokenStore } from './stores/refresh-tokens.ts'
import { refusalStore } from './stores/refusals.ts'
import { revocationStore } from './stores/revocations.ts'
import { sessionStore } from './stores/sessions.ts'
import { signInFailureStore } from './stores/sign-in-failures.ts'
import { usedJtiStore } from './stores/used-jtis.ts'
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

/** Throws, naming the setting, when one is bad: a registry that is set up wrongly serves nothing. */
export function compose(env: Bindings) {
  const settings = readSettings(env)
  // Cron's questions have each their own.
  const deadlines = () => currentNote()?.deadlines ?? new Deadlines()
  const inTime = <Port extends object>(port: Port, askedAgain: readonly (keyof Port)[] = []) =>
    withDeadline(port, settings.storageTimeoutSeconds, deadlines, askedAgain)
  const db = countedDatabase(env.DB, countOperations)
  const nearby = () => countedDatabase(env.DB.withSession('first-unconstrained'), countOperations)
  const sessions = countedNamespace(env.SESSIONS, countOperations)
  const carried = countedNamespace(env.CODES, countOperations)
  const codes = inTime(codeStore(db, carried), ['spend'])
  const refreshTokens = inTime(refreshTokenStore(db), ['rotate'])
  const refusals = inTime(refusalStore(db))
  const signInFailures = inTime(signInFailureStore(db))
  const revocations = revocationStore(db, sessions, settings.sessionLifetimeSeconds)
  // Reading a client may use a near replica; everything that must be right asks the primary.
  const clients = inTime(clientStore(db, nearby))
  const { probe } = inTime({
    probe: () => db.prepare('SELECT 1 FROM client LIMIT 1').run(),
  })
  const app = createApp({
    ...settings,
    usersAreExternal: settings.loginUrl !== null,
    clients,
    clientCache: clientCache(clients, settings, (use) => log('stale_client_used', use)),
    clientFailures: inTime(clientFailureStore(db, env.REFUSAL_LIMIT)),
    codes,
    authorizations: inTime(
      authorizationStore(db, carried, (fault) => log('code_not_carried', { fault: nameOf(fault) })),
    ),
    sessions: inTime(sessionStore(sessions)),
    connectedApplications: inTime(connectedApplicationStore(db)),
    liveSessions: inTime(liveSessions(sessions, db)),
    refreshTokens,
    refusals,
    revocations: inTime(revocations),
    signInFailures,
    usedJtis: inTime(usedJtiStore(db)),
    users: inTime(userStore(db)),
    dataPoints: env.EVENTS ?? null,
    loginLimit: env.LOGIN_LIMIT,
    refusalLimit: env.REFUSAL_LIMIT,
    probe,
  })
  return {
    fetch: app.fetch,
    /**
     * Cron: shows every revocation that is not shown yet, then removes what has expired. One that fails keeps none of
     * the others; the run fails at its end, for the platform to count.
     */
    async housekeep(nowMs: number) {
      const failures: string[] = []
      const failed = (task: string, fault: unknown) => {
        failures.push(task)
        log('housekeeping_failed', { task, fault: nameOf(fault) })
      }
      // First, but not waited for: while KV does not answer, rows expire all the same.
      const healing = revocations.heal(nowMs).catch((fault: unknown) => failed('heal', fault))
      const now = Math.floor(nowMs / 1000)
      const store = inTime(housekeepingStore(db))
      const swept = await sweepInTurns(store, settings.auditKeepDays, now, failed)
      const worthTelling = [...swept].filter(([, { removed, leftOver }]) => removed + leftOver > 0)
      if (worthTelling.length > 0) log('housekeeping', lineOf(worthTelling))
      await healing
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
