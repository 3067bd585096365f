/**
 * What each store promises: the only thing a flow knows of storage. A method that cannot reach its storage
 * throws, and whoever called answers 503: no promise here is kept by guessing.
 */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Client } from '../domain/client.ts'
import type { Consent } from '../domain/consent.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { RegisteredUser } from '../domain/user.ts'

export interface ClientStore {
  /** Null if unknown. The answer may come from a near replica, seconds old. */
  find(clientId: string): Promise<Client | null>
  /** Records, to the day, that a secret was used. Losing one is harmless. */
  touchCredential(clientId: string, secretDigest: string, now: number): Promise<void>
}

/** A client record and where it came from. `reload` is null when it has just been read. */
export type Lookup = Readonly<{
  client: Client | null
  reload: (() => Promise<Client | null>) | null
}>

export interface ClientCache {
  /** The record may be as old as `CLIENT_CACHE_SECONDS`; then `reload` reads it anew. */
  lookUp(clientId: string, now: number): Promise<Lookup>
}

/** What became of an attempt to redeem a code. */
export type Spending =
  /** This call and no other. `user` is the registered user as of now; null if the registry has no such user. */
  | Readonly<{ kind: 'won'; user: RegisteredUser | null }>
  /** Another call was first, at `spentAt` (epoch seconds), and bought the session with this key. */
  | Readonly<{ kind: 'again'; spentAt: number; sessionKey: string }>
  | Readonly<{ kind: 'unknown' }>

export interface CodeStore {
  /** Null if absent, expired, or not yet visible here: KV may lag a write by a minute. Proves nothing about use. */
  findCarried(codeDigest: string): Promise<AuthorizationCode | null>
  /** The ledger's own answer: null only if no such code was ever issued, or it is long expired. Also spent ones. */
  findOnLedger(codeDigest: string): Promise<AuthorizationCode | null>
  /** Atomic. Of any number of simultaneous calls exactly one is told `won`. */
  spend(codeDigest: string, userId: string, sessionKey: string, now: number): Promise<Spending>
  /** Takes back the spending that bought this session, and no other. */
  unspend(codeDigest: string, sessionKey: string): Promise<void>
  /** Removes the code from KV. Losing this is harmless: the ledger decides. */
  forget(codeDigest: string): Promise<void>
  /** Removes expired ledger rows; answers how many. */
  sweep(now: number): Promise<number>
}

export interface AuthorizationStore {
  /**
   * Records a granted authorization: the code on the ledger, the remembered consent if there is one (both or
   * neither), and the code in KV. Settles when the ledger has it; KV may fail without harm.
   */
  grant(codeDigest: string, code: AuthorizationCode, consent: Consent | null): Promise<void>
}

export interface SessionStore {
  /** Visible at once where it is written, elsewhere after up to a minute. */
  put(key: string, session: SessionRecord, lifetimeSeconds: number): Promise<void>
  /** Null if absent or not yet visible. May be stale by a minute; whether it has ended is for the caller. */
  find(key: string): Promise<SessionRecord | null>
  /** May stay visible elsewhere for a minute. */
  end(key: string): Promise<void>
}

/** A registered user and what this user agreed to for one client. */
export type Standing = Readonly<{ user: RegisteredUser | null; consents: readonly Consent[] }>

export interface UserStore {
  /** By name, whatever its case. Null if unknown. */
  findByUsername(
    username: string,
  ): Promise<Readonly<{ user: RegisteredUser; passwordHash: string }> | null>
  /** One read of the primary: never stale. */
  standing(userId: string, clientId: string): Promise<Standing>
}
