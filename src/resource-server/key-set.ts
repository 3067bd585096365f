/** Identifies the caller by a signed token (RFC 9068) and the registry's key set, without a request about the token. */

import { readAccessToken } from '../protocol/read-access-token.ts'
import type { Check } from './asked.ts'
import { identifyByToken } from './presented-token.ts'
import { keysAt } from './published-keys.ts'
import { type RegistryOptions, registryOf } from './registry.ts'

export type KeySetOptions = RegistryOptions

/**
 * Verifies each token with the keys at the registry's `/jwks.json`, which are read again after five minutes, and used for a
 * day while the registry does not answer. A revocation is not seen: a token is valid until it expires. `scoped()` therefore
 * takes no `revocation: 'immediate'`, and needs `audience`. An opaque token is refused. Throws a TypeError for wrong options.
 *
 * @example keySet({ issuer: 'https://auth.example.org' })
 */
export function keySet(options: KeySetOptions): Check {
  const registry = registryOf('keySet', options)
  const { issuer } = registry
  const keys = keysAt(registry)

  const find = async (token: string, now: number) => {
    const session = await readAccessToken(token, { keys, issuer, nowMs: now * 1000 })
    return typeof session === 'string' ? null : session
  }
  return { kind: 'key set', identify: identifyByToken(find) }
}
