/** RFC 7662: introspection tells authorized clients about a token, and agrees with the authenticator. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest, sessionKeyOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { revocationStatements } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { type Count, failing } from './counting.ts'
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
  sessionTokenIn,
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
afterEach(() => void vi.useRealTimers())

const ask = (by: TestClient, token: string, more: Record<string, string> = {}, fetch?: Fetch) =>
  sendAs(by, '/introspect', { token, ...more }, fetch)

async function introspected(response: Response): Promise<Record<string, unknown>> {
  expect(response.status).toBe(200)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(response.headers.get('Content-Type')).toContain('application/json')
  return response.json()
}

/** §2.2: the response for an inactive token has no other member. */
async function expectInactive(response: Response) {
  expect(response.status).toBe(200)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(await response.text()).toBe(INACTIVE)
}

/** Changes one row by its id. */
const change = (sql: string, id: string) => env.DB.prepare(sql).bind(id).run()

const isActive = async (token: string, by = server) =>
  (await introspected(await ask(by, token))).active

describe('RFC 7662 §2.2: active tokens', () => {
  it("the introspection of a client's own token states its scope and lifetime, with the client's id as sub", async () => {
    const before = nowSeconds()
    const token = await machineToken(client, { scope: 'submission:read public:read' })
    const after = nowSeconds()
    const { iat, exp, ...said } = await introspected(await ask(server, token))
    expect(said).toEqual({
      active: true,
      scope: 'public:read submission:read',
      client_id: client.id,
      sub: client.id,
      token_type: 'Bearer',
      iss: ISSUER,
      endorsements: ['cs.*'],
    })
    expect(iat).toBeGreaterThanOrEqual(before)
    expect(iat).toBeLessThanOrEqual(after)
    expect(Number(exp)).toBe(Number(iat) + LIFETIME_SECONDS)
  })

  it("the introspection of a user's token names the user", async () => {
    const user = await newUser()
    const { access } = await userTokens(client, user)
    expect(await introspected(await ask(server, access))).toEqual({
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

  it('the introspection of a bound token states its type and key (RFC 9449 §6.2)', async () => {
    const key = await newKey()
    const proof = { DPoP: await proofOf(key) }
    const { access_token } = await tokenIn(await post('/token', credentialsOf(client), proof))
    const bound = { token_type: 'DPoP', cnf: { jkt: key.jkt } }
    expect(await introspected(await ask(server, access_token))).toMatchObject(bound)
  })

  it('the introspection of a refresh token states the end of its family, without a token_type', async () => {
    const user = await newUser()
    const { refresh } = await userTokens(client, user)
    const issuedBy = nowSeconds()
    const { iat, exp, ...said } = await introspected(await ask(server, refresh))
    expect(said).toEqual({
      active: true,
      scope: 'submission:read',
      client_id: client.id,
      username: user.username,
      sub: user.id,
      iss: ISSUER,
      endorsements: ['cs.DL'],
    })
    // REFRESH_IDLE_SECONDS after the moment at which D1 stored the token.
    const storedAt = Number(exp) - 14 * 86_400
    expect(storedAt).toBeGreaterThanOrEqual(Number(iat))
    expect(storedAt).toBeLessThanOrEqual(issuedBy)
  })

  it.each(['access_token', 'refresh_token', 'unknown', ''])(
    'introspection finds a token with any token_type_hint: %j',
    async (token_type_hint) => {
      const { access, refresh } = await userTokens(client)
      for (const token of [access, refresh]) {
        expect((await introspected(await ask(server, token, { token_type_hint }))).active).toBe(
          true,
        )
      }
    },
  )

  it('the introspection response has no IP address, e-mail address or session key', async () => {
    const { access } = await userTokens(client)
    const text = await (await ask(server, access)).text()
    for (const word of ['@example.org', 'nonce', 'session_id', access, await digest(access)]) {
      expect(text).not.toContain(word)
    }
  })
})

describe('RFC 7662 §4: authorization to introspect', () => {
  let tokens: Tokens
  beforeEach(async () => {
    tokens = await userTokens(client)
  })

  it('a client may introspect its own tokens', async () => {
    expect(await isActive(tokens.access, client)).toBe(true)
    expect(await isActive(tokens.refresh, client)).toBe(true)
  })

  it('a public client may introspect no token, not even its own (§2.1)', async () => {
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

  it("a client without the permission sees another client's token as inactive", async () => {
    const other = await newRefreshingClient()
    await expectInactive(await ask(other, tokens.access))
    await expectInactive(await ask(other, tokens.refresh))
    expect(await isActive(tokens.access)).toBe(true)
    expect(await isActive(tokens.refresh)).toBe(true)
  })

  it('a client with a new permission may introspect at once despite the cache', async () => {
    const late = await newClient()
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    await expectInactive(await ask(late, tokens.access, {}, cached))
    await change('UPDATE client SET may_introspect = 1 WHERE client_id = ?1', late.id)
    expect((await introspected(await ask(late, tokens.access, {}, cached))).active).toBe(true)
  })

  it.each<[string, (c: TestClient) => Record<string, string>]>([
    ['a wrong secret', (c) => ({ ...identityOf(c), client_secret: 'wrong' })],
    ['no secret', (c) => ({ client_id: c.id })],
    ['an unknown client', (c) => ({ ...identityOf(c), client_id: 'nobody' })],
    ['no client', () => ({})],
  ])('an introspection with %s is refused', async (_, identity) => {
    const response = await post('/introspect', { ...identity(server), token: tokens.access })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await refusal(response)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('an access token does not authenticate a client at /introspect', async () => {
    const headers = { Authorization: `Bearer ${await machineToken(server)}` }
    const response = await post('/introspect', { token: tokens.access }, headers)
    expect(await refusal(response)).toEqual({ status: 401, error: 'invalid_client' })
  })
})

/** A bulk revocation, as an administrator starts it. */
const revokeAll = (kind: 'client' | 'user', id: string) =>
  env.DB.batch(
    revocationStatements(
      env.DB,
      kind === 'client' ? { kind, clientId: id } : { kind, userId: id },
      LIFETIME_SECONDS,
    ),
  )

describe('agreement of introspection with /auth?fresh', () => {
  type Made = Readonly<{ tokens: Tokens; client: RegisteredClient; user: TestUser }>
  async function make(): Promise<Made> {
    const own = await newRefreshingClient()
    const user = await newUser()
    return { tokens: await userTokens(own, user), client: own, user }
  }

  it.each<[string, (made: Made) => Promise<unknown>, refreshDies: boolean]>([
    [
      'that its client revoked',
      ({ tokens, client: own }) => sendAs(own, '/revoke', { token: tokens.access }),
      false,
    ],
    [
      'whose refresh token was revoked',
      ({ tokens, client: own }) => sendAs(own, '/revoke', { token: tokens.refresh }),
      true,
    ],
    [
      'that was revoked by its digest',
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
  ])(
    'an access token %s is inactive at /introspect and refused at /auth?fresh',
    async (_, end, refreshDies) => {
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
    },
  )

  it('an access token is inactive at /introspect and refused at /auth?fresh from the second of its expiry', async () => {
    const token = await machineToken(client)
    const { exp } = await introspected(await ask(server, token))
    const at = async (seconds: number) => {
      vi.setSystemTime(seconds * 1000)
      return [await authStatus(token), await isActive(token)]
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    expect(await at(Number(exp) - 1)).toEqual([200, true])
    expect(await at(Number(exp))).toEqual([401, false])
    await expectInactive(await ask(server, token))
  })

  it.each<[string, () => string | Promise<string>]>([
    ['an unknown access token', () => mintToken('accessToken')],
    ['a token with a wrong checksum', async () => `${(await machineToken(client)).slice(0, -1)}_`],
    ['a malformed token', () => 'junk'],
    ['a code', () => mintToken('authorizationCode')],
    ['a browser session', async () => sessionTokenIn(await signIn(await newUser()))],
  ])('%s is inactive at /introspect and refused at /auth?fresh', async (_, make) => {
    const token = await make()
    expect(token).not.toBe('')
    expect(await authStatus(token)).toBe(401)
    await expectInactive(await ask(server, token))
  })

  it('an access token whose session names no client is inactive at /introspect', async () => {
    const token = await machineToken(client)
    const key = await sessionKeyOf(token)
    const record = JSON.parse((await env.SESSIONS.get(key)) ?? '')
    const user = { user_id: 'user-1', username: 'ada', email: 'ada@example.org' }
    await env.SESSIONS.put(key, JSON.stringify({ ...record, client: null, user }))
    expect(await authStatus(token)).toBe(401)
    await expectInactive(await ask(server, token))
  })
})

describe('refresh tokens that /token would refuse', () => {
  it('a spent refresh token is inactive at /introspect, and its successor is active', async () => {
    const first = await userTokens(client)
    const second = await tokensIn(await renewal(client, first.refresh))
    await expectInactive(await ask(server, first.refresh))
    expect(await isActive(second.refresh)).toBe(true)
  })

  it('a refresh token is inactive at /introspect from the end of its family', async () => {
    const { refresh } = await userTokens(client)
    const { exp } = await introspected(await ask(server, refresh))
    vi.useFakeTimers({ toFake: ['Date'], now: (Number(exp) - 1) * 1000 })
    expect(await isActive(refresh)).toBe(true)
    vi.setSystemTime(Number(exp) * 1000)
    await expectInactive(await ask(server, refresh))
  })

  // Changed directly in the database, so that nothing else ends the family.
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
    ['its user is deleted', (_, { id }) => change('DELETE FROM user WHERE user_id = ?1', id)],
    [
      'its client has lost the grant type',
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
  ])('a refresh token is inactive at /introspect when %s', async (_, lose) => {
    const [own, user] = [await newRefreshingClient(), await newUser()]
    const { refresh } = await userTokens(own, user)
    expect(await isActive(refresh)).toBe(true)
    await lose(own, user)
    await expectInactive(await ask(server, refresh))
  })
})

describe('RFC 7662 §2.1: malformed introspection requests', () => {
  const INVALID_REQUEST = { status: 400, error: 'invalid_request' }

  it('an introspection without a token, with an empty one or with two is refused with invalid_request', async () => {
    expect(await refusal(await sendAs(server, '/introspect', {}))).toEqual(INVALID_REQUEST)
    expect(await refusal(await ask(server, ''))).toEqual(INVALID_REQUEST)
    const token = await machineToken(client)
    const pairs = [...Object.entries({ ...identityOf(server), token }), ['token', token]]
    const twice = await post('/introspect', pairs as [string, string][])
    expect(await refusal(twice)).toEqual(INVALID_REQUEST)
    expect(await isActive(token)).toBe(true)
  })

  it('an introspection as JSON is refused with 415, and a GET with 405', async () => {
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    expect((await registry('/introspect', json)).status).toBe(415)
    const got = await registry(`/introspect?token=${await machineToken(client)}`)
    expect([got.status, got.headers.get('Allow')]).toEqual([405, 'POST'])
  })
})

describe('introspection under storage faults', () => {
  it.each<[keyof Count, number, 'access' | 'refresh']>([
    ['kvRead', 1, 'access'],
    ['d1', 2, 'access'],
    ['d1', 1, 'refresh'],
    ['d1', 2, 'refresh'],
    ['d1', 3, 'refresh'],
  ])(
    'an introspection is 503 and never inactive while %s operation number %i fails, for the %s token',
    async (operation, nth, which) => {
      const tokens = await userTokens(client)
      const response = await ask(server, tokens[which], {}, failing(operation, { from: nth }))
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(await refusal(response)).toEqual(UNAVAILABLE)
      expect(await isActive(tokens[which])).toBe(true)
    },
  )
})
