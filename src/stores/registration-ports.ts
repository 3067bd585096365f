/**
 * The arguments and results of the stores of clients, users and declarations. Each change is one batch in D1, all or nothing:
 * the batch checks the version of the record, ends what depends on the change, makes the change, writes its audit row, and
 * reads the record.
 */

import type {
  ClientFields,
  ClientLists,
  PermissionLists,
  SelfRegistered,
} from '../domain/client.ts'
import type { ListingState } from '../domain/directory.ts'
import type { SecretDigest, TokenDigest } from '../domain/ids.ts'
import type { UserFields, UserLists } from '../domain/user.ts'

/** Who acts and when: `now` in epoch seconds, for the audit. D1 dates revocations by its own clock. */
export type Authorship = Readonly<{
  actor: string
  now: number
  /** The person who acts. The batch demands the version of the record on which the person's scopes were read. */
  as?: Readonly<{ userId: string; version: number }>
}>
/** What the audit records about a change: never a secret, a token or the digest of one. */
export type Detail = Readonly<Record<string, unknown>>

export type Changed<Record> =
  /**
   * `record`: as the batch left it; null after a deletion. `hasEnded`: sessions ended, so KV must be written. `isUnfinished`:
   * rows of the deleted record are not removed yet (`deletions.ts`).
   */
  | Readonly<{
      kind: 'changed'
      record: Record | null
      hasEnded: boolean
      isUnfinished?: boolean
    }>
  /** The record has another version, or was deleted. Nothing was written. */
  | Readonly<{ kind: 'stale' }>

/** `next` is the id after which the next page begins; null after the last page. */
export type Page<Found> = Readonly<{ records: readonly Found[]; next: string | null }>

/**
 * Whether lists are written as authorized or only as requested. `allow`: no operator authorizes the values, because clients
 * that register themselves may have them. A value that an operator has authorized stays authorized.
 */
export type Mode = 'authorize' | 'request' | 'allow'

/** `secretDigest`: null for a client without a secret. */
export type NewClient = Readonly<{
  clientId: string
  fields: ClientFields
  lists: ClientLists
  mode: Mode
  /** The most clients that may have `ownerId` as their first owner; null or absent for any number. */
  ownedAtMost?: number | null
  /** The name of `ownerId`, which is stored if the user is from an external accounts service. */
  ownerName?: string
  secretDigest: SecretDigest | null
  /** Absent if an operator or an owner registers the client. `requested`: permissions that the client does not get yet. */
  selfRegistered?: Readonly<{ kind: SelfRegistered['kind']; requested: PermissionLists }>
}>

/** A change of a client's owners. Each change concerns one user. */
export type OwnerChange =
  | Readonly<{ kind: 'offer_ownership'; userId: string; offeredBy: string }>
  /** `accept_offer` does nothing without an open offer. */
  | Readonly<{
      kind: 'take_back_offer' | 'accept_offer' | 'decline_offer' | 'remove_owner'
      userId: string
    }>
  /** `next`: the further owner who becomes first owner, of at most `ownedAtMost` clients; null if a further owner leaves. */
  | Readonly<{ kind: 'leave'; userId: string; next: string | null; ownedAtMost: number }>

/** A change of a client. The audit's name of a change is `client.` and its kind. */
export type ClientChange =
  /** A given list replaces the list of authorized values or, in the mode `request`, of requested values. */
  | Readonly<{
      kind: 'update'
      fields: Partial<ClientFields>
      lists: ClientLists
      mode: Mode
      /** What a client that registered itself may now have in addition, and what it also asks for. */
      more?: Readonly<{ allowed: PermissionLists; requested: PermissionLists }>
      /** The client itself gives up what the change withdraws. */
      byOwner?: boolean
    }>
  | Readonly<{ kind: 'authorize'; lists: PermissionLists }>
  /** `allowed`: scopes that need no approval. */
  | Readonly<{ kind: 'request'; lists: PermissionLists; allowed: readonly string[] }>
  /** `reason`: the text that the owners see. `byOwner`: an owner, or the client itself, gives up the permissions. */
  | Readonly<{ kind: 'withdraw'; lists: PermissionLists; reason?: string; byOwner?: boolean }>
  /** The old secrets stay valid for `overlapSeconds` more, by D1's clock. */
  | Readonly<{ kind: 'rotate_secret'; secretDigest: SecretDigest; overlapSeconds: number }>
  /** A client that an owner disabled can be enabled by an owner. */
  | Readonly<{ kind: 'disable'; byOwner?: boolean }>
  | OwnerChange
  /** The listing in the directory: `list` and `decline_listing` decide on a request. */
  | Readonly<{ kind: 'request_listing' | 'take_back_listing' }>
  | Readonly<{ kind: 'list'; nameKey: string; keys: readonly string[] }>
  /** `reason`: the text that the owners see. */
  | Readonly<{ kind: 'decline_listing'; reason: string }>
  /** The client can no longer manage its registration (RFC 7592). */
  | Readonly<{ kind: 'revoke_registration_token' | 'enable' | 'delete' }>

/**
 * `name` matches a part of the client's name in any case. `kind`: who registered the client. `hasRequests`: the client
 * requested something that is not authorized. `listing`: the state of its listing in the directory.
 */
export type ClientFilter = Readonly<{
  name?: string
  owner?: string
  kind?: SelfRegistered['kind'] | 'operator'
  hasRequests?: boolean
  listing?: ListingState
}>

/** A text is an id or, if no user has this id, a username. */
export type UserReference = string | Readonly<{ userId: string }> | Readonly<{ username: string }>

export type NewUser = UserFields &
  Required<UserLists> &
  Readonly<{ userId: string; passwordHash: string }>

/** A change of a user. The audit's name of a change is `user.` and its kind. */
export type UserChange =
  /** A given list replaces the earlier list. */
  | Readonly<{ kind: 'update'; fields: Partial<UserFields>; lists: UserLists }>
  | Readonly<{ kind: 'authorize' | 'withdraw'; lists: UserLists }>
  | Readonly<{ kind: 'set_password'; passwordHash: string }>
  /** The user's earlier invitation ends. Nothing is written for a disabled user. */
  | Readonly<{ kind: 'invite'; invitationDigest: TokenDigest }>
  | Readonly<{ kind: 'disable' | 'enable' | 'delete' }>

/** How long a revocation must be kept: lifetimes in seconds. */
export type Lifetimes = Readonly<{
  /** The lifetime of access tokens. */
  sessionLifetimeSeconds: number
  /** The longest lifetime of a session. */
  longestSessionSeconds: number
  /** How old a client's record may be when a token is issued on it. */
  oldestClientSeconds: number
}>
