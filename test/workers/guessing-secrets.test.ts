/** Guessing client secrets: limited by network and by client, slower and slower, and nobody is locked out. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { clientRegistry } from '../../src/stores/client-registry.ts'
import { countedBindings, nothing } from './counting.ts'
import {
  credentialsOf,
  type Fetch,
  newClient,
  nowSeconds,
  post,
  refusal,
  serve,
  type TestClient,
} from './registry.ts'

/** Counts as the binding does, without its period. */
function limiter(limit: number) {
  const counts = new Map<string, number>()
  return {
    limit: async ({ key }: { key: string }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return { success: (counts.get(key) ?? 0) <= limit }
    },
  }
}

const WEAK = 'summer2019'
/** As moved over from another registry, with a secret that somebody chose. */
async function importedClient(): Promise<TestClient> {
  const { id } = await newClient()
  await clientRegistry(env.DB).rotateSecret(id, await hexDigest(WEAK), 0, nowSeconds())
  await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
  return { id, secret: WEAK }
}

const HERE = '192.0.2.66'
const ELSEWHERE = '198.51.100.7'
const PATHS = ['/token', '/introspect', '/revoke']

const attempt = (fetch: Fetch, client: TestClient, address = HERE, path = '/token') =>
  post(path, credentialsOf(client, { token: 'any' }), { 'CF-Connecting-IP': address }, fetch)
const wrongly = (client: TestClient) => ({ ...client, secret: 'wrong' })

async function fail(times: number, fetch: Fetch, client: TestClient, address = HERE) {
  for (let failures = 0; failures < times; failures++) {
    expect((await attempt(fetch, wrongly(client), address)).status).toBe(401)
  }
}

describe('failed authentications of a client are limited', () => {
  const LIMIT = 3
  const addresses = Array.from({ length: LIMIT }, (_, index) => `203.0.113.${index}`)

  it.each(PATHS)(
    'at %s by client, from however many addresses: 429 with Retry-After',
    async (path) => {
      const guarded = serve({ REFUSAL_LIMIT: limiter(LIMIT) })
      const [client, other] = [await newClient(), await newClient()]
      for (const address of addresses) {
        expect((await attempt(guarded, wrongly(client), address, path)).status).toBe(401)
      }
      const limited = await attempt(guarded, wrongly(client), ELSEWHERE, path)
      expect(limited.headers.get('Retry-After')).toBe('60')
      expect(await refusal(limited)).toMatchObject({
        status: 429,
        error: 'temporarily_unavailable',
      })
      expect((await attempt(guarded, wrongly(other), '198.51.100.8', path)).status).toBe(401)
      expect((await attempt(guarded, client, ELSEWHERE)).status).toBe(200)
    },
  )

  it.each(PATHS)('at %s by network, whichever client is tried', async (path) => {
    const guarded = serve({ REFUSAL_LIMIT: limiter(LIMIT) })
    const unknown = (id: string) => ({ id, secret: 'wrong' })
    for (const address of addresses) {
      const status = (await attempt(guarded, unknown(address), HERE, path)).status
      expect(status).toBe(401)
    }
    expect((await attempt(guarded, unknown('another'), HERE, path)).status).toBe(429)
    expect((await attempt(guarded, unknown('another'), ELSEWHERE, path)).status).toBe(401)
  })

  it('by the network and not by the address, where a subscriber has 2^64 of them', async () => {
    const guarded = serve({ REFUSAL_LIMIT: limiter(1) })
    const unknown = (id: string) => ({ id, secret: 'wrong' })
    expect((await attempt(guarded, unknown('a'), '2001:db8:0:7::1')).status).toBe(401)
    expect((await attempt(guarded, unknown('b'), '2001:db8:0:7:ffff::2')).status).toBe(429)
    expect((await attempt(guarded, unknown('c'), '2001:db8:0:8::1')).status).toBe(401)
  })
})

