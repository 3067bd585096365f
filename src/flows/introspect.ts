/** Introspection (RFC 7662): is this token good, and what for? Of access tokens the authenticator's own truth. */

import { sessionKeyOf, tokenDigestOf } from '../crypto/digest.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { invalidClient, readClientAuthentication } from '../protocol/client-authentication.ts'
import type { Fields } from '../protocol/fields.ts'
import { type ActiveToken, activeSession } from '../protocol/introspection-response.ts'
import { type PresentedToken, readPresentedToken } from '../protocol/token-request.ts'
import { asClient, type ClientDeps } from './as-client.ts'
import type { Deps, RequestContext } from './deps.ts'
import { stillHeld } from './still-held.ts'

type IntrospectionDeps = ClientDeps &
  Pick<Deps, 'liveSessions' | 'refreshTokens' | 'usersAreExternal'>

/** Null if the token is not active, or the client may not know. Throws only when the client is not who it says. */
export async function introspect(
  fields: Fields,
  authorization: string | undefined,
  deps: IntrospectionDeps,
  context: RequestContext,
): Promise<ActiveToken | null> {
  const asked = readPresentedToken(fields)
  const presented = readClientAuthentication(fields, authorization)
  // RFC 7662 §2.1: the endpoint MUST require authorization, and the id of a public client is no secret.
  if (presented.method === 'none') throw invalidClient('introspection without authentication')
  const found = find[asked.kind](asked, deps, context)
  // Awaited once the client is authenticated: a fault waits until then too.
  found.catch(() => {})
  const client = await asClient(presented, deps, context)
  const token = await (await found)(client)
  return token && mayKnow(client, token) ? token : null
}

/** Of its own tokens a client learns what it was told when it got them. */
const mayKnow = (client: Client, token: ActiveToken) =>
  token.clientId === client.clientId || client.mayIntrospect

/** Reads the token, at once with the record of the client that asks; then answers that client. */
type Find = (
  asked: PresentedToken,
  deps: IntrospectionDeps,
  context: RequestContext,
) => Promise<(asking: Client) => Promise<ActiveToken | null>>

const find: Readonly<Record<PresentedToken['kind'], Find>> = {
  /** As `/auth?fresh` finds it: a revocation counts at once. A browser session is no access token. */
  async accessToken({ token }, deps, { nowMs }) {
    const session = await deps.liveSessions.find(await sessionKeyOf(token), nowMs, true)
    return async () => (session?.client ? activeSession(session, session.client.client_id) : null)
  },

  /** Active is what `/token` would renew now; the scopes are those that it would give. */
  async refreshToken({ token }, deps, { now }) {
    const standing = await deps.refreshTokens.find(await tokenDigestOf(token))
    return async (asking) => {
      if (!standing) return null
      const { family, spentAt, issuedAt, user } = standing
      if (spentAt !== null || family.endedAt !== null || now >= family.expiresAt) return null
      const isOwn = family.clientId === asking.clientId
      const client = isOwn ? asking : await deps.clients.findFresh(family.clientId)
      if (!client || !isEnabled(client) || !client.grantTypes.includes('refresh_token')) return null
      const held = stillHeld(family.user, client, user, deps.usersAreExternal)
      if (typeof held === 'string') return null
      const { clientId, expiresAt } = family
      return { kind: 'refreshToken', clientId, ...held, issuedAt, expiresAt }
    }
  },

  none: async () => async () => null,
}
