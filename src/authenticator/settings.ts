/** The authenticator's settings, read once per isolate. With a bad one it serves nothing. */

import { isLongEnough, MIN_SECRET_BYTES } from '../crypto/jws.ts'
import { proxySecretProblem, proxySecretsIn } from '../crypto/proxy-secret.ts'
import { LOOPBACK_HOSTS } from '../domain/loopback.ts'
import { isIssuer } from '../protocol/issuer.ts'

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

const STORAGE_TIMEOUT_SECONDS = 5

/** An empty value counts as not set. */
export const storageTimeoutOf = ({ STORAGE_TIMEOUT_SECONDS: given }: Partial<AuthenticatorEnv>) =>
  given === undefined || given === '' ? STORAGE_TIMEOUT_SECONDS : Number(given)

export const proxySecretsOf = ({ PROXY_SECRET: given = '' }: Partial<AuthenticatorEnv>) =>
  proxySecretsIn(given)

/** Must callers over HTTP show the proxy's secret? Everywhere but where the issuer is a loopback address. */
export const needsProxySecret = (issuer: string) =>
  !LOOPBACK_HOSTS.includes(new URL(issuer).hostname)

export const NO_PROXY_SECRET =
  'PROXY_SECRET: must be set to serve /auth over HTTP; service bindings need none'

/** In one sentence, without the value; null if there is nothing to say. */
export function settingProblem(env: Partial<AuthenticatorEnv>): string | null {
  if (!env.SESSIONS) return 'SESSIONS: the KV namespace must be bound'
  if (!isIssuer(env.ISSUER ?? '')) {
    return 'ISSUER: must be an https origin, or http on a loopback address, without a path'
  }
  if (!isLongEnough(env.JWT_SECRET ?? '')) {
    return `JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`
  }
  const proxyProblem = proxySecretProblem(env.PROXY_SECRET ?? '', env.JWT_SECRET ?? '')
  if (proxyProblem) return `PROXY_SECRET: ${proxyProblem}`
  const waitSeconds = storageTimeoutOf(env)
  if (!Number.isInteger(waitSeconds) || waitSeconds < 1 || waitSeconds > 30) {
    return 'STORAGE_TIMEOUT_SECONDS: must be a whole number from 1 to 30'
  }
  return null
}
