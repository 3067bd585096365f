/** Signing keys for the tests, and a service that verifies with jose, with jose's default cache of `/jwks.json`. */

import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import { type Fetch, ISSUER, nowSeconds } from './registry.ts'

export const newKeys = async (alg: 'ES256' | 'EdDSA' = 'ES256') => createKeys(alg, nowSeconds())

export const newKeyText = async (alg?: 'ES256' | 'EdDSA') => formatKeys(await newKeys(alg))

/** A service that verifies by the key set at this address. It keeps the set ten minutes, and asks for a new `kid` once in 30 s. */
export function joseService(fetch: Fetch) {
  const keys = createRemoteJWKSet(new URL(`${ISSUER}/jwks.json`), {
    [customFetch]: (url, { headers }) => fetch(new URL(url).pathname, { headers }),
  })
  return {
    async verify(jwt: string, typ: string) {
      return (await jwtVerify(jwt, keys, { issuer: ISSUER, typ })).payload
    },
  }
}
