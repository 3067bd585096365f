/** RFC 7523 §2.2 and §3: client authentication with a JWT that a registered key has signed. */

import { UnsecuredJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { countedBindings, nothing } from './counting.ts'
import { asserting, assertionOf, hmacKey, JWT_BEARER, type Key, keySetOf, newKey } from './keys.ts'
import {
  basicOf,
  countSessions,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  type Pairs,
  post,
  redemptionOf,
  refusal,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  tokenIn,
} from './registry.ts'

const INVALID_CLIENT = { status: 401, error: 'invalid_client' }
const grant = { grant_type: 'client_credentials' }
const registered = (jwks: string) => newClient({ authMethod: 'private_key_jwt', jwks })
const ask = (assertion: string, more: Record<string, string> = {}) =>
  post('/token', { ...grant, ...asserting(assertion), ...more })

let key: Key
let stranger: Key
let client: TestClient
beforeAll(async () => {
  key = await newKey()
  stranger = await newKey()
  client = await registered(keySetOf(key.jwk))
})

describe('RFC 7523 §2.2: valid assertions', () => {
  it.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ])(
    'a key that is registered for %s verifies an assertion that names %s',
    async (registeredFor, named) => {
      const signer = { ...(await newKey(named)), alg: named }
      const { id } = await registered(keySetOf({ ...signer.jwk, alg: registeredFor }))
      expect((await ask(await assertionOf(id, signer))).status).toBe(200)
    },
  )

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'])(
    'an assertion signed with %s authenticates its client',
    async (alg) => {
      const own = await newKey(alg)
      const { id } = await registered(keySetOf(own.jwk))
      const answer = await ask(await assertionOf(id, own), { client_id: id })
      expect(answer.status).toBe(200)
      const session = await sessionOf((await tokenIn(answer)).access_token)
      expect(session?.client?.client_id).toBe(id)
    },
  )

  it('an assertion is accepted with and without client_id, and with the issuer in an array', async () => {
    expect((await ask(await assertionOf(client.id, key))).status).toBe(200)
    const listed = await assertionOf(client.id, key, { claims: { aud: [ISSUER] } })
    expect((await ask(listed, { client_id: client.id })).status).toBe(200)
  })

  it('an assertion authenticates its client in the code grant', async () => {
    const cookie = await signIn(await newUser())
    const code = await obtainCode(cookie, requestOf(client))
    const fields = redemptionOf(client, code, asserting(await assertionOf(client.id, key)))
    expect((await post('/token', fields)).status).toBe(200)
  })

  it('an assertion is accepted from any key of the set, with a kid and without', async () => {
    const [old, next] = await Promise.all([newKey(), newKey()])
    const named = (one: Key, kid: string) => ({ ...one.jwk, kid })
    const { id } = await registered(keySetOf(named(old, 'old'), named(next, 'next')))
    for (const header of [{ kid: 'next' }, {}]) {
      expect((await ask(await assertionOf(id, next, { header }))).status).toBe(200)
    }
    const misnamed = await assertionOf(id, next, { header: { kid: 'old' } })
    expect(await refusal(await ask(misnamed))).toEqual(INVALID_CLIENT)
    const outsider = await assertionOf(id, stranger)
    expect(await refusal(await ask(outsider))).toEqual(INVALID_CLIENT)
  })
})

/** An assertion with an HMAC under a text that an attacker knows, for example the public key. */
const hmacSigned = async (secret: string) =>
  assertionOf(client.id, { ...key, ...(await hmacKey(secret)) })

