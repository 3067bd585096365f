/** JWTs under HS256: signed and verified with one shared secret, and with no other algorithm. */

import { encode } from 'jose/base64url'
import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { digest } from './digest.ts'

/** RFC 7518 §3.2: a key for HS256 MUST be at least as long as its output. */
export const MIN_SECRET_BYTES = 32

const KID_LENGTH = 8

/** Of one shared secret: what is signed with it, and the header that its JWTs carry, also as it is written. */
export type SharedKey = Readonly<{
  header: Readonly<{ alg: 'HS256'; typ: 'JWT'; kid: string }>
  encodedHeader: string
  key: CryptoKey
}>

const encoder = new TextEncoder()

export const isLongEnough = (secret: string) => encoder.encode(secret).length >= MIN_SECRET_BYTES

/** 48 bits of a digest: guesses at the secret can be tried on any JWT's signature anyway (RFC 7515 §4.1.4). */
const kidOf = async (secret: string) => (await digest(`kid:${secret}`)).slice(0, KID_LENGTH)

/** Once per isolate: importing costs as much as signing. Throws a RangeError on a short secret. */
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

/** The claims are signed as they stand: whoever calls has set `iss`, `iat` and `exp`. */
export async function signJwt(claims: object, { encodedHeader, key }: SharedKey): Promise<string> {
  const signed = `${encodedHeader}.${encode(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign('HMAC', key, encoder.encode(signed))
  return `${signed}.${encode(new Uint8Array(signature))}`
}

/**
 * The claims; null if the JWT is not ours, not from this issuer, or not in force at `now` (epoch seconds). Of
 * several keys the one of its `kid`; any, if it names none.
 * `exp` is required: a JWT without an end is none of ours. The algorithm is ours to say, never the token's
 * (RFC 8725 §3.1). Any other failure throws.
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
