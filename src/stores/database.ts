/** The parts of D1 and KV that the stores use, and D1's clock. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>

/** The rows of one result of a batch. */
export const rowsIn = <Row>(result: D1Result | undefined) => (result?.results ?? []) as Row[]

/** The first of them; null without one. */
export function firstIn<Row, Found>(
  result: D1Result | undefined,
  read: (row: Row) => Found,
): Found | null {
  const [row] = rowsIn<Row>(result)
  return row === undefined ? null : read(row)
}

export type TextNamespace = TextWriter &
  Readonly<{
    /** Null if there is none. */
    get(key: string): Promise<string | null>
    delete(key: string): Promise<void>
  }>

export type TextWriter = Readonly<{
  put(key: string, value: string, options?: Readonly<{ expirationTtl?: number }>): Promise<void>
}>

/** What the stores of the two workers use of a KV namespace. */
export type Namespace = Pick<KVNamespace, 'get' | 'put' | 'delete'>

/**
 * D1's clock in SQL, in epoch milliseconds. Every revocation, and the moment when a session's records were read, is dated by
 * this clock alone: callers' clocks may be wrong by minutes, and this one has the order of the transactions. Rounded, since
 * D1 returns a binary fraction.
 */
export const D1_NOW_MS = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`
/** The same in epoch seconds. */
export const D1_NOW = 'unixepoch()'

/** Workers Analytics Engine. A lost point is harmless. Throws for a point that is too large. */
export type DataPoints = Readonly<{
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}>
