/**
 * The one description of the deployment: the bindings, settings, secrets and cron of each worker, with their checks. The
 * workers check them when they start; `npm start`, `npm run deploy` and `doctor` make the same checks before.
 * `npm run docs` writes docs/settings.md from it.
 */

import type { Branding } from './domain/branding.ts'
import { isPrivateUseScheme, REGISTRATION_MODES } from './domain/registration.ts'
import { accentOf, PAGE_SETTINGS } from './page-settings.ts'
import { isIssuer, publicUrlProblem } from './protocol/public-url.ts'
import { problemIn, readNamed, secretProblems } from './secrets.ts'

export type WorkerName = 'registry' | 'management' | 'authenticator'

const NONE: readonly WorkerName[] = []
const REGISTRY: readonly WorkerName[] = ['registry']
const REGISTRY_AND_MANAGEMENT: readonly WorkerName[] = ['registry', 'management']
export const ALL_WORKERS: readonly WorkerName[] = ['registry', 'management', 'authenticator']

/** A worker's environment: bindings, `[vars]` and secrets. */
export type Given = Readonly<Record<string, unknown>>

/** The bindings that a worker cannot serve without. */
export const BINDINGS = {
  DB: { kind: 'D1 database', neededBy: REGISTRY_AND_MANAGEMENT },
  SESSIONS: { kind: 'KV namespace', neededBy: ALL_WORKERS },
  CODES: { kind: 'KV namespace', neededBy: REGISTRY },
  // Without this check a missing rate limit would not be noticed: it refuses no request.
  LOGIN_LIMIT: { kind: 'rate limit', neededBy: REGISTRY_AND_MANAGEMENT },
  REFUSAL_LIMIT: { kind: 'rate limit', neededBy: REGISTRY_AND_MANAGEMENT },
} as const

/** Apart from the others, so that the workers do not carry them. */
export const OPTIONAL_BINDINGS = {
  MANAGEMENT: { kind: 'service', neededBy: NONE },
  REGISTRY: { kind: 'service', neededBy: NONE },
  EVENTS: { kind: 'Analytics Engine dataset', neededBy: NONE },
} as const

/** Every minute: cron repairs a revocation whose write to KV was lost. */
export const CRON = '* * * * *'

/** `read` gets undefined if the setting is not set. Throws an Error that says what is wrong, without the value. */
type Setting<T> = Readonly<{
  read: (given: unknown) => T
  /** For the documentation: the allowed values and the default. */
  values: string
  fallback: string
}>

const DAY_SECONDS = 86_400

function whole(fallback: number, minimum: number, maximum: number): Setting<number> {
  const values = `${minimum} to ${maximum}`
  const read = (given: unknown) => {
    const text = String(given ?? fallback)
    const n = Number(text)
    if (/^\d+$/.test(text) && n >= minimum && n <= maximum) return n
    throw new Error(`must be a whole number from ${values}`)
  }
  return { read, values, fallback: String(fallback) }
}

/** One of a few words; the first is the default. */
function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]): Setting<Word> {
  const read = (given: unknown = words[0]) => {
    const word = words.find((known) => known === given)
    if (word !== undefined) return word
    throw new Error(`must be ${words.join(' or ')}`)
  }
  const values = words.map((word) => `\`${word}\``).join(', ')
  return { read, values, fallback: `\`${words[0]}\`` }
}

/** A setting without a default. */
const optional = <T>(values: string, read: (given: unknown) => T): Setting<T> => ({
  read,
  values,
  fallback: '',
})

function readAddress(given: unknown): string | null {
  if (given === undefined) return null
  const text = String(given)
  if (publicUrlProblem(text) === null) return text
  throw new Error(
    'must be an https URL, or http on a loopback address, without a password or a fragment',
  )
}

/**
 * What each does is said once, for people: `EFFECTS` in local/settings-page.ts, from which docs/settings.md is written.
 * Checked by hand: a library would be a fifth of the worker's size and a third of its start-up time.
 */
