/** The D1 file of a state that `npm start` serves, for changes that no command makes. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Database } from '../../src/stores/database.ts'

export function databaseFileIn(stateDir: string): string {
  const folder = join(stateDir, 'v3/d1/miniflare-D1DatabaseObject')
  const names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
  if (names.length !== 1) throw new Error(`not one database: ${names.join(', ')}`)
  return join(folder, names[0] ?? '')
}

type Value = string | number | null
type Statement = Readonly<{ sql: string; values: Value[] }>

/** The part of D1 that tests use. */
export function databaseIn(stateDir: string): Database & Readonly<{ close: () => void }> {
  const db = new DatabaseSync(databaseFileIn(stateDir), { timeout: 10_000 })
  db.exec('PRAGMA foreign_keys = ON')
  const resultOf = ({ sql, values }: Statement) => ({
    results: db
      .prepare(sql)
      .all(...values)
      .map((row) => ({ ...row })),
    success: true,
    meta: {},
  })
  const prepare = (sql: string, values: Value[] = []) => ({
    sql,
    values,
    bind: (...given: Value[]) => prepare(sql, given),
    all: async () => resultOf({ sql, values }),
    run: async () => resultOf({ sql, values }),
    async first(column?: string) {
      const row: Record<string, unknown> | undefined = resultOf({ sql, values }).results[0]
      return column === undefined ? (row ?? null) : (row?.[column] ?? null)
    },
  })
  async function batch(statements: readonly Statement[]) {
    db.exec('BEGIN IMMEDIATE')
    try {
      const results = statements.map(resultOf)
      db.exec('COMMIT')
      return results
    } catch (fault) {
      db.exec('ROLLBACK')
      throw fault
    }
  }
  return { prepare, batch, close: () => db.close() } as never
}
