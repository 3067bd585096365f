/** RFC 6749 §2.3, client authentication: each client uses the method it is registered for, and no other. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { clientRegistry } from '../rows.ts'
import {
  basicOf,
  countSessions,
  credentialsOf,
  newClient,
  nowSeconds,
  post,
  refusal,
  serve,
  type TestClient,
  tokenIn,
} from './registry.ts'

const grant = { grant_type: 'client_credentials' }
/** Secrets that were not generated here and are strong enough. */
const [SECOND, THIRD, NEW] = ['second', 'third', 'new'].map(
  (word) => `${word} secret of thirty-two characters or more`,
) as [string, string, string]
const INVALID_CLIENT = { status: 401, error: 'invalid_client' }

describe('RFC 6749 §2.3.1: authentication with a secret', () => {
  const byBasic = (c: TestClient) => post('/token', grant, basicOf(c))
  const byBody = (c: TestClient) => post('/token', credentialsOf(c))

  it('a client registered for client_secret, the default, authenticates by Basic or in the body', async () => {
    for (const client of [await newClient(), await newClient({ authMethod: 'client_secret' })]) {
      expect((await byBasic(client)).status).toBe(200)
      expect((await byBody(client)).status).toBe(200)
      for (const attempt of [byBasic, byBody]) {
        expect(await refusal(await attempt({ ...client, secret: 'wrong' }))).toEqual(INVALID_CLIENT)
      }
      expect(await refusal(await post('/token', { ...grant, client_id: client.id }))).toEqual(
        INVALID_CLIENT,
      )
    }
  })

  it('a client registered for client_secret authenticates by Basic or in the body at /revoke and /introspect', async () => {
    const client = await newClient()
    const { client_id, client_secret } = credentialsOf(client) as Record<string, string>
    for (const path of ['/revoke', '/introspect']) {
      const token = 'junk'
      const header = await post(path, { token }, basicOf(client))
      const body = await post(path, { token, client_id, client_secret } as never)
      expect([header.status, body.status]).toEqual([200, 200])
    }
  })

  it('a client registered for client_secret_post or client_secret_basic is refused with the other method', async () => {
    const poster = await newClient({ authMethod: 'client_secret_post' })
    const basicClient = await newClient({ authMethod: 'client_secret_basic' })
    expect((await byBody(poster)).status).toBe(200)
    expect(await refusal(await byBasic(poster))).toEqual(INVALID_CLIENT)
    expect((await byBasic(basicClient)).status).toBe(200)
    expect(await refusal(await byBody(basicClient))).toEqual(INVALID_CLIENT)
  })

  it('the credentials of Basic are form-decoded', async () => {
    const client = await newClient({ authMethod: 'client_secret_basic' })
    const secret = `a b%c+d:é ${mintToken('clientSecret')}`
    await clientRegistry(env.DB).rotateSecret(client.id, await hexDigest(secret), 0, {
      now: nowSeconds(),
    })
    const encode = (text: string) => new URLSearchParams({ t: text }).toString().slice(2)
    const encoded = basicOf({ id: encode(client.id), secret: encode(secret) })
    expect((await post('/token', grant, encoded)).status).toBe(200)
    const raw = {
      Authorization: `Basic ${btoa(`${client.id}:a b%c+d ${mintToken('clientSecret')}`)}`,
    }
    expect((await post('/token', grant, raw)).status).toBe(401)
  })

  it('a client_id in the body must be that of the Basic credentials', async () => {
    const client = await newClient({ authMethod: 'client_secret_basic' })
    const headers = basicOf(client)
    const same = await post('/token', { ...grant, client_id: client.id }, headers)
    expect(same.status).toBe(200)
    const other = await post('/token', { ...grant, client_id: 'another' }, headers)
    expect(await refusal(other)).toEqual(INVALID_CLIENT)
  })

  const refused: [string, (client: TestClient) => Promise<Response>][] = [
    ['a wrong secret', (c) => post('/token', credentialsOf({ ...c, secret: `${c.secret}x` }))],
    ['no secret', (c) => post('/token', { ...grant, client_id: c.id })],
    ['an empty secret', (c) => post('/token', credentialsOf({ ...c, secret: '' }))],
    ['an unknown client', (c) => post('/token', credentialsOf({ ...c, id: 'nobody' }))],
    ['no client at all', () => post('/token', grant)],
    [
      'another scheme beside valid credentials',
      (c) => post('/token', credentialsOf(c), { Authorization: 'Bearer abc' }),
    ],
    ['Basic that is not base64', () => post('/token', grant, { Authorization: 'Basic %%%' })],
    ['Basic without a colon', () => post('/token', grant, { Authorization: `Basic ${btoa('a')}` })],
    [
      'Basic that is not form-encoded',
      () => post('/token', grant, { Authorization: `Basic ${btoa('a:%zz')}` }),
    ],
  ]
  it.each(refused)(
    'a token request with %s gets 401, no token and no session',
    async (_, attempt) => {
      const client = await newClient()
      const before = await countSessions()
      expect(await refusal(await attempt(client))).toEqual(INVALID_CLIENT)
      expect(await countSessions()).toBe(before)
      expect((await post('/token', credentialsOf(client))).status).toBe(200)
    },
  )

  it('a token request with two authentication methods is refused with invalid_request, even when both are right (RFC 6749 §2.3, §5.2)', async () => {
    for (const authMethod of [
      'client_secret',
      'client_secret_basic',
      'client_secret_post',
    ] as const) {
      const client = await newClient({ authMethod })
      const before = await countSessions()
      const both = await post('/token', credentialsOf(client), basicOf(client))
      expect(await refusal(both)).toEqual({ status: 400, error: 'invalid_request' })
      expect(await countSessions()).toBe(before)
      const { client_secret, ...fields } = credentialsOf(client)
      const one =
        authMethod === 'client_secret_post'
          ? byBody(client)
          : post('/token', fields, basicOf(client))
      expect((await one).status).toBe(200)
    }
  })

  it('a public client that sends a secret is refused with invalid_client', async () => {
    const client = await newClient({ authMethod: 'none' })
    const fields = credentialsOf({ ...client, secret: 'anything' })
    expect(await refusal(await post('/token', fields))).toEqual(INVALID_CLIENT)
  })

  it('every 401 of an endpoint for clients has a Basic challenge (RFC 9110 §15.5.2)', async () => {
    const { id } = await newClient()
    const open = await newClient({ authMethod: 'none' })
    const token = { token: 'junk' }
    const attempts: [Record<string, string>, Record<string, string>?][] = [
      [{ client_id: id, client_secret: 'wrong' }],
      [{}, basicOf({ id, secret: 'wrong' })],
      [{}, { Authorization: 'Bearer junk' }],
      [{ client_id: id }],
      [{ client_id: 'nobody' }],
      [{ client_id: open.id, client_secret: 'any' }],
      [{ client_assertion: 'junk' }],
      [{}],
    ]
    for (const path of ['/token', '/revoke', '/introspect']) {
      for (const [fields, headers] of attempts) {
        const answer = await post(path, { ...grant, ...token, ...fields }, headers)
        expect([path, answer.status]).toEqual([path, 401])
        expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Basic realm="/)
      }
      const other = await post(path, [
        ['token', '1'],
        ['token', '2'],
      ])
      expect([other.status, other.headers.has('WWW-Authenticate')]).toEqual([400, false])
    }
  })

  it('a token request of an unknown client and one with a wrong secret get exactly the same response', async () => {
    const client = await newClient()
    const wrong = await post('/token', credentialsOf({ ...client, secret: 'wrong' }))
    const unknown = await post('/token', credentialsOf({ id: 'nobody', secret: 'wrong' }))
    expect(await unknown.text()).toBe(await wrong.text())
  })
})

