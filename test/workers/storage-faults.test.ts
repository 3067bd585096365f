/** A storage fault is a 503 and loses nothing: no token without a session, and no code that can be redeemed twice. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { failing, over } from './counting.ts'
import { renewal, tokensIn } from './obtaining.ts'
import {
  allowing,
  authorizePath,
  codeIn,
  countSessions,
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
import { authenticatorEnv } from './stored-session.ts'

let client: TestClient
let cookie: string
beforeAll(async () => {
  client = await newClient()
  cookie = await signIn(await newUser())
})

describe('storage faults at /token', () => {
  it.each(['d1', 'kvWrite'] as const)(
    'client_credentials is 503 with Retry-After and without a token while %s fails',
    async (operation) => {
      const before = await countSessions()
      const response = await post('/token', credentialsOf(client), {}, failing(operation))
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(response.headers.get('Cache-Control')).toBe('no-store')
      expect(await refusal(response)).toEqual(UNAVAILABLE)
      expect(await countSessions()).toBe(before)
    },
  )

  it('the response to a storage fault does not name the fault', async () => {
    const response = await post('/token', credentialsOf(client), {}, failing('d1'))
    expect(await response.text()).not.toContain('out of reach')
  })
})

describe('storage faults during a code exchange', () => {
  const exchange = async (fetch: typeof registry) => {
    const code = await obtainCode(cookie, requestOf(client))
    const before = await countSessions()
    const first = await post('/token', redemptionOf(client, code), {}, fetch)
    const created = (await countSessions()) - before
    const retry = await post('/token', redemptionOf(client, code))
    return { first: first.status, created, retry: retry.status }
  }

  it('a code can be redeemed again when its session cannot be stored', async () => {
    expect(await exchange(failing('kvWrite'))).toEqual({ first: 503, created: 0, retry: 200 })
  })

  it('a code can be redeemed again when D1 cannot spend it', async () => {
    expect(await exchange(failing('d1', { from: 2 }))).toEqual({
      first: 503,
      created: 0,
      retry: 200,
    })
  })

  it('the spending of a code is repeated when D1 fails once', async () => {
    const answered = await exchange(failing('d1', { from: 2, times: 1 }))
    expect(answered).toEqual({ first: 200, created: 1, retry: 400 })
  })

  it('a code is read from D1 when KV cannot be read', async () => {
    expect(await exchange(failing('kvRead'))).toEqual({ first: 200, created: 1, retry: 400 })
  })

  it('a code is spent even when it cannot be removed from KV', async () => {
    expect(await exchange(failing('kvDelete'))).toEqual({ first: 200, created: 1, retry: 400 })
  })
})

describe('storage faults at /authorize', () => {
  it.each(['d1', 'kvRead'] as const)(
    'an authorization request is 503 with a page and no redirect while %s fails',
    async (operation) => {
      const path = authorizePath(requestOf(client))
      const response = await failing(operation)(path, { headers: { Cookie: cookie } })
      expect(response.status).toBe(503)
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(response.headers.get('Content-Type')).toContain('text/html')
      expect(response.headers.has('Location')).toBe(false)
    },
  )

  it('a code is not issued when D1 cannot store it, and is issued when KV cannot', async () => {
    const own = await newClient()
    const page = await registry(authorizePath(requestOf(own)), { headers: { Cookie: cookie } })
    const fields = allowing(await page.text())
    const headers = { Cookie: cookie }
    const lost = await post('/authorize', fields, headers, failing('d1', { from: 4 }))
    expect([lost.status, lost.headers.get('Location')]).toEqual([503, null])
    const carried = await post('/authorize', fields, headers, failing('kvWrite'))
    expect(carried.status).toBe(303)
    const redeemed = await post('/token', redemptionOf(own, codeIn(carried)))
    expect(redeemed.status).toBe(200)
  })
})

// Concurrent, because each test waits for seconds.
describe.concurrent('storage that never answers', () => {
  /** A registry on a KV that never answers a write. */
  function silentKv() {
    const silent = { put: () => new Promise<void>(() => {}) }
    return serve({
      STORAGE_TIMEOUT_SECONDS: 3,
      SESSIONS: over(env.SESSIONS, silent),
      CODES: over(env.CODES, silent),
    })
  }

  it('a second redemption of a code ends its tokens even when KV never answers', async () => {
    const own = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
    const code = await obtainCode(cookie, requestOf(own))
    const issued = await post('/token', redemptionOf(own, code))
    const { refresh } = await tokensIn(issued)
    expect((await post('/token', redemptionOf(own, code), {}, silentKv())).status).toBe(503)
    expect(await refusal(await renewal(own, refresh))).toEqual({
      status: 400,
      error: 'invalid_grant',
    })
  })

  it('a code is issued and can be redeemed when KV never answers', async () => {
    const own = await newClient()
    const code = await obtainCode(cookie, requestOf(own), silentKv())
    expect((await post('/token', redemptionOf(own, code))).status).toBe(200)
  })
})

describe('how long a request waits for storage', () => {
  afterEach(() => void vi.useRealTimers())

  /** KV that never answers, and a promise that resolves at its first call. */
  function silentStorage() {
    let hear = () => {}
    const asked = new Promise<void>((resolve) => {
      hear = resolve
    })
    const silent = () => {
      hear()
      return new Promise(() => {})
    }
    return { SESSIONS: { get: silent, put: silent }, asked }
  }
  const ask = {
    registry: (settings: object) =>
      post('/token', credentialsOf(client), {}, serve({ ...settings })),
    authenticator: async (settings: object) => {
      const headers = { Authorization: `Bearer ${mintToken('accessToken')}` }
      const env = { ...authenticatorEnv(), ...settings } as unknown as AuthenticatorEnv
      return createAuthenticator(env).fetch(new Request('https://a.example/auth', { headers }))
    },
  }

  it.each([
    ['registry', 1, { STORAGE_TIMEOUT_SECONDS: '1' }],
    ['registry', 5, {}],
    ['authenticator', 1, { STORAGE_TIMEOUT_SECONDS: '1' }],
    ['authenticator', 5, {}],
  ] as const)(
    'the %s waits %i s for storage that does not answer, with the settings %j',
    async (worker, seconds, settings) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const { SESSIONS, asked } = silentStorage()
      let status = 0
      const answering = ask[worker]({ SESSIONS, ...settings }).then((answer) => {
        status = answer.status
      })
      await asked
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1)
      expect(status).toBe(0)
      await vi.advanceTimersByTimeAsync(1)
      await answering
      expect(status).toBe(503)
    },
  )
})

describe('GET /healthz', () => {
  it('GET /healthz is 200 while D1 answers, and 503 otherwise', async () => {
    const healthy = await registry('/healthz')
    expect([healthy.status, await healthy.json()]).toEqual([200, { status: 'ok' }])
    expect((await failing('d1')('/healthz')).status).toBe(503)
  })
})
