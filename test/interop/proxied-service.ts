/** The tests for a service behind a proxy that asks the authenticator, run for each proxy. */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { type Listening, listen } from '../node/listen.ts'
import { demoUser } from '../node/person.ts'
import type { Program } from '../node/program.ts'
import { linesOf, type RecordedRegistry, startRecordedRegistry } from '../node/recorded-registry.ts'
import { PROXY_SECRET } from '../node/running-registry.ts'
import { newHolder } from './holder.ts'

export type ProxyPlace = Readonly<{
  /** A new folder of this proxy. */
  folder: string
  listenPort: number
  authenticatorPort: number
  upstreamPort: number
  secret: string
}>

const FORGED = 'Bearer forged.by.caller'
const BROWSER_ORIGIN = 'https://spa.example'
const PREFLIGHT = {
  Origin: BROWSER_ORIGIN,
  'Access-Control-Request-Method': 'GET',
  'Access-Control-Request-Headers': 'authorization',
}
const ALLOWED = { 'Access-Control-Allow-Origin': BROWSER_ORIGIN, 'Access-Control-Max-Age': '60' }

/** `start` returns a running proxy. Returns the registry behind the proxy. */
export function proxiedService(
  name: string,
  start: (place: ProxyPlace) => Promise<Program>,
): () => RecordedRegistry {
  let folder: string
  let front: string
  let product: RecordedRegistry
  let proxy: Program
  let misconfigured: Program
  let misconfiguredFront: string
  let upstream: Listening
  let session: string
  /** The headers of every request that reached the upstream. */
  const reached: IncomingHttpHeaders[] = []

  /** The response, which is searched for secrets at the end. */
  async function send(path: string, init: RequestInit = {}, origin = front) {
    const where = `${name}: ${init.method ?? 'GET'} ${path.split('?')[0]}`
    return product.noted(where, await fetch(origin + path, init))
  }
  const get = (path: string, headers: Record<string, string> = {}) => send(path, { headers })

  const tokenFor = (scope: string, headers = {}, fields = {}) =>
    product.tokenFor(product.demoClient, { scope, ...fields }, headers)
  const bearer = async (scope: string) => ({ Authorization: `Bearer ${await tokenFor(scope)}` })

  const expectError = async (answer: Response, error: string) => {
    expect(answer.headers.get('Content-Type')).toContain('application/json')
    const body = (await answer.json()) as Record<string, unknown>
    expect(body).toEqual({
      error,
      error_description: expect.any(String),
      reason: body.error_description,
    })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), `registry-${name}-`))
    product = await startRecordedRegistry()
    session = await demoUser(product).signIn()
    const [listenPort, otherPort] = (await freePorts(2)) as [number, number]
    front = `http://127.0.0.1:${listenPort}`
    misconfiguredFront = `http://127.0.0.1:${otherPort}`

    upstream = await listen(
      createServer((request, response) => {
        reached.push(request.headers)
        if (request.method === 'OPTIONS') response.writeHead(204, ALLOWED).end()
        else response.end('from the upstream')
      }),
    )
    const authenticatorPort = Number(new URL(product.authenticator).port)
    const place = { folder, authenticatorPort, upstreamPort: upstream.port }
    proxy = await start({ ...place, listenPort, secret: PROXY_SECRET })
    const secret = PROXY_SECRET.toUpperCase()
    misconfigured = await start({ ...place, listenPort: otherPort, secret })
  })

  afterAll(async () => {
    await Promise.all([proxy?.end(), misconfigured?.end()])
    await product?.end()
    await upstream?.close()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(() => {
    reached.length = 0
  })

  describe('a public location', () => {
    it('the proxy passes an anonymous caller to a public location without an Authorization header', async () => {
      const answer = await get('/public')
      expect(answer.status).toBe(200)
      expect(await answer.text()).toBe('from the upstream')
      expect(reached).toHaveLength(1)
      expect(reached[0]).not.toHaveProperty('authorization')
    })

    it('the proxy gives the upstream a JWT in place of the token', async () => {
      const headers = await bearer('submission:read')
      expect((await get('/public', headers)).status).toBe(200)
      const claims = await product.claimsIn(reached[0]?.authorization ?? '')
      expect(claims.authorizations).toMatchObject({ scopes: ['submission:read'] })
      expect(JSON.stringify(reached)).not.toContain(headers.Authorization.slice('Bearer '.length))
    })

    it('the proxy gives the upstream a JWT in place of a signed token', async () => {
      const resource = `https://${name}.example`
      await product.newResource(resource, 'submission:read', 'jwt')
      const token = await tokenFor('submission:read', {}, { resource })
      expect(token).toMatch(/^eyJ/)
      expect((await get('/public', { Authorization: `Bearer ${token}` })).status).toBe(200)
      const claims = await product.claimsIn(reached[0]?.authorization ?? '')
      expect(claims).toMatchObject({
        ...{ audience: [resource], authorizations: { scopes: ['submission:read'] } },
      })
      expect(JSON.stringify(reached)).not.toContain(token)
    })

    it.each([FORGED, 'Basic YTpi', 'eyJhbGciOiJub25lIn0.e30.'])(
      'the proxy refuses the forged header "%s" and never shows it to the upstream',
      async (Authorization) => {
        const answer = await get('/public', { Authorization })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
        await expectError(answer, 'invalid_token')
        expect(reached).toEqual([])
      },
    )

    it('the proxy never shows the upstream a second, forged header beside a valid one', async () => {
      const { Authorization } = await bearer('submission:read')
      const words = [
        'Authorization',
        Authorization,
        'Authorization',
        FORGED,
        'Host',
        new URL(front).host,
      ]
      const sent = httpRequest(`${front}/public`, { headers: words })
      sent.end()
      const [answer] = await once(sent, 'response')
      answer.resume()
      expect(JSON.stringify(reached)).not.toContain('forged')
      expect([200, 400, 401]).toContain(answer.statusCode)
    })
  })

  describe('a location without its own rule', () => {
    it('the proxy refuses an anonymous caller with 401, a challenge without an error, and JSON', async () => {
      const answer = await get('/')
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="registry"')
      await expectError(answer, 'authentication_required')
      expect(reached).toEqual([])
    })

    it('the proxy passes every valid credential with any scopes to a location without its own rule', async () => {
      expect((await get('/', await bearer('public:read'))).status).toBe(200)
      expect(reached[0]?.authorization).toMatch(/^eyJ/)
    })

    it('the proxy forwards a POST with its method and its body', async () => {
      const headers = await bearer('public:read')
      const answer = await send('/', { method: 'POST', headers, body: 'a body' })
      expect(answer.status).toBe(200)
      expect(reached[0]?.['content-length']).toBe('6')
    })
  })

  describe('a location that requires a scope', () => {
    it('the proxy forwards a request of a session with the required scope', async () => {
      const answer = await get('/submissions/5', await bearer('submission:read'))
      expect(answer.status).toBe(200)
      expect(reached[0]?.authorization).toMatch(/^eyJ/)
    })

    it('the proxy answers 401 to an anonymous caller and 403 to a session without the required scope', async () => {
      const anonymous = await get('/submissions/5')
      expect(anonymous.status).toBe(401)
      expect(anonymous.headers.get('WWW-Authenticate')).toContain('scope="submission:read"')
      await expectError(anonymous, 'authentication_required')
      const without = await get('/submissions/5', await bearer('public:read'))
      expect(without.status).toBe(403)
      expect(without.headers.get('WWW-Authenticate')).toContain('error="insufficient_scope"')
      await expectError(without, 'insufficient_scope')
      expect(reached).toEqual([])
    })

    it('the proxy returns the correlation id of a refusal, with which the operator finds the cause', async () => {
      for (const [headers, error] of [
        [await bearer('public:read'), 'insufficient_scope'],
        [{ Authorization: FORGED }, 'invalid_token'],
      ] as const) {
        const id = (await get('/submissions/5', headers)).headers.get('X-Correlation-Id') ?? ''
        // The registry records a refusal after its response.
        await expect
          .poll(() => product.administer('why', id))
          .toMatchObject({ correlation_id: id, endpoint: 'GET /auth', error })
      }
    })

    it.each(['/_auth', '/_auth/optional', '/_auth/public:read', '/_preflight'])(
      'a caller cannot reach the internal location %s',
      async (path) => {
        expect([401, 404]).toContain((await get(path)).status)
        expect(reached).toEqual([])
      },
    )
  })

  describe('a token that is bound to a key (RFC 9449)', () => {
    it('a token that is bound to a key (RFC 9449) passes the proxy only once with each proof for the request', async () => {
      const { prove } = await newHolder()
      const atToken = await prove({ htm: 'POST', htu: `${product.registry}/token` })
      const token = await tokenFor('submission:read', { DPoP: atToken })
      const call = async (claims: object, more: Record<string, string> = {}, method = 'GET') => {
        const asked = { htm: 'GET', htu: `${front}/submissions/5`, ...claims }
        const DPoP = await prove(asked, token)
        const headers = { Authorization: `DPoP ${token}`, DPoP, ...more }
        return (await send('/submissions/5?a=b,c', { method, headers })).status
      }
      expect(await call({})).toBe(200)
      const { cnf } = await product.claimsIn(reached[0]?.authorization ?? '')
      expect(cnf).toEqual({ jkt: expect.any(String) })
      expect(reached[0]).not.toHaveProperty('dpop')
      expect(await call({ htm: 'POST' }, {}, 'POST')).toBe(200)
      const jti = randomUUID()
      expect([await call({ jti }), await call({ jti })]).toEqual([200, 401])
      expect(await call({ htu: `${front}/` })).toBe(401)
      expect(await call({ htm: 'POST' })).toBe(401)
      expect(await call({}, {}, 'POST')).toBe(401)
      expect(await call({}, { Authorization: `Bearer ${token}` })).toBe(401)
      // The Host and other headers of the caller do not change the URL for which the proof is checked.
      const htu = 'http://evil.example/submissions/5'
      const forwarded = { 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'evil.example' }
      const method = { 'X-Forwarded-Method': 'GET', 'X-Forwarded-Uri': '/submissions/5' }
      expect(await call({ htu }, { 'X-Original-URL': htu })).toBe(401)
      expect(await call({ htu }, { 'X-Original-URL': htu, 'X-Original-Method': 'GET' })).toBe(401)
      expect(await call({ htu }, { ...forwarded, ...method })).toBe(401)
      expect(await call({}, { 'X-Original-URL': htu, 'X-Original-Method': 'GET' })).toBe(200)
      expect(await call({}, { ...forwarded, ...method })).toBe(200)
      reached.length = 0
      await askHost('evil.example', await prove({ htm: 'GET', htu }, token), token)
      expect(reached).toEqual([])
    })

    /** `fetch` does not allow a Host header. */
    async function askHost(host: string, DPoP: string, token: string) {
      const headers = { Host: host, Authorization: `DPoP ${token}`, DPoP }
      const sent = httpRequest(`${front}/submissions/5`, { headers })
      sent.end()
      const [answer] = await once(sent, 'response')
      answer.resume()
    }
  })

  describe('the headers that reach the service', () => {
    it('the service gets neither the session cookie nor a header that only the proxy may set', async () => {
      const own = {
        'X-Proxy-Secret': PROXY_SECRET,
        'X-Original-URL': 'http://evil.example/',
        'X-Original-Method': 'DELETE',
        'X-Forwarded-Method': 'DELETE',
        'X-Forwarded-Uri': '/evil',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Proto': 'gopher',
        'X-Forwarded-For': '192.0.2.66',
        Forwarded: 'host=evil.example',
        DPoP: 'a.b.c',
      }
      const answer = await get('/', { ...own, Cookie: `a=1; ${session}; b=2` })
      expect(answer.status).toBe(200)
      const [told = {}] = reached
      expect(told.authorization).toMatch(/^eyJ/)
      expect(told.cookie).toBe('a=1; b=2')
      // Without the JWT, which may contain any letters.
      const said = JSON.stringify({ ...told, authorization: '' })
      for (const word of ['evil', 'DELETE', 'gopher', '192.0.2.66', 'a.b.c', PROXY_SECRET]) {
        expect(said).not.toContain(word)
      }
      expect(told['x-forwarded-for']).toBe('127.0.0.1')
    })

    it.each([
      ['S', ''],
      ['S; b=2', 'b=2'],
      ['a=1; S', 'a=1'],
      ['a=1;S;b=2', 'a=1;b=2'],
      ['registry_session=x', ''],
      ['__Host-registry_session=x; b=is_registry_session', 'b=is_registry_session'],
      ['registry_browser=z; S; a=1', 'a=1'],
      ['a=1; S; registry_browser=z; b=2', 'a=1; b=2'],
      ['__Host-registry_browser=z; registry_sign_in=y; a=1; S', 'a=1'],
      ['a=1; xregistry_session=2', 'a=1; xregistry_session=2'],
    ])('the service gets the cookies "%s" as "%s"', async (sent, told) => {
      const headers = { ...(await bearer('public:read')), Cookie: sent.replace('S', session) }
      expect((await get('/public', headers)).status).toBe(200)
      const left = (reached[0]?.cookie ?? '').replaceAll(/;\s*/g, ';').replace(/^;+|;+$/g, '')
      expect(left).toBe(told.replaceAll('; ', ';'))
    })

    it.each(['S; S', 'S;S', 'a=1; S; b=2; S', 'S; __Host-registry_session=x; registry_session=y'])(
      'the service gets none of several session cookies in "%s"',
      async (sent) => {
        const Cookie = sent.replaceAll('S', session)
        const headers = { ...(await bearer('public:read')), Cookie }
        expect((await get('/public', headers)).status).toBe(200)
        expect(reached).toHaveLength(1)
        expect(JSON.stringify(reached)).not.toContain('registry_session')
      },
    )
  })

  describe('a CORS preflight', () => {
    it.each(['/submissions', '/public', '/', '/_auth'])(
      'a CORS preflight of an anonymous caller reaches the service at %s, which answers it',
      async (path) => {
        const answer = await send(`${path}?a=b`, { method: 'OPTIONS', headers: PREFLIGHT })
        expect(answer.status).toBe(204)
        expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(BROWSER_ORIGIN)
        expect(reached).toHaveLength(1)
        expect(reached[0]).not.toHaveProperty('authorization')
      },
    )

    it('a CORS preflight passes no credential to the service', async () => {
      const headers = { ...PREFLIGHT, ...(await bearer('submission:read')), Cookie: session }
      expect((await send('/submissions', { method: 'OPTIONS', headers })).status).toBe(204)
      expect(reached[0]).not.toHaveProperty('authorization')
      expect(JSON.stringify(reached)).not.toContain(session)
    })

    it.each<[string, string, Record<string, string>]>([
      ['another method', 'GET', PREFLIGHT],
      ['no Origin', 'OPTIONS', { 'Access-Control-Request-Method': 'GET' }],
      ['OPTIONS and without a requested method', 'OPTIONS', { Origin: BROWSER_ORIGIN }],
    ])('a request with %s is not a CORS preflight', async (_, method, headers) => {
      expect((await send('/submissions', { method, headers })).status).toBe(401)
      expect(reached).toEqual([])
    })
  })

  describe('a proxy with a wrong secret', () => {
    it('a proxy with a wrong secret answers 503 to every credential, and no request reaches the service', async () => {
      for (const headers of [{}, await bearer('submission:read'), { Authorization: FORGED }]) {
        for (const path of ['/', '/public', '/submissions/5']) {
          const answer = await send(path, { headers }, misconfiguredFront)
          expect(answer.status).toBe(503)
          expect(answer.headers.get('WWW-Authenticate')).toBeNull()
          expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
          await expectError(answer, 'temporarily_unavailable')
        }
      }
      expect(reached).toEqual([])
    })
  })

  describe('an authenticator that is down', () => {
    it('the proxy answers 503 to every caller when the authenticator is down, and no request reaches the upstream', async () => {
      const good = await bearer('submission:read')
      await product.end()
      for (const path of ['/', '/public', '/submissions/5']) {
        for (const headers of [{}, good]) {
          const answer = await get(path, headers)
          expect(answer.status).toBe(503)
          expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
          await expectError(answer, 'temporarily_unavailable')
        }
      }
      expect(reached).toEqual([])
      product.note(...linesOf(name, proxy.printed()), ...linesOf(name, misconfigured.printed()))
    })
  })

  return () => product
}
