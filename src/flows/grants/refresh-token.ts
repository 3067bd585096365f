/**
 * The refresh token grant (RFC 6749 §6, RFC 9700 §4.14). The order, kept here: client authentication (done
 * before), client binding, key, family alive, scopes, THEN rotate, then issue. A spent token shown again ends the
 * family: somebody has a copy.
 */

import { digest } from '../../crypto/digest.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { type Client, isPublic } from '../../domain/client.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Fields } from '../../protocol/fields.ts'
import { readRequestedScopes } from '../../protocol/scope-parameter.ts'
import { readRefreshToken } from '../../protocol/token-request.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { RefreshFamily, RefreshTokenStanding } from '../../stores/ports.ts'
import type { Circumstances, Deps } from '../deps.ts'
import { issueAccessToken } from '../issue-access-token.ts'
import { newBearer } from '../open-session.ts'
import { type StillHeld, stillHeld } from '../still-held.ts'
import type { Caller, Grant } from './grant.ts'

const refuse = (detail: string): never => {
  throw new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, expired, revoked or used, or is bound to another client or key.',
    { detail },
  )
}

export const refreshToken: Grant = (fields, deps, circumstances) => {
  const token = readRefreshToken(fields)
  const isOurs = isWellFormed('refreshToken', token)
  const found = isOurs ? lookUp(token, deps) : null
  // Awaited below, after the client is authenticated: until then a fault waits there too.
  found?.catch(() => {})
  return async (caller) => {
    const { tokenDigest, standing } = (await found) ?? refuse('malformed token')
    if (!standing) return refuse('unknown token')
    const held = await verify(standing, caller, deps, circumstances)
    const scopes = narrow(fields, standing, held)
    return renew(tokenDigest, standing, { ...held, scopes }, caller, deps, circumstances)
  }
}

async function lookUp(token: string, deps: Pick<Deps, 'refreshTokens'>) {
  const tokenDigest = await digest(token)
  return { tokenDigest, standing: await deps.refreshTokens.find(tokenDigest) }
}

async function verify(
  { family, spentAt, user }: RefreshTokenStanding,
  { client, jkt }: Caller,
  deps: Deps,
  circumstances: Circumstances,
): Promise<StillHeld> {
  const { now } = circumstances
  if (family.clientId !== client.clientId) refuse('issued to another client')
  requireKey(family, client, jkt)
  if (family.endedAt !== null) refuse(`its family ended ${now - family.endedAt} s ago`)
  if (now >= family.expiresAt) refuse(`expired ${now - family.expiresAt} s ago`)
  if (spentAt !== null) await refuseAgain(family.familyId, now - spentAt, client, deps)
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  return typeof held === 'string' ? refuse(held) : held
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
 * the way, and whoever stole the token could not have authenticated. A public client has no such proof.
 */
async function refuseAgain(
  familyId: string,
  ageSeconds: number,
  client: Client,
  deps: Pick<Deps, 'revocations' | 'refreshRetrySeconds'>,
): Promise<never> {
  const isRetry = !isPublic(client) && ageSeconds <= deps.refreshRetrySeconds
  if (isRetry) return refuse(`spent ${ageSeconds} s ago by the same client`)
  await deps.revocations.endFamily(familyId)
  return refuse(`shown again ${ageSeconds} s after its use: the family ends`)
}

/** §6: a narrower `scope` is for this access token alone; a wider one than was granted is refused. */
function narrow(fields: Fields, { family }: RefreshTokenStanding, held: StillHeld) {
  const requested = readRequestedScopes(fields, family.user.scopes)
  const scopes = meetScopes(requested, held.scopes)
  if (scopes.length > 0) return scopes
  throw new OAuthError('invalid_scope', 'The requested scopes have been withdrawn.')
}

async function renew(
  tokenDigest: string,
  { family }: RefreshTokenStanding,
  held: StillHeld,
  caller: Caller,
  deps: Deps,
  circumstances: Circumstances,
): Promise<IssuedToken> {
  const { now } = circumstances
  const { client, jkt } = caller
  const bearer = await newBearer('accessToken')
  const token = mintToken('refreshToken')
  const successor = { tokenDigest: await digest(token), sessionKey: bearer.key, jkt }
  try {
    const won = await deps.refreshTokens.rotate(tokenDigest, family.familyId, successor, now)
    if (!won) return await refuseAgain(family.familyId, 0, client, deps)
    const holding = { ...held, redirectUri: family.redirectUri }
    return await issueAccessToken(bearer, holding, caller, token, deps, circumstances)
  } catch (cause) {
    if (!(cause instanceof OAuthError)) {
      await deps.refreshTokens.unrotate(tokenDigest, successor).catch(() => {})
    }
    throw cause
  }
}
