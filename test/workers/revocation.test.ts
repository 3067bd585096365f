/** How soon a revocation takes effect at two authenticators, on a KV that is as stale as Cloudflare's may be. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { type Bindings, compose } from '../../src/compose.ts'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  CRON_INTERVAL_SECONDS,
  consentSubject,
  SESSION_REVOKED_WITHIN_SECONDS,
  UNDER_WAY_SECONDS,
} from '../../src/domain/revocation.ts'
import type { SessionRecord } from '../../src/domain/session.ts'
import { DOCUMENT_KEY } from '../../src/stores/revocation-document.ts'
import {
  KEPT_LONGER_SECONDS,
  type Revoked,
  revocationStatements,
  revokeStatement,
} from '../../src/stores/revocation-statements.ts'
import { revocationStore, TOMBSTONE } from '../../src/stores/revocations.ts'
import { over } from './counting.ts'
import { clockedDatabase, passTime } from './d1-clock.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import { isolateAt } from './stale-kv.ts'
import { authenticatorEnv, bearer, LIFETIME_SECONDS, record, store } from './stored-session.ts'

const MIB = 1024 * 1024
/** D1 with the clock of the test. */
const DB = clockedDatabase()
const revocations = revocationStore(DB, env.SESSIONS, LIFETIME_SECONDS)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await env.DB.prepare('DELETE FROM revocation').run()
  await env.SESSIONS.delete(DOCUMENT_KEY)
})

const isolate = ({ hasDatabase = true } = {}) =>
  isolateAt((SESSIONS) =>
    createAuthenticator({ ...authenticatorEnv(), SESSIONS, ...(hasDatabase && { DB: env.DB }) }),
  )

let people = 0
/** A session of a new user with a new client, started now. */
async function session(change: Partial<SessionRecord> = {}) {
  people += 1
  const base = record()
  const user = { user_id: `user-${people}`, username: 'ada', email: 'ada@example.org' }
  const client = base.client && { ...base.client, client_id: `client-${people}` }
  const startMs = Date.now()
  const start_time = new Date(startMs).toISOString()
  const end_time = new Date(startMs + LIFETIME_SECONDS * 1000).toISOString()
  const stored = { ...base, user, client, start_time, end_time, ...change }
  const isBrowser = stored.client === null
  const token = await store(mintToken(isBrowser ? 'browserSession' : 'accessToken'), stored)
  return { token, userId: user.user_id, clientId: (client?.client_id ?? '') as ClientId, stored }
}
type Session = Awaited<ReturnType<typeof session>>

async function revokeAll(
  kind: 'client' | 'user' | 'consent',
  ids: { userId?: string; clientId?: string },
) {
  await DB.batch(revocationStatements(DB, { kind, ...ids } as Revoked, LIFETIME_SECONDS))
  await revocations.project()
}

/** Just before KV shows the revocation, and just before the isolate's copy of the document is too old. */
const STILL_VALID_AFTER_SECONDS = [59, 68]

type Way = readonly [string, number, (of: Session) => Promise<unknown>]
const WAYS: readonly Way[] = [
  [
    'a token',
    SESSION_REVOKED_WITHIN_SECONDS,
    async ({ token }) => revocations.endSessions([await sessionKeyOf(token)]),
  ],
  ['a client', ALL_REVOKED_WITHIN_SECONDS, ({ clientId }) => revokeAll('client', { clientId })],
  ['a user', ALL_REVOKED_WITHIN_SECONDS, ({ userId }) => revokeAll('user', { userId })],
  [
    'a consent',
    ALL_REVOKED_WITHIN_SECONDS,
    async ({ userId, clientId }) => {
      await revocations.removeConsent(userId, clientId)
      await revocations.project()
    },
  ],
]

