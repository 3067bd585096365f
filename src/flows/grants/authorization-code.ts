/**
 * The authorization code grant (RFC 6749 §4.1.3). The order, kept here and nowhere else: client authentication (done
 * before), client binding, redirect URI, PKCE, key, expiry, THEN spend, then issue. So whoever cannot show the secret
 * or the verifier neither burns a code nor ends what it bought. What the client and the user still have, and whether
 * the redirect URI is still registered, is a condition of the spending itself, so that no code is spent for a refusal.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { randomId } from '../../crypto/random.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { type AuthorizationCode, isExpired } from '../../domain/authorization-code.ts'
import { isEnabled } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { verifierProblem } from '../../protocol/pkce.ts'
import { redirectDifference, registeredRedirect } from '../../protocol/redirect-uri.ts'
import { type Redemption, readRedemption } from '../../protocol/token-request.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { Spending } from '../../stores/ports.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { issueAccessToken } from '../issue-access-token.ts'
import { newBearer } from '../open-session.ts'
import { usedProof } from '../proof-of-possession.ts'
import { stillHeld } from '../still-held.ts'
import type { Caller, Grant } from './grant.ts'

const invalidGrant = (detail: string) =>
  new OAuthError(
    'invalid_grant',
    'The code is unknown, expired or used, or was issued for another client, redirect_uri, code_verifier or key.',
    { detail },
  )

export const authorizationCode: Grant = (fields, deps, context) => {
  const asked = readRedemption(fields)
  const found = isWellFormed('authorizationCode', asked.code) ? lookUp(asked.code, deps) : null
  return async (caller) => {
    const { codeDigest, carried } = (await found) ?? refuse('malformed code')
    const code = carried ?? (await deps.codes.findOnLedger(codeDigest)) ?? refuse('unknown code')
    await verify(code, asked, caller, context.now)
    return redeem(codeDigest, code, caller, deps, context)
  }
}

const refuse = (detail: string): never => {
  throw invalidGrant(detail)
}

/** A fault of KV is no reason to refuse: the ledger has every code. */
async function lookUp(code: string, deps: Pick<Deps, 'codes'>) {
  const codeDigest = await tokenDigestOf(code)
  return { codeDigest, carried: await deps.codes.findCarried(codeDigest).catch(() => null) }
}

/** Everything that must hold before the code is spent. */
async function verify(
  code: AuthorizationCode,
  asked: Redemption,
  { client, jkt }: Caller,
  now: number,
) {
  if (code.clientId !== client.clientId) refuse('issued to another client')
  const mayOmitRedirectUri = !code.redirectUriSent && asked.redirectUri === undefined
  if (!mayOmitRedirectUri && asked.redirectUri !== code.redirectUri) {
    refuse(redirectDifference(asked.redirectUri, code.redirectUri))
  }
  const problem = await verifierProblem(asked.codeVerifier, code.codeChallenge)
  if (problem !== null) refuse(problem)
  // RFC 9449 §10: the key that the authorization request named.
  if (code.dpopJkt && code.dpopJkt !== jkt) refuse('dpop_jkt: another key, or none')
  if (isExpired(code, now)) refuse(`expired ${now - code.expiresAt} s ago`)
}

