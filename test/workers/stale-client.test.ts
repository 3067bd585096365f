/** The cached client record of an isolate: it serves `client_credentials` and nothing else. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { clientRegistry } from '../rows.ts'
import { over, watchedBindings } from './counting.ts'
import { asserting, assertionOf, keySetOf, newKey } from './keys.ts'
import { loggedBy } from './logged.ts'
import {
  newRefreshingClient,
  renewal,
  sendAs,
  type Tokens,
  tokensIn,
  userTokens,
} from './obtaining.ts'
import {
  answerConsent,
  authorizePath,
  credentialsOf,
  type Fetch,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  signIn,
  type TestClient,
  tokenIn,
  UNAVAILABLE,
} from './registry.ts'

let client: TestClient
const lines = loggedBy('log')
beforeEach(async () => {
  client = await newClient()
})
afterEach(() => void vi.useRealTimers())

/** An isolate that has just read the client, and whose D1 fails from then on. */
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
  lines.length = 0
  return { at, fetch, token: () => post('/token', credentialsOf(client), {}, fetch) }
}
const staleUses = () => lines.filter(({ event }) => event === 'stale_client_used')

describe('client_credentials while D1 does not answer', () => {
  it('client_credentials with an assertion is 503 without D1, because D1 must record the jti', async () => {
    const key = await newKey()
    client = await newClient({ authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) })
    let isAway = false
    const bindings = watchedBindings((operation) => {
      if (operation === 'd1' && isAway) throw new Error('D1 is away')
    })
    const fetch = serve(bindings)
    const ask = async () => {
      const assertion = asserting(await assertionOf(client.id, key))
      return post('/token', { grant_type: 'client_credentials', ...assertion }, {}, fetch)
    }
    expect((await ask()).status).toBe(200)
    isAway = true
    expect(await refusal(await ask())).toEqual(UNAVAILABLE)
    isAway = false
    expect((await ask()).status).toBe(200)
  })

  it('client_credentials uses a cached record for STALE_CLIENT_SECONDS without D1, and the log says its age', async () => {
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

  it('a wrong secret is 503 without D1, because the cached record may be outdated', async () => {
    const { at, fetch } = await isolateWithoutD1()
    at(11)
    const wrong = credentialsOf({ ...client, secret: 'wrong' })
    expect(await refusal(await post('/token', wrong, {}, fetch))).toEqual(UNAVAILABLE)
  })

  it('client_credentials uses no stale record when STALE_CLIENT_SECONDS is 0', async () => {
    const { at, token } = await isolateWithoutD1({ STALE_CLIENT_SECONDS: 0 })
    at(9)
    expect((await token()).status).toBe(200)
    at(11)
    expect(await refusal(await token())).toEqual(UNAVAILABLE)
  })
})

describe('requests that never use a cached client record', () => {
  it.each([
    ['/introspect', () => ({ token: 'reg_junk' })],
    ['/revoke', () => ({ token: 'reg_junk' })],
  ] as const)('%s is 503 without D1, however young the cached record is', async (path, fields) => {
    const { at, fetch } = await isolateWithoutD1()
    const ask = () => post(path, { ...credentialsOf(client), ...fields() }, {}, fetch)
    for (const seconds of [1, 9, 11]) {
      at(seconds)
      expect(await refusal(await ask())).toEqual(UNAVAILABLE)
    }
    expect(staleUses()).toEqual([])
  })

  it('a code exchange is 503 without D1, however young the cached record is', async () => {
    const cookie = await signIn(await newUser())
    const code = await obtainCode(cookie, requestOf(client))
    const { at, fetch } = await isolateWithoutD1()
    at(1)
    const answer = await post('/token', redemptionOf(client, code), {}, fetch)
    expect(await refusal(answer)).toEqual(UNAVAILABLE)
    expect(staleUses()).toEqual([])
    expect((await post('/token', redemptionOf(client, code), {}, registry)).status).toBe(200)
  })
})

describe('changes of a client that an isolate has cached', () => {
  let cookie: string
  beforeEach(async () => {
    cookie = await signIn(await newUser({ scopes: ['submission:read', 'submission:create'] }))
  })
  /** A client, and an isolate with default settings that has cached it. */
  async function cached(registration: Parameters<typeof newClient>[0]) {
    const own = await newClient(registration)
    const fetch = serve()
    expect((await post('/token', credentialsOf(own), {}, fetch)).status).toBe(200)
    return { own, fetch, clients: clientRegistry(env.DB) }
  }
  const redeem = async (own: TestClient, scope: string, fetch: Fetch) => {
    const code = await obtainCode(cookie, requestOf(own, { scope }))
    return post('/token', redemptionOf(own, code), {}, fetch)
  }

  it('a code for a scope that the client has just got is redeemed despite the cache', async () => {
    const { own, fetch, clients } = await cached({ scopes: ['submission:read'] })
    await clients.authorize(own.id, { scopes: ['submission:create'] }, nowSeconds())
    const response = await redeem(own, 'submission:create', fetch)
    expect([response.status, (await tokenIn(response)).scope]).toEqual([200, 'submission:create'])
  })

  it('a code keeps an old and a new scope of the client despite the cache', async () => {
    const { own, fetch, clients } = await cached({ scopes: ['submission:read'] })
    await clients.authorize(own.id, { scopes: ['submission:create'] }, nowSeconds())
    const response = await redeem(own, 'submission:create submission:read', fetch)
    expect((await tokenIn(response)).scope).toBe('submission:create submission:read')
  })

  it('a refresh keeps an old and a new scope of the client despite the cache', async () => {
    const { own, fetch, clients } = await cached({
      scopes: ['submission:read'],
      grantTypes: ['client_credentials', 'authorization_code', 'refresh_token'],
    })
    await clients.authorize(own.id, { scopes: ['submission:create'] }, nowSeconds())
    const issued = await tokensIn(await redeem(own, 'submission:create submission:read', serve()))
    const response = await renewal(own, issued.refresh, {}, fetch)
    expect((await tokenIn(response)).scope).toBe('submission:create submission:read')
  })

  it('a client that has just got the refresh grant gets a refresh token with its code despite the cache', async () => {
    const { own, fetch, clients } = await cached({})
    await clients.authorize(own.id, { grantTypes: ['refresh_token'] }, nowSeconds())
    expect((await tokensIn(await redeem(own, 'submission:read', fetch))).refresh).toMatch(/^regr_/)
  })

  it('a redemption with a replaced secret is refused despite the cache, and the code stays valid', async () => {
    const { own, fetch, clients } = await cached({})
    const code = await obtainCode(cookie, requestOf(own))
    await clients.rotateSecret(
      own.id,
      await hexDigest('the new secret, of more than 32 characters'),
      0,
      { now: nowSeconds() },
    )
    const refused = await post('/token', redemptionOf(own, code), {}, fetch)
    expect(await refusal(refused)).toMatchObject({ error: 'invalid_client' })
    const renewed = redemptionOf(
      { ...own, secret: 'the new secret, of more than 32 characters' },
      code,
    )
    expect((await post('/token', renewed, {}, fetch)).status).toBe(200)
  })
})

describe('requests that read the D1 primary', () => {
  let own: TestClient
  let cookie: string
  let tokens: Tokens
  const fetch = serve({
    DB: over(env.DB, {
      withSession: () => {
        throw new Error('the replica is away')
      },
    }),
  })
  beforeEach(async () => {
    own = await newRefreshingClient()
    const user = await newUser()
    cookie = await signIn(user)
    tokens = await userTokens(own, user)
  })

  it('control: client_credentials reads the replica', async () => {
    expect(await refusal(await post('/token', credentialsOf(own), {}, fetch))).toEqual(UNAVAILABLE)
  })

  it.each<[string, () => Promise<Response>, number]>([
    [
      'GET /authorize',
      () => fetch(authorizePath(requestOf(own)), { headers: { Cookie: cookie } }),
      303,
    ],
    [
      'POST /authorize',
      () => answerConsent(cookie, requestOf(own, { scope: 'public:read' }), undefined, fetch),
      303,
    ],
    [
      'GET /login',
      () => fetch(`/login?next_page=${encodeURIComponent(authorizePath(requestOf(own)))}`),
      200,
    ],
    [
      'the code grant',
      async () =>
        post('/token', redemptionOf(own, await obtainCode(cookie, requestOf(own))), {}, fetch),
      200,
    ],
    ['the refresh grant', () => renewal(own, tokens.refresh, {}, fetch), 200],
    ['/introspect', () => sendAs(own, '/introspect', { token: tokens.refresh }, fetch), 200],
    ['/revoke', () => sendAs(own, '/revoke', { token: tokens.access }, fetch), 200],
  ])('%s reads the D1 primary and works without the replica', async (_, ask, status) => {
    expect((await ask()).status).toBe(status)
  })
})
