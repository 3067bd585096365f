/** What an authorization code stands for, and how long it is good (RFC 6749 §4.1.2). */

import type { ApprovedRedirectUri, ClientId } from './ids.ts'
import type { User } from './user.ts'

/** Instants in epoch seconds. */
export type AuthorizationCode = Readonly<{
  clientId: ClientId
  /** The user, with the scopes and endorsements that were granted: never more than the page said. */
  user: User
  redirectUri: ApprovedRedirectUri
  /** Was `redirect_uri` in the authorization request? Then the token request must repeat it: §4.1.3. */
  redirectUriSent: boolean
  /** S256 challenge (RFC 7636), or null when the request brought none. */
  codeChallenge: string | null
  /** RFC 9449 §10: thumbprint of the key that the token request must prove, or null when none was named. */
  dpopJkt: string | null
  issuedAt: number
  expiresAt: number
}>

export const isExpired = (code: AuthorizationCode, now: number) => now >= code.expiresAt
