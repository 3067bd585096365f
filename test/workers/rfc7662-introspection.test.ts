/** RFC 7662: what a token is good for, told to whoever may know; the same truth as the authenticator's. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest, sessionKeyOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { revocationStatements } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { type Count, watchedBindings } from './counting.ts'
import { newKey, proofOf } from './keys.ts'
import {
  authStatus,
  identityOf,
  machineToken,
  newPublicClient,
  newRefreshingClient,
  renewal,
  sendAs,
  type Tokens,
  tokensIn,
  userTokens,
} from './obtaining.ts'
import {
  credentialsOf,
  type Fetch,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  post,
  type RegisteredClient,
  refusal,
  registry,
  serve,
  signIn,
  type TestClient,
  type TestUser,
  tokenIn,
  UNAVAILABLE,
} from './registry.ts'

const LIFETIME_SECONDS = 7200
const INACTIVE = '{"active":false}'

let client: TestClient
let server: TestClient
beforeAll(async () => {
  client = await newRefreshingClient()
  server = await newClient({ mayIntrospect: true, grantTypes: ['client_credentials'] })
})

const ask = (by: TestClient, token: string, more: Record<string, string> = {}, fetch?: Fetch) =>
  sendAs(by, '/introspect', { token, ...more }, fetch)

async function told(response: Response): Promise<Record<string, unknown>> {
  expect(response.status).toBe(200)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(response.headers.get('Content-Type')).toContain('application/json')
  return response.json()
}

/** To the letter: nothing more is said of what is not active (§2.2). */
async function expectInactive(response: Response) {
  expect(response.status).toBe(200)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(await response.text()).toBe(INACTIVE)
}

/** One row of the registry, by its id. */
const change = (sql: string, id: string) => env.DB.prepare(sql).bind(id).run()

const isActive = async (token: string, by = server) => (await told(await ask(by, token))).active

describe('RFC 7662 §2.2: an active token', () => {
  it("of a client for itself: whose it is, what for and until when, with the client's id as sub", async () => {
    const token = await machineToken(client, { scope: 'submission:read public:read' })
    const { iat, exp, ...said } = await told(await ask(server, token))
    expect(said).toEqual({
      active: true,
      scope: 'public:read submission:read',
      client_id: client.id,
      sub: client.id,
      token_type: 'Bearer',
      iss: ISSUER,
      endorsements: ['cs.*'],
    })
    expect(Math.abs(Number(iat) - nowSeconds())).toBeLessThan(10)
    expect(Number(exp)).toBe(Number(iat) + LIFETIME_SECONDS)
  })

  it('of a user: who it is', async () => {
    const user = await newUser()
    const { access } = await userTokens(client, user)
    expect(await told(await ask(server, access))).toEqual({
      active: true,
      scope: 'submission:read',
      client_id: client.id,
      username: user.username,
      sub: user.id,
      token_type: 'Bearer',
      exp: expect.any(Number),
      iat: expect.any(Number),
      iss: ISSUER,
      endorsements: ['cs.DL'],
    })
  })

  it('that is bound to a key: by which it is presented, and which key that is (RFC 9449 §6.2)', async () => {
    const key = await newKey()
    const proof = { DPoP: await proofOf(key) }
    const { access_token } = await tokenIn(await post('/token', credentialsOf(client), proof))
    const bound = { token_type: 'DPoP', cnf: { jkt: key.jkt } }
    expect(await told(await ask(server, access_token))).toMatchObject(bound)
  })

  it('that renews: until its family ends, and without a token_type', async () => {
    const user = await newUser()
    const { refresh } = await userTokens(client, user)
    const { iat, exp, ...said } = await told(await ask(server, refresh))
    expect(said).toEqual({
      active: true,
      scope: 'submission:read',
      client_id: client.id,
      username: user.username,
      sub: user.id,
      iss: ISSUER,
      endorsements: ['cs.DL'],
    })
    expect(Number(exp) - Number(iat)).toBe(30 * 86_400)
  })

  it.each(['access_token', 'refresh_token', 'unknown', ''])(
    'is found whatever the hint: %j',
    async (token_type_hint) => {
      const { access, refresh } = await userTokens(client)
      for (const token of [access, refresh]) {
        expect((await told(await ask(server, token, { token_type_hint }))).active).toBe(true)
      }
    },
  )

  it('is not told as the session keeps it: no address, no mail, no key', async () => {
    const { access } = await userTokens(client)
    const text = await (await ask(server, access)).text()
    for (const word of ['@example.org', 'nonce', 'session_id', access, await digest(access)]) {
      expect(text).not.toContain(word)
    }
  })
})

