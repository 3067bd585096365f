/** Guessing client secrets: failures are limited by network and by client, and a weak secret is never compared. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { clientRegistry } from '../rows.ts'
import { countedBindings, nothing } from './counting.ts'
import { limiter } from './limits.ts'
import {
  basicOf,
  credentialsOf,
  type Fetch,
  newClient,
  nowSeconds,
  post,
  refusal,
  registry,
  serve,
  type TestClient,
} from './registry.ts'

/** A secret as another registry creates it: 48 random characters. */
const RANDOM = 'q7Zr2mXc9Lw4tYbK1vN8sHd3fGj6pQaU5eRiOoTzWxBkMnVl'
/** A client that was imported from another registry. */
async function importedClient(secret: string): Promise<TestClient> {
  const { id } = await newClient()
  await clientRegistry(env.DB).rotateSecret(id, await hexDigest(secret), 0, { now: nowSeconds() })
  await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
  return { id, secret }
}

const HERE = '192.0.2.66'
const ELSEWHERE = '198.51.100.7'
const PATHS = ['/token', '/introspect', '/revoke']

const attempt = (fetch: Fetch, client: TestClient, address = HERE, path = '/token') =>
  post(path, credentialsOf(client, { token: 'any' }), { 'CF-Connecting-IP': address }, fetch)
const withWrongSecret = (client: TestClient) => ({ ...client, secret: 'wrong' })

const LIMIT = 3

describe('the limit on failed client authentications', () => {
  const addresses = Array.from({ length: LIMIT }, (_, index) => `203.0.113.${index}`)

  it.each(PATHS)(
    'failed authentications of one client at %s are limited across all addresses: 429 with Retry-After',
    async (path) => {
      const guarded = serve({ REFUSAL_LIMIT: limiter(LIMIT) })
      const [client, other] = [await newClient(), await newClient()]
      for (const address of addresses) {
        expect((await attempt(guarded, withWrongSecret(client), address, path)).status).toBe(401)
      }
      const limited = await attempt(guarded, withWrongSecret(client), ELSEWHERE, path)
      expect(limited.headers.get('Retry-After')).toBe('60')
      expect(await refusal(limited)).toMatchObject({
        status: 429,
        error: 'temporarily_unavailable',
      })
      expect((await attempt(guarded, withWrongSecret(other), '198.51.100.8', path)).status).toBe(
        401,
      )
      expect((await attempt(guarded, client, ELSEWHERE)).status).toBe(200)
    },
  )

  it.each(PATHS)(
    'failed authentications from one network at %s are limited across all clients',
    async (path) => {
      const guarded = serve({ REFUSAL_LIMIT: limiter(LIMIT) })
      const unknown = (id: string) => ({ id, secret: 'wrong' })
      for (const address of addresses) {
        const status = (await attempt(guarded, unknown(address), HERE, path)).status
        expect(status).toBe(401)
      }
      expect((await attempt(guarded, unknown('another'), HERE, path)).status).toBe(429)
      expect((await attempt(guarded, unknown('another'), ELSEWHERE, path)).status).toBe(401)
    },
  )

  it('failed authentications are limited by IPv6 network and not by address, because a subscriber has 2^64 addresses', async () => {
    const guarded = serve({ REFUSAL_LIMIT: limiter(1) })
    const unknown = (id: string) => ({ id, secret: 'wrong' })
    expect((await attempt(guarded, unknown('a'), '2001:db8:0:7::1')).status).toBe(401)
    expect((await attempt(guarded, unknown('b'), '2001:db8:0:7:ffff::2')).status).toBe(429)
    expect((await attempt(guarded, unknown('c'), '2001:db8:0:8::1')).status).toBe(401)
  })
})

