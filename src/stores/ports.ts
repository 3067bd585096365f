/**
 * What each store promises to the flows. A method that cannot reach its storage throws, and the response is 503: no
 * method guesses.
 */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Client } from '../domain/client.ts'
import type { Consent } from '../domain/consent.ts'
import type { ClientId, SecretDigest, SessionKey, TokenDigest } from '../domain/ids.ts'
import type { Catalogue } from '../domain/scope-catalogue.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { ShownDetails } from '../domain/shown-client.ts'
import type { RegisteredUser } from '../domain/user.ts'

export type * from './spending-ports.ts'

/** Which resources to read with a client, beside its default ones. */
export type ReadWithClient = Readonly<{
  /** Canonical URIs. */
  resources?: readonly string[]
  /** A code or a refresh token: the resources of its grant. */
  grant?: TokenDigest | null
}>

export interface ClientStore {
  /** Null if unknown. May be read from a replica and be seconds old. */
  find(clientId: ClientId, more?: ReadWithClient): Promise<Client | null>
  /** Null if unknown. Read from the primary: never stale. */
  findFresh(clientId: ClientId, more?: ReadWithClient): Promise<Client | null>
  /** Records the day on which a secret was used. A lost write is harmless. */
  touchCredential(clientId: ClientId, secretDigest: SecretDigest, now: number): Promise<void>
  /**
   * The same for a client that registered itself and has keys. A use of a secret, a redeemed code and a refresh are recorded
   * without it.
   */
  touchSelfRegistered(clientId: ClientId, now: number): Promise<void>
}

/** A client record. `keptSinceMs`: when an earlier request read it, in epoch milliseconds by this isolate's clock; null if read now. */
export type Lookup = Readonly<{
  client: Client | null
  keptSinceMs: number | null
  /** The age of a record that is older than `CLIENT_CACHE_SECONDS`, because D1 did not answer. */
  staleSeconds: number | null
  /**
   * The `asOfMs` of a session that is opened now: epoch milliseconds by D1's clock, not later than now. For a kept record
   * it is when D1 read the record plus the time since, which this isolate's clock measures.
   */
  asOfMs: number
}>

/** For `client_credentials` only. */
export interface ClientCache {
  /**
   * The record may lack resources that an earlier request did not name. It may be a replica's or up to
   * `CLIENT_CACHE_SECONDS` old, and up to `STALE_CLIENT_SECONDS` old while D1 does not answer.
   */
  lookUp(clientId: ClientId, nowMs: number, resources: readonly string[]): Promise<Lookup>
  /** Reads the record again, from the primary. */
  reload(clientId: ClientId, nowMs: number, resources: readonly string[]): Promise<Client | null>
}

/** A consent that the user gave on the page in this request. */
export type GivenConsent = Consent &
  Readonly<{
    /** The scopes that the user unticked. */
    declined: readonly string[]
  }>

export interface AuthorizationStore {
  /**
   * Records a granted authorization. D1 gets, all or nothing: the code on the ledger and, if the consent was given now,
   * the consent in place of an earlier one and its audit row. KV gets the code too. Returns KV's fault if KV did not take
   * it: the ledger still redeems the code. `asOfMs`, by D1's clock: when the first record that the code rests on was read.
   * The code is void if one of these records was revoked since.
   */
  grant(
    codeDigest: TokenDigest,
    code: AuthorizationCode,
    consent: GivenConsent | null,
    asOfMs: number,
  ): Promise<Error | null>
  /** The remembered consent no longer answers a request. The user still sees it and can remove it. */
  withdrawConsent(userId: string, clientId: ClientId): Promise<void>
}

/** One refusal, for the operator. Instants in epoch seconds. */
export type Refused = Readonly<{
  correlationId: string
  refusedAt: number
  /** Method and path. */
  endpoint: string
  error: string
  /** Never a secret. */
  detail: string
  /** As presented, not verified; null if none was presented. */
  clientId: string | null
}>

export interface RefusalStore {
  /** A lost write is harmless. */
  record(refused: Refused): Promise<void>
  /** Null if it was not recorded, or more than a day ago. */
  find(correlationId: string, now: number): Promise<Refused | null>
}

