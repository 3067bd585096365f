/**
 * What each store promises to the flows. A method that cannot reach its storage throws, and the response is 503: no
 * method guesses.
 */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Client } from '../domain/client.ts'
import type { Consent } from '../domain/consent.ts'
import type { ClientId, SecretDigest, SessionKey, TokenDigest } from '../domain/ids.ts'
import type { Catalogue } from '../domain/scope-catalogue.ts'
import type { ShownDetails } from '../domain/shown-client.ts'
import type { RegisteredUser } from '../domain/user.ts'

export type * from './page-ports.ts'
export type * from './session-ports.ts'
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
   * The record may lack resources that an earlier request did not name. It may be a replica's or up to `CLIENT_CACHE_SECONDS` old, and up to `STALE_CLIENT_SECONDS` old while D1 does
   * not answer.
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

/** A counted sign-in attempt, with the counts before it. Instants in epoch seconds. */
export type CountedTry = Readonly<{
  lockedUntil: number
  /** Failures of the name and the moment of the last; both 0 if there were none. */
  nameFailures: number
  nameFailedAt: number
}>

/** `browserToken` is the value of the browser's cookie; null without one. */
export interface SignInFailureStore {
  /**
   * Epoch seconds until which this name may not be tried from this network; in the past if it may. For a browser from
   * which the user has signed in, only failures from that browser count.
   */
  lockedUntil(
    username: string,
    network: string,
    now: number,
    browserToken?: string | null,
  ): Promise<number>
  /** Counts a try as a failure, before it is looked at: of many at once each sees those that were counted before it. */
  record(
    username: string,
    network: string,
    now: number,
    browserToken?: string | null,
  ): Promise<CountedTry>
  /** After a success. Failures from other networks and browsers still count. */
  clear(
    username: string,
    network: string,
    browserToken: string | null,
    tried: CountedTry,
  ): Promise<void>
}

/** A successful sign-in; `passwordHash` is the hash that the password matched. Instants in epoch seconds. */
export type KnownBrowser = Readonly<{
  userId: string
  passwordHash: string
  /** The new value of the browser's cookie. */
  token: string
  /** Its value before; null without one. */
  previousToken: string | null
  expiresAt: number
  /** The browser session of this sign-in. */
  session: Readonly<{ key: SessionKey; endsAt: number }>
  now: number
}>

export interface KnownBrowserStore {
  /** Has the user of this name signed in from the browser with this token? */
  knows(username: string, token: string, now: number): Promise<boolean>
  /** The row is deleted when the user's password changes or the user is disabled. */
  remember(browser: KnownBrowser): Promise<void>
  /**
   * For a session that KV does not show yet: is it the session of the last sign-in from a known browser, and neither ended
   * nor revoked on its own?
   */
  isOpen(sessionKey: SessionKey, now: number): Promise<boolean>
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

/** Whom an open invitation is for. */
export type Invited = Readonly<{ userId: string; username: string }>

/** Invitations are dated by D1's clock. An open one is neither used, ended nor expired, and its user is enabled. */
export interface InvitationStore {
  /** Null unless it is open. Read from the primary: never stale. */
  find(digest: TokenDigest): Promise<Invited | null>
  /**
   * Sets the user's password and ends everything that the user has, in one transaction that also marks the invitation as
   * used and records it. Of any number of simultaneous calls exactly one returns true. The others, and a call for an
   * invitation that is not open, change nothing.
   */
  accept(digest: TokenDigest, userId: string, passwordHash: string, now: number): Promise<boolean>
}

/** Workers Analytics Engine. A lost point is harmless. Throws for a point that is too large. */
export type DataPoints = Readonly<{
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}>
