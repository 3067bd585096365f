/** Who may refresh, and to what (RFC 6749 §6, RFC 9700 §4.14): the checks that may refuse a refresh token. All only read. */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { isWellFormed } from '../../crypto/token.ts'
import { type Client, isPublic } from '../../domain/client.ts'
import type { TokenDigest } from '../../domain/ids.ts'
import { formatResources } from '../../domain/resource.ts'
import { meetScopes } from '../../domain/scope.ts'
import { OAuthError, Replayed } from '../../protocol/errors.ts'
import {
  namedResources,
  readGrantedTarget,
  type Target,
} from '../../protocol/resource-parameter.ts'
import { readRefreshToken } from '../../protocol/token-request.ts'
import type { RefreshTokenStanding } from '../../stores/spending-ports.ts'
import { checkOnCurrentClient } from '../current-client.ts'
import type { Deps } from '../deps.ts'
import { prefetch } from '../prefetch.ts'
import { stillHeld } from '../still-held.ts'
import {
  type Attempt,
  type Caller,
  callerOf,
  requireAllowed,
  requireIssuable,
  type TokenRequest,
} from './grant.ts'
import { requireUnusedProof } from './proof-of-possession.ts'

type Asked = TokenRequest &
  Readonly<{
    token: string
    tokenDigest: TokenDigest | null
    /** What D1 has under the digest; null if D1 has nothing. */
    standing: Promise<RefreshTokenStanding | null>
    /** The resources that the request names, as `formatResources` writes them. */
    named: string
  }>
type Refresher = Caller<Omit<Asked, 'standing'>> &
  Readonly<{ tokenDigest: TokenDigest; standing: RefreshTokenStanding }>
export type RefreshAttempt = Refresher & Attempt

/** The token was used before, and not by a retry of the same client, so somebody has a copy of the token. */
export class ReplayedToken extends Replayed {
  readonly familyId: string

  constructor({ code, description, detail }: OAuthError, familyId: string) {
    super(code, description, { detail })
    this.familyId = familyId
  }
}

/** All checks that may refuse the request, except those that only the statement that rotates can make. */
export async function checkRefresh(request: TokenRequest): Promise<RefreshAttempt> {
  const { presented, fields, deps, context } = request
  const token = readRefreshToken(fields)
  const tokenDigest = isWellFormed('refreshToken', token) ? await tokenDigestOf(token) : null
  const standing = prefetch(readStanding(tokenDigest, deps))
  const resources = namedResources(fields)
  const named = formatResources(resources)
  const asked = { ...request, token, tokenDigest, standing, named }
  const alsoRead = { resources, allowedWith: tokenDigest }
  const requireOwned = async (client: Client) =>
    requireOwnToken(await refresherOf(callerOf(asked, client)))
  const checkOn = (client: Client) => check(callerOf(asked, client))
  const reading = { presented, alsoRead, requireOwned, mayBeStale: true }
  return checkOnCurrentClient(reading, checkOn, deps, context)
}

async function check(caller: Caller<Asked>): Promise<RefreshAttempt> {
  requireAllowed(caller)
  const refresher = await refresherOf(caller)
  await checkToken(refresher)
  const { family } = refresher.standing
  caller.deps.checking?.('target')
  const attempt = { ...refresher, target: targetOf(refresher) }
  // The check is on everything that the family has, and not only on what this request asks for, because the next refresh
  // token keeps the rest.
  requireIssuable(attempt, family.user, family.jkt !== null)
  return attempt
}

export async function checkToken(refresher: Refresher) {
  requireOwnToken(refresher)
  refresher.deps.checking?.('reuse')
  await requireNotReplayed(refresher)
}

function requireOwnToken(refresher: Refresher) {
  const { checking } = refresher.deps
  requireSameClient(refresher)
  checking?.('dpop_key')
  requireSameKey(refresher)
  checking?.('expiry')
  requireLivingFamily(refresher)
}

const refusal = (detail: string) =>
  new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, expired, revoked or used, or is bound to another client or key.',
    { detail },
  )

export const refuseRefresh = (detail: string): never => {
  throw refusal(detail)
}

const readStanding = async (
  tokenDigest: TokenDigest | null,
  { refreshTokens }: Pick<Deps, 'refreshTokens'>,
) => tokenDigest && refreshTokens.find(tokenDigest)

