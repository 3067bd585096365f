/**
 * The refresh token grant (RFC 6749 §6, RFC 9700 §4.14). A spent token that is used again ends the family, because there
 * is a second copy of it. The statement that rotates checks once more everything that may have changed meanwhile.
 *
 * A token's successor and the access token beside it are derived from the token and a random salt in D1. So a client whose
 * response was lost gets the same two tokens once more: at any time one successor is alive, and D1 holds no secret.
 */

import { sessionKeyOf, tokenDigestOf } from '../../crypto/digest.ts'
import { deriveTexts, randomText } from '../../crypto/random.ts'
import { isWellFormed, tokenOf } from '../../crypto/token.ts'
import { isEnabled, isPublic } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { formatResources, scopesFor, type TokenFormat } from '../../domain/resource.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import {
  namedResources,
  oneFormat,
  readGrantedTarget,
  type Target,
} from '../../protocol/resource-parameter.ts'
import { readRefreshToken } from '../../protocol/token-request.ts'
import type { NewRefreshToken, RefreshTokenStanding, Rotation } from '../../stores/ports.ts'
import type { Deps } from '../deps.ts'
import { type Bearer, keyOf } from '../open-session.ts'
import { stillHeld } from '../still-held.ts'
import {
  type Caller,
  type Check,
  type Consumed,
  grant,
  type Holding,
  issueTokens,
  issueTokensAgain,
  type Minted,
  runChecks,
  type Targeted,
} from './grant.ts'
import { requireUnusedProof, usedProof } from './proof-of-possession.ts'

type Asked = Readonly<{ token: string; fields: Fields }>
type Found = Asked &
  Readonly<{
    tokenDigest: TokenDigest
    standing: RefreshTokenStanding
    /** The resources that the request names, as `formatResources` writes them. */
    named: string
  }>
type Attempt = Found & Caller
type TargetedAttempt = Attempt & Targeted
type Renewed = Minted &
  Readonly<{
    successor: NewRefreshToken
    /** Epoch seconds, for tokens that were issued before; null for new ones. */
    firstIssuedAt: number | null
    /** May this answer be taken back? A repetition only once D1 has counted it: otherwise another's would be. */
    isCounted: boolean
  }>

const refuse = (detail: string): never => {
  throw new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, expired, revoked or used, or is bound to another client or key.',
    { detail },
  )
}

async function readStanding(tokenDigest: TokenDigest | null, { refreshTokens }: Deps) {
  if (tokenDigest === null) return null
  return { tokenDigest, standing: await refreshTokens.find(tokenDigest) }
}

