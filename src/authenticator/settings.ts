/** The authenticator's bindings, and whether it needs the proxy's secret. */

import { isOnThisMachine } from '../domain/network.ts'

/** The bindings of this Worker. None of them can issue a token. */
export type AuthenticatorEnv = Readonly<{
  SESSIONS: KVNamespace
  /** Used for immediate revocation (`/auth?fresh`, which is 503 without it) and to record refusals for `why`. */
  DB?: D1Database
  /** Limits how many refusals are recorded; without this binding no refusal is recorded. */
  REFUSAL_LIMIT?: RateLimit
  /** Gets data points if it is bound. */
  EVENTS?: AnalyticsEngineDataset
  /** The registry, whose `/jwks.json` is read; without this binding it is read from ISSUER. */
  REGISTRY?: Pick<Fetcher, 'fetch'>
  ISSUER: string
  /** Signs the JWTs for services, unless AUTHENTICATOR_KEYS is set. One of the two must be set. */
  JWT_SECRET?: string
  /** A private JWK Set, whose first key signs the JWTs for services. */
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
