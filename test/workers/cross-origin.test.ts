/** CORS: scripts of any origin may call the endpoints that browser-based clients need, and no others. */

import { describe, expect, it } from 'vitest'
import { watchedBindings } from './counting.ts'
import { machineToken, newRefreshingClient, sendAs } from './obtaining.ts'
import { credentialsOf, newClient, post, registry, serve } from './registry.ts'

const ORIGIN = { Origin: 'https://app.example' }
const METADATA = '/.well-known/oauth-authorization-server'
const preflight = (path: string, method: string, headers = 'authorization,dpop') =>
  registry(path, {
    method: 'OPTIONS',
    headers: {
      ...ORIGIN,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': headers,
    },
  })
const corsIn = (response: Response) =>
  [...response.headers].filter(([name]) => name.startsWith('access-control-'))

describe('preflight requests', () => {
  it('a preflight that asks for no header is allowed the headers that clients use', async () => {
    const headers = { ...ORIGIN, 'Access-Control-Request-Method': 'POST' }
    const response = await registry('/token', { method: 'OPTIONS', headers })
    expect(response.status).toBe(204)
    expect(response.headers.get('Access-Control-Allow-Headers')).toBe(
      'Authorization,Content-Type,DPoP',
    )
  })

  it.each([
    ['/token', 'POST'],
    ['/revoke', 'POST'],
    [METADATA, 'GET,HEAD'],
  ])('a preflight of %s allows the methods %s', async (path, methods) => {
    const response = await preflight(path, methods.split(',')[0] ?? '')
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(Object.fromEntries(corsIn(response))).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'Authorization,Content-Type,DPoP',
      'access-control-expose-headers': 'WWW-Authenticate,DPoP-Nonce,Retry-After,X-Correlation-Id',
      'access-control-max-age': '3600',
    })
  })

  it.each(['/token', '/revoke', METADATA])(
    'a preflight of %s allows the headers that libraries and browsers add, when they are requested',
    async (path) => {
      const method = path === METADATA ? 'GET' : 'POST'
      const added = ['mcp-protocol-version', 'traceparent', 'baggage', 'x-requested-with']
      const allowedFor = async (headers: string) =>
        (await preflight(path, method, headers)).headers.get('Access-Control-Allow-Headers')
      const usual = 'Authorization,Content-Type,DPoP'
      for (const name of added) expect(await allowedFor(name)).toBe(`${usual},${name}`)
      expect(await allowedFor(`content-type, ${added.join(', ')}`)).toBe(
        `${usual},${added.join(',')}`,
      )
      expect(await allowedFor('')).toBe(usual)
      expect(await allowedFor('x y,<b>')).toBe(usual)
    },
  )

  it.each(['/introspect', '/authorize', '/login', '/logout', '/', '/healthz'])(
    'a preflight of %s is refused with 405',
    async (path) => {
      const response = await preflight(path, 'POST')
      expect([response.status, corsIn(response)]).toEqual([405, []])
    },
  )

  it.each([
    ['/token', 'POST'],
    ['/revoke', 'POST'],
    [METADATA, 'GET, HEAD'],
  ])(
    'an OPTIONS request to %s that is not a preflight is refused with 405, and Allow is %s',
    async (path, allow) => {
      const response = await registry(path, { method: 'OPTIONS', headers: ORIGIN })
      expect([response.status, response.headers.get('Allow')]).toEqual([405, allow])
    },
  )
})

describe('responses to scripts of another origin', () => {
  const OPEN = [
    ['access-control-allow-origin', '*'],
    ['access-control-expose-headers', 'WWW-Authenticate,DPoP-Nonce,Retry-After,X-Correlation-Id'],
  ]

  it('a token, a refusal and a fault can be read by a script of another origin, without cookies', async () => {
    const client = await newClient()
    const down = serve(
      watchedBindings(() => {
        throw new Error('storage is out of reach')
      }),
    )
    const answers = await Promise.all([
      post('/token', credentialsOf(client), ORIGIN),
      post('/token', credentialsOf({ ...client, secret: 'wrong' }), ORIGIN),
      post('/token', credentialsOf(client), ORIGIN, down),
      registry('/token', { method: 'POST', headers: { ...ORIGIN, 'Content-Type': 'text/plain' } }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 503, 415])
    for (const answer of answers) {
      expect(corsIn(answer)).toEqual(OPEN)
      expect(answer.headers.get('Cache-Control')).toBe('no-store')
    }
  })

  it.each(['/register/7/8', METADATA.replace('oauth', 'openid'), '/keys.json', '/userinfo'])(
    'a script of another origin can read the 404 of POST and GET %s, which would otherwise look like a network error',
    async (path) => {
      const asked = await preflight(path, 'POST', 'content-type,mcp-protocol-version')
      expect(asked.status).toBe(204)
      expect(asked.headers.get('Access-Control-Allow-Methods')).toContain('POST')
      expect(asked.headers.get('Access-Control-Allow-Headers')).toContain('mcp-protocol-version')
      const accept = { ...ORIGIN, Accept: 'application/json' }
      const answers = [
        await registry(path, { method: 'POST', headers: ORIGIN, body: '{}' }),
        await registry(path, { headers: accept }),
      ]
      for (const answer of answers) {
        expect(answer.status).toBe(404)
        expect(corsIn(answer)).toEqual(OPEN)
        expect(await answer.json()).toMatchObject({
          error: 'invalid_request',
          error_description:
            'No endpoint has this path. /.well-known/oauth-authorization-server lists them.',
        })
      }
    },
  )

  it('a script of another origin can read a response of /revoke, and none of /introspect', async () => {
    const client = await newRefreshingClient()
    const token = await machineToken(client)
    expect(corsIn(await sendAs(client, '/introspect', { token }))).toEqual([])
    expect(corsIn(await sendAs(client, '/revoke', { token }))).toEqual(OPEN)
  })
})
