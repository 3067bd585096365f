/**
 * What the stores promise to the flows that change clients, users and sessions for an administrator. Each change is one
 * batch in D1, all or nothing: the version that the record must have, what ends, the change, its audit row, and the record
 * as the batch leaves it.
 */

import type { Category, NewScope, ScopeFields, ScopeRecord } from '../domain/declaration.ts'
import type {
  DocumentHostFields,
  DocumentHostRecord,
  HostRule,
  NewDocumentHost,
} from '../domain/document-host.ts'
import type { SessionKey, TokenDigest } from '../domain/ids.ts'
import type { NewResource, ResourceFields, ResourceRecord } from '../domain/resource.ts'
import type { UserFields, UserLists, UserRecord } from '../domain/user.ts'
import type { ClientRegistry } from './client-ports.ts'
import type { RefreshTokenStore } from './ports.ts'

export type {
  ClientChange,
  ClientFilter,
  ClientReader,
  ClientRegistry,
  Mode,
  NewClient,
} from './client-ports.ts'

/** Who acts and when: `now` in epoch seconds, for the audit. D1 dates what ends. */
export type Authorship = Readonly<{
  actor: string
  now: number
  /** The person who acts, with the version of the record on which their scopes were read. The batch demands it. */
  as?: Readonly<{ userId: string; version: number }>
}>
/** What the audit says of a change: never a secret, a token or the digest of one. */
export type Detail = Readonly<Record<string, unknown>>

export type Changed<Record> =
  /** `record`: as the batch left it; null after a deletion. `hasEnded`: KV must be written. */
  | Readonly<{ kind: 'changed'; record: Record | null; hasEnded: boolean }>
  /** The record has another version, or is gone. Nothing was written. */
  | Readonly<{ kind: 'stale' }>

/** `next` is the id after which the next page begins; null after the last page. */
export type Page<Found> = Readonly<{ records: readonly Found[]; next: string | null }>

/** A text is an id or, if no user has the id, a username. */
export type UserReference = string | Readonly<{ userId: string }> | Readonly<{ username: string }>

export type NewUser = UserFields &
  Required<UserLists> &
  Readonly<{ userId: string; passwordHash: string }>

/** The name of a kind in the audit is `user.` and the kind. */
export type UserChange =
  /** A given list replaces the old one. */
  | Readonly<{ kind: 'update'; fields: Partial<UserFields>; lists: UserLists }>
  | Readonly<{ kind: 'authorize' | 'withdraw'; lists: UserLists }>
  | Readonly<{ kind: 'set_password'; passwordHash: string }>
  /** The user's earlier invitation ends. Writes nothing for a disabled user. */
  | Readonly<{ kind: 'invite'; invitationDigest: TokenDigest }>
  | Readonly<{ kind: 'disable' | 'enable' | 'delete' }>

export interface UserReader {
  /** Null if unknown. One read of the primary. */
  find(who: UserReference): Promise<UserRecord | null>
  /** At most `rows` users after the id `after`, ordered by id. `name` matches a part of the username or the e-mail address. */
  page(after: string, rows: number, name?: string): Promise<Page<UserRecord>>
  /** Ids of users of an external accounts service: the text itself if D1 has it as an id; otherwise those with this name. */
  findExternalIds(idOrName: string): Promise<readonly string[]>
}

export interface UserRegistry extends UserReader {
  passwordHashOf(userId: string): Promise<string | null>
  /** Null, and nothing is written, if a user has the id, or the username in any spelling. */
  create(user: NewUser, by: Authorship, detail: Detail): Promise<UserRecord | null>
  /** Several changes are one: all or none. `taken`: another user has the username; nothing was written. */
  change(
    before: UserRecord,
    changes: readonly (UserChange & Readonly<{ detail?: Detail }>)[],
    by: Authorship,
  ): Promise<Changed<UserRecord> | Readonly<{ kind: 'taken' }>>
}

/** Scopes, resources and hosts of documents: each declared under a key. Each change has its audit row, with `detail`. */
export interface DeclaredRegistry<Record, New> {
  /** Null if it is not declared. One read of the primary. */
  find(key: string): Promise<Record | null>
  /** At most `rows` records after the key `after`, ordered by key. */
  page(after: string, rows: number): Promise<readonly Record[]>
  /** Null, and nothing is written, if it is declared. `too_many`: `MAX_DECLARED` are; nothing was written. */
  create(given: New, by: Authorship, detail: Detail): Promise<Record | 'too_many' | null>
}

