/** Statements as text with their values in it, for `wrangler d1 execute`, which takes no parameters. */

import type { Database } from './database.ts'

type Value = string | number | null

function literal(value: Value | undefined): string {
  if (value === undefined) throw new TypeError('a parameter has no value')
  if (typeof value !== 'string') return String(value ?? 'NULL')
  // SQLite would end the text there.
  if (value.includes('\0')) throw new TypeError('a text must not have a NUL')
  return `'${value.replaceAll("'", "''")}'`
}

const withValues = (sql: string, values: readonly Value[]) =>
  sql.replace(/\?(\d+)/g, (_, n: string) => literal(values[Number(n) - 1]))

/** Prepares statements that cannot be run. */
const RECORDER = {
  prepare: (sql: string) => ({
    sql,
    bind: (...values: Value[]) => ({ sql: withValues(sql, values) }),
  }),
} as unknown as Database

/** The statements that `write` prepares, one a line. */
export const literalSql = (write: (db: Database) => readonly D1PreparedStatement[]): string =>
  (write(RECORDER) as unknown as readonly Readonly<{ sql: string }>[])
    .map(({ sql }) => `${sql.replace(/\s+/g, ' ').trim()};\n`)
    .join('')