describe('rotation of a secret', () => {
  it('the old secret is accepted beside the new one during the overlap, and refused without an overlap', async () => {
    const client = await newClient()
    const clients = clientRegistry(env.DB)
    const rotate = async (secret: string, overlap: number) =>
      clients.rotateSecret(client.id, await hexDigest(secret), overlap, { now: nowSeconds() })
    // A new isolate for each request: cached records are tested below.
    const works = async (secret: string) =>
      (await post('/token', credentialsOf({ ...client, secret }), {}, serve())).status === 200
    await rotate(SECOND, 60)
    expect([await works(client.secret), await works(SECOND)]).toEqual([true, true])
    await rotate(THIRD, 0)
    const all = [client.secret, SECOND, THIRD]
    expect(await Promise.all(all.map(works))).toEqual([false, false, true])
  })

  it('a later rotation does not extend the overlap of an earlier one', async () => {
    const client = await newClient()
    const at = nowSeconds()
    for (const [secret, overlap] of [
      [SECOND, 60],
      [THIRD, 600],
    ] as const) {
      await clientRegistry(env.DB).rotateSecret(client.id, await hexDigest(secret), overlap, {
        now: at,
      })
    }
    const lateBySeconds = nowSeconds() - at
    const { results } = await env.DB.prepare(
      'SELECT secret_digest, expires_at FROM client_credential WHERE client_id = ?1',
    )
      .bind(client.id)
      .all<{ secret_digest: string; expires_at: number | null }>()
    const ends = new Map(results.map((row) => [row.secret_digest, row.expires_at]))
    const all = await Promise.all([client.secret, SECOND, THIRD].map(hexDigest))
    const [first, second, third] = all.map((digest) => ends.get(digest))
    // By D1's clock, which moves on during the rotations.
    for (const [ends, overlap] of [
      [first, 60],
      [second, 600],
    ] as const) {
      expect(ends).toBeGreaterThanOrEqual(at + overlap)
      expect(ends).toBeLessThanOrEqual(at + overlap + lateBySeconds)
    }
    expect(third).toBeNull()
  })

  it('a rotation gives no secret to a public client', async () => {
    const { id } = await newClient({ authMethod: 'none' })
    await clientRegistry(env.DB).rotateSecret(id, await hexDigest('a secret'), 0, {
      now: nowSeconds(),
    })
    const kept = env.DB.prepare('SELECT count(*) AS n FROM client_credential WHERE client_id = ?1')
    expect(await kept.bind(id).first('n')).toBe(0)
  })

  it('the day on which a secret was used is recorded', async () => {
    const client = await newClient()
    const lastUse = () =>
      env.DB.prepare('SELECT last_used_at FROM client_credential WHERE client_id = ?1')
        .bind(client.id)
        .first<number>('last_used_at')
    expect(await lastUse()).toBeNull()
    await post('/token', credentialsOf({ ...client, secret: 'wrong' }), {}, serve())
    expect(await lastUse()).toBeNull()
    // Recorded when the client is read from D1: this isolate has not cached it yet.
    const before = nowSeconds()
    await post('/token', credentialsOf(client))
    const usedAt = await lastUse()
    expect(usedAt).toBeGreaterThanOrEqual(before)
    expect(usedAt).toBeLessThanOrEqual(nowSeconds())
  })
})

