/** JWK Sets (RFC 7517 §5) of clients: judged when they are registered, and verified against when they are used. */

import { JWKSMultipleMatchingKeys } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import { holdsSecret, SIGNATURE_ALGORITHMS } from './signature-algorithms.ts'

export type Claims = Readonly<Record<string, unknown>>

const MAX_KEYS = 10
const MIN_RSA_BITS = 2048

/** How to import a key, by its type and curve: the types of our algorithms alone. */
const IMPORTS: Readonly<Record<string, object>> = {
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  'EC P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  'OKP Ed25519': { name: 'Ed25519' },
}

async function keyProblem(jwk: JsonWebKey): Promise<string | null> {
  if (jwk.kty === 'oct') return 'is symmetric: only public keys can be registered'
  if (holdsSecret(jwk)) return 'holds private members: register the public key alone'
  const type = [jwk.kty, jwk.kty === 'RSA' ? undefined : jwk.crv].filter(Boolean).join(' ')
  const algorithm = Object.hasOwn(IMPORTS, type) ? IMPORTS[type] : undefined
  if (!algorithm) {
    return `has the type ${JSON.stringify(type)}: it is one of ${Object.keys(IMPORTS).join(', ')}`
  }
  if (jwk.use !== undefined && jwk.use !== 'sig')
    return 'is not for signatures (its use is not sig)'
  if (jwk.alg !== undefined && !SIGNATURE_ALGORITHMS.some((alg) => alg === jwk.alg)) {
    return `is for an algorithm that is none of ${SIGNATURE_ALGORITHMS.join(', ')}`
  }
  try {
    const { kty, crv, x, y, n, e } = jwk
    const key = await crypto.subtle.importKey(
      'jwk',
      JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })),
      algorithm as SubtleCryptoImportKeyAlgorithm,
      true,
      ['verify'],
    )
    const { modulusLength = MIN_RSA_BITS } = key.algorithm as { modulusLength?: number }
    return modulusLength < MIN_RSA_BITS ? `is RSA of fewer than ${MIN_RSA_BITS} bits` : null
  } catch {
    return 'is not a key: a member is missing or wrong'
  }
}

/** Why this cannot be a client's JWK Set, as the rest of a sentence about it; null if it can. */
export async function keySetProblem(text: string): Promise<string | null> {
  let set: { keys?: unknown }
  try {
    set = JSON.parse(text) as { keys?: unknown }
  } catch {
    return 'is not JSON'
  }
  if (!Array.isArray(set?.keys)) return 'is not a JWK Set: an object with an array of keys'
  const { keys } = set as { keys: unknown[] }
  if (keys.length === 0) return 'holds no key'
  if (keys.length > MAX_KEYS) return `holds more than ${MAX_KEYS} keys`
  for (const [index, key] of keys.entries()) {
    const isObject = typeof key === 'object' && key !== null && !Array.isArray(key)
    const problem = isObject ? await keyProblem(key as JsonWebKey) : 'is not an object'
    if (problem) return `cannot be used: key ${index + 1} ${problem}`
  }
  return null
}

/** The claims as they stand, nothing verified; null when it is no JWT. */
export function unverifiedClaims(jwt: string): Claims | null {
  try {
    return decodeJwt(jwt)
  } catch {
    return null
  }
}

/**
 * The claims of a JWT signed with a key of this set: chosen by `kid` where the header has one, else any that fits
 * the algorithm. Keys that the header itself brings or points to (`jwk`, `jku`, `x5u`) are passed over (RFC 8725
 * §3.10), and an extension that it calls critical is not known (RFC 7515 §4.1.11). A string says why not.
 */
export async function verifyByKeySet(
  jwt: string,
  keySet: string,
  time: Readonly<{ now: number; skewSeconds: number }>,
): Promise<Claims | string> {
  const options = {
    algorithms: [...SIGNATURE_ALGORITHMS],
    currentDate: new Date(time.now * 1000),
    clockTolerance: time.skewSeconds,
  }
  try {
    const keys = createLocalJWKSet(JSON.parse(keySet) as Parameters<typeof createLocalJWKSet>[0])
    try {
      return (await jwtVerify(jwt, keys, options)).payload
    } catch (failure) {
      if (!(failure instanceof JWKSMultipleMatchingKeys)) throw failure
      for await (const key of failure) {
        const verified = await jwtVerify(jwt, key, options).catch(() => null)
        if (verified) return verified.payload
      }
      return 'no key of the set verifies the signature'
    }
  } catch (failure) {
    // Nothing was asked of anybody else here: whatever fails, fails because of what the caller sent.
    return (failure as Error).message
  }
}
