/** Client records kept in the isolate for a few seconds, so that a warm token request needs no D1. */

import type { Client } from '../domain/client.ts'
import type { ClientCache, ClientStore } from './ports.ts'

/** Bounds the memory: about 2 KiB a record. */
const MAX_RECORDS = 1000

/** Unknown clients are not remembered: a client just created works at once. `maxAgeSeconds` 0 keeps nothing. */
export function clientCache(clients: ClientStore, maxAgeSeconds: number): ClientCache {
  const records = new Map<string, { client: Client; readAt: number }>()

  const read = async (clientId: string, now: number) => {
    const client = await clients.find(clientId)
    records.delete(clientId)
    if (client && maxAgeSeconds > 0) {
      if (records.size >= MAX_RECORDS) records.delete(records.keys().next().value as string)
      records.set(clientId, { client, readAt: now })
    }
    return client
  }

  return {
    async lookUp(clientId, now) {
      const kept = records.get(clientId)
      if (kept && now - kept.readAt < maxAgeSeconds) {
        return { client: kept.client, reload: () => read(clientId, now) }
      }
      return { client: await read(clientId, now), reload: null }
    },
  }
}
