/** What every endpoint for clients does first: authenticate the client on its record. */

import { isWellFormed } from '../crypto/token.ts'
import type { Client, Credential } from '../domain/client.ts'
import { networkOf } from '../domain/network.ts'
import type { PresentedClient } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { Lookup } from '../stores/ports.ts'
import { clientAuthenticator } from './authenticate-client.ts'
import type { Circumstances, Deps } from './deps.ts'
import { tooManyFailures } from './too-many-failures.ts'

/** What it takes to authenticate a client. */
export type ClientDeps = Pick<Deps, 'clientFailures' | 'clients' | 'usedJtis' | 'issuer'>

/** The client, authenticated on the primary's record. Throws `invalid_client`. */
export async function asClient(
  presented: PresentedClient,
  deps: ClientDeps,
  circumstances: Circumstances,
): Promise<Client> {
  const failed = await failureCounter(presented, deps, circumstances)
  const authenticate = clientAuthenticator(presented, deps, circumstances.now)
  const record = await deps.clients.findFresh(presented.clientId)
  const { client, credential } = await authenticate(record).catch(failed)
  if (credential) recordUse(client, credential, deps, circumstances)
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
  circumstances: Circumstances,
  act: (client: Client, asOfMs: number) => Promise<T>,
): Promise<T> {
  const { now, nowMs } = circumstances
  const authenticate = clientAuthenticator(presented, deps, now)
  const attempt = async ({ client: record, keptSinceMs, asOfMs }: Lookup) => {
    const { client, credential } = await authenticate(record)
    if (credential && keptSinceMs === null) recordUse(client, credential, deps, circumstances)
    return act(client, asOfMs)
  }
  const { clientId } = presented
  const failed = await failureCounter(presented, deps, circumstances)
  const found = await deps.clientCache.lookUp(clientId, nowMs)
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
    return attempt({ client, keptSinceMs: null, asOfMs }).catch(failed)
  }
}

/**
 * Against guessing: throws while nothing is looked at, else answers what is to be called with a failure. A secret
 * of our own form has 256 bits, and is always looked at: whoever has the right one never waits. Another's, of a
 * client that was imported, may be weak. Where no address is known (locally) nothing is counted.
 */
async function failureCounter(
  presented: PresentedClient,
  deps: Pick<Deps, 'clientFailures'>,
  { now, ipAddress, defer }: Circumstances,
): Promise<(failure: unknown) => never> {
  const { clientId } = presented
  const network = networkOf(ipAddress)
  const canBeGuessed =
    'secret' in presented && network !== '' && !isWellFormed('clientSecret', presented.secret)
  if (canBeGuessed) {
    const seconds = (await deps.clientFailures.lockedUntil(clientId, network)) - now
    if (seconds > 0) throw tooManyFailures('client authentication', seconds)
  }
  return (failure) => {
    const isFailure = failure instanceof OAuthError && failure.code === 'invalid_client'
    if (canBeGuessed && isFailure) defer(deps.clientFailures.record(clientId, network, now))
    throw failure
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
