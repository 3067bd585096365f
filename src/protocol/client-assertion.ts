/** `private_key_jwt` (RFC 7523 §2.2 and §3, RFC 7521 §4.2): a client shows a JWT signed with its own key. */

import { type Claims, verifyByKeySet } from '../crypto/key-set.ts'

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How far the client's clock may be from ours. */
const SKEW_SECONDS = 60
/** The furthest that `exp` may be ahead: so long an id is remembered, and a stolen assertion not yet used is good. */
const MAX_LIFETIME_SECONDS = 600

export type Assertion = Readonly<{
  jti: string
  /** Epoch seconds, whole: until then the same assertion could be shown again. */
  expiresAt: number
}>

/** Whose ids those of a client's assertions are, among all that are used once. */
export const ownerOfAssertion = (clientId: string) => `client ${clientId}`

/**
 * Everything but whether it was shown before: that is for a store to say, and only of an assertion that is the
 * client's own. A string says for the log which check failed. `keySet` is the client's registered JWK Set.
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
 * The issuer, and nobody beside it. Not the token endpoint's URL, which RFC 7523 allows: it does not tell which
 * server an assertion was made for when a client talks to several (draft-ietf-oauth-rfc7523bis).
 */
const isFor = (issuer: string, { aud }: Claims) =>
  aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)
