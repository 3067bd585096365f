/** Introspection (RFC 7662): is a token active, and what for? An access token is active if the authenticator accepts it. */

import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { whyNotAdmitted } from '../domain/client-document.ts'
import type { ClientId } from '../domain/ids.ts'
import { grantedResources, mayName, resourcesWith, scopesFor, urisOf } from '../domain/resource.ts'
import { invalidCredentials, readClientAuthentication } from '../protocol/client-authentication.ts'
import type { Fields } from '../protocol/fields.ts'
import { type ActiveToken, activeSession } from '../protocol/introspection-response.ts'
import { readPresentedToken } from '../protocol/token-request.ts'
import type { RefreshTokenStanding } from '../stores/spending-ports.ts'
import type { ClientDeps } from './authenticate-client.ts'
import { checkOnCurrentClient } from './current-client.ts'
import type { Deps, RequestContext } from './deps.ts'
import { prefetch } from './prefetch.ts'
import { readSignedToken } from './signed-token.ts'
import { stillHeld } from './still-held.ts'

type IntrospectionDeps = ClientDeps &
  Pick<Deps, 'documents' | 'liveSessions' | 'signingKeys' | 'refreshTokens' | 'usersAreExternal'>

type Introspected = Readonly<{
  /** Null if the token is not active, or if the client may not know about the token. */
  token: ActiveToken | null
  asking: ClientId
}>

/** Throws only if the client is not authenticated. */
export async function introspect(
  fields: Fields,
  authorization: string | undefined,
  deps: IntrospectionDeps,
  context: RequestContext,
): Promise<Introspected> {
  const { kind, token } = readPresentedToken(fields)
  const presented = readClientAuthentication(fields, authorization)
  // RFC 7662 §2.1: the endpoint MUST require authorization, and the id of a public client is no secret.
  if (presented.method === 'none') throw invalidCredentials('introspection without authentication')
  const tokenDigest = kind === 'refreshToken' ? await tokenDigestOf(token) : null
  const reading = READERS[kind]
  const session = reading && prefetch(reading(token, deps, context))
  const standing = tokenDigest && prefetch(deps.refreshTokens.find(tokenDigest))
  const asked = { presented, alsoRead: { allowedWith: tokenDigest } }
  const client = await checkOnCurrentClient(asked, (asking) => asking, deps, context)
  const active =
    (await session) ?? (await activeRefreshToken(await standing, client, deps, context))
  const isKnown = active && mayKnow(client, active)
  return { token: isKnown ? active : null, asking: client.clientId }
}

/** A client may know about its own tokens: the client was told the same when it got them. */
const mayKnow = (client: Client, token: ActiveToken) =>
  token.clientId === client.clientId || client.mayIntrospect

/** Checks the session as `/auth?fresh` does: a revocation counts at once. A browser session is no access token. */
async function readSession(
  token: string,
  { liveSessions }: IntrospectionDeps,
  { nowMs }: RequestContext,
) {
  const session = await liveSessions.find(await sessionKeyOf(token), nowMs, true)
  return session?.client ? activeSession(session, session.client.client_id) : null
}

async function readSigned(token: string, deps: IntrospectionDeps, context: RequestContext) {
  const read = await readSignedToken(token, deps, context)
  if (!read?.session.client) return null
  const { key, session } = read
  const isLive = await deps.liveSessions.accepts(key, session, context.nowMs, true)
  return isLive ? activeSession(session, read.session.client.client_id) : null
}

const READERS = {
  accessToken: readSession,
  signedToken: readSigned,
  refreshToken: null,
  none: null,
} as const

/** Active if `/token` would accept the token now. The scopes and resources are those that `/token` would grant. */
async function activeRefreshToken(
  standing: RefreshTokenStanding | null,
  asking: Client,
  deps: IntrospectionDeps,
  { now }: RequestContext,
): Promise<ActiveToken | null> {
  if (!standing) return null
  const { family, readAt, spentAt, issuedAt, user } = standing
  const isOver = family.endedAt !== null || Math.max(now, readAt) >= family.expiresAt
  if (spentAt !== null || isOver) return null
  const isOwn = family.clientId === asking.clientId
  const client = isOwn ? asking : await deps.clients.findFresh(family.clientId)
  if (!client || !isEnabled(client) || !client.grantTypes.includes('refresh_token')) return null
  if (whyNotAdmitted(client.clientId, client, deps.clientDocuments) !== null) return null
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return null
  const nameable = asking.resources.filter((one) => mayName(client, one))
  const resources = resourcesWith(grantedResources(nameable, family), held.scopes)
  if (resources.length === 0 && family.audience.length > 0) return null
  const { clientId, expiresAt } = family
  const scopes = scopesFor(resources, held.scopes)
  const audience = urisOf(resources)
  return { kind: 'refreshToken', clientId, ...held, scopes, audience, issuedAt, expiresAt }
}