export const SETTINGS = {
  ISSUER: {
    read(given: unknown) {
      if (given === undefined) throw new Error('must be set')
      if (typeof given === 'string' && isIssuer(given)) return given
      throw new Error('must be an https origin, or http on a loopback address, without a path')
    },
    values: 'origin',
    fallback: '',
  },
  LOGIN_URL: optional('URL', (given) => {
    const url = readAddress(given)
    const added = ['next_page', 'login_hint', 'prompt'].find(
      (name) => url && new URL(url).searchParams.has(name),
    )
    if (added) throw new Error(`must be without ${added}, which the registry adds`)
    return url
  }),
  CODE_LIFETIME_SECONDS: whole(3600, 60, 3600),
  CODE_RETRY_SECONDS: whole(2, 0, 60),
  REFRESH_RETRY_SECONDS: whole(10, 0, 60),
  DPOP_REFRESH_RETRY_SECONDS: whole(0, 0, 60),
  SESSION_LIFETIME_SECONDS: whole(7200, 60, 30 * DAY_SECONDS),
  BROWSER_SESSION_LIFETIME_SECONDS: whole(7200, 60, 30 * DAY_SECONDS),
  REFRESH_LIFETIME_SECONDS: whole(30 * DAY_SECONDS, 60, 365 * DAY_SECONDS),
  REFRESH_IDLE_SECONDS: whole(14 * DAY_SECONDS, 60, 365 * DAY_SECONDS),
  STORAGE_TIMEOUT_SECONDS: whole(5, 1, 30),
  STALE_CLIENT_SECONDS: whole(60, 0, 3600),
  AUDIT_KEEP_DAYS: whole(400, 1, 36_500),
  CLIENT_CACHE_SECONDS: whole(10, 0, 300),
  CLIENTS_PER_USER: whole(20, 0, 1000),
  DIRECTORY: oneOf(['off', 'on']),
  LOG_ANSWERS: oneOf(['all', 'refusals']),
  REQUIRE_PKCE: oneOf(['public', 'all']),
  SCOPE_POLICY: oneOf(['refuse', 'narrow']),
  PRIVATE_USE_SCHEMES: optional('schemes', (given): readonly string[] => {
    const schemes = String(given ?? '')
      .split(' ')
      .filter(Boolean)
    if (schemes.every(isPrivateUseScheme)) return schemes
    throw new Error(
      'must be schemes of applications, separated by spaces: lower case, without a dot, and none that browsers know',
    )
  }),
  CLIENT_DOCUMENTS: oneOf(['off', 'allowlist', 'any']),
  REGISTRATION: oneOf(REGISTRATION_MODES),
  REGISTRATIONS_PER_NETWORK_HOUR: whole(20, 1, 100_000),
  REGISTRATIONS_PER_DAY: whole(1000, 1, 1_000_000),
  // webhook-settings.ts says more of it.
  WEBHOOK_URL: optional('URL', readAddress),
  ISSUE_REFRESH_TOKENS: oneOf(['always', 'offline_access']),
  ...PAGE_SETTINGS,
} satisfies Readonly<Record<string, Setting<unknown>>>

export type SettingName = keyof typeof SETTINGS

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

const OF_AUTHENTICATOR: readonly string[] = [
  'ISSUER',
  'STORAGE_TIMEOUT_SECONDS',
] satisfies SettingName[]

/** What an administrator's change ends depends on the settings of the registry, so management has them all. */
export const isSettingOf = (worker: WorkerName, name: string): name is SettingName =>
  Object.hasOwn(SETTINGS, name) && (worker !== 'authenticator' || OF_AUTHENTICATOR.includes(name))

/** Settings that need the management worker unless they are `off` or not set. */
const NEED_MANAGEMENT = [
  'CLIENT_DOCUMENTS',
  'REGISTRATION',
  'DIRECTORY',
  'WEBHOOK_URL',
] as const satisfies readonly SettingName[]

const managementProblems = (given: Given) =>
  isBinding(given.MANAGEMENT)
    ? []
    : NEED_MANAGEMENT.filter((name) => (readSetting(name, given) ?? 'off') !== 'off').map(
        (name) => `${name}: needs the management worker, bound as MANAGEMENT`,
      )

