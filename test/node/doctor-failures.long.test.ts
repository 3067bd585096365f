/** `doctor` with one fault at a time. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunningRegistry as Announced } from '../../src/local/state-lock.ts'
import { commandLine, servedState } from './command-line.ts'
import { type Answered, passOn, standIn } from './doctor-stand-ins.ts'
import {
  announce,
  db,
  doctor,
  epochSeconds,
  examinedWithin,
  inFront,
  inPlaceOfAuthenticator,
  JWT_SECRET,
  ranAt,
  running,
  standIns,
  unserved,
} from './examined-registry.ts'

describe('failures of one check, with status 1', () => {
  const expectOnly = async (failed: readonly string[], found: ReturnType<typeof doctor>) => {
    const { status, ...findings } = await found
    expect(findings.failed, JSON.stringify(findings.seen)).toEqual(failed)
    expect(status).toBe(1)
    return findings
  }

  it("the doctor's check schema fails when a migration is not applied", async () => {
    const name = '0002_sign_in_failures.sql'
    await db.prepare('DELETE FROM d1_migrations WHERE name = ?1').bind(name).run()
    const { seen } = await expectOnly(['schema'], doctor())
    expect(seen.schema).toBe(`not applied: ${name}`)
    await db.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name).run()
  })

  it("the doctor's check schema fails when a migration is applied that this source does not have", async () => {
    await db.prepare(`INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')`).run()
    const { seen } = await expectOnly(['schema'], doctor())
    expect(seen.schema).toBe('applied, but not known here: 9999_later.sql')
    await db.prepare(`DELETE FROM d1_migrations WHERE name = '9999_later.sql'`).run()
  })

  it.each([
    { kind: 'short', secret: 'kR7vQ2mZ9xLw4tYb', failed: ['jwt-secret'] },
    // A strong secret that does not verify the authenticator's JWT.
    { kind: 'one letter', secret: 'a'.repeat(64), failed: ['jwt-secret', 'session'] },
    { kind: 'a word', secret: 'changeme'.repeat(4), failed: ['jwt-secret', 'session'] },
    { kind: 'another', secret: [...JWT_SECRET].reverse().join(''), failed: ['session'] },
  ])(
    "the doctor's check of JWT_SECRET fails when it is weak or not that of the authenticator: $kind",
    async ({ secret, failed }) => {
      await expectOnly(failed, doctor([], { JWT_SECRET: secret }))
    },
  )

  it("the doctor's check issuer fails when the registry publishes another issuer", async () => {
    await announce({ issuer: running.registry.replace('127.0.0.1', 'localhost') })
    const { seen } = await expectOnly(['issuer', 'session'], doctor())
    expect(seen.issuer).toContain(`calls itself "${running.registry}"`)
  })

  it("the doctor's check issuer fails when the issuer is not https", async () => {
    await announce({ issuer: 'http://auth.invalid' })
    const { seen } = await expectOnly(
      ['issuer', 'health', 'key-set', 'kv', 'signing', 'pkce', 'single-use', 'session', 'fresh'],
      doctor(),
    )
    expect(seen.issuer).toBe('ISSUER is "http://auth.invalid", not https')
  })

  it("the doctor's check operators fails when no client and no user can administer", async () => {
    const disable = `UPDATE client SET disabled_at = ?1 WHERE client_id = 'registry-operator'`
    await db.prepare(disable).bind(1).run()
    try {
      // The operator's token stays valid until it expires, because nothing was revoked.
      const { seen } = await expectOnly(['operators'], doctor())
      expect(seen.operators).toBe('0 clients and 0 users can administer')
    } finally {
      await db.prepare(disable).bind(null).run()
    }
  })

  it("the doctor's check scopes is ok and names the scopes that are used but not declared", async () => {
    expect((await doctor()).seen.scopes).toMatch(
      /^\d+ scopes declared, and every scope that is used$/,
    )
    const { id } = await running.newClient('client_secret', '--scope', 'wiki:edit')
    const { status, seen } = await doctor()
    expect(status).toBe(0)
    expect(seen.scopes).toMatch(/; without a sentence for people: wiki:edit \(scope create\)$/)
    await running.administer('client', 'delete', id)
  })

  it("the doctor's check management fails when the registry does not forward to the management worker", async () => {
    const front = await standIn(async (asked) =>
      asked.path.startsWith('/admin/v1') ? { status: 404 } : passOn(running.registry, asked),
    )
    standIns.push(front)
    await announce({ registryUrl: front.url })
    const { status, failed, notChecked, seen } = await doctor()
    expect(status).toBe(1)
    expect(failed[0]).toBe('management')
    expect(seen.management).toContain('answered 404, not as the management API')
    expect(notChecked).toEqual(['keys-read', 'revocation'])
  })

  it("the doctor's check health fails when /healthz does not respond with 200", async () => {
    await inFront(({ path }, answer) => (path === '/healthz' ? { status: 503 } : answer))
    await expectOnly(['health', 'session'], doctor())
  })

  it("the doctor's check cron fails when cron has stopped or never ran, but not when the registry has just started", async () => {
    await announce({ startedAt: epochSeconds() - 400 })
    await ranAt(epochSeconds() - 400)
    // The registry's own cron runs every minute.
    await db
      .prepare(
        `CREATE TRIGGER stopped BEFORE INSERT ON housekeeping BEGIN SELECT RAISE(IGNORE); END`,
      )
      .run()
    try {
      const { seen } = await expectOnly(['cron'], doctor())
      expect(seen.cron).toMatch(/^last ran 4\d\d s ago, and should run every 60 s$/)
      await db.prepare('DELETE FROM housekeeping').run()
      expect((await expectOnly(['cron'], doctor())).seen.cron).toBe('has never run')
      await announce({ startedAt: epochSeconds() })
      const young = await doctor()
      expect([young.status, young.notChecked]).toEqual([0, ['cron']])
    } finally {
      await db.prepare('DROP TRIGGER stopped').run()
    }
  })

  it("the doctor's check single-use fails when a code can be redeemed twice", async () => {
    let won: Answered | undefined
    await inFront(({ path, body }, answer) => {
      if (path !== '/token' || !body.includes('authorization_code')) return answer
      if (answer.status === 200) won = answer
      return won ?? answer
    })
    const { seen } = await expectOnly(['single-use', 'session'], doctor())
    expect(seen['single-use']).toMatch(/^one code was redeemed [2-5] times of 5 at once$/)
  })

  it("the doctor's check pkce fails when a code can be redeemed without its verifier", async () => {
    const token = JSON.stringify({ access_token: 'any', expires_in: 60 })
    await inFront(({ path, body }, answer) =>
      path === '/token' && body.includes('authorization_code')
        ? { status: 200, body: token }
        : answer,
    )
    await expectOnly(['pkce', 'single-use', 'session'], doctor())
  })

  it("the doctor's checks session and fresh fail when the authenticator is down", async () => {
    const { seen, notChecked } = await expectOnly(
      ['session', 'fresh'],
      doctor(['--authenticator', unserved]),
    )
    expect(seen.session).toBe(`cannot reach ${unserved}: ECONNREFUSED`)
    expect(notChecked).toEqual(['keys-read', 'revocation'])
  })

  it("the doctor's checks session and fresh fail when the authenticator reads another storage", async () => {
    const [, elsewhere = ''] = await inPlaceOfAuthenticator(async () => ({ status: 401 }))
    const findings = await examinedWithin(1, elsewhere)
    const inState = (wanted: string) =>
      findings.filter(({ state }) => state === wanted).map(({ check, seen }) => [check, seen])
    expect(inState('FAIL')).toEqual([
      ['session', 'the authenticator answers 401 to a session opened 1 s ago'],
      ['fresh', expect.any(String)],
    ])
    expect(inState('not checked').map(([check]) => check)).toEqual(['keys-read', 'revocation'])
  })

  it('the doctor reports a registry that is down without delay, with a line for each check, and still examines D1', async () => {
    const state = await servedState()
    try {
      const file = join(state.stateDir, 'admin.json')
      const served = JSON.parse(await readFile(file, 'utf8')) as Announced
      await writeFile(
        file,
        JSON.stringify({ ...served, issuer: unserved, authenticatorUrl: unserved }),
      )
      const begunAt = performance.now()
      const env = { STATE_DIR: state.stateDir, JWT_SECRET }
      const { status, stdout, stderr } = await commandLine(['doctor'], { env })
      expect(performance.now() - begunAt).toBeLessThan(20_000)
      const failing = stdout.split('\n').filter((line) => line.startsWith('FAIL'))
      expect(failing.map((line) => line.split(/ +/)[1])).toEqual([
        // The state of this test has no operator.
        'operators',
        'issuer',
        'health',
        'key-set',
        'kv',
        'signing',
        'pkce',
        'single-use',
        'session',
        'fresh',
      ])
      for (const line of failing.slice(1))
        expect(line).toContain(`cannot reach ${unserved}: ECONNREFUSED. To do: `)
      expect(stdout).toContain('ok    d1  ')
      expect([status, stderr]).toEqual([1, 'error: 10 of 22 checks failed\n'])
      const { client, user } = await state.dump()
      expect([client, user]).toEqual([[], []])
    } finally {
      await state.close()
    }
  })
})

it("the doctor's check revocation fails after its bound, and its check fresh at once, when the authenticator never sees a revocation", async () => {
  let good: Answered | undefined
  const blind = await standIn(async (asked) => {
    const answer = await passOn(running.authenticator, asked)
    good = answer.status === 200 ? answer : good
    return good ?? answer
  })
  standIns.push(blind)
  const findings = await examinedWithin(2, blind.url)
  const failed = findings.filter(({ state }) => state === 'FAIL')
  expect(failed.map(({ check, seen }) => [check, seen.replace(/\d\.\d s/, 'N s')])).toEqual([
    ['keys-read', '/auth answers 200 to a token that no key of the registry signed'],
    ['fresh', '/auth?fresh answers 200 to a revoked session'],
    ['revocation', 'a revoked session is still good after N s; the bound is 2 s'],
  ])
})
