/**
 * Revocation by the client (RFC 7009). The order of §2.1: the client is authenticated, the token is its own,
 * THEN it ends. A refresh token takes its family's sessions with it (a MUST there); an access token ends alone
 * (taking the refresh token too is a MAY), so that a client can give back one token and renew the next.
 */

import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { type Client, isPublic } from '../domain/client.ts'
import type { SessionKey } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'
import { readClientAuthentication } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { type PresentedToken, readPresentedToken } from '../protocol/token-request.ts'
import type { RefreshTokenStanding } from '../stores/ports.ts'
import { asClient, type ClientDeps } from './as-client.ts'
import type { Deps, RequestContext } from './deps.ts'

type RevocationDeps = ClientDeps & Pick<Deps, 'liveSessions' | 'refreshTokens' | 'revocations'>

/** Settles when D1 has the revocation, and also when there is nothing to revoke: §2.2. */
export async function revokeToken(
  fields: Fields,
  authorization: string | undefined,
  deps: RevocationDeps,
  context: RequestContext,
): Promise<void> {
  const { kind, token } = readPresentedToken(fields)
  const presented = readClientAuthentication(fields, authorization)
  const found = find[kind](token, deps, context)
  // Awaited once the client is authenticated: a fault waits until then too.
  found.catch(() => {})
  const client = await asClient(presented, deps, context)
  return (await found)(client)
}

/** Reads what the token stands for, at once with the client's record; then ends it for that client. */
type Find = (
  token: string,
  deps: RevocationDeps,
  context: RequestContext,
) => Promise<(client: Client) => Promise<void>>

const find: Readonly<Record<PresentedToken['kind'], Find>> = {
  async accessToken(token, deps, context) {
    const key = await sessionKeyOf(token)
    const session = await deps.liveSessions.find(key, context.nowMs, false)
    return (client) => endSession({ key, session }, client, deps, context)
  },
  async refreshToken(token, deps) {
    const standing = await deps.refreshTokens.find(await tokenDigestOf(token))
    return (client) => endFamily(standing, client, deps)
  },
  none: async () => async () => {},
}

/** §2.1: the client is told. */
function requireOwn(clientId: string, client: Client) {
  if (clientId === client.clientId) return
  throw new OAuthError('invalid_grant', 'The token was issued to another client.')
}

/**
 * What KV does not show may be a token issued a moment ago elsewhere. Whose it is cannot be known then; an
 * authenticated client's word is enough to end it, for otherwise it would hear of success and the token live on.
 */
async function endSession(
  { key, session }: Readonly<{ key: SessionKey; session: SessionRecord | null }>,
  client: Client,
  deps: Pick<Deps, 'revocations'>,
  { defer }: RequestContext,
) {
  if (session && session.client === null) return
  if (session?.client) requireOwn(session.client.client_id, client)
  else if (isPublic(client)) return
  const isShown = await deps.revocations.endSessions([key])
  if (isShown) defer(deps.revocations.markShown([key]))
}

/** A spent token still names its family, and a family that has ended may end again. */
async function endFamily(
  standing: RefreshTokenStanding | null,
  client: Client,
  deps: Pick<Deps, 'revocations'>,
) {
  if (!standing) return
  requireOwn(standing.family.clientId, client)
  await deps.revocations.endFamily(standing.family.familyId)
}
