/** The authenticator over HTTP behind a proxy: the shared secret, and the request that a DPoP proof is for. */

import { beforeAll, describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { type Key, newKey, resourceProofOf } from './keys.ts'
import { loggedBy } from './logged.ts'
import { expectRefusal } from './refusals.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  cookie,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

const SECRET = 'the-proxy-secret-of-the-tests-7Yw'
const OLD_SECRET = 'the-proxy-secret-of-the-day-before'
const PUBLIC_ISSUER = 'https://registry.example'
const LOOPBACK_ISSUERS = ['http://127.0.0.1:8787', 'http://[::1]:8787', 'https://localhost']
const AUTH = 'https://authenticator.example/auth'

const lines = loggedBy('error', 'log')

const server = (changes: Partial<AuthenticatorEnv> = {}) =>
  createAuthenticator({ ...authenticatorEnv(), ...changes })
const publicServer = () => server({ ISSUER: PUBLIC_ISSUER, PROXY_SECRET: SECRET })

type Sent = Record<string, string> | [string, string][]
const ask = (authenticator: ReturnType<typeof server>, headers: Sent = {}, url = AUTH) =>
  authenticator.fetch(new Request(url, { headers }))
const shown = (secret: string) => ({ 'X-Proxy-Secret': secret })

/** A 403 that says nothing about the caller's credential: no challenge, no JWT, no status. */
async function expectNotAProxy(answer: Response) {
  expect(answer.status).toBe(403)
  for (const name of ['Authorization', 'X-Auth-Status', 'WWW-Authenticate']) {
    expect(answer.headers.get(name)).toBeNull()
  }
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(await answer.json()).toMatchObject({ error: 'access_denied' })
}

describe('an authenticator with a public issuer', () => {
  it('a caller over HTTP with the secret of the proxy gets a JWT', async () => {
    const headers = { ...bearer(await storeToken()), ...shown(SECRET) }
    const answer = await ask(publicServer(), headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Authorization')).toMatch(/^eyJ/)
  })

  it.each<[string, Sent]>([
    ['no secret', {}],
    ['an empty secret', shown('')],
    ['another secret', shown('x'.repeat(SECRET.length))],
    ['a part of the secret', shown(SECRET.slice(0, -1))],
    ['a longer secret', shown(`${SECRET}x`)],
    ['the secret in another case', shown(SECRET.toUpperCase())],
    ['the secret as a token', { Authorization: `Bearer ${SECRET}` }],
    [
      'the secret and another one',
      [
        ['X-Proxy-Secret', SECRET],
        ['X-Proxy-Secret', 'x'],
      ],
    ],
    [
      'the secret twice',
      [
        ['X-Proxy-Secret', SECRET],
        ['X-Proxy-Secret', SECRET],
      ],
    ],
  ])('a caller with %s gets no JWT, with any credential', async (_, sent) => {
    const authenticator = publicServer()
    const token = await storeToken()
    const withSecret = { ...bearer(token), ...shown(SECRET) }
    expect((await ask(authenticator, withSecret)).status).toBe(200)
    const secureCookie = { Cookie: `__Host-${cookie(await storeBrowserSession()).Cookie}` }
    for (const credential of [bearer(token), secureCookie, {}]) {
      const headers = new Headers(credential)
      for (const [name, value] of new Headers(sent)) headers.append(name, value)
      const pairs = [...headers] as [string, string][]
      await expectNotAProxy(await ask(authenticator, pairs))
      await expectNotAProxy(await ask(authenticator, pairs, `${AUTH}?scope=submission:read`))
    }
  })

  it('the log has a line for a caller without the secret, and does not contain the secret', async () => {
    await ask(publicServer(), shown(`${SECRET}x`))
    expect(lines).toMatchObject([{ event: 'check', outcome: 'refused', status: 403 }])
    expect(JSON.stringify(lines)).not.toContain(SECRET)
  })

  it('the new and the old secret are both accepted while both are set', async () => {
    const rotating = server({ ISSUER: PUBLIC_ISSUER, PROXY_SECRET: `${SECRET} ${OLD_SECRET}` })
    for (const secret of [SECRET, OLD_SECRET]) {
      expect((await ask(rotating, shown(secret))).status).toBe(200)
    }
    await expectNotAProxy(await ask(rotating, shown(`${SECRET} ${OLD_SECRET}`)))
    await expectNotAProxy(await ask(publicServer(), shown(OLD_SECRET)))
  })

  it('without PROXY_SECRET every caller over HTTP gets 503, the log names the setting, and bindings still work', async () => {
    const authenticator = server({ ISSUER: PUBLIC_ISSUER })
    const token = await storeToken()
    for (const sent of [{}, shown(SECRET), shown('')]) {
      const answer = await ask(authenticator, { ...bearer(token), ...sent })
      await expectRefusal(answer, 503, 'temporarily_unavailable')
    }
    const detail = expect.stringMatching(/^PROXY_SECRET: must be set/)
    const line = { level: 'error', event: 'bad_setting', detail }
    expect(lines).toEqual([line, line, line])
    const asked = { authorization: `Bearer ${token}`, scopes: ['submission:read'] }
    expect(await authenticator.authenticate(asked)).toMatchObject({ kind: 'authenticated' })
    expect(lines).toHaveLength(3)
  })

  it('GET /healthz answers every caller, with and without PROXY_SECRET', async () => {
    for (const authenticator of [publicServer(), server({ ISSUER: PUBLIC_ISSUER })]) {
      const answer = await ask(authenticator, {}, 'https://authenticator.example/healthz')
      expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }])
    }
    expect(lines).toEqual([])
  })
})

