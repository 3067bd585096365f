/** The token endpoint's flow (RFC 6749 §3.2): authenticate the client, then let the grant decide. */

import type { Client, Credential } from '../domain/client.ts'
import {
  type PresentedClient,
  readClientAuthentication,
} from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Fields } from '../protocol/fields.ts'
import { readGrantType } from '../protocol/token-request.ts'
import type { IssuedToken } from '../protocol/token-response.ts'
import { authenticateClient } from './authenticate-client.ts'
import type { Circumstances, Deps } from './deps.ts'
import { grants, isGrantType } from './grants/index.ts'

/** Refusals that rest on the client's record, made before any effect. */
const RESTS_ON_RECORD = new Set(['invalid_client', 'unauthorized_client', 'invalid_scope'])

export async function issueToken(
  fields: Fields,
  authorization: string | undefined,
  deps: Deps,
  circumstances: Circumstances,
): Promise<IssuedToken> {
  const grantType = readGrantType(fields)
  if (!isGrantType(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'This grant type is not supported.')
  }
  const presented = readClientAuthentication(fields, authorization)
  const issue = grants[grantType](fields, deps, circumstances)
  return withFreshestRefusal(presented, deps, circumstances, async (record, isFresh) => {
    const { client, credential } = await authenticateClient(presented, record, circumstances.now)
    if (!client.grantTypes.includes(grantType)) {
      throw new OAuthError(
        'unauthorized_client',
        'The client is not authorized for this grant type.',
      )
    }
    if (credential && isFresh) recordUse(client, credential, deps, circumstances)
    return issue(client)
  })
}

const DAY_SECONDS = 86_400

/** To the day, and only from a record just read: a write for every token would halve their rate. */
function recordUse(
  { clientId }: Client,
  { secretDigest, lastUsedAt }: Credential,
  deps: Pick<Deps, 'clients'>,
  { now, defer }: Circumstances,
) {
  if (lastUsedAt !== null && now - lastUsedAt < DAY_SECONDS) return
  defer(deps.clients.touchCredential(clientId, secretDigest, now))
}

/** A client's record may be some seconds old. It may then grant, but a refusal is never given from an old one. */
async function withFreshestRefusal<T>(
  { clientId }: PresentedClient,
  deps: Pick<Deps, 'clientCache'>,
  { now }: Circumstances,
  attempt: (record: Client | null, isFresh: boolean) => Promise<T>,
): Promise<T> {
  const { client, reload } = await deps.clientCache.lookUp(clientId, now)
  try {
    return await attempt(client, reload === null)
  } catch (cause) {
    const mayBeOutdated = cause instanceof OAuthError && RESTS_ON_RECORD.has(cause.code)
    if (!reload || !mayBeOutdated) throw cause
    return attempt(await reload(), true)
  }
}
