/**
 * Deleted clients and users, and their rows that are not removed yet (migration 0032). A deletion takes effect in its own
 * batch. If a client or user has many rows, they are removed afterwards in rounds, so that no statement takes D1 too long.
 */

import { type Expected, type Part, runChange } from './change-batch.ts'
import { bound, D1_NOW, type Database, firstIn, rowsIn } from './database.ts'
import type { Authorship, Changed } from './registration-ports.ts'

type Kind = 'client' | 'user'
export type Deletion = Readonly<{ kind: Kind; id: string }>

/** The most rows of each table that a round removes. With rows of 1 KiB a round takes a fraction of a second. */
const ROUND_ROWS = 2000

/** SQL: is the client `c` not deleted? */
export const IS_NOT_DELETED = `NOT EXISTS (SELECT 1 FROM deletion d WHERE d.kind = 'client' AND d.id = c.client_id)`

/** A family is removed after its tokens: ON DELETE CASCADE would remove any number of tokens at once. */
const removalOf = (column: 'client_id' | 'user_id') =>
  [
    `DELETE FROM refresh_token WHERE token_digest IN (SELECT t.token_digest
      FROM refresh_family f CROSS JOIN refresh_token t ON t.family_id = f.family_id WHERE f.${column} = ?1 LIMIT ${ROUND_ROWS})`,
    `DELETE FROM refresh_family WHERE family_id IN (SELECT f.family_id FROM refresh_family f WHERE f.${column} = ?1
      AND NOT EXISTS (SELECT 1 FROM refresh_token t WHERE t.family_id = f.family_id) LIMIT ${ROUND_ROWS})`,
    `DELETE FROM authorization_code WHERE code_digest IN
      (SELECT code_digest FROM authorization_code WHERE ${column} = ?1 LIMIT ${ROUND_ROWS})`,
    `DELETE FROM consent WHERE (user_id, client_id) IN
      (SELECT user_id, client_id FROM consent WHERE ${column} = ?1 LIMIT ${ROUND_ROWS})`,
  ] as const
export const REMOVAL = { client: removalOf('client_id'), user: removalOf('user_id') } as const

const ROWS_OF_USER = ['consent', 'refresh_family', 'authorization_code']
  .map((table) => `EXISTS (SELECT 1 FROM ${table} WHERE user_id = ?1)`)
  .join(' OR ')
/** The last statement of a user's deletion. */
export const MARK_USER = `INSERT INTO deletion (kind, id, began_at) SELECT 'user', ?1, ${D1_NOW} WHERE ${ROWS_OF_USER} ON CONFLICT DO NOTHING`
/** Deletes nothing while the client has many rows: a trigger then marks the client as deleted. */
export const DELETE_CLIENT = `DELETE FROM client WHERE client_id = ?1`

export const FIND_DELETION = `SELECT 1 FROM deletion WHERE kind = ?1 AND id = ?2`
export const NEXT_DELETION = `SELECT kind, id FROM deletion WHERE kind > '' ORDER BY kind, id LIMIT 1`
export const FINISH_CLIENT = `DELETE FROM deletion WHERE kind = 'client' AND id = ?1
  AND NOT EXISTS (SELECT 1 FROM client WHERE client_id = ?1)`
export const FINISH_USER = `DELETE FROM deletion WHERE kind = 'user' AND id = ?1 AND NOT (${ROWS_OF_USER})`
const FINISH = { client: [DELETE_CLIENT, FINISH_CLIENT], user: [FINISH_USER] } as const

/** Works as `runChange`, for parts that include a deletion. */
export async function runDeletion<Record>(
  db: Database,
  expected: Expected & Readonly<{ kind: Kind }>,
  parts: readonly Part[],
  by: Authorship,
): Promise<Changed<Record>> {
  const last = bound(db, FIND_DELETION, expected.kind, expected.id)
  const recordIn = (result: D1Result | undefined) => firstIn(result, () => true)
  const done = await runChange(db, expected, parts, { by, last, recordIn })
  if (done.kind === 'stale') return done
  return { ...done, record: null, isUnfinished: done.record === true }
}

export type DeletionStore = ReturnType<typeof deletionStore>

export const deletionStore = (db: Database) => ({
  /** A deletion that is not finished; null if there is none. */
  async next(): Promise<Deletion | null> {
    const [deletion = null] = rowsIn<Deletion>(await db.prepare(NEXT_DELETION).all())
    return deletion
  },
  /** Removes some of the rows; with the last, the deletion itself. May be repeated, also by several callers at once. */
  async removeSome({ kind, id }: Deletion): Promise<void> {
    await db.batch([...REMOVAL[kind], ...FINISH[kind]].map((sql) => bound(db, sql, id)))
  },
})
