/** `edge-registry/express` on the HTTP server of Node.js: how it reads the request, and its responses. */

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Authentication, AuthenticationRequest } from '../../src/protocol/authentication.ts'
import { sessionOfClaims } from '../../src/resource-server/claims.ts'
import {
  type ExpressRequest,
  protectedResource,
  type ScopedOptions,
  scoped,
} from '../../src/resource-server/express.ts'
import { listen } from '../node/listen.ts'
import { activeAnswer, FILES, ISSUER } from './resource-server.ts'

type Handler = (req: ExpressRequest, res: ServerResponse, next: (failure?: unknown) => void) => void
type Change = (req: IncomingMessage, res: ServerResponse) => void

const ended: (() => Promise<void>)[] = []
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
  return Promise.all(ended.splice(0).map((end) => end()))
})

/** Serves a route behind the handler. `changed` does to a request what Express would do. */
async function serve(handler: Handler, changed: Change = () => {}) {
  const server = createServer((req, res) => {
    changed(req, res)
    handler(req, res, (failure) => {
      res.statusCode = failure === undefined ? 200 : 500
      res.end(JSON.stringify((res as { locals?: unknown }).locals ?? String(failure)))
    })
  })
  const { port, close } = await listen(server)
  ended.push(close)
  return port
}

type Sent = Readonly<{
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
}>

/** `fetch` sets no Host and joins headers. */
const ask = (port: number, sent: Sent = {}) =>
  new Promise<{ status: number; headers: IncomingMessage['headers']; text: string }>(
    (resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, ...sent }, async (answer) => {
        let text = ''
        for await (const part of answer) text += part
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
      })
      asked.on('error', reject).end()
    },
  )

const session = () => {
  const found = sessionOfClaims(activeAnswer())
  if (!found) throw new Error('no session')
  return found
}

/** A stand-in for an authenticator that records its calls. */
function authenticator(outcome: () => Authentication) {
  const authenticate = vi.fn(async (_: AuthenticationRequest) => outcome())
  const options: ScopedOptions = { authenticator: () => ({ authenticate }) }
  return { authenticate, options }
}
const allowing = () => authenticator(() => ({ kind: 'authenticated', session: session() }))

