/** The authenticator over HTTP: who may pass `GET /auth`, and what the answer says. */

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

describe('nothing presented', () => {
  it('passes as anonymous, without a JWT', async () => {
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
  ])('is not enough for %s, and no error code is given', async (path, hint) => {
    const answer = await ask(path)
    await expectRefusal(answer.clone(), 401)
    expect(answer.headers.get('WWW-Authenticate')).toContain(hint)
  })

  it('is how other cookies and an emptied session cookie count', async () => {
    for (const Cookie of ['a=b; c=d', 'registry_session=', 'xregistry_session=abc']) {
      expect((await ask('/auth', { Cookie })).headers.get('X-Auth-Status')).toBe('anonymous')
    }
  })
})

describe('a good credential', () => {
  it('becomes a JWT of the session record, HS256, at most 300 s long', async () => {
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

  it('gives a JWT that ends with the session, when that is sooner', async () => {
    const end = Math.floor(Date.now() / 1000) + 60
    const token = await storeToken({ end_time: new Date(end * 1000).toISOString() })
    const { payload } = await jwtVerify(jwtOf(await ask('/auth', bearer(token))), secretKey)
    expect(payload.exp).toBe(end)
  })

  it('may be a browser session in its cookie', async () => {
    const answer = await ask('/auth', cookie(await storeBrowserSession()))
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
    const { payload } = await jwtVerify(jwtOf(answer), secretKey)
    expect(payload).toMatchObject({ client: null, user: { username: 'ada' } })
  })

  it('may be a session of an external accounts service, with a token of its own form', async () => {
    const answer = await ask('/auth', cookie(await store('made.elsewhere-123', browserRecord())))
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
  })

  it('is a `__Host-` cookie, and no other, where the issuer is https', async () => {
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

  it('is known by its scheme in any case', async () => {
    const token = await storeToken()
    for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
      expect((await ask('/auth', { Authorization: `${scheme} ${token}` })).status).toBe(200)
    }
  })

  it('in the header wins over the cookie', async () => {
    const headers = { ...bearer(await storeToken()), ...cookie(await storeBrowserSession()) }
    const { payload } = await jwtVerify(jwtOf(await ask('/auth', headers)), secretKey)
    expect(payload.client).not.toBeNull()
  })

  it('passes HEAD too', async () => {
    const answer = await ask('/auth', bearer(await storeToken()), 'HEAD')
    expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
    expect(await answer.text()).toBe('')
  })
})
