/** Settings: read and checked once per isolate. A bad one stops the service; none is guessed. */

import * as z from 'zod/mini'
import { isIssuer } from './protocol/issuer.ts'

const whole = (fallback: number, minimum: number, maximum: number) => {
  const isInRange = (n: number) => Number.isInteger(n) && n >= minimum && n <= maximum
  const problem = `must be a whole number from ${minimum} to ${maximum}`
  return z._default(z.coerce.number(problem).check(z.refine(isInRange, problem)), fallback)
}

const isHttpUrl = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const DAY_SECONDS = 86_400

const Settings = z.object({
  /** The origin that users and clients see. */
  ISSUER: z
    .string('must be set')
    .check(
      z.refine(isIssuer, 'must be an https origin, or http on a loopback address, without a path'),
    ),
  /** Where users sign in, when not here. */
  LOGIN_URL: z.optional(z.string().check(z.refine(isHttpUrl, 'must be an http or https URL'))),
  CODE_LIFETIME_SECONDS: whole(3600, 60, 3600),
  /** A verified second redemption within this time of the first is a retry, not an attack. */
  CODE_RETRY_SECONDS: whole(2, 0, 60),
  /** A spent refresh token shown again by its authenticated client within this time is a retry. */
  REFRESH_RETRY_SECONDS: whole(10, 0, 60),
  SESSION_LIFETIME_SECONDS: whole(7200, 60, 30 * DAY_SECONDS),
  REFRESH_LIFETIME_SECONDS: whole(30 * DAY_SECONDS, 60, 365 * DAY_SECONDS),
  /** How long a request waits for one answer of storage before it is 503. */
  STORAGE_TIMEOUT_SECONDS: whole(5, 1, 30),
  /** How old a client record may be for `client_credentials` while D1 does not answer. */
  STALE_CLIENT_SECONDS: whole(60, 0, 3600),
  /** How long the audit keeps what it tells. */
  AUDIT_KEEP_DAYS: whole(400, 1, 36_500),
  /** How stale a client record may be at `/token`. */
  CLIENT_CACHE_SECONDS: whole(10, 0, 300),
})

export const SETTING_NAMES = Object.keys(Settings.shape) as readonly (keyof typeof Settings.shape)[]

export type Settings = Readonly<{
  issuer: string
  loginUrl: string | null
  codeLifetimeSeconds: number
  codeRetrySeconds: number
  sessionLifetimeSeconds: number
  refreshLifetimeSeconds: number
  refreshRetrySeconds: number
  clientCacheSeconds: number
  staleClientSeconds: number
  storageTimeoutSeconds: number
  auditKeepDays: number
}>

/** An empty value counts as not set. Throws an Error of one line that names the setting and never its value. */
export function readSettings(vars: Readonly<Record<string, unknown>>): Settings {
  const given = SETTING_NAMES.map((name) => [name, vars[name]] as const)
  const read = Settings.safeParse(Object.fromEntries(given.filter(([, value]) => value !== '')))
  if (!read.success) {
    const [issue] = read.error.issues
    throw new Error(`${String(issue?.path[0])}: ${issue?.message}`)
  }
  return {
    issuer: read.data.ISSUER,
    loginUrl: read.data.LOGIN_URL ?? null,
    codeLifetimeSeconds: read.data.CODE_LIFETIME_SECONDS,
    codeRetrySeconds: read.data.CODE_RETRY_SECONDS,
    sessionLifetimeSeconds: read.data.SESSION_LIFETIME_SECONDS,
    refreshLifetimeSeconds: read.data.REFRESH_LIFETIME_SECONDS,
    refreshRetrySeconds: read.data.REFRESH_RETRY_SECONDS,
    clientCacheSeconds: read.data.CLIENT_CACHE_SECONDS,
    staleClientSeconds: read.data.STALE_CLIENT_SECONDS,
    storageTimeoutSeconds: read.data.STORAGE_TIMEOUT_SECONDS,
    auditKeepDays: read.data.AUDIT_KEEP_DAYS,
  }
}
