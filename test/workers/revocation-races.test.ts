/** Revocations during requests, on clocks that differ: D1's clock at the commit decides what is revoked. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { type Revoked, revocationStatements } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { userRegistry } from '../rows.ts'
import { over } from './counting.ts'
import { clockedDatabase } from './d1-clock.ts'
import { newRefreshingClient, renewal, type Tokens, tokensIn } from './obtaining.ts'
import {
  credentialsOf,
  type Fetch,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  removalOf,
  requestOf,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestClient,
  type TestUser,
  tokenIn,
} from './registry.ts'

const LIFETIME_SECONDS = 7200

/** A function that waits from its nth call on, until `open` is called. */
function gate(nth = 1) {
  let calls = 0
  let arrive = () => {}
  let open = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    arrived,
    open: () => open(),
    async pass() {
      calls += 1
      if (calls < nth) return
      arrive()
      await opened
    },
  }
}

const slowToPut = (pass: () => Promise<void>) =>
  over(env.SESSIONS, {
    async put(...words: Parameters<KVNamespace['put']>) {
      await pass()
      return env.SESSIONS.put(...words)
    },
  })

const slowToBatch = (pass: () => Promise<void>) =>
  over(env.DB, {
    async batch<T>(statements: D1PreparedStatement[]) {
      await pass()
      return env.DB.batch<T>(statements)
    },
  })

const renew = (client: TestClient, refresh: string, fetch: Fetch) =>
  renewal(client, refresh, {}, fetch)

/** Whether a check with `fresh` (D1) accepts a token, and whether a check of a new isolate (KV) does. */
const isValid = async (token: string) => ({
  fresh: (await sessionOf(token)) !== null,
  bounded:
    (await liveSessions(env.SESSIONS, null).find(await sessionKeyOf(token), Date.now(), false)) !==
    null,
})
const VALID = { fresh: true, bounded: true }
const REVOKED = { fresh: false, bounded: false }

async function granted(fetch: Fetch = serve()) {
  const [client, other] = [await newRefreshingClient(), await newRefreshingClient()]
  const user = await newUser()
  const cookie = await signIn(user, fetch)
  const issue = async (whose: TestClient) => {
    const code = await obtainCode(cookie, requestOf(whose), fetch)
    return tokensIn(await post('/token', redemptionOf(whose, code), {}, fetch))
  }
  return { client, user, cookie, tokens: await issue(client), others: await issue(other) }
}

async function removal(clientId: string, cookie: string, fetch: Fetch) {
  const page = await fetch('/account', { headers: { Cookie: cookie } })
  const fields = removalOf(clientId, await page.text())
  return (by: Fetch = fetch) => post('/account', fields, { Cookie: cookie }, by)
}

async function revoke(revoked: Revoked, db: D1Database = env.DB) {
  await db.batch(revocationStatements(db, revoked, LIFETIME_SECONDS))
  await revocationStore(db, env.SESSIONS, LIFETIME_SECONDS).project()
}

describe('a refresh that races a removal on /account', () => {
  it('a removal of a client on /account revokes the token of a refresh that commits first, even when the removal began first', async () => {
    const { client, cookie, tokens, others } = await granted()
    const { arrived, open, pass } = gate(2)
    // The first batch reads the connected applications; the second is the removal.
    const DB = slowToBatch(pass)
    const remove = await removal(client.id, cookie, serve())
    const removing = remove(serve({ DB }))
    await arrived
    const renewed = await tokensIn(await renew(client, tokens.refresh, serve()))
    expect(await isValid(renewed.access)).toEqual(VALID)
    open()
    expect((await removing).status).toBe(200)
    expect(await isValid(renewed.access)).toEqual(REVOKED)
    expect(await isValid(tokens.access)).toEqual(REVOKED)
    const again = await refusal(await renew(client, renewed.refresh, serve()))
    expect(again).toEqual({ status: 400, error: 'invalid_grant' })
    expect(await isValid(others.access)).toEqual(VALID)
  })

  it('a refresh is refused when a removal of its client on /account commits first', async () => {
    const { client, cookie, tokens } = await granted()
    const { arrived, open, pass } = gate()
    const DB = slowToBatch(pass)
    const remove = await removal(client.id, cookie, serve())
    const renewing = renew(client, tokens.refresh, serve({ DB }))
    await arrived
    expect((await remove()).status).toBe(200)
    open()
    expect(await refusal(await renewing)).toEqual({ status: 400, error: 'invalid_grant' })
  })

  it('a removal of a client on /account revokes a session that a refresh stores in KV afterwards', async () => {
    const { client, cookie, tokens } = await granted()
    const { arrived, open, pass } = gate()
    const SESSIONS = slowToPut(pass)
    const remove = await removal(client.id, cookie, serve())
    const renewing = renew(client, tokens.refresh, serve({ SESSIONS }))
    await arrived
    expect((await remove()).status).toBe(200)
    open()
    const renewed = await tokensIn(await renewing)
    expect(await isValid(renewed.access)).toEqual(REVOKED)
  })
})

