/** RFC 9449 §7 at resources: `/auth`, the same by RPC, and `scoped()`. A bound token is accepted only with its key. */

import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { type ScopedEnv, type ScopedOptions, scoped } from '../../src/resource-server/hono.ts'
import { type Changes, type Key, newKey, resourceProofOf } from './keys.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  browserRecord,
  cookie,
  ISSUER,
  JWT_SECRET,
  store,
  storeToken,
} from './stored-session.ts'

const AUTH = 'https://authenticator.example/auth'
const authenticator = createAuthenticator(authenticatorEnv())

let key: Key
let other: Key
let token: string
beforeAll(async () => {
  key = await newKey()
  other = await newKey()
  token = await storeToken({ cnf: { jkt: key.jkt } })
})

const presenting = (bound: string, DPoP: string) => ({ Authorization: `DPoP ${bound}`, DPoP })
const ask = (headers: Record<string, string>, url = AUTH, server = authenticator) =>
  server.fetch(new Request(url, { headers }))
const prove = async (changes: Changes = {}, htu = AUTH, by = key) =>
  presenting(token, await resourceProofOf(by, token, htu, changes))

async function expectChallenge(answer: Response, error: string) {
  expect(answer.status).toBe(401)
  expect(answer.headers.get('Authorization')).toBeNull()
  const challenge = answer.headers.get('WWW-Authenticate') ?? ''
  expect(challenge).toMatch(/^DPoP /)
  expect(challenge).toContain(`error="${error}"`)
  expect(challenge).toContain('algs="RS256 PS256 ES256 EdDSA Ed25519"')
}

describe('RFC 9449 §7.1: a bound token with a proof', () => {
  it('a bound token with a valid proof is accepted, and its JWT keeps the binding', async () => {
    const answer = await ask(await prove(), `${AUTH}?scope=submission:read`)
    expect(answer.status).toBe(200)
    const [, payload = ''] = (answer.headers.get('Authorization') ?? '').split('.')
    const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    expect(claims.cnf).toEqual({ jkt: key.jkt })
  })

  it.each<[string, () => Promise<Record<string, string>> | Record<string, string>]>([
    ['no proof', () => ({ Authorization: `DPoP ${token}` })],
    ['a proof by another key', () => prove({}, AUTH, other)],
    [
      'a proof with the ath of another token',
      async () => {
        const elsewhere = await resourceProofOf(key, mintToken('accessToken'), AUTH)
        return presenting(token, elsewhere)
      },
    ],
    ['a proof without ath', () => prove({ claims: { ath: undefined } })],
    ['a proof for another method', () => prove({ claims: { htm: 'POST' } })],
    ['a proof for another resource', () => prove({}, 'https://authenticator.example/other')],
    ['an old proof', () => prove({ claims: { iat: Math.floor(Date.now() / 1000) - 90 } })],
    ['a proof of another type', () => prove({ header: { typ: 'JWT' } })],
    [
      'two proofs',
      async () => {
        const [one, two] = await Promise.all([prove(), prove()])
        return presenting(token, `${one.DPoP}, ${two.DPoP}`)
      },
    ],
  ])('a bound token with %s is refused', async (_, make) => {
    await expectChallenge(await ask(await make()), 'invalid_dpop_proof')
    expect((await ask(await prove())).status).toBe(200)
  })

  it('an unknown token and an unbound token are refused in the DPoP scheme', async () => {
    const unknown = mintToken('accessToken')
    const stranger = presenting(unknown, await resourceProofOf(key, unknown, AUTH))
    await expectChallenge(await ask(stranger), 'invalid_token')
    const unbound = await storeToken()
    const helped = presenting(unbound, await resourceProofOf(key, unbound, AUTH))
    await expectChallenge(await ask(helped), 'invalid_token')
    expect((await ask(bearer(unbound))).status).toBe(200)
  })

  it('the insufficient_scope response to a bound token has a DPoP challenge', async () => {
    const answer = await ask(await prove(), `${AUTH}?scope=submission:create`)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^DPoP error="insufficient_scope"/)
  })
})

describe('RFC 6750 §3: the scope in the challenges of /auth', () => {
  const NEEDED = ' scope="submission:read submission:create"'
  it.each<[string, () => Promise<Record<string, string>> | Record<string, string>]>([
    ['no credential', () => ({})],
    ['a malformed header', () => ({ Authorization: 'Basic abc' })],
    ['an unknown token', () => bearer(mintToken('accessToken'))],
    ['a bound token as a bearer', () => bearer(token)],
    ['a bound token with a bad proof', () => presenting(token, 'junk')],
    [
      'an unbound token with a proof',
      async () => presenting(await storeToken(), (await prove()).DPoP),
    ],
    ['a proof by another key', () => prove({}, AUTH, other)],
    ['one scope of the two', async () => bearer(await storeToken())],
  ])('the challenge for %s names every scope that the check needs', async (_, headers) => {
    const answer = await ask(
      await headers(),
      `${AUTH}?scope=submission:read&scope=submission:create`,
    )
    expect([401, 403]).toContain(answer.status)
    expect(answer.headers.get('WWW-Authenticate')).toContain(NEEDED)
  })
})

