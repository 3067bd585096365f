/**
 * Storage for a request that is checked and not served. The stores are those of every request, and `prepare` rewrites each
 * of their statements, so that only SELECT reaches D1:
 *
 * - A SELECT runs as it is.
 * - An UPDATE with RETURNING decides something: whether a code may be spent, for example. It becomes a SELECT of the rows
 *   that its condition matches, so the condition is asked exactly as it is written in the store.
 * - A write without RETURNING becomes a SELECT of no rows.
 * - Any other statement is a fault, so that a check fails instead of saying something that is not true.
 */

import { type Database, type Namespace, parametersIn } from './database.ts'

const IS_READ = /^\s*SELECT\b/
const IS_WRITE = /^\s*(?:INSERT|UPDATE|DELETE)\b/
/** There are no parentheses between SET and WHERE, so the WHERE belongs to the statement and not to a subquery. */
const DECIDING_UPDATE = /^\s*UPDATE (\w+) SET ([^()]*?)\sWHERE (.*)\sRETURNING (.*)$/s
const ASSIGNED = /(\w+) = /g

const isNamedIn = (text: string) => (name: string) => new RegExp(`\\b${name}\\b`).test(text)

function asSelect(sql: string): string | null {
  const [, table, assignments = '', condition, columns = ''] = DECIDING_UPDATE.exec(sql) ?? []
  if (table === undefined || /\bFROM\b/.test(assignments)) return null
  // RETURNING reads a column after its change; the SELECT would read the column before the change.
  const changed = [...assignments.matchAll(ASSIGNED)].map(([, name = '']) => name)
  if (changed.some(isNamedIn(columns))) return null
  return `SELECT ${columns} FROM ${table} WHERE ${condition}`
}

/** D1 refuses values for which a statement has no parameter. */
function selectNothing(sql: string): string {
  const parameters = parametersIn(sql)
  return parameters === 0 ? 'SELECT NULL WHERE FALSE' : `SELECT ?${parameters} WHERE FALSE`
}

/** Throws for a statement whose form is not known here. */
export function asRead(sql: string): string {
  // D1 would also run a second statement after a SELECT.
  const isOne = !sql.includes(';')
  if (isOne && IS_READ.test(sql)) return sql
  if (isOne && IS_WRITE.test(sql)) {
    const read = /\bRETURNING\b/.test(sql) ? asSelect(sql) : selectNothing(sql)
    if (read !== null) return read
  }
  throw new Error('a check has no read in place of this statement')
}

/** A database whose statements, including those of a batch, come from `prepare`. */
export const readingOnly = (db: Database): Database => ({
  prepare: (sql) => db.prepare(asRead(sql)),
  batch: (statements) => db.batch(statements),
})

export const emptyNamespace = {
  get: async () => null,
  put: async () => {},
  delete: async () => {},
} as unknown as Namespace
