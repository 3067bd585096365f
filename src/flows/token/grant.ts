/** A grant as a list of steps, and the one order in which the steps of every grant run. */

import { accessTokenLifetimeOf, type Client, type GrantType } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { longestTokenSeconds } from '../../domain/registry-scopes.ts'
import { lifetimeFor, resourcesWith, urisOf } from '../../domain/resource.ts'
import type { User } from '../../domain/user.ts'
import { requireSigned } from '../../protocol/access-token.ts'
import type { PresentedClient } from '../../protocol/client-authentication.ts'
import { isDocumentUrl } from '../../protocol/document-url.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { namedResources, oneFormat, type Target } from '../../protocol/resource-parameter.ts'
import { requireBinding } from '../../protocol/scope-parameter.ts'
import { requireGrantType } from '../../protocol/token-request.ts'
import { type IssuedToken, tokenTypeFor } from '../../protocol/token-response.ts'
import { verifyOnKeptRecord } from '../authenticate-client.ts'
import { verifyOnCurrentClient } from '../current-client.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { type Bearer, NO_SIGNING_KEYS, openSession, signSession } from '../open-session.ts'
import { prefetch } from '../prefetch.ts'
import { requireProof, requireProofFor, type TokenProof } from './proof-of-possession.ts'

/** A request to `/token`, before its client is authenticated. */
export type TokenRequest = Readonly<{
  grantType: GrantType
  fields: Fields
  presented: PresentedClient
  /** Not yet recorded as used: `consume` does that, when everything else is found good. */
  proof: TokenProof | null
}>

/** Who asks: an authenticated client, with what every step may use. */
export type Caller = Readonly<{
  client: Client
  /** D1's moment of this request, as in `Lookup`. */
  asOfMs: number
  /** Thumbprint of the key that the client proved to hold (RFC 9449), or null. */
  jkt: string | null
  proof: TokenProof | null
  deps: Deps
  context: RequestContext
}>

/** What the tokens are asked for. */
export type Targeted = Readonly<{ target: Target }>

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

/** What may be issued now: the tokens that were minted, or those of a request that this one repeats. */
export type Consumed<New extends Minted> = Readonly<{ minted: New; holding: Holding }>

/** A client that acts for itself has no `userId`. */
type Holder = Readonly<{
  userId?: string
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/** In the order in which they run. Every step may throw `OAuthError`. */
type Steps<Asked, Read, Found, New extends Minted> = Readonly<{
  /** `kept`: the client's record may be the isolate's copy. Then `find` and `verify` may run twice and write nothing. */
  clientRecord: 'fresh' | 'kept'
  /** The parameters. */
  read: (fields: Fields) => Asked
  /** The code or refresh token, to read the resources of its grant with the client; null if there is none. */
  grantDigest: (asked: Asked) => Promise<TokenDigest | null>
  /** Reads what needs no client, at once with the client's record. */
  prefetch: (digest: TokenDigest | null, deps: Deps) => Promise<Read>
  find: (asked: Asked, read: Read, caller: Caller) => Promise<Found>
  verify: readonly Check<Found & Caller>[]
  /** Without effects: the request shows a code or a refresh token of the client. Null: the grant has neither. */
  owned: readonly Check<Found & Caller>[] | null
  /** Which resources and scopes; refuses what may not be granted. */
  target: (attempt: Found & Caller) => Target
  /** All that the tokens may have and of whom, and whether they are bound to a key that was named before. */
  binding: (attempt: Found & Caller) => Readonly<{ holder: Holder; isBound: boolean }>
  mint: (attempt: Found & Caller & Targeted) => Promise<New>
  /** The one statement that decides who won. Nothing was written before it. */
  consume: (minted: New, attempt: Found & Caller & Targeted) => Promise<Consumed<New>>
  issue: (minted: New, holding: Holding, attempt: Found & Caller & Targeted) => Promise<IssuedToken>
  /** Takes `consume` back. */
  undo: (minted: New, attempt: Found & Caller & Targeted) => Promise<void>
}>

/** Throws when it does not hold. */
export type Check<Attempt> = (attempt: Attempt) => unknown

export async function runChecks<Attempt>(checks: readonly Check<Attempt>[], attempt: Attempt) {
  for (const check of checks) await check(attempt)
}

export const grant =
  <Asked, Read, Found, New extends Minted>(steps: Steps<Asked, Read, Found, New>) =>
  async (request: TokenRequest, deps: Deps, context: RequestContext): Promise<IssuedToken> => {
    const { presented, proof } = request
    const asked = steps.read(request.fields)
    const digest = await steps.grantDigest(asked)
    const reading = prefetch(steps.prefetch(digest, deps))
    const resources = namedResources(request.fields)
    const attemptOf = async (client: Client, asOfMs: number) => {
      const caller = { client, asOfMs, jkt: proof?.jkt ?? null, proof, deps, context }
      return { ...(await steps.find(asked, await reading, caller)), ...caller }
    }
    const verify = async (client: Client, asOfMs: number) => {
      requireGrantType(client, request.grantType)
      requireProof(client, proof)
      const attempt = await attemptOf(client, asOfMs)
      await runChecks(steps.verify, attempt)
      const target = steps.target(attempt)
      requireProofFor(target.resources, proof)
      const { holder, isBound } = steps.binding(attempt)
      requireBinding(holder.scopes, client, isBound)
      if (oneFormat(target.resources) === 'jwt') requireSignable(target, holder, client, deps)
      return { ...attempt, target }
    }
    const { owned } = steps
    const requireOwned =
      owned &&
      (async (client: Client) => runChecks(owned, await attemptOf(client, client.readAtMs)))
    const attempt =
      steps.clientRecord === 'kept' && !isDocumentUrl(presented.clientId)
        ? await verifyOnKeptRecord({ presented, resources }, verify, deps, context)
        : await verifyOnCurrentClient(
            presented,
            {
              more: { resources, grant: digest },
              verify: (client) => verify(client, client.readAtMs),
              requireOwned,
              mayBeStale: request.grantType === 'refresh_token',
            },
            deps,
            context,
          )
    let minted = await steps.mint(attempt)
    try {
      const consumed = await steps.consume(minted, attempt)
      minted = consumed.minted
      return await steps.issue(minted, consumed.holding, attempt)
    } catch (cause) {
      // After a fault the client may try again. When D1 does not answer either, what was consumed stays consumed.
      if (!(cause instanceof OAuthError)) await steps.undo(minted, attempt).catch(() => {})
      throw cause
    }
  }

/** Before anything is spent. */
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
  caller: Caller & Targeted,
): Promise<IssuedToken> {
  const { bearer } = minted
  const { deps } = caller
  const session = sessionFor(holding, caller, caller.context.nowMs)
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
  caller: Caller & Targeted,
  firstIssuedAt: number,
): Promise<IssuedToken> {
  const { deps, context } = caller
  const { bearer } = minted
  const issuedAtMs = firstIssuedAt * 1000
  const asNow = sessionFor(holding, caller, issuedAtMs)
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
  { client, asOfMs: clientAsOfMs, target, jkt, deps, context: { ipAddress } }: Caller & Targeted,
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
  tokenType: tokenTypeFor(jkt),
  lifetimeSeconds,
  scopes,
  refreshToken,
})
