/** Bearer tokens (RFC 6750): reading the `Authorization` header, and the refusals of a protected resource. */

/** §2.1: the scheme in any case (RFC 9110 §11.1), then exactly one b64token. */
const CREDENTIALS = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i
const REALM = 'registry'
/** §3 allows these in `error_description`; of `scope` our own form is narrower still. */
const UNQUOTABLE = /[^ !#-[\]-~]/g

export type BearerReading =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'bearer'; token: string }>
  /** Another scheme, no token, two tokens, two headers. */
  | Readonly<{ kind: 'malformed' }>

/** An empty header was presented, so it is not absent. */
export function readBearer(authorization: string | null | undefined): BearerReading {
  if (authorization === null || authorization === undefined) return { kind: 'absent' }
  const token = CREDENTIALS.exec(authorization)?.[1]
  return token === undefined ? { kind: 'malformed' } : { kind: 'bearer', token }
}

/** §3.1, with the status that goes with each. */
const STATUSES = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 } as const
export type BearerError = keyof typeof STATUSES

/** Why a request may not pass, in the form in which it leaves the house. */
export type Refusal = Readonly<{
  status: 400 | 401 | 403 | 503
  /** For the caller: one fixed sentence per cause that the caller may know. */
  reason: string
  /** Null for a fault: no other credential would help. */
  wwwAuthenticate: string | null
}>

type ChallengeParameters = Readonly<{
  error?: BearerError
  error_description?: string
  /** The scopes that would do. */
  scope?: string
}>

/** §3: the value of `WWW-Authenticate`. */
export function challenge(parameters: ChallengeParameters): string {
  const given = Object.entries({ ...parameters, realm: REALM }).filter(([, value]) => value)
  const quoted = given.map(([name, value]) => `${name}="${value.replaceAll(UNQUOTABLE, '')}"`)
  return `Bearer ${quoted.join(', ')}`
}

export const refusal = (
  error: BearerError,
  reason: string,
  scopes: readonly string[] = [],
): Refusal => ({
  status: STATUSES[error],
  reason,
  wwwAuthenticate: challenge({ error, error_description: reason, scope: scopes.join(' ') }),
})

/** §3.1: who presented nothing SHOULD NOT be told an error code. */
export const credentialRequired = (scopes: readonly string[] = []): Refusal => ({
  status: 401,
  reason: 'Authentication is required.',
  wwwAuthenticate: challenge({ scope: scopes.join(' ') }),
})

export const UNAVAILABLE: Refusal = {
  status: 503,
  reason: 'temporarily unavailable',
  wwwAuthenticate: null,
}

const RETRY_AFTER_SECONDS = 5

export function refusalResponse({ status, reason, wwwAuthenticate }: Refusal): Response {
  const headers = new Headers({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  if (wwwAuthenticate !== null) headers.set('WWW-Authenticate', wwwAuthenticate)
  if (status === 503) headers.set('Retry-After', String(RETRY_AFTER_SECONDS))
  return new Response(JSON.stringify({ reason }), { status, headers })
}
