/** The example Worker and the authenticator in one runtime, connected by a real service binding. */

import { Log, LogLevel, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { buildWorker } from '../../src/local/build-worker.ts'
import type { Trace } from '../node/evidence.ts'
import { leavesNoSecret } from '../node/recorded-registry.ts'

const SETTINGS = {
  ISSUER: 'http://127.0.0.1:8787',
  JWT_SECRET: 'a secret of this test, of more than 32 bytes',
}
const SESSIONS = { type: 'kv', id: 'sessions' } as const

type Binding =
  | { type: 'kv'; id: string }
  | { type: 'text'; value: string }
  | { type: 'worker'; worker: string }

let runtime: Miniflare
/** The traces that are searched at the end. */
const traces: Trace[] = []
const secrets = new Map([[SETTINGS.JWT_SECRET, 'JWT_SECRET']])

const worker = (name: string, module: string, env: Record<string, Binding>) => ({
  config: {
    name,
    compatibilityDate: '2026-08-01',
    compatibilityFlags: ['nodejs_compat'],
    manifest: {
      mainModule: 'main.mjs',
      modules: { 'main.mjs': { type: 'esm' as const, contents: module } },
    },
    env,
  },
})

const texts = (values: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { type: 'text' as const, value }]),
  )

beforeAll(async () => {
  const service = await buildWorker('examples/hono-resource-server.ts')
  const urls = texts({ RESOURCE: 'https://service.example', ISSUER: SETTINGS.ISSUER })
  const authenticator = await buildWorker('src/authenticator/worker.ts')
  runtime = new Miniflare({
    cf: false,
    telemetry: { enabled: false },
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ message }) =>
      traces.push({ kind: 'line', where: 'the workers', text: message }),
    workers: [
      worker('service', service, {
        ...urls,
        AUTHENTICATOR: { type: 'worker', worker: 'authenticator' },
      }),
      worker('authenticator', authenticator, { SESSIONS, ...texts(SETTINGS) }),
      worker('misconfigured', authenticator, {
        SESSIONS,
        ...texts({ ...SETTINGS, JWT_SECRET: '' }),
      }),
      worker('behind-it', service, {
        ...urls,
        AUTHENTICATOR: { type: 'worker', worker: 'misconfigured' },
      }),
      worker('unbound', service, urls),
    ],
  })
  await runtime.ready
})

afterAll(() => runtime?.dispose())

async function tokenOf(username: string, scopes: string[], endorsements: string[] = []) {
  const token = mintToken('accessToken')
  secrets.set(token, 'an access token')
  const now = Date.now()
  const sessions = await runtime.getKVNamespace('SESSIONS', 'authenticator')
  await sessions.put(
    await digest(token),
    JSON.stringify({
      session_id: 'session-1',
      start_time: new Date(now).toISOString(),
      end_time: new Date(now + 60_000).toISOString(),
      user: { user_id: 'user-1', username, email: '' },
      client: {
        client_id: 'client-1',
        owner_id: 'owner-1',
        name: 'A client',
        url: '',
        description: '',
        redirect_uri: '',
      },
      authorizations: { classic: 0, scopes, endorsements },
      ip_address: '',
      remote_host: '',
      nonce: '',
    }),
  )
  return token
}

async function ask(path: string, token: string | null, method = 'GET', name = 'service') {
  const service = await runtime.getWorker(name)
  const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` }
  const answer = await service.fetch(`https://service.example${path}`, { method, headers })
  const said = [...answer.headers].map((pair) => pair.join(': ')).join('\n')
  const text = `${answer.status}\n${said}\n\n${await answer.clone().text()}`
  traces.push({ kind: 'answer', where: `${method} ${path}`, text })
  return answer
}

describe('a Worker that asks the authenticator over a service binding', () => {
  it('a Worker gets the session of the caller over a service binding', async () => {
    const answer = await ask('/me', await tokenOf('ada', []))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ user: 'ada' })
    expect((await ask('/me', null)).status).toBe(401)
    const unknown = await ask('/me', mintToken('accessToken'))
    expect(unknown.status).toBe(401)
    expect(unknown.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
  })

  it.each<[username: string, scopes: string[], status: number]>([
    ['ada', ['submission:read'], 200],
    ['grace', ['submission:read'], 403],
    ['grace', ['submission:read:1'], 200],
    ['grace', ['submission:read:*'], 200],
    ['ada', ['public:read'], 403],
  ])(
    'a Worker that gets %s with the scopes %j for a submission of ada over a service binding answers %i',
    async (username, scopes, status) => {
      expect((await ask('/submissions/1', await tokenOf(username, scopes))).status).toBe(status)
    },
  )

  it('a Worker accepts a submission only from an endorsed user', async () => {
    const token = await tokenOf('ada', ['submission:create'], ['cs.*'])
    expect((await ask('/categories/cs.DL/submissions', token, 'POST')).status).toBe(201)
    expect((await ask('/categories/math.AG/submissions', token, 'POST')).status).toBe(403)
  })

  it('a Worker refuses every request when the authenticator has a bad setting or is not bound', async () => {
    const token = await tokenOf('ada', ['submission:read'])
    expect((await ask('/submissions/1', token)).status).toBe(200)
    for (const name of ['behind-it', 'unbound']) {
      expect((await ask('/submissions/1', token, 'GET', name)).status).toBe(503)
      expect((await ask('/me', null, 'GET', name)).status).toBe(503)
    }
  })
})

async function evidence() {
  const sessions = await runtime.getKVNamespace('SESSIONS', 'authenticator')
  for (const { name } of (await sessions.list()).keys) {
    const text = (await sessions.get(name, 'text')) ?? ''
    traces.push({ kind: 'key', where: 'SESSIONS', text: name })
    traces.push({ kind: 'value', where: 'SESSIONS', text })
  }
  return { secrets, traces }
}

leavesNoSecret(() => ({ evidence }), {
  ...{ secrets: 9, line: 4, row: 0, key: 8, value: 8, file: 0, answer: 14 },
})
