/** What an authorization code stands for (RFC 6749 §4.1.2). */

import type { ApprovedRedirectUri, ClientId } from './ids.ts'
import type { GrantedAudience } from './resource.ts'
import type { User } from './user.ts'

/** Instants in epoch seconds. */
export type AuthorizationCode = GrantedAudience &
  Readonly<{
    clientId: ClientId
    /** The user, with the granted scopes and endorsements: never more than the consent page showed. */
    user: User
    redirectUri: ApprovedRedirectUri
    /** Did the authorization request include `redirect_uri`? If so, the token request MUST repeat it (RFC 6749 §4.1.3). */
    redirectUriSent: boolean
    /** S256 challenge (RFC 7636), or null if the request had none. */
    codeChallenge: string | null
    /** RFC 9449 §10: thumbprint of the key that the token request must prove to have, or null if the request named none. */
    dpopJkt: string | null
    /** Did the request ask for a refresh token? Absent in codes that are older than `offline_access`. */
    offlineAccess?: boolean
    /** When the user signed in. Absent in codes that are older than this member. */
    authTime?: number | undefined
    issuedAt: number
    expiresAt: number
  }>
