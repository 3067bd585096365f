/** Keys of clients under test, the assertions (RFC 7523) and the proofs (RFC 9449) that they sign. */

import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
  SignJWT,
} from 'jose'
import { digest } from '../../src/crypto/digest.ts'
import { ISSUER, nowSeconds } from './registry.ts'

export type Key = Readonly<{ alg: string; privateKey: CryptoKey; jwk: JWK; jkt: string }>

export async function newKey(alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return { alg, privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) }
}

/** A symmetric key that forges an assertion or a proof: `{ ...key, ...(await hmacKey(text)) }`. */
export async function hmacKey(text: string) {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const bytes = new TextEncoder().encode(text)
  return {
    alg: 'HS256',
    privateKey: await crypto.subtle.importKey('raw', bytes, hmac, true, ['sign']),
  }
}

export const keySetOf = (...jwks: JWK[]) => JSON.stringify({ keys: jwks })

export type Changes = Readonly<{ header?: object; claims?: Record<string, unknown> }>

const known = { crit: { 'urn:example:extension': true } }

export const sign = (key: Pick<Key, 'alg' | 'privateKey'>, header: object, claims: object) =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.alg, ...header })
    .sign(key.privateKey, known)

/** A valid assertion unless changed; a claim that is `undefined` is left out. */
export const assertionOf = (clientId: string, key: Key, { header, claims }: Changes = {}) =>
  sign(
    key,
    { ...header },
    {
      iss: clientId,
      sub: clientId,
      aud: ISSUER,
      iat: nowSeconds(),
      exp: nowSeconds() + 60,
      jti: crypto.randomUUID(),
      ...claims,
    },
  )

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const asserting = (assertion: string) => ({
  client_assertion_type: JWT_BEARER,
  client_assertion: assertion,
})

/** A proof for the token endpoint unless changed. */
export const proofOf = (key: Key, { header, claims }: Changes = {}) =>
  sign(
    key,
    { typ: 'dpop+jwt', jwk: key.jwk, ...header },
    {
      htm: 'POST',
      htu: `${ISSUER}/token`,
      iat: nowSeconds(),
      jti: crypto.randomUUID(),
      ...claims,
    },
  )

/** A proof for a request to a resource with this token. */
export const resourceProofOf = async (
  key: Key,
  token: string,
  htu: string,
  { header, claims }: Changes = {},
) =>
  proofOf(key, {
    ...(header && { header }),
    claims: { htm: 'GET', htu, ath: await digest(token), ...claims },
  })