describe('guessing a secret that somebody chose gets slower and slower', () => {
  const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  it('after five failures from one address even the right one waits, twice as long each time', async () => {
    const guarded = serve()
    const client = await importedClient()
    await fail(5, guarded, client)
    const locked = await attempt(guarded, client)
    expect([locked.status, locked.headers.get('Retry-After')]).toEqual([429, '1'])
    later(1)
    await fail(1, guarded, client)
    expect((await attempt(guarded, client)).headers.get('Retry-After')).toBe('2')
    later(2)
    expect((await attempt(guarded, client)).status).toBe(200)
  })

  it('and never for longer than a quarter of an hour', async () => {
    const guarded = serve()
    const client = await importedClient()
    for (let failures = 0; failures < 17; failures++) {
      await fail(1, guarded, client)
      later(900)
    }
    expect((await attempt(guarded, client)).status).toBe(200)
    await fail(1, guarded, client)
    expect((await attempt(guarded, client)).headers.get('Retry-After')).toBe('900')
  })

  it('and not for the client elsewhere, when a stranger guesses', async () => {
    const guarded = serve()
    const client = await importedClient()
    await fail(5, guarded, client)
    expect((await attempt(guarded, client)).status).toBe(429)
    expect((await attempt(guarded, client, ELSEWHERE)).status).toBe(200)
  })

  it('never for a secret of our own form: whoever has the right one is not made to wait', async () => {
    const guarded = serve()
    const client = await newClient()
    await fail(5, guarded, client)
    expect((await attempt(guarded, wrongly(client))).status).toBe(429)
    expect((await attempt(guarded, client)).status).toBe(200)
    const another = { ...client, secret: mintToken('clientSecret') }
    expect((await attempt(guarded, another)).status).toBe(401)
  })

  it('the same for a client that does not exist', async () => {
    const guarded = serve()
    const nobody = { id: 'nobody-at-all', secret: WEAK }
    await fail(5, guarded, nobody)
    expect((await attempt(guarded, nobody)).status).toBe(429)
  })

  it('in all isolates: each learns of the others’ failures by its first own', async () => {
    const client = await importedClient()
    await fail(5, serve(), client)
    const another = serve()
    await fail(1, another, client)
    expect((await attempt(another, client)).headers.get('Retry-After')).toBe('2')
  })

  it('a flood of other failures hides none: what is not counted waits a minute', async () => {
    const guarded = serve({
      REFUSAL_LIMIT: {
        limit: async ({ key }: { key: string }) => ({ success: !key.startsWith('counted') }),
      },
    })
    const client = await importedClient()
    await fail(1, guarded, client)
    expect((await attempt(guarded, client)).headers.get('Retry-After')).toBe('60')
    later(60)
    expect((await attempt(guarded, client)).status).toBe(200)
  })

  it('also where the rate limit fails: a failure is told, and counted', async () => {
    const failing = { limit: () => Promise.reject(new Error('no limit today')) }
    const guarded = serve({ REFUSAL_LIMIT: failing })
    const client = await importedClient()
    await fail(5, guarded, client)
    expect((await attempt(guarded, client)).headers.get('Retry-After')).toBe('1')
  })
})

describe('what it costs', () => {
  const { count, bindings } = countedBindings()
  const costOf = async (request: () => Promise<Response>, status: number) => {
    Object.assign(count, nothing())
    expect((await request()).status).toBe(status)
    return { ...count }
  }

  it('nothing to a client with the right secret, wherever that comes from', async () => {
    const counted = serve({ ...bindings, CLIENT_CACHE_SECONDS: 60 })
    const client = await importedClient()
    expect(await costOf(() => attempt(counted, client), 200)).toMatchObject({ d1: 1 })
    expect(await costOf(() => attempt(counted, client), 200)).toMatchObject({ d1: 0 })
  })

  it('the same reads whether a client exists, is in the isolate, or is disabled: time tells nothing', async () => {
    const counted = serve({ ...bindings, CLIENT_CACHE_SECONDS: 60 })
    const [warm, cold, disabled] = [await newClient(), await newClient(), await newClient()]
    await clientRegistry(env.DB).disable(disabled.id, nowSeconds())
    await attempt(counted, warm)
    const secret = mintToken('clientSecret')
    const ids = [warm.id, cold.id, disabled.id, 'nobody-at-all']
    const costs: unknown[] = []
    for (const id of ids) costs.push(await costOf(() => attempt(counted, { id, secret }), 401))
    // Two reads, and one write after the answer, for the operator.
    expect(costs).toEqual(ids.map(() => ({ ...nothing(), d1: 3 })))
  })

  it('the same for a chosen secret, which is counted in one write more after the answer', async () => {
    const counted = serve({ ...bindings, CLIENT_CACHE_SECONDS: 60 })
    const warm = await importedClient()
    await attempt(counted, warm)
    for (const id of [warm.id, 'nobody-at-all']) {
      const wrong = () => attempt(counted, { id, secret: 'wrong' })
      expect(await costOf(wrong, 401)).toEqual({ ...nothing(), d1: 4 })
    }
  })
})
