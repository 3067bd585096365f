/** The authenticator under faults and malformed input: no access, and no secret in the log. */

import { describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { loggedBy } from './logged.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  cookie,
  JWT_SECRET,
  SESSIONS,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

const lines = loggedBy('error')

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Request(`https://a.example${path}`, { method, headers })

/** The real KV, and a record of its operations. */
function counted() {
  const operations: string[] = []
  const watched = new Proxy(SESSIONS, {
    get(kv, name) {
      const value = Reflect.get(kv, name)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        operations.push(String(name))
        return value.apply(kv, words)
      }
    },
  })
  return {
    operations,
    authenticator: createAuthenticator({ ...authenticatorEnv(), SESSIONS: watched }),
  }
}

const failing = (failure: unknown) =>
  ({ get: () => Promise.reject(failure) }) as unknown as KVNamespace

async function expectUnavailable(answer: Response) {
  expect(answer.status).toBe(503)
  expect(answer.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(answer.headers.get('Authorization')).toBeNull()
  expect(await answer.json()).toEqual({
    error: 'temporarily_unavailable',
    error_description: 'temporarily unavailable',
    reason: 'temporarily unavailable',
  })
}

describe('storage operations of the authenticator', () => {
  it('a check of a valid token reads KV once, and once more every ten seconds for the revocation document', async () => {
    const token = await storeToken(authorizing(['submission:read'], ['*.*']))
    const browser = await storeBrowserSession()
    const { operations, authenticator } = counted()
    await authenticator.fetch(get('/auth', bearer(token)))
    await authenticator.fetch(get('/auth?scope=submission:read&category=cs.DL', bearer(token)))
    await authenticator.fetch(get('/auth', cookie(browser)))
    expect(operations).toEqual(['get', 'get', 'get', 'get'])
  })

  it('a check of a malformed credential, without a credential or with a malformed requirement reads no storage', async () => {
    const { operations, authenticator } = counted()
    const token = mintToken('accessToken')
    const swapped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    for (const [path, headers, status] of [
      ['/auth', {}, 200],
      ['/auth?scope=public:read', {}, 401],
      ['/auth', bearer('junk'), 401],
      ['/auth', bearer(swapped), 401],
      ['/auth', bearer(mintToken('refreshToken')), 401],
      ['/auth', cookie('regb_junk'), 401],
      ['/auth', cookie('x'.repeat(600)), 401],
      ['/auth?scope=n%22nsense', bearer(token), 400],
      ['/healthz', bearer(token), 200],
    ] as const) {
      expect((await authenticator.fetch(get(path, headers))).status).toBe(status)
    }
    expect(operations).toEqual([])
  })
})

describe('storage faults of the authenticator', () => {
  it.each<[string, unknown]>([
    ['an Error', new Error('KV GET failed: 500')],
    ['a value that is not an Error', 'KV is gone'],
  ])('the authenticator answers 503 when KV throws %s', async (_, failure) => {
    const env = { ...authenticatorEnv(), SESSIONS: failing(failure) }
    const authenticator = createAuthenticator(env)
    const token = mintToken('accessToken')
    await expectUnavailable(await authenticator.fetch(get('/auth', bearer(token))))
    await expectUnavailable(await authenticator.fetch(get('/auth', cookie('elsewhere'))))
    expect(await authenticator.authenticate({ authorization: `Bearer ${token}` })).toMatchObject({
      kind: 'refused',
      refusal: { status: 503, reason: 'temporarily unavailable' },
    })
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      expect(line).toMatchObject({ level: 'error', event: 'authenticator_fault' })
      expect(JSON.stringify(line)).not.toContain(token)
      expect(JSON.stringify(line)).not.toContain(JWT_SECRET)
    }
    expect((await authenticator.fetch(get('/auth'))).status).toBe(200)
  })

  it('the log line of a fault has the correlation id of the response, or of the check over a binding', async () => {
    const checks = vi.spyOn(console, 'log').mockImplementation(() => {})
    const env = { ...authenticatorEnv(), SESSIONS: failing(new Error('KV is away')) }
    const authenticator = createAuthenticator(env)
    const headers = bearer(mintToken('accessToken'))
    const answer = await authenticator.fetch(get('/auth', headers))
    const told = await authenticator.authenticate({ authorization: headers.Authorization })
    expect(told).toEqual({ kind: 'refused', refusal: expect.anything() })
    const ids = lines.map(({ correlationId }) => correlationId)
    expect(ids).toEqual([answer.headers.get('X-Correlation-Id'), expect.stringMatching(/^\w{10}$/)])
    expect(ids[0]).not.toBe(ids[1])
    expect(checks.mock.calls.map(([line]) => JSON.parse(line).correlationId)).toEqual(ids)
  })

  it('the authenticator answers 503 when it cannot sign the JWT of a session', async () => {
    const sign = vi.spyOn(crypto.subtle, 'sign').mockRejectedValue(new Error('no HMAC'))
    const authenticator = createAuthenticator(authenticatorEnv())
    const answer = await authenticator.fetch(get('/auth', bearer(await storeToken())))
    sign.mockRestore()
    await expectUnavailable(answer)
    expect(lines).toEqual([
      {
        level: 'error',
        event: 'authenticator_fault',
        correlationId: answer.headers.get('X-Correlation-Id'),
        detail: 'Error: no HMAC',
      },
    ])
  })

  it('the authenticator answers 200 again once KV works again', async () => {
    const token = await storeToken()
    let isDown = true
    const flaky = {
      get: (key: string) => (isDown ? Promise.reject(new Error('down')) : SESSIONS.get(key)),
    } as unknown as KVNamespace
    const authenticator = createAuthenticator({ ...authenticatorEnv(), SESSIONS: flaky })
    await expectUnavailable(await authenticator.fetch(get('/auth', bearer(token))))
    isDown = false
    expect((await authenticator.fetch(get('/auth', bearer(token)))).status).toBe(200)
  })
})