describe('weak client secrets', () => {
  const WEAK_SECRETS = [
    's',
    'summer2019',
    'x'.repeat(64),
    'changeme'.repeat(8),
    RANDOM.slice(0, 31),
  ]

  it.each(WEAK_SECRETS)(
    'a weak secret is refused even when it is right, and the recorded cause says why: secret %#',
    async (secret) => {
      const client = await importedClient(secret)
      for (const path of PATHS) {
        const answer = await attempt(registry, client, HERE, path)
        expect(await refusal(answer)).toEqual({ status: 401, error: 'invalid_client' })
      }
      const id = (await attempt(registry, client)).headers.get('X-Correlation-Id')
      const recorded = env.DB.prepare('SELECT detail FROM refusal WHERE refusal_id = ?1').bind(id)
      const detail = (await recorded.first<string>('detail')) ?? ''
      expect(detail).toMatch(/too weak to be accepted: client rotate-secret/)
    },
  )

  it('a weak secret is never compared: 301 guesses at once from as many networks get the same answer', async () => {
    const client = await importedClient('summer2019')
    const guesses = Array.from({ length: 301 }, (_, n) => (n === 150 ? 'summer2019' : `guess ${n}`))
    const unlimited = serve({ REFUSAL_LIMIT: limiter(1e9) })
    const answers = await Promise.all(
      guesses.map((secret, n) =>
        attempt(unlimited, { ...client, secret }, `10.${n >> 8}.${n & 255}.1`),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(bodies).size).toBe(1)
  })

  it('an imported secret of 48 random characters or 32 hexadecimal digits is accepted', async () => {
    for (const secret of [RANDOM, '0123456789abcdef0f1e2d3c4b5a6978']) {
      expect((await attempt(registry, await importedClient(secret))).status).toBe(200)
    }
  })
})

it('a client with the right secret is never delayed by failures of others', async () => {
  const guarded = serve({ REFUSAL_LIMIT: limiter(1e9) })
  for (const client of [await newClient(), await importedClient(RANDOM)]) {
    const wrong = { ...client, secret: `${client.secret}x` }
    for (let failures = 0; failures < 30; failures++) {
      expect((await attempt(guarded, wrong)).status).toBe(401)
    }
    expect((await attempt(guarded, client)).status).toBe(200)
  }
})

it('a client with an imported secret is never limited for trying Basic before the body', async () => {
  const guarded = serve({ REFUSAL_LIMIT: limiter(LIMIT) })
  const client = await importedClient(RANDOM)
  await env.DB.prepare(`UPDATE client SET auth_method = 'client_secret_post' WHERE client_id = ?1`)
    .bind(client.id)
    .run()
  for (let tries = 0; tries < 3 * LIMIT; tries++) {
    const headers = { ...basicOf(client), 'CF-Connecting-IP': HERE }
    const first = await post('/token', { grant_type: 'client_credentials' }, headers, guarded)
    expect([401, 429]).toContain(first.status)
    expect((await attempt(guarded, client)).status).toBe(200)
  }
})

describe('the cost of client authentication', () => {
  const { bindings, costOf } = countedBindings()

  it('an imported secret costs no more storage operations than a generated one', async () => {
    const counted = serve({ ...bindings, CLIENT_CACHE_SECONDS: 60 })
    const client = await importedClient(RANDOM)
    expect(await costOf(() => attempt(counted, client), 200)).toMatchObject({ d1: 1 })
    expect(await costOf(() => attempt(counted, client), 200)).toMatchObject({ d1: 0 })
  })

  it('client authentication costs the same reads for a cached, an uncached, a disabled and an unknown client', async () => {
    const counted = serve({ ...bindings, CLIENT_CACHE_SECONDS: 60 })
    const [warm, cold, disabled] = [await newClient(), await newClient(), await newClient()]
    await clientRegistry(env.DB).disable(disabled.id, nowSeconds())
    await attempt(counted, warm)
    const secret = mintToken('clientSecret')
    const ids = [warm.id, cold.id, disabled.id, 'nobody-at-all']
    const costs: unknown[] = []
    for (const id of ids) costs.push(await costOf(() => attempt(counted, { id, secret }), 401))
    // Two reads, and after the response one write of the refusal.
    expect(costs).toEqual(ids.map(() => ({ ...nothing(), d1: 3 })))
  })
})
