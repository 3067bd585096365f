/** DPoP proofs that were accepted before (RFC 9449 §11.1): each may be shown once. */

import { evictOldest } from '../stores/evict-oldest.ts'
import { jtiDigest, usedJtiStore } from '../stores/used-jtis.ts'

/** Bounds the memory: about 150 bytes each. The oldest leave, and after two minutes they are of no use anyway. */
const MAX_REMEMBERED = 10_000

export type SeenProofs = Readonly<{
  /** Was it never shown before, as far as this isolate, and with `immediate` D1, can tell? */
  use(owner: string, jti: string, expiresAt: number, immediate: boolean): Promise<boolean>
}>

/**
 * Isolates share nothing that is both fast and exact. So whoever stole a proof together with its token can, within
 * its minute and for the same method and URI, show it once more to each isolate that has not seen it. Where that
 * is too much, `immediate` asks D1, which every isolate shares. `db` null: there is only the memory.
 */
export function seenProofs(db: D1Database | null): SeenProofs {
  const seen = new Set<string>()
  const used = db && usedJtiStore(db)
  return {
    async use(owner, jti, expiresAt, immediate) {
      const key = await jtiDigest(owner, jti)
      if (seen.has(key)) return false
      evictOldest(seen, MAX_REMEMBERED)
      seen.add(key)
      return immediate && used ? used.use(owner, jti, expiresAt) : true
    },
  }
}
