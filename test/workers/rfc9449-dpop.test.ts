/** RFC 9449 at the token endpoint: proofs, and the tokens that are bound by them. */

import { env } from 'cloudflare:workers'
import { CompactSign, UnsecuredJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { countedBindings, nothing } from './counting.ts'
import { type Changes, hmacKey, type Key, newKey, proofOf } from './keys.ts'
import { issuedIn, newRefreshingClient, renewal, renewalOf } from './obtaining.ts'
import {
  countSessions,
  credentialsOf,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  tokenIn,
  withChallenge,
} from './registry.ts'

const INVALID_PROOF = { status: 400, error: 'invalid_dpop_proof' }

let key: Key
let client: TestClient
let cookie: string
beforeAll(async () => {
  key = await newKey()
  client = await newClient()
  cookie = await signIn(await newUser())
})

const proving = (DPoP: string) => ({ DPoP })
const ask = (proof: string) => post('/token', credentialsOf(client), proving(proof))

describe('RFC 9449 §5: binding of a token', () => {
  it.each(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'])(
    'a proof signed with %s binds the token to its key',
    async (alg) => {
      const own = await newKey(alg)
      const answer = await tokenIn(await ask(await proofOf(own)))
      expect(answer.token_type).toBe('DPoP')
      const session = await sessionOf(answer.access_token)
      expect(session?.cnf).toEqual({ jkt: own.jkt })
    },
  )

  it('a token that was requested without a proof is a bearer token whose session names no key', async () => {
    const answer = await tokenIn(await post('/token', credentialsOf(client)))
    expect(answer.token_type).toBe('Bearer')
    expect(await sessionOf(answer.access_token)).not.toHaveProperty('cnf')
  })

  it('a proof binds the token of the code grant to its key', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    const headers = proving(await proofOf(key))
    const answer = await tokenIn(await post('/token', redemptionOf(client, code), headers))
    expect(answer.token_type).toBe('DPoP')
    const session = await sessionOf(answer.access_token)
    expect(session).toMatchObject({ cnf: { jkt: key.jkt }, user: { user_id: expect.any(String) } })
  })

  it.each([
    'HTTP://127.0.0.1:8787/token',
    'http://127.0.0.1:8787/%74oken?a=b#c',
    'http://127.0.0.1:8787/x/../token',
  ])('a proof for %s is for the token endpoint (RFC 3986 §6.2.2)', async (htu) => {
    expect((await ask(await proofOf(key, { claims: { htu } }))).status).toBe(200)
  })
})