describe('an authenticator with a loopback issuer', () => {
  it.each(LOOPBACK_ISSUERS)(
    'a caller without a secret gets an answer when the issuer is %s',
    async (ISSUER) => {
      for (const changes of [{ ISSUER }, { ISSUER, PROXY_SECRET: SECRET }]) {
        const answer = await ask(server(changes), bearer(await storeToken()))
        expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
      }
    },
  )

  it('a wrong secret is refused with 403, even when no PROXY_SECRET is set', async () => {
    for (const changes of [{}, { PROXY_SECRET: SECRET }]) {
      await expectNotAProxy(await ask(server(changes), shown('w'.repeat(33))))
    }
  })
})

describe('the request that a DPoP proof must be for', () => {
  const ORIGINAL = {
    'X-Original-Method': 'POST',
    'X-Original-URL': 'https://service.example/submissions?a=b,c',
  }
  const FORWARDED = {
    'X-Forwarded-Method': 'POST',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'service.example',
    'X-Forwarded-Uri': '/submissions?a=b,c',
  }
  const authenticator = server({ PROXY_SECRET: SECRET })
  let key: Key
  let token: string
  beforeAll(async () => {
    key = await newKey()
    token = await storeToken({ cnf: { jkt: key.jkt }, ...authorizing(['submission:read']) })
  })

  const proven = async (htm: string, htu: string) => ({
    Authorization: `DPoP ${token}`,
    DPoP: await resourceProofOf(key, token, htu, { claims: { htm } }),
  })
  const forOriginal = () => proven('POST', 'https://service.example/submissions')
  const forAuth = () => proven('GET', AUTH)

  it.each<[string, Record<string, string>]>([
    ['X-Original-*', ORIGINAL],
    ['X-Forwarded-*', FORWARDED],
    ['both families that agree', { ...ORIGINAL, ...FORWARDED }],
    [
      'X-Original-* beside the usual headers',
      { ...ORIGINAL, 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'a.internal' },
    ],
  ])(
    'a DPoP proof must be for the request named by %s when the caller shows the secret',
    async (_, headers) => {
      const trusted = { ...headers, ...shown(SECRET) }
      expect((await ask(authenticator, { ...(await forOriginal()), ...trusted })).status).toBe(200)
      await expectChallenge(await ask(authenticator, { ...(await forAuth()), ...trusted }))
    },
  )

  it.each<[string, Record<string, string>]>([
    ['X-Original-*', ORIGINAL],
    ['X-Forwarded-*', FORWARDED],
  ])(
    'a DPoP proof is never checked against %s of a caller without the secret',
    async (_, headers) => {
      await expectChallenge(await ask(authenticator, { ...(await forOriginal()), ...headers }))
      expect((await ask(authenticator, { ...(await forAuth()), ...headers })).status).toBe(200)
      const withoutSecret = server()
      await expectChallenge(await ask(withoutSecret, { ...(await forOriginal()), ...headers }))
    },
  )

  it('a DPoP proof must be for the request to the authenticator when the proxy names no other', async () => {
    const plain = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'service.example' }
    const sent = { ...(await forAuth()), ...plain, ...shown(SECRET) }
    expect((await ask(authenticator, sent)).status).toBe(200)
  })

  const without = (headers: Record<string, string>, name: string) =>
    Object.entries(headers).filter(([other]) => other !== name)
  const families = [ORIGINAL, FORWARDED]
  const broken: [string, [string, string][]][] = families.flatMap((family) =>
    Object.entries(family).flatMap(([name, value]): [string, [string, string][]][] => [
      [`no ${name}`, without(family, name)],
      [`an empty ${name}`, [...without(family, name), [name, '']]],
      [`${name} twice`, [...Object.entries(family), [name, value]]],
      [`two words as ${name}`, [...without(family, name), [name, `${value} x`]]],
    ]),
  )
  const both = { ...ORIGINAL, ...FORWARDED }

  it.each<[string, [string, string][]]>([
    ...broken,
    ['families of different methods', Object.entries({ ...both, 'X-Forwarded-Method': 'GET' })],
    [
      'families of different hosts',
      Object.entries({ ...both, 'X-Forwarded-Host': 'evil.example' }),
    ],
    ['families of different paths', Object.entries({ ...both, 'X-Forwarded-Uri': '/other' })],
    ['half a family beside a whole one', without(both, 'X-Forwarded-Uri')],
    ['a URL of another scheme', Object.entries({ ...ORIGINAL, 'X-Original-URL': 'ftp://a/b' })],
    ['a path as the URL', Object.entries({ ...ORIGINAL, 'X-Original-URL': '/submissions' })],
    ['a user in the host', Object.entries({ ...FORWARDED, 'X-Forwarded-Host': 'a@evil.example' })],
    ['a path in the host', Object.entries({ ...FORWARDED, 'X-Forwarded-Host': 'evil.example/a' })],
    [
      'a URL as the path',
      Object.entries({ ...FORWARDED, 'X-Forwarded-Uri': 'https://evil.example/' }),
    ],
  ])('a request through a proxy that sends %s is refused with 400', async (_, pairs) => {
    const sent: [string, string][] = [
      ...Object.entries(await forOriginal()),
      ...pairs,
      ['X-Proxy-Secret', SECRET],
    ]
    await expectRefusal(await ask(authenticator, sent), 400, 'invalid_request')
    const anonymous = sent.filter(([name]) => name !== 'Authorization' && name !== 'DPoP')
    await expectRefusal(await ask(authenticator, anonymous), 400, 'invalid_request')
  })

  async function expectChallenge(answer: Response) {
    expect(answer.status).toBe(401)
    expect(answer.headers.get('Authorization')).toBeNull()
    expect(answer.headers.get('WWW-Authenticate')).toContain('error="invalid_dpop_proof"')
  }
})

