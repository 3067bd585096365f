/** The parts of D1 and KV that the stores use, how a row becomes a record, and D1's clock. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>

export const bound = (
  db: Pick<Database, 'prepare'>,
  sql: string,
  ...parameters: readonly unknown[]
): D1PreparedStatement => db.prepare(sql).bind(...parameters)

/** The greatest number of a parameter in the SQL; 0 if there is none. */
export const parametersIn = (sql: string) =>
  Math.max(0, ...Array.from(sql.matchAll(/\?(\d+)/g), ([, number]) => Number(number)))

export const boundToFirst = (db: Database, sql: string, values: readonly unknown[]) =>
  bound(db, sql, ...values.slice(0, parametersIn(sql)))

export const rowsIn = <Row>(result: D1Result | undefined) => (result?.results ?? []) as Row[]

/** The first row of one result of a batch; null if there is none. */
export function firstIn<Row, Found>(
  result: D1Result | undefined,
  read: (row: Row) => Found,
): Found | null {
  const [row] = rowsIn<Row>(result)
  return row === undefined ? null : read(row)
}

/** The values that a column stores without conversion. */
type Plain = string | number | null | undefined

/**
 * A row whose columns have the names of the members of `Found`. A flag is 0 or 1; any other member that is not plain is JSON.
 */
export type RowOf<Found> = {
  readonly [Name in keyof Found]: Found[Name] extends Plain
    ? Found[Name]
    : Found[Name] extends boolean
      ? number
      : string | (null & Found[Name])
}

/** All members that are not plain. The compiler reports a missing one. */
type Kept<Found> = {
  readonly [Name in keyof Found as Found[Name] extends Plain
    ? never
    : Name]: Found[Name] extends boolean ? 'flag' : 'json'
}

export function rowReader<Found extends object>(kept: Kept<Found>) {
  const members = Object.entries<'flag' | 'json'>(kept)
  return (row: RowOf<Found>): Found => {
    const read: Record<string, unknown> = { ...row }
    for (const [name, how] of members) {
      read[name] = how === 'flag' ? read[name] === 1 : JSON.parse(String(read[name]))
    }
    return read as Found
  }
}

export type TextNamespace = TextWriter &
  Readonly<{
    /** Null if there is no value. */
    get(key: string): Promise<string | null>
    delete(key: string): Promise<void>
  }>

export type TextWriter = Readonly<{
  put(key: string, value: string, options?: Readonly<{ expirationTtl?: number }>): Promise<void>
}>

export type Namespace = Pick<KVNamespace, 'get' | 'put' | 'delete'>

/**
 * D1's clock in SQL, in epoch milliseconds. Only this clock dates revocations, and the moments at which a session's records
 * were read: callers' clocks may be wrong by minutes, and D1's clock has the order of the transactions. The value is rounded,
 * because D1 returns a binary fraction.
 */
export const D1_NOW_MS = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`
/** D1's clock in SQL, in epoch seconds. */
export const D1_NOW = 'unixepoch()'

/** The data points of Workers Analytics Engine. A lost point is harmless. Throws if a point is too large. */
export type DataPoints = Readonly<{
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}>
