/** What a run of cron asks D1 while there is little to do: the free plan allows 50 statements a run. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import { count, each, fill, NOW } from './expired-rows.ts'
import { forgetDeliveries, runCron, WEBHOOK_SECRET } from './webhook-receiver.ts'

const TASKS = sweepsOf(400).length
const NONE = each(0)
const WEBHOOK = { WEBHOOK_URL: 'https://receiver.example/hook', WEBHOOK_SECRET }

/** D1 that counts statements: a batch has several. `fails` rejects those that it finds. */
function counting(fails: (sql: string) => boolean = () => false) {
  let statements = 0
  const statement = (real: D1PreparedStatement, sql: string): D1PreparedStatement =>
    new Proxy(real, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name === 'bind') return (...all: unknown[]) => statement(target.bind(...all), sql)
        return async (...all: unknown[]) => {
          if (['first', 'all', 'run', 'raw'].includes(String(name))) statements += 1
          if (fails(sql)) throw new Error('D1 is away')
          return value.apply(target, all)
        }
      },
    })
  const DB = {
    prepare: (sql: string) => statement(env.DB.prepare(sql), sql),
    batch(all: D1PreparedStatement[]) {
      statements += all.length
      return env.DB.batch(all)
    },
  }
  return { DB, statements: () => statements }
}

/** How many statements a run makes. */
async function costOf(changes: object = {}) {
  // Without this update cron would also write the missing keys of usernames.
  await env.DB.prepare('UPDATE user SET username_key = user_id').run()
  const { DB, statements } = counting()
  await runCron({ DB, ...changes }, NOW * 1000)
  return statements()
}

beforeEach(forgetDeliveries)

describe('a quiet run of cron', () => {
  it('a run of cron on an empty registry makes 5 statements, with and without a webhook', async () => {
    await fill(NONE, NONE)
    await env.DB.prepare('DELETE FROM revocation').run()
    expect(await costOf()).toBe(5)
    expect(await costOf(WEBHOOK)).toBe(5)
  })

  it('a run of cron on a registry in use, where nothing has expired, makes at most 10 statements', async () => {
    await fill(NONE, each(3))
    expect(await costOf(WEBHOOK)).toBeLessThanOrEqual(10)
  })

  it('a table with expired rows adds the statements of its own sweep', async () => {
    await fill(NONE, each(3))
    const quiet = await costOf()
    await fill({ ...NONE, refusal: 5 }, each(3))
    // The deletion, and the record of it.
    expect(await costOf()).toBe(quiet + 2)
    expect((await count('due-')).refusal).toBe(0)
  })

  it('control: when D1 cannot say what is due, every task is tried, and the run fails at its end', async () => {
    await fill(each(5), each(3))
    const { DB, statements } = counting((sql) => sql.startsWith('SELECT EXISTS'))
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    await expect(runCron({ DB }, NOW * 1000)).rejects.toThrow('housekeeping failed: due')
    log.mockRestore()
    expect(statements()).toBeGreaterThan(2 * TASKS)
    expect(await count('due-')).toEqual(NONE)
  })
})
