/** Client records kept in the isolate for a few seconds, so that a warm token request needs no D1. */

import type { Client } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import { urisOf } from '../domain/resource.ts'
import type { ClientStore } from './clients.ts'
import { keepIn } from './isolate-memory.ts'

/** Bounds the memory: about 2 KiB a record. */
const MAX_RECORDS = 1000

/** A client record. `keptSinceMs`: when an earlier request read it, in epoch milliseconds by this isolate's clock; null if read now. */
export type Lookup = Readonly<{
  client: Client | null
  keptSinceMs: number | null
  /** The age of a record that is older than `CLIENT_CACHE_SECONDS`, because D1 did not answer. */
  staleSeconds: number | null
  /**
   * The `asOfMs` of a session that is opened now: epoch milliseconds by D1's clock, not later than now. For a kept record
   * it is when D1 read the record plus the time since, which this isolate's clock measures.
   */
  asOfMs: number
}>

/** What an isolate keeps, by client id. */
type KeptClients = Map<
  string,
  Readonly<{
    client: Client
    /** Before and after the read, by this isolate's clock. The age counts from before. */
    askedAtMs: number
    heardAtMs: number
  }>
>

type Kept = NonNullable<ReturnType<KeptClients['get']>>

export type ClientCache = ReturnType<typeof clientCache>

/** For `client_credentials` only. Does not keep unknown clients, so a client that was just created works at once. `clientCacheSeconds` 0 keeps nothing. */
export function clientCache(
  records: KeptClients,
  deps: Readonly<{ clients: ClientStore }>,
  settings: Readonly<{ clientCacheSeconds: number; staleClientSeconds: number }>,
) {
  const { clientCacheSeconds, staleClientSeconds } = settings

  /** With the resources of earlier requests, so that requests for different resources find all of them kept. */
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
     * The record may lack resources that an earlier request did not name. It may be a replica's or up to
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
    /** Reads the record again, from the primary. */
    async reload(clientId: ClientId, nowMs: number, resources: readonly string[]) {
      const found = await deps.clients.findFresh(clientId, including(clientId, resources))
      return keep(clientId, found, nowMs)
    },
  }
}
