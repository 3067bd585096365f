/**
 * Kinds of clients, in the words of the people who build them. The authentication method, the grant types and PKCE follow
 * from the kind.
 */

import type { AuthMethod, GrantType } from './client.ts'

export const CLIENT_KINDS = ['server', 'browser', 'native', 'machine'] as const
export type ClientKind = (typeof CLIENT_KINDS)[number]

type Following = Readonly<{
  authMethod: AuthMethod
  grantTypes: readonly GrantType[]
  /** Are users sent back to the client? If so, the client uses PKCE (RFC 9700 §2.1.1). */
  hasRedirectUris: boolean
}>

const FOR_USERS = {
  grantTypes: ['authorization_code', 'refresh_token'],
  hasRedirectUris: true,
} as const

/**
 * Clients in a browser and native clients (RFC 8252 §8.4) cannot keep a secret. RFC 9700 §2.2.2: their refresh tokens must be
 * rotated or bound to a key. The registry rotates refresh tokens, so such clients get refresh tokens too.
 */
export const FOLLOWS_FROM: Readonly<Record<ClientKind, Following>> = {
  server: { authMethod: 'client_secret', ...FOR_USERS },
  browser: { authMethod: 'none', ...FOR_USERS },
  native: { authMethod: 'none', ...FOR_USERS },
  machine: {
    authMethod: 'client_secret',
    grantTypes: ['client_credentials'],
    hasRedirectUris: false,
  },
}

export const isClientKind = (text: string): text is ClientKind =>
  (CLIENT_KINDS as readonly string[]).includes(text)
