/** RFC 6749 §3.1 and §4.1.1, RFC 9700 §4, RFC 9207: the redirects of the authorization endpoint. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { clientRegistry } from '../rows.ts'
import {
  authorizePath,
  CALLBACK,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  type Pairs,
  post,
  registry,
  requestOf,
  sentTo,
  serve,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

let client: TestClient
let cookie: string
beforeAll(async () => {
  client = await newClient()
  cookie = await signIn(await newUser())
})

const open = (parameters: Pairs, headers: Record<string, string> = { Cookie: cookie }) =>
  registry(authorizePath(parameters), { headers })
const answer = (parameters: Record<string, string>, headers = { Cookie: cookie }) =>
  post('/authorize', { ...parameters, confirm: 'ok', form_token: 'forged' }, headers)

describe('RFC 9700 §4.1 and §4.11: requests that lead to no redirect', () => {
  const refused: [string, Record<string, string>][] = [
    ['an unknown client', { client_id: 'nobody' }],
    ['no client', { client_id: '' }],
    ['an unregistered redirect_uri', { redirect_uri: 'https://evil.example/' }],
    ['a longer redirect_uri', { redirect_uri: `${CALLBACK}/..` }],
    ['a redirect_uri with a query', { redirect_uri: `${CALLBACK}?x=1` }],
    ['a redirect_uri with a fragment', { redirect_uri: `${CALLBACK}#x` }],
    ['a redirect_uri with another port', { redirect_uri: 'https://client.example:8443/callback' }],
    ['a redirect_uri in another case', { redirect_uri: 'https://client.example/Callback' }],
  ]
  it.each(refused)(
    'GET /authorize with %s shows an error page without a redirect, with a session and without',
    async (_, change) => {
      for (const headers of [{ Cookie: cookie }, {}]) {
        const response = await open(requestOf(client, change), headers)
        expect(response.status).toBe(400)
        expect(response.headers.get('Content-Type')).toContain('text/html')
        expect(response.headers.has('Location')).toBe(false)
      }
      expect((await open(requestOf(client))).status).toBe(200)
    },
  )

  it.each(refused)(
    'POST /authorize with %s shows an error page without a redirect',
    async (_, change) => {
      const response = await answer(requestOf(client, change))
      expect(response.status).toBe(400)
      expect(response.headers.has('Location')).toBe(false)
    },
  )

  it.each(['client_id', 'redirect_uri'])(
    'an authorization request that repeats %s shows an error page without a redirect',
    async (name) => {
      const pairs = Object.entries(requestOf(client))
      const response = await open([...pairs, [name, new Map(pairs).get(name) ?? '']])
      expect(response.status).toBe(400)
      expect(response.headers.has('Location')).toBe(false)
    },
  )

  it('an authorization request of a client without a redirect URI shows an error page, with redirect_uri and without', async () => {
    const own = await newClient({ redirectUris: [] })
    for (const redirect_uri of ['', CALLBACK]) {
      const answer = await open(requestOf(own, { redirect_uri }))
      expect([answer.status, answer.headers.get('Location')]).toEqual([400, null])
    }
  })

  it('an authorization request of a disabled client shows an error page', async () => {
    const other = await newClient()
    expect((await open(requestOf(other))).status).toBe(200)
    await clientRegistry(env.DB).disable(other.id, nowSeconds())
    expect((await open(requestOf(other))).status).toBe(400)
  })

  it('redirect_uri may be omitted when exactly one is registered, and must be sent when there are two', async () => {
    expect((await open(requestOf(client, { redirect_uri: '' }))).status).toBe(200)
    const two = await newClient({ redirectUris: [CALLBACK, 'https://client.example/other'] })
    expect((await open(requestOf(two, { redirect_uri: '' }))).status).toBe(400)
    expect((await open(requestOf(two))).status).toBe(200)
  })
})

describe('RFC 8252 §7.3: any port of the loopback address for a native app', () => {
  const native = (registered: string, authMethod: 'none' | 'client_secret_post' = 'none') =>
    newClient({ authMethod, redirectUris: [registered] })
  const status = async (app: TestClient, uri: string) =>
    (await open(requestOf(app, { redirect_uri: uri, ...withChallenge }))).status

  it.each([
    ['http://127.0.0.1/cb', 'http://127.0.0.1:51004/cb'],
    ['http://127.0.0.1:1234/cb', 'http://127.0.0.1:51004/cb'],
    ['http://[::1]/cb', 'http://[::1]:51004/cb'],
  ])('a native app that registered %s may use %s', async (registered, asked) => {
    expect(await status(await native(registered), asked)).toBe(200)
  })

  it.each([
    'http://127.0.0.1:51004/other',
    'http://127.0.0.1:51004/cb?x=1',
    'http://127.0.0.1:80@evil.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://localhost:51004/cb',
    'https://127.0.0.1:51004/cb',
    'http://[::1]:51004/cb',
  ])('a native app that registered http://127.0.0.1/cb may not use %s', async (asked) => {
    expect(await status(await native('http://127.0.0.1/cb'), asked)).toBe(400)
  })

  it('a client with a secret may not use another port of the loopback address', async () => {
    const app = await native('http://127.0.0.1/cb', 'client_secret_post')
    expect(await status(app, 'http://127.0.0.1:51004/cb')).toBe(400)
    expect(await status(app, 'http://127.0.0.1/cb')).toBe(200)
  })
})

describe('RFC 6749 §4.1.2.1: errors for the client', () => {
  const faults: [string, Record<string, string>, string][] = [
    ['an unknown response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['no response type', { response_type: '' }, 'invalid_request'],
    ['a scope that is not authorized', { scope: 'compile:create' }, 'invalid_scope'],
    ['a malformed scope', { scope: 'every\\thing' }, 'invalid_scope'],
    ['response_mode=form_post', { response_mode: 'form_post' }, 'invalid_request'],
    ['response_mode=fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['response_mode=web_message', { response_mode: 'web_message' }, 'invalid_request'],
    ['a state with a line end', { state: 'af0ifjsldkj\n' }, 'invalid_request'],
  ]
  it.each(faults)(
    'an authorization request with %s is refused with an error redirect that has state and iss',
    async (_, change, error) => {
      const request = requestOf(client, change)
      const to = sentTo(await open(request))
      expect(to.origin + to.pathname).toBe(CALLBACK)
      expect(Object.fromEntries(to.searchParams)).toEqual({
        error,
        error_description: expect.any(String),
        error_uri: `${ISSUER}/errors/${error}`,
        state: request.state,
        iss: ISSUER,
      })
    },
  )

  it('response_mode=query is accepted, because it is the default (OAuth 2.0 Multiple Response Types §2.1)', async () => {
    expect((await open(requestOf(client, { response_mode: 'query' }))).status).toBe(200)
  })

  it('an authorization request with response_mode=form_post is refused after the sign-in too', async () => {
    const response = await open(requestOf(client, { response_mode: 'form_post' }), {})
    const next = new URL(response.headers.get('Location') ?? '', ISSUER).searchParams
    const back = await registry(next.get('next_page') ?? '', { headers: { Cookie: cookie } })
    expect(sentTo(back).searchParams.get('error')).toBe('invalid_request')
  })

  it('an authorization request of a client without the grant type is refused with unauthorized_client', async () => {
    const machine = await newClient({ grantTypes: ['client_credentials'] })
    const to = sentTo(await open(requestOf(machine)))
    expect(to.searchParams.get('error')).toBe('unauthorized_client')
  })

  it('an authorization request that repeats the state is refused with invalid_request', async () => {
    const to = sentTo(await open([...Object.entries(requestOf(client)), ['state', 'two']]))
    expect(to.searchParams.get('error')).toBe('invalid_request')
  })

  it('an invalid authorization request without a session leads to the sign-in page (RFC 9700 §4.11.2)', async () => {
    for (const [, change] of faults) {
      const response = await open(requestOf(client, change), {})
      expect(response.status).toBe(303)
      expect(response.headers.get('Location')).toMatch(/^\/login\?next_page=/)
    }
  })

  it('an error redirect keeps the query of the redirect URI', async () => {
    const uri = 'https://client.example/callback?tenant=a%20b'
    const own = await newClient({ redirectUris: [uri] })
    const response = await open(requestOf(own, { redirect_uri: uri, scope: 'everything' }))
    expect(response.headers.get('Location')).toMatch(
      /^https:\/\/client\.example\/callback\?tenant=a%20b&error=invalid_scope&/,
    )
  })
})

describe('RFC 9207: the issuer in the response', () => {
  it('the response to a request without a state has iss and no state', async () => {
    const { state, ...request } = requestOf(client, { scope: 'everything' })
    expect(state).toBeDefined()
    const names = [...sentTo(await open(request)).searchParams.keys()]
    expect(names).toContain('iss')
    expect(names).not.toContain('state')
  })

  it('a response with a code has state and iss', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    expect(code).toMatch(/^regc_/)
    const remembered = sentTo(await open(requestOf(client)))
    expect([...remembered.searchParams.keys()].sort()).toEqual(['code', 'iss', 'state'])
    expect(remembered.searchParams.get('iss')).toBe(ISSUER)
  })
})

describe('sign-in before consent', () => {
  it('an authorization request without a session leads to our sign-in page with the path and query to return to', async () => {
    const parameters = requestOf(client)
    const response = await open(parameters, {})
    const location = new URL(response.headers.get('Location') ?? '', ISSUER)
    expect(location.pathname).toBe('/login')
    const nextPage = location.searchParams.get('next_page') ?? ''
    expect(nextPage).toMatch(/^\/authorize\?/)
    const { searchParams } = new URL(nextPage, ISSUER)
    expect(Object.fromEntries(searchParams)).toEqual(parameters)
  })

  it('an authorization request without a session leads to LOGIN_URL when users sign in there', async () => {
    const elsewhere = serve({ LOGIN_URL: 'https://accounts.example/login?from=registry' })
    const response = await elsewhere(authorizePath(requestOf(client)))
    const location = new URL(response.headers.get('Location') ?? '')
    expect(location.origin + location.pathname).toBe('https://accounts.example/login')
    expect(location.searchParams.get('from')).toBe('registry')
    expect(location.searchParams.get('next_page')).toMatch(`${ISSUER}/authorize?`)
    expect((await elsewhere('/login')).headers.get('Location')).toMatch('https://accounts.example/')
  })

  it.each(['PUT', 'DELETE'])(
    'a %s request to /authorize is refused with an Allow header',
    async (method) => {
      const response = await registry('/authorize', { method })
      expect(response.status).toBe(405)
      expect(response.headers.get('Allow')).toBe('GET, HEAD, POST')
    },
  )
})
