/** Requests to `/token` (RFC 6749 §4.1.3, §4.4.2, §6), `/revoke` (RFC 7009 §2.1) and `/introspect` (RFC 7662 §2.1) as typed input. */

import { isWellFormed, mayBeSigned } from '../crypto/token.ts'
import { type Client, GRANT_TYPES, type GrantType } from '../domain/client.ts'
import { OAuthError } from './errors.ts'
import { type Fields, required } from './fields.ts'
import { readCodeVerifier } from './pkce.ts'
import { quoted } from './sanitize.ts'

export type Redemption = Readonly<{
  code: string
  redirectUri: string | undefined
  codeVerifier: string | undefined
}>

/** Throws `invalid_request` if the parameter is missing, and `unsupported_grant_type` if the grant type is unknown. */
export function readGrantType(fields: Fields): GrantType {
  const asked = required(fields, 'grant_type')
  const grantType = GRANT_TYPES.find((known) => known === asked)
  if (grantType !== undefined) return grantType
  throw new OAuthError(
    'unsupported_grant_type',
    `This grant type is not supported: use one of ${GRANT_TYPES.join(', ')}.`,
    { detail: `grant_type ${quoted(asked)}` },
  )
}

/** Throws `unauthorized_client` if the client may not use the grant type. */
export function requireGrantType(client: Client, grantType: GrantType) {
  if (client.grantTypes.includes(grantType)) return
  throw new OAuthError(
    'unauthorized_client',
    `The client is not authorized for the grant type ${grantType}.`,
    { detail: `not authorized for ${grantType}` },
  )
}

/** Throws `invalid_request` if the code is missing or the verifier is malformed. */
export const readRedemption = (fields: Fields): Redemption => ({
  code: required(fields, 'code'),
  redirectUri: fields.get('redirect_uri'),
  codeVerifier: readCodeVerifier(fields),
})

/** Throws `invalid_request` if the parameter is missing. */
export const readRefreshToken = (fields: Fields) => required(fields, 'refresh_token')

type PresentedToken = Readonly<{
  /** `none`: the text does not have the form of a token that clients get. */
  kind: 'accessToken' | 'signedToken' | 'refreshToken' | 'none'
  token: string
}>

/** `token_type_hint` is not read: RFC 7009 §2.1 requires that a token is found with any hint. Throws `invalid_request`. */
export function readPresentedToken(fields: Fields): PresentedToken {
  const token = required(fields, 'token')
  if (mayBeSigned(token)) return { kind: 'signedToken', token }
  const kinds = ['accessToken', 'refreshToken'] as const
  return { kind: kinds.find((kind) => isWellFormed(kind, token)) ?? 'none', token }
}
