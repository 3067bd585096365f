/** `scoped()` by service binding: the requests that reach the route, and its configuration. */

import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { type ScopedEnv, type ScopedOptions, scoped } from '../../src/resource-server/hono.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  cookie,
  ISSUER,
  JWT_SECRET,
  SESSIONS,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

const AUTHENTICATOR = createAuthenticator(authenticatorEnv())
let lines: string[]
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)))
})
afterEach(() => {
  vi.restoreAllMocks()
})

const service = (
  scope: Parameters<typeof scoped>[0],
  options?: ScopedOptions,
  env: object = { AUTHENTICATOR },
) => scopedService(scope, options, env)

const id = {
  resource: (c: { req: { param(name: string): string | undefined } }) => c.req.param('id'),
}

describe('scoped() by service binding', () => {
  it('scoped() gives the session of a token or of a browser to the route', async () => {
    const { ask } = service('submission:read')
    const answer = await ask('/submissions', bearer(await storeToken()))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ session: 'session-1' })
    expect((await ask('/submissions', cookie(await storeBrowserSession()))).status).toBe(200)
  })

  it('scoped() refuses an anonymous request, a bad credential and a missing scope before the route runs', async () => {
    const { ask, seen } = service('submission:create')
    const anonymous = await ask('/submissions')
    expect(anonymous.headers.get('WWW-Authenticate')).toContain('scope="submission:create"')
    expect(anonymous.headers.get('WWW-Authenticate')).not.toContain('error=')
    await expectRefusal(anonymous, 401)
    const unknown = bearer(mintToken('accessToken'))
    await expectRefusal(await ask('/submissions', unknown), 401, 'invalid_token')
    const without = bearer(await storeToken())
    await expectRefusal(await ask('/submissions', without), 403, 'insufficient_scope')
    expect(seen.served).toBe(0)
  })

  it('scoped(null) requires a session with any scopes', async () => {
    const { ask } = service(null)
    await expectRefusal(await ask('/submissions'), 401)
    expect((await ask('/submissions', bearer(await storeToken(authorizing([]))))).status).toBe(200)
  })

  it('scoped() requires an endorsement when the route names a category', async () => {
    const { ask } = service('submission:create', { category: (c) => c.req.query('category') })
    const headers = bearer(await storeToken(authorizing(['submission:create'], ['cs.*'])))
    expect((await ask('/submissions?category=cs.DL', headers)).status).toBe(200)
    const other = await ask('/submissions?category=math.AG', headers)
    await expectRefusal(other, 403, 'insufficient_scope')
    expect((await ask('/submissions', headers)).status).toBe(200)
  })
})

describe('scoped() with several scopes', () => {
  const BOTH = ['submission:read', 'submission:create'] as const

  it.each<[held: string[], status: number]>([
    [['submission:read', 'submission:create'], 200],
    [['submission:read:*', 'submission:create', 'public:read'], 200],
    [['submission:read'], 403],
    [['submission:create'], 403],
    [[], 403],
  ])(
    'a session that holds %j gets the status %i from a route that needs two',
    async (held, status) => {
      const { ask, seen } = service(BOTH)
      const answer = await ask('/submissions', bearer(await storeToken(authorizing(held))))
      expect([answer.status, seen.served]).toEqual([status, status === 200 ? 1 : 0])
    },
  )

  it.each<[held: string[], status: number, asked: number]>([
    [['submission:read:5', 'submission:create:5'], 200, 0],
    [['submission:read:5', 'submission:create'], 200, 1],
    [['submission:read', 'submission:create'], 200, 1],
    [['submission:read:5'], 403, 0],
    [['submission:read:5', 'submission:create:6'], 403, 0],
    [['submission:read'], 403, 0],
  ])(
    'a session that holds %j gets for one resource the status %i, after %i calls of the authorizer',
    async (held, status, asked) => {
      const authorizer = vi.fn(() => true)
      const { ask, seen } = service(BOTH, { ...id, authorizer })
      const answer = await ask('/submissions/5', bearer(await storeToken(authorizing(held))))
      expect([answer.status, seen.served]).toEqual([status, status === 200 ? 1 : 0])
      expect(authorizer).toHaveBeenCalledTimes(asked)
    },
  )
})

describe('requests that name a resource', () => {
  it.each<[held: string[], authorizer: boolean | undefined, path: string, status: number]>([
    [['submission:read:*'], undefined, '/submissions/5', 200],
    [['submission:read:5'], undefined, '/submissions/5', 200],
    [['submission:read:5'], undefined, '/submissions/6', 403],
    [['submission:read:5'], true, '/submissions/6', 403],
    [['submission:read'], undefined, '/submissions/5', 403],
    [['submission:read'], false, '/submissions/5', 403],
    [['submission:read'], true, '/submissions/5', 200],
    [['submission:read'], false, '/submissions', 200],
    [['submission:read:5'], true, '/submissions', 403],
    [['public:read'], true, '/submissions/5', 403],
    [['submission:read:5'], false, '/submissions/*', 403],
  ])(
    'a session that holds %j, with the authorizer %s, gets for %s the status %i',
    async (held, agrees, path, status) => {
      const authorizer = agrees === undefined ? {} : { authorizer: async () => agrees }
      const { ask, seen } = service('submission:read', { ...id, ...authorizer })
      const answer = await ask(path, bearer(await storeToken(authorizing(held))))
      expect(answer.status).toBe(status)
      expect(seen.served).toBe(status === 200 ? 1 : 0)
    },
  )

  it('the authorizer gets the session and the resource, and only `true` grants access', async () => {
    const authorizer = vi.fn((): boolean => 'yes' as unknown as boolean)
    const { ask } = service('submission:read', { ...id, authorizer })
    const headers = bearer(await storeToken())
    await expectRefusal(await ask('/submissions/5', headers), 403, 'insufficient_scope')
    const session = expect.objectContaining({ session_id: 'session-1' })
    expect(authorizer).toHaveBeenCalledExactlyOnceWith(session, '5', expect.anything())
  })

  it('a route is not served when its authorizer throws', async () => {
    const authorizer = () => Promise.reject(new Error('the database of the route is down'))
    const { ask, seen } = service('submission:read', { ...id, authorizer })
    expect((await ask('/submissions/5', bearer(await storeToken()))).status).toBe(500)
    expect(seen.served).toBe(0)
  })
})

