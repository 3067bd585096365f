/** Two things that go wrong in one request; KV that takes one write a second, and KV that shows what was. */

import { env } from 'cloudflare:workers'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { clientCredentials } from './hostile-client-flows.ts'
import { flows } from './hostile-flows.ts'
import {
  busyKv,
  FAULTS,
  type Fault,
  holdDeadlines,
  hostilePlatform,
  NOT_YET_VISIBLE,
} from './hostile-platform.ts'
import {
  authenticatorOn,
  expectTruth,
  type Flow,
  meet,
  read,
  serviceOn,
  tell,
} from './hostile-story.ts'
import { machineToken, newRefreshingClient, sendAs } from './obtaining.ts'
import {
  authorizePath,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  requestOf,
  signIn,
} from './registry.ts'
import { location } from './stale-kv.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})
vi.spyOn(console, 'error').mockImplementation(() => {})
holdDeadlines()
afterAll(() => vi.unstubAllGlobals())

await meet()
const healthy = serviceOn({})

const PUBLIC = 'refresh by a public client'
const REDEEMING = ['code exchange with refresh', 'refresh', PUBLIC]
const AFTER_RETRY: Fault = 'does it late, after the retry'
const redeeming: { flow: Flow; operations: readonly string[] }[] = []
for (const flow of flows.filter(({ name }) => REDEEMING.includes(name)))
  redeeming.push({ flow, operations: (await tell(flow, [])).operations })

/** After a fault of the spending, or of storing the session. */
const following = (operation: string) =>
  operation.startsWith('D1') ? ['spending again', 'storing'] : ['giving back']
/** README, Faults: what was spent is lost. Once giving back comes late, the code is good once more. */
const BURNED: Record<string, readonly Fault[]> = {
  'spending again': ['does it late, before the retry'],
  storing: ['fails from here on'],
  'giving back': ['fails', 'never answers', 'fails late', 'fails from here on'],
}

describe.each(redeeming)('$flow.name, when more goes wrong', ({ flow, operations }) => {
  const cases = operations
    .map((operation, index) => ({ operation, at: index + 1 }))
    .filter(({ operation }) => /^D1 batch UPDATE|^KV put/.test(operation))
    .flatMap(({ operation, at }) =>
      following(operation).flatMap((next, index) =>
        FAULTS.map((fault) => ({ operation, at, next, second: at + 1 + index, fault })),
      ),
    )
  it.each(cases)('$operation: fails; $next: $fault', async ({ at, next, second, fault }) => {
    const mishaps = [{ at, fault: 'fails' } as const, { at: second, fault }]
    const { isBurned } = await tell(flow, mishaps)
    // Its retry was taken for a copy in other hands, and ended the family: README, Refresh tokens.
    const isEnded = flow.name === PUBLIC && next === 'giving back' && fault === AFTER_RETRY
    expect(isBurned).toBe(isEnded || BURNED[next]?.includes(fault))
  })
})

describe('KV takes one write a second for a key: nothing waits for a second one', () => {
  it.each(flows)('$name', async (flow) => {
    const busy = serviceOn({
      SESSIONS: busyKv(env.SESSIONS),
      CODES: busyKv(env.CODES),
      CLIENT_CACHE_SECONDS: 0,
    })
    const story = await flow.begin(busy)
    const answer = await read(await story.ask(busy))
    expectTruth(answer, flow, [])
    await story.judge({ answer, afterRetry: async () => {}, burned: () => {} })
  })
})

/** A location that has read the key before, and does not see the writes since. */
function stale() {
  const copies = { SESSIONS: location(env.SESSIONS).kv, CODES: location(env.CODES).kv }
  const seenThrough = (kv: KVNamespace, copy: KVNamespace) =>
    new Proxy(kv, {
      get: (target, property) =>
        property === 'get' ? copy.get : Reflect.get(target, property, target).bind(target),
    })
  return serviceOn({
    SESSIONS: seenThrough(env.SESSIONS, copies.SESSIONS),
    CODES: seenThrough(env.CODES, copies.CODES),
    CLIENT_CACHE_SECONDS: 0,
  })
}

describe('a location that still shows what was', () => {
  it('a revoked token is dead to /introspect and /auth?fresh', async () => {
    const there = stale()
    const client = await newRefreshingClient()
    const token = await machineToken(client)
    const active = async () =>
      ((await (await sendAs(client, '/introspect', { token }, there.fetch)).json()) as object) ?? {}
    const status = async () =>
      (await there.auth('/auth?fresh', { headers: { Authorization: `Bearer ${token}` } })).status
    expect([await active(), await status()]).toEqual([
      expect.objectContaining({ active: true }),
      200,
    ])
    await sendAs(client, '/revoke', { token }, healthy.fetch)
    expect([await active(), await status()]).toEqual([{ active: false }, 401])
  })

  it('a browser that signed out is nobody', async () => {
    const there = stale()
    const client = await newRefreshingClient()
    const user = await newUser()
    const Cookie = await signIn(user)
    const status = async (path: string) => (await there.fetch(path, { headers: { Cookie } })).status
    const paths = ['/account', authorizePath(requestOf(client))]
    expect(await Promise.all(paths.map(status))).toEqual([200, 200])
    const page = await (await healthy.fetch('/account', { headers: { Cookie } })).text()
    const formToken = /action="\/logout"[\s\S]*?name="form_token" value="([^"]+)"/.exec(page)?.[1]
    await post('/logout', { form_token: formToken ?? '' }, { Cookie }, healthy.fetch)
    expect(await Promise.all(paths.map(status))).toEqual([303, 303])
  })

  it('a code that was redeemed is not redeemed again', async () => {
    const there = stale()
    const client = await newRefreshingClient()
    const code = await obtainCode(await signIn(await newUser()), requestOf(client))
    const redeem = () => post('/token', redemptionOf(client, code), {}, there.fetch)
    expect((await redeem()).status).toBe(200)
    expect(await refusal(await redeem())).toMatchObject({ status: 400, error: 'invalid_grant' })
  })
})

describe('the platform of these tests', () => {
  it('lets no wrong answer pass in due form: a good client, refused', async () => {
    const denied = [1, 2].map((at) => ({ at, fault: NOT_YET_VISIBLE }) as const)
    await expect(tell(clientCredentials, denied)).rejects.toThrow(
      "expected [ '200', '200' ] to include '401 invalid_client'",
    )
  })

  it('brings about the deadline of what never answers', async () => {
    const platform = hostilePlatform([{ at: 1, fault: 'never answers' }])
    const response = await serviceOn(platform.bindings).fetch('/healthz')
    expect([response.status, platform.operations]).toEqual([503, ['D1 SELECT client']])
  })
})

describe("the authenticator's STORAGE_TIMEOUT_SECONDS", () => {
  const status = async (value: unknown) =>
    (await authenticatorOn({ STORAGE_TIMEOUT_SECONDS: value }).auth('/auth')).status
  it.each(['1', '30', '', undefined])('%j serves', async (value) => {
    expect(await status(value)).toBe(200)
  })
  it.each(['0', '31', '1.5', 'soon'])('%j serves nothing', async (value) => {
    expect(await status(value)).toBe(503)
  })
})
