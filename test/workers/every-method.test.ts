/** Every path with every method, by a stranger: what a response must have, whatever it says (RFC 9110). */

import { expect, it } from 'vitest'
import { ENDPOINTS } from '../../src/app.ts'
import { API_PATH } from '../../src/management/operation.ts'
import { OPERATIONS } from '../../src/management/operations.ts'
import { MANAGEMENT_PATHS } from '../../src/routes/management.ts'
import { registry, serve } from './registry.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']
const named = (path: string) => path.replace(/\/(?::\w+|\{\w+\}|\*)/g, '/x')
const PATHS = [
  ...new Set([
    ...ENDPOINTS.map(({ path }) => path),
    ...MANAGEMENT_PATHS.map(named),
    ...OPERATIONS.map(({ path }) => named(API_PATH + path)),
    ...['edit', 'keys', 'secrets', 'owners', 'permissions', 'history', 'check'].map(
      (page) => `/clients/x/${page}`,
    ),
    ...['/nowhere', '/token/', '/TOKEN', '/%ff'],
  ]),
]

type Asked = Readonly<{ method: string; path: string }>

/** What the response lacks. */
function lacks({ method }: Asked, { status, headers }: Response, body: string): string[] {
  const has = (name: string) => headers.has(name)
  const isHtml = (headers.get('Content-Type') ?? '').startsWith('text/html')
  const faults: Record<string, boolean> = {
    // §15.5.2, §15.5.6.
    'a challenge': status === 401 && !has('WWW-Authenticate'),
    'the methods': status === 405 && !has('Allow'),
    'other methods than the refused one':
      status === 405 && (headers.get('Allow') ?? '').split(', ').includes(method),
    'a time to try again': [429, 503].includes(status) && !has('Retry-After'),
    // §9.3.2, §15.3.5.
    'an empty body': (method === 'HEAD' || status === 204) && body !== '',
    nosniff: headers.get('X-Content-Type-Options') !== 'nosniff',
    'no-referrer': headers.get('Referrer-Policy') !== 'no-referrer',
    'a word about caches': !has('Cache-Control'),
    'no-store': status >= 400 && headers.get('Cache-Control') !== 'no-store',
    'a policy': isHtml && !(has('Content-Security-Policy') && has('X-Frame-Options')),
    'its name of no fault': status >= 500,
  }
  return Object.keys(faults).filter((name) => faults[name])
}

async function ask(asked: Asked, fetch = serve({ DIRECTORY: 'on', REGISTRATION: 'open' })) {
  const { method, path } = asked
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const response = await fetch(path, {
    method,
    ...(['POST', 'PUT', 'PATCH'].includes(method) && { headers: form, body: 'a=b' }),
  })
  const body = await response.text()
  return { response, body, faults: lacks(asked, response, body) }
}

it.each(PATHS)(
  'every response of %s to a stranger has the headers that its status demands',
  async (path) => {
    const fetch = serve({ DIRECTORY: 'on', REGISTRATION: 'open' })
    const faults = []
    for (const method of METHODS) {
      const { response, faults: found } = await ask({ method, path }, fetch)
      if (found.length > 0) faults.push(`${method} ${response.status} lacks ${found.join(', ')}`)
    }
    expect(faults).toEqual([])
  },
)

it.each(PATHS)('HEAD of %s has the status and the headers of GET', async (path) => {
  const own = ['content-length', 'date', 'set-cookie', 'x-correlation-id', 'content-type']
  const seen = async (method: string) => {
    const { status, headers } = await registry(path, { method })
    return [status, [...headers].filter(([name]) => !own.includes(name))]
  }
  expect(await seen('HEAD')).toEqual(await seen('GET'))
})

it.each(PATHS)(
  'a preflight of %s is allowed where a script of any origin may read, and nowhere else',
  async (path) => {
    const origin = { Origin: 'https://app.example' }
    const read = await registry(path, { headers: origin })
    const preflight = await registry(path, {
      method: 'OPTIONS',
      headers: {
        ...origin,
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'traceparent',
      },
    })
    const isOpen = read.headers.get('Access-Control-Allow-Origin') === '*'
    const allowed = preflight.headers.get('Access-Control-Allow-Headers') ?? ''
    expect([
      preflight.ok && allowed.includes('traceparent'),
      preflight.headers.get('Access-Control-Allow-Origin'),
    ]).toEqual(isOpen ? [true, '*'] : [false, null])
  },
)

it('control: a response that lacks what its status demands is found', () => {
  const found = (status: number, method = 'GET') =>
    lacks({ method, path: '/' }, new Response(null, { status }), '')
  expect(found(401)).toContain('a challenge')
  expect(found(405)).toContain('the methods')
  expect(found(429)).toContain('a time to try again')
  expect(lacks({ method: 'HEAD', path: '/' }, new Response(), 'text')).toContain('an empty body')
  const allowed = new Response(null, { status: 405, headers: { Allow: 'GET, POST' } })
  expect(lacks({ method: 'POST', path: '/' }, allowed, '')).toContain(
    'other methods than the refused one',
  )
})
