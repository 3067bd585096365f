/** What is given to the stores of codes and refresh tokens, and what they return. */

import type { Client } from '../domain/client.ts'
import type {
  ApprovedRedirectUri,
  ClientId,
  RegisteredRedirectUri,
  SessionKey,
  TokenDigest,
} from '../domain/ids.ts'
import type { GrantedAudience } from '../domain/resource.ts'
import type { RegisteredUser, User } from '../domain/user.ts'

/** An owner's id that is accepted once. From `expiresAt` on (whole epoch seconds) nothing with it is accepted. */
export type UsedOnce = Readonly<{ owner: string; jti: string; expiresAt: number }>

/**
 * What must hold in the transaction that spends a code or a refresh token; otherwise nothing is spent: the proof was not
 * used before, the client and the user are enabled, the client may use the grant, and both hold one of the scopes.
 */
export type Terms = Readonly<{
  scopes: readonly string[]
  /** True with LOGIN_URL: the registry need not have the user. */
  usersAreExternal: boolean
  /** The request's DPoP proof, which the same transaction records. */
  proof: UsedOnce | null
}>

/** What the client is authorized for, and the user, as of the transaction. `user` null: not registered here. */
export type HeldNow = Readonly<{
  client: Pick<Client, 'scopes' | 'endorsements'>
  user: RegisteredUser | null
}>

/** The result of an attempt to redeem a code. */
export type Spending =
  /** This call and no other. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Another call spent the code at `spentAt` (epoch seconds) and got this session and perhaps this family. */
  | Readonly<{ kind: 'again'; spentAt: number; sessionKey: SessionKey; familyId: string | null }>
  /** Nothing was spent: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** Nothing was spent: another term does not hold. The client and the user as they are now; null if there is none. */
  | Readonly<{ kind: 'withdrawn'; client: Client | null; user: RegisteredUser | null }>
  | Readonly<{ kind: 'unknown' }>

/** How long a family lives after its last refresh, by D1's clock, if `expiresAt` is not earlier. */
type IdleSeconds = number

/** What a code is exchanged for: a session, and a family with its first token for a client that may refresh. */
export type Purchase = Readonly<{
  sessionKey: SessionKey
  clientId: ClientId
  userId: string
  /** D1's moment of the request, as in `Lookup`. */
  asOfMs: number
  /** `redirectUri`: the registered URI that approved the code's URI and must still be registered; '' for none. */
  terms: Terms & Readonly<{ redirectUri: RegisteredRedirectUri | '' }>
  family: Readonly<{
    family: RefreshFamily
    tokenDigest: TokenDigest
    idleSeconds: IdleSeconds
  }> | null
}>

/** One authorization that a client can renew. Instants in epoch seconds. */
export type RefreshFamily = GrantedAudience &
  Readonly<{
    familyId: string
    clientId: ClientId
    /** With the granted scopes and endorsements. */
    user: User
    redirectUri: ApprovedRedirectUri
    /** Thumbprint of the key of its first DPoP proof (RFC 9449); null without one. */
    jkt: string | null
    /** As read: the earlier of its two ends, the absolute one and the idle one. */
    expiresAt: number
    endedAt: number | null
    /** When the user signed in, if that was recorded. */
    authTime?: number | undefined
  }>

/** The current state of a refresh token. Instants in epoch seconds. */
export type RefreshTokenStanding = Readonly<{
  family: RefreshFamily
  /** D1's moment of the read. */
  readAt: number
  issuedAt: number
  spentAt: number | null
  /** What it was derived with; null if it is spent, or was not derived. */
  salt: string | null
  /** The token that it was exchanged for. If that is spent, the client received the response to the exchange. */
  successor: Successor | null
  /** Null if the registry has no such user. */
  user: RegisteredUser | null
}>

/** `issuedAt` in epoch seconds. */
export type Successor = Readonly<{
  tokenDigest: TokenDigest
  issuedAt: number
  isSpent: boolean
  /**
   * How to derive it once more, and what was requested for its access token: scopes, and resources as `formatResources`
   * writes them. Null if it is spent or was not derived.
   */
  derivation: Readonly<{ salt: string; scopes: readonly string[]; resources: string }> | null
}>

/** The refresh token to issue, by its digest, and the session issued with it. */
export type NewRefreshToken = Readonly<{
  tokenDigest: TokenDigest
  sessionKey: SessionKey
  /** Random, and not secret: this token is derived from it and the spent token. */
  salt: string
  /** The resources that the request named, as `formatResources` writes them. */
  resources: string
  /** The key to bind an unbound family to. */
  jkt: string | null
  terms: Terms
  idleSeconds: IdleSeconds
}>

/** The result of an attempt to exchange a refresh token, or to give its successor once more. */
export type Rotation =
  /** `rotate`: this call and no other. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Nothing was spent: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** The token is spent, its family has ended, or the terms do not hold. Both records as they are now; null if there is none. */
  | Readonly<{ kind: 'lost'; standing: RefreshTokenStanding | null; client: Client | null }>
