/** What the stores promise of clients to the flows that change them: a part of `registration-ports.ts`. */

import type {
  ClientFields,
  ClientLists,
  ClientRecord,
  ImportedClient,
  PermissionLists,
  SelfRegistered,
} from '../domain/client.ts'
import type { ListingState } from '../domain/directory.ts'
import type { SecretDigest } from '../domain/ids.ts'
import type { Authorship, Changed, Detail, Page } from './registration-ports.ts'

/**
 * Whether lists are written as authorized or as merely requested. `allow`: authorized by no operator, because clients that
 * register themselves may have it. What an operator has authorized stays so.
 */
export type Mode = 'authorize' | 'request' | 'allow'

/** `secretDigest`: null for a client that keeps no secret. */
export type NewClient = Readonly<{
  clientId: string
  fields: ClientFields
  lists: ClientLists
  mode: Mode
  /** Of how many clients `ownerId` may be the first owner; null or absent: of any number. */
  ownedAtMost?: number | null
  /** How `ownerId` is called: kept if an external accounts service has the user. */
  ownerName?: string
  secretDigest: SecretDigest | null
  /** Absent for a client that an operator or an owner registers. `requested`: what it also asks for, and does not get. */
  selfRegistered?: Readonly<{ kind: SelfRegistered['kind']; requested: PermissionLists }>
}>

/** Who owns a client. Each concerns one user. */
export type OwnerChange =
  | Readonly<{ kind: 'offer_ownership'; userId: string; offeredBy: string }>
  /** `accept_offer` does nothing without an open offer. */
  | Readonly<{
      kind: 'take_back_offer' | 'accept_offer' | 'decline_offer' | 'remove_owner'
      userId: string
    }>
  /** `next`: the further owner who becomes the first, of at most `ownedAtMost` clients; null where a further owner leaves. */
  | Readonly<{ kind: 'leave'; userId: string; next: string | null; ownedAtMost: number }>

/** The name of a kind in the audit is `client.` and the kind. */
export type ClientChange =
  /** A given list replaces the old one of what is authorized or, in the mode `request`, of what is merely requested. */
  | Readonly<{
      kind: 'update'
      fields: Partial<ClientFields>
      lists: ClientLists
      mode: Mode
      /** What a client that registered itself may also have now, and what it also asks for. */
      more?: Readonly<{ allowed: PermissionLists; requested: PermissionLists }>
      /** What it takes away, the client gives up itself. */
      byOwner?: boolean
    }>
  | Readonly<{ kind: 'authorize'; lists: PermissionLists }>
  /** `allowed`: scopes that need no approval. */
  | Readonly<{ kind: 'request'; lists: PermissionLists; allowed: readonly string[] }>
  /** `reason`: for the owners. `byOwner`: an owner, or the client itself, gives it up. */
  | Readonly<{ kind: 'withdraw'; lists: PermissionLists; reason?: string; byOwner?: boolean }>
  /** By D1's clock the old secrets stay good for `overlapSeconds` more. */
  | Readonly<{ kind: 'rotate_secret'; secretDigest: SecretDigest; overlapSeconds: number }>
  /** What an owner disabled, an owner may enable. */
  | Readonly<{ kind: 'disable'; byOwner?: boolean }>
  | OwnerChange
  /** For the directory: `list` and `decline_listing` decide on what was requested. */
  | Readonly<{ kind: 'request_listing' | 'take_back_listing' }>
  | Readonly<{ kind: 'list'; nameKey: string; keys: readonly string[] }>
  /** `reason`: for the owners. */
  | Readonly<{ kind: 'decline_listing'; reason: string }>
  /** The client can no longer manage its registration (RFC 7592). */
  | Readonly<{ kind: 'revoke_registration_token' | 'enable' | 'delete' }>

/**
 * `name` matches a part of the client's name in any case. `kind`: who registered it. `hasRequests`: something that it
 * requested is not authorized. `listing`: what became of its listing in the directory.
 */
export type ClientFilter = Readonly<{
  name?: string
  owner?: string
  kind?: SelfRegistered['kind'] | 'operator'
  hasRequests?: boolean
  listing?: ListingState
}>

export interface ClientReader {
  /** Null if unknown. One read of the primary. */
  find(clientId: string): Promise<ClientRecord | null>
  /**
   * At most `rows` clients after the id `after`, ordered by id. With `hasRequests` in the order of their oldest requests, and
   * `after` is the `next` of a page.
   */
  page(after: string, rows: number, filter?: ClientFilter): Promise<Page<ClientRecord>>
}

export interface ClientRegistry extends ClientReader {
  /**
   * Null if a client has the id. `too_many`: the owner has `ownedAtMost` clients already. Nothing was written then.
   */
  create(
    client: NewClient,
    by: Authorship,
    detail: Detail,
  ): Promise<ClientRecord | 'too_many' | null>
  /** Those of the ids that are there, ordered by id. One read of the primary. */
  findAll(clientIds: readonly string[]): Promise<readonly ClientRecord[]>
  /** All in one batch, each with its audit row. False, and nothing is written, if a client has one of the ids. */
  importAll(
    clients: readonly (ImportedClient & Readonly<{ detail: Detail }>)[],
    by: Authorship,
  ): Promise<boolean>
  /**
   * Several changes are one: all or none. `too_many`: as for `create`. `too_often`: within an hour the actor has made as many
   * changes with the limit `mostInAnHour`.
   */
  change(
    before: ClientRecord,
    changes: readonly (ClientChange & Readonly<{ detail?: Detail; mostInAnHour?: number }>)[],
    by: Authorship,
  ): Promise<
    Changed<ClientRecord> | Readonly<{ kind: 'too_many' }> | Readonly<{ kind: 'too_often' }>
  >
}
