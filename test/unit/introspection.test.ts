/** `introspection()` of the package: its cache, its credentials, and faults of the registry. */

import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import {
  type IntrospectionOptions,
  introspection,
} from '../../src/resource-server/introspection.ts'
import {
  type Answering,
  activeAnswer,
  FILES,
  ISSUER,
  nowSeconds,
  opaqueToken,
  pass,
  registry,
  service,
  useFakeClock,
} from './resource-server.ts'

const SECRET = { clientId: 'api', clientSecret: 'the secret' }
const lines = useFakeClock(1_790_000_000_000)

const checking = (answering: Answering, more: Partial<IntrospectionOptions> = {}) => {
  const fetch = registry(answering)
  const check = introspection({ issuer: ISSUER, fetch, ...SECRET, ...more } as IntrospectionOptions)
  return { ...service(check), fetch, check }
}

describe('the cache of introspection()', () => {
  it('introspection() caches a response for 10 seconds, and then asks the registry again', async () => {
    let isActive = true
    const { statusOf, fetch } = checking(() => (isActive ? activeAnswer() : { active: false }))
    expect([await statusOf(opaqueToken()), await statusOf(opaqueToken())]).toEqual([200, 200])
    expect(fetch).toHaveBeenCalledTimes(1)
    isActive = false
    pass(9)
    expect(await statusOf(opaqueToken())).toBe(200)
    pass(1)
    expect(await statusOf(opaqueToken())).toBe(401)
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('introspection() caches no response beyond the expiry of its token', async () => {
    const exp = nowSeconds() + 5
    const { statusOf, fetch } = checking(() => activeAnswer({ exp }), { cacheSeconds: 3600 })
    pass(4)
    expect(await statusOf(opaqueToken())).toBe(200)
    pass(1)
    expect(await statusOf(opaqueToken())).toBe(401)
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('introspection() caches an inactive response for at most 2 seconds', async () => {
    let isActive = false
    const answering = () => (isActive ? activeAnswer() : { active: false })
    const { statusOf, fetch } = checking(answering, { cacheSeconds: 3600 })
    expect([await statusOf(opaqueToken()), await statusOf(opaqueToken())]).toEqual([401, 401])
    expect(fetch).toHaveBeenCalledTimes(1)
    isActive = true
    pass(2)
    expect(await statusOf(opaqueToken())).toBe(200)
  })

  it('introspection() caches cacheSize active tokens, and inactive tokens evict none of them', async () => {
    const good = ['one', 'two'].map(opaqueToken)
    const answering: Answering = (_, { body }) =>
      good.includes((body as URLSearchParams).get('token') ?? '')
        ? activeAnswer()
        : { active: false }
    const { statusOf, fetch } = checking(answering, { cacheSize: 2 })
    for (const token of good) await statusOf(token)
    for (let i = 0; i < 5; i++) await statusOf(opaqueToken(`junk${i}`))
    fetch.mockClear()
    for (const token of good) expect(await statusOf(token)).toBe(200)
    expect(fetch).not.toHaveBeenCalled()
    good.push(opaqueToken('three'))
    await statusOf(opaqueToken('three'))
    fetch.mockClear()
    for (const token of good.slice(1)) await statusOf(token)
    expect(fetch).not.toHaveBeenCalled()
    await statusOf(opaqueToken('one'))
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it("introspection() asks the registry for each request with cacheSeconds: 0 or revocation: 'immediate'", async () => {
    const { statusOf, fetch } = checking(() => activeAnswer(), { cacheSeconds: 0 })
    for (let i = 0; i < 3; i++) expect(await statusOf(opaqueToken())).toBe(200)
    expect(fetch).toHaveBeenCalledTimes(3)

    let isActive = true
    const kept = checking(() => (isActive ? activeAnswer() : { active: false }))
    const immediate = service(kept.check, { revocation: 'immediate' })
    expect(await kept.statusOf(opaqueToken())).toBe(200)
    isActive = false
    expect(await kept.statusOf(opaqueToken())).toBe(200)
    expect(await immediate.statusOf(opaqueToken())).toBe(401)
    expect(await kept.statusOf(opaqueToken())).toBe(401)
  })

  it('introspection() refuses a token without the form of a registry token, and does not ask the registry', async () => {
    const { statusOf, fetch } = checking(() => activeAnswer())
    const signed = `eyJh.eyJp.${'s'.repeat(86)}`
    for (const token of ['junk', `${opaqueToken()}A`, 'a.b.c', `eyJ${'a'.repeat(9000)}${signed}`]) {
      expect(await statusOf(token)).toBe(401)
    }
    expect(fetch).not.toHaveBeenCalled()
    expect(await statusOf(signed)).toBe(200)
  })
})

describe('the response to introspection()', () => {
  it('introspection() refuses a refresh token, which is active and has no token_type', async () => {
    const { statusOf } = checking(() => activeAnswer({ token_type: undefined }))
    expect(await statusOf(opaqueToken())).toBe(401)
  })

  it('introspection() gives a session without a user for a client that acts for itself, and a user with the username of the response', async () => {
    for (const [change, user] of [
      [{ sub: 'client-1' }, null],
      [{ username: 'ada' }, { user_id: 'user-1', username: 'ada', email: '' }],
      // A user whose id is that of the client.
      [
        { sub: 'client-1', username: 'ada' },
        { user_id: 'client-1', username: 'ada', email: '' },
      ],
    ] as const) {
      const { ask, handler } = checking(() => activeAnswer(change))
      expect((await ask(opaqueToken())).status).toBe(200)
      expect(handler).toHaveBeenCalledWith(expect.anything(), expect.objectContaining({ user }))
    }
  })

  it('introspection() accepts aud as text (RFC 7662 §2.2), and a response without scope gives a session without scopes', async () => {
    const text = checking(() => activeAnswer({ aud: FILES }))
    expect(await text.statusOf(opaqueToken())).toBe(200)
    const none = checking(() => activeAnswer({ scope: undefined }))
    expect(await none.statusOf(opaqueToken())).toBe(403)
  })

  it.each<[string, Answering]>([
    ['is down', () => Promise.reject(new TypeError('fetch failed'))],
    ['answers 500', () => new Response('', { status: 500 })],
    ['answers 203', () => Response.json(activeAnswer(), { status: 203 })],
    ['refuses the client', () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['redirects', () => new Response(null, { status: 302, headers: { Location: '/login' } })],
    ['answers with a page', () => new Response('<html>', { status: 200 })],
    ['answers with null', () => Response.json(null)],
    ['answers without active', () => ({ scope: 'files:read' })],
    ['answers with active as text', () => activeAnswer({ active: 'true' })],
    ['answers without sub', () => activeAnswer({ sub: undefined })],
    ['answers without client_id', () => activeAnswer({ client_id: '' })],
    ['answers without exp', () => activeAnswer({ exp: undefined })],
    ['answers with an exp beyond every date', () => activeAnswer({ exp: 1e300 })],
    ['answers with iat as text', () => activeAnswer({ iat: '1' })],
    ['answers with aud as a number', () => activeAnswer({ aud: 7 })],
    ['answers with scope as a list', () => activeAnswer({ scope: ['files:read'] })],
    ['answers with a malformed scope', () => activeAnswer({ scope: 'files:"read"' })],
    ['answers with a malformed endorsement', () => activeAnswer({ endorsements: ['*'] })],
    ['answers with endorsements as an object', () => activeAnswer({ endorsements: {} })],
    ['answers with a malformed key binding', () => activeAnswer({ cnf: { jkt: 7 } })],
  ])(
    'a service answers 503, serves nothing and caches nothing if the registry %s',
    async (_, fault) => {
      let isFaulty = true
      const { ask, handler } = checking((url, init) =>
        isFaulty ? fault(url, init) : activeAnswer(),
      )
      const answer = await ask(opaqueToken())
      expect([answer.status, answer.headers.get('WWW-Authenticate')]).toEqual([503, null])
      expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
      expect(handler).not.toHaveBeenCalled()
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain('"caller_unknown"')
      expect(lines[0]).not.toContain(opaqueToken())
      expect(lines[0]).not.toContain(SECRET.clientSecret)
      isFaulty = false
      expect((await ask(opaqueToken())).status).toBe(200)
    },
  )

  it('a service answers 503 if the registry does not answer within timeoutSeconds', async () => {
    const silent: Answering = (_, { signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    const { statusOf } = checking(silent, { timeoutSeconds: 0.01 })
    expect(await statusOf(opaqueToken())).toBe(503)
  })
})

describe('the request of introspection()', () => {
  const sentBy = async (more: object) => {
    const { statusOf, fetch } = checking(() => activeAnswer(), more)
    expect(await statusOf(opaqueToken())).toBe(200)
    const [url, { method, headers, body, redirect }] = fetch.mock.calls[0] as [string, RequestInit]
    return { url, method, redirect, headers: new Headers(headers), form: body as URLSearchParams }
  }

  it('introspection() authenticates by client_secret_basic, with the id and the secret form-encoded (RFC 6749 §2.3.1)', async () => {
    const sent = await sentBy({ clientId: 'my api', clientSecret: 'a:b%c' })
    expect([sent.url, sent.method, sent.redirect]).toEqual([
      `${ISSUER}/introspect`,
      'POST',
      'manual',
    ])
    expect(sent.headers.get('Authorization')).toBe(`Basic ${btoa('my%20api:a%3Ab%25c')}`)
    expect([...sent.form.keys()]).toEqual(['token', 'token_type_hint'])
    expect(sent.form.get('token')).toBe(opaqueToken())
  })

  it.each([
    ['ES256', undefined],
    ['EdDSA', undefined],
    ['RS256', undefined],
    ['PS256', 'PS256'],
  ])('introspection() authenticates by private_key_jwt with a key for %s', async (alg, named) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(privateKey)), ...(named && { alg: named, kid: 'key-1' }) }
    const sent = await sentBy({ clientSecret: undefined, privateKey: jwk })
    const assertion = sent.form.get('client_assertion') ?? ''
    expect(sent.headers.has('Authorization')).toBe(false)
    expect(sent.form.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    )
    expect(decodeProtectedHeader(assertion)).toEqual({ alg, ...(named && { kid: 'key-1' }) })
    const { iss, sub, aud, exp, iat, jti } = decodeJwt(assertion)
    expect({ iss, sub, aud, lives: Number(exp) - Number(iat) }).toEqual({
      ...{ iss: 'api', sub: 'api', aud: ISSUER, lives: 60 },
    })
    expect(jti).toMatch(/^[\w-]{36}$/)
    await jwtVerify(assertion, publicKey, { currentDate: new Date() })
  })
})

describe('invalid options of introspection()', () => {
  const good = { issuer: ISSUER, ...SECRET }
  it.each<[string, object]>([
    ['an issuer that is not an origin', { issuer: `${ISSUER}/realm` }],
    ['an issuer over http', { issuer: 'http://auth.example' }],
    ['no client', { clientId: '' }],
    ['no credential', { clientSecret: undefined }],
    ['an empty secret', { clientSecret: '' }],
    ['a public key', { clientSecret: undefined, privateKey: { kty: 'EC' } }],
    ['a symmetric key', { clientSecret: undefined, privateKey: { kty: 'oct', d: 'x' } }],
    ['a key without a type', { clientSecret: undefined, privateKey: { d: 'x' } }],
    ['a negative time', { cacheSeconds: -1 }],
    ['a time that is not a number', { cacheSeconds: Number.NaN }],
    ['an empty cache', { cacheSize: 0 }],
    ['a timeout of 0', { timeoutSeconds: 0 }],
  ])('introspection() with %s throws at construction', (_, change) => {
    expect(() => introspection({ ...good, ...change } as IntrospectionOptions)).toThrow(TypeError)
    expect(() => introspection(good)).not.toThrow()
  })

  it("introspection() uses the platform's fetch if no other is given", async () => {
    const own = registry(() => activeAnswer())
    vi.stubGlobal('fetch', own)
    const { statusOf } = service(introspection(good))
    expect(await statusOf(opaqueToken())).toBe(200)
    expect(own).toHaveBeenCalledTimes(1)
    vi.unstubAllGlobals()
  })
})
