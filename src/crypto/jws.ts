/** JWTs signed and verified with HS256 and a shared secret. */

import { encode } from 'jose/base64url'
import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { digest } from './digest.ts'

/** RFC 7518 §3.2: a key for HS256 MUST be at least as long as the output of HS256. */
export const MIN_SECRET_BYTES = 32

const KID_LENGTH = 8

/** A shared secret, with the header of its JWTs as an object and encoded. */
export type SharedKey = Readonly<{
  header: Readonly<{ alg: 'HS256'; typ: 'JWT'; kid: string }>
  encodedHeader: string
  key: CryptoKey
}>

const encoder = new TextEncoder()

export const isLongEnough = (secret: string) => encoder.encode(secret).length >= MIN_SECRET_BYTES

/** RFC 7515 §4.1.4. 48 bits of a digest reveal no more than a signature does: an attacker can test guesses with either. */
const kidOf = async (secret: string) => (await digest(`kid:${secret}`)).slice(0, KID_LENGTH)

/** Is called once per isolate, because importing takes as long as signing. Throws a RangeError for a short secret. */
export async function importSecret(secret: string): Promise<SharedKey> {
  if (!isLongEnough(secret)) throw new RangeError(`shorter than ${MIN_SECRET_BYTES} bytes`)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const header = { alg: 'HS256', typ: 'JWT', kid: await kidOf(secret) } as const
  return {
    header,
    encodedHeader: encode(JSON.stringify(header)),
    key: await crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, [
      'sign',
      'verify',
    ]),
  }
}

/** Signs the claims unchanged: the caller sets `iss`, `iat` and `exp`. */
export async function signJwt(claims: object, { encodedHeader, key }: SharedKey): Promise<string> {
  const signed = `${encodedHeader}.${encode(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign('HMAC', key, encoder.encode(signed))
  return `${signed}.${encode(new Uint8Array(signature))}`
}

/**
 * Returns the claims; null if no key verifies the JWT, or if it is from another issuer or not valid at `now` (epoch seconds).
 * Tries the key of the JWT's `kid`, or every key if there is no `kid`. `exp` is required. The algorithm is fixed and never
 * chosen by the token (RFC 8725 §3.1). Any other failure throws.
 */
export async function verifyJwt(
  jwt: string,
  keys: readonly SharedKey[],
  expected: Readonly<{ issuer: string; now: number }>,
): Promise<unknown> {
  for (const { header, key } of keys) {
    const keyFor = ({ kid }: { kid?: string }) => {
      if (kid !== undefined && kid !== header.kid) throw new JWKSNoMatchingKey()
      return key
    }
    try {
      const { payload } = await jwtVerify(jwt, keyFor, {
        algorithms: [header.alg],
        issuer: expected.issuer,
        requiredClaims: ['exp'],
        currentDate: new Date(expected.now * 1000),
      })
      return payload
    } catch (failure) {
      if (!(failure instanceof JOSEError)) throw failure
    }
  }
  return null
}
