/** DPoP proofs that were accepted before (RFC 9449 §11.1): each may be used once. */

import { firstUses } from '../stores/isolate-memory.ts'
import { jtiDigest, usedJtiStore } from '../stores/used-jtis.ts'

export type SeenProofs = Readonly<{
  /** Is this the first use, as far as this isolate knows? With `immediate` D1 is asked too. */
  use(owner: string, jti: string, expiresAt: number, immediate: boolean): Promise<boolean>
}>

/**
 * Isolates share no storage that is both fast and exact. An attacker who stole a proof and its token can therefore replay
 * them within the proof's minute, for the same method and URI, once at each isolate that has not seen the proof. `immediate`
 * asks D1, which all isolates share. If `db` is null, only the isolate's memory is used.
 */
export function seenProofs(db: D1Database | null): SeenProofs {
  const isFirst = firstUses()
  const used = db && usedJtiStore(db)
  return {
    async use(owner, jti, expiresAt, immediate) {
      if (!isFirst(await jtiDigest(owner, jti))) return false
      return immediate && used ? used.use(owner, jti, expiresAt) : true
    },
  }
}
