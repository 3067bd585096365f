/** RFC 7009: a client gives back its tokens, and nobody else's. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { type Count, watchedBindings } from './counting.ts'
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
  ISSUER,
  newClient,
  newUser,
  post,
  refusal,
  registry,
  serve,
  sessionOf,
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

const revoke = (by: TestClient, token: string, more: Record<string, string> = {}) =>
  sendAs(by, '/revoke', { token, ...more })

async function expectDone(response: Response) {
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Type')).toMatch(/^application\/json\b/)
  expect(await response.json()).toEqual({})
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(response.headers.get('Pragma')).toBe('no-cache')
}

const HINTS: [string, Record<string, string>][] = [
  ['no hint', {}],
  ['the right hint', { token_type_hint: 'access_token' }],
  ['the other hint', { token_type_hint: 'refresh_token' }],
  ['an unknown hint', { token_type_hint: 'saml2' }],
  ['an empty hint', { token_type_hint: '' }],
]

describe('RFC 7009 §2.1: an access token ends', () => {
  it.each(HINTS)('with %s', async (_, hint) => {
    const [token, kept] = [await machineToken(client), await machineToken(client)]
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token, hint))
    expect(await authStatus(token)).toBe(401)
    expect(await authStatus(kept)).toBe(200)
  })

  it('alone: the refresh token beside it still renews', async () => {
    const { access, refresh } = await userTokens(client)
    await expectDone(await revoke(client, access))
    expect(await authStatus(access)).toBe(401)
    const renewed = await tokensIn(await renewal(client, refresh))
    expect(await authStatus(renewed.access)).toBe(200)
  })

  it('for an authenticator that has not seen it, without asking D1', async () => {
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

  it('though KV does not show it yet, when the client can authenticate', async () => {
    const token = await machineToken(client)
    const key = await digest(token)
    const session = (await env.SESSIONS.get(key)) ?? ''
    await env.SESSIONS.delete(key)
    await expectDone(await revoke(client, token))
    await env.SESSIONS.put(key, session)
    expect(await authStatus(token)).toBe(401)
  })
})

describe('RFC 7009 §2.1: a refresh token ends with every session of its family', () => {
  it.each([
    ...HINTS.slice(0, 1),
    ['the right hint', { token_type_hint: 'refresh_token' }],
    ['the other hint', { token_type_hint: 'access_token' }],
    ...HINTS.slice(3),
  ] as typeof HINTS)('with %s', async (_, hint) => {
    const first = await userTokens(client)
    const second = await tokensIn(await renewal(client, first.refresh))
    expect([await authStatus(first.access), await authStatus(second.access)]).toEqual([200, 200])
    await expectDone(await revoke(client, second.refresh, hint))
    expect([await authStatus(first.access), await authStatus(second.access)]).toEqual([401, 401])
    expect(await refusal(await renewal(client, second.refresh))).toEqual({
      status: 400,
      error: 'invalid_grant',
    })
  })

  it('also when it has been spent already', async () => {
    const first = await userTokens(client)
    const second = await tokensIn(await renewal(client, first.refresh))
    await expectDone(await revoke(client, first.refresh))
    expect(await authStatus(second.access)).toBe(401)
    expect((await renewal(client, second.refresh)).status).toBe(400)
  })

  it('and with no session of another family of the same user and client', async () => {
    const user = await newUser()
    const [one, another] = [await userTokens(client, user), await userTokens(client, user)]
    await expectDone(await revoke(client, one.refresh))
    expect([await authStatus(one.access), await authStatus(another.access)]).toEqual([401, 200])
    expect((await renewal(client, another.refresh)).status).toBe(200)
  })

  it('for a public client too, which has no secret to show', async () => {
    const app = await newPublicClient()
    const { access, refresh } = await userTokens(app)
    await expectDone(await revoke(app, refresh))
    expect(await authStatus(access)).toBe(401)
    expect((await renewal(app, refresh)).status).toBe(400)
  })
})

describe("RFC 7009 §2.1: another client's token is refused, and stays good", () => {
  const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

  it('an access token', async () => {
    const token = await machineToken(client)
    expect(await refusal(await revoke(other, token))).toEqual(INVALID_GRANT)
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token))
  })

  it('a refresh token', async () => {
    const { access, refresh } = await userTokens(client)
    expect(await refusal(await revoke(other, refresh))).toEqual(INVALID_GRANT)
    expect(await authStatus(access)).toBe(200)
    expect((await renewal(client, refresh)).status).toBe(200)
  })

  it('whoever introspects may not therefore revoke', async () => {
    const server = await newClient({ mayIntrospect: true })
    const token = await machineToken(client)
    expect(await refusal(await revoke(server, token))).toEqual(INVALID_GRANT)
    expect(await authStatus(token)).toBe(200)
  })

  it('a public client cannot end what KV does not show yet', async () => {
    const app = await newPublicClient()
    const token = await machineToken(client)
    const key = await digest(token)
    const session = (await env.SESSIONS.get(key)) ?? ''
    await env.SESSIONS.delete(key)
    await expectDone(await revoke(app, token))
    await env.SESSIONS.put(key, session)
    expect(await authStatus(token)).toBe(200)
  })
})

describe('RFC 7009 §2.2: what is no token any more is no error', () => {
  it.each<[string, () => string | Promise<string>]>([
    ['an unknown access token', () => mintToken('accessToken')],
    ['an unknown refresh token', () => mintToken('refreshToken')],
    ['an access token with a wrong checksum', () => `${mintToken('accessToken').slice(0, -1)}_`],
    ['junk', () => 'junk'],
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
  ])('%s: 200', async (_, make) => {
    await expectDone(await revoke(client, await make()))
  })

  it('an access token that has ended: 200', async () => {
    const token = await machineToken(client)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 7201 * 1000 })
    try {
      await expectDone(await revoke(client, token))
    } finally {
      vi.useRealTimers()
    }
  })

  it('a browser session is no token: 200, and it lives on', async () => {
    const cookie = await signIn(await newUser())
    const token = cookie.split('registry_session=')[1]?.split(';')[0] ?? ''
    await expectDone(await revoke(client, token))
    const landing = await registry('/', { headers: { Cookie: cookie } })
    expect(await landing.text()).toContain('/logout')
  })

  it('nor is a session that names no client, though found under an access token', async () => {
    const token = await store(mintToken('accessToken'), browserRecord())
    await expectDone(await revoke(client, token))
    expect(await sessionOf(token)).not.toBeNull()
  })
})

describe('RFC 7009 §2.1: the client is authenticated as at /token', () => {
  const INVALID_CLIENT = { status: 401, error: 'invalid_client' }

  it.each<[string, (c: TestClient) => Record<string, string>]>([
    ['a wrong secret', (c) => ({ ...identityOf(c), client_secret: 'wrong' })],
    ['no secret', (c) => ({ client_id: c.id })],
    ['an unknown client', (c) => ({ ...identityOf(c), client_id: 'nobody' })],
    ['nobody', () => ({})],
  ])('refuses %s, and the token stays good', async (_, identity) => {
    const token = await machineToken(client)
    const response = await post('/revoke', { ...identity(client), token })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await refusal(response)).toEqual(INVALID_CLIENT)
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token))
  })

  it('by Basic for a client registered so, challenging one that fails', async () => {
    const basic = await newClient({ authMethod: 'client_secret_basic' })
    const headersOf = (secret: string) => ({
      Authorization: `Basic ${btoa(`${basic.id}:${secret}`)}`,
    })
    const token = mintToken('accessToken')
    const refused = await post('/revoke', { token }, headersOf('wrong'))
    expect(refused.headers.get('WWW-Authenticate')).toMatch(/^Basic /)
    expect(await refusal(refused)).toEqual(INVALID_CLIENT)
    await expectDone(await post('/revoke', { token }, headersOf(basic.secret)))
  })

  it('on a record just read when it is refused: a client enabled again revokes at once', async () => {
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

describe('RFC 7009 §2.2.1: a request that cannot be read', () => {
  const INVALID_REQUEST = { status: 400, error: 'invalid_request' }

  it('without a token, or with an empty one', async () => {
    expect(await refusal(await sendAs(client, '/revoke', {}))).toEqual(INVALID_REQUEST)
    expect(await refusal(await revoke(client, ''))).toEqual(INVALID_REQUEST)
  })

  it('with two tokens: neither ends', async () => {
    const [one, two] = [await machineToken(client), await machineToken(client)]
    const pairs = Object.entries({ ...identityOf(client), token: one })
    const response = await post('/revoke', [...pairs, ['token', two]] as [string, string][])
    expect(await refusal(response)).toEqual(INVALID_REQUEST)
    expect([await authStatus(one), await authStatus(two)]).toEqual([200, 200])
  })

  it('with a token in the URL, which is not read', async () => {
    const token = await machineToken(client)
    const response = await post(`/revoke?token=${token}`, identityOf(client))
    expect(await refusal(response)).toEqual(INVALID_REQUEST)
    expect(await authStatus(token)).toBe(200)
  })

  it('as JSON: 415; by GET: 405', async () => {
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    expect((await registry('/revoke', json)).status).toBe(415)
    const got = await registry('/revoke')
    expect([got.status, got.headers.get('Allow')]).toEqual([405, 'POST'])
  })
})

describe('a fault of storage is 503 with Retry-After, never a false success', () => {
  const failing = (operation: keyof Count) =>
    serve({
      ...watchedBindings((current) => {
        if (current === operation) throw new Error('storage is out of reach')
      }),
    })

  it.each(['d1', 'kvRead'] as const)('an access token while %s fails', async (operation) => {
    const token = await machineToken(client)
    const response = await sendAs(client, '/revoke', { token }, failing(operation))
    expect(response.headers.get('Retry-After')).toBe('1')
    expect(await refusal(response)).toEqual(UNAVAILABLE)
    expect(await authStatus(token)).toBe(200)
    await expectDone(await revoke(client, token))
    expect(await authStatus(token)).toBe(401)
  })

  it('a refresh token while its family cannot be ended: asked again, all of it ends', async () => {
    const tokens = await userTokens(client)
    let asked = 0
    const halfway = serve({
      ...watchedBindings((operation) => {
        // The client and the token are found.
        if (operation === 'd1' && ++asked > 2) throw new Error('storage is out of reach')
      }),
    })
    const response = await sendAs(client, '/revoke', { token: tokens.refresh }, halfway)
    expect(await refusal(response)).toEqual(UNAVAILABLE)
    expect(await authStatus(tokens.access)).toBe(200)
    await expectDone(await revoke(client, tokens.refresh))
    expect(await authStatus(tokens.access)).toBe(401)
  })

  it('when only KV cannot be written, D1 has the revocation', async () => {
    const token = await machineToken(client)
    await expectDone(await sendAs(client, '/revoke', { token }, failing('kvWrite')))
    expect(await authStatus(token)).toBe(401)
  })
})
