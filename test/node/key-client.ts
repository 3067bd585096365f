/** A client with two keys: one for authentication (RFC 7523), one for DPoP (RFC 9449). */

import { exportJWK } from 'jose'
import type { RunningRegistry } from './running-registry.ts'

export type KeyClient = Readonly<{
  id: string
  /** The key for authentication; null for a public client. */
  authentication: CryptoKey | null
  /** The key that its tokens are bound to. */
  possession: CryptoKeyPair
}>

export type BoundTokens = Readonly<{
  accessToken: string
  tokenType: string
  refreshToken: string | null
}>

/** What a library does for a client with keys. Every request has a new proof. */
export type KeyLibrary = Readonly<{
  clientCredentials: (scope: string) => Promise<BoundTokens>
  /** With PKCE and `dpop_jkt`. */
  startCodeFlow: (
    redirectUri: string,
    scope: string,
  ) => Promise<Readonly<{ url: string; finish: (callback: URL) => Promise<BoundTokens> }>>
  refresh: (refreshToken: string) => Promise<BoundTokens>
  get: (url: string, accessToken: string) => Promise<Response>
}>

export type MakeKeyLibrary = (registry: string, client: KeyClient) => KeyLibrary

const ES256 = { name: 'ECDSA', namedCurve: 'P-256' }
export const newKeyPair = async () =>
  (await crypto.subtle.generateKey(ES256, true, ['sign', 'verify'])) as CryptoKeyPair

export async function newKeyClient(
  { administer }: RunningRegistry,
  method: 'private_key_jwt' | 'none',
  ...words: string[]
): Promise<KeyClient> {
  const keys = await newKeyPair()
  const isPublic = method === 'none'
  const jwks = JSON.stringify({ keys: [await exportJWK(keys.publicKey)] })
  const made = (await administer(
    ...['client', 'create', '--name', 'A client with keys', '--owner', 'owner-1'],
    ...['--auth-method', method, ...(isPublic ? [] : ['--jwks', jwks]), ...words],
  )) as { client_id: string }
  return {
    id: made.client_id,
    authentication: isPublic ? null : keys.privateKey,
    possession: await newKeyPair(),
  }
}
