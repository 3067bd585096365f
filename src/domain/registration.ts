/** What must fit together in the registration of a client. */

import type { AuthMethod, GrantType } from './client.ts'
import { redirectUriProblem } from './redirect-uri.ts'

export type Registered = Readonly<{
  authMethod: AuthMethod
  /** JWK Set as JSON text, or null. */
  jwks: string | null
  redirectUris: readonly string[]
  /** Authorized or merely requested. */
  grantTypes: readonly string[]
}>

/** For a client registered without naming any: what its registration can be used for. */
export const grantTypesByDefault = (
  client: Pick<Registered, 'authMethod' | 'redirectUris'>,
): GrantType[] => [
  ...(client.authMethod === 'none' ? [] : (['client_credentials'] as const)),
  ...(client.redirectUris.length === 0 ? [] : (['authorization_code'] as const)),
]

/** Why this cannot be registered, as a sentence without its full stop; null if it can. */
export function registrationProblem(client: Registered): string | null {
  const isPublic = client.authMethod === 'none'
  if (client.authMethod === 'private_key_jwt' && client.jwks === null) {
    return 'the authentication method private_key_jwt needs a JWK Set: --jwks or --jwks-file'
  }
  if (client.authMethod !== 'private_key_jwt' && client.jwks !== null) {
    return 'a JWK Set is for the authentication method private_key_jwt alone'
  }
  for (const uri of client.redirectUris) {
    const problem = redirectUriProblem(uri, isPublic)
    if (problem) return `redirect URI ${JSON.stringify(uri)} ${problem}`
  }
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0) {
    return 'the grant type authorization_code needs a redirect URI'
  }
  if (isPublic && client.grantTypes.includes('client_credentials')) {
    return 'the grant type client_credentials needs a client that keeps a secret, not the authentication method none'
  }
  return null
}
