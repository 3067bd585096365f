/** RFC 9728: a refused client can find the authorization server of a resource. */

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { mintToken } from '../../src/crypto/token.ts'
import {
  type ProtectedResource,
  protectedResource,
  scoped,
} from '../../src/resource-server/hono.ts'
import { loggedBy } from './logged.ts'
import { scopedService } from './scoped-service.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  cookie,
  ISSUER,
  JWT_SECRET,
  storeToken,
} from './stored-session.ts'

const AUTHENTICATOR = createAuthenticator(authenticatorEnv())
const cnf = { jkt: 'x'.repeat(43) }
const PATH = '/.well-known/oauth-protected-resource'
const METADATA = `https://submissions.example${PATH}`
const METADATA_PARAMETER = `resource_metadata="${METADATA}"`

const described: ProtectedResource = {
  resource: 'https://submissions.example',
  authorizationServers: [ISSUER],
  scopes: ['submission:read', 'submission:create'],
}

loggedBy('error')

const ask = (resource: ProtectedResource) =>
  Promise.resolve(new Hono().get(PATH, protectedResource(resource)).request(PATH))

describe('RFC 9728 §3: the metadata of a resource', () => {
  it('the metadata of a resource is public and lists the authorization servers, scopes and methods', async () => {
    const response = await ask(described)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toContain('application/json')
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=3600')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(await response.json()).toEqual({
      resource: 'https://submissions.example',
      authorization_servers: [ISSUER],
      scopes_supported: ['submission:read', 'submission:create'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
    })
  })

  it('a preflight for the metadata of a resource allows every header that it asks for', async () => {
    const app = new Hono().all(PATH, protectedResource(described))
    const ask = (headers: string) =>
      app.request(PATH, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://app.example',
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': headers,
        },
      })
    const allowed = await ask('mcp-protocol-version,traceparent')
    expect([allowed.status, await allowed.text()]).toEqual([204, ''])
    expect(allowed.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(allowed.headers.get('Access-Control-Allow-Methods')).toBe('GET,HEAD')
    expect(allowed.headers.get('Access-Control-Allow-Headers')).toBe(
      'Authorization,Content-Type,DPoP,mcp-protocol-version,traceparent',
    )
    const other = await app.request(PATH, { method: 'POST' })
    expect([other.status, other.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
    expect((await app.request(PATH)).status).toBe(200)
  })

  it('the metadata of a resource has the configured name and documentation', async () => {
    const documentation = 'https://submissions.example/docs'
    const response = await ask({ ...described, name: 'Submissions', documentation })
    expect(await response.json()).toMatchObject({
      resource_name: 'Submissions',
      resource_documentation: documentation,
    })
  })

  it.each<[string, Partial<ProtectedResource>]>([
    ['an identifier that is no URL', { resource: 'submissions' }],
    ['an identifier over http', { resource: 'http://submissions.example' }],
    ['an identifier with a fragment', { resource: 'https://submissions.example/#a' }],
    ['an identifier with a password', { resource: 'https://a:b@submissions.example' }],
    ['no authorization server', { authorizationServers: [] }],
    ['an authorization server over http', { authorizationServers: ['http://registry.example'] }],
    ['a scope of another form', { scopes: ['sub mission'] }],
    ['a script as documentation', { documentation: 'javascript:alert(1)' }],
  ])('protectedResource() with %s throws at construction', (_, change) => {
    expect(() => protectedResource({ ...described, ...change })).toThrow(TypeError)
    expect(() => protectedResource(described)).not.toThrow()
  })

  it('protectedResource() accepts http for a resource on a loopback address', async () => {
    const resource = 'http://127.0.0.1:8080'
    expect(await (await ask({ ...described, resource })).json()).toMatchObject({ resource })
  })
})

