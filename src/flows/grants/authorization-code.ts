/**
 * The authorization code grant (RFC 6749 §4.1.3). The order, kept here and nowhere else:
 * client authentication (done before), client binding, redirect URI, PKCE, expiry, THEN spend, then issue.
 * So whoever cannot show the secret or the verifier neither burns a code nor ends what it bought.
 */

import { digest } from '../../crypto/digest.ts'
import { isWellFormed } from '../../crypto/token.ts'
import { type AuthorizationCode, isExpired } from '../../domain/authorization-code.ts'
import { meetEndorsements } from '../../domain/category.ts'
import { type Client, isEnabled } from '../../domain/client.ts'
import { meetScopes } from '../../domain/scope.ts'
import type { RegisteredUser, User } from '../../domain/user.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { opensChallenge } from '../../protocol/pkce.ts'
import { type Redemption, readRedemption } from '../../protocol/token-request.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { Circumstances, Deps } from '../deps.ts'
import { newBearer, openSession } from '../open-session.ts'
import type { Grant } from './grant.ts'

const invalidGrant = (detail: string) =>
  new OAuthError(
    'invalid_grant',
    'The code is unknown, expired or used, or was issued for another client, redirect_uri or code_verifier.',
    { detail },
  )

export const authorizationCode: Grant = (fields, deps, circumstances) => {
  const asked = readRedemption(fields)
  const found = isWellFormed('authorizationCode', asked.code) ? lookUp(asked.code, deps) : null
  return async (client) => {
    const { codeDigest, carried } = (await found) ?? refuse('malformed code')
    const code = carried ?? (await deps.codes.findOnLedger(codeDigest)) ?? refuse('unknown code')
    await verify(code, asked, client, circumstances.now)
    return redeem(codeDigest, code, client, deps, circumstances)
  }
}

const refuse = (detail: string): never => {
  throw invalidGrant(detail)
}

/** A fault of KV is no reason to refuse: the ledger has every code. */
async function lookUp(code: string, deps: Pick<Deps, 'codes'>) {
  const codeDigest = await digest(code)
  return { codeDigest, carried: await deps.codes.findCarried(codeDigest).catch(() => null) }
}

/** Everything that must hold before the code is spent. */
async function verify(code: AuthorizationCode, asked: Redemption, client: Client, now: number) {
  if (code.clientId !== client.clientId) refuse('issued to another client')
  const mayOmitRedirectUri = !code.redirectUriSent && asked.redirectUri === undefined
  if (!mayOmitRedirectUri && asked.redirectUri !== code.redirectUri) refuse('redirect_uri differs')
  if (!(await opensChallenge(asked.codeVerifier, code.codeChallenge))) refuse('code_verifier fails')
  if (isExpired(code, now)) refuse(`expired ${now - code.expiresAt} s ago`)
}

/** Spends the code and stores what it buys. Of any number of simultaneous calls exactly one returns. */
async function redeem(
  codeDigest: string,
  code: AuthorizationCode,
  client: Client,
  deps: Deps,
  { now, nowMs, ipAddress, defer }: Circumstances,
): Promise<IssuedToken> {
  const bearer = await newBearer('accessToken')
  const takeBack = () => deps.codes.unspend(codeDigest, bearer.key).catch(() => {})
  try {
    const spending = await deps.codes.spend(codeDigest, code.user.userId, bearer.key, now)
    if (spending.kind === 'unknown') return refuse('not on the ledger')
    if (spending.kind === 'again') return await refuseAgain(spending, code, deps, now)
    const session = {
      ...whatIsStillHeld(code, client, spending.user, deps.usersAreExternal),
      client,
      redirectUri: code.redirectUri,
      ipAddress,
      startAtMs: nowMs,
      lifetimeSeconds: deps.sessionLifetimeSeconds,
    }
    await openSession(bearer, session, deps)
    defer(deps.codes.forget(codeDigest))
    const { lifetimeSeconds, scopes } = session
    return { accessToken: bearer.token, lifetimeSeconds, scopes }
  } catch (cause) {
    // A fault, not a refusal: the client may try again. When D1 does not answer either, the code stays burned.
    if (!(cause instanceof OAuthError)) await takeBack()
    throw cause
  }
}

/** RFC 6749 §4.1.2: a replay also ends what the first use bought. A retry by the same client instance does not. */
async function refuseAgain(
  spending: Readonly<{ spentAt: number; sessionKey: string }>,
  code: AuthorizationCode,
  deps: Pick<Deps, 'sessions' | 'codeRetrySeconds'>,
  now: number,
): Promise<never> {
  const isRetry = code.codeChallenge !== null && now - spending.spentAt <= deps.codeRetrySeconds
  if (isRetry) return refuse('spent moments ago by the same client instance')
  await deps.sessions.end(spending.sessionKey)
  return refuse(`replayed ${now - spending.spentAt} s after its use`)
}

/** What was granted, less what the client or the user has lost since. */
function whatIsStillHeld(
  code: AuthorizationCode,
  client: Client,
  registered: RegisteredUser | null,
  usersAreExternal: boolean,
): { user: User; scopes: string[]; endorsements: string[] } {
  if (!registered && !usersAreExternal) return refuse('the user is gone')
  if (registered && !isEnabled(registered)) return refuse('the user is disabled')
  const holder = registered ?? code.user
  const scopes = meetScopes(meetScopes(code.user.scopes, client.scopes), holder.scopes)
  if (scopes.length === 0) return refuse('every granted scope has been withdrawn')
  const shared = meetEndorsements(code.user.endorsements, client.endorsements)
  return { user: holder, scopes, endorsements: meetEndorsements(shared, holder.endorsements) }
}
