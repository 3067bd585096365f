/** What every endpoint for clients does first: authenticate the client on its record, however old that may be. */

import type { Client, Credential } from '../domain/client.ts'
import type { PresentedClient } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import { clientAuthenticator } from './authenticate-client.ts'
import type { Circumstances, Deps } from './deps.ts'

/** Refusals that rest on the client's record, made before any effect. `invalid_request`: where DPoP is required. */
const RESTS_ON_RECORD = new Set([
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'invalid_request',
])

/** What it takes to authenticate a client. */
export type ClientDeps = Pick<Deps, 'clientCache' | 'clients' | 'usedJtis' | 'issuer'>

/**
 * A client's record may be some seconds old, or a replica's. It may then grant, but a refusal is given from the
 * primary's alone: `act` is called again with that, so its own refusals of that kind must come before any effect.
 * Then `act` also hears since when the record was kept, so that a revocation can end what rested on an older one.
 * `evenStale`: while D1 does not answer, an older record will do.
 */
export async function asClient<T>(
  presented: PresentedClient,
  deps: ClientDeps,
  circumstances: Circumstances,
  act: (client: Client, clientAsOfMs: number | null) => Promise<T>,
  evenStale = false,
): Promise<T> {
  const { now, nowMs } = circumstances
  const authenticate = clientAuthenticator(presented, deps, now)
  const attempt = async (record: Client | null, keptSinceMs: number | null) => {
    const { client, credential } = await authenticate(record)
    if (credential && keptSinceMs === null) recordUse(client, credential, deps, circumstances)
    return act(client, keptSinceMs)
  }
  const { clientId } = presented
  const { client, keptSinceMs } = await deps.clientCache.lookUp(clientId, nowMs, evenStale)
  try {
    return await attempt(client, keptSinceMs)
  } catch (cause) {
    const mayBeOutdated = cause instanceof OAuthError && RESTS_ON_RECORD.has(cause.code)
    if (!mayBeOutdated) throw cause
    return attempt(await deps.clientCache.reload(clientId, nowMs), null)
  }
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
