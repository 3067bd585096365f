/** RFC 6749 §4.4, the client credentials grant, and §5, the responses of the token endpoint. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { isWellFormed } from '../../src/crypto/token.ts'
import { clientRegistry } from '../rows.ts'
import {
  countSessions,
  credentialsOf,
  newClient,
  nowSeconds,
  post,
  refusal,
  registry,
  sessionOf,
  tokenIn,
} from './registry.ts'

describe('RFC 6749 §4.4: the client credentials grant', () => {
  it('client_credentials gives a token whose session agrees with the response', async () => {
    const client = await newClient()
    const response = await post('/token', credentialsOf(client, { scope: 'submission:read' }))
    expect(response.status).toBe(200)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.get('Pragma')).toBe('no-cache')
    const token = await tokenIn(response)
    expect(token).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 7200,
      scope: 'submission:read',
    })
    expect(isWellFormed('accessToken', token.access_token)).toBe(true)
    const session = await sessionOf(token.access_token)
    expect(session).toMatchObject({
      user: null,
      client: { client_id: client.id, owner_id: 'owner-1', name: 'Example client' },
      authorizations: { classic: 0, scopes: ['submission:read'], endorsements: ['cs.*'] },
    })
    const lifetime = Date.parse(session?.end_time ?? '') - Date.parse(session?.start_time ?? '')
    expect(lifetime).toBe(token.expires_in * 1000)
    expect(session?.session_id).not.toContain(token.access_token)
  })

  it('client_credentials without a scope gives all authorized scopes, and the response lists them', async () => {
    const client = await newClient({ scopes: ['public:read', 'upload:read_logs'] })
    const token = await tokenIn(await post('/token', credentialsOf(client)))
    expect(token.scope).toBe('public:read upload:read_logs')
    expect((await sessionOf(token.access_token))?.authorizations.scopes).toEqual([
      'public:read',
      'upload:read_logs',
    ])
  })

  it('a client with a scope for every resource may request the scope for one resource', async () => {
    const client = await newClient({ scopes: ['submission:read:*'] })
    const asked = credentialsOf(client, { scope: 'submission:read:7' })
    expect((await tokenIn(await post('/token', asked))).scope).toBe('submission:read:7')
  })

  it.each([
    ['an unauthorized scope', 'compile:create'],
    ['a malformed scope', 'every"thing'],
    ['an unauthorized scope beside an authorized one', 'public:read compile:create'],
    ['one resource of a generic scope', 'submission:read:7'],
  ])('client_credentials for %s is refused with invalid_scope', async (_, scope) => {
    const client = await newClient()
    const before = await countSessions()
    const response = await post('/token', credentialsOf(client, { scope }))
    expect(await refusal(response)).toEqual({ status: 400, error: 'invalid_scope' })
    expect(await countSessions()).toBe(before)
    expect((await post('/token', credentialsOf(client))).status).toBe(200)
  })

  it('a client whose scopes were only requested gets no token', async () => {
    const client = await newClient({ requestedOnly: true })
    const response = await post('/token', credentialsOf(client))
    expect(await refusal(response)).toEqual({ status: 400, error: 'unauthorized_client' })
  })

  it('a requested scope or endorsement beside authorized ones is not granted', async () => {
    const client = await newClient({ scopes: ['public:read'], endorsements: ['cs.DL'] })
    const wished = { scopes: ['submission:read'], endorsements: ['cs.*'] }
    await clientRegistry(env.DB).update(client.id, {}, wished, {
      mode: 'request',
      now: nowSeconds(),
    })
    const wider = await post('/token', credentialsOf(client, { scope: 'submission:read' }))
    expect(await refusal(wider)).toEqual({ status: 400, error: 'invalid_scope' })
    const token = await tokenIn(await post('/token', credentialsOf(client)))
    expect((await sessionOf(token.access_token))?.authorizations).toEqual({
      classic: 0,
      scopes: ['public:read'],
      endorsements: ['cs.DL'],
    })
    // Control: they are granted once they are authorized.
    await clientRegistry(env.DB).authorize(client.id, wished, nowSeconds())
    const later = await post('/token', credentialsOf(client, { scope: 'submission:read' }))
    expect(later.status).toBe(200)
  })

  it('a client without the grant type client_credentials is refused with unauthorized_client', async () => {
    const client = await newClient({ grantTypes: ['authorization_code'] })
    const response = await post('/token', credentialsOf(client))
    expect(await refusal(response)).toEqual({ status: 400, error: 'unauthorized_client' })
  })

  it('client_credentials by a public client is refused even when the client has the grant type', async () => {
    const client = await newClient({ authMethod: 'none' })
    const fields = { grant_type: 'client_credentials', client_id: client.id }
    const response = await post('/token', fields)
    expect(await refusal(response)).toEqual({ status: 400, error: 'unauthorized_client' })
  })
})

describe('RFC 6749 §3.2: the request to the token endpoint', () => {
  it.each([
    ['an unknown grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    [
      'a built-in property name as grant type',
      { grant_type: 'toString' },
      'unsupported_grant_type',
    ],
    ['no grant type', {}, 'invalid_request'],
    ['an empty grant type', { grant_type: '' }, 'invalid_request'],
  ])('a token request with %s is refused', async (_, fields, error) => {
    const client = await newClient()
    const credentials = { client_id: client.id, client_secret: client.secret }
    const response = await post('/token', { ...credentials, ...(fields as Record<string, string>) })
    expect(await refusal(response)).toEqual({ status: 400, error })
  })

  it.each(['grant_type', 'client_id', 'scope', 'unheard_of'])(
    'a token request that repeats %s is refused',
    async (name) => {
      const client = await newClient()
      const fields = Object.entries(
        credentialsOf(client, { scope: 'public:read', unheard_of: '1' }),
      )
      const value = new Map(fields).get(name) ?? ''
      const response = await post('/token', [...fields, [name, value]])
      expect(await refusal(response)).toEqual({ status: 400, error: 'invalid_request' })
      expect((await post('/token', fields)).status).toBe(200)
    },
  )

  it('a token request with unknown and empty parameters is answered as one without them', async () => {
    const client = await newClient()
    const response = await post('/token', credentialsOf(client, { scope: '', unheard_of: 'x' }))
    expect(response.status).toBe(200)
    expect((await tokenIn(response)).scope).not.toBe('')
  })

  it('a body over 16 KiB is refused with 413, with or without Content-Length, and a body of 15 KiB is accepted', async () => {
    const client = await newClient()
    const long = (bytes: number) => credentialsOf(client, { padding: 'x'.repeat(bytes) })
    expect(await refusal(await post('/token', long(16 * 1024)))).toEqual({
      status: 413,
      error: 'invalid_request',
    })
    const body = new Blob([new URLSearchParams(long(20_000)).toString()]).stream()
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const streamed = await registry('/token', { method: 'POST', headers, body })
    expect(streamed.status).toBe(413)
    const announced = { 'Content-Length': String(20_000) }
    expect((await post('/token', long(20_000), announced)).status).toBe(413)
    expect((await post('/token', long(15 * 1024))).status).toBe(200)
  })

  it('a body of exactly 16 KiB is read and one of a byte more is refused, with or without Content-Length', async () => {
    const client = await newClient()
    const empty = new URLSearchParams(credentialsOf(client, { padding: '' })).toString()
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const statuses: number[] = []
    for (const bytes of [16 * 1024, 16 * 1024 + 1]) {
      const body = empty + 'x'.repeat(bytes - empty.length)
      const announced = { ...headers, 'Content-Length': String(bytes) }
      for (const init of [
        { headers: announced, body },
        { headers, body: new Blob([body]).stream() },
      ]) {
        const response = await registry('/token', { method: 'POST', ...init })
        statuses.push(response.status)
      }
    }
    expect(statuses).toEqual([200, 200, 413, 413])
  })

  it('a token request in JSON is refused with 415', async () => {
    const client = await newClient()
    const response = await registry('/token', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(credentialsOf(client)),
    })
    expect(await refusal(response)).toEqual({ status: 415, error: 'invalid_request' })
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])(
    'a %s request to the token endpoint is refused with 405, as JSON, with an Allow header',
    async (method) => {
      const client = await newClient()
      const query = new URLSearchParams(credentialsOf(client))
      const response = await registry(`/token?${query}`, { method })
      expect(response.headers.get('Allow')).toBe('POST')
      expect(await refusal(response)).toEqual({ status: 405, error: 'invalid_request' })
    },
  )

  it('credentials in the URL of a token request are refused, even beside valid ones in the body', async () => {
    const client = await newClient()
    const response = await post(`/token?${new URLSearchParams(credentialsOf(client))}`, {})
    expect(await refusal(response)).toEqual({ status: 400, error: 'invalid_request' })
    // Valid credentials in the body do not help: the secret in the URL has already leaked.
    const twice = await post(`/token?client_secret=${client.secret}`, credentialsOf(client))
    expect(await refusal(twice)).toEqual({ status: 400, error: 'invalid_request' })
    expect((await post('/token?unheard_of=1', credentialsOf(client))).status).toBe(200)
  })
})