describe('scoped() of edge-registry/express', () => {
  it('scoped() adds the session to res.locals, and keeps what is already there', async () => {
    const { options } = allowing()
    const bare = await serve(scoped('files:read', options))
    expect(JSON.parse((await ask(bare)).text)).toEqual({ session: session() })
    const withLocals = await serve(scoped('files:read', options), (_, res) => {
      Object.assign(res, { locals: { theme: 'dark' } })
    })
    expect(JSON.parse((await ask(withLocals)).text)).toEqual({ theme: 'dark', session: session() })
  })

  it('scoped() sends the status, the headers and the body of a refusal, and does not call next', async () => {
    const { options } = authenticator(() => ({ kind: 'anonymous' }))
    const resourceMetadata = `${FILES}/.well-known/oauth-protected-resource`
    const port = await serve(
      scoped(['files:read', 'files:write'], { ...options, resourceMetadata }),
    )
    const { status, headers, text } = await ask(port)
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe(
      `Bearer scope="files:read files:write", realm="registry", resource_metadata="${resourceMetadata}"`,
    )
    expect(headers['cache-control']).toBe('no-store')
    expect(JSON.parse(text)).toMatchObject({ error: 'authentication_required' })
  })

  it('scoped() answers 503 when the authenticator throws or is undefined', async () => {
    const throwing = authenticator(() => {
      throw new Error('down')
    })
    for (const options of [throwing.options, { authenticator: () => undefined }]) {
      const { status, headers } = await ask(await serve(scoped(null, options)))
      expect([status, headers['retry-after']]).toEqual([503, '5'])
    }
  })

  it('a request whose authorizer throws is not allowed, and the error goes to next', async () => {
    const port = await serve(
      scoped('files:read', {
        ...allowing().options,
        resource: () => '7',
        authorizer: () => Promise.reject(new Error('the database of the route is down')),
      }),
    )
    const { status, text } = await ask(port)
    expect([status, text]).toEqual([500, '"Error: the database of the route is down"'])
  })

  it.each<[string, Sent, Change, string]>([
    ['its Host header', { headers: { Host: 'files.example' } }, () => {}, 'http://files.example/7'],
    [
      'the protocol and the original URL that Express sets',
      { headers: { Host: 'files.example' } },
      (req) => Object.assign(req, { protocol: 'https', originalUrl: '/reports/7?a=b', url: '/7' }),
      'https://files.example/reports/7?a=b',
    ],
    [
      'a connection with TLS',
      { headers: { Host: 'files.example' } },
      (req) => Object.assign(req, { socket: { encrypted: true } }),
      'https://files.example/7',
    ],
    ['a Host header that gives no URL', { headers: { Host: 'a b' } }, () => {}, 'about:blank'],
  ])('scoped() passes the authenticator the URL from %s', async (_, sent, changed, url) => {
    const { authenticate, options } = allowing()
    await ask(await serve(scoped(null, options), changed), {
      path: '/7',
      method: 'DELETE',
      ...sent,
    })
    expect(authenticate.mock.calls[0]?.[0]).toMatchObject({ method: 'DELETE', url })
  })

  it('scoped() passes the authenticator the configured origin instead of the Host header', async () => {
    const { authenticate, options } = allowing()
    const port = await serve(scoped(null, { ...options, origin: FILES }))
    await ask(port, { path: '/7?a=b', headers: { Host: 'evil.example' } })
    expect(authenticate.mock.calls[0]?.[0].url).toBe(`${FILES}/7?a=b`)
  })

  it.each([
    'files.example/public?',
    'files.example/public#',
    'files.example/public\\',
    'x@files.example/public?',
    '/public?',
  ])('the Host header %s does not change the path for which a proof is checked', async (Host) => {
    for (const origin of [{}, { origin: FILES }]) {
      const { authenticate, options } = allowing()
      const port = await serve(scoped(null, { ...options, ...origin }))
      await ask(port, { path: '/admin', headers: { Host } })
      expect(authenticate.mock.calls[0]?.[0].url).not.toContain('/public')
    }
  })

  it('a header that was sent twice reaches the authenticator as one value with a comma, and not as the first of the two', async () => {
    const { authenticate, options } = allowing()
    const port = await serve(scoped(null, options))
    await ask(port, { headers: { Authorization: ['Bearer a', 'Bearer b'], DPoP: ['a', 'b'] } })
    expect(authenticate.mock.calls[0]?.[0]).toMatchObject({
      ...{ authorization: 'Bearer a, Bearer b', dpop: 'a, b', cookie: null },
    })
    const older = await serve(scoped(null, options), (req) => {
      Object.defineProperty(req, 'headersDistinct', { value: undefined })
    })
    await ask(older, { headers: { Authorization: 'Bearer a' } })
    expect(authenticate.mock.calls[1]?.[0]).toMatchObject({ authorization: 'Bearer a', dpop: null })
  })

  it('each request through several middlewares is checked', async () => {
    const { authenticate, options } = allowing()
    const [first, second] = [scoped(null, options), scoped('files:read', options)]
    // Both middlewares share one binding, as in a program.
    const port = await serve((req, res, next) => first(req, res, () => second(req, res, next)))
    await ask(port)
    await ask(port)
    expect(authenticate.mock.calls.length).toBeGreaterThan(1)
  })

  it('a request object without a method and a path is refused without a crash', () => {
    const { authenticate, options } = authenticator(() => ({ kind: 'anonymous' }))
    const res = { statusCode: 0, setHeader: vi.fn(), end: vi.fn() }
    return new Promise<void>((resolve) => {
      res.end.mockImplementation(() => {
        expect(res.statusCode).toBe(401)
        expect(authenticate.mock.calls[0]?.[0]).toMatchObject({ method: '' })
        resolve()
      })
      scoped(null, options)({ headers: {}, socket: {} }, res, () => {})
    })
  })

  it.each<[string, ScopedOptions]>([
    ['no way to check', {}],
    ['an origin with a path', { ...allowing().options, origin: `${FILES}/reports` }],
    ['an origin that is no URL', { ...allowing().options, origin: 'files.example' }],
  ])('scoped() with %s throws at construction', (_, options) => {
    expect(() => scoped('files:read', options)).toThrow(TypeError)
    expect(() => scoped('files:read')).toThrow(/choose a check/)
  })
})

describe('protectedResource() of edge-registry/express', () => {
  const described = { resource: FILES, authorizationServers: [ISSUER], scopes: ['files:read'] }

  it('protectedResource() serves the metadata and answers a preflight', async () => {
    const port = await serve(protectedResource(described))
    const metadata = await ask(port)
    expect(metadata.status).toBe(200)
    expect(metadata.headers).toMatchObject({ 'content-type': 'application/json' })
    expect(JSON.parse(metadata.text)).toMatchObject({ resource: FILES })
    const preflight = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' }
    const allowed = await ask(port, { method: 'OPTIONS', headers: preflight })
    expect([allowed.status, allowed.headers['access-control-allow-origin']]).toEqual([204, '*'])
    expect((await ask(port, { method: 'POST' })).status).toBe(405)
    expect((await ask(port, { method: 'HEAD' })).text).toBe('')
  })

  it('an error while a response is sent goes to next', async () => {
    const next = vi.fn()
    const broken = {
      ...{ statusCode: 0, end: () => {} },
      setHeader: () => {
        throw new Error('headers were sent')
      },
    }
    protectedResource(described)({ headers: {}, socket: {} }, broken, next)
    await expect.poll(() => next).toHaveBeenCalledWith(new Error('headers were sent'))
  })
})
