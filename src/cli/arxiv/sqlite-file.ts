/** Reads the original's tables from its SQLite file, which stays as it is. */

import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { oneLine, Refusal } from '../../local/refusal.ts'
import { bytesAsText } from './sql-tokens.ts'
import { type Found, positionsOf, TABLE_NAMES } from './tables.ts'

const asText = (value: SQLOutputValue | undefined): string | null => {
  if (value === null || value === undefined) return null
  return value instanceof Uint8Array ? bytesAsText(value) : String(value)
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** Throws a Refusal for a file that SQLite cannot read. */
export function* readSqliteFile(file: string): Generator<Found> {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly: true, readBigInts: true })
    for (const table of TABLE_NAMES) {
      const given = db
        .prepare('SELECT name FROM pragma_table_info(?)')
        .all(table)
        .map(({ name }) => String(name))
      if (given.length === 0) continue
      const refuse = (sentence: string) => new Refusal(sentence)
      const names = positionsOf(table, given, refuse).map((position) => given[position] as string)
      yield { kind: 'table', table }
      const rows = db.prepare(`SELECT ${names.map(quoted).join(', ')} FROM ${quoted(table)}`)
      for (const row of rows.iterate()) {
        const values = names.map((name) => asText(row[name]))
        yield { kind: 'row', table, line: null, values }
      }
    }
  } catch (fault) {
    if (fault instanceof Refusal) throw fault
    throw new Refusal(`SQLite cannot read it: ${oneLine(fault)}`)
  } finally {
    db?.close()
  }
}
