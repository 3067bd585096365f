/** What happened: one line of JSON for each request, and one data point where Analytics Engine is bound. */

import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Authenticator, createAuthenticator } from '../../src/authenticator/app.ts'
import { countedBindings, nothing, watchedBindings } from './counting.ts'
import { sendAs } from './obtaining.ts'
import {
  authorizePath,
  cookiesOf,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  requestOf,
  serve,
  signIn,
  type TestClient,
} from './registry.ts'
import { authenticatorEnv, bearer, storeToken } from './stored-session.ts'

type Line = Readonly<Record<string, unknown>>
type Point = Readonly<{ indexes: string[]; blobs: string[]; doubles: number[] }>

/** What Analytics Engine takes of one data point. */
const MAX_INDEX_BYTES = 96
const MAX_BLOBS_BYTES = 16 * 1024

let client: TestClient
let cookie: string
let lines: Line[]
beforeAll(async () => {
  client = await newClient({ mayIntrospect: true })
  cookie = await signIn(await newUser())
  // The day's first use of a secret writes its date once.
  await post('/token', credentialsOf(client))
})
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    expect(line).not.toContain('\n')
    lines.push(JSON.parse(line) as Line)
  })
})
afterEach(() => vi.restoreAllMocks())

function dataset() {
  const points: Point[] = []
  const EVENTS = {
    writeDataPoint(point: Point) {
      const bytes = (texts: string[]) => new TextEncoder().encode(texts.join('')).length
      if (point.indexes.length !== 1 || bytes(point.indexes) > MAX_INDEX_BYTES) {
        throw new TypeError('one index of at most 96 bytes')
      }
      if (point.blobs.length > 20 || bytes(point.blobs) > MAX_BLOBS_BYTES) {
        throw new TypeError('too many blobs')
      }
      points.push(point)
    },
  }
  return { points, EVENTS }
}

describe('the line of a request', () => {
  it('says what was asked, by which client, how it went, how long it took and what it asked of storage', async () => {
    const fetch = serve()
    await post('/token', credentialsOf(client), {}, fetch)
    await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }), {}, fetch)
    const common = {
      event: 'request',
      correlationId: expect.stringMatching(/^[0-9A-Z]{10}$/),
      endpoint: 'POST /token',
      clientId: client.id,
      ms: expect.any(Number),
    }
    expect(lines).toEqual([
      { ...common, outcome: 'answered', status: 200, d1: 1, kvReads: 0, kvWrites: 1 },
      {
        ...common,
        outcome: 'refused',
        reason: 'invalid_client',
        detail: 'wrong secret',
        status: 401,
        d1: expect.any(Number),
        kvReads: 0,
        kvWrites: 0,
      },
    ])
  })

  it('counts what the bindings count', async () => {
    const { count, bindings } = countedBindings()
    const fetch = serve(bindings)
    await post('/token', credentialsOf(client), {}, fetch)
    const code = await obtainCode(cookie, requestOf(client), fetch)
    const { access_token } = (await (
      await post('/token', redemptionOf(client, code), {}, fetch)
    ).json()) as { access_token: string }
    const asks: (() => Promise<Response>)[] = [
      () => post('/token', credentialsOf(client), {}, fetch),
      () =>
        fetch(authorizePath(requestOf(client, { scope: 'public:read' })), {
          headers: { Cookie: cookie },
        }),
      () => fetch('/account', { headers: { Cookie: cookie } }),
      () => sendAs(client, '/introspect', { token: access_token }, fetch),
    ]
    for (const ask of asks) {
      Object.assign(count, nothing())
      lines = []
      expect((await ask()).status).toBe(200)
      const { d1, kvReads, kvWrites } = lines[0] ?? {}
      expect({ d1, kvReads, kvWrites }).toEqual({
        d1: count.d1,
        kvReads: count.kvRead,
        kvWrites: count.kvWrite + count.kvDelete,
      })
      expect(count).not.toEqual(nothing())
    }
  })

  it('keeps the counts of requests apart that are served at once', async () => {
    const fetch = serve()
    await post('/token', credentialsOf(client), {}, fetch)
    lines = []
    await Promise.all([
      post('/token', credentialsOf(client), {}, fetch),
      fetch('/account', { headers: { Cookie: cookie } }),
      post('/token', credentialsOf(client), {}, fetch),
    ])
    const told = lines.map(({ endpoint, d1, kvReads, kvWrites }) => [
      endpoint,
      d1,
      kvReads,
      kvWrites,
    ])
    expect(told.sort()).toEqual([
      ['GET /account', 2, 1, 0],
      ['POST /token', 0, 0, 1],
      ['POST /token', 0, 0, 1],
    ])
  })

  it('tells of every page and every post, whoever it was, and not of what is nobody’s act', async () => {
    const fetch = serve()
    const page = await fetch('/login')
    await fetch('/account', { headers: { Cookie: cookiesOf(page) } })
    for (const path of [
      '/',
      '/healthz',
      '/style.css',
      '/errors',
      '/.well-known/oauth-authorization-server',
    ]) {
      expect((await fetch(path)).status).toBe(200)
    }
    expect(lines.map(({ endpoint, outcome, status }) => [endpoint, outcome, status])).toEqual([
      ['GET /login', 'answered', 200],
      ['GET /account', 'answered', 303],
    ])
  })

  it('LOG_ANSWERS=refusals leaves out what went well', async () => {
    const fetch = serve({ LOG_ANSWERS: 'refusals' })
    await post('/token', credentialsOf(client), {}, fetch)
    expect(lines).toEqual([])
    await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }), {}, fetch)
    expect(lines).toMatchObject([{ outcome: 'refused' }])
  })

  it('is joined by its id with what else is told of the request', async () => {
    const fetch = serve(
      watchedBindings((operation) => {
        if (operation === 'kvWrite') throw new Error('KV is out of reach')
      }),
    )
    await fetch(authorizePath(requestOf(client)), { headers: { Cookie: cookie } })
    expect(lines.map(({ event, outcome }) => outcome ?? event)).toEqual([
      'code_not_carried',
      'answered',
    ])
    expect(lines[0]?.correlationId).toBe(lines[1]?.correlationId)
  })
})

