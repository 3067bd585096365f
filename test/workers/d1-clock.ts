/** D1 with another clock: the test's `Date`, or a clock that runs ahead or behind. */

import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import { over } from './counting.ts'

/** `now` returns epoch milliseconds and is read when a statement is prepared. */
export function clockedDatabase(now: () => number = () => Date.now()): D1Database {
  const at = (sql: string) =>
    sql
      .replaceAll("unixepoch('subsec')", (now() / 1000).toFixed(3))
      .replaceAll('unixepoch()', String(Math.floor(now() / 1000)))
  return over(env.DB, {
    prepare: (sql: string) => env.DB.prepare(at(sql)),
    withSession: (how?: string) => {
      const session = env.DB.withSession(how)
      return over(session, { prepare: (sql: string) => session.prepare(at(sql)) })
    },
  })
}

/** Fakes `Date` and moves it; the test file restores it with `vi.useRealTimers`. */
export function passTime(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + seconds * 1000)
}
