/** The token response (RFC 6749 §5.1). */

import { formatScopes } from '../domain/scope.ts'

export type IssuedToken = Readonly<{
  accessToken: string
  tokenType: 'Bearer' | 'DPoP'
  lifetimeSeconds: number
  scopes: readonly string[]
  refreshToken: string | null
}>

/** RFC 9449 §5: the type tells the client that its token is bound to its key. */
export const tokenTypeFor = (jkt: string | null) => (jkt === null ? 'Bearer' : 'DPoP')

/** Always states `scope`: §5.1 requires it if it differs from the request. */
export const tokenResponse = (issued: IssuedToken) => ({
  access_token: issued.accessToken,
  token_type: issued.tokenType,
  expires_in: issued.lifetimeSeconds,
  scope: formatScopes(issued.scopes),
  ...(issued.refreshToken !== null && { refresh_token: issued.refreshToken }),
})