describe('RFC 9449 §7.2: no downgrade of a bound token', () => {
  it('a bound token is refused as a bearer at /auth, with a valid proof beside it and without', async () => {
    await expectChallenge(await ask(bearer(token)), 'invalid_token')
    const beside = { ...(await prove()), ...bearer(token) }
    await expectChallenge(await ask(beside), 'invalid_token')
  })

  it('a bound session is refused as a cookie', async () => {
    const bound = { ...browserRecord(), cnf: { jkt: key.jkt } }
    await expectChallenge(
      await ask(cookie(await store(mintToken('browserSession'), bound))),
      'invalid_token',
    )
  })

  it('a token whose binding is malformed is refused as a bearer', async () => {
    for (const cnf of [{}, null, { jkt: '' }, { jkt: 7 }, 'key']) {
      const odd = await storeToken({ cnf } as unknown as { cnf: { jkt: string } })
      expect((await ask(bearer(odd))).status).toBe(401)
    }
  })

  it('a bound token is refused as a bearer by RPC', async () => {
    const request = { method: 'GET', url: 'https://service.example/submissions' }
    const asBearer = { authorization: `Bearer ${token}`, ...request }
    expect(await authenticator.authenticate(asBearer)).toMatchObject({
      kind: 'refused',
      refusal: { status: 401 },
    })
    const proof = (await prove({}, request.url)).DPoP ?? ''
    const asBound = { authorization: `DPoP ${token}`, dpop: proof }
    expect(await authenticator.authenticate(asBound)).toMatchObject({
      kind: 'refused',
      refusal: { status: 401 },
    })
    expect(await authenticator.authenticate({ ...asBound, ...request })).toMatchObject({
      kind: 'authenticated',
      session: { cnf: { jkt: key.jkt } },
    })
  })
})

describe('RFC 9449 §11.1: one use of a proof at a resource', () => {
  it('exactly one of twenty simultaneous uses of a proof in one isolate is accepted', async () => {
    const headers = await prove()
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(headers)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    await expectChallenge(await ask(headers), 'invalid_dpop_proof')
  })

  it('a proof is accepted once by all isolates when `fresh` reads D1', async () => {
    const withDatabase = () => createAuthenticator({ ...authenticatorEnv(), DB: env.DB })
    const headers = await prove()
    expect((await ask(headers, `${AUTH}?fresh`, withDatabase())).status).toBe(200)
    await expectChallenge(await ask(headers, `${AUTH}?fresh`, withDatabase()), 'invalid_dpop_proof')
    // The documented limit: a check that does not read D1 accepts the proof again in another isolate.
    expect((await ask(headers, AUTH, withDatabase())).status).toBe(200)
  })

  it('a proof can be used with its own token after it was refused with another token', async () => {
    const headers = await prove()
    expect(
      (await ask({ ...headers, Authorization: `DPoP ${mintToken('accessToken')}` })).status,
    ).toBe(401)
    expect((await ask(headers)).status).toBe(200)
  })
})

describe('DPoP behind nginx', () => {
  const secret = 'the-proxy-secret-of-the-tests-7Yw'
  const proxied = createAuthenticator({ ...authenticatorEnv(), PROXY_SECRET: secret })
  const original = {
    'X-Proxy-Secret': secret,
    'X-Original-Method': 'POST',
    'X-Original-URL': 'https://service.example/submissions?a=b',
  }
  it('behind nginx a proof must be for the original request, and not for /auth', async () => {
    const made = await prove({ claims: { htm: 'POST' } }, 'https://service.example/submissions')
    expect((await ask({ ...made, ...original }, AUTH, proxied)).status).toBe(200)
    const forAuth = { ...(await prove()), ...original }
    await expectChallenge(await ask(forAuth, AUTH, proxied), 'invalid_dpop_proof')
  })
})

describe('DPoP with scoped()', () => {
  const SERVICE = 'https://service.example/submissions'
  function service(options: ScopedOptions = {}) {
    const app = new Hono<ScopedEnv>()
    app.use('*', scoped(null, options))
    app.get('/submissions', scoped('submission:read', options), (c) => c.json(c.var.session))
    app.post('/submissions', scoped('submission:create', options), (c) => c.json(c.var.session))
    return (headers: Record<string, string>, method = 'GET') =>
      app.request(`${SERVICE}?page=2`, { method, headers }, { AUTHENTICATOR: authenticator })
  }

  it('scoped() accepts a bound token with a proof for its own request, however many middlewares check it', async () => {
    const call = service()
    const headers = await prove({}, SERVICE)
    expect((await call(headers)).status).toBe(200)
    await expectChallenge(await call(headers), 'invalid_dpop_proof')
    await expectChallenge(await call(await prove()), 'invalid_dpop_proof')
    await expectChallenge(await call(bearer(token)), 'invalid_token')
  })

  it('scoped() uses a proof once for two middlewares, even when a middleware between them replaces the request', async () => {
    const app = new Hono<ScopedEnv>()
    app.use(scoped(null), async (c, next) => {
      c.req.raw = new Request(c.req.raw)
      await next()
    })
    app.get('/submissions', scoped('submission:read'), (c) => c.json(c.var.session))
    const headers = await prove({}, SERVICE)
    const call = () => app.request(SERVICE, { headers }, { AUTHENTICATOR: authenticator })
    expect((await call()).status).toBe(200)
    await expectChallenge(await call(), 'invalid_dpop_proof')
  })

  it('scoped() answers insufficient_scope with a DPoP challenge', async () => {
    const answer = await service()(await prove({ claims: { htm: 'POST' } }, SERVICE), 'POST')
    expect(answer.status).toBe(403)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^DPoP error="insufficient_scope"/)
  })

  it('scoped() accepts the JWT of a bound token behind nginx', async () => {
    const passed = await ask(await prove())
    const jwt = { secret: () => JWT_SECRET, issuer: ISSUER }
    const answer = await service({ jwt })({
      Authorization: passed.headers.get('Authorization') ?? '',
    })
    expect(await answer.json()).toMatchObject({ cnf: { jkt: key.jkt } })
    expect((await service({ jwt })(await prove({}, SERVICE))).status).toBe(401)
  })

  it('scoped() accepts an unbound token as a bearer token', async () => {
    const unbound = await storeToken(authorizing(['submission:read']))
    expect((await service()(bearer(unbound))).status).toBe(200)
  })
})