describe('codes that are issued after a revocation', () => {
  it.each<[Revoked['kind'], (client: TestClient, user: TestUser) => Revoked]>([
    ['client', (client) => ({ kind: 'client', clientId: client.id })],
    ['user', (_, user) => ({ kind: 'user', userId: user.id })],
    ['consent', (client, user) => ({ kind: 'consent', clientId: client.id, userId: user.id })],
  ])('a code is refused when its %s is revoked before the code is recorded', async (_, of) => {
    const { client, user, cookie } = await granted()
    const { arrived, open, pass } = gate(2)
    // The first batch reads the user; the second records the code.
    const DB = slowToBatch(pass)
    const issuing = obtainCode(cookie, requestOf(client), serve({ DB }))
    await arrived
    await revoke(of(client, user))
    open()
    const code = await issuing
    const redeemed = await refusal(await post('/token', redemptionOf(client, code), {}, serve()))
    expect(redeemed).toEqual({ status: 400, error: 'invalid_grant' })
  })
})

describe('sessions that are stored after a revocation', () => {
  it.each<'client' | 'client_record'>(['client', 'client_record'])(
    'a client_credentials token is revoked when its %s is revoked before the session is stored',
    async (kind) => {
      const client = await newRefreshingClient()
      const { arrived, open, pass } = gate()
      const issuing = post(
        '/token',
        credentialsOf(client),
        {},
        serve({ SESSIONS: slowToPut(pass) }),
      )
      await arrived
      await revoke({ kind, clientId: client.id })
      open()
      expect(await isValid((await tokenIn(await issuing)).access_token)).toEqual(REVOKED)
    },
  )

  it('a browser session is revoked when its user is disabled during the sign-in', async () => {
    const user = await newUser()
    const { arrived, open, pass } = gate()
    const signingIn = signIn(user, serve({ SESSIONS: slowToPut(pass) }))
    await arrived
    const revoked = { kind: 'user', userId: user.id } as const
    const also = revocationStatements(env.DB, revoked, LIFETIME_SECONDS)
    await userRegistry(env.DB).disable(user.id, nowSeconds(), also)
    open()
    const token = sessionTokenIn(await signingIn)
    expect(token).toMatch(/^regb_/)
    expect(await sessionOf(token)).toBeNull()
  })
})

describe.each([-60_000, 0, 60_000])(
  'revocations with the clock of D1 %i ms ahead of the workers',
  (aheadMs) => {
    const DB = clockedDatabase(() => Date.now() + aheadMs)
    const passTime = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds)
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    type Granted = Readonly<{ client: TestClient; user: TestUser; tokens: Tokens }>
    /** One registry for a whole test: its isolate caches clients as in production. */
    async function scene() {
      const fetch = serve({ DB })
      const { client, user, tokens, others } = await granted(fetch)
      return { fetch, others, own: { client, user, tokens } }
    }
    const again = async ({ client, user }: Granted, fetch: Fetch) => {
      const code = await obtainCode(await signIn(user, fetch), requestOf(client), fetch)
      return tokensIn(await post('/token', redemptionOf(client, code), {}, fetch))
    }

    it.each<[Revoked['kind'], (own: Granted) => Revoked]>([
      ['client', ({ client }) => ({ kind: 'client', clientId: client.id })],
      ['user', ({ user }) => ({ kind: 'user', userId: user.id })],
      [
        'consent',
        ({ client, user }) => ({ kind: 'consent', clientId: client.id, userId: user.id }),
      ],
    ])(
      `a token from before a revocation of a %s is revoked, and a token from after it is valid, with D1 ${aheadMs} ms ahead`,
      async (_, of) => {
        const { fetch, own, others } = await scene()
        passTime(1)
        await revoke(of(own), DB)
        passTime(1)
        expect(await isValid(own.tokens.access)).toEqual(REVOKED)
        const after = await again(own, fetch)
        expect(await isValid(after.access)).toEqual(VALID)
        const renewed = await tokensIn(await renew(own.client, after.refresh, fetch))
        expect(await isValid(renewed.access)).toEqual(VALID)
        if (of(own).kind !== 'user') expect(await isValid(others.access)).toEqual(VALID)
        passTime(1)
        await revoke(of(own), DB)
        expect(await isValid(renewed.access)).toEqual(REVOKED)
      },
    )

    it(`a token from a cached client record is dated by D1's clock, ${aheadMs} ms ahead`, async () => {
      const fetch = serve({ DB })
      const client = await newRefreshingClient()
      const issue = async () =>
        (await tokenIn(await post('/token', credentialsOf(client), {}, fetch))).access_token
      const fresh = await issue()
      passTime(5000)
      const kept = await issue()
      passTime(1)
      await revoke({ kind: 'client', clientId: client.id }, DB)
      passTime(1)
      expect([await isValid(fresh), await isValid(kept)]).toEqual([REVOKED, REVOKED])
      // Only its sessions were revoked: the record is unchanged.
      const after = await issue()
      expect((await sessionOf(after))?.client_as_of).toBeDefined()
      expect(await isValid(after)).toEqual(VALID)
      await revoke({ kind: 'client_record', clientId: client.id }, DB)
      const onOldRecord = await issue()
      expect(await isValid(onOldRecord)).toEqual(REVOKED)
    })

    it(`a browser session from before a revocation of its user is revoked, and one from after it is valid, with D1 ${aheadMs} ms ahead`, async () => {
      const fetch = serve({ DB })
      const user = await newUser()
      const token = async () => sessionTokenIn(await signIn(user, fetch))
      const before = await token()
      passTime(1)
      await revoke({ kind: 'user', userId: user.id }, DB)
      passTime(1)
      expect(await isValid(before)).toEqual(REVOKED)
      expect(await isValid(await token())).toEqual(VALID)
    })
  },
)
