/**
 * The only description of the deployment: the bindings, settings, secrets and cron of each Worker, with their checks. The
 * Workers check them when they start; `npm start`, `npm run deploy` and `doctor` make the same checks earlier. `npm run docs`
 * writes docs/settings.md from this file.
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

/** The environment of a Worker: bindings, `[vars]` and secrets. */
export type Given = Readonly<Record<string, unknown>>

/** The bindings without which a Worker cannot serve. */
export const BINDINGS = {
  DB: { kind: 'D1 database', neededBy: REGISTRY_AND_MANAGEMENT },
  SESSIONS: { kind: 'KV namespace', neededBy: ALL_WORKERS },
  CODES: { kind: 'KV namespace', neededBy: REGISTRY },
  // Without this check nobody would notice a missing rate limit, because it refuses no request.
  LOGIN_LIMIT: { kind: 'rate limit', neededBy: REGISTRY_AND_MANAGEMENT },
  REFUSAL_LIMIT: { kind: 'rate limit', neededBy: REGISTRY_AND_MANAGEMENT },
} as const

/** These bindings are separate, so that the Workers' bundles do not contain them. */
export const OPTIONAL_BINDINGS = {
  MANAGEMENT: { kind: 'service', neededBy: NONE },
  REGISTRY: { kind: 'service', neededBy: NONE },
  EVENTS: { kind: 'Analytics Engine dataset', neededBy: NONE },
} as const

/** Every minute, because cron repairs a revocation whose write to KV was lost. */
export const CRON = '* * * * *'

/** `read` gets undefined if it is not set. Throws an Error that says what is wrong, and that does not contain the value. */
type Setting<T> = Readonly<{
  read: (given: unknown) => T
  /** The allowed values and the default, for the documentation. */
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

/** A setting whose value is one of a few words. The first is the default. */
function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]): Setting<Word> {
  const read = (given: unknown = words[0]) => {
    const word = words.find((known) => known === given)
    if (word !== undefined) return word
    throw new Error(`must be ${words.join(' or ')}`)
  }
  const values = words.map((word) => `\`${word}\``).join(', ')
  return { read, values, fallback: `\`${words[0]}\`` }
}

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
 * `EFFECTS` in local/settings-page.ts says for people what each setting does, and docs/settings.md is written from it. The
 * settings are checked without a library: a library would be a fifth of the Worker's size and a third of its start-up time.
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
  // webhook-settings.ts has further checks of this setting.
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

/** What an administrator's change ends depends on the settings of the registry, so the management Worker has all of them. */
export const isSettingOf = (worker: WorkerName, name: string): name is SettingName =>
  Object.hasOwn(SETTINGS, name) && (worker !== 'authenticator' || OF_AUTHENTICATOR.includes(name))

/** Settings that need the management Worker unless they are `off` or not set. */
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

/** The problems that prevent a Worker from serving. Each is one line: a name, then the problem, never the value. */
export function startProblems(worker: WorkerName, given: Given): string[] {
  const unbound = Object.entries(BINDINGS)
    .filter(([name, { neededBy }]) => neededBy.includes(worker) && !isBinding(given[name]))
    .map(([name, { kind }]) => `${name}: the ${kind} must be bound`)
  const badSettings = SETTING_NAMES.filter((name) => isSettingOf(worker, name))
    .map((name) => problemIn(() => readSetting(name, given)))
    .filter((problem) => problem !== null)
  if (worker !== 'authenticator' && badSettings.length === 0) {
    // These are problems of two settings together.
    const problem = problemIn(() => readSettings(given))
    if (problem !== null) badSettings.push(problem)
    if (worker === 'registry') badSettings.push(...managementProblems(given))
  }
  return [...unbound, ...badSettings, ...secretProblems(worker, given)]
}

/** A variable that has the name of a binding would be text and not an object. */
const isBinding = (value: unknown) => typeof value === 'object' && value !== null

/** With LOGIN_URL set, `/login` redirects to LOGIN_URL. If LOGIN_URL is `/login` itself, this is a redirect loop. */
function isOwnSignIn(loginUrl: string, issuer: string) {
  const { origin, pathname } = new URL(loginUrl)
  return origin === issuer && pathname === '/login'
}

/** Turns `CODE_RETRY_SECONDS` into `codeRetrySeconds`. */
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

/** The settings, each by its name, and values that follow from them. Throws the same errors as `readSetting`. */
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

/** How long revocations are kept. */
export const lifetimesOf = (settings: Settings) => ({
  sessionLifetimeSeconds: settings.sessionLifetimeSeconds,
  longestSessionSeconds: settings.longestSessionSeconds,
  oldestClientSeconds: Math.max(settings.clientCacheSeconds, settings.staleClientSeconds),
})
