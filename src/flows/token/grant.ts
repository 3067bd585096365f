/** A grant as a list of steps, and the one order in which the steps of every grant run. */

import { accessTokenLifetimeOf, type Client, type GrantType } from '../../domain/client.ts'
import { hasRegistryScope, REGISTRY_TOKEN_SECONDS } from '../../domain/registry-scopes.ts'
import type { User } from '../../domain/user.ts'
import type { PresentedClient } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { requireBinding } from '../../protocol/registry-scopes.ts'
import { requireGrantType } from '../../protocol/token-request.ts'
import { type IssuedToken, tokenTypeFor } from '../../protocol/token-response.ts'
import { authenticateClient, verifyOnKeptRecord } from '../authenticate-client.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { type Bearer, openSession } from '../open-session.ts'
import { prefetch } from '../prefetch.ts'
import { requireProof, type TokenProof } from './proof-of-possession.ts'

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

/** The tokens to be issued. Nothing is stored under them yet. */
export type Minted = Readonly<{ bearer: Bearer; refreshToken: string | null }>

/** What the access token is for. `user` is null when the client acts for itself. */
export type Holding = Readonly<{
  user: User | null
  scopes: readonly string[]
  endorsements: readonly string[]
  redirectUri: string
}>

/** In the order in which they run. Every step may throw `OAuthError`. */
type Steps<Asked, Read, Found, New extends Minted> = Readonly<{
  /** `kept`: the client's record may be the isolate's copy. Then `find` and `verify` may run twice and write nothing. */
  clientRecord: 'fresh' | 'kept'
  /** The parameters. */
  read: (fields: Fields) => Asked
  /** Reads what needs no client, at once with the client's record. */
  prefetch: (asked: Asked, deps: Deps) => Promise<Read>
  find: (asked: Asked, read: Read, caller: Caller) => Promise<Found>
  verify: readonly Check<Found & Caller>[]
  /** Every scope that the tokens may have, and whether they are bound to a key that was named before. */
  binding: (attempt: Found & Caller) => Readonly<{ scopes: readonly string[]; isBound: boolean }>
  mint: (attempt: Found & Caller) => Promise<New>
  /** The one statement that decides who won. Nothing was written before it. */
  consume: (minted: New, attempt: Found & Caller) => Promise<Holding>
  issue: (minted: New, holding: Holding, attempt: Found & Caller) => Promise<IssuedToken>
  /** Takes `consume` back. */
  undo: (minted: New, attempt: Found & Caller) => Promise<void>
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
    const reading = prefetch(steps.prefetch(asked, deps))
    const verify = async (client: Client, asOfMs: number) => {
      requireGrantType(client, request.grantType)
      requireProof(client, proof)
      const caller = { client, asOfMs, jkt: proof?.jkt ?? null, proof, deps, context }
      const attempt = { ...(await steps.find(asked, await reading, caller)), ...caller }
      await runChecks(steps.verify, attempt)
      const { scopes, isBound } = steps.binding(attempt)
      requireBinding(scopes, client, isBound)
      return attempt
    }
    const verifyOnFreshRecord = async (client: Client) => verify(client, client.readAtMs)
    const attempt =
      steps.clientRecord === 'kept'
        ? await verifyOnKeptRecord(presented, verify, deps, context)
        : await verifyOnFreshRecord(await authenticateClient(presented, deps, context))
    const minted = await steps.mint(attempt)
    try {
      const holding = await steps.consume(minted, attempt)
      return await steps.issue(minted, holding, attempt)
    } catch (cause) {
      // After a fault the client may try again. When D1 does not answer either, what was consumed stays consumed.
      if (!(cause instanceof OAuthError)) await steps.undo(minted, attempt).catch(() => {})
      throw cause
    }
  }

/** The last step of every grant: opens a session for the client. Settles when the session is stored. */
export async function issueTokens(
  { bearer, refreshToken }: Minted,
  holding: Holding,
  { client, asOfMs: clientAsOfMs, jkt, deps, context }: Caller,
): Promise<IssuedToken> {
  const longestSeconds = hasRegistryScope(holding.scopes)
    ? Math.min(deps.sessionLifetimeSeconds, REGISTRY_TOKEN_SECONDS)
    : deps.sessionLifetimeSeconds
  const lifetimeSeconds = accessTokenLifetimeOf(client, longestSeconds)
  // The earlier of the reads of the client and of the user.
  const asOfMs = Math.min(clientAsOfMs, holding.user?.readAtMs ?? clientAsOfMs)
  const { ipAddress, nowMs: startAtMs } = context
  const session = { ...holding, client, jkt, asOfMs, ipAddress, startAtMs, lifetimeSeconds }
  await openSession(bearer, session, deps)
  return {
    accessToken: bearer.token,
    tokenType: tokenTypeFor(jkt),
    lifetimeSeconds,
    scopes: holding.scopes,
    refreshToken,
  }
}
