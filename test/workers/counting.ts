/** Bindings that count storage operations, record writes, or fail on demand. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { type Fetch, serve } from './registry.ts'

/** `d1` counts round trips: a batch is one. */
export type Count = { d1: number; kvRead: number; kvWrite: number; kvDelete: number }
export const nothing = (): Count => ({ d1: 0, kvRead: 0, kvWrite: 0, kvDelete: 0 })

type Operation = keyof Count
/** Called before each operation. If it throws, the operation fails. */
type Before = (operation: Operation) => void

/** A binding with some methods replaced. */
export const over = <T extends object>(real: T, fake: Partial<T>): T =>
  new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(name in fake ? fake : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

function watchStatement(statement: D1PreparedStatement, before: Before): D1PreparedStatement {
  return new Proxy(statement, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (property === 'bind') {
        return (...values: unknown[]) => watchStatement(target.bind(...values), before)
      }
      return async (...words: unknown[]) => {
        if (['first', 'all', 'run', 'raw'].includes(String(property))) before('d1')
        return value.apply(target, words)
      }
    },
  })
}

function watchDatabase<T extends Pick<D1Database, 'prepare' | 'batch'>>(db: T, before: Before): T {
  return new Proxy(db, {
    get(target, property) {
      if (property === 'prepare') {
        return (sql: string) => watchStatement(target.prepare(sql), before)
      }
      if (property === 'batch') {
        return async (statements: D1PreparedStatement[]) => {
          before('d1')
          return target.batch(statements)
        }
      }
      if (property === 'withSession') {
        return (how: string) =>
          watchDatabase((target as unknown as D1Database).withSession(how), before)
      }
      return Reflect.get(target, property, target)
    },
  })
}

function watchKv(kv: KVNamespace, before: Before): KVNamespace {
  const operations: Record<string, Operation> = {
    get: 'kvRead',
    put: 'kvWrite',
    delete: 'kvDelete',
  }
  return new Proxy(kv, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      const operation = operations[String(property)]
      if (typeof value !== 'function') return value
      return async (...words: unknown[]) => {
        if (operation) before(operation)
        return value.apply(target, words)
      }
    },
  })
}

/** The storage of the registry, with a call of `before` for each operation. A batch takes only unwatched statements. */
export const watchedBindings = (before: Before) => ({
  DB: watchDatabase(env.DB, before),
  SESSIONS: watchKv(env.SESSIONS, before),
  CODES: watchKv(env.CODES, before),
})

export function countedBindings() {
  const count = nothing()
  const bindings = watchedBindings((operation) => {
    count[operation] += 1
  })
  /** The operations of one request, which must be answered with this status. */
  async function costOf(request: () => Promise<Response>, status: number): Promise<Count> {
    Object.assign(count, nothing())
    expect((await request()).status).toBe(status)
    return { ...count }
  }
  return { count, bindings, costOf }
}

/** A registry whose operations of one kind fail from the nth on, up to `times` of them. */
export function failing(
  operation: keyof Count,
  { from = 1, times = Number.POSITIVE_INFINITY } = {},
): Fetch {
  let seen = 0
  const bindings = watchedBindings((current) => {
    if (current !== operation) return
    seen += 1
    if (seen >= from && seen < from + times) throw new Error('storage is out of reach')
  })
  return serve(bindings)
}

/** For example `INSERT refusal`; null for a statement that only reads. */
function writeOf(sql: string): string | null {
  const [, verb = ''] = /^\s*(\w+)/.exec(sql) ?? []
  if (verb.toUpperCase() === 'SELECT') return null
  const onlyReads = /^\s*WITH\b/i.test(sql) && !/\b(?:INSERT|UPDATE|DELETE|REPLACE)\b/i.test(sql)
  if (onlyReads) return null
  const [, table = 'an unknown table'] =
    /\b(?:INTO|DELETE FROM|UPDATE(?: OR \w+)?)\s+(\w+)/i.exec(sql) ?? []
  return `${verb.toUpperCase()} ${table}`
}

/** KV that calls `tell`, for example with `put SESSIONS`, before each of these operations. */
export const tellingKv = (
  name: string,
  kv: KVNamespace,
  verbs: readonly ('get' | 'put' | 'delete')[],
  tell: (operation: string) => void,
) => {
  const telling = verbs.map((verb) => [
    verb,
    (...words: unknown[]) => {
      tell(`${verb} ${name}`)
      return (kv[verb] as (...all: unknown[]) => Promise<unknown>)(...words)
    },
  ])
  return over(kv, Object.fromEntries(telling) as Partial<KVNamespace>)
}

/** Storage that records every write as it begins: `D1 INSERT refusal`, `KV put SESSIONS`. */
export function writesTold() {
  const writes: string[] = []
  const statements = new WeakMap<
    D1PreparedStatement,
    Readonly<{ real: D1PreparedStatement; sql: string }>
  >()
  const told = (sql: string) => {
    const write = writeOf(sql)
    if (write !== null) writes.push(`D1 ${write}`)
  }
  const watched = (real: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const proxy = new Proxy(real, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        if (property === 'bind')
          return (...values: unknown[]) => watched(target.bind(...values), sql)
        return (...words: unknown[]) => {
          told(sql)
          return value.apply(target, words)
        }
      },
    })
    statements.set(proxy, { real, sql })
    return proxy
  }
  const database = <T extends Pick<D1Database, 'prepare' | 'batch'>>(db: T): T =>
    over(db, {
      prepare: (sql: string) => watched(db.prepare(sql), sql),
      batch: (all: D1PreparedStatement[]) => {
        const known = all.map((one) => statements.get(one) ?? { real: one, sql: 'UNKNOWN' })
        for (const { sql } of known) told(sql)
        return db.batch(known.map(({ real }) => real))
      },
      withSession: (how: string) => database((db as unknown as D1Database).withSession(how)),
    } as unknown as Partial<T>)
  const namespace = (name: string, kv: KVNamespace) =>
    tellingKv(name, kv, ['put', 'delete'], (operation) => writes.push(`KV ${operation}`))
  const bindings = {
    DB: database(env.DB),
    SESSIONS: namespace('SESSIONS', env.SESSIONS),
    CODES: namespace('CODES', env.CODES),
  }
  return { bindings, take: () => writes.splice(0) }
}
