/** The client credentials grant (RFC 6749 §4.4): a client acts for itself. */

import { isPublic } from '../../domain/client.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { readRequestedScopes } from '../../protocol/scope-parameter.ts'
import { tokenTypeFor } from '../../protocol/token-response.ts'
import { newBearer, openSession } from '../open-session.ts'
import type { Grant } from './grant.ts'

export const clientCredentials: Grant =
  (fields, deps, { nowMs, ipAddress }) =>
  async ({ client, clientAsOfMs, jkt }) => {
    // §4.4: only for confidential clients, whatever the registry says of this one.
    if (isPublic(client)) {
      throw new OAuthError('unauthorized_client', 'A public client cannot use this grant type.')
    }
    const scopes = readRequestedScopes(fields, client.scopes)
    const bearer = await newBearer('accessToken')
    const session = {
      user: null,
      client,
      redirectUri: client.redirectUris[0] ?? '',
      scopes,
      endorsements: client.endorsements,
      ipAddress,
      jkt,
      clientAsOfMs,
      startAtMs: nowMs,
      lifetimeSeconds: deps.sessionLifetimeSeconds,
    }
    await openSession(bearer, session, deps)
    const { lifetimeSeconds } = session
    return {
      accessToken: bearer.token,
      tokenType: tokenTypeFor(jkt),
      lifetimeSeconds,
      scopes,
      refreshToken: null,
    }
  }
