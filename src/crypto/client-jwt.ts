/** JWTs that clients sign: with a key of their JWK Set (an assertion), or with the key in the header (a proof). */

import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JWKSMultipleMatchingKeys } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { compactVerify } from 'jose/jws/compact/verify'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import { isObject } from '../domain/json-object.ts'
import { thumbprintOf } from './digest.ts'

export type Claims = Readonly<Record<string, unknown>>

/** All are asymmetric (RFC 8725 §3.1, §3.2). `Ed25519` is RFC 9864's name for what `EdDSA` meant before. */
export const SIGNATURE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] as const

const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Does the key have a private member? RFC 7518 §6.2.2, §6.3.2, §6.4.1. */
export const holdsSecret = (jwk: object) => SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name))

/** RFC 9864 §2.2: `EdDSA` and `Ed25519` both name the key's only algorithm, so the key's own `alg` is dropped. */
const withoutItsName = (key: Readonly<Record<string, unknown>>) =>
  key.crv === 'Ed25519' ? { ...key, alg: undefined } : key

/** The keys of the set, without values that are not objects. For such a value jose would refuse the whole set. */
const keysIn = (keySet: string) => {
  const { keys } = JSON.parse(keySet) as { keys: unknown[] }
  return { keys: keys.filter(isObject).map(withoutItsName) } as Parameters<
    typeof createLocalJWKSet
  >[0]
}

/** The claims without any verification; null if the text is not a JWT. */
export function unverifiedClaims(jwt: string): Claims | null {
  try {
    return decodeJwt(jwt)
  } catch {
    return null
  }
}

/** The header without any verification, for people; null if the text is not a JWT. */
export function unverifiedHeader(jwt: string): Readonly<Record<string, unknown>> | null {
  try {
    return decodeProtectedHeader(jwt)
  } catch {
    return null
  }
}

/**
 * Returns the claims of a JWT that a key of this set verifies: the key of the JWT's `kid` or, without a `kid`, every key that
 * fits the algorithm. Keys in the header, or that the header refers to (`jwk`, `jku`, `x5u`), are never used (RFC 8725
 * §3.10), and every critical extension is refused (RFC 7515 §4.1.11). Returns a string with the reason if the JWT is refused.
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
    const keys = createLocalJWKSet(keysIn(keySet))
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
    // Nothing here calls storage or another service, so every failure is the caller's fault.
    return (failure as Error).message
  }
}

type ProvenClaims = Readonly<{
  claims: Readonly<Record<string, unknown>>
  thumbprint: string
}>

/** The JWT proves that its signer holds the private key of the header's key. Null if invalid. The caller checks the times. */
export async function verifyProof(jwt: string, typ: string): Promise<ProvenClaims | null> {
  try {
    let thumbprint = ''
    const algorithms = [...SIGNATURE_ALGORITHMS]
    const { payload } = await compactVerify(
      jwt,
      async (header) => {
        const { jwk } = header
        if (header.typ !== typ || !jwk || holdsSecret(jwk)) throw new TypeError('no proof')
        thumbprint = await thumbprintOf(jwk)
        return jwk
      },
      { algorithms },
    )
    const claims: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload),
    )
    return typeof claims === 'object' && claims !== null
      ? { claims: claims as ProvenClaims['claims'], thumbprint }
      : null
  } catch {
    // Nothing here calls storage or another service, so every failure is the caller's fault.
    return null
  }
}
