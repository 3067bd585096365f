/** The token request (RFC 6749 §4.1.3, §4.4.2, §6): typed input for the grants. */

import { type Fields, required } from './fields.ts'
import { readCodeVerifier } from './pkce.ts'

export type Redemption = Readonly<{
  code: string
  redirectUri: string | undefined
  codeVerifier: string | undefined
}>

export const readGrantType = (fields: Fields) => required(fields, 'grant_type')

export const readRedemption = (fields: Fields): Redemption => ({
  code: required(fields, 'code'),
  redirectUri: fields.get('redirect_uri'),
  codeVerifier: readCodeVerifier(fields),
})

export const readRefreshToken = (fields: Fields) => required(fields, 'refresh_token')
