/** Revocations that race requests, on clocks that differ: D1's clock at the commit decides what ends. */

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

/** Read from D1, as with `fresh`; and from the document and tombstones in KV, in a new isolate. */
const isGood = async (token: string) => ({
  fresh: (await sessionOf(token)) !== null,
  bounded:
    (await liveSessions(env.SESSIONS, null).find(await sessionKeyOf(token), Date.now(), false)) !==
    null,
})
const GOOD = { fresh: true, bounded: true }
const OVER = { fresh: false, bounded: false }

async function granted(fetch: Fetch = serve()) {
  const [client, other] = [await newRefreshingClient(), await newRefreshingClient()]
  const user = await newUser()
  const cookie = await signIn(user, fetch)
  const buy = async (whose: TestClient) => {
    const code = await obtainCode(cookie, requestOf(whose), fetch)
    return tokensIn(await post('/token', redemptionOf(whose, code), {}, fetch))
  }
  return { client, user, cookie, tokens: await buy(client), others: await buy(other) }
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
  it('a refresh that commits before a removal is covered by the revocation, even when the removal began first', async () => {
    const { client, cookie, tokens, others } = await granted()
    const { arrived, open, pass } = gate(2)
    // The first batch reads the connected applications; the second is the removal.
    const DB = slowToBatch(pass)
    const remove = await removal(client.id, cookie, serve())
    const removing = remove(serve({ DB }))
    await arrived
    const renewed = await tokensIn(await renew(client, tokens.refresh, serve()))
    expect(await isGood(renewed.access)).toEqual(GOOD)
    open()
    expect((await removing).status).toBe(200)
    expect(await isGood(renewed.access)).toEqual(OVER)
    expect(await isGood(tokens.access)).toEqual(OVER)
    const again = await refusal(await renew(client, renewed.refresh, serve()))
    expect(again).toEqual({ status: 400, error: 'invalid_grant' })
    expect(await isGood(others.access)).toEqual(GOOD)
  })

  it('a refresh is refused when the removal commits first', async () => {
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

  it('a refresh whose session reaches KV after the removal is covered by the revocation', async () => {
    const { client, cookie, tokens } = await granted()
    const { arrived, open, pass } = gate()
    const SESSIONS = slowToPut(pass)
    const remove = await removal(client.id, cookie, serve())
    const renewing = renew(client, tokens.refresh, serve({ SESSIONS }))
    await arrived
    expect((await remove()).status).toBe(200)
    open()
    const renewed = await tokensIn(await renewing)
    expect(await isGood(renewed.access)).toEqual(OVER)
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
    'a token for a client itself is over when the %s is revoked before the session is stored',
    async (kind) => {
      const client = await newRefreshingClient()
      const { arrived, open, pass } = gate()
      const buying = post('/token', credentialsOf(client), {}, serve({ SESSIONS: slowToPut(pass) }))
      await arrived
      await revoke({ kind, clientId: client.id })
      open()
      expect(await isGood((await tokenIn(await buying)).access_token)).toEqual(OVER)
    },
  )

  it('a browser session is over when its user is disabled during the sign-in', async () => {
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

    type Bought = Readonly<{ client: TestClient; user: TestUser; tokens: Tokens }>
    /** One registry for a whole test: its isolate caches clients as in production. */
    async function scene() {
      const fetch = serve({ DB })
      const { client, user, tokens, others } = await granted(fetch)
      return { fetch, others, bought: { client, user, tokens } }
    }
    const again = async ({ client, user }: Bought, fetch: Fetch) => {
      const code = await obtainCode(await signIn(user, fetch), requestOf(client), fetch)
      return tokensIn(await post('/token', redemptionOf(client, code), {}, fetch))
    }

    it.each<[Revoked['kind'], (bought: Bought) => Revoked]>([
      ['client', ({ client }) => ({ kind: 'client', clientId: client.id })],
      ['user', ({ user }) => ({ kind: 'user', userId: user.id })],
      [
        'consent',
        ({ client, user }) => ({ kind: 'consent', clientId: client.id, userId: user.id }),
      ],
    ])(
      `a token from before a revocation of a %s is over, and one from after it is good, with D1 ${aheadMs} ms ahead`,
      async (_, of) => {
        const { fetch, bought, others } = await scene()
        passTime(1)
        await revoke(of(bought), DB)
        passTime(1)
        expect(await isGood(bought.tokens.access)).toEqual(OVER)
        const after = await again(bought, fetch)
        expect(await isGood(after.access)).toEqual(GOOD)
        const renewed = await tokensIn(await renew(bought.client, after.refresh, fetch))
        expect(await isGood(renewed.access)).toEqual(GOOD)
        if (of(bought).kind !== 'user') expect(await isGood(others.access)).toEqual(GOOD)
        passTime(1)
        await revoke(of(bought), DB)
        expect(await isGood(renewed.access)).toEqual(OVER)
      },
    )

    it(`a token that was issued from a cached client record is dated by D1, ${aheadMs} ms ahead`, async () => {
      const fetch = serve({ DB })
      const client = await newRefreshingClient()
      const buy = async () =>
        (await tokenIn(await post('/token', credentialsOf(client), {}, fetch))).access_token
      const fresh = await buy()
      passTime(5000)
      const kept = await buy()
      passTime(1)
      await revoke({ kind: 'client', clientId: client.id }, DB)
      passTime(1)
      expect([await isGood(fresh), await isGood(kept)]).toEqual([OVER, OVER])
      // Only its sessions were revoked: the record is unchanged.
      const after = await buy()
      expect((await sessionOf(after))?.client_as_of).toBeDefined()
      expect(await isGood(after)).toEqual(GOOD)
      await revoke({ kind: 'client_record', clientId: client.id }, DB)
      const onOldRecord = await buy()
      expect(await isGood(onOldRecord)).toEqual(OVER)
    })

    it(`a browser session from before a revocation of its user is over, and one from after it is good, with D1 ${aheadMs} ms ahead`, async () => {
      const fetch = serve({ DB })
      const user = await newUser()
      const token = async () => sessionTokenIn(await signIn(user, fetch))
      const before = await token()
      passTime(1)
      await revoke({ kind: 'user', userId: user.id }, DB)
      passTime(1)
      expect(await isGood(before)).toEqual(OVER)
      expect(await isGood(await token())).toEqual(GOOD)
    })
  },
)
