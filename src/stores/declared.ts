/**
 * What the tables of scopes, resources and hosts of documents have in common: a key, a version, and an audit row for each
 * change.
 */

import {
  auditStatement,
  type Expected,
  NEXT_VERSION,
  type Part,
  type ReadAfter,
  runChange,
} from './change-batch.ts'
import { changedBy, columnsOf, selected, valuesIn } from './columns.ts'
import { bound, D1_NOW_MS, type Database, firstIn, type RowOf } from './database.ts'
import type { Authorship, Changed, Detail } from './registration-ports.ts'

/** The fault of the triggers that limit how much can be declared. */
export const isTooMany = (fault: unknown) => /too many are declared/.test(String(fault))

export async function unlessTooMany<Done>(write: Promise<Done>): Promise<Done | 'too_many'> {
  try {
    return await write
  } catch (fault) {
    if (isTooMany(fault)) return 'too_many'
    throw fault
  }
}

/** A registry of scopes, resources or hosts of documents. Each change has its audit row, with `detail`. */
export interface DeclaredRegistry<Record, New, Fields> {
  /** Null if nothing is declared under the key. Makes one read of the primary. */
  find(key: string): Promise<Record | null>
  /** At most `rows` records after the key `after`, ordered by key. */
  page(after: string, rows: number): Promise<readonly Record[]>
  /** Null if the key is declared already. `too_many`: `MAX_DECLARED` is reached. In both cases nothing was written. */
  create(given: New, by: Authorship, detail: Detail): Promise<Record | 'too_many' | null>
  update(
    before: Record,
    fields: Partial<Fields>,
    by: Authorship,
    detail: Detail,
  ): Promise<Changed<Record>>
}

/** `?1` of the statements is the key, `?2` a JSON object of the fields, `?3` the moment. */
export function declaredSql<Key extends string>(
  table: Exclude<Expected['kind'], 'client' | 'user'>,
  key: Key,
  fields: readonly string[],
  /** The members that hold the moment of the declaration, in milliseconds. */
  moments: readonly string[] = [],
) {
  const members = [key, ...fields, ...moments, 'version', 'createdAt', 'updatedAt']
  const records = `SELECT ${selected(members)} FROM ${table} WHERE ${key}`
  const values = [
    '?1',
    valuesIn('?2', fields),
    ...moments.map(() => D1_NOW_MS),
    D1_NOW_MS,
    '?3',
    '?3',
  ]
  return {
    table,
    key,
    find: `${records} = ?1`,
    page: `${records} > ?1 ORDER BY ${key} LIMIT ?2`,
    insert: `INSERT INTO ${table} (${columnsOf(members)})
  SELECT ${values.join(', ')} WHERE true ON CONFLICT DO NOTHING RETURNING ${key}`,
    update: `UPDATE ${table} SET ${changedBy(fields)}, updated_at = ?3, version = ${NEXT_VERSION} WHERE ${key} = ?1`,
  }
}

type Keyed<Key extends string> = { readonly [key in Key]: string }

/** A change of `before`, which fails if the record no longer has the version of `before`. */
type Change<Record> = Readonly<{ before: Record; by: Authorship; detail: Detail }> &
  Pick<Part, 'change' | 'narrowing' | 'ending'>

export function declaredRows<
  Key extends string,
  Record extends Keyed<Key> & Readonly<{ version: number }>,
  Fields,
>(
  db: Database,
  { table, key, ...sql }: ReturnType<typeof declaredSql<Key>>,
  read: (row: RowOf<Record>) => Record,
  /** The statements for what else ends with such an update. */
  endingOf: (before: Record, fields: Partial<Fields>) => readonly D1PreparedStatement[] = () => [],
) {
  const found = (value: string) => bound(db, sql.find, value)
  const recordIn = (result: D1Result | undefined) => firstIn(result, read)
  const run = <Read>(
    act: 'update' | 'delete',
    { before, by, ...part }: Change<Record>,
    after: ReadAfter<Read>,
  ) => {
    const expected = { kind: table, id: before[key], version: before.version }
    const parts = [{ ...part, event: `${table}.${act}`, about: {} }] as const
    return runChange(db, expected, parts, { by, ...after })
  }
  const change = (act: 'update' | 'delete', part: Change<Record>) =>
    run(act, part, { last: found(part.before[key]), recordIn })

  const registry = {
    find: async (value: string) => recordIn(await found(value).all()),

    async page(after: string, rows: number): Promise<readonly Record[]> {
      const { results } = await bound(db, sql.page, after, rows).all<RowOf<Record>>()
      return results.map(read)
    },

    async create(given: Fields & Keyed<Key>, by: Authorship, detail: Detail) {
      const insert = bound(db, sql.insert, given[key], JSON.stringify(given), by.now)
      const audit = auditStatement(db, by, { event: `${table}.create`, about: {}, detail })
      const done = await unlessTooMany(db.batch([insert, audit, found(given[key])]))
      if (done === 'too_many') return done
      const [inserted, , after] = done
      return inserted?.results.length ? recordIn(after) : null
    },

    update(before: Record, fields: Partial<Fields>, by: Authorship, detail: Detail) {
      const update = bound(db, sql.update, before[key], JSON.stringify(fields), by.now)
      const ending = endingOf(before, fields)
      return change('update', { before, by, detail, change: update, ending })
    },
  }
  return { registry, run, change }
}
