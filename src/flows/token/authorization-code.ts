/**
 * The authorization code grant (RFC 6749 §4.1.3). A caller who cannot show the secret or the verifier neither spends a
 * code nor ends what it bought. What the client and the user still have, and whether the redirect URI is still
 * registered, is a condition of the statement that spends, so that no code is spent for a refusal.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { randomId } from '../../crypto/random.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { type AuthorizationCode, isExpired } from '../../domain/authorization-code.ts'
import { getsRefreshToken, isEnabled } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { verifierProblem } from '../../protocol/pkce.ts'
import { redirectDifference, registeredRedirect } from '../../protocol/redirect-uri.ts'
import { oneFormat, readGrantedTarget } from '../../protocol/resource-parameter.ts'
import { type Redemption, readRedemption } from '../../protocol/token-request.ts'
import type { Purchase, Spending } from '../../stores/ports.ts'
import type { Deps } from '../deps.ts'
import { keyOf, newAccessBearer } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import {
  type Caller,
  grant,
  type Holding,
  issueTokens,
  type Minted,
  type Targeted,
} from './grant.ts'
import { usedProof } from './proof-of-possession.ts'

type Asked = Redemption & Readonly<{ fields: Fields }>
type Found = Readonly<{ asked: Asked; codeDigest: TokenDigest; code: AuthorizationCode }>
type Attempt = Found & Caller
type TargetedAttempt = Attempt & Targeted
type Bought = Minted & Readonly<{ purchase: Purchase }>

const refuse = (detail: string): never => {
  throw new OAuthError(
    'invalid_grant',
    'The code is unknown, expired or used, or was issued for another client, redirect_uri, code_verifier or key.',
    { detail },
  )
}

async function readCarriedCode(codeDigest: TokenDigest | null, { codes }: Deps) {
  if (codeDigest === null) return null
  // A fault of KV is no reason to refuse: the ledger has every code.
  return { codeDigest, carried: await codes.findCarried(codeDigest).catch(() => null) }
}

async function findCode(
  asked: Asked,
  read: Awaited<ReturnType<typeof readCarriedCode>>,
  { deps }: Caller,
): Promise<Found> {
  const { codeDigest, carried } = read ?? refuse('malformed code')
  const code = carried ?? (await deps.codes.findOnLedger(codeDigest)) ?? refuse('unknown code')
  return { asked, codeDigest, code }
}

function clientOwnsCode({ code, client }: Attempt) {
  if (code.clientId !== client.clientId) refuse('issued to another client')
}

/**
 * RFC 6749 §4.1.3: the token request MUST repeat the redirect URI of the authorization request. OAuth 2.1 has no such
 * parameter, since PKCE protects the code: a client that sent a challenge may omit it.
 */
function redirectUriMatches({ asked: { redirectUri }, code }: Attempt) {
  const mayOmit = !code.redirectUriSent || code.codeChallenge !== null
  if (!(mayOmit && redirectUri === undefined) && redirectUri !== code.redirectUri) {
    refuse(redirectDifference(redirectUri, code.redirectUri))
  }
}

async function verifierMatches({ asked, code }: Attempt) {
  const problem = await verifierProblem(asked.codeVerifier, code.codeChallenge)
  if (problem !== null) refuse(problem)
}

/** RFC 9449 §10: the key that the authorization request named. */
function keyMatches({ code, jkt }: Attempt) {
  if (code.dpopJkt && code.dpopJkt !== jkt) refuse('dpop_jkt: another key, or none')
}

function notExpired({ code, context: { now } }: Attempt) {
  if (isExpired(code, now)) refuse(`expired ${now - code.expiresAt} s ago`)
}

/** RFC 8707 §2.2: it may name fewer resources than the authorization request, for this access token alone. */
function targetOf({ asked, client, code, deps }: Attempt) {
  const target = readGrantedTarget(asked.fields, client, code, deps.scopePolicy)
  const isPkceDemanded = target.resources.some(({ requirePkce }) => requirePkce)
  if (isPkceDemanded && code.codeChallenge === null) {
    refuse('a resource demands PKCE, and the authorization request had no code_challenge')
  }
  return target
}

async function mint(attempt: TargetedAttempt): Promise<Bought> {
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

async function newFamily({ code, jkt, deps, context }: Attempt) {
  const { clientId, user, redirectUri, audience, audienceReadAtMs, authTime } = code
  const expiresAt = context.now + deps.refreshLifetimeSeconds
  const allowed = { clientId, user, redirectUri, audience, audienceReadAtMs }
  const granted = { ...allowed, authTime, jkt, expiresAt, endedAt: null }
  const token = mintToken('refreshToken')
  const tokenDigest = await tokenDigestOf(token)
  return { family: { familyId: randomId(), ...granted }, token, tokenDigest }
}

/** Exactly one of any number of simultaneous calls returns. */
async function spendCode(minted: Bought, attempt: TargetedAttempt) {
  const { codeDigest, code, client, target, deps, context } = attempt
  const spending = await deps.codes.spend(codeDigest, minted.purchase, context.now)
  if (spending.kind !== 'won') return refuseSpending(spending, attempt)
  const asOfNow = { ...client, ...spending.client }
  const held = stillHeld(code.user, asOfNow, spending.user, deps.usersAreExternal)
  if (typeof held === 'string') throw new Error(`a code was spent although ${held}`)
  const scopes = meetScopes(target.scopes, held.scopes)
  return {
    minted,
    holding: { ...held, scopes, redirectUri: code.redirectUri, authTime: code.authTime },
  }
}

async function issueAndForgetCode(bought: Bought, holding: Holding, attempt: TargetedAttempt) {
  const issued = await issueTokens(bought, holding, attempt)
  attempt.context.defer(attempt.deps.codes.forget(attempt.codeDigest))
  return issued
}

/** This request spent nothing. Says why. */
async function refuseSpending(
  spending: Exclude<Spending, { kind: 'won' }>,
  attempt: TargetedAttempt,
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

/** Throws an Error where all of it is there again: the code is still good, and a retry will succeed. */
function whyWithdrawn(
  { client, user }: Extract<Spending, { kind: 'withdrawn' }>,
  { code, target, deps }: TargetedAttempt,
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
  throw new Error('what the client may do changed while the code was redeemed')
}

/** RFC 6749 §4.1.2: a replay also ends what the first use bought. A retry by the same client instance does not. */
async function refuseAgain(
  { spentAt, sessionKey, familyId }: Extract<Spending, { kind: 'again' }>,
  { code, deps, context }: Attempt,
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
  return refuse(`replayed ${age} s after its use`)
}

const CHECKS = [clientOwnsCode, redirectUriMatches, verifierMatches, keyMatches, notExpired]

export const authorizationCode = grant({
  clientRecord: 'fresh',
  read: (fields) => ({ ...readRedemption(fields), fields }),
  grantDigest: async ({ code }) =>
    isWellFormed('authorizationCode', code) ? tokenDigestOf(code) : null,
  prefetch: readCarriedCode,
  find: findCode,
  verify: CHECKS,
  owned: CHECKS,
  target: targetOf,
  binding: ({ code }) => ({ holder: code.user, isBound: code.dpopJkt !== null }),
  mint,
  consume: spendCode,
  issue: issueAndForgetCode,
  undo: ({ purchase }, { codeDigest, deps }) => deps.codes.unspend(codeDigest, purchase),
})