async function findToken(
  { token, fields }: Asked,
  read: Awaited<ReturnType<typeof readStanding>>,
): Promise<Found> {
  const { tokenDigest, standing } = read ?? refuse('malformed token')
  if (!standing) return refuse('unknown token')
  const named = formatResources(namedResources(fields))
  return { token, fields, tokenDigest, standing, named }
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

/** Also by D1's clock, which the statement that rotates asks. */
function familyLives({ standing: { family, readAt }, context: { now } }: Attempt) {
  if (family.endedAt !== null) refuse(`its family ended ${secondsAgo(family.endedAt, now)} s ago`)
  const age = Math.max(now, readAt) - family.expiresAt
  if (age >= 0) refuse(`expired ${age} s ago`)
}

/**
 * The successor that a retry gets once more; null if the token is not spent, or the retry comes too late. A response whose
 * refresh token was used has not been lost. A family that is bound to a key has a window of its own, by default none. A
 * request with another key, or with a proof where the first had none, is not the same request. Nor is one for other
 * resources: its client would send the first request's access token to a service that it is not for.
 */
function repeatable({ standing, named, jkt, deps, context }: Attempt) {
  const { family, spentAt, successor } = standing
  if (spentAt === null || !successor?.derivation) return null
  if (jkt !== family.jkt || named !== successor.derivation.resources) return null
  const windowSeconds =
    family.jkt === null ? deps.refreshRetrySeconds : deps.dpopRefreshRetrySeconds
  const isInTime = windowSeconds > 0 && secondsAgo(spentAt, context.now) <= windowSeconds
  return isInTime ? { ...successor.derivation, issuedAt: successor.issuedAt } : null
}

/**
 * RFC 9700 §4.14.2. Where a retry gets no tokens, one by the same authenticated client still ends nothing: a thief of the
 * token could not have authenticated. Nor does one that only names other resources: naming the same would have got tokens.
 */
async function notReplayed(attempt: Attempt) {
  const { standing, client, proof, deps, context } = attempt
  const { family, spentAt, successor } = standing
  if (spentAt === null) return
  await requireUnusedProof(proof, deps)
  if (repeatable(attempt)) return
  if (repeatable({ ...attempt, named: successor?.derivation?.resources ?? '' })) {
    refuse('exchanged just now by a request for other resources')
  }
  const age = secondsAgo(spentAt, context.now)
  const isRetry = !isPublic(client) && !successor?.isSpent && age <= deps.refreshRetrySeconds
  if (isRetry) refuse(`spent ${age} s ago by the same client`)
  await deps.revocations.endFamily(family.familyId)
  refuse(`shown again ${age} s after its use: the family ends`)
}

/** RFC 6749 §6, RFC 8707 §2.2: narrower scopes and fewer resources are for this access token alone. */
function targetOf({ fields, standing: { family, user }, client, deps }: Attempt): Target {
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return refuse(held)
  const target = readGrantedTarget(fields, client, family, deps.scopePolicy)
  if (meetScopes(target.scopes, held.scopes).length > 0) return target
  throw new OAuthError('invalid_scope', 'The requested scopes have been withdrawn.')
}

const OWNED: readonly Check<Attempt>[] = [clientOwnsToken, keyMatches, familyLives]
const CHECKS: readonly Check<Attempt>[] = [...OWNED, notReplayed]

/** The tokens that this token and the salt always give. */
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

async function mint(attempt: TargetedAttempt): Promise<Renewed> {
  const { token, target, named, jkt, proof, deps } = attempt
  const repeated = repeatable(attempt)
  const salt = repeated?.salt ?? randomText()
  const { bearer, refreshToken } = await derive(token, salt, oneFormat(target.resources))
  const terms = {
    scopes: repeated ? scopesFor(target.resources, repeated.scopes) : target.scopes,
    usersAreExternal: deps.usersAreExternal,
    proof: proof?.id ?? null,
  }
  const tokenDigest = await tokenDigestOf(refreshToken)
  const idleSeconds = deps.refreshIdleSeconds
  const next = { tokenDigest, sessionKey: await keyOf(bearer), jkt, salt, idleSeconds }
  const successor = { ...next, resources: named, terms }
  const firstIssuedAt = repeated?.issuedAt ?? null
  return { bearer, refreshToken, successor, firstIssuedAt, isCounted: repeated === null }
}

/** One of any number of simultaneous calls rotates. The others repeat its tokens, if a retry may. */
async function rotateOrRepeat(
  renewed: Renewed,
  attempt: TargetedAttempt,
): Promise<Consumed<Renewed>> {
  const { tokenDigest, standing, deps, context } = attempt
  const { successor, firstIssuedAt } = renewed
  const { refreshTokens } = deps
  const rotation =
    firstIssuedAt === null
      ? await refreshTokens.rotate(tokenDigest, standing.family, successor, context.now)
      : await refreshTokens.repeat(tokenDigest, standing.family, successor)
  switch (rotation.kind) {
    case 'won':
      return {
        minted: { ...renewed, isCounted: true },
        holding: holdingOf(rotation, renewed, attempt),
      }
    case 'proof_used':
      throw usedProof()
    case 'lost':
      return repeatAfterLoss(renewed, rotation, attempt)
  }
}

function holdingOf(
  won: Extract<Rotation, { kind: 'won' }>,
  { successor }: Renewed,
  { standing: { family }, client, deps }: Attempt,
): Holding {
  const asOfNow = { ...client, ...won.client }
  const held = stillHeld(family.user, asOfNow, won.user, deps.usersAreExternal)
  if (typeof held === 'string') throw new Error(`a refresh token was spent although ${held}`)
  const scopes = meetScopes(successor.terms.scopes, held.scopes)
  return { ...held, scopes, redirectUri: family.redirectUri, authTime: family.authTime }
}

/**
 * The token was not exchanged by this call. Repeats what another call has just exchanged it for, or says why it cannot, on
 * what D1 has now. Throws an Error where a retry will succeed.
 */
async function repeatAfterLoss(
  { firstIssuedAt }: Renewed,
  { standing, client }: Extract<Rotation, { kind: 'lost' }>,
  attempt: Attempt,
): Promise<Consumed<Renewed>> {
  if (!standing) return refuse('unknown token')
  if (!client || !isEnabled(client)) return refuse('the client is disabled')
  if (!client.grantTypes.includes('refresh_token')) {
    return refuse('the client may no longer use this grant type')
  }
  const asOfNow = { ...attempt, standing, client }
  await runChecks(CHECKS, asOfNow)
  const again = { ...asOfNow, target: targetOf(asOfNow) }
  if (firstIssuedAt === null && repeatable(again)) {
    return rotateOrRepeat(await mint(again), again)
  }
  throw new Error('what the client may do changed while the token was exchanged')
}

export const refreshToken = grant({
  clientRecord: 'fresh',
  read: (fields) => ({ token: readRefreshToken(fields), fields }),
  grantDigest: async ({ token }) =>
    isWellFormed('refreshToken', token) ? tokenDigestOf(token) : null,
  prefetch: readStanding,
  find: findToken,
  verify: CHECKS,
  owned: OWNED,
  target: targetOf,
  // All that the family has, and not what this request narrows it to: its next token is as good for the rest.
  binding: ({ standing: { family } }) => ({
    holder: family.user,
    isBound: family.jkt !== null,
  }),
  mint,
  consume: rotateOrRepeat,
  issue: (renewed, holding, attempt) =>
    renewed.firstIssuedAt === null
      ? issueTokens(renewed, holding, attempt)
      : issueTokensAgain(renewed, holding, attempt, renewed.firstIssuedAt),
  async undo({ successor, isCounted }, { tokenDigest, standing, deps }) {
    if (isCounted) await deps.refreshTokens.unrotate(tokenDigest, successor, standing.salt)
  },
})
