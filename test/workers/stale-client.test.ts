/** `/token` while D1 does not answer: on a client's record that the isolate has kept, for a stated time. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watchedBindings } from './counting.ts'
import {
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  signIn,
  type TestClient,
  UNAVAILABLE,
} from './registry.ts'

let client: TestClient
let lines: Record<string, unknown>[]
beforeEach(async () => {
  client = await newClient()
  lines = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    lines.push(JSON.parse(line) as Record<string, unknown>)
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** An isolate that has just read the client, and whose D1 then fails for good. */
async function isolateWithoutD1(settings: Record<string, unknown> = {}) {
  let isAway = false
  const bindings = watchedBindings((operation) => {
    if (operation === 'd1' && isAway) throw new Error('D1 is away')
  })
  const fetch = serve({ ...bindings, ...settings })
  expect((await post('/token', credentialsOf(client), {}, fetch)).status).toBe(200)
  vi.useFakeTimers({ toFake: ['Date'] })
  const readAtMs = Date.now()
  const at = (seconds: number) => vi.setSystemTime(readAtMs + seconds * 1000)
  isAway = true
  lines = []
  return { at, fetch, token: () => post('/token', credentialsOf(client), {}, fetch) }
}
const staleUses = () => lines.filter(({ event }) => event === 'stale_client_used')

describe('client_credentials while D1 does not answer', () => {
  it('goes on for STALE_CLIENT_SECONDS, and the log says on how old a record', async () => {
    const { at, token } = await isolateWithoutD1()
    at(9)
    expect((await token()).status).toBe(200)
    expect(staleUses()).toEqual([])
    at(59)
    expect((await token()).status).toBe(200)
    expect(staleUses()).toEqual([
      {
        event: 'stale_client_used',
        correlationId: expect.any(String),
        clientId: client.id,
        ageSeconds: 59,
      },
    ])
    at(60)
    expect(await refusal(await token())).toEqual(UNAVAILABLE)
  })

  it('refuses a wrong secret with 503, since the record may be outdated', async () => {
    const { at, fetch } = await isolateWithoutD1()
    at(11)
    const wrong = credentialsOf({ ...client, secret: 'wrong' })
    expect(await refusal(await post('/token', wrong, {}, fetch))).toEqual(UNAVAILABLE)
  })

  it('does not go on where STALE_CLIENT_SECONDS is 0', async () => {
    const { at, token } = await isolateWithoutD1({ STALE_CLIENT_SECONDS: 0 })
    at(9)
    expect((await token()).status).toBe(200)
    at(11)
    expect(await refusal(await token())).toEqual(UNAVAILABLE)
  })
})

describe('no other request rests on an older record', () => {
  it.each([
    ['/introspect', () => ({ token: 'reg_junk' })],
    ['/revoke', () => ({ token: 'reg_junk' })],
  ] as const)('%s', async (path, fields) => {
    const { at, fetch } = await isolateWithoutD1()
    const ask = () => post(path, { ...credentialsOf(client), ...fields() }, {}, fetch)
    at(9)
    expect((await ask()).status).toBe(200)
    at(11)
    expect(await refusal(await ask())).toEqual(UNAVAILABLE)
    expect(staleUses()).toEqual([])
  })

  it('a code exchange', async () => {
    const cookie = await signIn(await newUser())
    const code = await obtainCode(cookie, requestOf(client))
    const { at, fetch } = await isolateWithoutD1()
    at(11)
    const answer = await post('/token', redemptionOf(client, code), {}, fetch)
    expect(await refusal(answer)).toEqual(UNAVAILABLE)
    expect(staleUses()).toEqual([])
    expect((await post('/token', redemptionOf(client, code), {}, registry)).status).toBe(200)
  })
})
