/**
 * Who may redeem a code, and for what (RFC 6749 §4.1.3): all checks that may refuse the code before it is spent. The checks
 * write nothing, so that a caller without the secret or the verifier neither spends a code nor ends its tokens.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { isWellFormed } from '../../crypto/token.ts'
import type { AuthorizationCode } from '../../domain/authorization-code.ts'
import type { Client } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { verifierProblem } from '../../protocol/pkce.ts'
import { redirectDifference } from '../../protocol/redirect-uri.ts'
import { namedResources, readGrantedTarget } from '../../protocol/resource-parameter.ts'
import { type Redemption, readRedemption } from '../../protocol/token-request.ts'
import { checkOnCurrentClient } from '../current-client.ts'
import type { Deps } from '../deps.ts'
import { prefetch } from '../prefetch.ts'
import {
  type Attempt,
  type Caller,
  callerOf,
  requireAllowed,
  requireIssuable,
  type TokenRequest,
} from './grant.ts'

type Asked = TokenRequest &
  Readonly<{
    redemption: Redemption
    codeDigest: TokenDigest | null
    /** What KV has under the digest; null if KV has nothing. */
    carried: Promise<AuthorizationCode | null>
  }>
export type Redeemer = Caller<Asked> &
  Readonly<{ codeDigest: TokenDigest; code: AuthorizationCode }>
export type RedemptionAttempt = Redeemer & Attempt

/** All checks that may refuse the request, except those that only the statement that spends the code can make. */
export async function checkRedemption(request: TokenRequest): Promise<RedemptionAttempt> {
  const { presented, fields, deps, context } = request
  const redemption = readRedemption(fields)
  const hasForm = isWellFormed('authorizationCode', redemption.code)
  const codeDigest = hasForm ? await tokenDigestOf(redemption.code) : null
  const carried = prefetch(readCarriedCode(codeDigest, deps))
  const asked = { ...request, redemption, codeDigest, carried }
  const alsoRead = { resources: namedResources(fields), allowedWith: codeDigest }
  const requireOwned = (client: Client) => checkCode(callerOf(asked, client))
  const checkOn = (client: Client) => check(callerOf(asked, client))
  return checkOnCurrentClient({ presented, alsoRead, requireOwned }, checkOn, deps, context)
}

async function check(caller: Caller<Asked>): Promise<RedemptionAttempt> {
  requireAllowed(caller)
  const redeemer = await checkCode(caller)
  const { code } = redeemer
  caller.deps.checking?.('target')
  const attempt = { ...redeemer, target: targetOf(redeemer) }
  requireIssuable(attempt, code.user, code.dpopJkt !== null)
  return attempt
}

async function checkCode(caller: Caller<Asked>): Promise<Redeemer> {
  const { checking } = caller.deps
  checking?.('code')
  const redeemer = await redeemerOf(caller)
  requireOwnCode(redeemer)
  checking?.('redirect_uri')
  requireSameRedirectUri(redeemer)
  checking?.('code_verifier')
  await requireVerifier(redeemer)
  checking?.('dpop_key')
  requireSameKey(redeemer)
  checking?.('expiry')
  requireNotExpired(redeemer)
  return redeemer
}

export const refuseCode = (detail: string, Refusal = OAuthError): never => {
  throw new Refusal(
    'invalid_grant',
    'The code is unknown, expired or used, or was issued for another client, redirect_uri, code_verifier or key.',
    { detail },
  )
}

/** A fault of KV is no reason to refuse: the ledger has every code. */
const readCarriedCode = async (codeDigest: TokenDigest | null, { codes }: Pick<Deps, 'codes'>) =>
  codeDigest && codes.findCarried(codeDigest).catch(() => null)

async function redeemerOf(caller: Caller<Asked>): Promise<Redeemer> {
  const { codeDigest, carried, deps } = caller
  if (codeDigest === null) return refuseCode('malformed code')
  const code = (await carried) ?? (await deps.codes.findOnLedger(codeDigest))
  return { ...caller, codeDigest, code: code ?? refuseCode('unknown code') }
}

function requireOwnCode({ code, client }: Redeemer) {
  if (code.clientId !== client.clientId) refuseCode('issued to another client')
}

/**
 * RFC 6749 §4.1.3: the token request MUST repeat the redirect URI of the authorization request. OAuth 2.1 has no such
 * parameter, because PKCE protects the code: a client that sent a challenge may omit it.
 */
function requireSameRedirectUri({ redemption: { redirectUri }, code }: Redeemer) {
  const mayOmit = !code.redirectUriSent || code.codeChallenge !== null
  if (!(mayOmit && redirectUri === undefined) && redirectUri !== code.redirectUri) {
    refuseCode(redirectDifference(redirectUri, code.redirectUri))
  }
}

async function requireVerifier({ redemption, code }: Redeemer) {
  const problem = await verifierProblem(redemption.codeVerifier, code.codeChallenge)
  if (problem !== null) refuseCode(problem)
}

/** RFC 9449 §10: the key must be the one that the authorization request named. */
function requireSameKey({ code, jkt }: Redeemer) {
  if (code.dpopJkt && code.dpopJkt !== jkt) refuseCode('dpop_jkt: another key, or none')
}

function requireNotExpired({ code, context: { now } }: Redeemer) {
  if (now >= code.expiresAt) refuseCode(`expired ${now - code.expiresAt} s ago`)
}

/** RFC 8707 §2.2: the token request may name fewer resources than the authorization request, for this access token alone. */
function targetOf({ fields, client, code, deps }: Redeemer) {
  const target = readGrantedTarget(fields, client, code, deps.scopePolicy)
  const isPkceDemanded = target.resources.some(({ requirePkce }) => requirePkce)
  if (isPkceDemanded && code.codeChallenge === null) {
    refuseCode('a resource demands PKCE, and the authorization request had no code_challenge')
  }
  return target
}