describe('faults of scoped()', () => {
  const down = { get: () => Promise.reject(new Error('down')) } as unknown as KVNamespace
  it.each<[string, object]>([
    ['no binding', {}],
    [
      'a binding that throws',
      { AUTHENTICATOR: { authenticate: () => Promise.reject(new Error()) } },
    ],
    [
      'a binding that throws no Error',
      { AUTHENTICATOR: { authenticate: () => Promise.reject('down') } },
    ],
    ['a binding to something else', { AUTHENTICATOR: { fetch: () => new Response() } }],
    ['an empty answer', { AUTHENTICATOR: { authenticate: async () => undefined } }],
    ['an unknown answer', { AUTHENTICATOR: { authenticate: async () => ({ kind: 'fine' }) } }],
    ['no session', { AUTHENTICATOR: { authenticate: async () => ({ kind: 'authenticated' }) } }],
    [
      'storage that is down',
      { AUTHENTICATOR: createAuthenticator({ ...authenticatorEnv(), SESSIONS: down }) },
    ],
  ])('scoped() answers 503 and does not serve the route with %s', async (_, env) => {
    const { ask, seen } = service(null, {}, env)
    const answer = await ask('/submissions', bearer(await storeToken()))
    expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
    await expectRefusal(answer, 503)
    expect(seen.served).toBe(0)
    expect(lines).toHaveLength(1)
  })

  it('control: scoped() serves the same request with a working binding', async () => {
    const options = { authenticator: () => AUTHENTICATOR }
    const { ask } = service(null, options, { SESSIONS })
    expect((await ask('/submissions', bearer(await storeToken()))).status).toBe(200)
  })
})

describe('wrong use of scoped()', () => {
  const authorizer = () => true
  it.each<[string, Parameters<typeof scoped>[0], ScopedOptions]>([
    ['no scope in a list', [], {}],
    ['a malformed scope in a list', ['submission:read', 'a b'], {}],
    ['a resource and a list with a scope that has no hierarchy', ['submission:read', 'read'], id],
    ['a malformed scope', 'submission"', {}],
    ['two scopes', 'submission:read public:read', {}],
    ['an empty scope', '', {}],
    ['an authorizer without a resource', 'submission:read', { authorizer }],
    ['a resource twice', 'submission:read:5', id],
    ['a resource and a scope that has no hierarchy', 'read', id],
    ['a resource and a scope that looks like one of every action', 'submission:*', id],
    ['a resource without a scope', null, id],
    [
      'two sources',
      null,
      {
        authenticator: () => AUTHENTICATOR,
        jwt: { secret: () => JWT_SECRET, issuer: ISSUER },
      },
    ],
  ])('scoped() with %s throws at construction', (_, scope, options) => {
    expect(() => scoped(scope, options)).toThrow(TypeError)
  })
})

describe('refusals of the authenticator', () => {
  it('a refusal of the authenticator reaches the caller with its correlation id, error and reason', async () => {
    vi.spyOn(console, 'log').mockImplementation((line) => lines.push(String(line)))
    const answer = await service('submission:read').ask('/submissions', bearer('junk'))
    const { correlationId } = JSON.parse(lines[0] ?? '{}')
    expect(answer.headers.get('X-Correlation-Id')).toBe(correlationId)
    const reason = 'The access token is unknown, expired or revoked.'
    const body = { error: 'invalid_token', error_description: reason, reason }
    expect(await answer.json()).toEqual(body)
  })
})

describe('CORS preflights', () => {
  const preflight = { Origin: 'https://spa.example', 'Access-Control-Request-Method': 'GET' }
  /** A service whose route answers any method. */
  function careless(...before: ReturnType<typeof cors>[]) {
    const app = new Hono<ScopedEnv>()
    for (const middleware of before) app.use(middleware)
    const seen = { served: 0 }
    app.all('/submissions', scoped('submission:read'), (c) => {
      seen.served++
      return c.text('the submissions')
    })
    const ask = () =>
      app.request('/submissions', { method: 'OPTIONS', headers: preflight }, { AUTHENTICATOR })
    return { ask, seen }
  }

  it('a preflight is answered by cors() in front of scoped(), and no route runs', async () => {
    const { ask, seen } = careless(cors())
    const answer = await ask()
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(seen.served).toBe(0)
  })

  it('a preflight without cors() is refused by scoped(), even when the route answers any method', async () => {
    const { ask, seen } = careless()
    await expectRefusal(await ask(), 401)
    expect(seen.served).toBe(0)
  })
})
