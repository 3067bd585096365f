/** Housekeeping removes expired rows and keeps all others, and the next run goes on after any interruption. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Bindings, compose } from '../../src/compose.ts'
import { CRON_INTERVAL_SECONDS } from '../../src/domain/revocation.ts'
import {
  dueTasks,
  type HousekeepingStore,
  housekeepingStore,
  sweepInTurns,
} from '../../src/stores/housekeeping.ts'
import { DOCUMENT_KEY } from '../../src/stores/revocation-document.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import { DAY_SECONDS } from '../days.ts'
import { runs, sampled } from '../sample.ts'
import { watchedBindings } from './counting.ts'
import { AUDIT_KEEP_DAYS, count, each, fill, NOW, type Rows, SWEPT_TABLES } from './expired-rows.ts'
import { asserting, assertionOf, keySetOf, newKey, proofOf } from './keys.ts'
import {
  answerConsent,
  credentialsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  requestOf,
  signIn,
} from './registry.ts'

const NONE = each(0)
const SWEEPS = sweepsOf(AUDIT_KEEP_DAYS)
const TASKS = SWEEPS.map(({ task }) => task)
const total = (rows: Rows) => Object.values(rows).reduce((sum, n) => sum + n, 0)

/** One run; returns what it swept and which tasks failed. */
async function run(
  store: HousekeepingStore = housekeepingStore(env.DB),
  now = NOW,
  sweeps = SWEEPS,
) {
  const failed: string[] = []
  const swept = await sweepInTurns(store, sweeps, now, (task) => failed.push(task))
  return { swept, failed }
}

const recorded = async () => {
  const { results } = await env.DB.prepare('SELECT * FROM housekeeping ORDER BY task').all<{
    task: string
    position: string | null
    ran_at: number
    removed: number
    left_over: number
  }>()
  return new Map(results.map((row) => [row.task, row]))
}

describe('a large number of expired rows', () => {
  const due: Rows = {
    authorization_code: 12_000,
    refresh_token: 15_000,
    refresh_family: 5000,
    revocation: 12_000,
    used_jti: 16_000,
    refusal: 12_000,
    sign_in_failure: 10_000,
    external_user: 1000,
    invitation: 500,
    document_attempt: 500,
    audit: 8000,
    consent: 8000,
  }
  const alive = each(1000)

  it('one run removes 100,000 expired rows and no other row, and reports the numbers', async () => {
    await fill(due, alive)
    expect([await count('due-'), await count('live-')]).toEqual([due, alive])
    expect(total(due)).toBe(100_000)
    const begun = performance.now()
    const { swept, failed } = await run()
    console.log(`100,000 rows in ${(performance.now() - begun).toFixed(0)} ms`)
    expect(failed).toEqual([])
    expect([await count('due-'), await count('live-')]).toEqual([NONE, alive])
    const rows = await recorded()
    for (const table of SWEPT_TABLES) {
      expect(swept.get(table)).toEqual({ removed: due[table], leftOver: 0 })
      expect(rows.get(table)).toMatchObject({ ran_at: NOW, removed: due[table], left_over: 0 })
    }
    // Control: a second later the youngest of the other rows is due.
    await run(undefined, NOW + 1)
    const left = await count('live-')
    for (const table of SWEPT_TABLES) {
      if (table !== 'refresh_token') expect(left[table]).toBeLessThan(1000)
    }
  })

  it('a run that finds more expired rows in a table than its limit reports the rest, and the next run goes on', async () => {
    await fill({ ...NONE, used_jti: 31_000 }, each(10))
    expect((await run()).swept.get('used_jti')).toEqual({ removed: 30_000, leftOver: 1000 })
    expect((await recorded()).get('used_jti')).toMatchObject({ left_over: 1000 })
    await run(undefined, NOW)
    expect([await count('due-'), await count('live-')]).toEqual([NONE, each(10)])
  })

  it('the tokens of a large family are removed in steps, and the family last', async () => {
    await fill({ ...NONE, refresh_family: 1, refresh_token: 5000 }, each(10))
    const store = housekeepingStore(env.DB, 1000)
    const seen: Rows[] = []
    await run({
      ...store,
      async step(...words) {
        const step = await store.step(...words)
        seen.push(await count('due-'))
        return step
      },
    })
    expect(await count('due-')).toEqual(NONE)
    const withTokens = seen.filter((rows) => rows.refresh_token > 0)
    expect(withTokens.length).toBeGreaterThan(4)
    expect(withTokens.every((rows) => rows.refresh_family === 1)).toBe(true)
  })
})