async function refresherOf(caller: Caller<Asked>): Promise<Refresher> {
  const { tokenDigest, standing, deps } = caller
  deps.checking?.('refresh_token')
  if (tokenDigest === null) return refuseRefresh('malformed token')
  return { ...caller, tokenDigest, standing: (await standing) ?? refuseRefresh('unknown token') }
}

function requireSameClient({ standing: { family }, client }: Refresher) {
  if (family.clientId !== client.clientId) refuseRefresh('issued to another client')
}

/**
 * RFC 9449 §5: a public client's refresh token is bound to the key that it was first used with. A confidential client's
 * refresh token is bound by the client's authentication, so that the client may change its key. But a family that began with
 * proofs must go on with proofs. Otherwise a thief of the client's secret could get bearer tokens.
 */
function requireSameKey({ standing: { family }, client, jkt }: Refresher) {
  if (family.jkt === null) return
  if (jkt === null) refuseRefresh('no DPoP proof, but the family was started with one')
  if (isPublic(client) && jkt !== family.jkt) refuseRefresh('a DPoP proof of another key')
}

/** The result is not negative: another request may have won although it began a little later than this one. */
const secondsAgo = (at: number, now: number) => Math.max(0, now - at)

/** The family is checked by D1's clock too, because the statement that rotates uses this clock. */
function requireLivingFamily({ standing: { family, readAt }, context: { now } }: Refresher) {
  if (family.endedAt !== null)
    refuseRefresh(`its family ended ${secondsAgo(family.endedAt, now)} s ago`)
  const age = Math.max(now, readAt) - family.expiresAt
  if (age >= 0) refuseRefresh(`expired ${age} s ago`)
}

/**
 * The successor that a retry gets once more; null if the token is not spent, or if the retry comes too late. If the successor
 * was used, the client has received the response. A family that is bound to a key has a retry window of its own, by default
 * none. A request with another key, or with a proof if the first request had none, is another request. So is a request for
 * other resources: its client would send the first request's access token to a service that this token is not for.
 */
export function repeatable({ standing, named, jkt, deps, context }: Refresher) {
  const { family, spentAt, successor } = standing
  if (spentAt === null || !successor?.derivation) return null
  if (jkt !== family.jkt || named !== successor.derivation.resources) return null
  const windowSeconds =
    family.jkt === null ? deps.refreshRetrySeconds : deps.dpopRefreshRetrySeconds
  const isInTime = windowSeconds > 0 && secondsAgo(spentAt, context.now) <= windowSeconds
  return isInTime ? { ...successor.derivation, issuedAt: successor.issuedAt } : null
}

/**
 * RFC 9700 §4.14.2. A retry by the same authenticated client ends nothing, even if the retry gets no tokens: a thief of the
 * token could not have authenticated. A retry that only names other resources ends nothing either: with the same resources it
 * would have got tokens.
 */
async function requireNotReplayed(refresher: Refresher) {
  const { standing, client, proof, deps, context } = refresher
  const { family, spentAt, successor } = standing
  if (spentAt === null) return
  await requireUnusedProof(proof, deps)
  if (repeatable(refresher)) return
  if (repeatable({ ...refresher, named: successor?.derivation?.resources ?? '' })) {
    refuseRefresh('exchanged just now by a request for other resources')
  }
  const age = secondsAgo(spentAt, context.now)
  const isRetry = !isPublic(client) && !successor?.isSpent && age <= deps.refreshRetrySeconds
  if (isRetry) refuseRefresh(`spent ${age} s ago by the same client`)
  throw new ReplayedToken(
    refusal(`shown again ${age} s after its use: the family ends`),
    family.familyId,
  )
}

/** RFC 6749 §6, RFC 8707 §2.2: narrower scopes and fewer resources are for this access token alone. */
export function targetOf({ fields, standing: { family, user }, client, deps }: Refresher): Target {
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return refuseRefresh(held)
  const target = readGrantedTarget(fields, client, family, deps.scopePolicy)
  if (meetScopes(target.scopes, held.scopes).length > 0) return target
  throw new OAuthError('invalid_scope', 'The requested scopes have been withdrawn.')
}