describe('RFC 9449 §4.3: invalid proofs', () => {
  const changed = (make: () => Changes) => async (): Promise<string> => proofOf(key, make())
  const claim = (name: string, value: unknown) => changed(() => ({ claims: { [name]: value } }))
  const header = (name: string, value: unknown) => changed(() => ({ header: { [name]: value } }))
  const issued = (offset: number) => changed(() => ({ claims: { iat: nowSeconds() + offset } }))

  it.each<[string, () => Promise<string> | string]>([
    ['malformed text', () => 'proof'],
    ['empty text', () => ''],
    ['two headers', async () => `${await proofOf(key)}, ${await proofOf(key)}`],
    ['typ JWT', header('typ', 'JWT')],
    ['no typ', header('typ', undefined)],
    ['no key', header('jwk', undefined)],
    ['a private key', async () => proofOf(key, { header: { jwk: { ...key.jwk, d: 'AAAA' } } })],
    [
      'another key in its header',
      async () => proofOf(key, { header: { jwk: (await newKey()).jwk } }),
    ],
    ['a key set by reference', async () => proofOf(key, { header: { jwk: 'https://a.example' } })],
    [
      'alg none',
      async () => {
        const [, payload] = (await proofOf(key)).split('.')
        const [none] = new UnsecuredJWT({}).encode().split('.')
        return `${none}.${payload}.`
      },
    ],
    [
      'HS256 and a symmetric key',
      async () => {
        const own = await hmacKey('a symmetric key of thirty-two bytes')
        const jwk = await crypto.subtle.exportKey('jwk', own.privateKey)
        return proofOf({ ...key, ...own }, { header: { jwk } })
      },
    ],
    [
      'HS256 under the public key (alg confusion)',
      async () => proofOf({ ...key, ...(await hmacKey(JSON.stringify(key.jwk))) }),
    ],
    [
      'another algorithm than its key is for',
      async () => {
        const [, ...rest] = (await proofOf(key)).split('.')
        const head = btoa(JSON.stringify({ alg: 'EdDSA', typ: 'dpop+jwt', jwk: key.jwk }))
        return [head.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''), ...rest].join(
          '.',
        )
      },
    ],
    [
      'a changed signature',
      async () => (await proofOf(key)).replace(/\.[^.]+$/, `.${'A'.repeat(86)}`),
    ],
    [
      'claims that are no object',
      () =>
        new CompactSign(new TextEncoder().encode('null'))
          .setProtectedHeader({ alg: key.alg, typ: 'dpop+jwt', jwk: key.jwk })
          .sign(key.privateKey),
    ],
    ['another method', claim('htm', 'GET')],
    ['the method in lower case', claim('htm', 'post')],
    ['no method', claim('htm', undefined)],
    ['another endpoint', claim('htu', 'http://127.0.0.1:8787/revoke')],
    ['another host', claim('htu', 'http://localhost:8787/token')],
    ['another scheme', claim('htu', 'https://127.0.0.1:8787/token')],
    ['an extra slash in htu', claim('htu', 'http://127.0.0.1:8787/token/')],
    ['a relative htu', claim('htu', '/token')],
    ['no htu', claim('htu', undefined)],
    ['an htu that is no http URL', claim('htu', 'urn:example:token')],
    ['an iat long past', issued(-90)],
    ['an iat in the future', issued(90)],
    ['an iat that is no number', claim('iat', 'now')],
    ['no jti', claim('jti', undefined)],
    ['an empty jti', claim('jti', '')],
    ['a jti longer than an id', claim('jti', 'j'.repeat(257))],
  ])('a proof with %s is refused with invalid_dpop_proof', async (_, make) => {
    const before = await countSessions()
    expect(await refusal(await ask(await make()))).toEqual(INVALID_PROOF)
    expect(await countSessions()).toBe(before)
    expect((await ask(await proofOf(key))).status).toBe(200)
  })

  it('a proof is checked against the issuer, and never against the Host header', async () => {
    const htu = 'http://evil.example/token'
    const fetch = (proof: string) =>
      post('http://evil.example/token', credentialsOf(client), {
        DPoP: proof,
        Host: 'evil.example',
      })
    expect(await refusal(await fetch(await proofOf(key, { claims: { htu } })))).toEqual(
      INVALID_PROOF,
    )
    expect((await fetch(await proofOf(key))).status).toBe(200)
  })

  it.each([-50, 50])(
    'a proof whose iat is %i s from now is accepted, because clocks differ',
    async (offset) => {
      expect((await ask(await issued(offset)())).status).toBe(200)
    },
  )
})