describe('interrupted runs', () => {
  const due = each(5)
  const alive = each(3)
  const STEP_ROWS = 2
  beforeEach(() => fill(due, alive))

  /** Storage that answers `calls` times and then never again. */
  function cutOffAfter(calls: number) {
    let seen = 0
    const { DB } = watchedBindings(() => {
      seen += 1
      if (seen > calls) throw new Error('cut off')
    })
    return { store: housekeepingStore(DB, STEP_ROWS), calls: () => seen }
  }
  const cutOff = (store: HousekeepingStore) => run(store).catch(() => {})

  it('the run after an interrupted run has only the remaining rows to remove', async () => {
    const whole = cutOffAfter(Number.POSITIVE_INFINITY)
    await run(whole.store)
    const CALLS = whole.calls()
    expect(CALLS).toBeGreaterThan(20)
    const leftAfter: number[] = []
    const interruptions = Array.from({ length: CALLS }, (_, calls) => calls)
    for (const calls of [...new Set([0, 1, ...sampled(interruptions, 4), CALLS])]) {
      await fill(due, alive)
      await cutOff(cutOffAfter(calls).store)
      leftAfter.push(total(await count('due-')))
      // Two runs, because the first starts with the consents after the stored position.
      for (let i = 0; i < 2; i++) {
        const due = await dueTasks(env.DB, SWEEPS, NOW)
        const sweeps = SWEEPS.filter(({ task }) => due?.[task] === 1)
        expect((await run(housekeepingStore(env.DB, STEP_ROWS), NOW, sweeps)).failed).toEqual([])
      }
      expect([await count('due-'), await count('live-')]).toEqual([NONE, alive])
    }
    // Control: the runs were interrupted at different steps, and none undid its work.
    expect(leftAfter.slice(0, 2)).toEqual([total(due), total(due)])
    expect(leftAfter).toEqual(leftAfter.toSorted((a, b) => b - a))
    expect(new Set(leftAfter).size).toBeGreaterThan(runs(6, 15))
    expect(leftAfter.at(-1)).toBe(0)
  })

  const MOST_RUNS = 75
  /** The number of runs of one step each until all rows are removed; `between` runs between them. */
  async function runsNeeded(between: () => Promise<unknown>) {
    for (let runs = 1; runs <= MOST_RUNS; runs++) {
      await cutOff(cutOffAfter(2).store)
      if (JSON.stringify(await count('due-')) === JSON.stringify(NONE)) return runs
      await between()
    }
    return Number.POSITIVE_INFINITY
  }

  it('runs that are always interrupted after one step eventually remove every expired row', async () => {
    // The consents that stay come first, so that a run without the stored position would see only them.
    await env.DB.prepare(
      `UPDATE consent SET user_id = 'a' || user_id WHERE user_id LIKE 'live%'`,
    ).run()
    expect(await runsNeeded(async () => {})).toBeLessThanOrEqual(MOST_RUNS)
    expect(await env.DB.prepare(`SELECT count(*) AS n FROM consent`).first('n')).toBe(3)
  })

  it('control: interrupted runs do not remove every row when each starts with the same task', async () => {
    const same = () => env.DB.prepare(`DELETE FROM housekeeping WHERE task = 'run'`).run()
    expect(await runsNeeded(same)).toBe(Number.POSITIVE_INFINITY)
  })

  it('control: interrupted runs do not remove every row when the position in the consents is lost', async () => {
    await env.DB.prepare(
      `UPDATE consent SET user_id = 'a' || user_id WHERE user_id LIKE 'live%'`,
    ).run()
    const lose = () =>
      env.DB.prepare(`UPDATE housekeeping SET position = NULL WHERE task <> 'run'`).run()
    expect(await runsNeeded(lose)).toBe(Number.POSITIVE_INFINITY)
    expect(await count('due-')).toEqual({ ...NONE, consent: 5 })
  })
})

