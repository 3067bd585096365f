/** The `scope` parameter (RFC 6749 §3.3), compared with what the client is authorized for. */

import { holdsScope, isScope, SCOPE_RULE, splitScopes } from '../domain/scope.ts'
import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'
import { quoted } from './sanitize.ts'

/** The requested scopes; without the parameter all authorized scopes. Throws `invalid_scope`. */
export function readRequestedScopes(
  fields: Fields,
  authorized: readonly string[],
): readonly string[] {
  const parameter = fields.get('scope')
  if (parameter === undefined) return authorized
  const scopes = splitScopes(parameter)
  const malformed = scopes.length === 0 ? parameter : scopes.find((scope) => !isScope(scope))
  if (malformed !== undefined) {
    throw new OAuthError('invalid_scope', `A scope ${SCOPE_RULE}.`, {
      detail: `malformed scope ${quoted(malformed)}`,
    })
  }
  const missing = scopes.find((scope) => !holdsScope(authorized, scope))
  if (missing !== undefined) {
    throw new OAuthError('invalid_scope', 'The client is not authorized for a requested scope.', {
      detail: `scope ${quoted(missing)} is not authorized`,
    })
  }
  return scopes
}