describe('cached client records', () => {
  it('a disabled client is refused at once by an isolate that has not cached it, and gets tokens from one that has', async () => {
    const client = await newClient()
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    expect((await post('/token', credentialsOf(client), {}, cached)).status).toBe(200)
    await clientRegistry(env.DB).disable(client.id, nowSeconds())
    expect((await post('/token', credentialsOf(client), {}, cached)).status).toBe(200)
    expect(await refusal(await post('/token', credentialsOf(client)))).toEqual(INVALID_CLIENT)
  })

  it('a new secret and a new scope are accepted at once despite the cache', async () => {
    const client = await newClient({ scopes: ['public:read'] })
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    const clients = clientRegistry(env.DB)
    const ask = (fields: Record<string, string>) => post('/token', fields, {}, cached)
    expect((await ask(credentialsOf(client))).status).toBe(200)
    await clients.rotateSecret(client.id, await hexDigest(NEW), 0, { now: nowSeconds() })
    const renewed = { ...client, secret: NEW }
    expect((await ask(credentialsOf(renewed))).status).toBe(200)
    await clients.authorize(client.id, { scopes: ['compile:read'] }, nowSeconds())
    const answer = await ask(credentialsOf(renewed, { scope: 'compile:read' }))
    expect((await tokenIn(answer)).scope).toBe('compile:read')
  })
})
