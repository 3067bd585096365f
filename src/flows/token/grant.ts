/**
 * What the grants share. Each grant has two parts: a check, which reads, refuses and spends nothing; then the steps that
 * spend and issue. Every step may throw `OAuthError`.
 */

import {
  accessTokenLifetimeOf,
  type Client,
  type GrantType,
  isEnabled,
} from '../../domain/client.ts'
import { longestTokenSeconds } from '../../domain/registry-scopes.ts'
import { lifetimeFor, resourcesWith, urisOf } from '../../domain/resource.ts'
import { meetScopes } from '../../domain/scope.ts'
import type { User } from '../../domain/user.ts'
import { requireSigned } from '../../protocol/access-token.ts'
import type { PresentedClient } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { oneFormat, type Target } from '../../protocol/resource-parameter.ts'
import { requireBinding } from '../../protocol/scope-parameter.ts'
import { requireGrantType } from '../../protocol/token-request.ts'
import type { HeldNow, RefreshFamily, Terms } from '../../stores/spending-ports.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { type Bearer, NO_SIGNING_KEYS, openSession, signSession } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import { requireProof, requireProofFor, type TokenProof } from './proof-of-possession.ts'

/** A request to `/token`, before its client is authenticated, with what every step may use. */
export type TokenRequest = Readonly<{
  grantType: GrantType
  fields: Fields
  presented: PresentedClient
  /** The proof is recorded as used when all checks have passed, and not earlier. */
  proof: TokenProof | null
  /** Thumbprint of the key whose possession the client proved (RFC 9449), or null. */
  jkt: string | null
  deps: Deps
  context: RequestContext
}>

/** A request of an authenticated client. `asOfMs`: D1's moment of this request, as in `Lookup`. */
export type Caller<Asked = TokenRequest> = Asked & Readonly<{ client: Client; asOfMs: number }>

export const callerOf = <Asked>(
  request: Asked,
  client: Client,
  asOfMs = client.readAtMs,
): Caller<Asked> => ({ ...request, client, asOfMs })

/** A request that passed the check of its grant. */
export type Attempt = Caller & Readonly<{ target: Target }>

/** The tokens to be issued. Nothing is stored under them yet. */
export type Minted = Readonly<{ bearer: Bearer; refreshToken: string | null }>

/** What the access token is granted for. `user` is null if the client acts for itself. */
export type TokenGrant = Readonly<{
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

/** The last checks of every grant. `isBound`: whether the token is bound to a key that was named before. */
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

/** The conditions under which a statement may spend something for these scopes. */
export const termsOf = (scopes: readonly string[], { proof, deps }: TokenRequest): Terms => ({
  scopes,
  usersAreExternal: deps.usersAreExternal,
  proof: proof?.id ?? null,
})

/** The client as it is now; a string says why it may no longer use the grant. */
export function stillAllowed(client: Client | null, grantType: GrantType): Client | string {
  if (!client || !isEnabled(client)) return 'the client is disabled'
  return client.grantTypes.includes(grantType)
    ? client
    : 'the client may no longer use this grant type'
}

/**
 * What the tokens of these scopes are granted for. `before`: what the user allowed with the code or the refresh token that
 * was just spent. `held`: what the client and the user had when the statement spent it.
 */
export function tokenGrantOf(
  scopes: readonly string[],
  before: Pick<RefreshFamily, 'user' | 'redirectUri' | 'authTime'>,
  held: HeldNow,
  { client, grantType, deps }: Caller,
): TokenGrant {
  const { user, redirectUri, authTime } = before
  const left = stillHeld(user, { ...client, ...held.client }, held.user, deps.usersAreExternal)
  if (typeof left === 'string') throw new Error(`${grantType}: spent, although ${left}`)
  return { ...left, scopes: meetScopes(scopes, left.scopes), redirectUri, authTime }
}

/** The last step of every grant: opens a session for the client. Settles when the session is stored. */
export async function issueTokens(
  minted: Minted,
  granted: TokenGrant,
  attempt: Attempt,
): Promise<IssuedToken> {
  const { bearer } = minted
  const { deps, context } = attempt
  const session = sessionFor(granted, attempt, context.nowMs)
  if (bearer.kind === 'opaque') await openSession(bearer, session, deps)
  return issuedToken(minted, session, deps)
}

/**
 * Issues the same tokens once more; a signed token has the same claims. A session is stored again only if KV has nothing
 * under its key, so that it never replaces a tombstone that KV shows. If D1 has a revocation that KV does not show yet, the
 * tombstone is written again. `firstIssuedAt`, by D1's clock: a revocation since that moment ends the session.
 */
export async function issueTokensAgain(
  minted: Minted,
  granted: TokenGrant,
  attempt: Attempt,
  firstIssuedAt: number,
): Promise<IssuedToken> {
  const { deps, context } = attempt
  const { bearer } = minted
  const issuedAtMs = firstIssuedAt * 1000
  const asNow = sessionFor(granted, attempt, issuedAtMs)
  const session = { ...asNow, asOfMs: Math.min(asNow.asOfMs, issuedAtMs) }
  if (bearer.kind === 'opaque' && !(await deps.sessions.isStored(bearer.key))) {
    const record = await openSession(bearer, session, deps)
    if (!(await deps.liveSessions.holds(bearer.key, record))) {
      await deps.revocations.endSessions([bearer.key])
    }
  }
  return issuedToken(minted, session, deps, Math.max(0, context.now - firstIssuedAt))
}

function sessionFor(
  granted: TokenGrant,
  { client, asOfMs: clientAsOfMs, target, jkt, deps, context: { ipAddress } }: Attempt,
  startAtMs: number,
) {
  const resources = resourcesWith(target.resources, granted.scopes)
  // A token that is bound to no resource would be valid for more than the client asked for.
  if (resources.length === 0 && target.resources.length > 0) {
    throw new Error('the token would be for none of its resources')
  }
  const longestSeconds = longestTokenSeconds(granted.scopes, deps.sessionLifetimeSeconds)
  const lifetimeSeconds = lifetimeFor(resources, accessTokenLifetimeOf(client, longestSeconds))
  // The moment is the earlier of the two reads, of the client and of the user.
  const asOfMs = Math.min(clientAsOfMs, granted.user?.readAtMs ?? clientAsOfMs)
  const audience = urisOf(resources)
  return { ...granted, client, audience, jkt, asOfMs, ipAddress, startAtMs, lifetimeSeconds }
}

async function issuedToken(
  { bearer, refreshToken }: Minted,
  session: ReturnType<typeof sessionFor>,
  deps: Deps,
  ageSeconds = 0,
): Promise<IssuedToken> {
  const { jkt, scopes } = session
  const accessToken =
    bearer.kind === 'opaque'
      ? bearer.token
      : await signSession({ ...session, sessionId: bearer.sessionId }, deps)
  const lifetimeSeconds = session.lifetimeSeconds - ageSeconds
  return {
    accessToken,
    tokenType: jkt === null ? 'Bearer' : 'DPoP',
    lifetimeSeconds,
    scopes,
    refreshToken,
  }
}

/** Undoes the spending after a fault, so that the client may try again. If D1 does not answer either, it stays spent. */
export async function undoAfterFault(cause: unknown, undo: () => Promise<void>): Promise<never> {
  if (!(cause instanceof OAuthError)) await undo().catch(() => {})
  throw cause
}