describe('tables that cannot be swept', () => {
  it.each(SWEPT_TABLES)(
    'a failure to sweep %s does not stop the other tables, and the next run sweeps the table',
    async (table) => {
      await fill(each(5), each(3))
      await env.DB.prepare(
        `CREATE TRIGGER broken BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, 'broken'); END`,
      ).run()
      const { failed } = await run().finally(() => env.DB.prepare('DROP TRIGGER broken').run())
      expect(failed).toEqual([table])
      // A family is removed after its tokens.
      const waiting = table === 'refresh_token' ? { refresh_family: expect.any(Number) } : {}
      expect(await count('due-')).toEqual({ ...NONE, ...waiting, [table]: 5 })
      expect((await run()).failed).toEqual([])
      expect([await count('due-'), await count('live-')]).toEqual([NONE, each(3)])
    },
  )

  it('a table that times out does not stop the other tables', async () => {
    await fill(each(5), each(3))
    const store = housekeepingStore(env.DB)
    const { failed } = await run({
      ...store,
      step: (sweep, ...words) =>
        sweep.task === 'audit'
          ? Promise.reject(new Error('timed out'))
          : store.step(sweep, ...words),
    })
    expect(failed).toEqual(['audit'])
    expect(await count('due-')).toEqual({ ...NONE, audit: 5 })
  })
})

describe('runs that take long', () => {
  afterEach(() => vi.useRealTimers())

  /** The number of steps, of one row each, when the first takes `firstStepMs` and the others no time. */
  async function stepsAfter(firstStepMs: number) {
    await fill(each(5), each(3))
    vi.useFakeTimers({ toFake: ['Date'] })
    const store = housekeepingStore(env.DB, 1)
    let steps = 0
    await run({
      ...store,
      step(...words) {
        if (steps === 0) vi.setSystemTime(Date.now() + firstStepMs)
        steps += 1
        return store.step(...words)
      },
    })
    return steps
  }

  it('a run starts no step after 20 s once each task had one, and the next run goes on', async () => {
    expect(await stepsAfter(20_000)).toBe(TASKS.length)
    const left = await count('due-')
    expect(total(left)).toBeGreaterThan(TASKS.length)
    vi.useRealTimers()
    await run()
    expect([await count('due-'), await count('live-')]).toEqual([NONE, each(3)])
  })

  it('control: a run starts further steps before 20 s have passed', async () => {
    expect(await stepsAfter(19_999)).toBeGreaterThan(TASKS.length)
  })
})

