/**
 * How long storage takes from a user's location, in milliseconds: a published figure if there is one, otherwise an
 * assumption, which measurements of a deployment should replace. The conclusions depend on the orders of magnitude and on
 * the order of the calls, not on exact figures.
 */

import type { StorageOperation } from '../lab/watch.ts'

/** A log-normal distribution with these two quantiles. */
type Latency = Readonly<{ p50: number; p99: number }>

/** "<5 ms latency globally for hot reads": Cloudflare's KV documentation, page "Choose a storage product". */
const KV_HOT_READ: Latency = { p50: 2, p99: 5 }
/**
 * Assumed. The key is not in the location's cache: regional tier, central tier, central store ("How KV works" gives no
 * figure; "We made Workers KV up to 3x faster", 2024-09-26, shows tens of ms at the median and hundreds at the tail).
 */
const KV_COLD_READ: Latency = { p50: 50, p99: 250 }
/** Assumed. The central stores acknowledge a write from any location ("How KV works"). */
const KV_WRITE: Latency = { p50: 120, p99: 500 }

/**
 * The SQL of an indexed read takes D1 less than 1 ms, of a write several ms, because D1 makes it durable in several places
 * ("D1 limits", frequently asked questions). The round trips within a region and between continents are assumed.
 */
const SQL_READ_MS = 1
const SQL_WRITE_MS = 6
const WAY_NEAR: Latency = { p50: 10, p99: 40 }
const WAY_FAR: Latency = { p50: 170, p99: 350 }

export type Place = Readonly<{ name: string; isFar: boolean; hasReplicas: boolean }>

export const PLACES: readonly Place[] = [
  { name: 'near', isFar: false, hasReplicas: false },
  { name: 'far, replicas', isFar: true, hasReplicas: true },
  { name: 'far, no replicas', isFar: true, hasReplicas: false },
]

const plus = ({ p50, p99 }: Latency, ms: number): Latency => ({ p50: p50 + ms, p99: p99 + ms })

/** Counts every statement to the primary as a write, because nearly all of them are writes in the measured operations. */
export function latencyOf(operation: StorageOperation, place: Place, kvIsHot: boolean): Latency {
  switch (operation) {
    case 'd1 near':
      return plus(place.isFar && !place.hasReplicas ? WAY_FAR : WAY_NEAR, SQL_READ_MS)
    case 'd1':
      return plus(place.isFar ? WAY_FAR : WAY_NEAR, SQL_WRITE_MS)
    case 'kv read':
      return kvIsHot ? KV_HOT_READ : KV_COLD_READ
    case 'kv write':
    case 'kv delete':
      return KV_WRITE
  }
}

/** The 99 % quantile of the standard normal distribution. */
const Z_99 = 2.326

/** `random` returns uniform numbers from 0 to 1. Uses two of them (Box-Muller). */
export function drawFrom({ p50, p99 }: Latency, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return p50 * Math.exp((Math.log(p99 / p50) / Z_99) * normal)
}

/** A generator of the same random numbers in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
