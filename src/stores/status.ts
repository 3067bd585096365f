/** What D1 says of the deployment: its schema, and what cron did last. */

import type { Database } from './database.ts'

/** Both tables are small: the first has a row for each migration, the second for each task of cron. */
export const LAST_MIGRATION = `SELECT name, unixepoch(applied_at) AS applied_at FROM d1_migrations
  ORDER BY id DESC LIMIT 1`
export const HOUSEKEEPING = `SELECT task, ran_at, removed, left_over FROM housekeeping ORDER BY task`

/** Instants in epoch seconds. */
export type Status = Readonly<{
  /** Null if no migration was applied. */
  schema: Readonly<{ name: string; appliedAt: number }> | null
  /** The last run of each task. */
  housekeeping: readonly Readonly<{
    task: string
    ranAt: number
    removed: number
    leftOver: number
  }>[]
}>
export type StatusReader = Readonly<{ read: () => Promise<Status> }>

type TaskRow = { task: string; ran_at: number; removed: number; left_over: number }

export const statusReader = (db: Database): StatusReader => ({
  async read() {
    const [migrations, tasks] = await db.batch([
      db.prepare(LAST_MIGRATION),
      db.prepare(HOUSEKEEPING),
    ])
    const [last] = (migrations?.results ?? []) as { name: string; applied_at: number }[]
    return {
      schema: last ? { name: last.name, appliedAt: last.applied_at } : null,
      housekeeping: ((tasks?.results ?? []) as TaskRow[]).map((row) => ({
        task: row.task,
        ranAt: row.ran_at,
        removed: row.removed,
        leftOver: row.left_over,
      })),
    }
  },
})