describe('the cron job', () => {
  const cron = async (changes: object = {}, atSeconds = NOW) => {
    const lines: Record<string, unknown>[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>)
    })
    const { housekeep } = compose({ ...env, ISSUER, ...changes } as Bindings)
    const outcome = await housekeep(atSeconds * 1000).then(
      () => 'done',
      (fault: Error) => fault.message,
    )
    log.mockRestore()
    return { outcome, lines }
  }

  it('cron logs one line with the removed and remaining rows, and no line when there were none', async () => {
    await fill({ ...NONE, used_jti: 31_000, refusal: 5 }, each(3))
    const { outcome, lines } = await cron()
    expect(outcome).toBe('done')
    expect(lines).toEqual([
      { event: 'housekeeping', used_jti: 30_000, used_jti_left: 1000, refusal: 5 },
    ])
    await cron()
    expect(await cron()).toEqual({ outcome: 'done', lines: [] })
  })

  it('cron sweeps even when KV cannot be written, and fails at the end with the name of the task', async () => {
    await fill(each(5), each(3))
    const SESSIONS = { ...env.SESSIONS, put: () => Promise.reject(new Error('KV is away')) }
    const { outcome, lines } = await cron({ SESSIONS })
    expect(outcome).toBe('housekeeping failed: repair_kv')
    expect(lines[0]).toEqual({
      event: 'housekeeping_failed',
      task: 'repair_kv',
      fault: 'Error: KV is away',
    })
    expect([await count('due-'), await count('live-')]).toEqual([NONE, each(3)])
  })

  it('cron reports that housekeeping could not begin, and still writes the revocations to KV', async () => {
    const shown: string[] = []
    const SESSIONS = { put: async (key: string) => shown.push(key) }
    const batch = () => Promise.reject(new Error('D1 is away'))
    const DB = { prepare: env.DB.prepare.bind(env.DB), batch }
    const { outcome, lines } = await cron({ DB, SESSIONS })
    expect(outcome).toBe('housekeeping failed: begin')
    expect(lines).toEqual([
      { event: 'housekeeping_failed', task: 'begin', fault: 'Error: D1 is away' },
    ])
    expect(shown).toContain(DOCUMENT_KEY)
  })

  it('cron sweeps while KV does not answer, and waits at most a minute for KV', async () => {
    await fill(each(5), each(3))
    const told = Promise.withResolvers<string>()
    const log = vi.spyOn(console, 'log').mockImplementation(told.resolve)
    const SESSIONS = { ...env.SESSIONS, put: () => new Promise(() => {}) }
    const { housekeep } = compose({ ...env, ISSUER, SESSIONS } as unknown as Bindings)
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
    const outcome = housekeep(NOW * 1000).then(
      () => 'done',
      (fault: Error) => fault.message,
    )
    expect(JSON.parse(await told.promise)).toMatchObject({ event: 'housekeeping', audit: 5 })
    expect([await count('due-'), await count('live-')]).toEqual([NONE, each(3)])
    await vi.advanceTimersByTimeAsync(CRON_INTERVAL_SECONDS * 1000 + 1000)
    expect(await outcome).toBe('housekeeping failed: repair_kv')
    vi.useRealTimers()
    log.mockRestore()
  })

  it('cron records its run even when there is nothing to remove, and records only the tasks that had work', async () => {
    await fill(NONE, NONE)
    await cron({}, NOW + 60)
    const quiet = await recorded()
    expect([...quiet].map(([task, { ran_at }]) => [task, ran_at])).toEqual([['run', NOW + 60]])
    await fill({ ...NONE, refusal: 5 }, NONE)
    await cron({}, NOW + 120)
    const rows = await recorded()
    expect([...rows].map(([task, { ran_at }]) => [task, ran_at])).toEqual([
      ['refusal', NOW + 120],
      ['run', NOW + 120],
    ])
  })

  it('cron keeps audit rows for AUDIT_KEEP_DAYS days', async () => {
    await fill({ ...NONE, audit: 5 }, NONE)
    await cron({ AUDIT_KEEP_DAYS: '500' })
    expect(await count('due-')).toEqual({ ...NONE, audit: 5 })
    await cron({ AUDIT_KEEP_DAYS: '400' })
    expect(await count('due-')).toEqual(NONE)
  })
})