describe('RFC 9728 §5.1: the metadata address in the challenges of scoped()', () => {
  const service = (scope: string | null, hasMetadata: boolean, env: object = { AUTHENTICATOR }) =>
    scopedService(scope, hasMetadata ? { resourceMetadata: METADATA } : {}, env)
  const challengeTo = async (
    scope: string | null,
    headers: Record<string, string>,
    hasMetadata = true,
  ) => {
    const answer = await service(scope, hasMetadata).ask('/submissions', headers)
    return `${answer.status} ${answer.headers.get('WWW-Authenticate')}`
  }

  it.each<[string, number, string | null, () => Promise<Record<string, string>>]>([
    ['a request without a credential', 401, 'submission:read', async () => ({})],
    ['an unknown token', 401, null, async () => bearer(mintToken('accessToken'))],
    ['a malformed credential', 401, null, async () => ({ Authorization: 'Basic abc' })],
    ['a token without the scope', 403, 'submission:create', async () => bearer(await storeToken())],
  ])(
    'the challenge for %s, with status %i, has the metadata address',
    async (_, status, scope, headers) => {
      const plain = await challengeTo(scope, await headers(), false)
      expect(plain.startsWith(`${status} Bearer `)).toBe(true)
      expect(plain).not.toContain('resource_metadata')
      expect(await challengeTo(scope, await headers())).toBe(`${plain}, ${METADATA_PARAMETER}`)
    },
  )

  it('the challenge of a refused JWT behind nginx has the metadata address', async () => {
    const jwt = { secret: () => JWT_SECRET, issuer: ISSUER }
    const { ask: get } = scopedService(null, { jwt, resourceMetadata: METADATA }, {})
    for (const headers of [{}, bearer('a.b.c')]) {
      const answer = await get('/submissions', headers)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')?.endsWith(`, ${METADATA_PARAMETER}`)).toBe(true)
    }
  })

  it.each<[string, number, string | null, () => Promise<Record<string, string>>]>([
    ['a request without a credential', 401, null, async () => ({})],
    ['an unknown token', 401, 'invalid_token', async () => bearer(mintToken('accessToken'))],
    ['a malformed credential', 401, 'invalid_token', async () => ({ Authorization: 'Basic abc' })],
    [
      'an ended browser session',
      401,
      'invalid_token',
      async () => cookie(mintToken('browserSession')),
    ],
    [
      'a bound token without its key',
      401,
      'invalid_token',
      async () => bearer(await storeToken({ cnf })),
    ],
    [
      'a bound token with a bad proof',
      401,
      'invalid_dpop_proof',
      async () => ({ Authorization: `DPoP ${await storeToken({ cnf })}`, DPoP: 'junk' }),
    ],
    ['one scope of the two', 403, 'insufficient_scope', async () => bearer(await storeToken())],
    [
      'no endorsement for the category',
      403,
      'insufficient_scope',
      async () => bearer(await storeToken(authorizing(['submission:read', 'submission:create']))),
    ],
  ])(
    'the challenge for %s, with status %i, has both scopes of the operation, the error %s and the metadata address',
    async (_, status, error, headers) => {
      const options = { resourceMetadata: METADATA, category: () => 'math.AG' }
      const both = ['submission:read', 'submission:create']
      const { ask: get } = scopedService(both, options, { AUTHENTICATOR })
      const answer = await get('/submissions', await headers())
      const challenge = answer.headers.get('WWW-Authenticate') ?? ''
      expect(answer.status).toBe(status)
      expect(challenge.match(/ scope="[^"]*"/g)).toEqual([
        ' scope="submission:read submission:create"',
      ])
      expect(challenge.match(/error="[^"]*"/g)).toEqual(
        error === null ? null : [`error="${error}"`],
      )
      expect(challenge.endsWith(`, ${METADATA_PARAMETER}`)).toBe(true)
    },
  )

  it('a 503 and a 200 of scoped() have no challenge', async () => {
    const fault = await service(null, true, {}).ask('/submissions', bearer(await storeToken()))
    expect([fault.status, fault.headers.get('WWW-Authenticate')]).toEqual([503, null])
    const good = await service(null, true).ask('/submissions', bearer(await storeToken()))
    expect([good.status, good.headers.get('WWW-Authenticate')]).toEqual([200, null])
  })

  it.each([
    '',
    PATH,
    'submissions.example',
    `http://submissions.example${PATH}`,
    `${METADATA}#fragment`,
    `${METADATA}?a="b"`,
    `${METADATA}\r\nX: y`,
    'javascript:alert(1)',
  ])('scoped() with the metadata address %j throws at construction', (resourceMetadata) => {
    expect(() => scoped(null, { resourceMetadata })).toThrow(TypeError)
  })

  it.each([METADATA, `http://127.0.0.1:8080${PATH}`, `http://localhost${PATH}`])(
    'scoped() with the metadata address %s is accepted',
    (resourceMetadata) => {
      expect(() => scoped(null, { resourceMetadata })).not.toThrow()
    },
  )
})
