/** The authenticator's settings, read once per isolate. With a bad setting every response is 503. */

import { readSetting, startProblems } from '../config.ts'
import { proxySecretsIn } from '../crypto/proxy-secret.ts'
import { LOOPBACK_HOSTS } from '../domain/network.ts'

/** What this worker binds. None of it can issue a token. */
export type AuthenticatorEnv = Readonly<{
  SESSIONS: KVNamespace
  /** For immediate revocation (`/auth?fresh`, 503 without it) and to record refusals for `why`. */
  DB?: D1Database
  /** Limits how many refusals are recorded; without it none are. */
  REFUSAL_LIMIT?: RateLimit
  /** Data points are written if it is bound. */
  EVENTS?: AnalyticsEngineDataset
  ISSUER: string
  JWT_SECRET: string
  /** The expected `X-Proxy-Secret` of callers over HTTP. During a rotation the new and the old secret, separated by a space. */
  PROXY_SECRET?: string
  /** How long a check waits for one answer of storage before the response is 503. */
  STORAGE_TIMEOUT_SECONDS?: string | number
}>

/** Throws for a bad setting. */
export const storageTimeoutOf = (env: Partial<AuthenticatorEnv>) =>
  readSetting('STORAGE_TIMEOUT_SECONDS', env)

export const proxySecretsOf = ({ PROXY_SECRET: given = '' }: Partial<AuthenticatorEnv>) =>
  proxySecretsIn(given)

/** Must callers over HTTP send the proxy's secret? Not if the issuer is a loopback address. */
export const needsProxySecret = (issuer: string) =>
  !LOOPBACK_HOSTS.includes(new URL(issuer).hostname)

export const NO_PROXY_SECRET =
  'PROXY_SECRET: must be set to serve /auth over HTTP; service bindings need none'

/** One sentence without the value; null if the settings are good. */
export const settingProblem = (env: Partial<AuthenticatorEnv>): string | null =>
  startProblems('authenticator', env)[0] ?? null
