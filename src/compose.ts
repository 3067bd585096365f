/** Composition: bindings and settings in, the application and its housekeeping out. */

import { createApp } from './app.ts'
import { readSettings } from './config.ts'
import { log, nameOf } from './http/log.ts'
import { clientCache } from './stores/client-cache.ts'
import { clientFailureStore } from './stores/client-failures.ts'
import { clientStore } from './stores/clients.ts'
import { authorizationStore, codeStore } from './stores/codes.ts'
import { connectedApplicationStore } from './stores/connected-applications.ts'
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
  ISSUER: string
}>

/** Throws, naming the setting, when one is bad: a registry that is set up wrongly serves nothing. */
export function compose(env: Bindings) {
  const settings = readSettings(env)
  const inTime = <Port extends object>(port: Port, askedAgain: readonly (keyof Port)[] = []) =>
    withDeadline(port, settings.storageTimeoutSeconds, askedAgain)
  const codes = inTime(codeStore(env.DB, env.CODES), ['spend'])
  const refreshTokens = inTime(refreshTokenStore(env.DB), ['rotate'])
  const refusals = inTime(refusalStore(env.DB))
  const signInFailures = inTime(signInFailureStore(env.DB))
  const revocations = revocationStore(env.DB, env.SESSIONS, settings.sessionLifetimeSeconds)
  // Reading a client may use a near replica; everything that must be right asks the primary.
  const clients = inTime(clientStore(env.DB, () => env.DB.withSession('first-unconstrained')))
  const { probe } = inTime({
    probe: () => env.DB.prepare('SELECT 1 FROM client LIMIT 1').run(),
  })
  const app = createApp({
    ...settings,
    usersAreExternal: settings.loginUrl !== null,
    clients,
    clientCache: clientCache(clients, settings, (use) => log('stale_client_used', use)),
    clientFailures: inTime(clientFailureStore(env.DB, env.REFUSAL_LIMIT)),
    codes,
    authorizations: inTime(
      authorizationStore(env.DB, env.CODES, (fault) =>
        log('code_not_carried', { fault: nameOf(fault) }),
      ),
    ),
    sessions: inTime(sessionStore(env.SESSIONS)),
    connectedApplications: inTime(connectedApplicationStore(env.DB)),
    liveSessions: inTime(liveSessions(env.SESSIONS, env.DB)),
    refreshTokens,
    refusals,
    revocations: inTime(revocations),
    signInFailures,
    usedJtis: inTime(usedJtiStore(env.DB)),
    users: inTime(userStore(env.DB)),
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
      const store = inTime(housekeepingStore(env.DB))
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
