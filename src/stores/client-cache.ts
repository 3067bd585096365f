/** Client records kept in the isolate for a few seconds, so that a warm token request needs no D1. */

import type { Client } from '../domain/client.ts'
import { urisOf } from '../domain/resource.ts'
import { keepIn } from './isolate-memory.ts'
import type { ClientCache, ClientStore } from './ports.ts'

/** Bounds the memory: about 2 KiB a record. */
const MAX_RECORDS = 1000

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

/** Does not keep unknown clients, so a client that was just created works at once. `clientCacheSeconds` 0 keeps nothing. */
export function clientCache(
  records: KeptClients,
  deps: Readonly<{ clients: ClientStore }>,
  settings: Readonly<{ clientCacheSeconds: number; staleClientSeconds: number }>,
): ClientCache {
  const { clientCacheSeconds, staleClientSeconds } = settings

  /** With the resources of earlier requests, so that requests for different resources find all of them kept. */
  const including = (clientId: string, resources: readonly string[]) => ({
    resources: [...resources, ...urisOf(records.get(clientId)?.client.resources ?? [])],
  })
  const keep = (clientId: string, client: Client | null, nowMs: number) => {
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
    async lookUp(clientId, nowMs, resources) {
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
    async reload(clientId, nowMs, resources) {
      const found = await deps.clients.findFresh(clientId, including(clientId, resources))
      return keep(clientId, found, nowMs)
    },
  }
}
