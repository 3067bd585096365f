/** Real nginx with examples/nginx.conf: auth_request between callers and a small upstream. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from './free-port.ts'

const NGINX = process.env.NGINX_PATH ?? '/usr/sbin/nginx'
const JWT_SECRET = 'a secret of this test, of more than 32 bytes'
const FORGED = 'Bearer forged.by.caller'

let folder: string
let front: string
let registry: string
let product: ChildProcess
let nginx: ChildProcess
let upstream: Server
/** The headers of every request that reached the upstream. */
const reached: IncomingHttpHeaders[] = []

function run(command: string, words: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(command, words, { env: { ...process.env, ...env }, stdio: 'inherit' })
  child.on('error', (fault) => console.error(fault))
  return child
}

async function untilAnswers(url: string, child: ChildProcess) {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null || child.pid === undefined) break
    const answer = await fetch(url).catch(() => null)
    if (answer) return
    await wait(100)
  }
  throw new Error(`${child.spawnfile} does not answer at ${url}`)
}

async function end(child: ChildProcess | undefined) {
  if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const get = (path: string, headers: Record<string, string> = {}) => fetch(front + path, { headers })

async function tokenFor(scope: string): Promise<string> {
  const demo = JSON.parse(await readFile(join(folder, 'state', 'demo.json'), 'utf8'))
  const answer = await fetch(`${registry}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: demo.clientId,
      client_secret: demo.clientSecret,
      scope,
    }),
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-nginx-'))
  const [port, authenticatorPort, upstreamPort, listenPort] = (await freePorts(4)).map(String)
  registry = `http://127.0.0.1:${port}`
  front = `http://127.0.0.1:${listenPort}`

  upstream = createServer((request, response) => {
    reached.push(request.headers)
    response.end('from the upstream')
  }).listen(Number(upstreamPort), '127.0.0.1')

  product = run(process.execPath, ['src/operate/start.ts'], {
    PORT: port,
    AUTHENTICATOR_PORT: authenticatorPort,
    STATE_DIR: join(folder, 'state'),
    JWT_SECRET,
  })

  const example = await readFile('examples/nginx.conf', 'utf8')
  const conf = example
    .replaceAll('__AUTHENTICATOR_PORT__', String(authenticatorPort))
    .replaceAll('__UPSTREAM_PORT__', String(upstreamPort))
    .replaceAll('__LISTEN_PORT__', String(listenPort))
  await writeFile(join(folder, 'nginx.conf'), conf)
  nginx = run(NGINX, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'])

  await untilAnswers(`${registry}/healthz`, product)
  await untilAnswers(front, nginx)
})

afterAll(async () => {
  await end(nginx)
  await end(product)
  upstream?.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  reached.length = 0
})

describe('a location that anyone may see', () => {
  it('passes an anonymous caller on, without an Authorization header', async () => {
    const answer = await get('/')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('from the upstream')
    expect(reached).toHaveLength(1)
    expect(reached[0]).not.toHaveProperty('authorization')
  })

  it('gives the upstream a JWT in place of the token', async () => {
    const token = await tokenFor('submission:read')
    expect((await get('/', { Authorization: `Bearer ${token}` })).status).toBe(200)
    const sent = reached[0]?.authorization ?? ''
    const key = new TextEncoder().encode(JWT_SECRET)
    const { payload } = await jwtVerify(sent, key, { issuer: registry, algorithms: ['HS256'] })
    expect(payload.authorizations).toMatchObject({ scopes: ['submission:read'] })
    expect(JSON.stringify(reached)).not.toContain(token)
  })

  it.each([FORGED, 'Basic YTpi', 'eyJhbGciOiJub25lIn0.e30.'])(
    'refuses the forged header "%s", and never shows it to the upstream',
    async (Authorization) => {
      const answer = await get('/', { Authorization })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
      expect(await answer.json()).toEqual({ reason: expect.any(String) })
      expect(reached).toEqual([])
    },
  )

  it('never shows the upstream a second, forged header beside a good one', async () => {
    const good = `Bearer ${await tokenFor('submission:read')}`
    const sent = httpRequest(front, { headers: ['Authorization', good, 'Authorization', FORGED] })
    sent.end()
    const [answer] = await once(sent, 'response')
    answer.resume()
    expect(JSON.stringify(reached)).not.toContain('forged')
    expect([200, 400, 401]).toContain(answer.statusCode)
  })
})

describe('a location that requires a scope', () => {
  it('passes a session that holds it', async () => {
    const token = await tokenFor('submission:read')
    const answer = await get('/submissions/5', { Authorization: `Bearer ${token}` })
    expect(answer.status).toBe(200)
    expect(reached[0]?.authorization).toMatch(/^eyJ/)
  })

  it('asks nobody to authenticate (401), and refuses a session without it (403)', async () => {
    const anonymous = await get('/submissions/5')
    expect(anonymous.status).toBe(401)
    expect(anonymous.headers.get('WWW-Authenticate')).toContain('scope="submission:read"')
    const token = await tokenFor('public:read')
    const without = await get('/submissions/5', { Authorization: `Bearer ${token}` })
    expect(without.status).toBe(403)
    expect(without.headers.get('WWW-Authenticate')).toContain('error="insufficient_scope"')
    expect(reached).toEqual([])
  })

  it.each(['/_auth', '/_auth/public:read', '/_auth/submission:read?scope=public:read'])(
    'cannot be asked about from outside: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404)
      expect(reached).toEqual([])
    },
  )
})

describe('the authenticator is down', () => {
  it('is 503, for anyone, and nothing reaches the upstream', async () => {
    const token = await tokenFor('submission:read')
    await end(product)
    for (const path of ['/', '/submissions/5']) {
      for (const headers of [{}, { Authorization: `Bearer ${token}` }]) {
        const answer = await get(path, headers)
        expect(answer.status).toBe(503)
        expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
      }
    }
    expect(reached).toEqual([])
  })
})
