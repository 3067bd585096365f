/** Concurrent checks in one isolate of the real runtime share one read of the document. */

import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { buildWorker } from '../../src/local/build-worker.ts'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { ON_ITS_OWN } from '../../src/local/run-workers.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'

const LIFETIME_SECONDS = 7200
const DOCUMENT = { client: {}, client_record: {}, user: {}, consent: {}, version: 1 }

/** Answers each read of the document after its delay and with its status. */
const SLOW = `
  let answers = [], reads = 0
  export default {
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/set') {
        answers = await request.json()
        reads = 0
        return new Response(null)
      }
      if (pathname === '/reads') return Response.json(reads)
      const { milliseconds, status } = answers[Math.min(reads, answers.length - 1)]
      reads += 1
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
      return Response.json(${JSON.stringify(DOCUMENT)}, { status })
    },
  }`

type Answer = Readonly<{ milliseconds: number; status: number }>
let runtime: Miniflare
let [url, slow] = ['', '']
let module = ''

beforeAll(async () => {
  module = await buildWorker(inProject('test/node/slow-document-worker.ts'))
})
afterAll(() => runtime?.dispose())

/** A new runtime for each test, so that its isolate has nothing cached. */
beforeEach(async () => {
  await runtime?.dispose()
  const { compatibility_date, compatibility_flags, vars } = readWranglerConfig(
    CONFIG_PATHS.authenticator,
  )
  const settings = { ...vars, ISSUER: 'http://127.0.0.1:8787', JWT_SECRET: 'x'.repeat(32) }
  const worker = (name: string, contents: string, env: object) => ({
    config: {
      name,
      compatibilityDate: compatibility_date,
      compatibilityFlags: compatibility_flags,
      manifest: {
        mainModule: `${name}.mjs`,
        modules: { [`${name}.mjs`]: { type: 'esm' as const, contents } },
      },
      env: env as Record<string, never>,
    },
    dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
  })
  const text = Object.entries(settings).map(([name, value]) => [name, { type: 'text', value }])
  runtime = new Miniflare({
    ...ON_ITS_OWN,
    cf: false,
    workers: [
      worker('checks', module, {
        ...Object.fromEntries(text),
        SESSIONS: { type: 'kv', id: 'sessions' },
        SLOW: { type: 'worker', worker: 'slow' },
      }),
      worker('slow', SLOW, {}),
    ],
  })
  await runtime.ready
  url = String(await runtime.unsafeGetDirectURL('checks'))
  slow = String(await runtime.unsafeGetDirectURL('slow'))
})

async function newToken() {
  const token = mintToken('accessToken')
  const record = {
    session_id: 's',
    start_time: new Date().toISOString(),
    end_time: new Date(Date.now() + LIFETIME_SECONDS * 1000).toISOString(),
    user: null,
    client: { client_id: 'c', owner_id: '', name: '', url: '', description: '', redirect_uri: '' },
    authorizations: { classic: 0, scopes: [], endorsements: [] },
    ip_address: '',
    remote_host: '',
    nonce: '',
  }
  const sessions = await runtime.getKVNamespace('SESSIONS', 'checks')
  await sessions.put(await digest(token), JSON.stringify(record))
  return token
}

const set = (answers: readonly Answer[]) =>
  fetch(new URL('/set', slow), { method: 'POST', body: JSON.stringify(answers) })
const reads = async () => (await (await fetch(new URL('/reads', slow))).json()) as number
const check = async (token: string, signal: AbortSignal | null = null) => {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(new URL('/auth', url), { headers, signal })
  await response.arrayBuffer()
  return response.status
}
async function untilRead(count: number) {
  while ((await reads()) < count) await new Promise((resolve) => setTimeout(resolve, 10))
}

it('50 concurrent requests share one read of the document, and all get a response', async () => {
  const token = await newToken()
  await set([{ milliseconds: 500, status: 200 }])
  const statuses = await Promise.all(Array.from({ length: 50 }, () => check(token)))
  expect(statuses).toEqual(Array(50).fill(200))
  expect(await reads()).toBe(1)
  expect(await check(token)).toBe(200)
  expect(await reads()).toBe(1)
})

it('a read that fails makes only its own request fail, and the other requests read the document again', async () => {
  const token = await newToken()
  await set([
    { milliseconds: 500, status: 500 },
    { milliseconds: 0, status: 200 },
  ])
  const first = check(token)
  await untilRead(1)
  const others = Array.from({ length: 10 }, () => check(token))
  expect(await first).toBe(503)
  expect(await Promise.all(others)).toEqual(Array(10).fill(200))
  expect(await check(token)).toBe(200)
})

it('a read whose request is cancelled does not delay the other requests, which read the document again', async () => {
  const token = await newToken()
  await set([
    { milliseconds: 20_000, status: 200 },
    { milliseconds: 0, status: 200 },
  ])
  const cancelled = new AbortController()
  const first = check(token, cancelled.signal).catch(() => 'cancelled')
  await untilRead(1)
  const begun = performance.now()
  const others = Array.from({ length: 10 }, () => check(token))
  cancelled.abort()
  expect(await first).toBe('cancelled')
  expect(await Promise.all(others)).toEqual(Array(10).fill(200))
  expect(performance.now() - begun).toBeLessThan(4000)
  expect(await check(token)).toBe(200)
})
