/** The `scope` parameter (RFC 6749 §3.3), compared with what the client is authorized for, and how a `registry:` scope is obtained. */

import { type Client, isPublic } from '../domain/client.ts'
import { hasRegistryScope } from '../domain/registry-scopes.ts'
import {
  holdsScope,
  isScope,
  MAX_SCOPE_LENGTH,
  meetScopes,
  OFFLINE_ACCESS,
  SCOPE_RULE,
  splitScopes,
} from '../domain/scope.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'
import { quoted, sanitized } from './sanitize.ts'

/** What happens if a request names scopes that are unknown, or that the client is not authorized for (`SCOPE_POLICY`). */
export type ScopePolicy = 'refuse' | 'narrow'

const askedIn = (fields: Fields) => splitScopes(fields.get('scope') ?? '')

/** OpenID Connect Core 1.0 §11. */
export const asksForOfflineAccess = (fields: Fields) => askedIn(fields).includes(OFFLINE_ACCESS)

/**
 * The requested scopes without `offline_access`. If no other scope is requested, they are all authorized scopes: MCP hosts
 * send ` offline_access` for a default scope. Throws `invalid_scope`.
 */
export function readRequestedScopes(
  fields: Fields,
  authorized: readonly string[],
  policy: ScopePolicy,
): readonly string[] {
  const own = authorized.filter((scope) => scope !== OFFLINE_ACCESS)
  const scopes = askedIn(fields).filter((scope) => scope !== OFFLINE_ACCESS)
  if (scopes.length === 0) return own
  const malformed = scopes.find((scope) => !isScope(scope))
  if (malformed !== undefined) {
    throw new OAuthError('invalid_scope', `A scope ${SCOPE_RULE}.`, {
      detail: `malformed scope ${quoted(malformed)}`,
    })
  }
  const missing = scopes.find((scope) => !holdsScope(own, scope))
  if (missing === undefined) return scopes
  const narrowed = policy === 'narrow' ? meetScopes(scopes, own) : []
  if (narrowed.length > 0) return narrowed
  // A well-formed scope has only characters that error_description may have (RFC 6749 §5.2).
  const named = sanitized(missing, MAX_SCOPE_LENGTH)
  throw new OAuthError('invalid_scope', `The client is not authorized for the scope '${named}'.`, {
    detail: `scope ${quoted(missing)} is not authorized`,
  })
}

/**
 * RFC 9700 §2.2.1: a stolen token with a scope of the registry would administer the registry. So such a token must be bound
 * to a key, or the client must have authenticated for it. `isBound`: the token is bound to a key that was named before, in
 * the authorization request or with the first proof of a family. A proof of this request alone is not enough, because it may
 * be a thief's.
 */
export function requireBinding(scopes: readonly string[], client: Client, isBound: boolean) {
  if (isBound || !isPublic(client) || !hasRegistryScope(scopes)) return
  throw new OAuthError(
    'invalid_request',
    'A public client gets a registry: scope only with DPoP: send dpop_jkt with the authorization request.',
  )
}
