/** The cost of an operation on Cloudflare's paid plan, and the limits of the free plan. Price list of 2026-11. */

import type { Counted } from '../counts.ts'

/** US dollars for a million. */
const PER_MILLION = {
  request: 0.3,
  /** Milliseconds of CPU time. */
  cpuMs: 0.02,
  'kv read': 0.5,
  'kv write': 5,
  'kv delete': 5,
  rowRead: 0.001,
  rowWritten: 1,
} as const

/** The limits of the free plan for a day. */
export const FREE = {
  requests: 100_000,
  kvReads: 100_000,
  kvWrites: 1000,
  kvDeletes: 1000,
  rowsWritten: 100_000,
}

/** The CPU time of a request for its price: more than is measured here, less than a bill may round up to. */
const CPU_MS = 1

type Rows = Readonly<{ read: number; written: number }>

type Priced = Readonly<{
  /** US dollars for a million of the operation. */
  request: number
  kv: number
  d1: number
  total: number
}>

export function priceOf(storage: Counted['storage'], rows: Rows): Priced {
  const of = (name: 'kv read' | 'kv write' | 'kv delete') =>
    (storage[name] ?? 0) * PER_MILLION[name]
  const request = PER_MILLION.request + CPU_MS * PER_MILLION.cpuMs
  const kv = of('kv read') + of('kv write') + of('kv delete')
  const d1 = rows.read * PER_MILLION.rowRead + rows.written * PER_MILLION.rowWritten
  return { request, kv, d1, total: request + kv + d1 }
}

/** How many of the operation the free plan allows a day, and which limit is reached first. */
export function freePerDay(
  storage: Counted['storage'],
  rows: Rows,
): { times: number; limit: string } {
  const limits = [
    { limit: 'requests', times: FREE.requests },
    { limit: 'KV reads', times: FREE.kvReads / (storage['kv read'] ?? 0) },
    { limit: 'KV writes', times: FREE.kvWrites / (storage['kv write'] ?? 0) },
    { limit: 'KV deletes', times: FREE.kvDeletes / (storage['kv delete'] ?? 0) },
    { limit: 'D1 rows written', times: FREE.rowsWritten / rows.written },
  ]
  const least = limits.reduce((a, b) => (b.times < a.times ? b : a))
  return { ...least, times: Math.floor(least.times) }
}
