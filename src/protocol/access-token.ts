/**
 * Signed access tokens (RFC 9068): the claims of a session. A token has no name or address of a person, and nothing that
 * only describes the client: everyone who handles a token can read it.
 */

import { formatScopes } from '../domain/scope.ts'
import type { NewSession } from '../domain/session.ts'
import { OAuthError } from './errors.ts'

/** §2.1 */
export const ACCESS_TOKEN_TYP = 'at+jwt'

/** `authTime`: epoch seconds at which the user signed in; undefined if no user takes part, or if it was not recorded. */
export type SignedSession = Omit<NewSession, 'nonce' | 'ipAddress' | 'redirectUri' | 'client'> &
  Readonly<{ client: NonNullable<NewSession['client']>; authTime?: number | undefined }>

/**
 * RFC 9068 §2.2. `as_of_ms` and `client_as_of_ms` are the registry's own claims: the moments that revocations are compared
 * with, like `as_of` and `client_as_of` of a session record.
 */
export function accessTokenClaims(session: SignedSession, issuer: string) {
  const { user, client, audience, jkt, asOfMs, startAtMs, authTime } = session
  const [first, ...others] = audience
  return {
    iss: issuer,
    sub: user?.userId ?? client.clientId,
    aud: others.length === 0 ? first : audience,
    client_id: client.clientId,
    scope: formatScopes(session.scopes),
    iat: Math.floor(startAtMs / 1000),
    exp: Math.floor(startAtMs / 1000) + session.lifetimeSeconds,
    jti: session.sessionId,
    ...(authTime !== undefined && { auth_time: authTime }),
    endorsements: session.endorsements,
    ...(jkt !== null && { cnf: { jkt } }),
    as_of_ms: asOfMs,
    ...(client.readAtMs < asOfMs && { client_as_of_ms: client.readAtMs }),
  }
}

/**
 * The most bytes of the claims of variable length. With the other claims, and encoded, the token has at most
 * `MAX_SIGNED_TOKEN_LENGTH`.
 */
const MAX_VARIABLE_BYTES = 5400

/**
 * Throws `invalid_scope` for a token that would be too long, and `invalid_grant` for a user whose id is that of the client:
 * by RFC 9068 §2.2 such a token would be the client's own.
 */
export function requireSigned(
  claimed: Readonly<{
    issuer: string
    clientId: string
    userId: string | undefined
    scopes: readonly string[]
    endorsements: readonly string[]
    audience: readonly string[]
  }>,
) {
  if (claimed.userId === claimed.clientId) {
    const detail = 'the id of the user is that of the client, so a signed token would be ambiguous'
    throw new OAuthError('invalid_grant', 'This user cannot get signed access tokens.', { detail })
  }
  const text = JSON.stringify(Object.values(claimed))
  // A UTF-16 code unit has at most three bytes in UTF-8.
  if (text.length * 3 <= MAX_VARIABLE_BYTES) return
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= MAX_VARIABLE_BYTES) return
  throw new OAuthError(
    'invalid_scope',
    'A signed access token would be too long: request fewer scopes or resources.',
    {
      detail: `${bytes} bytes of scopes, endorsements, resources and ids: at most ${MAX_VARIABLE_BYTES}`,
    },
  )
}
