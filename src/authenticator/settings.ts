/** What the authenticator is bound to, and when it needs the proxy's secret. */

import { isOnThisMachine } from '../domain/network.ts'

/** What this worker binds. None of it can issue a token. */
export type AuthenticatorEnv = Readonly<{
  SESSIONS: KVNamespace
  /** For immediate revocation (`/auth?fresh`, 503 without it) and to record refusals for `why`. */
  DB?: D1Database
  /** Limits how many refusals are recorded; without it none are. */
  REFUSAL_LIMIT?: RateLimit
  /** Data points are written if it is bound. */
  EVENTS?: AnalyticsEngineDataset
  /** The registry, whose `/jwks.json` is read; without it from ISSUER. */
  REGISTRY?: Pick<Fetcher, 'fetch'>
  ISSUER: string
  /** Signs what services receive, unless AUTHENTICATOR_KEYS is set. One of the two must be. */
  JWT_SECRET?: string
  /** A private JWK Set, whose first key signs what services receive. */
  AUTHENTICATOR_KEYS?: string
  /** The expected `X-Proxy-Secret` of callers over HTTP. During a rotation the new and the old secret, separated by a space. */
  PROXY_SECRET?: string
  /** How long a check waits for one answer of storage before the response is 503. */
  STORAGE_TIMEOUT_SECONDS?: string | number
}>

/** Must callers over HTTP send the proxy's secret? Not if the issuer is a loopback address. */
export const needsProxySecret = (issuer: string) => !isOnThisMachine(issuer)

export const NO_PROXY_SECRET =
  'PROXY_SECRET: must be set to serve /auth over HTTP; service bindings need none'
