/** RFC 7009: a client revokes its own tokens, and no others. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { failing } from './counting.ts'
import {
  authStatus,
  identityOf,
  machineToken,
  newPublicClient,
  newRefreshingClient,
  renewal,
  sendAs,
  tokensIn,
  userTokens,
} from './obtaining.ts'
import {
  basicOf,
  ISSUER,
  newClient,
  newUser,
  post,
  refusal,
  registry,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestClient,
  UNAVAILABLE,
} from './registry.ts'
import { browserRecord, JWT_SECRET, store } from './stored-session.ts'

let client: TestClient
let other: TestClient
beforeAll(async () => {
  client = await newRefreshingClient()
  other = await newRefreshingClient()
})
afterEach(() => void vi.useRealTimers())

const revoke = (by: TestClient, token: string, more: Record<string, string> = {}) =>
  sendAs(by, '/revoke', { token, ...more })

async function expectDone(response: Response) {
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Type')).toMatch(/^application\/json\b/)
  expect(await response.json()).toEqual({})
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(response.headers.get('Pragma')).toBe('no-cache')
}

/** Runs `work` while KV does not show the session of the token. */
async function whileHidden(token: string, work: () => Promise<void>) {
  const key = await digest(token)
  const session = (await env.SESSIONS.get(key)) ?? ''
  await env.SESSIONS.delete(key)
  await work()
  await env.SESSIONS.put(key, session)
}

const HINTS: [string, Record<string, string>][] = [
  ['no hint', {}],
  ['the right hint', { token_type_hint: 'access_token' }],
  ['the other hint', { token_type_hint: 'refresh_token' }],
  ['an unknown hint', { token_type_hint: 'saml2' }],
  ['an empty hint', { token_type_hint: '' }],
]

describe('RFC 7009 §2.1: revocation of an access token', () => {
  it.each(HINTS)('an access token is refused after its revocation with %s', async (_, hint) => {
    const [token, kept] = [await machineToken(client), await machineToken(client)]
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token, hint))
    expect(await authStatus(token)).toBe(401)
    expect(await authStatus(kept)).toBe(200)
  })

  it('the revocation of an access token does not revoke its refresh token', async () => {
    const { access, refresh } = await userTokens(client)
    await expectDone(await revoke(client, access))
    expect(await authStatus(access)).toBe(401)
    const renewed = await tokensIn(await renewal(client, refresh))
    expect(await authStatus(renewed.access)).toBe(200)
  })

  it('a revoked access token is refused by an authenticator without D1', async () => {
    const token = await machineToken(client)
    const bounded = createAuthenticator({ SESSIONS: env.SESSIONS, ISSUER, JWT_SECRET })
    const status = async () => {
      const headers = { Authorization: `Bearer ${token}` }
      return (await bounded.fetch(new Request('https://a.example/auth', { headers }))).status
    }
    expect(await status()).toBe(200)
    await expectDone(await revoke(client, token))
    expect(await status()).toBe(401)
  })

  it('a confidential client can revoke an access token that KV does not show yet', async () => {
    const token = await machineToken(client)
    await whileHidden(token, async () => expectDone(await revoke(client, token)))
    expect(await authStatus(token)).toBe(401)
  })
})

describe('RFC 7009 §2.1: revocation of a refresh token', () => {
  it.each([
    ...HINTS.slice(0, 1),
    ['the right hint', { token_type_hint: 'refresh_token' }],
    ['the other hint', { token_type_hint: 'access_token' }],
    ...HINTS.slice(3),
  ] as typeof HINTS)(
    'a refresh token that is revoked with %s ends every session of its family',
    async (_, hint) => {
      const first = await userTokens(client)
      const second = await tokensIn(await renewal(client, first.refresh))
      expect([await authStatus(first.access), await authStatus(second.access)]).toEqual([200, 200])
      await expectDone(await revoke(client, second.refresh, hint))
      expect([await authStatus(first.access), await authStatus(second.access)]).toEqual([401, 401])
      expect(await refusal(await renewal(client, second.refresh))).toEqual({
        status: 400,
        error: 'invalid_grant',
      })
    },
  )

  it('the revocation of a spent refresh token ends its family', async () => {
    const first = await userTokens(client)
    const second = await tokensIn(await renewal(client, first.refresh))
    await expectDone(await revoke(client, first.refresh))
    expect(await authStatus(second.access)).toBe(401)
    expect((await renewal(client, second.refresh)).status).toBe(400)
  })

  it('the revocation of a refresh token ends no other family of the same user and client', async () => {
    const user = await newUser()
    const [one, another] = [await userTokens(client, user), await userTokens(client, user)]
    await expectDone(await revoke(client, one.refresh))
    expect([await authStatus(one.access), await authStatus(another.access)]).toEqual([401, 200])
    expect((await renewal(client, another.refresh)).status).toBe(200)
  })

  it('a public client can revoke its refresh token without a secret', async () => {
    const app = await newPublicClient()
    const { access, refresh } = await userTokens(app)
    await expectDone(await revoke(app, refresh))
    expect(await authStatus(access)).toBe(401)
    expect((await renewal(app, refresh)).status).toBe(400)
  })
})

