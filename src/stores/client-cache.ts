/** Client records that the isolate keeps for a few seconds, so that a token request can do without D1. */

import type { Client } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import { urisOf } from '../domain/resource.ts'
import type { ClientStore } from './clients.ts'
import { keepIn } from './isolate-memory.ts'

/** The most records, which bounds the memory: a record has about 2 KiB. */
const MAX_RECORDS = 1000

/** `keptSinceMs`: when an earlier request read the record, epoch milliseconds by this isolate's clock; null if read now. */
export type Lookup = Readonly<{
  client: Client | null
  keptSinceMs: number | null
  /** The age of a record that is older than `CLIENT_CACHE_SECONDS` and is used because D1 did not answer. */
  staleSeconds: number | null
  /**
   * The `asOfMs` of a session that is opened now: epoch milliseconds by D1's clock, not later than now. For a kept record
   * this is the moment when D1 read the record, plus the time since then by this isolate's clock.
   */
  asOfMs: number
}>

type KeptClients = Map<
  string,
  Readonly<{
    client: Client
    /** When the read began and when it ended, by this isolate's clock. The age counts from the beginning. */
    askedAtMs: number
    heardAtMs: number
  }>
>

type Kept = NonNullable<ReturnType<KeptClients['get']>>

export type ClientCache = ReturnType<typeof clientCache>

/**
 * Only for `client_credentials`. Unknown clients are not kept, so that a client that was just created works at once. With
 * `clientCacheSeconds` 0 nothing is kept.
 */
export function clientCache(
  records: KeptClients,
  deps: Readonly<{ clients: ClientStore }>,
  settings: Readonly<{ clientCacheSeconds: number; staleClientSeconds: number }>,
) {
  const { clientCacheSeconds, staleClientSeconds } = settings

  /** Includes the resources of earlier requests, so that requests for different resources all find theirs. */
  const including = (clientId: ClientId, resources: readonly string[]) => ({
    resources: [...resources, ...urisOf(records.get(clientId)?.client.resources ?? [])],
  })
  const keep = (clientId: ClientId, client: Client | null, nowMs: number) => {
    const record = client && { client, askedAtMs: nowMs, heardAtMs: Date.now() }
    if (record && clientCacheSeconds > 0) keepIn(records, clientId, record, MAX_RECORDS)
    else records.delete(clientId)
    return client
  }
  const kept = (found: Kept, nowMs: number, staleSeconds: number | null = null) => ({
    client: found.client,
    keptSinceMs: found.askedAtMs,
    staleSeconds,
    asOfMs: found.client.readAtMs + Math.max(0, nowMs - found.heardAtMs),
  })

  return {
    /**
     * The record may lack resources that no earlier request named. It may come from a replica or be up to
     * `CLIENT_CACHE_SECONDS` old, and up to `STALE_CLIENT_SECONDS` old while D1 does not answer.
     */
    async lookUp(clientId: ClientId, nowMs: number, resources: readonly string[]): Promise<Lookup> {
      const known = records.get(clientId)
      const ageSeconds = known ? (nowMs - known.askedAtMs) / 1000 : Number.POSITIVE_INFINITY
      if (known && ageSeconds < clientCacheSeconds) return kept(known, nowMs)
      try {
        const found = await deps.clients.find(clientId, including(clientId, resources))
        const client = keep(clientId, found, nowMs)
        return { client, keptSinceMs: null, staleSeconds: null, asOfMs: client?.readAtMs ?? 0 }
      } catch (fault) {
        if (!known || ageSeconds >= staleClientSeconds) throw fault
        return kept(known, nowMs, Math.floor(ageSeconds))
      }
    },
    async reload(clientId: ClientId, nowMs: number, resources: readonly string[]) {
      const found = await deps.clients.findFresh(clientId, including(clientId, resources))
      return keep(clientId, found, nowMs)
    },
  }
}
