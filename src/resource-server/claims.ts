/** The session that an introspection response (RFC 7662) describes. */

import { isEndorsement, withoutCovered } from '../domain/category.ts'
import { isScope, splitScopes } from '../domain/scope.ts'
import { type SessionRecord, UNTOLD } from '../domain/session.ts'

type Claims = Readonly<Record<string, unknown>>

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const isoTime = (epochSeconds: number) => new Date(epochSeconds * 1000).toISOString()
const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
/** Is the value an instant? A time that is later than any Date is invalid. */
const isInstant = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 8.64e12

/** A list, or one value as a list; null if the value is neither. If it is absent, the list is empty. */
function listOf(value: unknown): readonly string[] | null {
  if (value === undefined) return []
  const list = typeof value === 'string' ? [value] : value
  return isTexts(list) ? list : null
}

/**
 * Undefined for a token that is not bound; null if the binding is malformed, because such a token must not count as unbound.
 */
function bindingOf(cnf: unknown): { jkt: string } | undefined | null {
  if (cnf === undefined) return undefined
  const { jkt } = Object(cnf) as { jkt?: unknown }
  return isText(jkt) ? { jkt: jkt as string } : null
}

/**
 * Null if a member is missing or malformed. A client that acts for itself has its own id as `sub`, and no `username`. What
 * these claims do not contain is empty: the client's name, owner and URL, the user's email address, the caller's network
 * address.
 */
export function sessionOfClaims(claims: Claims): SessionRecord | null {
  const { sub, client_id: clientId, scope = '', aud, iat, exp, jti, username } = claims
  const audience = listOf(aud)
  const endorsements = listOf(claims.endorsements)
  const cnf = bindingOf(claims.cnf)
  const isWhole = isText(sub) && isText(clientId) && isInstant(exp) && isInstant(iat)
  if (!isWhole || !audience || !endorsements || cnf === null) return null
  const scopes = splitScopes(text(scope))
  if (typeof scope !== 'string' || !scopes.every(isScope)) return null
  if (!endorsements.every(isEndorsement)) return null
  return {
    session_id: text(jti),
    start_time: isoTime(iat as number),
    end_time: isoTime(exp as number),
    user:
      sub === clientId && username === undefined
        ? null
        : { user_id: text(sub), username: text(username), email: '' },
    client: { client_id: text(clientId), ...UNTOLD.client },
    authorizations: { classic: 0, scopes, endorsements: withoutCovered(endorsements) },
    audience,
    ...UNTOLD.request,
    ...(cnf && { cnf }),
  }
}
