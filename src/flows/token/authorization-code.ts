/**
 * The authorization code grant (RFC 6749 §4.1.3). The statement that spends the code has conditions: what the client and the
 * user still have, and that the redirect URI is still registered. So a refusal spends no code.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { randomId } from '../../crypto/random.ts'
import { mintToken } from '../../crypto/token.ts'
import { getsRefreshToken } from '../../domain/client.ts'
import { meetScopes } from '../../domain/scope.ts'
import { Replayed } from '../../protocol/errors.ts'
import { registeredRedirect } from '../../protocol/redirect-uri.ts'
import { oneFormat } from '../../protocol/resource-parameter.ts'
import type { Purchase, Spending } from '../../stores/spending-ports.ts'
import { keyOf, newAccessBearer } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import {
  checkRedemption,
  type Redeemer,
  type RedemptionAttempt,
  refuseCode,
} from './check-redemption.ts'
import {
  type IssuedToken,
  issueTokens,
  type Minted,
  stillAllowed,
  type TokenGrant,
  type TokenRequest,
  termsOf,
  tokenGrantOf,
  undoAfterFault,
} from './grant.ts'
import { usedProof } from './proof-of-possession.ts'

type Bought = Minted & Readonly<{ purchase: Purchase }>

export async function redeemCode(request: TokenRequest): Promise<IssuedToken> {
  const attempt = await checkRedemption(request)
  const { codeDigest, deps, context } = attempt
  const bought = await mint(attempt)
  try {
    const granted = await spendCode(bought, attempt)
    const issued = await issueTokens(bought, granted, attempt)
    context.defer(deps.codes.forget(codeDigest))
    return issued
  } catch (cause) {
    return undoAfterFault(cause, () => deps.codes.unspend(codeDigest, bought.purchase))
  }
}

async function mint(attempt: RedemptionAttempt): Promise<Bought> {
  const { client, asOfMs, target, code, deps } = attempt
  const bearer = await newAccessBearer(oneFormat(target.resources))
  const mayRefresh = getsRefreshToken(client, code.offlineAccess === true, deps.issueRefreshTokens)
  const refreshToken = mayRefresh ? mintToken('refreshToken') : null
  const redirectUri = registeredRedirect(client, code.redirectUri) ?? ('' as const)
  const purchase = {
    sessionKey: await keyOf(bearer),
    clientId: client.clientId,
    userId: code.user.userId,
    asOfMs,
    terms: { ...termsOf(target.scopes, attempt), redirectUri },
    family: refreshToken === null ? null : await newFamily(refreshToken, attempt),
  }
  return { bearer, refreshToken, purchase }
}

async function newFamily(token: string, { code, jkt, deps, context }: Redeemer) {
  const { clientId, user, redirectUri, audience, audienceReadAtMs, authTime } = code
  const expiresAt = context.now + deps.refreshLifetimeSeconds
  const granted = { clientId, user, redirectUri, audience, audienceReadAtMs, authTime }
  return {
    family: { familyId: randomId(), ...granted, jkt, expiresAt, endedAt: null },
    tokenDigest: await tokenDigestOf(token),
    idleSeconds: deps.refreshIdleSeconds,
  }
}

/** Exactly one of several simultaneous calls returns; the others throw. */
async function spendCode(bought: Bought, attempt: RedemptionAttempt): Promise<TokenGrant> {
  const { codeDigest, code, target, deps, context } = attempt
  deps.checking?.('spending')
  const spending = await deps.codes.spend(codeDigest, bought.purchase, context.now)
  return spending.kind === 'won'
    ? tokenGrantOf(target.scopes, code, spending, attempt)
    : refuseSpending(spending, attempt)
}

/** Throws the reason why this request spent nothing. */
async function refuseSpending(
  spending: Exclude<Spending, { kind: 'won' }>,
  attempt: RedemptionAttempt,
): Promise<never> {
  switch (spending.kind) {
    case 'unknown':
      return refuseCode('not on the ledger')
    case 'proof_used':
      throw usedProof()
    case 'again':
      return refuseAgain(spending, attempt)
    case 'withdrawn':
      return refuseCode(whyWithdrawn(spending, attempt))
  }
}

/** Throws an Error if every term holds again: the code is still valid, and a retry will succeed. */
function whyWithdrawn(
  withdrawn: Extract<Spending, { kind: 'withdrawn' }>,
  { code, target, grantType, deps }: RedemptionAttempt,
): string {
  const client = stillAllowed(withdrawn.client, grantType)
  if (typeof client === 'string') return client
  if (registeredRedirect(client, code.redirectUri) === undefined) {
    return 'redirect_uri is no longer registered'
  }
  const held = stillHeld(code.user, client, withdrawn.user, deps.usersAreExternal)
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
  if (sessionKey === '') return refuseCode(`revoked ${age} s ago, before it was used`)
  const isRetry = code.codeChallenge !== null && age <= deps.codeRetrySeconds
  if (isRetry) return refuseCode(`spent ${age} s ago by the same client instance`)
  // The session is not marked as shown, because the first use may still be storing it. A fault of one revocation does not
  // stop the other.
  const outcomes = await Promise.allSettled([
    deps.revocations.endSessions([sessionKey], {
      clientId: code.clientId,
      userId: code.user.userId,
    }),
    familyId !== null && deps.revocations.endFamily(familyId),
  ])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return refuseCode(`replayed ${age} s after its use`, Replayed)
}
