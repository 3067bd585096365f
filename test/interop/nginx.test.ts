/** Real nginx with examples/nginx.conf: auth_request between callers and a small upstream. */

import { createHash, randomUUID } from 'node:crypto'
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
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

const NGINX = process.env.NGINX_PATH ?? '/usr/sbin/nginx'
const FORGED = 'Bearer forged.by.caller'

let folder: string
let front: string
let product: RecordedRegistry
let nginx: Program
let upstream: Server
/** The headers of every request that reached the upstream. */
const reached: IncomingHttpHeaders[] = []

/** The answer, which is searched for secrets in the end. */
async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(front + path, { headers })
  const said = [...answer.headers].map((pair) => pair.join(': ')).join('\n')
  product.note({
    kind: 'answer',
    where: `nginx: GET ${path.split('?')[0]}`,
    text: `${answer.status}\n${said}\n\n${await answer.clone().text()}`,
  })
  return answer
}

async function tokenFor(scope: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(`${product.registry}/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: product.demo.clientId,
      client_secret: product.demo.clientSecret,
      scope,
    }),
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-nginx-'))
  product = await startRecordedRegistry()
  const [upstreamPort, listenPort] = await freePorts(2)
  front = `http://127.0.0.1:${listenPort}`

  upstream = createServer((request, response) => {
    reached.push(request.headers)
    response.end('from the upstream')
  }).listen(upstreamPort, '127.0.0.1')
  await once(upstream, 'listening')

  const example = await readFile('examples/nginx.conf', 'utf8')
  const conf = example
    .replaceAll('__AUTHENTICATOR_PORT__', new URL(product.authenticator).port)
    .replaceAll('__UPSTREAM_PORT__', String(upstreamPort))
    .replaceAll('__LISTEN_PORT__', String(listenPort))
    // At this level it says when it serves.
    .replace('error_log stderr warn;', 'error_log stderr notice;')
  await writeFile(join(folder, 'nginx.conf'), conf)
  const words = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  nginx = startProgram(NGINX, words)
  await nginx.untilPrints('start worker process')
})

afterAll(async () => {
  await nginx?.end()
  await product?.end()
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
    const claims = await product.claimsIn(reached[0]?.authorization ?? '')
    expect(claims.authorizations).toMatchObject({ scopes: ['submission:read'] })
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

describe('a token that is bound to a key (RFC 9449)', () => {
  const newKeyPair = () => generateKeyPair('ES256', { extractable: true })
  type KeyPair = Awaited<ReturnType<typeof newKeyPair>>

  const prove = async ({ privateKey, publicKey }: KeyPair, claims: object) =>
    new SignJWT({ jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .sign(privateKey)

  it('passes with a proof for what nginx was asked, once, and with nothing else', async () => {
    const keys = await newKeyPair()
    const atToken = await prove(keys, { htm: 'POST', htu: `${product.registry}/token` })
    const token = await tokenFor('submission:read', { DPoP: atToken })
    const ath = createHash('sha256').update(token).digest('base64url')
    const call = async (claims: object, more: Record<string, string> = {}) => {
      const asked = { htm: 'GET', htu: `${front}/submissions/5`, ath, ...claims }
      const headers = { Authorization: `DPoP ${token}`, DPoP: await prove(keys, asked), ...more }
      return (await get('/submissions/5?a=b', headers)).status
    }
    expect(await call({})).toBe(200)
    const { cnf } = await product.claimsIn(reached[0]?.authorization ?? '')
    expect(cnf).toEqual({ jkt: expect.any(String) })
    const jti = randomUUID()
    expect([await call({ jti }), await call({ jti })]).toEqual([200, 401])
    expect(await call({ htu: `${front}/` })).toBe(401)
    expect(await call({ htm: 'POST' })).toBe(401)
    expect(await call({}, { Authorization: `Bearer ${token}` })).toBe(401)
    // What the caller says of the original request, nginx replaces; the Host header has no say.
    const elsewhere = { htu: 'http://evil.example/submissions/5' }
    expect(await call(elsewhere, { 'X-Original-URL': elsewhere.htu })).toBe(401)
    expect(await call(elsewhere, { Host: 'evil.example' })).toBe(401)
  })
})

describe('the authenticator is down', () => {
  it('is 503, for anyone, and nothing reaches the upstream', async () => {
    const token = await tokenFor('submission:read')
    await product.end()
    for (const path of ['/', '/submissions/5']) {
      for (const headers of [{}, { Authorization: `Bearer ${token}` }]) {
        const answer = await get(path, headers)
        expect(answer.status).toBe(503)
        expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
      }
    }
    expect(reached).toEqual([])
    product.note(...linesOf('nginx', nginx.printed()))
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 18, line: 5, row: 20, key: 5, value: 5, file: 15, answer: 35 },
})
