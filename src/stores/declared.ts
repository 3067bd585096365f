/** What the tables of scopes, resources and hosts of documents have in common: a key, a version, an audit row for each change. */

import { auditStatement, type Expected, type Part, runChange } from './change-batch.ts'
import { bound, type Database, firstIn } from './database.ts'
import type { Authorship, Changed, Detail } from './registration-ports.ts'

/** The fault of the triggers that bound how much can be declared. */
export const isTooMany = (fault: unknown) => /too many are declared/.test(String(fault))

export async function unlessTooMany<Done>(write: Promise<Done>): Promise<Done | 'too_many'> {
  try {
    return await write
  } catch (fault) {
    if (isTooMany(fault)) return 'too_many'
    throw fault
  }
}

/** Scopes, resources and hosts of documents: each declared under a key. Each change has its audit row, with `detail`. */
export interface DeclaredRegistry<Record, New, Fields> {
  /** Null if it is not declared. One read of the primary. */
  find(key: string): Promise<Record | null>
  /** At most `rows` records after the key `after`, ordered by key. */
  page(after: string, rows: number): Promise<readonly Record[]>
  /** Null, and nothing is written, if it is declared. `too_many`: `MAX_DECLARED` are; nothing was written. */
  create(given: New, by: Authorship, detail: Detail): Promise<Record | 'too_many' | null>
  update(
    before: Record,
    fields: Partial<Fields>,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<Record>>
}

type Table<Row, Record> = Readonly<{
  kind: Exclude<Expected['kind'], 'client' | 'user'>
  /** SQL: the row with the key `?1`. */
  find: string
  /** SQL: at most `?2` rows after the key `?1`, in order. */
  page: string
  read: (row: Row) => Record
}>

/** A change of the record with this key, which must have this version. */
type Change = Readonly<{ key: string; version: number; by: Authorship; detail: Detail }> &
  Pick<Part, 'change' | 'narrowing' | 'ending'>

export function declaredRows<Row, Record>(
  db: Database,
  { kind, find, page, read }: Table<Row, Record>,
) {
  const found = (key: string) => bound(db, find, key)
  const recordIn = (result: D1Result | undefined) => firstIn(result, read)
  /** The result is that of `last`. */
  const run = (
    act: 'update' | 'delete',
    { key, version, by, ...part }: Change,
    last: D1PreparedStatement,
  ) => {
    const parts = [{ ...part, event: `${kind}.${act}`, about: {} }] as const
    return runChange(db, { kind, id: key, version }, parts, { by, read: last })
  }
  return {
    run,

    find: async (key: string) => recordIn(await found(key).all()),

    async page(after: string, rows: number): Promise<readonly Record[]> {
      const { results } = await bound(db, page, after, rows).all<Row>()
      return results.map(read)
    },

    /** `insert` returns a row unless the key is taken. */
    async create(key: string, insert: D1PreparedStatement, by: Authorship, detail: Detail) {
      const audit = auditStatement(db, by, { event: `${kind}.create`, about: {}, detail })
      const done = await unlessTooMany(db.batch([insert, audit, found(key)]))
      if (done === 'too_many') return done
      const [inserted, , after] = done
      return inserted?.results.length ? recordIn(after) : null
    },

    async change(act: 'update' | 'delete', change: Change): Promise<Changed<Record>> {
      const done = await run(act, change, found(change.key))
      return done.kind === 'stale' ? done : { ...done, record: recordIn(done.result) }
    },
  }
}
