/** What an administrator does to scopes and categories in D1. A change, its audit row and what ends with it are one batch. */

import type { Category, NewScope, ScopeFields, ScopeRecord } from '../domain/scope-catalogue.ts'
import { isStale } from './change-batch.ts'
import { bound, type Database, firstIn, rowReader, rowsIn } from './database.ts'
import { declaredRows, isTooMany, unlessTooMany } from './declared.ts'
import type { Authorship, Changed, Detail, Lifetimes } from './registration-ports.ts'
import { keptSeconds } from './revocation-statements.ts'
import * as sql from './scope-statements.ts'

type Holders = Readonly<{ clients: number; users: number }>

const namesIn = (result: D1Result | undefined) =>
  rowsIn<{ name: string }>(result)
    .map(({ name }) => name)
    .sort()

export function scopeRegistry(db: Database, lifetimes: Lifetimes) {
  const { sessionLifetimeSeconds, oldestClientSeconds, longestSessionSeconds } = lifetimes
  const clientSeconds = keptSeconds(sessionLifetimeSeconds + oldestClientSeconds)
  const userSeconds = keptSeconds(longestSessionSeconds)
  const { registry, run, change } = declaredRows<'name', ScopeRecord, ScopeFields>(
    db,
    sql.SCOPES,
    rowReader({ selfRegistered: 'flag', sensitive: 'flag' }),
  )

  return {
    ...registry,

    /** All declared scopes by name, and whether clients that register themselves may have them without approval. */
    async selfRegistration(): Promise<ReadonlyMap<string, boolean>> {
      const { results } = await db
        .prepare(sql.SELF_REGISTRATION_OF_SCOPES)
        .all<{ name: string; self_registered: number }>()
      return new Map(results.map((row) => [row.name, row.self_registered === 1]))
    },

    /** `held`: how many clients and users hold the scope, with or without a resource. Nothing was written. */
    async delete(
      before: ScopeRecord,
      by: Authorship,
      detail: Detail,
    ): Promise<Changed<ScopeRecord> | (Holders & Readonly<{ kind: 'held' }>)> {
      const unheld = bound(db, sql.DELETE_UNHELD_SCOPE, before.name)
      // The deletion does not change the rows of holders, so the count is what the deletion saw.
      const last = bound(db, sql.COUNT_HOLDERS, before.name)
      const recordIn = (result?: D1Result) => firstIn(result, (row: Holders) => row)
      const part = { before, by, detail, change: unheld }
      const done = await run('delete', part, { last, recordIn })
      if (done.kind === 'stale') return done
      const held = done.record
      return held && held.clients + held.users > 0
        ? { kind: 'held', ...held }
        : { ...done, record: null }
    },

    /**
     * Withdraws the scope from every client and user, with or without a resource, and also if it is only requested. Their
     * sessions end, and the audit has a row for each of them. A scope with a resource stays if it has a declaration of its
     * own.
     */
    deleteAndWithdraw(before: ScopeRecord, by: Authorship, detail: Detail) {
      const { name } = before
      const author = [by.now, by.actor]
      return change('delete', {
        before,
        by,
        detail,
        narrowing: [
          bound(db, sql.REVOKE_CLIENTS_HOLDING, name, clientSeconds),
          bound(db, sql.REVOKE_USERS_HOLDING, name, userSeconds),
          bound(db, sql.RECORD_CLIENTS_HOLDING, name, ...author),
          bound(db, sql.RECORD_USERS_HOLDING, name, ...author),
          bound(db, sql.DECIDE_FOR_CLIENTS_HOLDING, name, by.now),
          bound(db, sql.TOUCH_CLIENTS_HOLDING, name, by.now),
          bound(db, sql.TOUCH_USERS_HOLDING, name, by.now),
          bound(db, sql.WITHDRAW_FROM_CLIENTS, name),
          bound(db, sql.WITHDRAW_FROM_USERS, name),
        ],
        change: bound(db, sql.DELETE_SCOPE, name),
      })
    },

    /**
     * Imports all scopes or none. Returns the names, sorted. A scope that is declared as given already is in neither list.
     */
    async import(scopes: readonly NewScope[], by: Authorship) {
      const given = JSON.stringify(scopes)
      const author = [by.now, by.actor]
      const done = await unlessTooMany(
        db.batch([
          bound(db, sql.RECORD_NEW_SCOPES, given, ...author),
          bound(db, sql.RECORD_CHANGED_SCOPES, given, ...author),
          bound(db, sql.IMPORT_SCOPES, given, by.now),
        ]),
      )
      if (done === 'too_many') return done
      const [created, updated] = done
      return { created: namesIn(created), updated: namesIn(updated) }
    },
  }
}

type CategoryList = Readonly<{ categories: readonly Category[]; text: string }>

export const categoryRegistry = (db: Database) => ({
  /** `text` is the list in the form that `replace` demands. Makes one read of the primary. */
  async read(): Promise<CategoryList> {
    const text = (await db.prepare(sql.CATEGORIES_AS_TEXT).first<string>('text')) ?? '[]'
    return { categories: JSON.parse(text) as Category[], text }
  },

  /** At most `rows` categories after the name `after`, ordered by name, and the whole list in the form of `read`. */
  async page(after: string, rows: number): Promise<CategoryList> {
    const [page, whole] = await db.batch([
      bound(db, sql.PAGE_OF_CATEGORIES, after, rows),
      db.prepare(sql.CATEGORIES_AS_TEXT),
    ])
    const [list] = rowsIn<{ text: string }>(whole)
    return { categories: rowsIn<Category>(page), text: list?.text ?? '[]' }
  },

  /** `stale`: the list is no longer `expected`. `too_many`: as for scopes. In both cases nothing was written. */
  async replace(
    expected: string,
    categories: readonly Category[],
    { now, actor }: Authorship,
  ): Promise<
    | Readonly<{ kind: 'replaced'; added: number; changed: number; removed: number; text: string }>
    | Readonly<{ kind: 'stale' | 'too_many' }>
  > {
    const given = JSON.stringify(categories)
    try {
      const [, recorded, , , after] = await db.batch([
        bound(db, sql.EXPECT_CATEGORIES, expected),
        bound(db, sql.RECORD_CATEGORIES, given, now, actor),
        bound(db, sql.REMOVE_CATEGORIES, given),
        bound(db, sql.IMPORT_CATEGORIES, given),
        db.prepare(sql.CATEGORIES_AS_TEXT),
      ])
      const [row] = rowsIn<{ detail: string }>(recorded)
      const counts = row ? JSON.parse(row.detail) : { added: 0, changed: 0, removed: 0 }
      const [left] = rowsIn<{ text: string }>(after)
      return { kind: 'replaced', ...counts, text: left?.text ?? '[]' }
    } catch (fault) {
      if (isStale(fault)) return { kind: 'stale' }
      if (isTooMany(fault)) return { kind: 'too_many' }
      throw fault
    }
  },
})