describe.each(WAYS)('the revocation of %s', (what, boundSeconds, revoke) => {
  it(`an access token is refused everywhere ${boundSeconds} s after the revocation of ${what}, however stale KV is`, async () => {
    const revoked = await session()
    const other = await session()
    const isolates = [isolate(), isolate()]
    for (const { check } of isolates) expect(await check(revoked.token)).toBe(200)
    // The worst case: both locations read everything again just before the revocation.
    passTime(61)
    for (const { check } of isolates) expect(await check(revoked.token)).toBe(200)
    passTime(0.001)
    await revoke(revoked)

    // Control: before the bound the stale locations still accept the token.
    let passed = 0
    for (const seconds of STILL_VALID_AFTER_SECONDS.filter((one) => one < boundSeconds)) {
      passTime(seconds - passed)
      passed = seconds
      for (const { check } of isolates) expect(await check(revoked.token)).toBe(200)
    }
    passTime(boundSeconds - passed)
    for (const one of isolates) {
      await expectRefusal(await one.ask('', revoked.token), 401, 'invalid_token')
      expect(await one.check(other.token)).toBe(200)
    }

    for (const { recall } of isolates) recall()
    for (const seconds of [0, 30, 60, 3600]) {
      passTime(seconds)
      for (const { check } of isolates) expect(await check(revoked.token)).toBe(401)
    }
  })

  it(`a check with fresh sees a revocation at once, and later checks of the same isolate do too: ${what}`, async () => {
    const revoked = await session()
    const [asked, other] = [isolate(), isolate()]
    for (const { check } of [asked, other]) expect(await check(revoked.token)).toBe(200)
    passTime(0.001)
    await revoke(revoked)
    await expectRefusal(await asked.ask('?fresh', revoked.token), 401, 'invalid_token')
    expect(await asked.check(revoked.token)).toBe(401)
    expect(await other.check(revoked.token)).toBe(200)
    asked.recall()
    expect(await asked.check(revoked.token)).toBe(401)
    expect(await isolate().fresh((await session()).token)).toBe(200)
  })
})

describe('sessions from after a bulk revocation', () => {
  it.each(['client', 'user', 'consent'] as const)(
    'a session that is opened after a bulk revocation of a %s is valid at once',
    async (kind) => {
      const before = await session()
      const { userId, clientId } = before
      await revokeAll(kind, { userId, clientId })
      passTime(0.001)
      const { user, client } = before.stored
      const after = await session({ user, client })
      // The revocation covers a session that was opened in the same millisecond.
      expect(await isolate().fresh(before.token)).toBe(401)
      for (const { check, fresh } of [isolate(), isolate()]) {
        expect(await check(before.token)).toBe(401)
        expect(await check(after.token)).toBe(200)
        expect(await fresh(after.token)).toBe(200)
      }
      await revokeAll(kind, { userId, clientId })
      expect([await isolate().check(after.token), await isolate().fresh(after.token)]).toEqual([
        401, 401,
      ])
    },
  )

  it('D1 keeps the latest moment and the latest expiry of several revocations of a user', async () => {
    const { userId } = await session()
    const now = Date.now()
    const revoked = async (atMs: number, lifetimeSeconds: number) => {
      const db = clockedDatabase(() => atMs)
      await revokeStatement(db, 'user', [userId], lifetimeSeconds).run()
      const { results } = await env.DB.prepare('SELECT * FROM revocation').all()
      const [row] = results as { revoked_at_ms: number; expires_at: number }[]
      const keptUntil = (row?.expires_at ?? 0) - KEPT_LONGER_SECONDS
      return [(row?.revoked_at_ms ?? 0) - now, keptUntil - Math.floor(now / 1000)]
    }
    expect(await revoked(now, 600)).toEqual([0, 600])
    expect(await revoked(now + 5000, 60)).toEqual([5000, 600])
    expect(await revoked(now - 5000, 7200)).toEqual([5000, 7195])
  })

  it('the revocation of a consent ends neither the browser session nor the sessions of other clients', async () => {
    const { userId, clientId, stored } = await session()
    await revokeAll('consent', { userId, clientId })
    const browser = await session({ user: stored.user, client: null })
    const elsewhere = await session({ user: stored.user })
    const { check } = isolate()
    expect(await check(browser.token)).toBe(200)
    expect(await check(elsewhere.token)).toBe(200)
    await revokeAll('user', { userId })
    const late = isolate()
    expect(await late.check(browser.token)).toBe(401)
    expect(await late.check(elsewhere.token)).toBe(401)
  })
})

it('an older document does not undo a bulk revocation that an isolate has read', async () => {
  const { check, recall } = isolate()
  const [revoked, other] = [await session(), await session()]
  await revokeAll('client', { clientId: (await session()).clientId })
  expect(await check(other.token)).toBe(200)
  passTime(61)
  await revokeAll('user', { userId: revoked.userId })
  expect(await check(other.token)).toBe(200)
  // Another machine of this location still has the older document.
  recall()
  passTime(11)
  expect(await check(other.token)).toBe(200)
  expect(await check(revoked.token)).toBe(401)
})

