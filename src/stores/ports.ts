/**
 * What each store promises: the only thing a flow knows of storage. A method that cannot reach its storage
 * throws, and whoever called answers 503: no promise here is kept by guessing.
 */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Client } from '../domain/client.ts'
import type { Consent } from '../domain/consent.ts'
import type { ClientId, SecretDigest, SessionKey, TokenDigest } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { RegisteredUser } from '../domain/user.ts'

export type * from './spending-ports.ts'

export interface ClientStore {
  /** Null if unknown. The answer may come from a near replica, seconds old. */
  find(clientId: ClientId): Promise<Client | null>
  /** Null if unknown. The primary's answer: never old. */
  findFresh(clientId: ClientId): Promise<Client | null>
  /** Records, to the day, that a secret was used. Losing one is harmless. */
  touchCredential(clientId: ClientId, secretDigest: SecretDigest, now: number): Promise<void>
}

/** A client record and, if it was kept from an earlier request, when it was read (epoch milliseconds, this isolate's clock). */
export type Lookup = Readonly<{
  client: Client | null
  keptSinceMs: number | null
  /** The age of a record that is older than `CLIENT_CACHE_SECONDS`, because D1 did not answer. */
  staleSeconds: number | null
  /**
   * By D1's clock, in epoch milliseconds: no later than now. A session that is opened now is of this moment. Of a kept
   * record it is the moment of its reading and what has passed since; this isolate's clock only measures that.
   */
  asOfMs: number
}>

/** For `client_credentials` alone. */
export interface ClientCache {
  /**
   * The record may be as old as `CLIENT_CACHE_SECONDS`, or a replica's; while D1 does not answer, as old as
   * `STALE_CLIENT_SECONDS`.
   */
  lookUp(clientId: ClientId, nowMs: number): Promise<Lookup>
  /** Reads it anew, from the primary. */
  reload(clientId: ClientId, nowMs: number): Promise<Client | null>
}

/** A consent given on the page now. */
export type GivenConsent = Consent &
  Readonly<{
    /** The scopes that were offered and not left ticked. */
    declined: readonly string[]
  }>

export interface AuthorizationStore {
  /**
   * Records a granted authorization: the code on the ledger, the consent if it was given now, in place of an earlier
   * one, with its row in the audit (all or nothing), and the code in KV. Settles when the ledger has it. Returns
   * the fault of KV if KV did not take the code: it can still be redeemed, from the ledger. `asOfMs`, by D1's clock: when the first of what the code rests on was read. A code is good for
   * nothing if any of that was revoked since.
   */
  grant(
    codeDigest: TokenDigest,
    code: AuthorizationCode,
    consent: GivenConsent | null,
    asOfMs: number,
  ): Promise<Error | null>
  /** From now on the remembered consent answers nothing. The user still sees it, and can remove it. */
  withdrawConsent(userId: string, clientId: ClientId): Promise<void>
}

export interface SessionStore {
  /** Visible at once where it is written, elsewhere after up to a minute. */
  put(key: SessionKey, session: SessionRecord, lifetimeSeconds: number): Promise<void>
}

export interface LiveSessions {
  /**
   * Null if unknown, not yet visible, ended or revoked. A revocation may take as long as its stated bound to be
   * seen; `immediate` asks D1 too, and throws where there is none.
   */
  find(key: SessionKey, nowMs: number, immediate: boolean): Promise<SessionRecord | null>
  /**
   * `find` with `immediate` in its two parts: what KV shows, then whether D1 knows of no revocation. Between them a
   * caller may begin what does not last; nothing is answered before `holds` has said yes.
   */
  findShown(key: SessionKey, nowMs: number): Promise<SessionRecord | null>
  holds(key: SessionKey, session: SessionRecord): Promise<boolean>
}

