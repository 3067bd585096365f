/** How a token with a `registry:` scope may be obtained. */

import { type Client, isPublic } from '../domain/client.ts'
import { hasRegistryScope } from '../domain/registry-scopes.ts'
import { OAuthError } from './errors.ts'

/**
 * RFC 9700 §2.2.1: a stolen token administers the registry, so it is bound to a key, or the client authenticated for it.
 * `isBound`: to a key that was named before, in the authorization request or with the first proof of a family. A proof
 * of this request alone does not suffice, because it may be a thief's.
 */
export function requireBinding(scopes: readonly string[], client: Client, isBound: boolean) {
  if (isBound || !isPublic(client) || !hasRegistryScope(scopes)) return
  throw new OAuthError(
    'invalid_request',
    'A public client gets a registry: scope only with DPoP: send dpop_jkt with the authorization request.',
  )
}