describe('GET /auth?required', () => {
  it('an anonymous caller of /auth?required gets 401 with a challenge that names no error', async () => {
    expect((await ask(server())).status).toBe(200)
    for (const query of ['required', 'required=', 'required=false', 'required&fresh']) {
      const answer = await ask(server(), {}, `${AUTH}?${query}`)
      await expectRefusal(answer.clone(), 401)
      expect(await answer.json()).toMatchObject({ error: 'authentication_required' })
    }
  })

  it('an authenticated caller of /auth?required passes with any scopes, even none', async () => {
    const withoutScopes = await storeToken(authorizing([]))
    for (const headers of [bearer(withoutScopes), cookie(await storeBrowserSession())]) {
      expect((await ask(server(), headers, `${AUTH}?required`)).status).toBe(200)
    }
  })

  it('GET /auth with the parameter required twice is refused with 400', async () => {
    await expectRefusal(
      await ask(server(), {}, `${AUTH}?required&required`),
      400,
      'invalid_request',
    )
  })

  it('a check over a binding can require authentication', async () => {
    expect(await server().authenticate({})).toEqual({ kind: 'anonymous' })
    expect(await server().authenticate({ required: true })).toMatchObject({
      kind: 'refused',
      refusal: { status: 401, error: 'authentication_required' },
    })
  })
})