describe('old consents', () => {
  const LATER_SECONDS = 401 * DAY_SECONDS
  const consentsOf = (clientId: string) =>
    env.DB.prepare('SELECT count(*) AS n FROM consent WHERE client_id = ?1')
      .bind(clientId)
      .first('n')
  const age = (clientId: string) =>
    env.DB.prepare(
      'UPDATE consent SET granted_at = granted_at - ?2, used_at = used_at - ?2 WHERE client_id = ?1',
    )
      .bind(clientId, LATER_SECONDS)
      .run()

  it('a consent that was neither given nor used for a token in 400 days is removed', async () => {
    const client = await newClient()
    await answerConsent(await signIn(await newUser()), requestOf(client))
    const later = (days: number) => run(undefined, nowSeconds() + days * DAY_SECONDS)
    await later(399)
    expect(await consentsOf(client.id)).toBe(1)
    await later(401)
    expect(await consentsOf(client.id)).toBe(0)
  })

  it.each([
    ['refresh_family', 'authorization_code'],
    ['authorization_code', 'refresh_family'],
  ])(
    'an old consent is kept while it has a row in %s, even without one in %s',
    async (kept, gone) => {
      const client = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
      const cookie = await signIn(await newUser())
      const redeemed = await post(
        '/token',
        redemptionOf(client, await obtainCode(cookie, requestOf(client))),
      )
      expect(redeemed.status).toBe(200)
      await env.DB.prepare('UPDATE consent SET granted_at = 1 WHERE client_id = ?1')
        .bind(client.id)
        .run()
      await run(undefined, nowSeconds())
      expect(await consentsOf(client.id)).toBe(1)
      await age(client.id)
      await run(undefined, nowSeconds())
      expect(await consentsOf(client.id)).toBe(1)
      const without = async (table: string) => {
        await env.DB.prepare(`DELETE FROM ${table} WHERE client_id = ?1`).bind(client.id).run()
        await run(undefined, nowSeconds())
        return consentsOf(client.id)
      }
      expect(await without(gone)).toBe(1)
      // Control: without both rows the consent is removed.
      expect(await without(kept)).toBe(0)
    },
  )

  it('an old consent that is given again is kept, even when its code is never redeemed', async () => {
    const client = await newClient()
    const cookie = await signIn(await newUser())
    const asking = requestOf(client)
    await answerConsent(cookie, asking)
    await age(client.id)
    // The client's name changes, so the user is asked again.
    await env.DB.prepare(`UPDATE client SET name = 'Other' WHERE client_id = ?1`)
      .bind(client.id)
      .run()
    await answerConsent(cookie, asking)
    await run(undefined, nowSeconds() + 3 * DAY_SECONDS)
    expect(await consentsOf(client.id)).toBe(1)
  })
})

describe('single-use proofs and assertions', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    [1, 'is'],
    [60, 'is'],
    [66, 'is no longer'],
  ])(
    'a cron whose clock is %i s ahead: a used proof that has just expired %s kept',
    async (aheadSeconds, kept) => {
      const [key, client] = [await newKey(), await newClient()]
      const proof = await proofOf(key)
      const requestToken = () => post('/token', credentialsOf(client), { DPoP: proof })
      expect((await requestToken()).status).toBe(200)
      // The last second in which the proof is accepted.
      const latest = nowSeconds() + 60
      vi.setSystemTime(latest * 1000)
      await run(housekeepingStore(env.DB), latest + aheadSeconds)
      expect((await requestToken()).status).toBe(kept === 'is' ? 400 : 200)
    },
  )

  it('a used client assertion is kept while a cron with a clock 60 s ahead sweeps', async () => {
    const key = await newKey()
    const client = await newClient({ authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) })
    const exp = nowSeconds() + 100
    const assertion = await assertionOf(client.id, key, { claims: { exp } })
    const requestToken = () =>
      post('/token', { grant_type: 'client_credentials', ...asserting(assertion) })
    expect((await requestToken()).status).toBe(200)
    vi.setSystemTime((exp + 59) * 1000)
    await run(housekeepingStore(env.DB), exp + 59 + 60)
    expect((await requestToken()).status).toBe(401)
  })
})
