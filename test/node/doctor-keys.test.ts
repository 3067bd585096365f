/** The doctor's checks of keys, with stand-ins for the registry and the authenticator that make one mistake. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Examined, look } from '../../src/cli/doctor/check.ts'
import { KEY_SET, KEYS_READ, SIGNING } from '../../src/cli/doctor/key-checks.ts'
import {
  addKey,
  createKeys,
  EXPIRED_AFTER_SECONDS,
  PUBLISHED_AFTER_SECONDS,
  promoteKey,
} from '../../src/crypto/key-rotation.ts'
import { ownVerificationKeys, signWith, verifyWith } from '../../src/crypto/signed-jwt.ts'
import { publicKeys, type SigningKeys } from '../../src/crypto/signing-keys.ts'
import { type Answered, type StandIn, standIn } from './doctor-stand-ins.ts'

const now = () => Math.floor(Date.now() / 1000)
const TYP = 'token-introspection+jwt'

let registry: StandIn
let authenticator: StandIn
let registrySet: unknown
let authenticatorSet: unknown
/** The response in place of the key set; null to serve the set. */
let spoiled: Answered | null
/** The response of /introspect. */
let introspected: { status: number; text: string }
/** The status of /auth. */
let authStatus: number | ((token: string) => Promise<number>)
let secrets: Partial<Record<string, string[]>> | null

const one = await createKeys('ES256', now())
const other = await createKeys('EdDSA', now())
const setOf = async (keys: SigningKeys) => publicKeys(keys)
const signed = (keys: SigningKeys, changed: object = {}) =>
  signWith(keys, TYP, { aud: 'doctor-1', iat: now(), token_introspection: {}, ...changed })

beforeAll(async () => {
  registry = await standIn(
    async () => spoiled ?? { status: 200, body: JSON.stringify(registrySet) },
  )
  authenticator = await standIn(async () => ({
    status: 200,
    body: JSON.stringify(authenticatorSet),
  }))
})
afterAll(async () => {
  await registry.close()
  await authenticator.close()
})
beforeEach(async () => {
  spoiled = null
  registrySet = await setOf(one)
  authenticatorSet = { keys: [] }
  introspected = { status: 200, text: await signed(one) }
  authStatus = 401
  secrets = null
})

async function found(check: typeof KEY_SET, changed: object = {}) {
  const trial = {
    seen: 'reg_token',
    ownToken: async () => ({ status: 200, token: 'reg_token', error: '' }),
    introspectSigned: async () => ({ ...introspected, clientId: 'doctor-1' }),
    present: async (_url: string, token: string) =>
      new Response(null, {
        status: typeof authStatus === 'number' ? authStatus : await authStatus(token),
      }),
    ...changed,
  }
  const finding = await look(check, {
    api: { trial },
    issuer: registry.url,
    authenticatorUrl: authenticator.url,
    secretNames: secrets && (async (worker: string) => secrets?.[worker] ?? []),
  } as unknown as Examined)
  if (finding.state === 'FAIL') expect(finding.toDo).toMatch(/\.$/)
  return finding
}

describe("the doctor's check key-set", () => {
  it('the check key-set names the next step of a rotation', async () => {
    const at = now()
    const old = await createKeys('ES256', at)
    const added = await addKey(old, 'ES256', at - PUBLISHED_AFTER_SECONDS)
    const [first = '', second = ''] = (await setOf(added)).keys.map(({ kid }) => kid)
    const early = await addKey(old, 'ES256', at)
    const promoted = await promoteKey(added, second, at - EXPIRED_AFTER_SECONDS)
    const cases: [SigningKeys, RegExp][] = [
      [old, /^1 key is published; next: key add, when you want to replace the key$/],
      [added, new RegExp(`^2 keys are published; next: key promote ${second}, now$`)],
      [early, /^2 keys are published; next: key promote \S+, not before 20\S+Z$/],
      [promoted, new RegExp(`^2 keys are published; next: key retire ${first}, now$`)],
    ]
    for (const [keys, seen] of cases) {
      registrySet = await setOf(keys)
      expect(await found(KEY_SET)).toMatchObject({ state: 'ok', seen: expect.stringMatching(seen) })
    }
    const elsewhere = added.map(({ added_at, first_at, ...key }) => key) as unknown as SigningKeys
    registrySet = await setOf(elsewhere)
    expect((await found(KEY_SET)).seen).toContain('the keys do not say which is older')
  })

  it('the check key-set fails when the private part of a key is published', async () => {
    for (const keys of [one, [{ ...(await setOf(one)).keys[0], k: 'c2VjcmV0' }]]) {
      registrySet = { keys }
      const { state, seen, toDo } = await found(KEY_SET)
      expect([state, seen]).toEqual(['FAIL', `${registry.url}/jwks.json shows a private part`])
      expect(toDo).toContain('docs/keys.md')
      expect(seen + toDo).not.toContain(one[0].d)
    }
  })

  it.each([
    [
      'a kid that is not a thumbprint',
      async () => ({ keys: [{ ...(await setOf(one)).keys[0], kid: 'x' }] }),
    ],
    [
      'a key off its curve',
      async () => ({ keys: [{ ...(await setOf(one)).keys[0], y: 'A'.repeat(43) }] }),
    ],
    ['a key of another type', async () => ({ keys: [{ kty: 'RSA', kid: 'x' }] })],
    ['a document without keys', async () => ({ issuer: registry.url })],
    ['null', async () => null],
  ])('the check key-set fails for %s', async (_, set) => {
    registrySet = await set()
    expect(await found(KEY_SET)).toMatchObject({ state: 'FAIL' })
  })

  it.each([{ status: 404 }, { status: 200, body: '<!doctype html>' }, { status: 503 }])(
    'the check key-set fails when the registry answers %j',
    async (answer) => {
      spoiled = answer
      expect(await found(KEY_SET)).toMatchObject({ state: 'FAIL' })
    },
  )

  it('the check key-set fails for a registry that publishes no key only if its secret is set', async () => {
    registrySet = { keys: [] }
    expect(await found(KEY_SET)).toMatchObject({ state: 'not checked' })
    secrets = {}
    expect(await found(KEY_SET)).toMatchObject({ state: 'not checked' })
    secrets = { registry: ['SIGNING_KEYS'] }
    expect(await found(KEY_SET)).toMatchObject({
      state: 'FAIL',
      seen: 'SIGNING_KEYS of the registry is set, but it publishes no key',
    })
  })
})

