/**
 * The refresh token grant (RFC 6749 §6, RFC 9700 §4.14). The order, kept here: client authentication (done
 * before), client binding, key, family alive, not spent, scopes, THEN rotate, then issue. A spent token shown again
 * ends the family: somebody has a copy. Rotating checks once more, by the database, all that may have changed meanwhile.
 */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { type Client, isEnabled, isPublic } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { readRequestedScopes } from '../../protocol/scope-parameter.ts'
import { readRefreshToken } from '../../protocol/token-request.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { RefreshFamily, RefreshTokenStanding, Rotation } from '../../stores/ports.ts'
import type { Deps, RequestContext } from '../deps.ts'
import { issueAccessToken } from '../issue-access-token.ts'
import { newBearer } from '../open-session.ts'
import { usedProof } from '../proof-of-possession.ts'
import { stillHeld } from '../still-held.ts'
import type { Caller, Grant } from './grant.ts'

const refuse = (detail: string): never => {
  throw new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, expired, revoked or used, or is bound to another client or key.',
    { detail },
  )
}

export const refreshToken: Grant = (fields, deps, context) => {
  const token = readRefreshToken(fields)
  const isOurs = isWellFormed('refreshToken', token)
  const found = isOurs ? lookUp(token, deps) : null
  // Awaited below, after the client is authenticated: until then a fault waits there too.
  found?.catch(() => {})
  return async (caller) => {
    const { tokenDigest, standing } = (await found) ?? refuse('malformed token')
    if (!standing) return refuse('unknown token')
    const requested = readRequestedScopes(fields, standing.family.user.scopes)
    await verify({ standing, requested }, caller, deps, context)
    return renew(tokenDigest, { standing, requested }, caller, deps, context)
  }
}

/** `requested`: §6, a narrower `scope` is for this access token alone; a wider one than was granted is refused. */
type Asked = Readonly<{ standing: RefreshTokenStanding; requested: readonly string[] }>

async function lookUp(token: string, deps: Pick<Deps, 'refreshTokens'>) {
  const tokenDigest = await tokenDigestOf(token)
  return { tokenDigest, standing: await deps.refreshTokens.find(tokenDigest) }
}

/** Another request may have begun a little later than this one, and been first. */
const secondsAgo = (at: number, now: number) => Math.max(0, now - at)

async function verify(
  { standing, requested }: Asked,
  { client, jkt }: Caller,
  deps: Deps,
  context: RequestContext,
): Promise<void> {
  const { now } = context
  const { family, spentAt, user } = standing
  if (family.clientId !== client.clientId) refuse('issued to another client')
  requireKey(family, client, jkt)
  if (family.endedAt !== null) refuse(`its family ended ${secondsAgo(family.endedAt, now)} s ago`)
  if (now >= family.expiresAt) refuse(`expired ${now - family.expiresAt} s ago`)
  if (spentAt !== null) await refuseAgain(standing, secondsAgo(spentAt, now), client, deps)
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return refuse(held)
  if (meetScopes(requested, held.scopes).length > 0) return
  throw new OAuthError('invalid_scope', 'The requested scopes have been withdrawn.')
}

/**
 * RFC 9449 §5. A public client's refresh token is bound to the key it was first used with. A confidential
 * client's is bound by its authentication, so that it may change its key; but what began with proofs goes on
 * with proofs, or a thief of the client's secret could have bearer tokens instead.
 */
function requireKey(family: RefreshFamily, client: Client, jkt: string | null) {
  if (family.jkt === null) return
  if (jkt === null) refuse('no DPoP proof, but the family was started with one')
  if (isPublic(client) && jkt !== family.jkt) refuse('a DPoP proof of another key')
}

/**
 * RFC 9700 §4.14.2. Except for a retry by the same authenticated client: its first answer may have been lost on
 * the way, and whoever stole the token could not have authenticated. A public client has no such proof, and an answer
 * whose refresh token was used has not been lost.
 */
async function refuseAgain(
  { family, isSuccessorSpent }: RefreshTokenStanding,
  ageSeconds: number,
  client: Client,
  deps: Pick<Deps, 'revocations' | 'refreshRetrySeconds'>,
): Promise<never> {
  const isRetry = !isPublic(client) && !isSuccessorSpent && ageSeconds <= deps.refreshRetrySeconds
  if (isRetry) return refuse(`spent ${ageSeconds} s ago by the same client`)
  await deps.revocations.endFamily(family.familyId)
  return refuse(`shown again ${ageSeconds} s after its use: the family ends`)
}

/** The token was not exchanged: says why, as things stand now. Throws an Error where a retry will find it good. */
async function refuseLost(
  lost: Extract<Rotation, { kind: 'lost' }>,
  requested: readonly string[],
  caller: Caller,
  deps: Deps,
  context: RequestContext,
): Promise<never> {
  const { standing, client } = lost
  if (!standing) return refuse('unknown token')
  if (!client || !isEnabled(client)) return refuse('the client is disabled')
  if (!client.grantTypes.includes('refresh_token')) {
    return refuse('the client may no longer use this grant type')
  }
  await verify({ standing, requested }, { ...caller, client }, deps, context)
  throw new Error('what the client may do changed while the token was exchanged')
}

async function renew(
  tokenDigest: TokenDigest,
  { standing, requested }: Asked,
  caller: Caller,
  deps: Deps,
  context: RequestContext,
): Promise<IssuedToken> {
  const { now } = context
  const { client, jkt } = caller
  const { family } = standing
  const bearer = await newBearer('accessToken')
  const token = mintToken('refreshToken')
  const terms = {
    scopes: requested,
    usersAreExternal: deps.usersAreExternal,
    proof: caller.proof?.id ?? null,
  }
  const successor = { tokenDigest: await tokenDigestOf(token), sessionKey: bearer.key, jkt, terms }
  try {
    const rotation = await deps.refreshTokens.rotate(tokenDigest, family, successor, now)
    if (rotation.kind === 'proof_used') throw usedProof()
    if (rotation.kind === 'lost') {
      return await refuseLost(rotation, requested, caller, deps, context)
    }
    const asOfNow = { ...client, ...rotation.client }
    const held = stillHeld(family.user, asOfNow, rotation.user, deps.usersAreExternal)
    if (typeof held === 'string') throw new Error(`a refresh token was spent although ${held}`)
    const scopes = meetScopes(requested, held.scopes)
    const holding = { ...held, scopes, redirectUri: family.redirectUri }
    return await issueAccessToken(bearer, holding, caller, token, deps, context)
  } catch (cause) {
    if (!(cause instanceof OAuthError)) {
      await deps.refreshTokens.unrotate(tokenDigest, successor).catch(() => {})
    }
    throw cause
  }
}
