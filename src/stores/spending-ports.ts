/** The arguments and results of the stores of codes and refresh tokens. */

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

/** An owner's id that is accepted once. From `expiresAt` (whole epoch seconds) on, a JWT with this id is refused. */
export type UsedOnce = Readonly<{ owner: string; jti: string; expiresAt: number }>

/**
 * What must hold in the transaction that spends a code or a refresh token: the proof was not used before, the client and the
 * user are enabled, the client may use the grant, and both hold one of the scopes. Otherwise nothing is spent.
 */
export type Terms = Readonly<{
  scopes: readonly string[]
  /** True with LOGIN_URL: the user need not be registered here. */
  usersAreExternal: boolean
  /** The request's DPoP proof, which the same transaction records. */
  proof: UsedOnce | null
}>

/** What the client is authorized for, and the user (null if not registered here), as the transaction read them. */
export type HeldNow = Readonly<{
  client: Pick<Client, 'scopes' | 'endorsements'>
  user: RegisteredUser | null
}>

/** The result of an attempt to redeem a code. */
export type Spending =
  /** This call spent the code, and no other call did. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Another call spent the code at `spentAt` (epoch seconds) and got this session and perhaps this family. */
  | Readonly<{ kind: 'again'; spentAt: number; sessionKey: SessionKey; familyId: string | null }>
  /** Nothing was spent: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** Nothing was spent: another term does not hold. The client and the user are as they are now; null if there is none. */
  | Readonly<{ kind: 'withdrawn'; client: Client | null; user: RegisteredUser | null }>
  | Readonly<{ kind: 'unknown' }>

/** How long a family lives after its last refresh, by D1's clock, unless `expiresAt` is earlier. */
type IdleSeconds = number

/** What a code is exchanged for: a session and, for a client that may refresh, a family with its first token. */
export type Purchase = Readonly<{
  sessionKey: SessionKey
  clientId: ClientId
  userId: string
  /** The moment of the request by D1's clock, as in `Lookup`. */
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
    /** The user with the granted scopes and endorsements. */
    user: User
    redirectUri: ApprovedRedirectUri
    /** Thumbprint of the key of the family's first DPoP proof (RFC 9449); null if there was no proof. */
    jkt: string | null
    /** The earlier of the two ends that the family had at the read, the absolute one and the idle one. */
    expiresAt: number
    endedAt: number | null
    /** When the user signed in, if that was recorded. */
    authTime?: number | undefined
  }>

/** The current state of a refresh token. Instants in epoch seconds. */
export type RefreshTokenStanding = Readonly<{
  family: RefreshFamily
  /** The moment of the read by D1's clock. */
  readAt: number
  issuedAt: number
  spentAt: number | null
  /** The salt that the token was derived with; null if the token is spent, or was not derived. */
  salt: string | null
  /** The token for which this token was exchanged. If that token is spent, the client received the response. */
  successor: Successor | null
  /** Null if the registry has no such user. */
  user: RegisteredUser | null
}>

/** `issuedAt` in epoch seconds. */
export type Successor = Readonly<{
  tokenDigest: TokenDigest
  issuedAt: number
  isSpent: boolean
  /** What derives the successor again (`resources`: see `formatResources`). Null if it is spent or was not derived. */
  derivation: Readonly<{ salt: string; scopes: readonly string[]; resources: string }> | null
}>

/** The refresh token to issue, by its digest, and the session that is issued with it. */
export type NewRefreshToken = Readonly<{
  tokenDigest: TokenDigest
  sessionKey: SessionKey
  /** A random value that is not secret: the new token is derived from this value and the spent token. */
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
  /** For `rotate`: this call exchanged the token, and no other call did. */
  | (Readonly<{ kind: 'won' }> & HeldNow)
  /** Nothing was spent: the proof was used before. */
  | Readonly<{ kind: 'proof_used' }>
  /** The token is spent, its family has ended, or the terms do not hold. Both records are current; null if there is none. */
  | Readonly<{ kind: 'lost'; standing: RefreshTokenStanding | null; client: Client | null }>
