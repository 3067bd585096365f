/** What an administrator declares of scopes, in D1: the audit's row and what ends are in the batch of the change. */

import type { NewScope, ScopeRecord } from '../domain/declaration.ts'
import { auditStatement, runChange } from './change-batch.ts'
import type { Database } from './database.ts'
import type { Lifetimes, ScopeRegistry } from './registration-ports.ts'
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

const readRow = (row: ScopeRow): ScopeRecord => ({
  name: row.name,
  sentence: row.sentence,
  selfRegistered: row.self_registered === 1,
  sensitive: row.sensitive === 1,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
const read = (result: D1Result | undefined): ScopeRecord | null => {
  const row = result?.results[0] as ScopeRow | undefined
  return row ? readRow(row) : null
}
const namesIn = (result: D1Result | undefined) =>
  ((result?.results ?? []) as { name: string }[]).map(({ name }) => name).sort()

/** The fault of the triggers `scope_limit` and `category_limit`. */
export const isTooMany = (fault: unknown) => /too many are declared/.test(String(fault))

export const scopeReader = (
  db: Database,
): Pick<ScopeRegistry, 'find' | 'page' | 'selfRegistration'> => ({
  find: async (name) => read(await db.prepare(sql.FIND_SCOPE).bind(name).all()),
  async page(after, rows) {
    const { results } = await db.prepare(sql.PAGE_OF_SCOPES).bind(after, rows).all<ScopeRow>()
    return results.map(readRow)
  },
  async selfRegistration() {
    const { results } = await db
      .prepare(sql.SELF_REGISTRATION_OF_SCOPES)
      .all<Pick<ScopeRow, 'name' | 'self_registered'>>()
    return new Map(results.map((row) => [row.name, row.self_registered === 1]))
  },
})

export function scopeRegistry(db: Database, lifetimes: Lifetimes): ScopeRegistry {
  const { sessionLifetimeSeconds, oldestClientSeconds, longestSessionSeconds } = lifetimes
  const find = (name: string) => db.prepare(sql.FIND_SCOPE).bind(name)
  const clientSeconds = sessionLifetimeSeconds + oldestClientSeconds + KEPT_LONGER_SECONDS
  const userSeconds = longestSessionSeconds + KEPT_LONGER_SECONDS
  const on = (statement: string, ...values: unknown[]) => db.prepare(statement).bind(...values)

  return {
    ...scopeReader(db),

    async create({ name, sentence, selfRegistered, sensitive }, by, detail) {
      const fields = [sentence, Number(selfRegistered), Number(sensitive)]
      try {
        const [inserted, , found] = await db.batch([
          on(`${sql.INSERT_SCOPE} RETURNING name`, name, ...fields, by.now),
          auditStatement(db, by, { event: 'scope.create', about: {}, detail }),
          find(name),
        ])
        return inserted?.results.length ? read(found) : null
      } catch (fault) {
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },

    async update({ name, version }, fields, by, detail) {
      const change = on(sql.UPDATE_SCOPE, name, JSON.stringify(fields), by.now)
      const part = { event: 'scope.update', about: {}, detail, change } as const
      const expected = { kind: 'scope', id: name, version } as const
      const done = await runChange(db, expected, [part], { by, read: find(name) })
      return done.kind === 'stale' ? done : { ...done, record: read(done.result) }
    },

    async delete({ name, version }, by, detail) {
      const change = on(sql.DELETE_UNHELD_SCOPE, name)
      const part = { event: 'scope.delete', about: {}, detail, change } as const
      const expected = { kind: 'scope', id: name, version } as const
      // The deletion changes no row of a holder, so the count is as the deletion saw it.
      const count = on(sql.COUNT_HOLDERS, name)
      const done = await runChange(db, expected, [part], { by, read: count })
      if (done.kind === 'stale') return done
      const [held] = (done.result?.results ?? []) as { clients: number; users: number }[]
      const isHeld = held !== undefined && held.clients + held.users > 0
      return isHeld ? { kind: 'held', ...held } : { ...done, record: null }
    },

    async deleteAndWithdraw({ name, version }, by, detail) {
      const author = [by.now, by.actor]
      const part = {
        event: 'scope.delete',
        about: {},
        detail,
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
      } as const
      const expected = { kind: 'scope', id: name, version } as const
      const done = await runChange(db, expected, [part], { by, read: find(name) })
      return done.kind === 'stale' ? done : { ...done, record: null }
    },

    async import(scopes, by) {
      const given = JSON.stringify(scopes satisfies readonly NewScope[])
      const author = [by.now, by.actor]
      try {
        const [created, updated] = await db.batch([
          on(sql.RECORD_NEW_SCOPES, given, ...author),
          on(sql.RECORD_CHANGED_SCOPES, given, ...author),
          on(sql.IMPORT_SCOPES, given, by.now),
        ])
        return { created: namesIn(created), updated: namesIn(updated) }
      } catch (fault) {
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },
  }
}