describe('RFC 9449 §11.1: one use of a proof', () => {
  it('exactly one of twenty simultaneous uses of a proof gets a token, and later uses get none', async () => {
    const proof = await proofOf(key)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proof)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await refusal(await ask(proof))).toEqual(INVALID_PROOF)
    const elsewhere = await post('/token', credentialsOf(client), proving(proof), serve())
    expect(await refusal(elsewhere)).toEqual(INVALID_PROOF)
  })

  it('the same jti is accepted again with another key', async () => {
    const claims = { jti: crypto.randomUUID() }
    expect((await ask(await proofOf(key, { claims }))).status).toBe(200)
    expect((await ask(await proofOf(await newKey(), { claims }))).status).toBe(200)
  })

  it('a proof can be used again after its client was refused', async () => {
    const proof = await proofOf(key)
    const wrong = await post('/token', credentialsOf({ ...client, secret: 'x' }), proving(proof))
    expect(wrong.status).toBe(401)
    expect((await ask(proof)).status).toBe(200)
  })

  it('exactly one of fifty simultaneous redemptions with one proof gets a token, and the other codes stay valid', async () => {
    const codes = await Promise.all(
      Array.from({ length: 50 }, () => obtainCode(cookie, requestOf(client))),
    )
    const headers = proving(await proofOf(key))
    const answers = await Promise.all(
      codes.map((code) => post('/token', redemptionOf(client, code), headers)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const lost = answers.findIndex(({ status }) => status !== 200)
    expect(await refusal(answers[lost] as Response)).toEqual(INVALID_PROOF)
    const again = await post('/token', redemptionOf(client, codes[lost] ?? ''))
    expect(again.status).toBe(200)
  })

  it('a second use of a proof spends neither a code nor a refresh token and ends nothing', async () => {
    const own = await newClient({ grantTypes: ['authorization_code', 'refresh_token'] })
    const code = await obtainCode(cookie, requestOf(own))
    const used = proving(await proofOf(key))
    await post('/token', credentialsOf(client), used)
    const redeem = (headers: Record<string, string>) =>
      post('/token', redemptionOf(own, code), headers)
    expect(await refusal(await redeem(used))).toEqual(INVALID_PROOF)
    const first = proving(await proofOf(key))
    const { refresh_token } = await issuedIn(await redeem(first))
    // The same request again: it does not prove possession of the key, so it is not a replay of the code.
    expect(await refusal(await redeem(first))).toEqual(INVALID_PROOF)
    const refresh = (headers: Record<string, string>) =>
      post('/token', renewalOf(own, refresh_token), headers)
    expect(await refusal(await refresh(first))).toEqual(INVALID_PROOF)
    expect((await refresh(proving(await proofOf(key)))).status).toBe(200)
  })

  it('a proof is not recorded as used when its request is refused', async () => {
    const own = await newRefreshingClient()
    const others = await newClient({ grantTypes: ['client_credentials'] })
    const codeFor = () => obtainCode(cookie, requestOf(own, withChallenge))
    const verifier = { code_verifier: PKCE.verifier }
    const spent = await codeFor()
    const first = await issuedIn(await post('/token', redemptionOf(own, spent, verifier)))
    const { refresh_token: next } = await issuedIn(await renewal(own, first.refresh_token))
    const refused: Record<string, Record<string, string>> = {
      'a wrong secret': credentialsOf({ ...own, secret: 'wrong' }),
      'an unknown client': credentialsOf({ ...own, id: 'nobody' }),
      'another method of authentication': { grant_type: 'client_credentials', client_id: own.id },
      'a grant type that the client may not use': renewalOf(others, next),
      'a scope that it may not have': credentialsOf(own, { scope: 'upload:read_logs' }),
      'an unknown code': redemptionOf(own, mintToken('authorizationCode'), verifier),
      'a wrong verifier': redemptionOf(own, await codeFor(), { code_verifier: 'v'.repeat(43) }),
      'a code that was spent': redemptionOf(own, spent, verifier),
      'an unknown refresh token': renewalOf(own, mintToken('refreshToken')),
      'a refresh token that was spent': renewalOf(own, first.refresh_token),
      'a wider scope': { ...renewalOf(own, next), scope: 'submission:create' },
    }
    const proof = await proofOf(key)
    const recorded = () => env.DB.prepare('SELECT count(*) AS n FROM used_jti').first<number>('n')
    const before = await recorded()
    for (const [what, fields] of Object.entries(refused)) {
      const { status } = await post('/token', fields, proving(proof))
      expect([what, status >= 400 && status < 500, await recorded()]).toEqual([what, true, before])
    }
    expect((await post('/token', renewalOf(own, next), proving(proof))).status).toBe(200)
    expect(await recorded()).toBe((before ?? 0) + 1)
  })

  it('a proof is not refused as a replay when the registry repeats the check with a fresh client record', async () => {
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    const ask = async (more = {}) =>
      refusal(
        await post('/token', credentialsOf(client, more), proving(await proofOf(key)), cached),
      )
    expect((await ask()).status).toBe(200)
    expect(await ask({ scope: 'upload:read_logs' })).toMatchObject({ error: 'invalid_scope' })
  })
})

describe('RFC 9449 §5.2: clients that must use DPoP', () => {
  it('a client registered with --require-dpop is refused without a proof, and gets a token with one', async () => {
    const strict = await newClient({ requireDpop: true })
    const before = await countSessions()
    const without = await refusal(await post('/token', credentialsOf(strict)))
    expect(without).toEqual({ status: 400, error: 'invalid_request' })
    expect(await countSessions()).toBe(before)
    const headers = proving(await proofOf(key))
    expect((await post('/token', credentialsOf(strict), headers)).status).toBe(200)
  })
})

describe('storage operations of a proof', () => {
  it('a proof costs one D1 statement, and an invalid proof writes nothing to KV', async () => {
    const { count, bindings } = countedBindings()
    const fetch = serve({ ...bindings, CLIENT_CACHE_SECONDS: 300 })
    const cost = async (headers: Record<string, string>) => {
      Object.assign(count, nothing())
      await post('/token', credentialsOf(client), headers, fetch)
      return { ...count }
    }
    await cost({})
    expect(await cost({})).toEqual({ ...nothing(), kvWrite: 1 })
    expect(await cost(proving(await proofOf(key)))).toEqual({ ...nothing(), d1: 1, kvWrite: 1 })
    expect((await cost(proving('bad'))).kvWrite).toBe(0)
  })
})
