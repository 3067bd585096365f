/** The introspection response (RFC 7662 §2.2). */

import { formatScopes } from '../domain/scope.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'

/** A token that is active now. Instants in epoch seconds. */
export type ActiveToken = Readonly<{
  kind: 'accessToken' | 'refreshToken'
  clientId: string
  /** Null if the client acts for itself. */
  user: Readonly<{ userId: string; username: string }> | null
  scopes: readonly string[]
  endorsements: readonly string[]
  /** URIs of the resources that the token is for; empty if it is for no particular resource. */
  audience: readonly string[]
  issuedAt: number
  expiresAt: number
  /** Thumbprint of the key that an access token is bound to; null for a bearer token. */
  jkt?: string | null
}>

export const activeSession = (session: SessionRecord, clientId: string): ActiveToken => ({
  kind: 'accessToken',
  clientId,
  user: session.user && { userId: session.user.user_id, username: session.user.username },
  ...session.authorizations,
  audience: session.audience,
  issuedAt: Math.floor(Date.parse(session.start_time) / 1000),
  expiresAt: endOf(session),
  jkt: session.cnf?.jkt ?? null,
})

/**
 * `token` is null if the token is not active or not the caller's. RFC 7662 §2.2: the response then SHOULD NOT say more.
 * `token_type` is the scheme of an access token (RFC 6749 §7.1), so a refresh token has none. `endorsements` is the
 * registry's own member.
 */
export function introspectionResponse(token: ActiveToken | null, issuer: string) {
  if (token === null) return { active: false }
  return {
    active: true,
    scope: formatScopes(token.scopes),
    client_id: token.clientId,
    // A signed token does not contain the username.
    ...(token.user?.username && { username: token.user.username }),
    sub: token.user?.userId ?? token.clientId,
    ...(token.audience.length > 0 && { aud: token.audience }),
    ...(token.kind === 'accessToken' && { token_type: token.jkt ? 'DPoP' : 'Bearer' }),
    // RFC 9449 §6.2: the thumbprint of the key.
    ...(token.jkt && { cnf: { jkt: token.jkt } }),
    exp: token.expiresAt,
    iat: token.issuedAt,
    iss: issuer,
    endorsements: token.endorsements,
  }
}

/** The `typ` of a signed response. With `application/` before it, this is the media type (RFC 9701 §5). */
export const INTROSPECTION_JWT = 'token-introspection+jwt'

/** Does the `Accept` header ask for a signed response (RFC 9701 §4)? */
export const asksForSignedResponse = (accept = '') =>
  accept
    .toLowerCase()
    .split(',')
    .map((range) => range.replace(/\s/g, ''))
    .some((range) =>
      /^application\/token-introspection\+jwt(?!.*;q=0(\.0*)?(;|$))(;|$)/.test(range),
    )

type Asked = Readonly<{ issuer: string; clientId: string; now: number }>

/** RFC 9701 §5: no `sub` and no `exp`, so that no service accepts it as an access token. `aud` is the client that asked. */
export const signedClaims = (
  response: ReturnType<typeof introspectionResponse>,
  { issuer, clientId, now }: Asked,
) => ({ iss: issuer, aud: clientId, iat: now, token_introspection: response })
