/**
 * The refresh token grant (RFC 6749 §6, RFC 9700 §4.14). A spent token that is used again ends the family, because there
 * is a second copy of it. The statement that rotates checks once more everything that may have changed meanwhile.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { isEnabled, isPublic } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { readRequestedScopes } from '../../protocol/scope-parameter.ts'
import { readRefreshToken } from '../../protocol/token-request.ts'
import type { NewRefreshToken, RefreshTokenStanding, Rotation } from '../../stores/ports.ts'
import type { Deps } from '../deps.ts'
import { newBearer } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import {
  type Caller,
  type Check,
  grant,
  type Holding,
  issueTokens,
  type Minted,
  runChecks,
} from './grant.ts'
import { requireUnusedProof, usedProof } from './proof-of-possession.ts'

type Asked = Readonly<{ token: string; fields: Fields }>
/** `requested`: §6, a narrower `scope` is for this access token alone. A wider one than was granted is refused. */
type Found = Readonly<{
  tokenDigest: TokenDigest
  standing: RefreshTokenStanding
  requested: readonly string[]
}>
type Attempt = Found & Caller
type Renewed = Minted & Readonly<{ successor: NewRefreshToken }>

const refuse = (detail: string): never => {
  throw new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, expired, revoked or used, or is bound to another client or key.',
    { detail },
  )
}

async function readStanding({ token }: Asked, { refreshTokens }: Deps) {
  if (!isWellFormed('refreshToken', token)) return null
  const tokenDigest = await tokenDigestOf(token)
  return { tokenDigest, standing: await refreshTokens.find(tokenDigest) }
}

async function findToken(
  { fields }: Asked,
  read: Awaited<ReturnType<typeof readStanding>>,
): Promise<Found> {
  const { tokenDigest, standing } = read ?? refuse('malformed token')
  if (!standing) return refuse('unknown token')
  const requested = readRequestedScopes(fields, standing.family.user.scopes)
  return { tokenDigest, standing, requested }
}

function clientOwnsToken({ standing: { family }, client }: Attempt) {
  if (family.clientId !== client.clientId) refuse('issued to another client')
}

/**
 * RFC 9449 §5. A public client's refresh token is bound to the key it was first used with. A confidential client's is
 * bound by its authentication, so that it may change its key. But a family that began with proofs goes on with proofs,
 * or a thief of the client's secret could get bearer tokens.
 */
function keyMatches({ standing: { family }, client, jkt }: Attempt) {
  if (family.jkt === null) return
  if (jkt === null) refuse('no DPoP proof, but the family was started with one')
  if (isPublic(client) && jkt !== family.jkt) refuse('a DPoP proof of another key')
}

/** Not negative: another request may have begun a little later than this one and still won. */
const secondsAgo = (at: number, now: number) => Math.max(0, now - at)

function familyLives({ standing: { family }, context: { now } }: Attempt) {
  if (family.endedAt !== null) refuse(`its family ended ${secondsAgo(family.endedAt, now)} s ago`)
  if (now >= family.expiresAt) refuse(`expired ${now - family.expiresAt} s ago`)
}

/**
 * RFC 9700 §4.14.2. A retry by the same authenticated client ends nothing: the first response may have been lost, and a
 * thief of the token could not have authenticated. A public client does not authenticate, and a response whose refresh
 * token was used has not been lost.
 */
async function notSpent({ standing, client, proof, deps, context }: Attempt) {
  const { family, spentAt, isSuccessorSpent } = standing
  if (spentAt === null) return
  await requireUnusedProof(proof, deps)
  const age = secondsAgo(spentAt, context.now)
  const isRetry = !isPublic(client) && !isSuccessorSpent && age <= deps.refreshRetrySeconds
  if (isRetry) refuse(`spent ${age} s ago by the same client`)
  await deps.revocations.endFamily(family.familyId)
  refuse(`shown again ${age} s after its use: the family ends`)
}

function scopesStillHeld({ standing: { family, user }, requested, client, deps }: Attempt) {
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return refuse(held)
  if (meetScopes(requested, held.scopes).length > 0) return
  throw new OAuthError('invalid_scope', 'The requested scopes have been withdrawn.')
}

const CHECKS: readonly Check<Attempt>[] = [
  clientOwnsToken,
  keyMatches,
  familyLives,
  notSpent,
  scopesStillHeld,
]

async function mint({ requested, jkt, proof, deps }: Attempt): Promise<Renewed> {
  const bearer = await newBearer('accessToken')
  const refreshToken = mintToken('refreshToken')
  const { usersAreExternal } = deps
  const terms = { scopes: requested, usersAreExternal, proof: proof?.id ?? null }
  const tokenDigest = await tokenDigestOf(refreshToken)
  return { bearer, refreshToken, successor: { tokenDigest, sessionKey: bearer.key, jkt, terms } }
}

/** Exactly one of any number of simultaneous calls returns. */
async function rotate({ successor }: Renewed, attempt: Attempt): Promise<Holding> {
  const { tokenDigest, standing, requested, client, deps, context } = attempt
  const { family } = standing
  const rotation = await deps.refreshTokens.rotate(tokenDigest, family, successor, context.now)
  if (rotation.kind === 'proof_used') throw usedProof()
  if (rotation.kind === 'lost') return refuseLost(rotation, attempt)
  const asOfNow = { ...client, ...rotation.client }
  const held = stillHeld(family.user, asOfNow, rotation.user, deps.usersAreExternal)
  if (typeof held === 'string') throw new Error(`a refresh token was spent although ${held}`)
  const scopes = meetScopes(requested, held.scopes)
  return { ...held, scopes, redirectUri: family.redirectUri }
}

/** The token was not exchanged. Says why, on what D1 has now. Throws an Error where a retry will succeed. */
async function refuseLost(
  { standing, client }: Extract<Rotation, { kind: 'lost' }>,
  attempt: Attempt,
): Promise<never> {
  if (!standing) return refuse('unknown token')
  if (!client || !isEnabled(client)) return refuse('the client is disabled')
  if (!client.grantTypes.includes('refresh_token')) {
    return refuse('the client may no longer use this grant type')
  }
  await runChecks(CHECKS, { ...attempt, standing, client })
  throw new Error('what the client may do changed while the token was exchanged')
}

export const refreshToken = grant({
  clientRecord: 'fresh',
  read: (fields) => ({ token: readRefreshToken(fields), fields }),
  prefetch: readStanding,
  find: findToken,
  verify: CHECKS,
  // All that the family has, and not what this request narrows it to: its next token is as good for the rest.
  binding: ({ standing: { family } }) => ({
    scopes: family.user.scopes,
    isBound: family.jkt !== null,
  }),
  mint,
  consume: rotate,
  issue: issueTokens,
  undo: ({ successor }, { tokenDigest, deps }) =>
    deps.refreshTokens.unrotate(tokenDigest, successor),
})
