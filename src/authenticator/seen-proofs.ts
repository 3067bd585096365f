/** DPoP proofs that were accepted before (RFC 9449 §11.1): each may be used once. */

import { evictOldest } from '../stores/evict-oldest.ts'
import { jtiDigest, usedJtiStore } from '../stores/used-jtis.ts'

/** Bounds the memory: about 150 bytes each. A proof expires after two minutes anyway. */
const MAX_REMEMBERED = 10_000

export type SeenProofs = Readonly<{
  /** Is this the first use, as far as this isolate (and with `immediate` D1) knows? */
  use(owner: string, jti: string, expiresAt: number, immediate: boolean): Promise<boolean>
}>

/**
 * Isolates share no storage that is both fast and exact. An attacker who stole a proof and its token can therefore replay
 * them within its minute, for the same method and URI, once at each isolate that has not seen the proof. `immediate` asks
 * D1, which all isolates share. `db` null: there is only the isolate's memory.
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
