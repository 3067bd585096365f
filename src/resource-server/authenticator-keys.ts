/** The keys with which the authenticator signs the JWTs that it passes on, for a service behind a proxy. */

import { verifyWith } from '../crypto/signed-jwt.ts'
import { isIssuer } from '../protocol/public-url.ts'
import { keysAt } from './published-keys.ts'
import { type RegistryOptions, registryOf } from './registry.ts'

/** The `typ` of such a JWT. An access token has another `typ`, so that neither is accepted as the other. */
const TYPE = 'JWT'

/** Returns the claims; null if the JWT is not valid. Throws if this cannot be known now. */
export type VerifyJwt = (
  jwt: string,
  expected: Readonly<{ issuer: string; now: number }>,
) => Promise<unknown>

/**
 * The keys at `/jwks.json` of the authenticator, for `scoped(…, { jwt: { keys, issuer } })`. They are read again after five
 * minutes, and stay valid for a day while the authenticator does not answer. `origin` is the authenticator's. Throws a
 * TypeError for bad options.
 *
 * @example authenticatorKeys('https://authenticator.example.org')
 */
export function authenticatorKeys(
  origin: string,
  options: Omit<RegistryOptions, 'issuer'> = {},
): VerifyJwt {
  if (!isIssuer(origin)) {
    throw new TypeError(
      'authenticatorKeys(): the address of the authenticator must be an origin: https, or http on a loopback address, without a path',
    )
  }
  const keys = keysAt(registryOf('authenticatorKeys', { ...options, issuer: origin }))
  return async (jwt, { issuer, now }) => {
    const claims = await verifyWith(keys, jwt, { typ: TYPE, issuer, nowMs: now * 1000 })
    return typeof claims === 'string' ? null : claims
  }
}
