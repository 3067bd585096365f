/** RFC 8414: everything that the metadata lists works, and nothing else does. */

import { describe, expect, it } from 'vitest'
import { type AUTH_METHODS, REQUEST_AUTH_METHODS } from '../../src/domain/client.ts'
import { identityOf, newRefreshingClient, renewal, userTokens } from './obtaining.ts'
import {
  basicOf,
  CALLBACK,
  codeIn,
  declare,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  serve,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

const PATH = '/.well-known/oauth-authorization-server'
type Metadata = Readonly<Record<string, unknown>> &
  Readonly<{
    grant_types_supported: string[]
    scopes_supported: string[]
    code_challenge_methods_supported: string[]
  }>
const metadataOf = async (response: Response) => (await response.json()) as Metadata
await declare({
  scopes: [
    { name: 'submission:read', sentence: 'Read your submissions' },
    { name: 'openid', sentence: 'Know who you are' },
    { name: 'https://example.org/scope', sentence: 'Read your example' },
  ],
})
// A new registry: another one may have cached the scopes of an earlier test file.
const metadata = await metadataOf(await serve()(PATH))

/** The members whose name has this ending. */
const membersEndingIn = (ending: string) =>
  Object.entries(metadata).filter(([name]) => name.endsWith(ending))

describe('RFC 8414 §3: the metadata', () => {
  it('the metadata is one JSON document that anyone may read and cache for five minutes', async () => {
    const response = await registry(PATH)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toContain('application/json')
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect((await registry(PATH, { method: 'HEAD' })).status).toBe(200)
    const posted = await registry(PATH, { method: 'POST' })
    expect([posted.status, posted.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('the metadata lists the endpoints, response types, grant types and challenge methods', () => {
    expect(metadata).toMatchObject({
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      revocation_endpoint: `${ISSUER}/revoke`,
      introspection_endpoint: `${ISSUER}/introspect`,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['client_credentials', 'authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      service_documentation: `${ISSUER}/`,
    })
  })

  it('the metadata has the issuer of the setting ISSUER, whatever the Host of the request', async () => {
    const issuer = 'https://registry.example'
    const fetch = serve({ ISSUER: issuer })
    const asked = await metadataOf(await fetch(`https://evil.example${PATH}`))
    expect(asked.issuer).toBe(issuer)
    const named = await fetch(`${issuer}${PATH}`, {
      headers: { 'X-Forwarded-Host': 'evil.example' },
    })
    const text = await named.text()
    expect(text).not.toContain('evil.example')
    for (const [, value] of Object.entries(asked)) {
      if (typeof value === 'string') expect(value.startsWith(issuer)).toBe(true)
    }
  })

  it('the metadata lists the declared scopes, sorted', () => {
    expect(metadata.scopes_supported).toEqual([
      'https://example.org/scope',
      'offline_access',
      'openid',
      'submission:read',
    ])
  })
})

describe('listed endpoints', () => {
  it.each(membersEndingIn('_endpoint'))('the %s listed in the metadata exists', async (_, url) => {
    for (const method of ['GET', 'POST']) {
      const { status } = await registry(new URL(String(url)).pathname, { method })
      expect([200, 303, 400, 401, 405, 415]).toContain(status)
    }
  })

  it('control: an endpoint that is not listed is 404', async () => {
    expect((await registry('/introspection', { method: 'POST' })).status).toBe(404)
  })
})

describe('listed grant types', () => {
  const attempts: Record<string, (client: TestClient) => Promise<Response>> = {
    client_credentials: (client) =>
      post('/token', { grant_type: 'client_credentials', ...identityOf(client) }),
    authorization_code: async (client) => {
      const code = await obtainCode(await signIn(await newUser()), requestOf(client))
      return post('/token', redemptionOf(client, code))
    },
    refresh_token: async (client) => {
      return renewal(client, (await userTokens(client)).refresh)
    },
  }

  it.each(metadata.grant_types_supported)('the listed grant type %s works', async (grantType) => {
    const attempt = attempts[grantType] ?? expect.fail(`no attempt for ${grantType}`)
    expect((await attempt(await newRefreshingClient())).status).toBe(200)
  })

  it.each([
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'toString',
  ])(
    'the grant type %s is not listed and is refused with unsupported_grant_type',
    async (grant_type) => {
      expect(metadata.grant_types_supported).not.toContain(grant_type)
      const response = await post('/token', { grant_type, ...identityOf(await newClient()) })
      expect(await refusal(response)).toEqual({ status: 400, error: 'unsupported_grant_type' })
    },
  )
})

describe('listed authentication methods', () => {
  const request: Record<string, (client: TestClient) => Promise<Record<string, string>>> = {
    token_endpoint: async (client) => {
      const cookie = await signIn(await newUser())
      const code = await obtainCode(cookie, requestOf(client, withChallenge))
      return {
        grant_type: 'authorization_code',
        code,
        redirect_uri: CALLBACK,
        code_verifier: PKCE.verifier,
      }
    },
    revocation_endpoint: async () => ({ token: 'junk' }),
    introspection_endpoint: async () => ({ token: 'junk' }),
  }
  /** The credentials of a client for each method: the form fields and the headers. */
  const shown: Record<string, (client: TestClient) => [Record<string, string>, object]> = {
    client_secret_post: (client) => [identityOf(client), {}],
    client_secret_basic: (client) => [{}, basicOf(client)],
    none: (client) => [identityOf(client), {}],
  }
  const listed = membersEndingIn('_endpoint_auth_methods_supported').flatMap(([name, methods]) =>
    (methods as string[]).map((method) => {
      const endpoint = name.replace('_auth_methods_supported', '')
      return [endpoint, method] as const
    }),
  )
  const known = listed.filter(([, method]) => Object.hasOwn(shown, method))
  const clientOf = (method: string) =>
    newClient({
      authMethod: method as (typeof AUTH_METHODS)[number],
      grantTypes: ['authorization_code'],
    })

  it('the metadata lists authentication methods for three endpoints, all of them methods of registration', () => {
    expect(new Set(listed.map(([endpoint]) => endpoint)).size).toBe(3)
    for (const [, method] of listed) expect(REQUEST_AUTH_METHODS).toContain(method)
    for (const method of Object.keys(shown)) {
      const endpoints = listed.filter(([, one]) => one === method)
      expect(endpoints).toHaveLength(method === 'none' ? 2 : 3)
    }
  })

  it.each(known)(
    'at the %s the listed authentication method %s works',
    async (endpoint, method) => {
      const path = new URL(String(metadata[endpoint])).pathname
      const attempt = async (client: TestClient) => {
        const fields = (await request[endpoint]?.(client)) ?? {}
        const [more, headers] = shown[method]?.(client) ?? [{}, {}]
        return post(path, { ...fields, ...more }, headers as Record<string, string>)
      }
      const client = await clientOf(method)
      expect((await attempt(client)).status).toBe(200)
      // Control: the same request by an unknown client.
      const fields = { ...(await request[endpoint]?.(client)) }
      const [more, headers] = shown[method]?.({ ...client, id: 'nobody' }) ?? [{}, {}]
      const stranger = await post(path, { ...fields, ...more }, headers as Record<string, string>)
      expect(await refusal(stranger)).toEqual({ status: 401, error: 'invalid_client' })
    },
  )

  it('the method none is not listed for /introspect, which refuses a public client', async () => {
    expect(metadata.introspection_endpoint_auth_methods_supported).not.toContain('none')
    const { id } = await clientOf('none')
    const refused = await post('/introspect', { token: 'junk', client_id: id })
    expect(await refusal(refused)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('the metadata lists client_secret_basic first (RFC 6749 §2.3.1)', () => {
    for (const [, methods] of membersEndingIn('_endpoint_auth_methods_supported')) {
      expect((methods as string[])[0]).toBe('client_secret_basic')
    }
  })

  it.each(['client_secret', 'client_secret_jwt', 'tls_client_auth'])(
    'the metadata does not list the authentication method %s',
    (method) => {
      expect(listed.filter(([, one]) => one === method)).toEqual([])
    },
  )
})

describe('listed parameters of /authorize', () => {
  it('the code challenge method S256 is listed and works, and plain is refused', async () => {
    expect(metadata.code_challenge_methods_supported).toEqual(['S256'])
    const cookie = await signIn(await newUser())
    const client = await newClient()
    const challenge = { code_challenge: PKCE.challenge, code_challenge_method: 'plain' }
    const query = new URLSearchParams(requestOf(client, challenge))
    const refused = await registry(`/authorize?${query}`, { headers: { Cookie: cookie } })
    expect(sentTo(refused).searchParams.get('error')).toBe('invalid_request')
    expect(sentTo(refused).searchParams.get('iss')).toBe(ISSUER)
    expect(await obtainCode(cookie, requestOf(client, withChallenge))).toMatch(/^regc_/)
  })

  it('the response type code is listed, and token is refused', async () => {
    const cookie = await signIn(await newUser())
    const client = await newClient()
    const query = new URLSearchParams(requestOf(client, { response_type: 'token' }))
    const refused = await registry(`/authorize?${query}`, { headers: { Cookie: cookie } })
    expect(sentTo(refused).searchParams.get('error')).toBe('unsupported_response_type')
    expect(codeIn(refused)).toBe('')
  })
})
