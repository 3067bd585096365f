/** What a client may register: its redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1), and what must fit together. */

import type { AuthMethod, GrantType } from './client.ts'
import { LOOPBACK_HOSTS } from './network.ts'

const FORM = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/
const MAX_LENGTH = 2000

/** The origin must be in the form that browsers write, so that equal addresses are equal strings. */
function webAddressProblem(uri: string, url: URL): string | null {
  if (url.username || url.password || /^https?:\/\/[^/?]*@/.test(uri)) {
    return 'must not name a user or a password'
  }
  if (!uri.startsWith(url.origin)) return `must begin with its origin in normal form, ${url.origin}`
  if (url.protocol === 'http:' && !LOOPBACK_HOSTS.includes(url.hostname)) {
    return 'must be https; http is for 127.0.0.1, [::1] and localhost only'
  }
  return null
}

/**
 * Why a client may not register this URI, as the end of a sentence that begins with the URI; null if it may. RFC 8252
 * §7.1: a private-use scheme contains a dot. Here it is for public clients (native apps) only.
 */
export function redirectUriProblem(uri: string, isPublic: boolean): string | null {
  if (uri.length > MAX_LENGTH) return `must not be longer than ${MAX_LENGTH} characters`
  if (!FORM.test(uri) || !URL.canParse(uri)) return 'must be an absolute URI in plain ASCII'
  if (uri.includes('#')) return 'must not have a fragment'
  if (uri.includes('*') || uri.includes('\\')) return 'must not have a wildcard or a backslash'
  const url = new URL(uri)
  if (url.protocol === 'https:' || url.protocol === 'http:') return webAddressProblem(uri, url)
  if (!url.protocol.includes('.')) {
    return 'must be https, http on a loopback address, or a private-use scheme with a dot in it'
  }
  return isPublic ? null : 'has a private-use scheme, which is for the authentication method none'
}

export type Registered = Readonly<{
  authMethod: AuthMethod
  /** JWK Set as JSON text, or null. */
  jwks: string | null
  redirectUris: readonly string[]
  /** Authorized or merely requested. */
  grantTypes: readonly string[]
}>

/** For a registration that names no grant types: those that it can be used for. */
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