describe('RFC 7009 §2.1: tokens of another client', () => {
  const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

  it("the revocation of another client's access token is refused, and the token stays valid", async () => {
    const token = await machineToken(client)
    expect(await refusal(await revoke(other, token))).toEqual(INVALID_GRANT)
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token))
  })

  it("the revocation of another client's refresh token is refused, and the token stays valid", async () => {
    const { access, refresh } = await userTokens(client)
    expect(await refusal(await revoke(other, refresh))).toEqual(INVALID_GRANT)
    expect(await authStatus(access)).toBe(200)
    expect((await renewal(client, refresh)).status).toBe(200)
  })

  it("a client that may introspect may not revoke another client's token", async () => {
    const server = await newClient({ mayIntrospect: true })
    const token = await machineToken(client)
    expect(await refusal(await revoke(server, token))).toEqual(INVALID_GRANT)
    expect(await authStatus(token)).toBe(200)
  })

  it('a public client cannot revoke an access token that KV does not show yet', async () => {
    const app = await newPublicClient()
    const token = await machineToken(client)
    await whileHidden(token, async () => expectDone(await revoke(app, token)))
    expect(await authStatus(token)).toBe(200)
  })
})

describe('RFC 7009 §2.2: tokens that are not valid', () => {
  it.each<[string, () => string | Promise<string>]>([
    ['an unknown access token', () => mintToken('accessToken')],
    ['an unknown refresh token', () => mintToken('refreshToken')],
    ['an access token with a wrong checksum', () => `${mintToken('accessToken').slice(0, -1)}_`],
    ['a malformed token', () => 'junk'],
    ['a code', () => mintToken('authorizationCode')],
    ['a secret', () => mintToken('clientSecret')],
    [
      'an access token revoked before',
      async () => {
        const token = await machineToken(client)
        await expectDone(await revoke(client, token))
        return token
      },
    ],
    [
      'a refresh token revoked before',
      async () => {
        const { refresh } = await userTokens(client)
        await expectDone(await revoke(client, refresh))
        return refresh
      },
    ],
  ])('the revocation of %s is answered with 200', async (_, make) => {
    await expectDone(await revoke(client, await make()))
  })

  it('the revocation of an expired access token is answered with 200', async () => {
    const token = await machineToken(client)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 7201 * 1000 })
    await expectDone(await revoke(client, token))
  })

  it('the revocation of a browser session is answered with 200, and the session stays valid', async () => {
    const cookie = await signIn(await newUser())
    const token = sessionTokenIn(cookie)
    await expectDone(await revoke(client, token))
    const landing = await registry('/', { headers: { Cookie: cookie } })
    expect(await landing.text()).toContain('/logout')
  })

  it('the revocation of an access token whose session names no client is answered with 200, and the session stays valid', async () => {
    const token = await store(mintToken('accessToken'), browserRecord())
    await expectDone(await revoke(client, token))
    expect(await sessionOf(token)).not.toBeNull()
  })
})