describe('a data point', () => {
  it('is written for what went well and what did not, and holds what the line says', async () => {
    const { points, EVENTS } = dataset()
    const fetch = serve({ EVENTS })
    await post('/token', credentialsOf(client), {}, fetch)
    await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }), {}, fetch)
    await fetch('/healthz')
    const any = expect.any(Number)
    expect(points).toEqual([
      {
        indexes: [client.id],
        blobs: ['POST /token', 'answered', '', client.id],
        doubles: [any, 200, 1, 0, 1],
      },
      {
        indexes: [client.id],
        blobs: ['POST /token', 'refused', 'invalid_client', client.id],
        doubles: [any, 401, any, 0, 0],
      },
    ])
  })

  it('fits, whatever the caller calls itself', async () => {
    const { points, EVENTS } = dataset()
    await post(
      '/token',
      { client_id: '\u{1F512}'.repeat(4000), grant_type: 'x' },
      {},
      serve({ EVENTS }),
    )
    expect(points).toHaveLength(1)
  })

  it('that is not taken changes no answer, and is logged', async () => {
    const EVENTS = {
      writeDataPoint() {
        throw new Error('no more today')
      },
    }
    expect((await post('/token', credentialsOf(client), {}, serve({ EVENTS }))).status).toBe(200)
    expect(lines.map(({ event }) => event)).toEqual(['request', 'data_point_lost'])
  })
})

describe('the authenticator', () => {
  const ask = (authenticator: Authenticator, path: string, headers: Record<string, string> = {}) =>
    authenticator.fetch(new Request(`https://a.example${path}`, { headers }))

  it('tells in one line of each credential that it refuses, under the id that the answer carries', async () => {
    const authenticator = createAuthenticator(authenticatorEnv())
    const token = await storeToken()
    const refused = await ask(authenticator, '/auth?scope=upload:delete', bearer(token))
    await authenticator.authenticate({ authorization: 'Bearer junk' })
    const common = { event: 'check', outcome: 'refused', ms: expect.any(Number) }
    expect(lines).toEqual([
      {
        ...common,
        correlationId: refused.headers.get('X-Correlation-Id'),
        endpoint: 'GET /auth',
        reason: 'The session does not hold the scope.',
        status: 403,
      },
      {
        ...common,
        correlationId: expect.stringMatching(/^[0-9A-Z]{10}$/),
        endpoint: 'authenticate',
        reason: 'The access token is unknown, expired or revoked.',
        status: 401,
      },
    ])
  })

  it('tells nothing of what went well, nor of who presents nothing', async () => {
    const authenticator = createAuthenticator(authenticatorEnv())
    const answers = [
      await ask(authenticator, '/auth', bearer(await storeToken())),
      await ask(authenticator, '/auth'),
      await ask(authenticator, '/auth?scope=public:read'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401])
    expect(answers.some(({ headers }) => headers.has('X-Correlation-Id'))).toBe(false)
    expect(lines).toEqual([])
  })

  it('writes a data point for every check where Analytics Engine is bound', async () => {
    const { points, EVENTS } = dataset()
    const authenticator = createAuthenticator({ ...authenticatorEnv(), EVENTS })
    await ask(authenticator, '/auth', bearer(await storeToken()))
    await ask(authenticator, '/auth')
    await ask(authenticator, '/auth', bearer('junk'))
    expect(points.map(({ blobs, doubles }) => [...blobs.slice(0, 2), doubles[1]])).toEqual([
      ['GET /auth', 'authenticated', 200],
      ['GET /auth', 'anonymous', 200],
      ['GET /auth', 'refused', 401],
    ])
    expect(points[0]?.indexes[0]).toBe(points[0]?.blobs[3])
    expect(points[0]?.blobs[3]).not.toBe('')
  })

  it('answers all the same when a data point is not taken', async () => {
    vi.spyOn(console, 'error').mockImplementation((line: string) => {
      lines.push(JSON.parse(line) as Line)
    })
    const EVENTS = {
      writeDataPoint() {
        throw new Error('no more today')
      },
    }
    const authenticator = createAuthenticator({ ...authenticatorEnv(), EVENTS })
    expect((await ask(authenticator, '/auth', bearer(await storeToken()))).status).toBe(200)
    expect(lines.map(({ event }) => event)).toEqual(['data_point_lost'])
  })
})
