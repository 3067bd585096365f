/** The authenticator's settings, read once per isolate. With a bad one it serves nothing. */

import { readSetting, startProblems } from '../config.ts'
import { proxySecretsIn } from '../crypto/proxy-secret.ts'
import { LOOPBACK_HOSTS } from '../domain/network.ts'

/** Everything that this worker binds: nothing here can issue a token. */
export type AuthenticatorEnv = Readonly<{
  SESSIONS: KVNamespace
  /** To ask for revocations at once (`/auth?fresh`, refused without it), and to record refusals for `why`. */
  DB?: D1Database
  /** Limits how many refusals are recorded; without it none is. */
  REFUSAL_LIMIT?: RateLimit
  /** Data points are taken where it is bound. */
  EVENTS?: AnalyticsEngineDataset
  ISSUER: string
  JWT_SECRET: string
  /** What callers over HTTP show in `X-Proxy-Secret`. During a rotation: the new one and the old one, separated by a space. */
  PROXY_SECRET?: string
  /** How long a check waits for one answer of storage before it is 503. */
  STORAGE_TIMEOUT_SECONDS?: string | number
}>

/** Of settings without a problem. */
export const storageTimeoutOf = (env: Partial<AuthenticatorEnv>) =>
  readSetting('STORAGE_TIMEOUT_SECONDS', env)

export const proxySecretsOf = ({ PROXY_SECRET: given = '' }: Partial<AuthenticatorEnv>) =>
  proxySecretsIn(given)

/** Must callers over HTTP show the proxy's secret? Everywhere but where the issuer is a loopback address. */
export const needsProxySecret = (issuer: string) =>
  !LOOPBACK_HOSTS.includes(new URL(issuer).hostname)

export const NO_PROXY_SECRET =
  'PROXY_SECRET: must be set to serve /auth over HTTP; service bindings need none'

/** In one sentence, without the value; null if there is nothing to say. */
export const settingProblem = (env: Partial<AuthenticatorEnv>): string | null =>
  startProblems('authenticator', env)[0] ?? null