describe('immediate revocation checks', () => {
  it('a check with fresh is 503 without a database, and is never answered from KV', async () => {
    const { token } = await session()
    const { ask, check } = isolate({ hasDatabase: false })
    expect(await check(token)).toBe(200)
    await expectRefusal(await ask('?fresh', token), 503)
  })

  it('a check with fresh is 503 while the database fails', async () => {
    const { token } = await session()
    const DB = {
      prepare: () => {
        throw new Error('out of reach')
      },
    } as unknown as D1Database
    const { fetch } = createAuthenticator({ ...authenticatorEnv(), DB })
    const request = new Request('https://a.example/auth?fresh', { headers: bearer(token) })
    await expectRefusal(await fetch(request), 503)
  })

  it('scoped() refuses a revoked token at once only with immediate revocation checks', async () => {
    const revoked = await session()
    const { authenticator, check } = isolate()
    expect(await check(revoked.token)).toBe(200)
    passTime(0.001)
    await revocations.endSessions([await sessionKeyOf(revoked.token)])
    const AUTHENTICATOR = { AUTHENTICATOR: authenticator }
    const bounded = scopedService('submission:read', {}, AUTHENTICATOR)
    const immediate = scopedService('submission:read', { revocation: 'immediate' }, AUTHENTICATOR)
    expect((await bounded.ask('/submissions', bearer(revoked.token))).status).toBe(200)
    const refused = await immediate.ask('/submissions', bearer(revoked.token))
    await expectRefusal(refused, 401, 'invalid_token')
    expect(immediate.seen.served).toBe(0)
  })

  it('scoped() with immediate revocation is 503 when the authenticator has no database', async () => {
    const { token } = await session()
    const { authenticator } = isolate({ hasDatabase: false })
    const options = { revocation: 'immediate' } as const
    const service = scopedService('submission:read', options, { AUTHENTICATOR: authenticator })
    await expectRefusal(await service.ask('/submissions', bearer(token)), 503)
    expect(service.seen.served).toBe(0)
  })

  it('scoped() with a JWT and immediate revocation throws at construction', () => {
    const jwt = { secret: () => 'x'.repeat(32), issuer: 'https://issuer.example' }
    const make = () => scopedService('submission:read', { jwt, revocation: 'immediate' })
    expect(make).toThrow(TypeError)
  })
})

describe('lost writes to KV', () => {
  const lossy = { ...env.SESSIONS, put: async () => Promise.reject(new Error('lost')) }
  const lost = revocationStore(DB, lossy, LIFETIME_SECONDS)
  const cron = async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    await compose({ ...env, DB } as Bindings).housekeep(Date.now())
    log.mockRestore()
  }

  it('cron repeats a lost KV write of one revoked session, and only once', async () => {
    const { token } = await session()
    const key = await sessionKeyOf(token)
    expect(await lost.endSessions([key])).toBe(false)
    expect(await isolate().check(token)).toBe(200)
    expect(await isolate().fresh(token)).toBe(401)
    passTime(CRON_INTERVAL_SECONDS)
    await cron()
    expect(await env.SESSIONS.get(key)).toBe(TOMBSTONE)
    expect(await isolate().check(token)).toBe(401)
    await env.SESSIONS.delete(key)
    await cron()
    expect(await env.SESSIONS.get(key)).toBeNull()
  })

  it('cron repeats the KV write of one revoked session twice if the session may have been opened at the same time', async () => {
    const { token, stored } = await session()
    const key = await sessionKeyOf(token)
    await lost.endSessions([key])
    passTime(UNDER_WAY_SECONDS - 1)
    await cron()
    expect(await env.SESSIONS.get(key)).toBe(TOMBSTONE)
    // A concurrent request has overwritten the tombstone.
    await store(token, stored)
    passTime(CRON_INTERVAL_SECONDS)
    await cron()
    expect(await env.SESSIONS.get(key)).toBe(TOMBSTONE)
  })

  it('cron repeats a lost KV write of a session that expires sooner than the shortest TTL of KV', async () => {
    const { token } = await session()
    const key = await sessionKeyOf(token)
    await lost.endSessions([key])
    passTime(LIFETIME_SECONDS - 30)
    await cron()
    expect(await env.SESSIONS.get(key)).toBe(TOMBSTONE)
  })

  it('cron repeats a lost KV write of the revocation document', async () => {
    const { token, clientId } = await session()
    await DB.batch(revocationStatements(DB, { kind: 'client', clientId }, LIFETIME_SECONDS))
    await expect(lost.project()).rejects.toThrow('lost')
    expect(await isolate().check(token)).toBe(200)
    passTime(CRON_INTERVAL_SECONDS)
    await cron()
    expect(await isolate().check(token)).toBe(401)
  })

  it('cron repeats the lost KV writes of other sessions when the write of one session fails again', async () => {
    const tokens = [await session(), await session(), await session()].map(({ token }) => token)
    const keys = await Promise.all(tokens.map(sessionKeyOf))
    await lost.endSessions(keys)
    passTime(CRON_INTERVAL_SECONDS)
    const picky = over(env.SESSIONS, {
      put: (...words: Parameters<KVNamespace['put']>) =>
        words[0] === keys[1] ? Promise.reject(new Error('lost')) : env.SESSIONS.put(...words),
    })
    await revocationStore(DB, picky, LIFETIME_SECONDS).repairKv()
    const statuses = await Promise.all(tokens.map((token) => isolate().check(token)))
    expect(statuses).toEqual([401, 200, 401])
    await cron()
    expect(await isolate().check(tokens[1] ?? '')).toBe(401)
  })
})

