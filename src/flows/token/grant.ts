/**
 * What the grants share. Each is two parts: a check, which reads, refuses and spends nothing; then what spends and issues.
 * Every step may throw `OAuthError`.
 */

import { accessTokenLifetimeOf, type Client, type GrantType } from '../../domain/client.ts'
import { longestTokenSeconds } from '../../domain/registry-scopes.ts'
import { lifetimeFor, resourcesWith, urisOf } from '../../domain/resource.ts'
import type { User } from '../../domain/user.ts'
import { requireSigned } from '../../protocol/access-token.ts'
import type { PresentedClient } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { oneFormat, type Target } from '../../protocol/resource-parameter.ts'
import { requireBinding } from '../../protocol/scope-parameter.ts'
import { requireGrantType } from '../../protocol/token-request.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { type Bearer, NO_SIGNING_KEYS, openSession, signSession } from '../open-session.ts'
import { requireProof, requireProofFor, type TokenProof } from './proof-of-possession.ts'

/** A request to `/token`, before its client is authenticated. */
export type TokenRequest = Readonly<{
  grantType: GrantType
  fields: Fields
  presented: PresentedClient
  /** Recorded as used when everything else is found good, and not earlier. */
  proof: TokenProof | null
  /** Thumbprint of the key that the client proved to hold (RFC 9449), or null. */
  jkt: string | null
}>

/** A request of an authenticated client, with what every step may use. */
export type Caller = TokenRequest &
  Readonly<{
    client: Client
    /** D1's moment of this request, as in `Lookup`. */
    asOfMs: number
    deps: Deps
    context: RequestContext
  }>

/** A request that passed the check of its grant. */
export type Attempt = Caller & Readonly<{ target: Target }>

/** The tokens to be issued. Nothing is stored under them yet. */
export type Minted = Readonly<{ bearer: Bearer; refreshToken: string | null }>

/** What the access token is for. `user` is null when the client acts for itself. */
export type Holding = Readonly<{
  user: User | null
  scopes: readonly string[]
  endorsements: readonly string[]
  redirectUri: string
  /** Epoch seconds at which the user signed in, if that was recorded. */
  authTime?: number | undefined
}>

export type IssuedToken = Readonly<{
  accessToken: string
  /** RFC 9449 §5: tells the client whether its token is bound to its key. */
  tokenType: 'Bearer' | 'DPoP'
  lifetimeSeconds: number
  scopes: readonly string[]
  refreshToken: string | null
}>

/** The first checks of every grant. */
export function requireAllowed({ client, grantType, proof, deps }: Caller) {
  deps.checking?.('grant_type_approved')
  requireGrantType(client, grantType)
  deps.checking?.('dpop_required')
  requireProof(client, proof)
}

/** The user and everything that the tokens may have. A client that acts for itself has no `userId`. */
type Holder = Readonly<{
  userId?: string
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/** The last checks of every grant. `isBound`: to a key that was named before. */
export function requireIssuable(
  { client, target, proof, deps }: Attempt,
  holder: Holder,
  isBound: boolean,
) {
  deps.checking?.('binding')
  requireProofFor(target.resources, proof)
  requireBinding(holder.scopes, client, isBound)
  if (oneFormat(target.resources) === 'jwt') requireSignable(target, holder, client, deps)
}

function requireSignable(
  { scopes, resources }: Target,
  { userId, endorsements }: Holder,
  { clientId }: Client,
  { signingKeys, issuer }: Deps,
) {
  if (!signingKeys) throw new Error(NO_SIGNING_KEYS)
  requireSigned({ issuer, clientId, userId, scopes, endorsements, audience: urisOf(resources) })
}

/** The last step of every grant: opens a session for the client. Settles when the session is stored. */
export async function issueTokens(
  minted: Minted,
  holding: Holding,
  attempt: Attempt,
): Promise<IssuedToken> {
  const { bearer } = minted
  const { deps } = attempt
  const session = sessionFor(holding, attempt, attempt.context.nowMs)
  if (bearer.kind === 'signed') {
    const { sessionId } = bearer
    return issuedToken(minted, session, await signSession({ ...session, sessionId }, deps))
  }
  await openSession(bearer, session, deps)
  return issuedToken(minted, session, bearer.token)
}

/**
 * The same tokens once more; a signed token has the same claims. A session is stored again only if KV has nothing under its key, so that it never replaces
 * a tombstone that KV shows. If D1 has a revocation that KV does not show yet, the tombstone is written again.
 * `firstIssuedAt`, by D1's clock: a revocation since then ends the session.
 */
export async function issueTokensAgain(
  minted: Minted,
  holding: Holding,
  attempt: Attempt,
  firstIssuedAt: number,
): Promise<IssuedToken> {
  const { deps, context } = attempt
  const { bearer } = minted
  const issuedAtMs = firstIssuedAt * 1000
  const asNow = sessionFor(holding, attempt, issuedAtMs)
  const session = { ...asNow, asOfMs: Math.min(asNow.asOfMs, issuedAtMs) }
  const age = Math.max(0, context.now - firstIssuedAt)
  const left = { ...session, lifetimeSeconds: session.lifetimeSeconds - age }
  if (bearer.kind === 'signed') {
    const { sessionId } = bearer
    return issuedToken(minted, left, await signSession({ ...session, sessionId }, deps))
  }
  if (!(await deps.sessions.isStored(bearer.key))) {
    const record = await openSession(bearer, session, deps)
    if (!(await deps.liveSessions.holds(bearer.key, record))) {
      await deps.revocations.endSessions([bearer.key])
    }
  }
  return issuedToken(minted, left, bearer.token)
}

function sessionFor(
  holding: Holding,
  { client, asOfMs: clientAsOfMs, target, jkt, deps, context: { ipAddress } }: Attempt,
  startAtMs: number,
) {
  const resources = resourcesWith(target.resources, holding.scopes)
  // A token that is bound to no resource would be good for more than was asked for.
  if (resources.length === 0 && target.resources.length > 0) {
    throw new Error('the token would be for none of its resources')
  }
  const longestSeconds = longestTokenSeconds(holding.scopes, deps.sessionLifetimeSeconds)
  const lifetimeSeconds = lifetimeFor(resources, accessTokenLifetimeOf(client, longestSeconds))
  // The earlier of the reads of the client and of the user.
  const asOfMs = Math.min(clientAsOfMs, holding.user?.readAtMs ?? clientAsOfMs)
  const audience = urisOf(resources)
  return { ...holding, client, audience, jkt, asOfMs, ipAddress, startAtMs, lifetimeSeconds }
}

const issuedToken = (
  { refreshToken }: Minted,
  { jkt, lifetimeSeconds, scopes }: ReturnType<typeof sessionFor>,
  accessToken: string,
): IssuedToken => ({
  accessToken,
  tokenType: jkt === null ? 'Bearer' : 'DPoP',
  lifetimeSeconds,
  scopes,
  refreshToken,
})

/** After a fault the client may try again. When D1 does not answer either, what was spent stays spent. */
export async function undoAfterFault(cause: unknown, undo: () => Promise<void>): Promise<never> {
  if (!(cause instanceof OAuthError)) await undo().catch(() => {})
  throw cause
}
