/** What stores promise of what pages show: connected applications and images. */

import type { SelfRegistered } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import type { Catalogue } from '../domain/scope-catalogue.ts'
import type { RegisteredUser } from '../domain/user.ts'

/**
 * What one user agreed to for one client, and what the client is authorized for now. Instants in epoch seconds.
 * `agreedScopes` are the scopes of the latest answer, and those of earlier answers that a refresh token, a code or a
 * session may still have.
 */
export type ConnectedApplication = Readonly<{
  clientId: ClientId
  name: string
  url: string
  selfRegistered: Pick<SelfRegistered, 'kind'> | null
  /** The digest of its logo; null if there is none. */
  logo: string | null
  disabledAt: number | null
  agreedScopes: readonly string[]
  /** Null: the answer was for all, before endorsements could be unticked. */
  agreedEndorsements: readonly string[] | null
  scopes: readonly string[]
  endorsements: readonly string[]
  /** The first consent since the last removal. */
  grantedAt: number
  /** When a code was last redeemed or a token refreshed; null if never. */
  usedAt: number | null
}>

export interface ConnectedApplicationStore {
  /** One read of the primary: never stale. `user` is null if the registry has no such user. */
  of(userId: string): Promise<
    Readonly<{
      user: RegisteredUser | null
      applications: readonly ConnectedApplication[]
      catalogue: Catalogue
    }>
  >
}

/** An image that a page may show. */
export type Logo = Readonly<{ mediaType: string; bytes: Uint8Array<ArrayBuffer> }>

/** Images of clients: one for each address, kept while a client names the address. */
export interface LogoStore {
  /** The address of the client's logo if there is no image of it yet; otherwise null. */
  missingOf(clientId: string): Promise<string | null>
  /**
   * May the address be fetched now? `claimed` for one of any number of calls, and again an hour after an attempt that failed;
   * `later` while another address at its host was tried within 10 s, if no client names it, and if the store is full.
   */
  claim(logoUri: string, now: number): Promise<'claimed' | 'later' | 'blocked'>
  /** Writes nothing if no client names the address any more. `digest`: base64url SHA-256 of the bytes. */
  keep(logoUri: string, logo: Logo & Readonly<{ digest: string }>): Promise<void>
  /** Null if there is none. */
  find(digest: string): Promise<Logo | null>
}