/** An empty value counts as not set. Throws an Error of one line that names the setting and never its value. */
export function readSetting<N extends SettingName>(name: N, given: Given) {
  const value = given[name] === '' ? undefined : given[name]
  type Value = ReturnType<(typeof SETTINGS)[N]['read']>
  return readNamed(name, () => SETTINGS[name].read(value) as Value)
}

/** The problems that keep a worker from serving, one line each: a name, then the problem, never the value. */
export function startProblems(worker: WorkerName, given: Given): string[] {
  const unbound = Object.entries(BINDINGS)
    .filter(([name, { neededBy }]) => neededBy.includes(worker) && !isBinding(given[name]))
    .map(([name, { kind }]) => `${name}: the ${kind} must be bound`)
  const badSettings = SETTING_NAMES.filter((name) => isSettingOf(worker, name))
    .map((name) => problemIn(() => readSetting(name, given)))
    .filter((problem) => problem !== null)
  if (worker !== 'authenticator' && badSettings.length === 0) {
    // Problems of two settings together.
    const problem = problemIn(() => readSettings(given))
    if (problem !== null) badSettings.push(problem)
    if (worker === 'registry') badSettings.push(...managementProblems(given))
  }
  return [...unbound, ...badSettings, ...secretProblems(worker, given)]
}

/** A variable with the name of a binding would be text. */
const isBinding = (value: unknown) => typeof value === 'object' && value !== null

/** With LOGIN_URL set, `/login` redirects to it: a redirect loop if LOGIN_URL is `/login` itself. */
function isOwnSignIn(loginUrl: string, issuer: string) {
  const { origin, pathname } = new URL(loginUrl)
  return origin === issuer && pathname === '/login'
}

/** `CODE_RETRY_SECONDS` as `codeRetrySeconds`. */
type CamelCase<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<Name>
const camelCase = (name: string) =>
  name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

type EachSetting = {
  readonly [Name in SettingName as CamelCase<Name>]: ReturnType<(typeof SETTINGS)[Name]['read']>
}

const readEach = (given: Given) =>
  Object.fromEntries(
    SETTING_NAMES.map((name) => [camelCase(name), readSetting(name, given)]),
  ) as EachSetting

/** The settings of the registry and of management: each by its name, and what some of them mean. Throws as `readSetting` does. */
export function readSettings(given: Given) {
  const {
    directory,
    logAnswers,
    registrationsPerNetworkHour,
    registrationsPerDay,
    serviceName,
    logo,
    accentColour,
    accentColourDark,
    termsUrl,
    privacyUrl,
    supportUrl,
    forgotPasswordUrl,
    ...settings
  } = readEach(given)
  const { issuer, loginUrl, sessionLifetimeSeconds, browserSessionLifetimeSeconds } = settings
  if (loginUrl !== null && isOwnSignIn(loginUrl, issuer)) {
    throw new Error('LOGIN_URL: must be another page than /login of the registry itself')
  }
  const branding: Branding = {
    serviceName,
    logo,
    accent: accentOf(accentColour, accentColourDark),
    links: {
      terms: termsUrl,
      privacy: privacyUrl,
      support: supportUrl,
      forgotPassword: forgotPasswordUrl,
    },
  }
  return {
    ...settings,
    /** The longest life of any session. Revocations are kept at least this long. */
    longestSessionSeconds: Math.max(sessionLifetimeSeconds, browserSessionLifetimeSeconds),
    hasDirectory: directory === 'on',
    logsAnswers: logAnswers === 'all',
    registrationLimits: {
      perNetworkAndHour: registrationsPerNetworkHour,
      perDay: registrationsPerDay,
    },
    branding,
  }
}

export type Settings = Readonly<ReturnType<typeof readSettings>>

/** For how long revocations are kept. */
export const lifetimesOf = (settings: Settings) => ({
  sessionLifetimeSeconds: settings.sessionLifetimeSeconds,
  longestSessionSeconds: settings.longestSessionSeconds,
  oldestClientSeconds: Math.max(settings.clientCacheSeconds, settings.staleClientSeconds),
})