describe('RFC 7523 §3: invalid assertions', () => {
  const changed = (claims: Record<string, unknown>) => () => assertionOf(client.id, key, { claims })
  const shifted = (claim: string, offset: number) => () =>
    assertionOf(client.id, key, { claims: { [claim]: nowSeconds() + offset } })
  it.each<[string, () => Promise<string> | string]>([
    ['another key', () => assertionOf(client.id, stranger)],
    [
      "another key in the header's jwk",
      () => assertionOf(client.id, stranger, { header: { jwk: stranger.jwk } }),
    ],
    [
      'a critical extension that is not known',
      () =>
        assertionOf(client.id, key, {
          header: { crit: ['urn:example:extension'], 'urn:example:extension': 1 },
        }),
    ],
    [
      'alg none',
      () =>
        new UnsecuredJWT({ iss: client.id, sub: client.id, aud: ISSUER, jti: '1' })
          .setExpirationTime('1m')
          .encode(),
    ],
    ['HS256 under the public key (alg confusion)', () => hmacSigned(JSON.stringify(key.jwk))],
    ['HS256 under the JWK Set', () => hmacSigned(keySetOf(key.jwk))],
    ['iss of another client', changed({ iss: 'another' })],
    ['no iss', changed({ iss: undefined })],
    ['no sub', changed({ sub: undefined })],
    ['sub of an unknown client', changed({ iss: 'nobody', sub: 'nobody' })],
    ['the token endpoint as aud (RFC 7523bis)', changed({ aud: `${ISSUER}/token` })],
    [
      'another server beside the issuer as aud',
      changed({ aud: [ISSUER, 'https://other.example'] }),
    ],
    ['an aud with an extra slash', changed({ aud: `${ISSUER}/` })],
    ['no aud', changed({ aud: undefined })],
    ['no exp', changed({ exp: undefined })],
    ['an exp that is no number', changed({ exp: '9999999999' })],
    ['an exp long past', shifted('exp', -65)],
    ['an exp too far ahead', shifted('exp', 605)],
    ['nbf in the future', shifted('nbf', 65)],
    ['iat in the future', shifted('iat', 65)],
    ['no jti', changed({ jti: undefined })],
    ['an empty jti', changed({ jti: '' })],
    ['a jti that is no string', changed({ jti: 7 })],
    ['text that is no JWT', () => 'regs_nothing'],
    ['another signature', async () => `${await assertionOf(client.id, key)}A`],
  ])('an assertion with %s is refused with invalid_client', async (_, make) => {
    const before = await countSessions()
    expect(await refusal(await ask(await make()))).toEqual(INVALID_CLIENT)
    expect(await countSessions()).toBe(before)
    expect((await ask(await assertionOf(client.id, key))).status).toBe(200)
  })

  it.each([
    ['exp', -50],
    ['exp', 590],
    ['nbf', 50],
    ['iat', 50],
  ])(
    'an assertion whose %s is %i s from now is accepted, because clocks differ',
    async (claim, offset) => {
      const claims = { [claim]: nowSeconds() + offset }
      expect((await ask(await assertionOf(client.id, key, { claims }))).status).toBe(200)
    },
  )
})

