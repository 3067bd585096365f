/**
 * The authorization code grant (RFC 6749 §4.1.3). What the client and the user still have, and whether the redirect URI is
 * still registered, is a condition of the statement that spends, so that no code is spent for a refusal.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { randomId } from '../../crypto/random.ts'
import { mintToken } from '../../crypto/token.ts'
import { getsRefreshToken, isEnabled } from '../../domain/client.ts'
import { meetScopes } from '../../domain/scope.ts'
import { Replayed } from '../../protocol/errors.ts'
import { registeredRedirect } from '../../protocol/redirect-uri.ts'
import { oneFormat } from '../../protocol/resource-parameter.ts'
import type { Purchase, Spending } from '../../stores/spending-ports.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { keyOf, newAccessBearer } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import {
  checkRedemption,
  type Redeemer,
  type RedemptionAttempt,
  refuse,
} from './check-redemption.ts'
import {
  type Holding,
  type IssuedToken,
  issueTokens,
  type Minted,
  type TokenRequest,
  undoAfterFault,
} from './grant.ts'
import { usedProof } from './proof-of-possession.ts'

type Bought = Minted & Readonly<{ purchase: Purchase }>

export async function redeemCode(
  request: TokenRequest,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const attempt = await checkRedemption(request, deps, context)
  const { codeDigest } = attempt
  const bought = await mint(attempt)
  try {
    const holding = await spendCode(bought, attempt)
    const issued = await issueTokens(bought, holding, attempt)
    context.defer(deps.codes.forget(codeDigest))
    return issued
  } catch (cause) {
    return undoAfterFault(cause, () => deps.codes.unspend(codeDigest, bought.purchase))
  }
}

async function mint(attempt: RedemptionAttempt): Promise<Bought> {
  const { client, asOfMs, target, code, proof, deps } = attempt
  const bearer = await newAccessBearer(oneFormat(target.resources))
  const mayRefresh = getsRefreshToken(client, code.offlineAccess === true, deps.issueRefreshTokens)
  const refresh = mayRefresh ? await newFamily(attempt) : null
  const terms = {
    scopes: target.scopes,
    usersAreExternal: deps.usersAreExternal,
    proof: proof?.id ?? null,
    redirectUri: registeredRedirect(client, code.redirectUri) ?? ('' as const),
  }
  const idleSeconds = deps.refreshIdleSeconds
  const family = refresh && {
    family: refresh.family,
    tokenDigest: refresh.tokenDigest,
    idleSeconds,
  }
  const { userId } = code.user
  const purchase = {
    sessionKey: await keyOf(bearer),
    clientId: client.clientId,
    userId,
    asOfMs,
    terms,
    family,
  }
  return { bearer, refreshToken: refresh?.token ?? null, purchase }
}

async function newFamily({ code, jkt, deps, context }: Redeemer) {
  const { clientId, user, redirectUri, audience, audienceReadAtMs, authTime } = code
  const expiresAt = context.now + deps.refreshLifetimeSeconds
  const allowed = { clientId, user, redirectUri, audience, audienceReadAtMs }
  const granted = { ...allowed, authTime, jkt, expiresAt, endedAt: null }
  const token = mintToken('refreshToken')
  const tokenDigest = await tokenDigestOf(token)
  return { family: { familyId: randomId(), ...granted }, token, tokenDigest }
}

/** Exactly one of several simultaneous calls returns. */
async function spendCode(bought: Bought, attempt: RedemptionAttempt): Promise<Holding> {
  const { codeDigest, code, client, target, deps, context } = attempt
  deps.checking?.('spending')
  const spending = await deps.codes.spend(codeDigest, bought.purchase, context.now)
  if (spending.kind !== 'won') return refuseSpending(spending, attempt)
  const asOfNow = { ...client, ...spending.client }
  const held = stillHeld(code.user, asOfNow, spending.user, deps.usersAreExternal)
  if (typeof held === 'string') throw new Error(`a code was spent although ${held}`)
  const scopes = meetScopes(target.scopes, held.scopes)
  return { ...held, scopes, redirectUri: code.redirectUri, authTime: code.authTime }
}

/** This request spent nothing. Says why. */
async function refuseSpending(
  spending: Exclude<Spending, { kind: 'won' }>,
  attempt: RedemptionAttempt,
): Promise<never> {
  switch (spending.kind) {
    case 'unknown':
      return refuse('not on the ledger')
    case 'proof_used':
      throw usedProof()
    case 'again':
      return refuseAgain(spending, attempt)
    case 'withdrawn':
      return refuse(whyWithdrawn(spending, attempt))
  }
}

/** Throws an Error if every term holds again: the code is still valid, and a retry will succeed. */
function whyWithdrawn(
  { client, user }: Extract<Spending, { kind: 'withdrawn' }>,
  { code, target, deps }: RedemptionAttempt,
): string {
  if (!client || !isEnabled(client)) return 'the client is disabled'
  if (!client.grantTypes.includes('authorization_code')) {
    return 'the client may no longer use this grant type'
  }
  if (registeredRedirect(client, code.redirectUri) === undefined) {
    return 'redirect_uri is no longer registered'
  }
  const held = stillHeld(code.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return held
  if (meetScopes(target.scopes, held.scopes).length === 0) {
    return 'every scope of the requested resources has been withdrawn'
  }
  throw new Error('the permissions of the client changed while the code was redeemed')
}

/** RFC 6749 §4.1.2: a replay also ends the tokens of the first use. A retry by the same client instance does not. */
async function refuseAgain(
  { spentAt, sessionKey, familyId }: Extract<Spending, { kind: 'again' }>,
  { code, deps, context }: Redeemer,
): Promise<never> {
  const age = Math.max(0, context.now - spentAt)
  if (sessionKey === '') return refuse(`revoked ${age} s ago, before it was used`)
  const isRetry = code.codeChallenge !== null && age <= deps.codeRetrySeconds
  if (isRetry) return refuse(`spent ${age} s ago by the same client instance`)
  // The session is not marked as shown: the first use may still be storing it. A fault of one does not stop the other.
  const outcomes = await Promise.allSettled([
    deps.revocations.endSessions([sessionKey], {
      clientId: code.clientId,
      userId: code.user.userId,
    }),
    familyId !== null && deps.revocations.endFamily(familyId),
  ])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return refuse(`replayed ${age} s after its use`, Replayed)
}
