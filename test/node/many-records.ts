/** Writes the rows of enough clients and users for many pages of a list. */

import type { Database } from '../../src/stores/database.ts'

export const MANY = 3000
export const IDS = Array.from({ length: MANY }, (_, i) => `id-${i + 1}`).sort()
export const NOUNS = ['client', 'user'] as const

const NUMBERS = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})`
export const fill = (db: Database) =>
  db.batch([
    db.prepare(
      `${NUMBERS} INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
       SELECT 'id-' || i, 'Many', 'u', i, i FROM n`,
    ),
    db.prepare(
      `${NUMBERS} INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
       SELECT 'id-' || i, 'many-' || i, 'many@example.org', '', i, i FROM n`,
    ),
  ])

export const idsIn = (stdout: string) =>
  (JSON.parse(stdout) as Record<string, string>[]).map((one) => one.client_id ?? one.user_id)