export interface ResourceRegistry extends DeclaredRegistry<ResourceRecord, NewResource> {
  /** Those of the URIs that are of no resource. */
  missing(uris: readonly string[]): Promise<readonly string[]>
  /** `endsSessions`: the change ends every session that is for the resource. */
  update(
    before: ResourceRecord,
    change: Readonly<{ fields: Partial<ResourceFields>; endsSessions: boolean }>,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<ResourceRecord>>
  /** Ends every session that is for it. `is_default`: of so many clients; nothing was written. */
  delete(
    before: ResourceRecord,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<ResourceRecord> | Readonly<{ kind: 'is_default'; clients: number }>>
}

export interface ScopeRegistry extends DeclaredRegistry<ScopeRecord, NewScope> {
  /** All that are declared, by name: may clients that register themselves have it without approval? */
  selfRegistration(): Promise<ReadonlyMap<string, boolean>>
  update(
    before: ScopeRecord,
    fields: Partial<ScopeFields>,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<ScopeRecord>>
  /**
   * `held`: so many clients are authorized for it and so many users hold it, with or without a resource. Nothing was
   * written.
   */
  delete(
    before: ScopeRecord,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<ScopeRecord> | Readonly<{ kind: 'held'; clients: number; users: number }>>
  /**
   * Takes it from every client and user, with or without a resource, also where it is merely requested. Their sessions end,
   * and the audit has a row for each of them. A scope with a resource that is declared itself stays.
   */
  deleteAndWithdraw(
    before: ScopeRecord,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<ScopeRecord>>
  /** All or none. Returns the names, sorted. A scope that is declared as given is in neither list. */
  import(
    scopes: readonly NewScope[],
    by: Authorship,
  ): Promise<Readonly<{ created: readonly string[]; updated: readonly string[] }> | 'too_many'>
}

export interface CategoryRegistry {
  /** `text` is the list as `replace` demands it. One read of the primary. */
  read(): Promise<Readonly<{ categories: readonly Category[]; text: string }>>
  /** At most `rows` categories after the name `after`, ordered by name, and the whole list as `read` returns it. */
  page(
    after: string,
    rows: number,
  ): Promise<Readonly<{ categories: readonly Category[]; text: string }>>
  /** `stale`: the list is no longer `expected`. `too_many`: as for scopes. Nothing was written. */
  replace(
    expected: string,
    categories: readonly Category[],
    by: Authorship,
  ): Promise<
    | Readonly<{ kind: 'replaced'; added: number; changed: number; removed: number; text: string }>
    | Readonly<{ kind: 'stale' | 'too_many' }>
  >
}

/** For the reader of client metadata documents. */
export interface DocumentHostReader {
  /** The rule that counts for a canonical host: `block` before `allow`; null if nothing covers it. One read of the primary. */
  ruleFor(host: string): Promise<HostRule | null>
}

export interface DocumentHostRegistry
  extends DocumentHostReader,
    DeclaredRegistry<DocumentHostRecord, NewDocumentHost> {
  update(
    before: DocumentHostRecord,
    fields: Partial<DocumentHostFields>,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<DocumentHostRecord>>
  delete(
    before: DocumentHostRecord,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<DocumentHostRecord>>
}

/** Ends sessions for an administrator, each with its audit row. Settles when D1 has the revocation. */
export interface AdministratorRevocations {
  /** The session of one access token or browser session. `kind` is for the audit. Returns whether KV shows it. */
  endSession(key: SessionKey, kind: string, by: Authorship): Promise<boolean>
  /** A refresh token's family with its sessions. Returns whether KV shows it. */
  endFamily(
    family: Readonly<{ familyId: string; clientId: string; userId: string }>,
    by: Authorship,
  ): Promise<boolean>
  /** All of a client or of a user. KV shows it after `showInKv`. */
  endAll(
    of: Readonly<{ clientId: string }> | Readonly<{ userId: string }>,
    by: Authorship,
  ): Promise<void>
  /** Writes the document of bulk revocations to KV. Cron does it where this fails. */
  showInKv(): Promise<void>
}

/** For how long a revocation must be kept: lifetimes in seconds. */
export type Lifetimes = Readonly<{
  /** The lifetime of access tokens. */
  sessionLifetimeSeconds: number
  /** The longest lifetime of a session. */
  longestSessionSeconds: number
  /** How old a client's record may be when a token is issued on it. */
  oldestClientSeconds: number
}>

/** What the flows of `flows/registration` use. */
export type RegistrationPorts = Readonly<{
  clients: ClientRegistry
  users: UserRegistry
  scopes: ScopeRegistry
  categories: CategoryRegistry
  resources: ResourceRegistry
  documentHosts: DocumentHostRegistry
  revocations: AdministratorRevocations
  refreshTokens: Pick<RefreshTokenStore, 'find'>
}>
