/** What the stores promise of what is spent once: codes and refresh tokens. To be imported from `ports.ts`. */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Client } from '../domain/client.ts'
import type {
  ApprovedRedirectUri,
  ClientId,
  RegisteredRedirectUri,
  SessionKey,
  TokenDigest,
} from '../domain/ids.ts'
import type { RegisteredUser, User } from '../domain/user.ts'

/** An id that is good once, of one owner. `expiresAt` (epoch seconds, whole): nothing with it is accepted any more. */
export type UsedOnce = Readonly<{ owner: string; jti: string; expiresAt: number }>

/**
 * What must hold in the transaction that spends a code or a refresh token, or nothing is spent: the proof was not used
 * before, the client and the user are enabled, the client may use the grant, and both hold one of the scopes.
 */
export type Terms = Readonly<{
  scopes: readonly string[]
  /** May the registry not know the user? */
  usersAreExternal: boolean
  /** The DPoP proof that came with the request; it is recorded by the same transaction. */
  proof: UsedOnce | null
}>

/** What the client is authorized for and who the user is, as of the transaction. `user` null: not registered here. */
export type HeldNow = Readonly<{
  client: Pick<Client, 'scopes' | 'endorsements'>
  user: RegisteredUser | null
}>

/** What became of an attempt to redeem a code. */
export type Spending =
  /** This call and no other. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Another call was first, at `spentAt` (epoch seconds), and bought this session and perhaps a family. */
  | Readonly<{ kind: 'again'; spentAt: number; sessionKey: SessionKey; familyId: string | null }>
  /** Nothing was spent, whatever the code is: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** Nothing was spent: the other terms do not hold. Both records as they are now; null where there is none. */
  | Readonly<{ kind: 'withdrawn'; client: Client | null; user: RegisteredUser | null }>
  | Readonly<{ kind: 'unknown' }>

/** What a code buys: a session and, for a client that may refresh, a family with its first token. */
export type Purchase = Readonly<{
  sessionKey: SessionKey
  clientId: ClientId
  userId: string
  /** D1's moment of the request, as in `Lookup`. */
  asOfMs: number
  /** `redirectUri`: the registered one by which the code's was approved, which must still be there; '' for none. */
  terms: Terms & Readonly<{ redirectUri: RegisteredRedirectUri | '' }>
  family: Readonly<{ family: RefreshFamily; tokenDigest: TokenDigest }> | null
}>

export interface CodeStore {
  /** Null if absent, expired, or not yet visible here: KV may lag a write by a minute. Proves nothing about use. */
  findCarried(codeDigest: TokenDigest): Promise<AuthorizationCode | null>
  /** The ledger's own answer: null only if no such code was ever issued, or it is long expired. Also spent ones. */
  findOnLedger(codeDigest: TokenDigest): Promise<AuthorizationCode | null>
  /** Atomic. Of any number of simultaneous calls exactly one is told `won`, and only its family comes to be. */
  spend(codeDigest: TokenDigest, purchase: Purchase, now: number): Promise<Spending>
  /** Takes back this very spending, and no other; none while something that the code rests on was revoked since `asOfMs`. */
  unspend(codeDigest: TokenDigest, purchase: Purchase): Promise<void>
  /** Removes the code from KV. Losing this is harmless: the ledger decides. */
  forget(codeDigest: TokenDigest): Promise<void>
}

/** What one authorization lets a client have, again and again. Instants in epoch seconds. */
export type RefreshFamily = Readonly<{
  familyId: string
  clientId: ClientId
  /** With the granted scopes and endorsements. */
  user: User
  redirectUri: ApprovedRedirectUri
  /** Thumbprint of the key whose proofs (RFC 9449) it was first used with; null while there was none. */
  jkt: string | null
  expiresAt: number
  endedAt: number | null
}>

/** A refresh token as it stands now. Instants in epoch seconds. */
export type RefreshTokenStanding = Readonly<{
  family: RefreshFamily
  issuedAt: number
  spentAt: number | null
  /** Was the token that it was exchanged for used in turn? Then the exchange's answer had arrived. */
  isSuccessorSpent: boolean
  /** Null if the registry has no such user. */
  user: RegisteredUser | null
}>

/** The refresh token to be issued, by its digest, and the session issued beside it. */
export type NewRefreshToken = Readonly<{
  tokenDigest: TokenDigest
  sessionKey: SessionKey
  /** The key that the family is bound to from now on, unless it is bound already. */
  jkt: string | null
  terms: Terms
}>

/** What became of an attempt to exchange a refresh token. */
export type Rotation =
  /** This call and no other. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Nothing was spent, whatever the token is: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** It is spent already, its family has ended, or the terms do not hold. Both as they are now; null where none is. */
  | Readonly<{ kind: 'lost'; standing: RefreshTokenStanding | null; client: Client | null }>

export interface RefreshTokenStore {
  /** Null if it never was, or is long expired. Read from the primary. */
  find(tokenDigest: TokenDigest): Promise<RefreshTokenStanding | null>
  /** Atomic: spends one token for another. Of any number of simultaneous calls exactly one is told `won`. */
  rotate(
    tokenDigest: TokenDigest,
    family: Pick<RefreshFamily, 'familyId' | 'clientId'>,
    successor: NewRefreshToken,
    now: number,
  ): Promise<Rotation>
  /** Takes back the rotation to this successor, and no other. */
  unrotate(tokenDigest: TokenDigest, successor: NewRefreshToken): Promise<void>
}
