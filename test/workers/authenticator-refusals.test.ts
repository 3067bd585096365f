/** The authenticator over HTTP: credentials that are refused, and session records that are malformed. */

import { jwtVerify } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mintToken, type TokenKind } from '../../src/crypto/token.ts'
import { ask, jwtOf, secretKey } from './asking.ts'
import { expectRefusal } from './refusals.ts'
import {
  bearer,
  browserRecord,
  cookie,
  ISSUER,
  LIFETIME_SECONDS,
  record,
  store,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('invalid credentials', () => {
  it('an unknown token is refused in the header and in the cookie', async () => {
    await expectRefusal(await ask('/auth', bearer(mintToken('accessToken'))), 401, 'invalid_token')
    await expectRefusal(
      await ask('/auth', cookie(mintToken('browserSession'))),
      401,
      'invalid_token',
    )
  })

  it('a token is refused once its session has ended, even when KV still has the record', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const token = await storeToken()
    const end = Date.now() + LIFETIME_SECONDS * 1000
    vi.setSystemTime(end - 2000)
    expect((await ask('/auth', bearer(token))).status).toBe(200)
    vi.setSystemTime(end)
    await expectRefusal(await ask('/auth', bearer(token)), 401, 'invalid_token')
  })

  it.each([
    ['of another scheme', () => 'Basic YTpi'],
    ['without a scheme', (token: string) => token],
    ['without a token', () => 'Bearer'],
    ['an empty header', () => ''],
    ['two tokens', (token: string) => `Bearer ${token} ${token}`],
    ['two headers', (token: string) => `Bearer ${token}, Bearer ${token}`],
    ['a quoted token', (token: string) => `Bearer "${token}"`],
    ['a longer token', (token: string) => `Bearer ${token}A`],
    [
      'a changed token',
      (token: string) =>
        `Bearer ${token.slice(0, 10)}${token[10] === 'A' ? 'B' : 'A'}${token.slice(11)}`,
    ],
  ])(
    'a credential that is %s is refused, with no fallback to the cookie or to anonymous access',
    async (_, spoil) => {
      const token = await storeToken()
      const good = cookie(await storeBrowserSession())
      expect((await ask('/auth', { ...good, ...bearer(token) })).status).toBe(200)
      const bad = { ...good, Authorization: spoil(token) }
      await expectRefusal(await ask('/auth', bad), 401, 'invalid_token')
    },
  )

  it.each<TokenKind>(['authorizationCode', 'refreshToken', 'clientSecret', 'browserSession'])(
    'a token of kind %s is refused as an access token, even when KV has a record for it',
    async (kind) => {
      const token = await store(mintToken(kind), record())
      await expectRefusal(await ask('/auth', bearer(token)), 401, 'invalid_token')
    },
  )

  it.each<TokenKind>(['authorizationCode', 'refreshToken', 'clientSecret', 'accessToken'])(
    'a token of kind %s is refused in the cookie, even when KV has a record for it',
    async (kind) => {
      const token = await store(mintToken(kind), browserRecord())
      await expectRefusal(await ask('/auth', cookie(token)), 401, 'invalid_token')
    },
  )

  it('a token whose record is of the other kind is refused', async () => {
    const asToken = await store(mintToken('accessToken'), browserRecord())
    await expectRefusal(await ask('/auth', bearer(asToken)), 401, 'invalid_token')
    const asCookie = await store(mintToken('browserSession'), record())
    await expectRefusal(await ask('/auth', cookie(asCookie)), 401, 'invalid_token')
  })

  it("the authenticator's own JWT is refused as a token", async () => {
    const jwt = jwtOf(await ask('/auth', bearer(await storeToken())))
    await expectRefusal(await ask('/auth', bearer(jwt)), 401, 'invalid_token')
    await expectRefusal(await ask('/auth', cookie(jwt)), 401, 'invalid_token')
  })

  it('a session cookie that is sent twice or is too long is refused', async () => {
    const token = await storeBrowserSession()
    const twice = { Cookie: `registry_session=${token}; registry_session=planted` }
    await expectRefusal(await ask('/auth', twice), 401, 'invalid_token')
    const long = await store('x'.repeat(513), browserRecord())
    await expectRefusal(await ask('/auth', cookie(long)), 401, 'invalid_token')
    const fitting = await store('x'.repeat(512), browserRecord())
    expect((await ask('/auth', cookie(fitting))).status).toBe(200)
  })
})

describe('session records that another service wrote', () => {
  const good = browserRecord()
  const scopes = (...held: unknown[]) => ({ ...good.authorizations, scopes: held })
  it.each<[string, unknown]>([
    ['malformed JSON', '{"session_id":'],
    ['null', null],
    ['a list', []],
    ['a text', '"session"'],
    ['no end', { ...good, end_time: undefined }],
    ['an end that is not a time', { ...good, end_time: 'tomorrow' }],
    ['an end without its offset from UTC', { ...good, end_time: '2999-01-01T00:00:00' }],
    ['an end in the past', { ...good, end_time: '2001-01-01T00:00:00Z' }],
    ['an end as a number', { ...good, end_time: 9_999_999_999 }],
    ['no user', { ...good, user: null }],
    ['a user without an id', { ...good, user: { username: 'root', email: '' } }],
    ['no client field', { ...good, client: undefined }],
    ['scopes as a text', { ...good, authorizations: { ...good.authorizations, scopes: 'a:b' } }],
    ['a scope with a space', { ...good, authorizations: scopes('submission:read openid') }],
    ['a scope that is not a string', { ...good, authorizations: scopes({ length: 3 }) }],
    [
      'the endorsement `*`',
      { ...good, authorizations: { ...good.authorizations, endorsements: ['*'] } },
    ],
  ])('a session record with %s is refused', async (_, value) => {
    const control = await store(mintToken('browserSession'), good)
    expect((await ask('/auth', cookie(control))).status).toBe(200)
    const token = await store(mintToken('browserSession'), value)
    await expectRefusal(await ask('/auth', cookie(token)), 401, 'invalid_token')
  })

  it('an unknown member of a session record does not become a claim of the JWT', async () => {
    const value = { ...good, iss: 'https://evil.example', exp: 9_999_999_999, admin: true }
    const answer = await ask('/auth', cookie(await store(mintToken('browserSession'), value)))
    const { payload } = await jwtVerify(jwtOf(answer), secretKey, { issuer: ISSUER })
    expect(payload).not.toHaveProperty('admin')
    expect(payload.exp).toBe((payload.iat ?? 0) + 300)
  })
})
