/**
 * How a client authenticates (RFC 6749 §2.3, RFC 7521 §4.2): the presented id, the method and its credential, and
 * `private_key_jwt` (RFC 7523 §2.2 and §3), by which the client sends a JWT that it has signed with its key.
 */

import { type Claims, unverifiedClaims, verifyByKeySet } from '../crypto/client-jwt.ts'
import type { ClientId } from '../domain/ids.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The values of `method` are the names of RFC 7591 §2. */
export type PresentedClient = Readonly<{ clientId: ClientId }> &
  (
    | Readonly<{ method: 'client_secret_post' | 'client_secret_basic'; secret: string }>
    | Readonly<{ method: 'private_key_jwt'; assertion: string }>
    | Readonly<{ method: 'none' }>
  )

/** The same for every cause that depends on a record, so that it does not reveal which clients exist or how they register. */
export const invalidClient = (detail: string) =>
  new OAuthError('invalid_client', 'Client authentication failed.', { detail })

/** The error for a cause that the request alone shows, without a record of a client. The caller may know this cause. */
export const invalidCredentials = (detail: string) =>
  new OAuthError('invalid_client', `Client authentication failed: ${detail}.`, { detail })

const formDecode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined by a colon. */
function readBasic(authorization: string): { clientId: ClientId; secret: string } {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? []
  if (!encoded) throw invalidCredentials('the Authorization header is not Basic credentials')
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
    const pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const colon = pair.indexOf(':')
    if (colon > 0) {
      return {
        clientId: formDecode(pair.slice(0, colon)) as ClientId,
        secret: formDecode(pair.slice(colon + 1)),
      }
    }
  } catch {
    // The credentials are not base64, not UTF-8 or not form-encoded. The caller gets the same error for each.
  }
  throw invalidCredentials('the Basic credentials are malformed')
}

/** Null unless the request has both parameters. RFC 7523 §3: the client is the `sub` of the assertion. */
function readAssertion(fields: Fields): { clientId: ClientId; assertion: string } | null {
  const assertion = fields.get('client_assertion')
  const type = fields.get('client_assertion_type')
  if (assertion === undefined && type === undefined) return null
  if (assertion === undefined)
    throw invalidCredentials('client_assertion_type without an assertion')
  if (type !== JWT_BEARER) throw invalidCredentials('client_assertion_type is missing or not known')
  const subject = unverifiedClaims(assertion)?.sub
  if (typeof subject !== 'string') throw invalidCredentials('the client assertion names no sub')
  return { clientId: subject as ClientId, assertion }
}

/** RFC 6749 §2.3: a client MUST NOT use more than one method in a request. RFC 6749 §5.2 names the error. */
const twoMethods = () =>
  new OAuthError('invalid_request', 'The request authenticates the client in more than one way.')

/** Throws `invalid_client` if the request has no method, and `invalid_request` if it has more than one. */
export function readClientAuthentication(
  fields: Fields,
  authorization: string | undefined,
): PresentedClient {
  const clientId = fields.get('client_id') as ClientId | undefined
  const secret = fields.get('client_secret')
  const asserted = readAssertion(fields)
  if (asserted) {
    if (authorization !== undefined || secret !== undefined) throw twoMethods()
    if (clientId !== undefined && clientId !== asserted.clientId) {
      throw invalidCredentials('client_id differs from the sub of the client assertion')
    }
    return { ...asserted, method: 'private_key_jwt' }
  }
  if (authorization !== undefined) {
    const basic = readBasic(authorization)
    if (secret !== undefined) throw twoMethods()
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw invalidCredentials('client_id differs from the Basic credentials')
    }
    return { ...basic, method: 'client_secret_basic' }
  }
  if (clientId === undefined) throw invalidCredentials('no client_id')
  return secret === undefined
    ? { clientId, method: 'none' }
    : { clientId, method: 'client_secret_post', secret }
}

function basicName(authorization: string): string | null {
  const [, encoded = ''] = /^basic +(\S+)$/i.exec(authorization) ?? []
  try {
    const name = atob(encoded).replace(/:.*$/s, '')
    return decodeURIComponent(name.replaceAll('+', ' ')) || null
  } catch {
    return null
  }
}

/** RFC 7523 §3: the issuer of a client assertion is the client. */
function assertionIssuer(assertion: string): string | null {
  const issuer = unverifiedClaims(assertion)?.iss
  return typeof issuer === 'string' ? issuer : null
}

/** The client that a request claims to be from, not verified, and for the log only. Null if the request names none. */
export function claimedClientId(fields: Fields, authorization: string | undefined): string | null {
  const assertion = fields.get('client_assertion')
  return (
    fields.get('client_id') ||
    (authorization === undefined ? null : basicName(authorization)) ||
    (assertion === undefined ? null : assertionIssuer(assertion))
  )
}

/** The most by which the client's clock may differ from the registry's. */
const SKEW_SECONDS = 60
/** How far ahead `exp` may be. The id is stored this long, and a stolen, unused assertion is accepted this long. */
const MAX_LIFETIME_SECONDS = 600

type Assertion = Readonly<{
  jti: string
  /** Whole epoch seconds: the same assertion could be sent again until this moment. */
  expiresAt: number
}>

/** The owner of the ids of a client's assertions in the store of used ids. */
export const ownerOfAssertion = (clientId: string) => `client ${clientId}`

/**
 * Checks everything except whether the assertion was used before, which a store decides afterwards. Returns a string, for the
 * log, that says which check failed. `keySet` is the client's registered JWK Set.
 */
export async function verifyAssertion(
  assertion: string,
  expected: Readonly<{ clientId: string; keySet: string; issuer: string; now: number }>,
): Promise<Assertion | string> {
  const { clientId, keySet, issuer, now } = expected
  const claims = await verifyByKeySet(assertion, keySet, { now, skewSeconds: SKEW_SECONDS })
  if (typeof claims === 'string') return `client assertion: ${claims}`
  const { iss, sub, exp, iat, jti } = claims
  if (iss !== clientId || sub !== clientId)
    return 'client assertion: iss and sub are not the client'
  if (!isFor(issuer, claims)) return 'client assertion: aud is not the issuer alone'
  if (typeof exp !== 'number') return 'client assertion: exp is missing'
  if (exp > now + MAX_LIFETIME_SECONDS) {
    return `client assertion: exp is ${exp - now} s ahead, and may be ${MAX_LIFETIME_SECONDS}`
  }
  if (iat !== undefined && !(typeof iat === 'number' && iat <= now + SKEW_SECONDS)) {
    return 'client assertion: iat is in the future'
  }
  if (typeof jti !== 'string' || jti === '') return 'client assertion: jti is missing'
  return { jti, expiresAt: Math.ceil(exp) + SKEW_SECONDS }
}

/**
 * The only accepted `aud` is the issuer. RFC 7523 also allows the token endpoint's URL, but this URL does not identify the
 * server if a client uses several servers (draft-ietf-oauth-rfc7523bis).
 */
const isFor = (issuer: string, { aud }: Claims) =>
  aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)
