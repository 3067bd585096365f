/** What the store of registrations by clients themselves (RFC 7591, RFC 7592) promises. */

import type { ClientRecord } from '../domain/client.ts'
import type { TokenDigest } from '../domain/ids.ts'
import type { Authorship, Detail, NewClient } from './registration-ports.ts'

/** For a registration without an access token. */
export type OpenRegistration = Readonly<{
  /** base64url SHA-256 of the network. */
  network: string
  /** Of the network and of all that is registered: the same for an exact duplicate. */
  requestDigest: string
  limits: RegistrationLimits
}>

export type RegistrationLimits = Readonly<{
  perNetworkAndHour: number
  perDay: number
}>

export type SelfRegistration = Readonly<{
  client: NewClient
  tokenDigest: TokenDigest
  /** Null: an access token allowed it, so no limit applies and it is no duplicate of another. */
  open: OpenRegistration | null
}>

/** A use of a registration access token. */
export type TokenUse = Readonly<{
  presented: TokenDigest
  /** The token that follows, if the presented one is the newest, and the salt that derives it from that. */
  next: TokenDigest
  salt: string
}>

export interface SelfRegistrations {
  /**
   * The client that the same request registered less than a day ago; null if there is none. From then on nobody manages it:
   * its registration access token ends, since several may hold the client.
   */
  findDuplicate(requestDigest: string, by: Authorship): Promise<ClientRecord | null>
  /**
   * All or nothing: the limits, the client, its audit row. Of any number of simultaneous calls not one more is registered
   * than the limits allow, and no two duplicates of each other.
   */
  register(
    registration: SelfRegistration,
    by: Authorship,
    detail: Detail,
  ): Promise<
    | Readonly<{ kind: 'registered'; record: ClientRecord }>
    | Readonly<{ kind: 'duplicate' }>
    | Readonly<{ kind: 'too_many'; retryAfterSeconds: number; isNetwork: boolean }>
  >
  /**
   * One statement. Returns the salt that derives the newest token from the presented one; null, and nothing is written,
   * unless the presented token is the client's newest or the one before it. The one before is good until the newest is used,
   * since its holder may have lost the answer.
   */
  useToken(clientId: string, use: TokenUse): Promise<string | null>
}
