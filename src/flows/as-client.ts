/** What every endpoint for clients does first: authenticate the client on its record. */

import type { Client, Credential } from '../domain/client.ts'
import type { PresentedClient } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Lookup } from '../stores/ports.ts'
import { clientAuthenticator } from './authenticate-client.ts'
import type { Deps, RequestContext } from './deps.ts'

/** What it takes to authenticate a client. */
export type ClientDeps = Pick<Deps, 'clients' | 'usedJtis' | 'issuer'>

/** The client, authenticated on the primary's record. Throws `invalid_client`. */
export async function asClient(
  presented: PresentedClient,
  deps: ClientDeps,
  context: RequestContext,
): Promise<Client> {
  const authenticate = clientAuthenticator(presented, deps, context.now)
  const record = await deps.clients.findFresh(presented.clientId)
  const { client, credential } = await authenticate(record)
  if (credential) recordUse(client, credential, deps, context)
  return client
}

/** Refusals that rest on the client's record. `invalid_request`: where DPoP is required. */
const RESTS_ON_RECORD = new Set([
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'invalid_request',
])

/**
 * For `client_credentials` alone. The record may be the isolate's copy, some seconds old, or a replica's. It may
 * then grant, but a refusal is given from the primary's alone: `act` is called again with that, so its own refusals
 * of that kind must come before any effect. `act` also hears D1's moment for what it opens, so that a revocation ends
 * what rests on an older copy. While D1 does not answer, an older copy will do.
 */
export async function asKeptClient<T>(
  presented: PresentedClient,
  deps: ClientDeps & Pick<Deps, 'clientCache'>,
  context: RequestContext,
  act: (client: Client, asOfMs: number) => Promise<T>,
): Promise<T> {
  const { now, nowMs } = context
  const authenticate = clientAuthenticator(presented, deps, now)
  const attempt = async ({ client: record, keptSinceMs, asOfMs }: Omit<Lookup, 'staleSeconds'>) => {
    const { client, credential } = await authenticate(record)
    if (credential && keptSinceMs === null) recordUse(client, credential, deps, context)
    return act(client, asOfMs)
  }
  const { clientId } = presented
  const found = await deps.clientCache.lookUp(clientId, nowMs)
  if (found.staleSeconds !== null) {
    context.log('stale_client_used', { clientId, ageSeconds: found.staleSeconds })
  }
  try {
    return await attempt(found)
  } catch (cause) {
    const mayBeOutdated = cause instanceof OAuthError && RESTS_ON_RECORD.has(cause.code)
    if (!mayBeOutdated) throw cause
    // An unknown id has been looked up by now: a known one takes as long, so that time does not tell them apart.
    if (cause.code === 'invalid_client' && found.keptSinceMs !== null)
      await deps.clients.find(clientId)
    const client = await deps.clientCache.reload(clientId, nowMs)
    const asOfMs = client?.readAtMs ?? 0
    return attempt({ client, keptSinceMs: null, asOfMs })
  }
}

const DAY_SECONDS = 86_400

/** To the day, and only from a record just read: a write for every token would halve their rate. */
function recordUse(
  { clientId }: Client,
  { secretDigest, lastUsedAt }: Credential,
  deps: Pick<Deps, 'clients'>,
  { now, defer }: RequestContext,
) {
  if (lastUsedAt !== null && now - lastUsedAt < DAY_SECONDS) return
  defer(deps.clients.touchCredential(clientId, secretDigest, now))
}
