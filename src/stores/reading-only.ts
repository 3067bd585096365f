/**
 * Storage for a request that is only checked. The stores are those of every request, over a database that reads: of a
 * statement that changes rows and returns some, the rows that it would change are read; of others nothing is run. So a
 * condition of a change is asked as it is written, and nothing but SELECT reaches D1.
 */

import type { Database, Namespace } from './database.ts'

const READ = /^\s*SELECT\b/
const UPDATE = /^UPDATE (\w+) SET .*?\sWHERE (.*)\sRETURNING (.*)$/s

const parametersOf = (sql: string) =>
  Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)))

/** Throws for a statement whose result could not be told without running it. */
export function asRead(sql: string): string {
  if (READ.test(sql)) return sql
  const [, table, condition, columns] = UPDATE.exec(sql) ?? []
  if (table !== undefined) return `SELECT ${columns} FROM ${table} WHERE ${condition}`
  if (/\bRETURNING\b/.test(sql)) throw new Error('a check would need the result of a write')
  const last = parametersOf(sql)
  return last === 0 ? 'SELECT NULL WHERE FALSE' : `SELECT ?${last} WHERE FALSE`
}

export const readingOnly = (db: Database): Database => ({
  prepare: (sql) => db.prepare(asRead(sql)),
  batch: (statements) => db.batch(statements),
})

/** Has nothing, and keeps nothing. */
export const emptyNamespace = {
  get: async () => null,
  put: async () => {},
  delete: async () => {},
} as unknown as Namespace