describe('RFC 7009 §2.1: client authentication at /revoke', () => {
  const INVALID_CLIENT = { status: 401, error: 'invalid_client' }

  it.each<[string, (c: TestClient) => Record<string, string>]>([
    ['a wrong secret', (c) => ({ ...identityOf(c), client_secret: 'wrong' })],
    ['no secret', (c) => ({ client_id: c.id })],
    ['an unknown client', (c) => ({ ...identityOf(c), client_id: 'nobody' })],
    ['no client', () => ({})],
  ])('a revocation with %s is refused, and the token stays valid', async (_, identity) => {
    const token = await machineToken(client)
    const response = await post('/revoke', { ...identity(client), token })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await refusal(response)).toEqual(INVALID_CLIENT)
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token))
  })

  it('a client registered for client_secret_basic authenticates by Basic at /revoke, and a wrong secret gets a Basic challenge', async () => {
    const basic = await newClient({ authMethod: 'client_secret_basic' })
    const token = mintToken('accessToken')
    const refused = await post('/revoke', { token }, basicOf({ ...basic, secret: 'wrong' }))
    expect(refused.headers.get('WWW-Authenticate')).toMatch(/^Basic /)
    expect(await refusal(refused)).toEqual(INVALID_CLIENT)
    await expectDone(await post('/revoke', { token }, basicOf(basic)))
  })

  it('a client that is enabled again can revoke at once despite the cache', async () => {
    const own = await newRefreshingClient()
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    const change = (sql: string) => env.DB.prepare(sql).bind(own.id).run()
    const ask = () => sendAs(own, '/revoke', { token: mintToken('accessToken') }, cached)
    await change('UPDATE client SET disabled_at = 1 WHERE client_id = ?1')
    expect(await refusal(await ask())).toEqual(INVALID_CLIENT)
    await change('UPDATE client SET disabled_at = NULL WHERE client_id = ?1')
    await expectDone(await ask())
  })
})

describe('RFC 7009 §2.2.1: malformed revocation requests', () => {
  const INVALID_REQUEST = { status: 400, error: 'invalid_request' }

  it('a revocation without a token, or with an empty one, is refused with invalid_request', async () => {
    expect(await refusal(await sendAs(client, '/revoke', {}))).toEqual(INVALID_REQUEST)
    expect(await refusal(await revoke(client, ''))).toEqual(INVALID_REQUEST)
  })

  it('a revocation with two tokens is refused, and revokes neither', async () => {
    const [one, two] = [await machineToken(client), await machineToken(client)]
    const pairs = Object.entries({ ...identityOf(client), token: one })
    const response = await post('/revoke', [...pairs, ['token', two]] as [string, string][])
    expect(await refusal(response)).toEqual(INVALID_REQUEST)
    expect([await authStatus(one), await authStatus(two)]).toEqual([200, 200])
  })

  it('a token in the URL is not read, and the revocation is refused', async () => {
    const token = await machineToken(client)
    const response = await post(`/revoke?token=${token}`, identityOf(client))
    expect(await refusal(response)).toEqual(INVALID_REQUEST)
    expect(await authStatus(token)).toBe(200)
  })

  it('a revocation as JSON is refused with 415, and a GET with 405', async () => {
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    expect((await registry('/revoke', json)).status).toBe(415)
    const got = await registry('/revoke')
    expect([got.status, got.headers.get('Allow')]).toEqual([405, 'POST'])
  })
})

describe('revocation under storage faults', () => {
  it.each(['d1', 'kvRead'] as const)(
    'the revocation of an access token is 503 with Retry-After while %s fails, and works when repeated',
    async (operation) => {
      const token = await machineToken(client)
      const response = await sendAs(client, '/revoke', { token }, failing(operation))
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(await refusal(response)).toEqual(UNAVAILABLE)
      expect(await authStatus(token)).toBe(200)
      await expectDone(await revoke(client, token))
      expect(await authStatus(token)).toBe(401)
    },
  )

  it('the revocation of a refresh token is 503 while its family cannot be ended, and works when repeated', async () => {
    const tokens = await userTokens(client)
    // The first two operations read the client and the token.
    const halfway = failing('d1', { from: 3 })
    const response = await sendAs(client, '/revoke', { token: tokens.refresh }, halfway)
    expect(await refusal(response)).toEqual(UNAVAILABLE)
    expect(await authStatus(tokens.access)).toBe(200)
    await expectDone(await revoke(client, tokens.refresh))
    expect(await authStatus(tokens.access)).toBe(401)
  })

  it('the revocation of an access token is recorded in D1 when KV cannot be written', async () => {
    const token = await machineToken(client)
    await expectDone(await sendAs(client, '/revoke', { token }, failing('kvWrite')))
    expect(await authStatus(token)).toBe(401)
  })
})
