/** JWT ids that may be used once, in D1: one statement decides which use is the first. */

import { digest } from '../crypto/digest.ts'
import { bound, type Database } from './database.ts'

export const USE_JTI = `INSERT INTO used_jti (jti_digest, expires_at) VALUES (?1, ?2)
  ON CONFLICT DO NOTHING RETURNING expires_at`
export const FIND_JTI = `SELECT 1 FROM used_jti WHERE jti_digest = ?1`

/** The key has a fixed length for any owner and id. */
export const jtiDigest = (owner: string, jti: string) => digest(JSON.stringify([owner, jti]))

export type JtiStore = ReturnType<typeof usedJtiStore>

export const usedJtiStore = (db: Database) => ({
  /** Is this the id's first use? Exactly one of several simultaneous calls returns true. `expiresAt`: whole epoch seconds. */
  async use(owner: string, jti: string, expiresAt: number): Promise<boolean> {
    const row = await bound(db, USE_JTI, await jtiDigest(owner, jti), expiresAt).first()
    return row !== null
  },
  async isUsed(owner: string, jti: string): Promise<boolean> {
    const row = await bound(db, FIND_JTI, await jtiDigest(owner, jti)).first()
    return row !== null
  },
})
