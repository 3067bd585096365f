/** The log: one line of JSON for each request, and one data point where Analytics Engine is bound. */

import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Authenticator, createAuthenticator } from '../../src/authenticator/app.ts'
import { watchedBindings } from './counting.ts'
import {
  authorizePath,
  cookiesOf,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  post,
  requestOf,
  serve,
  signIn,
  type TestClient,
} from './registry.ts'
import { authenticatorEnv, bearer, record, storeToken } from './stored-session.ts'

type Line = Readonly<Record<string, unknown>>
type Point = Readonly<{ indexes: string[]; blobs: string[]; doubles: number[] }>

/** The limits of Analytics Engine for one data point. */
const MAX_INDEX_BYTES = 96
const MAX_BLOBS_BYTES = 16 * 1024

let client: TestClient
let cookie: string
let lines: Line[]
beforeAll(async () => {
  client = await newClient({ mayIntrospect: true })
  cookie = await signIn(await newUser())
  // A remembered consent: a later authorization request issues its code at once.
  await obtainCode(cookie, requestOf(client))
  // The first use of a secret in a day writes the date.
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

describe('the log line of a request', () => {
  it('the log line names the endpoint, the client, the outcome and the duration', async () => {
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
      { ...common, outcome: 'answered', status: 200 },
      {
        ...common,
        outcome: 'refused',
        reason: 'invalid_client',
        detail: 'wrong secret',
        status: 401,
      },
    ])
  })

  it('every request to a page or an endpoint is logged, and requests for static pages are not', async () => {
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

  it('LOG_ANSWERS=refusals leaves successful requests out of the log', async () => {
    const fetch = serve({ LOG_ANSWERS: 'refusals' })
    await post('/token', credentialsOf(client), {}, fetch)
    expect(lines).toEqual([])
    await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }), {}, fetch)
    expect(lines).toMatchObject([{ outcome: 'refused' }])
  })

  it('all log lines of one request have the same correlation id', async () => {
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

  it('every log line of concurrent requests in one isolate carries the correlation id of its own request', async () => {
    const fetch = serve(
      watchedBindings((operation) => {
        if (operation === 'kvWrite') throw new Error('KV is out of reach')
      }),
    )
    const ask = () => fetch(authorizePath(requestOf(client)), { headers: { Cookie: cookie } })
    await Promise.all([ask(), ask(), ask()])
    const idsOf = (name: string) =>
      lines.filter(({ event }) => event === name).map(({ correlationId }) => correlationId)
    expect(new Set(idsOf('request')).size).toBe(3)
    expect(idsOf('code_not_carried').sort()).toEqual(idsOf('request').sort())
  })
})

describe('the data point of a request', () => {
  it('a data point is written for successes and refusals, with the values of the log line', async () => {
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
        doubles: [any, 200],
      },
      {
        indexes: [client.id],
        blobs: ['POST /token', 'refused', 'invalid_client', client.id],
        doubles: [any, 401],
      },
    ])
  })

  it('a data point stays within the limits for a client id of any length', async () => {
    const { points, EVENTS } = dataset()
    await post(
      '/token',
      { client_id: '\u{1F512}'.repeat(4000), grant_type: 'x' },
      {},
      serve({ EVENTS }),
    )
    expect(points).toHaveLength(1)
  })

  it('a data point that cannot be written changes no response and is logged', async () => {
    const EVENTS = {
      writeDataPoint() {
        throw new Error('no more today')
      },
    }
    expect((await post('/token', credentialsOf(client), {}, serve({ EVENTS }))).status).toBe(200)
    expect(lines.map(({ event }) => event)).toEqual(['request', 'data_point_lost'])
  })
})

describe('the log of the authenticator', () => {
  const ask = (authenticator: Authenticator, path: string, headers: Record<string, string> = {}) =>
    authenticator.fetch(new Request(`https://a.example${path}`, { headers }))

  it('every refused credential has one log line with the correlation id of its response', async () => {
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

  it('a successful check and a request without a credential are not logged', async () => {
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

  it('every check writes a data point where Analytics Engine is bound', async () => {
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

  it('the data point of a check stays within the limits for a client whose id is a long address', async () => {
    const { points, EVENTS } = dataset()
    const authenticator = createAuthenticator({ ...authenticatorEnv(), EVENTS })
    const client_id = `https://host.example/${'a'.repeat(400)}.json`
    const { client } = record()
    const token = await storeToken({ client: client && { ...client, client_id } })
    expect((await ask(authenticator, '/auth', bearer(token))).status).toBe(200)
    expect(points.map(({ indexes, blobs }) => [indexes, blobs[3]])).toEqual([
      [[client_id.slice(0, MAX_INDEX_BYTES)], client_id],
    ])
  })

  it('a check succeeds when its data point cannot be written', async () => {
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
