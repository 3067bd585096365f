/** Settings: read and checked once per isolate. A bad one stops the service; none is guessed. */

import { isIssuer } from './protocol/issuer.ts'
import { publicUrlProblem } from './protocol/public-url.ts'

/** Reads one setting from what was given, undefined when nothing was. Throws what is wrong with it, as an Error. */
type Reader<T> = (given: unknown) => T

const whole =
  (fallback: number, minimum: number, maximum: number): Reader<number> =>
  (given) => {
    const n = given === undefined ? fallback : Number(given)
    if (Number.isInteger(n) && n >= minimum && n <= maximum) return n
    throw new Error(`must be a whole number from ${minimum} to ${maximum}`)
  }

const DAY_SECONDS = 86_400

/** By hand: a library for these few would be a fifth of the worker, and a third of its start. */
const READERS = {
  /** The origin that users and clients see. */
  ISSUER: (given: unknown) => {
    if (given === undefined) throw new Error('must be set')
    if (typeof given === 'string' && isIssuer(given)) return given
    throw new Error('must be an https origin, or http on a loopback address, without a path')
  },
  /** Where users sign in, when not here. */
  LOGIN_URL: (given: unknown) => {
    if (given === undefined) return null
    const text = String(given)
    if (publicUrlProblem(text) !== null) {
      throw new Error(
        'must be an https URL, or http on a loopback address, without a password or a fragment',
      )
    }
    if (new URL(text).searchParams.has('next_page')) {
      throw new Error('must be without next_page, which the registry adds')
    }
    return text
  },
  CODE_LIFETIME_SECONDS: whole(3600, 60, 3600),
  /** A verified second redemption within this time of the first is a retry, not an attack. */
  CODE_RETRY_SECONDS: whole(2, 0, 60),
  /** A spent refresh token shown again by its authenticated client within this time is a retry. */
  REFRESH_RETRY_SECONDS: whole(10, 0, 60),
  /** Of access tokens. */
  SESSION_LIFETIME_SECONDS: whole(7200, 60, 30 * DAY_SECONDS),
  /** How long a user stays signed in at a browser. */
  BROWSER_SESSION_LIFETIME_SECONDS: whole(7200, 60, 30 * DAY_SECONDS),
  REFRESH_LIFETIME_SECONDS: whole(30 * DAY_SECONDS, 60, 365 * DAY_SECONDS),
  /** How long a request waits for one answer of storage before it is 503. */
  STORAGE_TIMEOUT_SECONDS: whole(5, 1, 30),
  /** How old a client record may be for `client_credentials` while D1 does not answer. */
  STALE_CLIENT_SECONDS: whole(60, 0, 3600),
  /** How long the audit keeps what it tells. */
  AUDIT_KEEP_DAYS: whole(400, 1, 36_500),
  /** How stale a client record may be at `/token`. */
  CLIENT_CACHE_SECONDS: whole(10, 0, 300),
  /** Does the log tell of every answer, or of refusals and faults alone? */
  LOG_ANSWERS: (given: unknown) => {
    if (given === undefined || given === 'all') return true
    if (given === 'refusals') return false
    throw new Error('must be all or refusals')
  },
}

type Name = keyof typeof READERS

export const SETTING_NAMES = Object.keys(READERS) as readonly Name[]

export type Settings = Readonly<{
  issuer: string
  loginUrl: string | null
  codeLifetimeSeconds: number
  codeRetrySeconds: number
  sessionLifetimeSeconds: number
  browserSessionLifetimeSeconds: number
  /** The longest that any session lives. A revocation is kept for as long. */
  longestSessionSeconds: number
  refreshLifetimeSeconds: number
  refreshRetrySeconds: number
  clientCacheSeconds: number
  staleClientSeconds: number
  storageTimeoutSeconds: number
  auditKeepDays: number
  logsAnswers: boolean
}>

/** With LOGIN_URL set, the registry's own page redirects there: a browser would go round in circles. */
function isOwnSignIn(loginUrl: string, issuer: string) {
  const { origin, pathname } = new URL(loginUrl)
  return origin === issuer && pathname === '/login'
}

/** An empty value counts as not set. Throws an Error of one line that names the setting and never its value. */
export function readSettings(vars: Readonly<Record<string, unknown>>): Settings {
  const read = <N extends Name>(name: N): ReturnType<(typeof READERS)[N]> => {
    const given = vars[name] === '' ? undefined : vars[name]
    try {
      return READERS[name](given) as ReturnType<(typeof READERS)[N]>
    } catch (problem) {
      throw new Error(`${name}: ${(problem as Error).message}`)
    }
  }
  const issuer = read('ISSUER')
  const loginUrl = read('LOGIN_URL')
  if (loginUrl !== null && isOwnSignIn(loginUrl, issuer)) {
    throw new Error('LOGIN_URL: must be another page than /login of the registry itself')
  }
  const sessionLifetimeSeconds = read('SESSION_LIFETIME_SECONDS')
  const browserSessionLifetimeSeconds = read('BROWSER_SESSION_LIFETIME_SECONDS')
  return {
    issuer,
    loginUrl,
    codeLifetimeSeconds: read('CODE_LIFETIME_SECONDS'),
    codeRetrySeconds: read('CODE_RETRY_SECONDS'),
    sessionLifetimeSeconds,
    browserSessionLifetimeSeconds,
    longestSessionSeconds: Math.max(sessionLifetimeSeconds, browserSessionLifetimeSeconds),
    refreshLifetimeSeconds: read('REFRESH_LIFETIME_SECONDS'),
    refreshRetrySeconds: read('REFRESH_RETRY_SECONDS'),
    clientCacheSeconds: read('CLIENT_CACHE_SECONDS'),
    staleClientSeconds: read('STALE_CLIENT_SECONDS'),
    storageTimeoutSeconds: read('STORAGE_TIMEOUT_SECONDS'),
    auditKeepDays: read('AUDIT_KEEP_DAYS'),
    logsAnswers: read('LOG_ANSWERS'),
  }
}
