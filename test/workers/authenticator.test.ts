/** The authenticator over HTTP: who passes `GET /auth`, and what the response says. */

import { jwtVerify } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { ask, jwtOf, secretKey } from './asking.ts'
import { expectRefusal } from './refusals.ts'
import {
  authenticatorEnv,
  bearer,
  browserRecord,
  cookie,
  ISSUER,
  record,
  store,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('requests without a credential', () => {
  it('a request without a credential passes as anonymous, without a JWT', async () => {
    const answer = await ask('/auth')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('X-Auth-Status')).toBe('anonymous')
    expect(answer.headers.get('Authorization')).toBeNull()
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
  })

  it.each([
    ['/auth?scope=submission:read', 'scope="submission:read"'],
    ['/auth?scope=submission:read&resource=5', 'scope="submission:read:5"'],
    ['/auth?category=cs.DL', 'realm="registry"'],
  ])(
    'a request without a credential to %s gets 401, with a challenge that names no error',
    async (path, hint) => {
      const answer = await ask(path)
      await expectRefusal(answer.clone(), 401)
      expect(answer.headers.get('WWW-Authenticate')).toContain(hint)
    },
  )

  it('a request with other cookies or an emptied session cookie is anonymous', async () => {
    for (const Cookie of ['a=b; c=d', 'registry_session=', 'xregistry_session=abc']) {
      expect((await ask('/auth', { Cookie })).headers.get('X-Auth-Status')).toBe('anonymous')
    }
  })
})

describe('valid credentials', () => {
  it('an access token is exchanged for a JWT of its session, signed with HS256, of at most 300 s', async () => {
    const token = await storeToken()
    const before = Math.floor(Date.now() / 1000)
    const answer = await ask('/auth', bearer(token))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
    const { payload, protectedHeader } = await jwtVerify(jwtOf(answer), secretKey)
    const { iat = 0, exp, iss, ...claims } = payload
    expect(protectedHeader.alg).toBe('HS256')
    expect(iss).toBe(ISSUER)
    expect(iat).toBeGreaterThanOrEqual(before)
    expect(exp).toBe(iat + 300)
    const stored = record({
      start_time: String(claims.start_time),
      end_time: String(claims.end_time),
    })
    expect(claims).toEqual(stored)
    expect(jwtOf(answer)).not.toContain(token)
  })

  it('the JWT ends with the session when the session ends within 300 s', async () => {
    const end = Math.floor(Date.now() / 1000) + 60
    const token = await storeToken({ end_time: new Date(end * 1000).toISOString() })
    const { payload } = await jwtVerify(jwtOf(await ask('/auth', bearer(token))), secretKey)
    expect(payload.exp).toBe(end)
  })

  it('a browser session in its cookie is authenticated', async () => {
    const answer = await ask('/auth', cookie(await storeBrowserSession()))
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
    const { payload } = await jwtVerify(jwtOf(answer), secretKey)
    expect(payload).toMatchObject({ client: null, user: { username: 'ada' } })
  })

  it('a session of an external accounts service is authenticated with a token of any form', async () => {
    const answer = await ask('/auth', cookie(await store('made.elsewhere-123', browserRecord())))
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
  })

  it('only a `__Host-` cookie is accepted when the issuer is https', async () => {
    const PROXY_SECRET = 'p'.repeat(32)
    const env = { ...authenticatorEnv(), ISSUER: 'https://registry.example', PROXY_SECRET }
    const secure = createAuthenticator(env)
    const token = await storeBrowserSession()
    const statusWith = async (name: string) => {
      const headers = { Cookie: `${name}=${token}`, 'X-Proxy-Secret': PROXY_SECRET }
      const answer = await secure.fetch(new Request('https://a.example/auth', { headers }))
      return answer.headers.get('X-Auth-Status')
    }
    expect(await statusWith('__Host-registry_session')).toBe('authenticated')
    expect(await statusWith('registry_session')).toBe('anonymous')
  })

  it('the scheme Bearer is recognized in any case', async () => {
    const token = await storeToken()
    for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
      expect((await ask('/auth', { Authorization: `${scheme} ${token}` })).status).toBe(200)
    }
  })

  it('a token in the Authorization header takes precedence over the session cookie', async () => {
    const headers = { ...bearer(await storeToken()), ...cookie(await storeBrowserSession()) }
    const { payload } = await jwtVerify(jwtOf(await ask('/auth', headers)), secretKey)
    expect(payload.client).not.toBeNull()
  })

  it('a HEAD request gets the same headers as GET', async () => {
    const answer = await ask('/auth', bearer(await storeToken()), 'HEAD')
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
    expect(await answer.text()).toBe('')
  })
})
