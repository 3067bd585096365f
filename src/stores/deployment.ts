/** What D1 itself says of the deployment: that it answers, what was applied to it, and that it is kept. */

import type { Database } from './database.ts'

export const WRITE_AND_TAKE_BACK = [
  `INSERT INTO used_jti (jti_digest, expires_at) VALUES (?1, 0)`,
  `DELETE FROM used_jti WHERE jti_digest = ?1 RETURNING jti_digest`,
] as const
export const APPLIED_MIGRATIONS = `SELECT name, unixepoch(applied_at) AS applied_at FROM d1_migrations ORDER BY id`
/** A row for each task: few. */
export const LAST_HOUSEKEEPING = `SELECT max(ran_at) AS ran_at FROM housekeeping`

/** Instants in epoch seconds. */
export type AppliedMigration = Readonly<{ name: string; appliedAt: number }>

/** Whether what is written is there to be read. In one batch, so that nothing is left of it. */
export async function writesAndReads(db: Database, id: string): Promise<boolean> {
  const [, taken] = await db.batch(WRITE_AND_TAKE_BACK.map((sql) => db.prepare(sql).bind(id)))
  return taken?.results.length === 1
}

export async function appliedMigrations(db: Database): Promise<AppliedMigration[]> {
  const { results } = await db
    .prepare(APPLIED_MIGRATIONS)
    .all<{ name: string; applied_at: number }>()
  return results.map(({ name, applied_at }) => ({ name, appliedAt: applied_at }))
}

/** Epoch seconds; null if it never was. */
export const lastHousekeeping = (db: Database) =>
  db.prepare(LAST_HOUSEKEEPING).first<number | null>('ran_at')
