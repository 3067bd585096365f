/**
 * The deployment, described once: what each worker binds, its settings, its secrets and its cron, with their checks.
 * The workers check themselves by it when they start; `npm start`, `npm run deploy` and `doctor` check the same before
 * that. docs/settings.md is made from it.
 */

import { isLongEnough, MIN_SECRET_BYTES } from './crypto/jws.ts'
import { proxySecretProblem } from './crypto/proxy-secret.ts'
import { isIssuer, publicUrlProblem } from './protocol/public-url.ts'

export type WorkerName = 'registry' | 'authenticator'

const REGISTRY: readonly WorkerName[] = ['registry']
const BOTH: readonly WorkerName[] = ['registry', 'authenticator']

/** What a worker is given under the names of this file: bindings, `[vars]` and secrets. */
export type Given = Readonly<Record<string, unknown>>

/** What a worker cannot serve without. */
export const BINDINGS = {
  DB: { kind: 'D1 database', neededBy: REGISTRY },
  SESSIONS: { kind: 'KV namespace', neededBy: BOTH },
  CODES: { kind: 'KV namespace', neededBy: REGISTRY },
  // A missing rate limit refuses no request, so without this check it would never be noticed.
  LOGIN_LIMIT: { kind: 'rate limit', neededBy: REGISTRY },
  REFUSAL_LIMIT: { kind: 'rate limit', neededBy: REGISTRY },
} as const

/** Bound where they are wanted: D1 for `/auth?fresh` in the authenticator, and data points in both. */
export const OPTIONAL_BINDINGS = ['DB', 'EVENTS'] as const

/** Secrets of the authenticator, never in `[vars]`. */
export const SECRET_NAMES = ['JWT_SECRET', 'PROXY_SECRET'] as const

/** Every minute: a revocation whose write to KV was lost waits for it. */
export const CRON = '* * * * *'

/** `read` gets undefined when nothing is set. It throws what is wrong, as an Error without the value. */
type Setting<T> = Readonly<{
  read: (given: unknown) => T
  /** For the documentation: what may be set, and what holds when nothing is. */
  values: string
  fallback: string
  workers: readonly WorkerName[]
}>

const DAY_SECONDS = 86_400

function whole(
  fallback: number,
  minimum: number,
  maximum: number,
  workers = REGISTRY,
): Setting<number> {
  const values = `${minimum} to ${maximum}`
  const read = (given: unknown) => {
    const text = String(given ?? fallback)
    const n = Number(text)
    if (/^\d+$/.test(text) && n >= minimum && n <= maximum) return n
    throw new Error(`must be a whole number from ${values}`)
  }
  return { read, values, fallback: String(fallback), workers }
}

/** By hand: a library for these few would be a fifth of the worker, and a third of its start. */
export const SETTINGS = {
  /** The origin that users and clients see. */
  ISSUER: {
    read(given: unknown) {
      if (given === undefined) throw new Error('must be set')
      if (typeof given === 'string' && isIssuer(given)) return given
      throw new Error('must be an https origin, or http on a loopback address, without a path')
    },
    values: 'origin',
    fallback: '',
    workers: BOTH,
  },
  /** Where users sign in, when not here. */
  LOGIN_URL: {
    read(given: unknown) {
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
    values: 'URL',
    fallback: '',
    workers: REGISTRY,
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
  STORAGE_TIMEOUT_SECONDS: whole(5, 1, 30, BOTH),
  /** How old a client record may be for `client_credentials` while D1 does not answer. */
  STALE_CLIENT_SECONDS: whole(60, 0, 3600),
  /** How long the audit keeps what it tells. */
  AUDIT_KEEP_DAYS: whole(400, 1, 36_500),
  /** How stale a client record may be at `/token`. */
  CLIENT_CACHE_SECONDS: whole(10, 0, 300),
  /** Does the log tell of every answer, or of refusals and faults alone? */
  LOG_ANSWERS: {
    read(given: unknown) {
      if (given === undefined || given === 'all') return true
      if (given === 'refusals') return false
      throw new Error('must be all or refusals')
    },
    values: '`all`, `refusals`',
    fallback: '`all`',
    workers: REGISTRY,
  },
} satisfies Readonly<Record<string, Setting<unknown>>>

export type SettingName = keyof typeof SETTINGS

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** An empty value counts as not set. Throws an Error of one line that names the setting and never its value. */
export function readSetting<N extends SettingName>(name: N, given: Given) {
  try {
    const value = given[name] === '' ? undefined : given[name]
    return SETTINGS[name].read(value) as ReturnType<(typeof SETTINGS)[N]['read']>
  } catch (problem) {
    throw new Error(`${name}: ${(problem as Error).message}`)
  }
}

/** What stands in place of a secret that is not text is none. */
const textOf = (secret: unknown) => (typeof secret === 'string' ? secret : '')

function secretProblems(given: Given): string[] {
  const jwtSecret = textOf(given.JWT_SECRET)
  if (!isLongEnough(jwtSecret)) return [`JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`]
  const problem = proxySecretProblem(textOf(given.PROXY_SECRET), jwtSecret)
  return problem === null ? [] : [`PROXY_SECRET: ${problem}`]
}

/** What keeps a worker from serving, a line each, each beginning with a name and none with a value in it. */
export function startProblems(worker: WorkerName, given: Given): string[] {
  const unbound = Object.entries(BINDINGS)
    .filter(([name, { neededBy }]) => neededBy.includes(worker) && !isBinding(given[name]))
    .map(([name, { kind }]) => `${name}: the ${kind} must be bound`)
  const badSettings = SETTING_NAMES.filter((name) => SETTINGS[name].workers.includes(worker))
    .map((name) => problemIn(() => readSetting(name, given)))
    .filter((problem) => problem !== null)
  if (worker === 'registry' && badSettings.length === 0) {
    // What only two settings together can be wrong about.
    const problem = problemIn(() => readSettings(given))
    if (problem !== null) badSettings.push(problem)
  }
  const badSecrets = worker === 'authenticator' ? secretProblems(given) : []
  return [...unbound, ...badSettings, ...badSecrets]
}

/** A variable of the same name is text. */
const isBinding = (value: unknown) => typeof value === 'object' && value !== null

function problemIn(read: () => unknown): string | null {
  try {
    read()
    return null
  } catch (problem) {
    return (problem as Error).message
  }
}

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

/** The registry's. Throws as `readSetting` does. */
export function readSettings(given: Given): Settings {
  const read = <N extends SettingName>(name: N) => readSetting(name, given)
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
