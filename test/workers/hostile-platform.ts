/** D1, KV and rate limits with injected faults: every operation is listed, and any of them can fail in any way. */

import { env } from 'cloudflare:workers'
import { afterAll, vi } from 'vitest'

/** Each fault affects one operation, except the last two, which affect every operation from theirs on. */
export const FAULTS = [
  'fails',
  'does it and loses the answer',
  'never answers',
  'does it and answers too late',
  'does it late, before the retry',
  'does it late, after the retry',
  'fails late',
  'fails from here on',
  'does it and loses the answer from here on',
] as const
/** Only for reads of KV: the location still shows the key as absent. */
export const NOT_YET_VISIBLE = 'is not visible yet'
export type Fault = (typeof FAULTS)[number] | typeof NOT_YET_VISIBLE

/** Faults that matter only for writes: a read has no effect that could be lost or late. */
const OF_WRITES: readonly Fault[] = [
  'does it and loses the answer',
  'does it late, before the retry',
  'does it late, after the retry',
]

export function faultsOf(operation: string): readonly Fault[] {
  if (!/^(KV get|D1 (batch )?SELECT|limit)/.test(operation)) return FAULTS
  const ofReads = FAULTS.filter((fault) => !OF_WRITES.includes(fault))
  return operation.startsWith('KV get') ? [...ofReads, NOT_YET_VISIBLE] : ofReads
}

const LASTING: readonly Fault[] = FAULTS.slice(-2)
export const isLasting = (fault: Fault) => LASTING.includes(fault)

/** The fault of the `at`-th operation, counted from one. */
export type Injection = Readonly<{ at: number; fault: Fault }>

const DEADLINE_SECONDS = 29

const MESSAGE = 'storage is out of reach'
const outOfReach = () => new Error(MESSAGE)

const realSetTimeout = globalThis.setTimeout
const turn = () => new Promise<void>((resolve) => realSetTimeout(resolve, 0))
const deadlines = new Map<number, () => void>()

/** The deadlines of rate limits and shared reads, of writing a code to KV, and of all other storage. */
const HELD_MS = [1, DEADLINE_SECONDS / 2, DEADLINE_SECONDS].map((seconds) => seconds * 1000)

/** For a whole file: logs nothing, and stops the clock of the deadlines, which storage that does not answer exceeds at once. */
export function holdDeadlines() {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
  afterAll(() => vi.unstubAllGlobals())
  let timers = 0
  const realClearTimeout = globalThis.clearTimeout
  vi.stubGlobal('setTimeout', (passed: () => void, delay: number) => {
    if (!HELD_MS.includes(delay)) return realSetTimeout(passed, delay)
    timers -= 1
    deadlines.set(timers, passed)
    return timers
  })
  vi.stubGlobal('clearTimeout', (timer: number) => {
    if (!deadlines.delete(timer)) realClearTimeout(timer)
  })
}

/** For example `UPDATE authorization_code`; for a SELECT the main table. */
function nameOfSql(sql: string): string {
  let outer = sql.replace(/\s+/g, ' ').trim()
  for (let before = ''; before !== outer; ) {
    before = outer
    outer = outer.replace(/\([^()]*\)/g, '')
  }
  const [verb = ''] = outer.split(' ')
  const table = /(?:^UPDATE|INTO|FROM) (\w+)/.exec(outer)?.[1] ?? ''
  return `${verb} ${table}`
}

