/** Groups the rows by client, in an unnamed database on disk that ends with the process: a dump has table after table. */

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import {
  type BadRow,
  badRow,
  type SourceRow,
  TABLE_NAMES,
  TABLES,
  type TableName,
} from './tables.ts'

export type StagedRow = Readonly<{
  table: TableName
  key: string
  line: number | null
  values: Readonly<Record<string, string | null>>
}>

/** A client with its rows in each table, in the order of their keys. */
export type StagedClient = Readonly<Record<TableName, readonly StagedRow[]>> &
  Readonly<{ client: readonly [StagedRow] }>

/** The character that replaces bytes that are not text. */
const REPLACEMENT = '\uFFFD'

/** Sorts numbers by their size, and other keys by their text. */
const BY_KEY = (key: string) => `ORDER BY length(${key}), ${key}`

export class Staging {
  readonly #db = new DatabaseSync('')
  readonly #inserts: Readonly<Record<TableName, StatementSync>>
  readonly #leaveOut: StatementSync

  constructor() {
    this.#db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN')
    const inserts = TABLE_NAMES.map((table) => {
      const columns = TABLES[table]
      const [key, ...others] = columns
      this.#db.exec(
        `CREATE TABLE ${table} (${key} TEXT PRIMARY KEY, ${others.join(' TEXT, ')} TEXT, line INTEGER) WITHOUT ROWID`,
      )
      const places = [...columns, 'line'].map(() => '?').join(', ')
      const sql = `INSERT INTO ${table} VALUES (${places}) ON CONFLICT DO NOTHING`
      return [table, this.#db.prepare(sql)] as const
    })
    this.#db.exec('CREATE TABLE left_out (client_id TEXT PRIMARY KEY) WITHOUT ROWID')
    this.#leaveOut = this.#db.prepare('INSERT INTO left_out VALUES (?) ON CONFLICT DO NOTHING')
    this.#inserts = Object.fromEntries(inserts) as Record<TableName, StatementSync>
  }

  /** Null, or the reason why the row is left out. */
  add(row: SourceRow | BadRow): BadRow | null {
    const bad = row.kind === 'bad' ? row : this.#insert(row)
    if (bad?.table === 'client' && bad.key !== null) this.#leaveOut.run(bad.key)
    return bad
  }

  #insert({ table, line, values }: SourceRow): BadRow | null {
    const bad = (field: string, rule: string) =>
      badRow({ table, line, key: values[0] ?? '' }, field, rule)
    for (const [index, field] of TABLES[table].entries()) {
      const value = values[index]
      if (value?.includes(REPLACEMENT)) {
        return bad(field, 'has bytes that are no text in the character set of the file')
      }
      const isKey = index === 0 || field === 'client_id'
      if (isKey && !value) return bad(field, 'must not be empty')
    }
    const { changes } = this.#inserts[table].run(...values, line)
    return changes > 0 ? null : bad(TABLES[table][0], 'is that of an earlier row')
  }

  /** Must be called after the last row. */
  index() {
    for (const table of TABLE_NAMES) {
      if (table !== 'client') this.#db.exec(`CREATE INDEX of_${table} ON ${table} (client_id)`)
    }
    this.#db.exec('COMMIT')
  }

  get clientCount(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM client').get()?.n)
  }

  /** Rows whose client the original does not have. A client that was left out is reported already. */
  *orphans(): Generator<BadRow> {
    for (const table of TABLE_NAMES) {
      const rows = this.#db.prepare(
        `SELECT * FROM ${table} WHERE client_id NOT IN
           (SELECT client_id FROM client UNION ALL SELECT client_id FROM left_out) ${BY_KEY(TABLES[table][0])}`,
      )
      for (const row of rows.iterate()) {
        const rule = `is ${JSON.stringify(row.client_id)}, and the table client has no such row`
        yield badRow(stagedRow(table, row), 'client_id', rule)
      }
    }
  }

  *clients(): Generator<StagedClient> {
    const parts = TABLE_NAMES.filter((table) => table !== 'client').map((table) => {
      const sql = `SELECT * FROM ${table} WHERE client_id = ? ${BY_KEY(TABLES[table][0])}`
      return [table, this.#db.prepare(sql)] as const
    })
    const clients = this.#db.prepare(`SELECT * FROM client ${BY_KEY('client_id')}`)
    for (const row of clients.iterate()) {
      const client = stagedRow('client', row)
      const rows = parts.map(([table, statement]) => [
        table,
        statement.all(client.key).map((one) => stagedRow(table, one)),
      ])
      yield { ...Object.fromEntries(rows), client: [client] } as StagedClient
    }
  }

  close() {
    this.#db.close()
  }
}

function stagedRow(table: TableName, row: Record<string, unknown>): StagedRow {
  const { line, ...values } = row
  return {
    table,
    key: String(values[TABLES[table][0]]),
    line: line as number | null,
    values: values as Record<string, string | null>,
  }
}