describe('the size and lifetime of revocations', () => {
  const kept = async () => ({
    rows: await env.DB.prepare('SELECT count(*) AS n FROM revocation').first<number>('n'),
    document: JSON.parse((await env.SESSIONS.get(DOCUMENT_KEY)) ?? 'null') as {
      client: Record<string, number>
    },
  })

  it('a revocation is kept until every session that it covers has expired, and cron then deletes it', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { clientId, token } = await session()
    await revokeAll('client', { clientId })
    await revocations.endSessions([await sessionKeyOf(token)])
    const lifetimes: unknown[] = []
    const SESSIONS = over(env.SESSIONS, {
      put(key: string, text: string, options?: KVNamespacePutOptions) {
        if (key === DOCUMENT_KEY) lifetimes.push(options?.expirationTtl)
        return env.SESSIONS.put(key, text, options)
      },
    })
    // The lifetime of sessions is shorter now, and older sessions keep theirs.
    const { housekeep } = compose({
      ...env,
      DB,
      SESSIONS,
      SESSION_LIFETIME_SECONDS: '60',
    } as Bindings)
    passTime(100)
    await housekeep(Date.now())
    passTime(LIFETIME_SECONDS + KEPT_LONGER_SECONDS - 101)
    await housekeep(Date.now())
    const before = await kept()
    expect(before.rows).toBe(2)
    expect(Object.keys(before.document.client)).toEqual([clientId])
    passTime(1)
    await housekeep(Date.now())
    expect((await kept()).rows).toBe(0)
    expect(lifetimes).toEqual([LIFETIME_SECONDS + KEPT_LONGER_SECONDS - 100, 60])
    log.mockRestore()
  })

  it('a document of 10,000 bulk revocations is under 1 MiB, and a check still takes one KV read', async () => {
    const uuid = (i: number) => `5b0c0000-0000-4000-8000-${String(i).padStart(12, '0')}`
    // Revocations of consents have the longest subjects.
    await env.DB.prepare(
      `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
       SELECT 'consent', value, ?2, ?3 FROM json_each(?1)`,
    )
      .bind(
        JSON.stringify(Array.from({ length: 10_000 }, (_, i) => consentSubject(uuid(i), uuid(i)))),
        Date.now(),
        Math.floor(Date.now() / 1000) + LIFETIME_SECONDS,
      )
      .run()
    await revocations.project()
    const text = (await env.SESSIONS.get(DOCUMENT_KEY)) ?? ''
    const { token } = await session()
    const { check, reads } = isolate()
    const begun = performance.now()
    expect(await check(token)).toBe(200)
    const firstMs = performance.now() - begun
    // One read of the session and one of the document, which is read again after ten seconds.
    expect(reads()).toBe(2)
    for (let i = 1; i <= 5; i++) {
      passTime(1)
      expect(await check(token)).toBe(200)
      expect(reads()).toBe(2 + i)
    }
    console.log(
      `10,000 revocations: ${(text.length / 1024).toFixed(0)} KiB; first check ${firstMs.toFixed(1)} ms`,
    )
    expect(Object.keys(JSON.parse(text).consent)).toHaveLength(10_000)
    expect(text.length).toBeLessThan(MIB)
  })
})
