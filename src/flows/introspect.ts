/** Introspection (RFC 7662): is this token good, and what for? Of access tokens the authenticator's own truth. */

import { digest } from '../crypto/digest.ts'
import { type Client, isEnabled, isPublic } from '../domain/client.ts'
import { readClientAuthentication } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { type ActiveToken, activeSession } from '../protocol/introspection-response.ts'
import { type PresentedToken, readPresentedToken } from '../protocol/presented-token.ts'
import { asClient, type ClientDeps } from './as-client.ts'
import type { Circumstances, Deps } from './deps.ts'
import { stillHeld } from './still-held.ts'

type IntrospectionDeps = ClientDeps &
  Pick<Deps, 'clients' | 'liveSessions' | 'refreshTokens' | 'usersAreExternal'>

/** Null if the token is not active, or the client may not know. Throws only when the client is not who it says. */
export async function introspect(
  fields: Fields,
  authorization: string | undefined,
  deps: IntrospectionDeps,
  circumstances: Circumstances,
): Promise<ActiveToken | null> {
  const asked = readPresentedToken(fields)
  const presented = readClientAuthentication(fields, authorization)
  const find = { accessToken: activeAccessToken, refreshToken: activeRefreshToken, none: nothing }
  try {
    return await asClient(presented, deps, circumstances, async (client) => {
      const token = await find[asked.kind](asked, deps, circumstances)
      if (token) requireMayKnow(client, token)
      return token
    })
  } catch (cause) {
    // Refused inside, so that a client that has just been allowed is not refused on an old record.
    if (cause instanceof OAuthError && cause.code === 'unauthorized_client') return null
    throw cause
  }
}

/**
 * §4: whoever may ask about any token could try tokens out, so that takes a client that can authenticate. Of its
 * own tokens a client learns what it knows already, having been told when it got them.
 */
function requireMayKnow(client: Client, token: ActiveToken) {
  const mayKnowAny = client.mayIntrospect && !isPublic(client)
  if (mayKnowAny || token.clientId === client.clientId) return
  throw new OAuthError('unauthorized_client', 'The client may not introspect this token.')
}

type Find = (
  asked: PresentedToken,
  deps: IntrospectionDeps,
  circumstances: Circumstances,
) => Promise<ActiveToken | null>

const nothing: Find = async () => null

/** As `/auth?fresh` finds it: a revocation counts at once. A browser session is no access token. */
const activeAccessToken: Find = async ({ token }, deps, { nowMs }) => {
  const session = await deps.liveSessions.find(await digest(token), nowMs, true)
  return session?.client ? activeSession(session, session.client.client_id) : null
}

/** Active is what `/token` would renew now; the scopes are those that it would give. */
const activeRefreshToken: Find = async ({ token }, deps, { now }) => {
  const standing = await deps.refreshTokens.find(await digest(token))
  if (!standing) return null
  const { family, spentAt, issuedAt, user } = standing
  if (spentAt !== null || family.endedAt !== null || now >= family.expiresAt) return null
  const client = await deps.clients.find(family.clientId)
  if (!client || !isEnabled(client) || !client.grantTypes.includes('refresh_token')) return null
  const held = stillHeld(family.user, client, user, deps.usersAreExternal)
  if (typeof held === 'string') return null
  return {
    kind: 'refreshToken',
    clientId: family.clientId,
    user: held.user,
    scopes: held.scopes,
    endorsements: held.endorsements,
    issuedAt,
    expiresAt: family.expiresAt,
  }
}