/** D1 dates every revocation, in the transaction that makes it. */
export interface RevocationStore {
  /**
   * Settles when D1 has it; from then on `immediate` checks refuse, others within the bound of a session. Answers
   * whether KV shows it; if not, cron does later. Cron also shows it once more unless told by `markShown`.
   */
  endSessions(keys: readonly SessionKey[]): Promise<boolean>
  /**
   * KV shows that these have ended, so cron need not. Losing this is harmless. Not for a session that may still be
   * on its way to KV: it would lie over its own tombstone.
   */
  markShown(keys: readonly SessionKey[]): Promise<void>
  /** Ends the family's refresh tokens and the sessions issued beside them, in one step. Answers as `endSessions`. */
  endFamily(familyId: string): Promise<boolean>
  /** Ends all that one user granted one client: remembered consent, families, codes, sessions. */
  removeConsent(userId: string, clientId: ClientId): Promise<void>
  /** Writes the document that tells every authenticator of bulk revocations. */
  project(): Promise<void>
  /** Projects again whatever a lost write did not show. */
  repairKv(): Promise<void>
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
  /** As presented, not verified; null when none was. */
  clientId: string | null
}>

export interface RefusalStore {
  /** Losing one is harmless. */
  record(refused: Refused): Promise<void>
  /** Null if it was never recorded, or more than a day ago. */
  find(correlationId: string, now: number): Promise<Refused | null>
}

export interface JtiStore {
  /**
   * Was this id of this owner's never used before? Of any number of simultaneous calls exactly one is told true.
   * It is remembered until `expiresAt` (epoch seconds, whole), when nothing with it is accepted any more.
   */
  use(owner: string, jti: string, expiresAt: number): Promise<boolean>
}

/**
 * What one user agreed to for one client, and what is authorized for the client now. Instants in epoch seconds.
 * `agreedScopes` are those of the latest answer, and those of earlier ones that a refresh token, a code or a session
 * may still have.
 */
export type ConnectedApplication = Readonly<{
  clientId: ClientId
  name: string
  url: string
  disabledAt: number | null
  agreedScopes: readonly string[]
  scopes: readonly string[]
  endorsements: readonly string[]
  /** The first time, since it was last removed. */
  grantedAt: number
  /** When it last bought a token or renewed one; null if it never did. */
  usedAt: number | null
}>

export interface ConnectedApplicationStore {
  /** One read of the primary: never stale. `user` is null if the registry has no such user. */
  of(
    userId: string,
  ): Promise<
    Readonly<{ user: RegisteredUser | null; applications: readonly ConnectedApplication[] }>
  >
}

/** A try that was counted, and what was counted before it. Instants in epoch seconds. */
export type CountedTry = Readonly<{
  lockedUntil: number
  /** Of the name, and when the last of them was: 0 and 0 if there were none. */
  nameFailures: number
  nameFailedAt: number
}>

/** `browserToken` is what the browser's cookie holds; null if it has none. */
export interface SignInFailureStore {
  /**
   * Epoch seconds until which this name is not to be tried from this network; past when it may be. From a browser that
   * the user has signed in from, only failures from that browser count.
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
  /** The try was a success. What others tried from elsewhere still counts. */
  clear(
    username: string,
    network: string,
    browserToken: string | null,
    tried: CountedTry,
  ): Promise<void>
}

/** A sign-in that succeeded with this hash. Instants in epoch seconds. */
export type KnownBrowser = Readonly<{
  userId: string
  passwordHash: string
  /** What the browser's cookie holds from now on, and what it held. */
  token: string
  previousToken: string | null
  expiresAt: number
  /** The browser session that it opens, by its key. */
  session: Readonly<{ key: SessionKey; endsAt: number }>
  now: number
}>

export interface KnownBrowserStore {
  /** Has the user of this name signed in from the browser with this token? */
  knows(username: string, token: string, now: number): Promise<boolean>
  /** Forgotten when the user's password changes or the user is disabled. */
  remember(browser: KnownBrowser): Promise<void>
  /**
   * Was this browser session opened by the last sign-in from a known browser, and has it neither ended nor been
   * revoked alone? For a session that KV does not show (yet).
   */
  isOpen(sessionKey: SessionKey, now: number): Promise<boolean>
}

/** A registered user and this user's latest answer to one client; null if there is none. */
export type Standing = Readonly<{ user: RegisteredUser | null; consent: Consent | null }>

export interface UserStore {
  /** By name, whatever its case. Null if unknown. */
  findByUsername(
    username: string,
  ): Promise<Readonly<{ user: RegisteredUser; passwordHash: string }> | null>
  /** One read of the primary: never stale. */
  standing(userId: string, clientId: ClientId): Promise<Standing>
}

/** Workers Analytics Engine. Losing one is harmless. Throws for a point that is too large. */
export type DataPoints = Readonly<{
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}>
