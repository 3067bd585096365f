/** The tables of the original registry that contain its clients, and what a reader of any form makes of them. */

import { Refusal } from '../../local/refusal.ts'

/** Each table's columns. The first one is its primary key. */
export const TABLES = {
  client: ['client_id', 'owner_id', 'created', 'name', 'url', 'description', 'redirect_uri'],
  client_credential: ['credential_id', 'client_id', 'client_secret', 'created'],
  client_authorization: ['authorization_id', 'client_id', 'requested', 'authorized', 'scope'],
  client_grant_type: ['grant_type_id', 'client_id', 'requested', 'authorized', 'grant_type'],
} as const satisfies Record<string, readonly string[]>
export type TableName = keyof typeof TABLES
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[]

export const isTableName = (name: string): name is TableName => Object.hasOwn(TABLES, name)

/** A row that is not imported. This report never contains a secret or its digest. */
export type BadRow = Readonly<{
  kind: 'bad'
  table: TableName
  /** The value of the row's primary key; null if it cannot be read. */
  key: string | null
  /** The line in the file, counted from 1; null if the form has no lines. */
  line: number | null
  /** The faulty column; null if the row as a whole is faulty. */
  field: string | null
  /** A sentence about the field or the row, without a full stop. */
  rule: string
}>

/** A row with its values in the order of the table's columns. */
export type SourceRow = Readonly<{
  kind: 'row'
  table: TableName
  line: number | null
  values: readonly (string | null)[]
}>

/** What a reader finds, in the order of the file: that a table exists, the table's rows, and rows that it cannot read. */
export type Found = Readonly<{ kind: 'table'; table: TableName }> | SourceRow | BadRow

export const badRow = (
  { table, key, line }: Pick<BadRow, 'table' | 'key' | 'line'>,
  field: string | null,
  rule: string,
): BadRow => ({ kind: 'bad', table, key, line, field, rule })

/** A row of which only its place can be read. */
export const unreadable = (table: TableName, line: number | null, rule: string): BadRow =>
  badRow({ table, key: null, line }, null, rule)

export const refusalAt = (line: number, sentence: string) =>
  new Refusal(`line ${line}: ${sentence}`)

/** `head` names the columns of the file, in this line if the file has lines. */
type Columns = Readonly<{
  given: readonly string[]
  head: 'the table' | 'the first row'
  line?: number
}>

/** Throws a Refusal if a column is missing. The values are in the order of `given`; an unreadable value is undefined. */
export function rowReader(table: TableName, { given, head, line: headLine }: Columns) {
  const names = given.map((name) => name.toLowerCase())
  const columns = TABLES[table].map((column) => {
    const position = names.indexOf(column)
    if (position !== -1) return { column, position }
    const sentence = `the table ${table} has no column ${column}`
    throw headLine === undefined ? new Refusal(sentence) : refusalAt(headLine, sentence)
  })
  return (values: readonly (string | null | undefined)[], line: number | null): Found => {
    if (values.length !== given.length) {
      const rule = `has ${values.length} values where ${head} has ${given.length} columns`
      return unreadable(table, line, rule)
    }
    const own = columns.map(({ position }) => values[position])
    const unknown = own.indexOf(undefined)
    if (unknown === -1) return { kind: 'row', table, line, values: own as (string | null)[] }
    const key = own[0] ?? null
    const field = columns[unknown]?.column ?? null
    return badRow({ table, key, line }, field, 'is an expression that cannot be read')
  }
}
