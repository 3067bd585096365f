/**
 * Access tokens at a protected resource (RFC 6750; RFC 9449 §7 for tokens that are bound to a key): the `Authorization`
 * header and the refusals.
 */

import { SIGNATURE_ALGORITHMS } from '../crypto/client-jwt.ts'
import { canonicalResource } from '../domain/resource.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { Proof } from './dpop.ts'

/** §2.1: the scheme in any case (RFC 9110 §11.1), then exactly one b64token. */
const CREDENTIALS = /^(Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i
const REALM = 'registry'
/** Characters that RFC 6750 §3 forbids in `error_description`. The form of the registry's scopes is narrower. */
const UNQUOTABLE = /[^ !#-[\]-~]/g

type BearerReading =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'bearer' | 'dpop'; token: string }>
  /** The header has another scheme, no token or two tokens, or there are two headers. */
  | Readonly<{ kind: 'malformed' }>

/** An empty header counts as malformed and not as absent. */
export function readBearer(authorization: string | null | undefined): BearerReading {
  if (authorization === null || authorization === undefined) return { kind: 'absent' }
  const [, scheme, token] = CREDENTIALS.exec(authorization) ?? []
  if (!scheme || !token) return { kind: 'malformed' }
  return { kind: scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token }
}

/** The error codes of RFC 6750 §3.1 and RFC 9449 §7.1, with the status of each. */
const STATUSES = {
  invalid_request: 400,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  insufficient_scope: 403,
} as const
export type BearerError = keyof typeof STATUSES

export type Refusal = Readonly<{
  status: 400 | 401 | 403 | 503
  error: BearerError | 'authentication_required' | 'access_denied' | 'temporarily_unavailable'
  /** The sentence for the caller: each cause that the caller may know has one fixed sentence. */
  reason: string
  /** Null if another credential would not help. */
  wwwAuthenticate: string | null
  /** The id by which the operator finds the cause. Absent if nothing was recorded. */
  correlationId?: string
}>

type ChallengeParameters = Readonly<{
  error?: BearerError
  error_description?: string
  scope?: string
}>

export type Scheme = 'Bearer' | 'DPoP'

/** §3: the value of `WWW-Authenticate`. RFC 9449 §7.1: DPoP lists the algorithms for proofs. */
export function challenge(parameters: ChallengeParameters, scheme: Scheme = 'Bearer'): string {
  const algs = scheme === 'DPoP' ? SIGNATURE_ALGORITHMS.join(' ') : ''
  const given = Object.entries({ ...parameters, algs, realm: REALM }).filter(([, value]) => value)
  const quoted = given.map(([name, value]) => `${name}="${value.replaceAll(UNQUOTABLE, '')}"`)
  return `${scheme} ${quoted.join(', ')}`
}

export const refusal = (
  error: BearerError,
  reason: string,
  scopes: readonly string[] = [],
  scheme: Scheme = 'Bearer',
): Refusal => ({
  status: STATUSES[error],
  error,
  reason,
  wwwAuthenticate: challenge({ error, error_description: reason, scope: scopes.join(' ') }, scheme),
})

/** RFC 6750 §3.1: the challenge SHOULD NOT have an error code if nothing was presented. The body has a code of its own. */
export const credentialRequired = (scopes: readonly string[]): Refusal => ({
  status: 401,
  error: 'authentication_required',
  reason: 'Authentication is required.',
  wwwAuthenticate: challenge({ scope: scopes.join(' ') }),
})

export const BAD_HEADER = 'The Authorization header does not carry an access token.'
export const BAD_TOKEN = 'The access token is unknown, expired or revoked.'
export const WRONG_AUDIENCE = 'The access token is not for this resource.'

const BOUND = 'The access token is bound to a key: present it with the scheme DPoP and a proof.'
const NOT_BOUND = 'The access token is not bound to a key: present it with the scheme Bearer.'

/** RFC 9449 §7.1. `why` is the end of a sentence, as `readProof` returns it. */
export const badProof = (why: string, needed: readonly string[] = []) =>
  refusal(
    'invalid_dpop_proof',
    `The DPoP proof is not valid for this request: ${why}.`,
    needed,
    'DPoP',
  )

/**
 * Null if the token and the proof belong together. RFC 9449 §7.1, §7.2: a bound token MUST NOT be accepted as Bearer. An
 * unbound token is refused if it comes with a proof. `jkt` is null if the token is not bound; `proof` is null if the token
 * was presented as Bearer.
 */
export function bindingProblem(
  jkt: string | null,
  proof: Proof | null,
  needed: readonly string[] = [],
): Refusal | null {
  if ((jkt === null) !== (proof === null)) {
    return refusal('invalid_token', jkt === null ? NOT_BOUND : BOUND, needed, 'DPoP')
  }
  return proof && proof.jkt !== jkt ? badProof('the token is bound to another key', needed) : null
}

/** RFC 8707 §2, RFC 9068 §4: a token without an audience is for no resource in particular, so it is not for this resource. */
export function isFor({ audience }: Pick<SessionRecord, 'audience'>, uri: string) {
  const resource = canonicalResource(uri)
  return audience.some((one) => one === resource)
}

export const asksForCredential = ({ error }: Refusal) => error === 'authentication_required'

type Operation = Readonly<{
  /** All scopes that the operation needs. */
  scopes: readonly string[]
  /** The URL of the resource's metadata, which needs no escaping; undefined if there is none. */
  resourceMetadata: string | undefined
}>

/**
 * Adds to a challenge what it lacks: the scopes that the operation needs, so that a client can ask for all of them at once
 * (RFC 6750 §3), and the URL of the resource's metadata (RFC 9728 §5.1).
 */
export function withOperation(why: Refusal, { scopes, resourceMetadata }: Operation): Refusal {
  const { wwwAuthenticate } = why
  if (wwwAuthenticate === null) return why
  const lacksScope = scopes.length > 0 && !/ scope="/.test(wwwAuthenticate)
  const needs = lacksScope ? `scope="${scopes.join(' ')}", realm=` : 'realm='
  const metadata = resourceMetadata === undefined ? '' : `, resource_metadata="${resourceMetadata}"`
  return { ...why, wwwAuthenticate: wwwAuthenticate.replace('realm=', needs) + metadata }
}

export const UNAVAILABLE: Refusal = {
  status: 503,
  error: 'temporarily_unavailable',
  reason: 'temporarily unavailable',
  wwwAuthenticate: null,
}

const RETRY_AFTER_SECONDS = 5

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }

/** The members of RFC 6749 §5.2, and `reason`, which equals `error_description`. */
export const refusalBody = ({ error, reason }: Readonly<{ error: string; reason: string }>) =>
  JSON.stringify({ error, error_description: reason, reason })

export function refusalParts(refused: Refusal) {
  const { status, wwwAuthenticate, correlationId } = refused
  const headers: Readonly<Record<string, string>> = {
    ...HEADERS,
    ...(wwwAuthenticate !== null && { 'WWW-Authenticate': wwwAuthenticate }),
    ...(status === 503 && { 'Retry-After': String(RETRY_AFTER_SECONDS) }),
    ...(correlationId !== undefined && { 'X-Correlation-Id': correlationId }),
  }
  return [refusalBody(refused), { status, headers }] as const
}