it('a key set with unsupported keys still verifies with its other keys (RFC 7517 §5)', async () => {
  const others: unknown[] = [
    { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AAAA' },
    { kty: 'EC', crv: 'P-384', x: 'AAAA', y: 'AAAA' },
    { kty: 'EC', crv: 'P-256' },
    { ...key.jwk, use: 'enc' },
    'key',
    null,
  ]
  const { id } = await registered(JSON.stringify({ keys: [...others, key.jwk] }))
  expect((await ask(await assertionOf(id, key))).status).toBe(200)
  const bare = await registered(JSON.stringify({ keys: others }))
  expect(await refusal(await ask(await assertionOf(bare.id, key)))).toEqual(INVALID_CLIENT)
})

describe('RFC 7521 §4.2: the presentation of an assertion', () => {
  it.each<[string, (good: string) => Promise<Response>]>([
    ['the client_id of another client', (good) => ask(good, { client_id: 'another' })],
    ['no assertion type', (good) => post('/token', { ...grant, client_assertion: good })],
    ['another assertion type', (good) => ask(good, { client_assertion_type: 'urn:example:saml' })],
    [
      'an assertion type and no assertion',
      () => post('/token', { ...grant, client_assertion_type: JWT_BEARER }),
    ],
    ['the client_id and no assertion', () => post('/token', { ...grant, client_id: client.id })],
  ])(
    'a token request with %s is refused with invalid_client, and the assertion stays valid',
    async (_, attempt) => {
      const good = await assertionOf(client.id, key)
      expect(await refusal(await attempt(good))).toEqual(INVALID_CLIENT)
      expect((await ask(good)).status).toBe(200)
    },
  )

  it.each<[string, (good: string) => Promise<Response>]>([
    ['a secret', (good) => ask(good, { client_secret: 'regs_x' })],
    [
      'Basic',
      (good) =>
        post('/token', { ...grant, ...asserting(good) }, basicOf({ ...client, secret: 'secret' })),
    ],
  ])(
    'a token request with %s beside an assertion is refused with invalid_request, and the assertion stays valid',
    async (_, attempt) => {
      const good = await assertionOf(client.id, key)
      expect(await refusal(await attempt(good))).toEqual({ status: 400, error: 'invalid_request' })
      expect((await ask(good)).status).toBe(200)
    },
  )

  it('an assertion of a client that is registered for another method, or has no keys, is refused', async () => {
    for (const authMethod of ['client_secret_post', 'none', 'private_key_jwt'] as const) {
      const { id } = await newClient({ authMethod })
      expect(await refusal(await ask(await assertionOf(id, key)))).toEqual(INVALID_CLIENT)
    }
  })

  it('a client with private_key_jwt cannot authenticate with its id only, as a public client does', async () => {
    const cookie = await signIn(await newUser())
    const code = await obtainCode(cookie, requestOf(client))
    expect(await refusal(await post('/token', redemptionOf(client, code)))).toEqual(INVALID_CLIENT)
  })
})

describe('RFC 7523 §3: one use of a jti', () => {
  it('a second use of an assertion is refused, even by a new isolate', async () => {
    const assertion = await assertionOf(client.id, key)
    expect((await ask(assertion)).status).toBe(200)
    expect(await refusal(await ask(assertion))).toEqual(INVALID_CLIENT)
    const other = serve()
    const fields = { ...grant, ...asserting(assertion) }
    expect((await post('/token', fields, {}, other)).status).toBe(401)
  })

  it('exactly one of twenty simultaneous uses of an assertion gets a token', async () => {
    const assertion = await assertionOf(client.id, key)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(assertion)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
  })

  it("a jti is not used up by a forged assertion or by another client's assertion", async () => {
    const other = await registered(keySetOf(stranger.jwk))
    const claims = { jti: crypto.randomUUID() }
    expect((await ask(await assertionOf(client.id, stranger, { claims }))).status).toBe(401)
    expect((await ask(await assertionOf(other.id, stranger, { claims }))).status).toBe(200)
    expect((await ask(await assertionOf(client.id, key, { claims }))).status).toBe(200)
  })

  it('an assertion is not refused as a replay when the registry repeats the check with a fresh client record', async () => {
    const cached = serve({ CLIENT_CACHE_SECONDS: 300 })
    const ask = async (more: Pairs = {}) => {
      const fields = { ...grant, ...asserting(await assertionOf(client.id, key)), ...more }
      return refusal(await post('/token', fields, {}, cached))
    }
    expect((await ask()).status).toBe(200)
    expect(await ask({ scope: 'upload:read_logs' })).toMatchObject({ error: 'invalid_scope' })
  })
})

describe('storage operations of an assertion', () => {
  it('an assertion costs one D1 statement more than a secret', async () => {
    const { bindings, costOf } = countedBindings()
    const fetch = serve({ ...bindings, CLIENT_CACHE_SECONDS: 300 })
    const cost = async () => {
      const fields = { ...grant, ...asserting(await assertionOf(client.id, key)) }
      return costOf(() => post('/token', fields, {}, fetch), 200)
    }
    expect(await cost()).toEqual({ ...nothing(), d1: 2, kvWrite: 1 })
    expect(await cost()).toEqual({ ...nothing(), d1: 1, kvWrite: 1 })
  })
})
