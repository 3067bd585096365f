/** `private_key_jwt` (RFC 7523 §2.2 and §3, RFC 7521 §4.2): the client sends a JWT signed with its key. */

import { type Claims, verifyByKeySet } from '../crypto/key-set.ts'

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How far the client's clock may be from ours. */
const SKEW_SECONDS = 60
/** How far ahead `exp` may be: how long an id is stored, and how long a stolen, unused assertion is accepted. */
const MAX_LIFETIME_SECONDS = 600

type Assertion = Readonly<{
  jti: string
  /** Whole epoch seconds: until then the same assertion could be sent again. */
  expiresAt: number
}>

/** The owner of the ids of a client's assertions in the store of used ids. */
export const ownerOfAssertion = (clientId: string) => `client ${clientId}`

/**
 * Checks everything except whether the assertion was used before, which a store decides afterwards. Returns a string that
 * says, for the log, which check failed. `keySet` is the client's registered JWK Set.
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
 * `aud` is the issuer only. RFC 7523 also allows the token endpoint's URL, but that does not identify the server when a
 * client uses several (draft-ietf-oauth-rfc7523bis).
 */
const isFor = (issuer: string, { aud }: Claims) =>
  aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)