it('the check key-set fails when the authenticator has the keys of the registry', async () => {
  secrets = { registry: ['SIGNING_KEYS'], authenticator: ['JWT_SECRET'] }
  expect(await found(KEY_SET)).toMatchObject({ state: 'ok' })
  secrets = { registry: ['SIGNING_KEYS'], authenticator: ['JWT_SECRET', 'SIGNING_KEYS'] }
  expect(await found(KEY_SET)).toMatchObject({
    state: 'FAIL',
    seen: 'the authenticator has the secret SIGNING_KEYS, with which it could issue tokens',
  })
})

describe("the doctor's check signing", () => {
  it('the check signing is ok when the published keys verify what the registry signs', async () => {
    const [first] = (await setOf(one)).keys
    expect(await found(SIGNING)).toMatchObject({
      state: 'ok',
      seen: `ES256 under ${first?.kid} signs, and what it signs verifies`,
    })
    registrySet = { keys: [] }
    expect(await found(SIGNING)).toMatchObject({ state: 'not checked' })
  })

  it.each([
    ['it does not sign', async () => ({ status: 200, text: '{"active":true}' })],
    ['it refuses', async () => ({ status: 400, text: '{"error":"invalid_request"}' })],
    ['another key signs', async () => ({ status: 200, text: await signed(other) })],
    [
      'it signs for another client',
      async () => ({ status: 200, text: await signed(one, { aud: 'x' }) }),
    ],
    [
      'it signs something else',
      async () => ({ status: 200, text: await signWith(one, 'JWT', { aud: 'doctor-1' }) }),
    ],
    ['it answers with junk', async () => ({ status: 200, text: 'a.b.c' })],
  ])('the check signing fails when %s', async (_, answer) => {
    introspected = await answer()
    expect(await found(SIGNING)).toMatchObject({ state: 'FAIL' })
  })

  it('the check signing fails when the signing key is not the first of the published set', async () => {
    registrySet = await setOf([other[0], one[0]])
    expect(await found(SIGNING)).toMatchObject({
      state: 'FAIL',
      seen: expect.stringMatching(/^\S+ signs, and the published set has \S+ as the first$/),
    })
  })

  it('the check signing fails when no token is issued', async () => {
    const ownToken = async () => ({ status: 503, token: null, error: 'temporarily_unavailable' })
    expect(await found(SIGNING, { ownToken })).toMatchObject({
      state: 'FAIL',
      seen: '/token answered 503 temporarily_unavailable',
    })
  })
})

describe("the doctor's check keys-read", () => {
  it('the check keys-read sends the authenticator an access token that no key of the registry has signed', async () => {
    let judged: unknown
    authStatus = async (token) => {
      const expected = { typ: 'at+jwt', issuer: registry.url, nowMs: Date.now() }
      judged = await verifyWith(ownVerificationKeys(one), token, expected)
      return 401
    }
    expect(await found(KEYS_READ)).toMatchObject({ state: 'ok' })
    expect(judged).toEqual(expect.any(String))
  })

  it.each([503, 200, 500])('the check keys-read fails when /auth answers %i', async (status) => {
    authStatus = status
    const finding = await found(KEYS_READ)
    expect(finding).toMatchObject({
      state: 'FAIL',
      seen: `/auth answers ${status} to a token that no key of the registry signed`,
    })
  })

  it('the check keys-read fails when the authenticator has a key of the registry', async () => {
    authenticatorSet = await setOf([other[0], one[0]])
    const [shared] = (await setOf(one)).keys
    expect(await found(KEYS_READ)).toMatchObject({
      state: 'FAIL',
      seen: `${shared?.kid} is a key of the registry and of the authenticator`,
    })
    // Control: the check is ok with other keys.
    authenticatorSet = await setOf(other)
    expect(await found(KEYS_READ)).toMatchObject({ state: 'ok' })
  })

  it('the check keys-read is reported as not checked without a session or without keys', async () => {
    expect(await found(KEYS_READ, { seen: null })).toMatchObject({ state: 'not checked' })
    registrySet = { keys: [] }
    expect(await found(KEYS_READ)).toMatchObject({ state: 'not checked' })
  })
})
