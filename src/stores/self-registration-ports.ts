/** What the stores of clients that register themselves promise: by a request (RFC 7591, RFC 7592), or by a metadata document. */

import type { ClientRecord, GrantType } from '../domain/client.ts'
import type { HostRule } from '../domain/document-host.ts'
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

/** What a document asked for when it was last read. Null: it did not say. */
export type Asked = Readonly<{ scopes: readonly string[] | null; grantTypes: readonly GrantType[] }>

/** What was kept of the document when it was last read, in epoch seconds. */
export type KeptDocument = Readonly<{ asked: Asked; fetchedAt: number }>

/** A declared scope. `isFree`: clients that register themselves get it without approval. Epoch seconds. */
export type DeclaredForClients = Readonly<{ name: string; isFree: boolean; updatedAt: number }>

type Claimed = Readonly<{
  /** May its host be asked now? True for one of any number of calls in `ATTEMPT_SECONDS`, by D1's clock. */
  mayAsk: boolean
  /** The operator's rule for the host; null if there is none. */
  rule: HostRule | null
}>

export interface ClientDocumentStore {
  /** The beginning of an attempt, in one batch. `kept` null: nothing was kept of a document of this client. */
  begin(
    clientId: string,
    host: string,
  ): Promise<
    Claimed &
      Readonly<{
        record: ClientRecord | null
        kept: KeptDocument | null
        catalogue: readonly DeclaredForClients[]
      }>
  >
  claim(host: string): Promise<Claimed>
  /**
   * For a client that registered itself by a document; otherwise it writes nothing. `mayAskAgain`: the attempt has
   * succeeded, so that the next document of the host need not wait. Instants in epoch seconds.
   */
  keep(
    clientId: string,
    document: Readonly<{ host: string; asked: Asked; fetchedAt: number; freshUntil: number }>,
    mayAskAgain: boolean,
  ): Promise<void>
}
