/** What an administrator declares of scopes and categories, in D1: the audit's row and what ends are in the batch of the change. */

import type { Category, NewScope, ScopeRecord } from '../domain/declaration.ts'
import { isStale } from './change-batch.ts'
import type { Database } from './database.ts'
import { declaredRows, isTooMany, unlessTooMany } from './declared.ts'
import type { CategoryRegistry, Lifetimes, ScopeRegistry } from './registration-ports.ts'
import { KEPT_LONGER_SECONDS } from './revocation-statements.ts'
import * as sql from './scope-statements.ts'

type ScopeRow = {
  name: string
  sentence: string
  self_registered: number
  sensitive: number
  version: number
  created_at: number
  updated_at: number
}

const read = (row: ScopeRow): ScopeRecord => ({
  name: row.name,
  sentence: row.sentence,
  selfRegistered: row.self_registered === 1,
  sensitive: row.sensitive === 1,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
const namesIn = (result: D1Result | undefined) =>
  ((result?.results ?? []) as { name: string }[]).map(({ name }) => name).sort()

export function scopeRegistry(db: Database, lifetimes: Lifetimes): ScopeRegistry {
  const { sessionLifetimeSeconds, oldestClientSeconds, longestSessionSeconds } = lifetimes
  const clientSeconds = sessionLifetimeSeconds + oldestClientSeconds + KEPT_LONGER_SECONDS
  const userSeconds = longestSessionSeconds + KEPT_LONGER_SECONDS
  const on = (statement: string, ...values: unknown[]) => db.prepare(statement).bind(...values)
  const rows = declaredRows(db, {
    kind: 'scope',
    find: sql.FIND_SCOPE,
    page: sql.PAGE_OF_SCOPES,
    read,
  })

  return {
    find: rows.find,
    page: rows.page,

    async selfRegistration() {
      const { results } = await db
        .prepare(sql.SELF_REGISTRATION_OF_SCOPES)
        .all<Pick<ScopeRow, 'name' | 'self_registered'>>()
      return new Map(results.map((row) => [row.name, row.self_registered === 1]))
    },

    create({ name, sentence, selfRegistered, sensitive }, by, detail) {
      const fields = [sentence, Number(selfRegistered), Number(sensitive)]
      const insert = on(`${sql.INSERT_SCOPE} RETURNING name`, name, ...fields, by.now)
      return rows.create(name, insert, by, detail)
    },

    update({ name, version }, fields, by, detail) {
      const change = on(sql.UPDATE_SCOPE, name, JSON.stringify(fields), by.now)
      return rows.change('update', { key: name, version, by, detail, change })
    },

    async delete({ name, version }, by, detail) {
      const change = on(sql.DELETE_UNHELD_SCOPE, name)
      const part = { key: name, version, by, detail, change }
      // The deletion changes no row of a holder, so the count is as the deletion saw it.
      const done = await rows.run('delete', part, on(sql.COUNT_HOLDERS, name))
      if (done.kind === 'stale') return done
      const [held] = (done.result?.results ?? []) as { clients: number; users: number }[]
      const isHeld = held !== undefined && held.clients + held.users > 0
      return isHeld ? { kind: 'held', ...held } : { ...done, record: null }
    },

    deleteAndWithdraw({ name, version }, by, detail) {
      const author = [by.now, by.actor]
      return rows.change('delete', {
        ...{ key: name, version, by, detail },
        narrowing: [
          on(sql.REVOKE_CLIENTS_HOLDING, name, clientSeconds),
          on(sql.REVOKE_USERS_HOLDING, name, userSeconds),
          on(sql.RECORD_CLIENTS_HOLDING, name, ...author),
          on(sql.RECORD_USERS_HOLDING, name, ...author),
          on(sql.DECIDE_FOR_CLIENTS_HOLDING, name, by.now),
          on(sql.TOUCH_CLIENTS_HOLDING, name, by.now),
          on(sql.TOUCH_USERS_HOLDING, name, by.now),
          on(sql.WITHDRAW_FROM_CLIENTS, name),
          on(sql.WITHDRAW_FROM_USERS, name),
        ],
        change: on(sql.DELETE_SCOPE, name),
      })
    },

    async import(scopes, by) {
      const given = JSON.stringify(scopes satisfies readonly NewScope[])
      const author = [by.now, by.actor]
      const done = await unlessTooMany(
        db.batch([
          on(sql.RECORD_NEW_SCOPES, given, ...author),
          on(sql.RECORD_CHANGED_SCOPES, given, ...author),
          on(sql.IMPORT_SCOPES, given, by.now),
        ]),
      )
      if (done === 'too_many') return done
      const [created, updated] = done
      return { created: namesIn(created), updated: namesIn(updated) }
    },
  }
}

export const categoryRegistry = (db: Database): CategoryRegistry => ({
  async read() {
    const text = (await db.prepare(sql.CATEGORIES_AS_TEXT).first<string>('text')) ?? '[]'
    return { categories: JSON.parse(text) as Category[], text }
  },

  async page(after, rows) {
    const [page, whole] = await db.batch([
      db.prepare(sql.PAGE_OF_CATEGORIES).bind(after, rows),
      db.prepare(sql.CATEGORIES_AS_TEXT),
    ])
    const [list] = (whole?.results ?? []) as { text: string }[]
    return { categories: (page?.results ?? []) as Category[], text: list?.text ?? '[]' }
  },

  async replace(expected, categories, { now, actor }) {
    const given = JSON.stringify(categories)
    try {
      const [, recorded, , , after] = await db.batch([
        db.prepare(sql.EXPECT_CATEGORIES).bind(expected),
        db.prepare(sql.RECORD_CATEGORIES).bind(given, now, actor),
        db.prepare(sql.REMOVE_CATEGORIES).bind(given),
        db.prepare(sql.IMPORT_CATEGORIES).bind(given),
        db.prepare(sql.CATEGORIES_AS_TEXT),
      ])
      const [row] = (recorded?.results ?? []) as { detail: string }[]
      const counts = row ? JSON.parse(row.detail) : { added: 0, changed: 0, removed: 0 }
      const [left] = (after?.results ?? []) as { text: string }[]
      return { kind: 'replaced', ...counts, text: left?.text ?? '[]' }
    } catch (fault) {
      if (isStale(fault)) return { kind: 'stale' }
      if (isTooMany(fault)) return { kind: 'too_many' }
      throw fault
    }
  },
})
