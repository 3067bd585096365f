/**
 * The refresh token grant (RFC 6749 §6, RFC 9700 §4.14). A spent token that is used again ends the family, because there
 * is a second copy of it. The statement that rotates checks again everything that may have changed meanwhile.
 *
 * A token's successor and the access token beside it are derived from the token and a random salt in D1. So a client whose
 * response was lost gets the same two tokens once more: at any time one successor is alive, and D1 holds no secret.
 */

import { sessionKeyOf, tokenDigestOf } from '../../crypto/digest.ts'
import { deriveTexts, randomText } from '../../crypto/random.ts'
import { tokenOf } from '../../crypto/token.ts'
import { scopesFor, type TokenFormat } from '../../domain/resource.ts'
import { oneFormat } from '../../protocol/resource-parameter.ts'
import type { NewRefreshToken, Rotation } from '../../stores/spending-ports.ts'
import { type Bearer, keyOf } from '../open-session.ts'
import {
  checkRefresh,
  checkToken,
  type RefreshAttempt,
  ReplayedToken,
  refuseRefresh,
  repeatable,
  targetOf,
} from './check-refresh.ts'
import {
  type IssuedToken,
  issueTokens,
  issueTokensAgain,
  type Minted,
  stillAllowed,
  type TokenGrant,
  type TokenRequest,
  termsOf,
  tokenGrantOf,
  undoAfterFault,
} from './grant.ts'
import { usedProof } from './proof-of-possession.ts'

type Renewed = Minted &
  Readonly<{
    successor: NewRefreshToken
    /** Epoch seconds at which the tokens were first issued; null for new tokens. */
    firstIssuedAt: number | null
    /**
     * True if this answer may be undone. A repeated answer may be undone only after D1 has counted it: otherwise the undoing
     * would take back the answer of another request.
     */
    isCounted: boolean
  }>

/** What this request issues: new tokens, or the tokens of the request that it repeats. */
type Rotated = Readonly<{ renewed: Renewed; granted: TokenGrant }>

export async function refreshTokens(request: TokenRequest): Promise<IssuedToken> {
  try {
    const attempt = await checkRefresh(request)
    return await renew(await mint(attempt), attempt)
  } catch (cause) {
    if (cause instanceof ReplayedToken) await request.deps.revocations.endFamily(cause.familyId)
    throw cause
  }
}

async function renew(minted: Renewed, attempt: RefreshAttempt): Promise<IssuedToken> {
  const { refreshTokens } = attempt.deps
  let renewed = minted
  try {
    const rotated = await rotateOrRepeat(minted, attempt)
    renewed = rotated.renewed
    const { firstIssuedAt } = renewed
    return firstIssuedAt === null
      ? await issueTokens(renewed, rotated.granted, attempt)
      : await issueTokensAgain(renewed, rotated.granted, attempt, firstIssuedAt)
  } catch (cause) {
    const { successor, isCounted } = renewed
    const { tokenDigest, standing } = attempt
    return undoAfterFault(cause, async () => {
      if (isCounted) await refreshTokens.unrotate(tokenDigest, successor, standing.salt)
    })
  }
}

/** Derives the tokens: the same token and salt always give the same two tokens. */
async function derive(token: string, salt: string, format: TokenFormat) {
  const [refresh, access, sessionId, nonce] = (await deriveTexts(
    token,
    salt,
    'refresh token grant',
    4,
  )) as [string, string, string, string]
  const refreshToken = tokenOf('refreshToken', refresh)
  if (format === 'jwt') return { bearer: { kind: 'signed', sessionId } as Bearer, refreshToken }
  const accessToken = tokenOf('accessToken', access)
  const key = await sessionKeyOf(accessToken)
  const bearer: Bearer = { kind: 'opaque', token: accessToken, key, sessionId, nonce }
  return { bearer, refreshToken }
}

async function mint(attempt: RefreshAttempt): Promise<Renewed> {
  const { token, target, named, jkt, deps } = attempt
  const repeated = repeatable(attempt)
  const salt = repeated?.salt ?? randomText()
  const { bearer, refreshToken } = await derive(token, salt, oneFormat(target.resources))
  const scopes = repeated ? scopesFor(target.resources, repeated.scopes) : target.scopes
  const terms = termsOf(scopes, attempt)
  const tokenDigest = await tokenDigestOf(refreshToken)
  const idleSeconds = deps.refreshIdleSeconds
  const next = { tokenDigest, sessionKey: await keyOf(bearer), jkt, salt, idleSeconds }
  const successor = { ...next, resources: named, terms }
  const firstIssuedAt = repeated?.issuedAt ?? null
  return { bearer, refreshToken, successor, firstIssuedAt, isCounted: repeated === null }
}

/** One of several simultaneous calls rotates. The others repeat the tokens of that call, if a retry may have them. */
async function rotateOrRepeat(renewed: Renewed, attempt: RefreshAttempt): Promise<Rotated> {
  const { tokenDigest, standing, deps, context } = attempt
  const { successor, firstIssuedAt } = renewed
  const { refreshTokens } = deps
  deps.checking?.('spending')
  const rotation =
    firstIssuedAt === null
      ? await refreshTokens.rotate(tokenDigest, standing.family, successor, context.now)
      : await refreshTokens.repeat(tokenDigest, standing.family, successor)
  switch (rotation.kind) {
    case 'won':
      return {
        renewed: { ...renewed, isCounted: true },
        granted: tokenGrantOf(successor.terms.scopes, standing.family, rotation, attempt),
      }
    case 'proof_used':
      throw usedProof()
    case 'lost':
      return repeatAfterLoss(renewed, rotation, attempt)
  }
}

/**
 * This call did not exchange the token. Repeats the tokens for which another call has just exchanged it, or says why it
 * cannot, according to what D1 has now. Throws an Error if a retry will succeed.
 */
async function repeatAfterLoss(
  { firstIssuedAt }: Renewed,
  { standing, client: found }: Extract<Rotation, { kind: 'lost' }>,
  attempt: RefreshAttempt,
): Promise<Rotated> {
  if (!standing) return refuseRefresh('unknown token')
  const client = stillAllowed(found, attempt.grantType)
  if (typeof client === 'string') return refuseRefresh(client)
  const asOfNow = { ...attempt, standing, client }
  await checkToken(asOfNow)
  const again = { ...asOfNow, target: targetOf(asOfNow) }
  if (firstIssuedAt === null && repeatable(again)) {
    return rotateOrRepeat(await mint(again), again)
  }
  throw new Error('the permissions of the client changed while the token was exchanged')
}