/** A platform for one run of a flow. `operations` lists its operations by name. */
export function hostilePlatform(injections: readonly Injection[] = []) {
  const operations: string[] = []
  const late: { when: Fault; come: () => void }[] = []
  let underWay = 0

  const idle = async () => {
    for (let quiet = 0; quiet < 3; ) {
      await turn()
      quiet = underWay === 0 ? quiet + 1 : 0
    }
  }

  async function passDeadlines() {
    await idle()
    for (const [timer, passed] of [...deadlines]) {
      deadlines.delete(timer)
      passed()
    }
  }

  /** Answers only after `come` was called. */
  function stall<T>(when: Fault, come: () => Promise<T>): Promise<T> {
    void passDeadlines()
    return new Promise<T>((resolve, reject) => {
      late.push({ when, come: () => void come().then(resolve, reject) })
    })
  }

  async function counted<T>(work: () => Promise<T>): Promise<T> {
    underWay += 1
    try {
      return await work()
    } finally {
      underWay -= 1
    }
  }

  async function perform<T>(operation: string, work: () => Promise<T>): Promise<T> {
    operations.push(operation)
    const nth = operations.length
    const injection = injections.find(({ at, fault }) =>
      isLasting(fault) ? nth >= at : nth === at,
    )
    const really = () => counted(work)
    switch (injection?.fault) {
      case undefined:
        return really()
      case 'fails':
      case 'fails from here on':
        throw outOfReach()
      case 'does it and loses the answer':
      case 'does it and loses the answer from here on':
        await really()
        throw outOfReach()
      case 'never answers':
        return stall('never answers', () => new Promise<never>(() => {}))
      case 'does it and answers too late': {
        const done = await really()
        return stall(injection.fault, async () => done)
      }
      case 'does it late, before the retry':
      case 'does it late, after the retry':
        return stall(injection.fault, really)
      case 'fails late':
        return stall(injection.fault, () => Promise.reject(outOfReach()))
      case 'is not visible yet':
        return null as T
    }
  }

  /** Finishes the late operations; those that finish after a retry wait for `isRetried`. */
  async function catchUp(isRetried = false) {
    const due = late.filter(({ when }) => isRetried || when !== 'does it late, after the retry')
    for (const one of due) late.splice(late.indexOf(one), 1)
    for (const { come } of due) come()
    if (due.length > 0) await idle()
  }

  return {
    operations,
    catchUp,
    bindings: {
      DB: wrapDatabase(env.DB, perform),
      SESSIONS: wrapKv('SESSIONS', env.SESSIONS, perform),
      CODES: wrapKv('CODES', env.CODES, perform),
      LOGIN_LIMIT: unlimited('LOGIN_LIMIT', perform),
      REFUSAL_LIMIT: unlimited('REFUSAL_LIMIT', perform),
      STORAGE_TIMEOUT_SECONDS: DEADLINE_SECONDS,
    },
  }
}

type Perform = <T>(operation: string, work: () => Promise<T>) => Promise<T>

const atOnce: Perform = (_, work) => work()

/** A rate limit that is never reached, because the many flows come from one address. */
export const unlimited = (name: string, perform = atOnce) => ({
  limit: () => perform(`limit ${name}`, async () => ({ success: true })),
})

type Verb = (...words: unknown[]) => Promise<unknown>

const ASKS = ['first', 'all', 'run', 'raw']

type Prepared = Readonly<{ statement: D1PreparedStatement; sql: string }>
const prepared = new WeakMap<D1PreparedStatement, Prepared>()

function wrapStatement(
  statement: D1PreparedStatement,
  sql: string,
  perform: Perform,
): D1PreparedStatement {
  const wrapped = new Proxy(statement, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (property === 'bind') {
        return (...values: unknown[]) => wrapStatement(target.bind(...values), sql, perform)
      }
      if (!ASKS.includes(String(property))) return value
      return (...words: unknown[]) =>
        perform(`D1 ${nameOfSql(sql)}`, () => (value as Verb).apply(target, words))
    },
  })
  prepared.set(wrapped, { statement, sql })
  return wrapped
}

type Askable = Pick<D1Database, 'prepare' | 'batch'>

function wrapDatabase<T extends Askable>(db: T, perform: Perform): T {
  return new Proxy(db, {
    get(target, property) {
      if (property === 'prepare') {
        return (sql: string) => wrapStatement(target.prepare(sql), sql, perform)
      }
      if (property === 'batch') {
        return (statements: D1PreparedStatement[]) => {
          const all = statements.map((one) => prepared.get(one) as Prepared)
          return perform(`D1 batch ${nameOfSql(all[0]?.sql ?? '')}`, () =>
            target.batch(all.map(({ statement }) => statement)),
          )
        }
      }
      if (property === 'withSession') {
        return (how: string) =>
          wrapDatabase((target as unknown as D1Database).withSession(how), perform)
      }
      return Reflect.get(target, property, target)
    },
  })
}

function wrapKv(name: string, kv: KVNamespace, perform: Perform): KVNamespace {
  return new Proxy(kv, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (!['get', 'put', 'delete'].includes(String(property))) return value
      return (...words: unknown[]) =>
        perform(`KV ${String(property)} ${name}`, () => (value as Verb).apply(target, words))
    },
  })
}

/** KV's own limit: a second write to a key within a second is refused. The second does not end, however slow the machine is. */
export function busyKv(kv: KVNamespace): KVNamespace {
  const written = new Set<unknown>()
  return new Proxy(kv, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (!['put', 'delete'].includes(String(property))) return value.bind(target)
      return async (key: unknown, ...words: unknown[]) => {
        if (written.has(key)) {
          throw new Error(`KV ${String(property).toUpperCase()} failed: 429 Too Many Requests`)
        }
        written.add(key)
        return (value as Verb).call(target, key, ...words)
      }
    },
  })
}
