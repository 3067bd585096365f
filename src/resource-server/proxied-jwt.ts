/** Identifies the caller by the authenticator's JWT, which nginx passes on. */

import { importSecret, type SharedKey, verifyJwt } from '../crypto/jws.ts'
import type { Authentication } from '../protocol/authentication.ts'
import { refusal } from '../protocol/bearer.ts'
import type { VerifyJwt } from './authenticator-keys.ts'
import { authenticated } from './binding.ts'

/** The options for a service behind nginx. */
export type JwtOptions<C> = Readonly<{
  /** The authenticator's own `JWT_SECRET`; during a rotation, the new and the old secret. */
  secret?: (c: C) => string | readonly string[]
  /**
   * The keys of the authenticator's `AUTHENTICATOR_KEYS`: `authenticatorKeys(origin)`. If there is a secret too, either may
   * have signed.
   */
  keys?: VerifyJwt
  /** The registry's origin, as the authenticator is configured. */
  issuer: string
}>

/** Only nginx may be able to reach such a service. The value of `Authorization` is the JWT, with or without `Bearer`. */
export function identifyByJwt<C>({ secret, keys, issuer }: JwtOptions<C>) {
  let imported: Readonly<{ from: string; keys: readonly SharedKey[] }> | undefined
  const keysOf = async (given: string | readonly string[]) => {
    const secrets = [given].flat()
    if (secrets.length === 0) throw new RangeError('no secret')
    const from = JSON.stringify(secrets)
    if (imported?.from !== from) {
      imported = { from, keys: await Promise.all(secrets.map(importSecret)) }
    }
    return imported.keys
  }

  const claimsIn = async (jwt: string, c: C): Promise<unknown> => {
    const expected = { issuer, now: Math.floor(Date.now() / 1000) }
    // Neither way of verifying accepts an algorithm of the other.
    const byKeys = keys ? await keys(jwt, expected) : null
    if (byKeys !== null || !secret) return byKeys
    return verifyJwt(jwt, await keysOf(secret(c)), expected)
  }

  return async (authorization: string | null, c: C): Promise<Authentication> => {
    if (authorization === null) return { kind: 'anonymous' }
    const jwt = authorization.replace(/^Bearer +/i, '')
    const claims = await claimsIn(jwt, c)
    return claims === null
      ? { kind: 'refused', refusal: refusal('invalid_token', 'The JWT is not valid.') }
      : authenticated(claims)
  }
}
