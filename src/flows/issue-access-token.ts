/** What every grant ends with: a session of the client's is opened, and its token is the answer. */

import { accessTokenLifetimeOf } from '../domain/client.ts'
import type { User } from '../domain/user.ts'
import { type IssuedToken, tokenTypeFor } from '../protocol/token-response.ts'
import type { Deps, RequestContext } from './deps.ts'
import type { Caller } from './grants/grant.ts'
import { type Bearer, openSession } from './open-session.ts'

/** What the token is for. `user` is null when the client acts for itself. */
export type Holding = Readonly<{
  user: User | null
  scopes: readonly string[]
  endorsements: readonly string[]
  redirectUri: string
}>

/** Settles when the session is stored. */
export async function issueAccessToken(
  bearer: Bearer,
  holding: Holding,
  caller: Caller,
  refreshToken: string | null,
  deps: Pick<Deps, 'sessions' | 'sessionLifetimeSeconds'>,
  { nowMs, ipAddress }: RequestContext,
): Promise<IssuedToken> {
  const lifetimeSeconds = accessTokenLifetimeOf(caller.client, deps.sessionLifetimeSeconds)
  // Of the client and the user, the one that was read first.
  const asOfMs = Math.min(caller.asOfMs, holding.user?.readAtMs ?? caller.asOfMs)
  const session = { ...holding, ...caller, asOfMs, ipAddress, startAtMs: nowMs, lifetimeSeconds }
  await openSession(bearer, session, deps)
  return {
    accessToken: bearer.token,
    tokenType: tokenTypeFor(caller.jkt),
    lifetimeSeconds,
    scopes: holding.scopes,
    refreshToken,
  }
}
