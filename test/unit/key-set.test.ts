/** `keySet()` of the package: when it reads the keys, and what it does while the registry does not answer. */

import { describe, expect, it } from 'vitest'
import { type KeySetOptions, keySet } from '../../src/resource-server/key-set.ts'
import { KEY_SET, type KeyName, signed } from '../vectors/source/keys.ts'
import { claimsOf, headerOf, NOW } from '../vectors/source/tokens.ts'
import {
  type Answering,
  ISSUER,
  nowSeconds,
  opaqueToken,
  pass,
  registry,
  service,
  useFakeClock,
} from './resource-server.ts'

useFakeClock(NOW * 1000)

const tokenBy = (name: KeyName) =>
  signed(name, headerOf(name), {
    ...claimsOf({}),
    ...{ iat: nowSeconds(), exp: nowSeconds() + 600 },
  })
const [FIRST, SECOND] = KEY_SET.keys
const down: Answering = () => Promise.reject(new TypeError('fetch failed'))

const checking = (answering: Answering) => {
  const fetch = registry(answering)
  const check = keySet({ issuer: ISSUER, fetch })
  return { ...service(check), fetch, check }
}

describe('the keys of keySet()', () => {
  it('keySet() reads the keys once for many tokens, and again after five minutes', async () => {
    const { statusOf, fetch } = checking(() => KEY_SET)
    for (const name of ['registry', 'registryEd25519', 'registry'] as const) {
      expect(await statusOf(await tokenBy(name))).toBe(200)
    }
    expect(fetch.mock.calls.map(([url]) => url)).toEqual([`${ISSUER}/jwks.json`])
    pass(299)
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    expect(fetch).toHaveBeenCalledTimes(1)
    pass(1)
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('keySet() finds an added key at once, and refuses a retired key when it has read the keys again', async () => {
    let keys = [FIRST]
    const { statusOf } = checking(() => ({ keys }))
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    pass(10)
    keys = [SECOND] as unknown as typeof keys
    expect(await statusOf(await tokenBy('registryEd25519'))).toBe(200)
    expect(await statusOf(await tokenBy('registry'))).toBe(401)
  })

  it('keySet() reads the keys at most once in 10 seconds for tokens with an unknown kid', async () => {
    const { statusOf, fetch } = checking(() => KEY_SET)
    for (let i = 0; i < 20; i++) expect(await statusOf(await tokenBy('stranger'))).toBe(401)
    expect(fetch).toHaveBeenCalledTimes(1)
    pass(10)
    for (let i = 0; i < 20; i++) expect(await statusOf(await tokenBy('stranger'))).toBe(401)
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('keySet() refuses an opaque token and a token without a kid, and reads no keys', async () => {
    const { statusOf, fetch } = checking(() => KEY_SET)
    expect(await statusOf(opaqueToken())).toBe(401)
    const without = await signed('registry', { alg: 'ES256', typ: 'at+jwt' }, claimsOf({}))
    expect(await statusOf(without)).toBe(401)
    expect(fetch).not.toHaveBeenCalled()
  })
})

describe('keySet() while the registry does not answer', () => {
  it.each<[string, Answering]>([
    ['is down', down],
    ['answers 500', () => new Response('', { status: 500 })],
    ['redirects', () => new Response(null, { status: 302, headers: { Location: '/' } })],
    ['answers with a page', () => new Response('<html>')],
    ['answers with an invalid key set', () => ({ keys: 'none' })],
  ])('a service answers 503 if the registry %s before any key was read', async (_, fault) => {
    let answering = fault
    const { ask, handler } = checking((url, init) => answering(url, init))
    const answer = await ask(await tokenBy('registry'))
    expect([answer.status, answer.headers.get('WWW-Authenticate')]).toEqual([503, null])
    expect(handler).not.toHaveBeenCalled()
    answering = () => KEY_SET
    pass(1)
    expect((await ask(await tokenBy('registry'))).status).toBe(200)
  })

  it('keySet() uses the last keys for a day while the registry is down, and asks the registry at most once in 10 seconds', async () => {
    let answering: Answering = () => KEY_SET
    const { statusOf, fetch } = checking((url, init) => answering(url, init))
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    answering = down
    pass(300)
    fetch.mockClear()
    for (let i = 0; i < 20; i++) expect(await statusOf(await tokenBy('registry'))).toBe(200)
    expect(fetch).toHaveBeenCalledTimes(1)
    pass(86_400 - 301)
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    pass(1)
    expect(await statusOf(await tokenBy('registry'))).toBe(503)
    answering = () => KEY_SET
    pass(1)
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
  })

  it('a service answers 503 and not 401 to an unknown kid while the registry is down', async () => {
    let answering: Answering = () => ({ keys: [FIRST] })
    const { statusOf, fetch } = checking((url, init) => answering(url, init))
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    answering = down
    pass(10)
    fetch.mockClear()
    for (let i = 0; i < 3; i++) expect(await statusOf(await tokenBy('registryEd25519'))).toBe(503)
    expect(fetch).toHaveBeenCalledTimes(1)
    expect(await statusOf(await tokenBy('registry'))).toBe(200)
    answering = () => KEY_SET
    pass(10)
    expect(await statusOf(await tokenBy('registryEd25519'))).toBe(200)
  })
})

describe('invalid options of keySet()', () => {
  it.each<[string, KeySetOptions]>([
    ['an issuer that is not a URL', { issuer: 'auth.example' }],
    ['an issuer with a path', { issuer: `${ISSUER}/` }],
    ['an infinite timeout', { issuer: ISSUER, timeoutSeconds: Number.POSITIVE_INFINITY }],
  ])('keySet() with %s throws at construction', (_, options) => {
    expect(() => keySet(options)).toThrow(TypeError)
  })

  it('scoped() accepts a key set only with an audience and without immediate revocation', () => {
    const check = keySet({ issuer: ISSUER })
    expect(() => service(check)).not.toThrow()
    expect(() => service(check, { audience: undefined } as never)).toThrow(/audience/)
    expect(() => service(check, { revocation: 'immediate' })).toThrow(/revocations/)
  })
})
