/**
 * Revocation by the client (RFC 7009). The order is that of §2.1: the client is authenticated, the token is checked to be the
 * client's, and THEN it ends. A refresh token ends with its family's sessions (§2.1: MUST). An access token ends alone (§2.1:
 * ending the refresh token too is a MAY), so that a client can give back one token and renew the next.
 */

import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { type Client, isPublic } from '../domain/client.ts'
import type { SessionKey } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'
import { readClientAuthentication } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { readPresentedToken } from '../protocol/token-request.ts'
import type { RefreshTokenStanding } from '../stores/spending-ports.ts'
import { authenticateClient, type ClientDeps } from './authenticate-client.ts'
import type { Deps, RequestContext } from './deps.ts'
import { prefetch } from './prefetch.ts'
import { readSignedToken } from './signed-token.ts'

type RevocationDeps = ClientDeps &
  Pick<Deps, 'liveSessions' | 'signingKeys' | 'refreshTokens' | 'revocations'>

/** Settles when D1 has the revocation, and also if there is nothing to revoke (§2.2). */
export async function revokeToken(
  fields: Fields,
  authorization: string | undefined,
  deps: RevocationDeps,
  context: RequestContext,
): Promise<void> {
  const { kind, token } = readPresentedToken(fields)
  const presented = readClientAuthentication(fields, authorization)
  const session = kind === 'accessToken' ? prefetch(readSession(token, deps, context)) : null
  const standing = kind === 'refreshToken' ? prefetch(readStanding(token, deps)) : null
  const client = await authenticateClient(presented, deps, context)
  if (kind === 'signedToken') await endSigned(token, client, deps, context)
  await endSession(await session, client, deps, context)
  await endFamily(await standing, client, deps)
}

type ReadSession = Readonly<{ key: SessionKey; session: SessionRecord | null }>

async function readSession(
  token: string,
  { liveSessions }: RevocationDeps,
  { nowMs }: RequestContext,
): Promise<ReadSession> {
  const key = await sessionKeyOf(token)
  return { key, session: await liveSessions.find(key, nowMs, false) }
}

const readStanding = async (token: string, { refreshTokens }: RevocationDeps) =>
  refreshTokens.find(await tokenDigestOf(token))

/** §2.1: a token of another client is refused. */
function requireOwn(clientId: string, client: Client) {
  if (clientId === client.clientId) return
  throw new OAuthError('invalid_grant', 'The token was issued to another client.')
}

/**
 * If KV does not show a session, its token may have been issued elsewhere a moment ago. The client of the token is then
 * unknown. Any authenticated client may end such a session: otherwise the client would get a success and the token would stay
 * valid.
 */
async function endSession(
  read: ReadSession | null,
  client: Client,
  deps: Pick<Deps, 'revocations'>,
  { defer }: RequestContext,
) {
  if (!read) return
  const { key, session } = read
  if (session && session.client === null) return
  if (session?.client) requireOwn(session.client.client_id, client)
  else if (isPublic(client)) return
  const isShown = await deps.revocations.endSessions([key])
  if (isShown) defer(deps.revocations.markShown([key]))
}

/** A token that is not valid has ended already, so nothing is revoked. */
async function endSigned(
  token: string,
  client: Client,
  deps: RevocationDeps,
  context: RequestContext,
) {
  const read = await readSignedToken(token, deps, context)
  if (!read) return
  const { key, session } = read
  requireOwn(session.client?.client_id ?? '', client)
  const holder = { clientId: client.clientId, userId: session.user?.user_id ?? null }
  await deps.revocations.endSessions([key], holder)
}

/** A spent token still names its family, and the revocation of a family that has ended is harmless. */
async function endFamily(
  standing: RefreshTokenStanding | null,
  client: Client,
  deps: Pick<Deps, 'revocations'>,
) {
  if (!standing) return
  requireOwn(standing.family.clientId, client)
  await deps.revocations.endFamily(standing.family.familyId)
}