describe('settings of the authenticator', () => {
  it.each<[keyof AuthenticatorEnv, unknown]>([
    ['JWT_SECRET', undefined],
    ['JWT_SECRET', 'only 31 bytes, one too few here'],
    ['ISSUER', undefined],
    ['ISSUER', 'http://registry.example'],
    ['ISSUER', 'https://registry.example/'],
    ['ISSUER', 'registry'],
    ['SESSIONS', undefined],
    ['PROXY_SECRET', 'only 31 bytes, one too few here'.replaceAll(' ', '-')],
    ['PROXY_SECRET', `${'s'.repeat(32)} and-a-short-one`],
    ['PROXY_SECRET', 'ß'.repeat(32)],
    ['STORAGE_TIMEOUT_SECONDS', '0.7777'],
    ['STORAGE_TIMEOUT_SECONDS', '7777'],
    ['STORAGE_TIMEOUT_SECONDS', 'soon'],
  ])('the authenticator answers 503 to every request when %s is %s', async (name, value) => {
    const settings = { ...authenticatorEnv(), [name]: value } as AuthenticatorEnv
    const authenticator = createAuthenticator(settings)
    for (const path of ['/healthz', '/auth', '/nowhere']) {
      await expectUnavailable(await authenticator.fetch(get(path)))
    }
    expect(await authenticator.authenticate({})).toMatchObject({ refusal: { status: 503 } })
    for (const line of lines) {
      expect(line.detail).toMatch(new RegExp(`^${name}: `))
      if (value) expect(JSON.stringify(line)).not.toContain(String(value))
    }
    expect(lines).toHaveLength(4)
  })

  it('the authenticator answers 503 when PROXY_SECRET contains JWT_SECRET', async () => {
    const same = 's'.repeat(32)
    const env = {
      ...authenticatorEnv(),
      JWT_SECRET: same,
      PROXY_SECRET: `${'n'.repeat(32)} ${same}`,
    }
    await expectUnavailable(await createAuthenticator(env).fetch(get('/auth')))
    expect(lines).toMatchObject([{ detail: 'PROXY_SECRET: must not be JWT_SECRET' }])
  })

  it('control: the authenticator answers the health check when all settings are valid', async () => {
    const answer = await createAuthenticator(authenticatorEnv()).fetch(get('/healthz'))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ status: 'ok' })
  })
})

describe('methods and paths of the authenticator', () => {
  const authenticator = createAuthenticator(authenticatorEnv())

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'the authenticator answers 405 with an Allow header to %s',
    async (method) => {
      for (const path of ['/auth', '/healthz']) {
        const answer = await authenticator.fetch(get(path, {}, method))
        expect(answer.status).toBe(405)
        expect(answer.headers.get('Allow')).toBe('GET, HEAD')
        expect(answer.headers.get('X-Auth-Status')).toBeNull()
      }
    },
  )

  it('the authenticator answers 404 at any other path', async () => {
    for (const path of ['/', '/auth/x', '/token', '/authorize']) {
      const answer = await authenticator.fetch(get(path))
      expect(answer.status).toBe(404)
      expect(answer.headers.get('Cache-Control')).toBe('no-store')
    }
  })
})

describe('the authenticator over a service binding', () => {
  it('a check over a binding returns the session, anonymous, or the refusal with its challenge', async () => {
    const authenticator = createAuthenticator(authenticatorEnv())
    const authorization = `Bearer ${await storeToken()}`
    expect(await authenticator.authenticate({})).toEqual({ kind: 'anonymous' })
    expect(
      await authenticator.authenticate({ authorization, scopes: ['submission:read'] }),
    ).toMatchObject({ kind: 'authenticated', session: { session_id: 'session-1' } })
    expect(
      await authenticator.authenticate({
        authorization,
        scopes: ['submission:read'],
        resource: '5',
      }),
    ).toMatchObject({
      kind: 'refused',
      refusal: { status: 403, wwwAuthenticate: expect.stringContaining('insufficient_scope') },
    })
    expect(await authenticator.authenticate({ authorization, scopes: ['x"'] })).toMatchObject({
      refusal: { status: 400 },
    })
    expect(await authenticator.authenticate({ category: 'cs.DL' })).toMatchObject({
      refusal: { status: 401 },
    })
  })
})