/** Spends the code and stores what it buys. Of any number of simultaneous calls exactly one returns. */
async function redeem(
  codeDigest: TokenDigest,
  code: AuthorizationCode,
  caller: Caller,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const { now } = context
  const { client, jkt } = caller
  const bearer = await newBearer('accessToken')
  const refresh = client.grantTypes.includes('refresh_token')
    ? await newFamily(code, jkt, now + deps.refreshLifetimeSeconds)
    : null
  const purchase = {
    sessionKey: bearer.key,
    clientId: client.clientId,
    userId: code.user.userId,
    asOfMs: caller.asOfMs,
    terms: {
      scopes: code.user.scopes,
      usersAreExternal: deps.usersAreExternal,
      proof: caller.proof?.id ?? null,
      redirectUri: registeredRedirect(client, code.redirectUri) ?? ('' as const),
    },
    family: refresh && { family: refresh.family, tokenDigest: refresh.tokenDigest },
  }
  try {
    const spending = await deps.codes.spend(codeDigest, purchase, now)
    if (spending.kind !== 'won') return await refuseSpending(spending, code, deps, context)
    const asOfNow = { ...client, ...spending.client }
    const held = stillHeld(code.user, asOfNow, spending.user, deps.usersAreExternal)
    if (typeof held === 'string') throw new Error(`a code was spent although ${held}`)
    const holding = { ...held, redirectUri: code.redirectUri }
    const token = refresh?.token ?? null
    const issued = await issueAccessToken(bearer, holding, caller, token, deps, context)
    context.defer(deps.codes.forget(codeDigest))
    return issued
  } catch (cause) {
    // A fault, not a refusal: the client may try again. When D1 does not answer either, the code stays burned.
    if (!(cause instanceof OAuthError))
      await deps.codes.unspend(codeDigest, purchase).catch(() => {})
    throw cause
  }
}

async function newFamily(code: AuthorizationCode, jkt: string | null, expiresAt: number) {
  const { clientId, user, redirectUri } = code
  const family = {
    familyId: randomId(),
    clientId,
    user,
    redirectUri,
    jkt,
    expiresAt,
    endedAt: null,
  }
  const token = mintToken('refreshToken')
  return { family, token, tokenDigest: await tokenDigestOf(token) }
}

/** Nothing was spent by this request: says why. */
async function refuseSpending(
  spending: Exclude<Spending, { kind: 'won' }>,
  code: AuthorizationCode,
  deps: Pick<Deps, 'revocations' | 'codeRetrySeconds' | 'usersAreExternal'>,
  context: RequestContext,
): Promise<never> {
  switch (spending.kind) {
    case 'unknown':
      return refuse('not on the ledger')
    case 'proof_used':
      throw usedProof()
    case 'again':
      return refuseAgain(spending, code, deps, context)
    case 'withdrawn':
      return refuse(whyWithdrawn(spending, code, deps.usersAreExternal))
  }
}

/** Throws an Error where all is there again: the code is good, and a retry will find it so. */
function whyWithdrawn(
  { client, user }: Extract<Spending, { kind: 'withdrawn' }>,
  code: AuthorizationCode,
  usersAreExternal: boolean,
): string {
  if (!client || !isEnabled(client)) return 'the client is disabled'
  if (!client.grantTypes.includes('authorization_code')) {
    return 'the client may no longer use this grant type'
  }
  if (registeredRedirect(client, code.redirectUri) === undefined) {
    return 'redirect_uri is no longer registered'
  }
  const held = stillHeld(code.user, client, user, usersAreExternal)
  if (typeof held === 'string') return held
  throw new Error('what the client may do changed while the code was redeemed')
}

/** RFC 6749 §4.1.2: a replay also ends what the first use bought. A retry by the same client instance does not. */
async function refuseAgain(
  spending: Extract<Spending, { kind: 'again' }>,
  code: AuthorizationCode,
  deps: Pick<Deps, 'revocations' | 'codeRetrySeconds'>,
  { now }: RequestContext,
): Promise<never> {
  const age = Math.max(0, now - spending.spentAt)
  if (spending.sessionKey === '') return refuse(`revoked ${age} s ago, before it was used`)
  const isRetry = code.codeChallenge !== null && age <= deps.codeRetrySeconds
  if (isRetry) return refuse(`spent ${age} s ago by the same client instance`)
  // The first use may still be storing it, so it is not marked as shown.
  const { sessionKey, familyId } = spending
  // At once, and both to their end: KV may be silent about the one, and nobody would come back for the other.
  const outcomes = await Promise.allSettled([
    deps.revocations.endSessions([sessionKey]),
    familyId !== null && deps.revocations.endFamily(familyId),
  ])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return refuse(`replayed ${age} s after its use`)
}
