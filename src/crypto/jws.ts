/** JWTs under HS256: signed and verified with one shared secret, and with no other algorithm. */

import { JOSEError } from 'jose/errors'
import { CompactSign } from 'jose/jws/compact/sign'
import { jwtVerify } from 'jose/jwt/verify'

/** RFC 7518 §3.2: a key for HS256 MUST be at least as long as its output. */
export const MIN_SECRET_BYTES = 32

const HEADER = { alg: 'HS256', typ: 'JWT' } as const
const encoder = new TextEncoder()

export const isLongEnough = (secret: string) => encoder.encode(secret).length >= MIN_SECRET_BYTES

/** Once per isolate: importing costs as much as signing. Throws a RangeError on a short secret. */
export async function importSecret(secret: string): Promise<CryptoKey> {
  if (!isLongEnough(secret)) throw new RangeError(`shorter than ${MIN_SECRET_BYTES} bytes`)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  return crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, ['sign', 'verify'])
}

/** The claims are signed as they stand: whoever calls has set `iss`, `iat` and `exp`. */
export const signJwt = (claims: object, key: CryptoKey): Promise<string> =>
  new CompactSign(encoder.encode(JSON.stringify(claims))).setProtectedHeader(HEADER).sign(key)

/**
 * The claims; null if the JWT is not ours, not from this issuer, or not in force at `now` (epoch seconds).
 * `exp` is required: a JWT without an end is none of ours. The algorithm is ours to say, never the token's
 * (RFC 8725 §3.1). Any other failure throws.
 */
export async function verifyJwt(
  jwt: string,
  key: CryptoKey,
  expected: Readonly<{ issuer: string; now: number }>,
): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(jwt, key, {
      algorithms: [HEADER.alg],
      issuer: expected.issuer,
      requiredClaims: ['exp'],
      currentDate: new Date(expected.now * 1000),
    })
    return payload
  } catch (failure) {
    if (failure instanceof JOSEError) return null
    throw failure
  }
}