describe('RFC 7662 §4: who may ask', () => {
  let tokens: Tokens
  beforeEach(async () => {
    tokens = await userTokens(client)
  })

  it('any client about its own tokens', async () => {
    expect(await isActive(tokens.access, client)).toBe(true)
    expect(await isActive(tokens.refresh, client)).toBe(true)
  })

  it('nobody who shows no more than the id of a client, not even about its own tokens (§2.1)', async () => {
    const app = await newPublicClient()
    const own = await userTokens(app)
    await change('UPDATE client SET may_introspect = 1 WHERE client_id = ?1', app.id)
    for (const token of [own.access, own.refresh, tokens.access, 'junk']) {
      const refused = await ask(app, token)
      expect(refused.headers.get('WWW-Authenticate')).toMatch(/^Basic /)
      expect(await refusal(refused)).toEqual({ status: 401, error: 'invalid_client' })
    }
    expect(await isActive(own.access)).toBe(true)
  })

  it("a client without the permission learns nothing of another's", async () => {
    const other = await newRefreshingClient()
    await expectInactive(await ask(other, tokens.access))
    await expectInactive(await ask(other, tokens.refresh))
    expect(await isActive(tokens.access)).toBe(true)
    expect(await isActive(tokens.refresh)).toBe(true)
  })

  it('a client that was allowed a moment ago, whatever the isolate remembers of it', async () => {
    const late = await newClient()
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    await expectInactive(await ask(late, tokens.access, {}, cached))
    await change('UPDATE client SET may_introspect = 1 WHERE client_id = ?1', late.id)
    expect((await told(await ask(late, tokens.access, {}, cached))).active).toBe(true)
  })

  it.each<[string, (c: TestClient) => Record<string, string>]>([
    ['a wrong secret', (c) => ({ ...identityOf(c), client_secret: 'wrong' })],
    ['no secret', (c) => ({ client_id: c.id })],
    ['an unknown client', (c) => ({ ...identityOf(c), client_id: 'nobody' })],
    ['nobody', () => ({})],
  ])('not %s', async (_, identity) => {
    const response = await post('/introspect', { ...identity(server), token: tokens.access })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await refusal(response)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('not a bearer of an access token: clients authenticate as at /token', async () => {
    const headers = { Authorization: `Bearer ${await machineToken(server)}` }
    const response = await post('/introspect', { token: tokens.access }, headers)
    expect(await refusal(response)).toEqual({ status: 401, error: 'invalid_client' })
  })
})

/** A bulk revocation, as the administrator makes one. */
const revokeAll = (kind: 'client' | 'user', id: string) =>
  env.DB.batch(
    revocationStatements(
      env.DB,
      kind === 'client' ? { kind, clientId: id } : { kind, userId: id },
      LIFETIME_SECONDS,
    ),
  )

describe('the same truth as the authenticator tells at /auth?fresh', () => {
  type Made = Readonly<{ tokens: Tokens; client: RegisteredClient; user: TestUser }>
  async function make(): Promise<Made> {
    const own = await newRefreshingClient()
    const user = await newUser()
    return { tokens: await userTokens(own, user), client: own, user }
  }

  it.each<[string, (made: Made) => Promise<unknown>, refreshDies: boolean]>([
    [
      'revoked by its client',
      ({ tokens, client: own }) => sendAs(own, '/revoke', { token: tokens.access }),
      false,
    ],
    [
      'revoked with its refresh token',
      ({ tokens, client: own }) => sendAs(own, '/revoke', { token: tokens.refresh }),
      true,
    ],
    [
      'revoked by its key',
      async ({ tokens }) =>
        revocationStore(env.DB, env.SESSIONS, LIFETIME_SECONDS).endSessions([
          await sessionKeyOf(tokens.access),
        ]),
      false,
    ],
    ['of a revoked client', ({ client: own }) => revokeAll('client', own.id), true],
    ['of a revoked user', ({ user }) => revokeAll('user', user.id), true],
    [
      'of a consent that was removed',
      ({ user, client: own }) =>
        revocationStore(env.DB, env.SESSIONS, LIFETIME_SECONDS).removeConsent(user.id, own.id),
      true,
    ],
    [
      'that KV has lost',
      async ({ tokens }) => env.SESSIONS.delete(await sessionKeyOf(tokens.access)),
      false,
    ],
  ])('a token %s', async (_, end, refreshDies) => {
    const made = await make()
    const { access, refresh } = made.tokens
    expect([await authStatus(access), await isActive(access)]).toEqual([200, true])
    expect(await isActive(refresh)).toBe(true)
    await end(made)
    expect(await authStatus(access)).toBe(401)
    await expectInactive(await ask(server, access))
    expect(await isActive(refresh)).toBe(!refreshDies)
    const renewed = await renewal(made.client, refresh)
    expect(renewed.status).toBe(refreshDies ? 400 : 200)
  })

  it('a token that has ended, to the second', async () => {
    const token = await machineToken(client)
    const { exp } = await told(await ask(server, token))
    const at = async (seconds: number) => {
      vi.setSystemTime(seconds * 1000)
      return [await authStatus(token), await isActive(token)]
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      expect(await at(Number(exp) - 1)).toEqual([200, true])
      expect(await at(Number(exp))).toEqual([401, false])
      await expectInactive(await ask(server, token))
    } finally {
      vi.useRealTimers()
    }
  })

  it.each<[string, () => string | Promise<string>]>([
    ['an unknown access token', () => mintToken('accessToken')],
    ['a wrong checksum', async () => `${(await machineToken(client)).slice(0, -1)}_`],
    ['junk', () => 'junk'],
    ['a code', () => mintToken('authorizationCode')],
    [
      'a browser session',
      async () =>
        (await signIn(await newUser())).split('registry_session=')[1]?.split(';')[0] ?? '',
    ],
  ])('%s', async (_, make) => {
    const token = await make()
    expect(token).not.toBe('')
    expect(await authStatus(token)).toBe(401)
    await expectInactive(await ask(server, token))
  })

  it('a session whose record names no client, though found under an access token', async () => {
    const token = await machineToken(client)
    const key = await sessionKeyOf(token)
    const record = JSON.parse((await env.SESSIONS.get(key)) ?? '')
    const user = { user_id: 'user-1', username: 'ada', email: 'ada@example.org' }
    await env.SESSIONS.put(key, JSON.stringify({ ...record, client: null, user }))
    expect(await authStatus(token)).toBe(401)
    await expectInactive(await ask(server, token))
  })
})

describe('a refresh token is active while /token would renew it', () => {
  it('not when it is spent, and its successor is', async () => {
    const first = await userTokens(client)
    const second = await tokensIn(await renewal(client, first.refresh))
    await expectInactive(await ask(server, first.refresh))
    expect(await isActive(second.refresh)).toBe(true)
  })

  it('not when its family has run out', async () => {
    const { refresh } = await userTokens(client)
    const { exp } = await told(await ask(server, refresh))
    vi.useFakeTimers({ toFake: ['Date'], now: (Number(exp) - 1) * 1000 })
    try {
      expect(await isActive(refresh)).toBe(true)
      vi.setSystemTime(Number(exp) * 1000)
      await expectInactive(await ask(server, refresh))
    } finally {
      vi.useRealTimers()
    }
  })

  // Straight in the database: nothing else happens with it that would end the family.
  it.each<[string, (own: TestClient, user: TestUser) => Promise<unknown>]>([
    [
      'its client is disabled',
      ({ id }) => change('UPDATE client SET disabled_at = 1 WHERE client_id = ?1', id),
    ],
    [
      'its user is disabled',
      (_, { id }) => change('UPDATE user SET disabled_at = 1 WHERE user_id = ?1', id),
    ],
    ['its client is deleted', ({ id }) => change('DELETE FROM client WHERE client_id = ?1', id)],
    ['its user is gone', (_, { id }) => change('DELETE FROM user WHERE user_id = ?1', id)],
    [
      'its client may not renew any more',
      ({ id }) =>
        change(
          `DELETE FROM client_grant_type WHERE client_id = ?1 AND grant_type = 'refresh_token'`,
          id,
        ),
    ],
    [
      'its client has lost every scope',
      ({ id }) => change('DELETE FROM client_authorization WHERE client_id = ?1', id),
    ],
    [
      'its user has lost every scope',
      (_, { id }) => change('DELETE FROM user_scope WHERE user_id = ?1', id),
    ],
  ])('not when %s', async (_, lose) => {
    const [own, user] = [await newRefreshingClient(), await newUser()]
    const { refresh } = await userTokens(own, user)
    expect(await isActive(refresh)).toBe(true)
    await lose(own, user)
    await expectInactive(await ask(server, refresh))
  })
})

describe('RFC 7662 §2.1: a request that cannot be read', () => {
  const INVALID_REQUEST = { status: 400, error: 'invalid_request' }

  it('without a token, with an empty one, or with two', async () => {
    expect(await refusal(await sendAs(server, '/introspect', {}))).toEqual(INVALID_REQUEST)
    expect(await refusal(await ask(server, ''))).toEqual(INVALID_REQUEST)
    const token = await machineToken(client)
    const pairs = [...Object.entries({ ...identityOf(server), token }), ['token', token]]
    const twice = await post('/introspect', pairs as [string, string][])
    expect(await refusal(twice)).toEqual(INVALID_REQUEST)
    expect(await isActive(token)).toBe(true)
  })

  it('as JSON: 415; by GET, with the token in the URL: 405', async () => {
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    expect((await registry('/introspect', json)).status).toBe(415)
    const got = await registry(`/introspect?token=${await machineToken(client)}`)
    expect([got.status, got.headers.get('Allow')]).toEqual([405, 'POST'])
  })
})

describe('a fault of storage is 503 with Retry-After, never "inactive"', () => {
  it.each<[keyof Count, number, 'access' | 'refresh']>([
    ['kvRead', 1, 'access'],
    ['d1', 2, 'access'],
    ['d1', 1, 'refresh'],
    ['d1', 2, 'refresh'],
    ['d1', 3, 'refresh'],
  ])('while the %s number %i fails, for the %s token', async (operation, nth, which) => {
    const tokens = await userTokens(client)
    let seen = 0
    const failing = serve({
      ...watchedBindings((current) => {
        if (current === operation && ++seen >= nth) throw new Error('storage is out of reach')
      }),
    })
    const response = await ask(server, tokens[which], {}, failing)
    expect(response.headers.get('Retry-After')).toBe('1')
    expect(await refusal(response)).toEqual(UNAVAILABLE)
    expect(await isActive(tokens[which])).toBe(true)
  })
})
