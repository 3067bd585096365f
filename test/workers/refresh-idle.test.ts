/** OAuth 2.1 §4.3.1: a refresh token that is not used expires (`REFRESH_IDLE_SECONDS`), by D1's clock. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { DAY_SECONDS } from '../days.ts'
import { clockedDatabase } from './d1-clock.ts'
import { issuedIn, newRefreshingClient, renewal, sendAs } from './obtaining.ts'
import {
  type Fetch,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
} from './registry.ts'

const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

let cookie: string
let client: TestClient
beforeAll(async () => {
  cookie = await signIn(await newUser())
  client = await newRefreshingClient()
})

/** A registry whose D1 clock is this many seconds ahead of the worker's clock. */
const later = (seconds: number, settings: Record<string, unknown> = {}) =>
  serve({ DB: clockedDatabase(() => Date.now() + seconds * 1000), ...settings })
const begin = async (fetch: Fetch = registry, whose = client) => {
  const code = await obtainCode(cookie, requestOf(whose), fetch)
  return issuedIn(await post('/token', redemptionOf(whose, code), {}, fetch))
}
const renewed = async (token: string, fetch: Fetch) =>
  issuedIn(await renewal(client, token, {}, fetch))
const endsOf = (whose: TestClient) =>
  env.DB.prepare('SELECT idle_expires_at, expires_at FROM refresh_family WHERE client_id = ?')
    .bind(whose.id)
    .first<{ idle_expires_at: number | null; expires_at: number }>()

describe('REFRESH_IDLE_SECONDS', () => {
  it('a refresh token that is not used for 14 days is refused, and a token that is used in time is accepted', async () => {
    const [idle, used] = [await begin(), await begin()]
    const second = await renewed(used.refresh_token, later(13 * DAY_SECONDS))
    const late = await renewal(client, idle.refresh_token, {}, later(14 * DAY_SECONDS))
    expect(await refusal(late)).toEqual(INVALID_GRANT)
    const third = await renewed(second.refresh_token, later(26 * DAY_SECONDS))
    expect(await sessionOf(third.access_token)).not.toBeNull()
  })

  it('a refresh does not prolong a family beyond REFRESH_LIFETIME_SECONDS', async () => {
    const first = await begin()
    const second = await renewed(first.refresh_token, later(13 * DAY_SECONDS))
    const third = await renewed(second.refresh_token, later(26 * DAY_SECONDS))
    const late = await renewal(client, third.refresh_token, {}, later(31 * DAY_SECONDS))
    expect(await refusal(late)).toEqual(INVALID_GRANT)
  })

  it('a changed REFRESH_IDLE_SECONDS applies to a family from its next refresh on', async () => {
    const short = { REFRESH_IDLE_SECONDS: '600' }
    const { refresh_token } = await begin()
    const second = await renewed(refresh_token, later(DAY_SECONDS, short))
    const late = await renewal(client, second.refresh_token, {}, later(DAY_SECONDS + 601, short))
    expect(await refusal(late)).toEqual(INVALID_GRANT)
    const other = await begin(serve(short))
    const inTime = await renewal(client, other.refresh_token, {}, later(590, short))
    expect(inTime.status).toBe(200)
  })

  it('a refused refresh does not prolong a family', async () => {
    const own = await newRefreshingClient()
    const { refresh_token } = await begin(registry, own)
    const before = await endsOf(own)
    const inFiveDays = later(5 * DAY_SECONDS)
    const wider = await renewal(own, refresh_token, { scope: 'made-up' }, inFiveDays)
    const stranger = await renewal(client, refresh_token, {}, inFiveDays)
    expect([wider.status, stranger.status]).toEqual([400, 400])
    expect(await endsOf(own)).toEqual(before)
    await renewal(own, refresh_token, {}, inFiveDays)
    expect((await endsOf(own))?.idle_expires_at).toBeGreaterThan(before?.idle_expires_at ?? 0)
  })

  it('a refresh whose token expires between its read and its rotation is 503, and does not prolong the family', async () => {
    const own = await newRefreshingClient()
    const { refresh_token } = await begin(registry, own)
    const before = await endsOf(own)
    let ahead = 0
    const clocked = clockedDatabase(() => Date.now() + ahead * 1000)
    const dying = new Proxy(clocked, {
      get(target, name) {
        // Time passes between the read of the token and the batch that rotates it.
        if (name === 'batch') ahead = 0
        if (name === 'prepare') {
          return (sql: string) => {
            const isRotation = sql.startsWith('UPDATE refresh_token')
            ahead = isRotation || sql.startsWith('UPDATE refresh_family') ? 15 * DAY_SECONDS : 0
            return target.prepare(sql)
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const answer = await renewal(own, refresh_token, {}, serve({ DB: dying }))
    expect(answer.status).toBe(503)
    expect(await answer.json()).not.toHaveProperty('access_token')
    expect(await endsOf(own)).toEqual(before)
    expect((await renewal(own, refresh_token)).status).toBe(200)
  })

  it('a refresh token is inactive at /introspect from its idle expiry on, which exp states before', async () => {
    const { refresh_token } = await begin()
    const ask = async (fetch: Fetch) =>
      (await sendAs(client, '/introspect', { token: refresh_token }, fetch)).json()
    const active = (await ask(registry)) as { active: boolean; exp: number }
    expect(active.active).toBe(true)
    expect(active.exp - Math.floor(Date.now() / 1000)).toBeLessThanOrEqual(14 * DAY_SECONDS)
    expect(await ask(later(14 * DAY_SECONDS))).toEqual({ active: false })
  })

  it('a family without an idle expiry can be refreshed after 20 days, and gets an idle expiry', async () => {
    const own = await newRefreshingClient()
    const { refresh_token } = await begin(registry, own)
    const forget = 'UPDATE refresh_family SET idle_expires_at = NULL WHERE client_id = ?'
    await env.DB.prepare(forget).bind(own.id).run()
    const answer = await renewal(own, refresh_token, {}, later(20 * DAY_SECONDS))
    const { refresh_token: next } = await issuedIn(answer)
    const ends = await endsOf(own)
    const idleDays = ((ends?.idle_expires_at ?? 0) - nowSeconds()) / DAY_SECONDS
    expect(idleDays).toBeCloseTo(20 + 14, 2)
    expect(ends?.expires_at).toBeLessThan(ends?.idle_expires_at ?? 0)
    expect((await renewal(own, next, {}, later(29 * DAY_SECONDS))).status).toBe(200)
  })
})