export interface JtiStore {
  /**
   * Is this the first use of the owner's id? Exactly one of any number of simultaneous calls returns true. The id is kept
   * until `expiresAt` (whole epoch seconds), when a JWT with it is no longer accepted.
   */
  use(owner: string, jti: string, expiresAt: number): Promise<boolean>
  isUsed(owner: string, jti: string): Promise<boolean>
}

export type Permissions = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>

export type Standing = Readonly<{
  /** The registered user; null if there is none. */
  user: RegisteredUser | null
  /** The user's latest consent to the client; null if there is none. */
  consent: Consent | null
  /** What pages show of the client. */
  details: ShownDetails
  catalogue: Catalogue
}>

export interface UserStore {
  /** By name in any case and Unicode form. Null if unknown. */
  findByUsername(
    username: string,
  ): Promise<Readonly<{ user: RegisteredUser; passwordHash: string }> | null>
  /**
   * One read of the primary: never stale. The catalogue has what is declared of what a page may show: of `asked`, and of
   * narrower scopes and endorsements that the user holds.
   */
  standing(userId: string, clientId: ClientId, asked: Permissions): Promise<Standing>
}

/** Names of scopes and URIs of resources, sorted. */
export type Supported = Readonly<{ scopes: readonly string[]; resources: readonly string[] }>

export interface SupportedStore {
  /**
   * All that are declared; at most `SCOPES_KEPT_SECONDS` old, and older while D1 does not answer.
   * Throws if this isolate has never read them.
   */
  read(nowMs: number): Promise<Supported>
}

export interface SessionStore {
  /** Visible at once where it was written, elsewhere within a minute. */
  put(key: SessionKey, session: SessionRecord, lifetimeSeconds: number): Promise<void>
  /** Does KV show anything under the key, a session or a tombstone? */
  isStored(key: SessionKey): Promise<boolean>
}

export interface LiveSessions {
  /**
   * Null if unknown, not yet visible, ended or revoked. A revocation is seen within its stated bound, or at once with
   * `immediate`, which also asks D1 and throws without a D1.
   */
  find(key: SessionKey, nowMs: number, immediate: boolean): Promise<SessionRecord | null>
  /**
   * `find` with `immediate` in two parts: what KV shows, then whether D1 has no revocation. In between, a caller may begin
   * reads, but must not respond before `holds` has returned true.
   */
  findShown(key: SessionKey, nowMs: number): Promise<SessionRecord | null>
  holds(key: SessionKey, session: SessionRecord): Promise<boolean>
  /**
   * For the session of a signed token, which is not in KV: is there no revocation of it? Sees them as `find` does, also
   * those of the single token.
   */
  accepts(
    key: SessionKey,
    session: SessionRecord,
    nowMs: number,
    immediate: boolean,
  ): Promise<boolean>
}

/** Whose access token it is. `userId` null: the client's own. */
export type TokenHolder = Readonly<{ clientId: ClientId; userId: string | null }>

/** D1 dates every revocation in its own transaction. */
export interface RevocationStore {
  /**
   * Settles when D1 has the revocations: from then on checks with `immediate` refuse the sessions, others within the
   * stated bound. Returns whether KV took them all. Cron writes them to KV too, unless `markShown` records that KV has
   * them. A key may be that of a signed token, of `holder`: where `MAX_REVOKED_TOKENS` are revoked already, all access
   * tokens of that holder end.
   */
  endSessions(keys: readonly SessionKey[], holder?: TokenHolder): Promise<boolean>
  /**
   * Records that KV shows these revocations, so that cron need not write them. A lost write is harmless. Not for a session
   * that may still be written to KV: it would overwrite its tombstone.
   */
  markShown(keys: readonly SessionKey[]): Promise<void>
  /** Ends the family's refresh tokens and the sessions issued with them, in one transaction. Returns as `endSessions`. */
  endFamily(familyId: string): Promise<boolean>
  /** Ends what one user granted one client: remembered consent, families, codes, sessions. */
  removeConsent(userId: string, clientId: ClientId): Promise<void>
  /** Writes the document of bulk revocations to KV, which every authenticator reads. */
  project(): Promise<void>
  /** For cron: writes to KV the revocations whose write was lost. */
  repairKv(): Promise<void>
}

/** Workers Analytics Engine. A lost point is harmless. Throws for a point that is too large. */
export type DataPoints = Readonly<{
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}>
