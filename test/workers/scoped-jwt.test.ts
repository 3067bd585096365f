/** `scoped()` behind nginx: the JWT that the authenticator made, and everything that only looks like it. */

import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  ISSUER,
  JWT_SECRET,
  record,
  storeToken,
} from './stored-session.ts'

const AUTHENTICATOR = createAuthenticator(authenticatorEnv())
let lines: string[]
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)))
})
afterEach(() => vi.restoreAllMocks())

describe('by the JWT that nginx sends on', () => {
  const jwt = { secret: () => JWT_SECRET, issuer: ISSUER }
  const { ask } = scopedService('submission:read', { jwt }, {})
  const key = (secret: string) => new TextEncoder().encode(secret)
  const sign = (claims: object, secret = JWT_SECRET, alg = 'HS256') =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(key(secret))
  const now = () => Math.floor(Date.now() / 1000)
  const claims = () => ({ ...record(), iss: ISSUER, iat: now(), exp: now() + 300 })
  const asked = async (Authorization: string) => ask('/submissions', { Authorization })

  it("accepts the authenticator's own, bare or as a bearer", async () => {
    const request = new Request('https://a.example/auth', { headers: bearer(await storeToken()) })
    const made = (await AUTHENTICATOR.fetch(request)).headers.get('Authorization') ?? ''
    expect((await asked(made)).status).toBe(200)
    expect((await asked(`Bearer ${made}`)).status).toBe(200)
  })

  it('still asks for the scope, and for somebody', async () => {
    const create = scopedService('submission:create', { jwt }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await create.ask('/submissions', headers), 403, 'insufficient_scope')
    expect((await ask('/submissions', headers)).status).toBe(200)
    await expectRefusal(await ask('/submissions'), 401)
  })

  it.each<[string, () => Promise<string> | string]>([
    ['another key', () => sign(claims(), 'another secret, also longer than 32 bytes')],
    ['alg none', () => new UnsecuredJWT({ ...claims() }).encode()],
    ['alg HS512 under our own key', () => sign(claims(), JWT_SECRET.repeat(2), 'HS512')],
    ['another issuer', () => sign({ ...claims(), iss: 'https://evil.example' })],
    ['no end', () => sign({ ...claims(), exp: undefined })],
    ['an end that has come', () => sign({ ...claims(), exp: now() })],
    ['an access token instead', () => storeToken()],
    ['an access token as a bearer', async () => `Bearer ${await storeToken()}`],
    ['an empty header', () => ''],
    [
      'a changed payload',
      async () => {
        const [head, , signature] = (await sign(claims())).split('.')
        const forged = { ...claims(), ...authorizing(['submission:read:*']) }
        return `${head}.${btoa(JSON.stringify(forged)).replace(/=+$/, '')}.${signature}`
      },
    ],
  ])('refuses %s', async (_, made) => {
    expect((await asked(await sign(claims()))).status).toBe(200)
    await expectRefusal(await asked(await made()), 401, 'invalid_token')
  })

  it('answers 503 with a short secret or a signed claim of the wrong shape', async () => {
    const short = scopedService(null, { jwt: { secret: () => 'short', issuer: ISSUER } }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await short.ask('/submissions', headers), 503)
    await expectRefusal(await asked(await sign({ ...claims(), authorizations: {} })), 503)
    expect(lines.join()).not.toContain(JWT_SECRET)
  })
})

describe('while JWT_SECRET is rotated', () => {
  const OLD = 'the secret until now, of more than 32 bytes'
  const NEW = 'the secret from now on, of more than 32 bytes'
  const authenticators = {
    old: createAuthenticator({ ...authenticatorEnv(), JWT_SECRET: OLD }),
    new: createAuthenticator({ ...authenticatorEnv(), JWT_SECRET: NEW }),
  }
  const service = (secret: () => string | readonly string[]) =>
    scopedService('submission:read', { jwt: { secret, issuer: ISSUER } })
  const services = {
    old: service(() => OLD),
    both: service(() => [NEW, OLD]),
    new: service(() => [NEW]),
  }
  const jwtBy = async (which: keyof typeof authenticators) => {
    const request = new Request('https://a.example/auth', { headers: bearer(await storeToken()) })
    return (await authenticators[which].fetch(request)).headers.get('Authorization') ?? ''
  }
  const statusAt = async (which: keyof typeof services, Authorization: string) =>
    (await services[which].ask('/submissions', { Authorization })).status

  // Neither worker changes everywhere at once: in each step both versions of one of them answer.
  it.each<[string, (keyof typeof services)[], (keyof typeof authenticators)[]]>([
    ['the services take to both', ['old', 'both'], ['old']],
    ['the authenticator takes to the new one', ['both'], ['old', 'new']],
    ['the services drop the old one', ['both', 'new'], ['new']],
  ])('refuses no good request when %s', async (_, verifying, signing) => {
    for (const signer of signing) {
      const jwt = await jwtBy(signer)
      for (const verifier of verifying) expect(await statusAt(verifier, jwt)).toBe(200)
    }
  })

  it('refuses the old secret from then on, and the new one to whoever was not told of it', async () => {
    expect(await statusAt('both', await jwtBy('old'))).toBe(200)
    expect(await statusAt('new', await jwtBy('old'))).toBe(401)
    expect(await statusAt('old', await jwtBy('new'))).toBe(401)
  })

  it('forgets the old secret in an isolate that had known it', async () => {
    let secrets = [NEW, OLD]
    const { ask } = service(() => secrets)
    const headers = { Authorization: await jwtBy('old') }
    expect((await ask('/submissions', headers)).status).toBe(200)
    secrets = [NEW]
    await expectRefusal(await ask('/submissions', headers), 401, 'invalid_token')
  })

  const signed = (secret: string, header: object) =>
    new SignJWT({ ...record(), iss: ISSUER, exp: Math.floor(Date.now() / 1000) + 300 })
      .setProtectedHeader({ alg: 'HS256', ...header })
      .sign(new TextEncoder().encode(secret))

  it('names the key: 8 characters of a digest that a shell computes too', async () => {
    // printf %s "kid:$SECRET" | openssl dgst -sha256 -binary | basenc --base64url | cut -c1-8
    const { kid } = decodeProtectedHeader(await jwtBy('old'))
    expect(kid).toBe('y_eGpjdw')
    expect(decodeProtectedHeader(await jwtBy('new')).kid).toBe('h7txr-2F')
  })

  it('tries every key on a JWT that names none, and no other than the one named', async () => {
    const { kid } = decodeProtectedHeader(await jwtBy('old'))
    for (const secret of [OLD, NEW])
      expect(await statusAt('both', await signed(secret, {}))).toBe(200)
    expect(await statusAt('both', await signed(OLD, { kid }))).toBe(200)
    expect(await statusAt('both', await signed(NEW, { kid }))).toBe(401)
    expect(await statusAt('both', await signed(OLD, { kid: 'unknown' }))).toBe(401)
    const unknown = await signed('a third secret, and longer than 32 bytes', {})
    expect(await statusAt('both', unknown)).toBe(401)
  })

  it('pins the algorithm for each key', async () => {
    const { kid } = decodeProtectedHeader(await jwtBy('old'))
    const long = service(() => [NEW, OLD.repeat(2)])
    const forged = await signed(OLD.repeat(2), { alg: 'HS512' })
    expect((await long.ask('/submissions', { Authorization: forged })).status).toBe(401)
    const none = new UnsecuredJWT({ ...record(), iss: ISSUER, exp: 9_999_999_999 }).encode()
    const named = `${btoa(JSON.stringify({ alg: 'none', kid })).replace(/=+$/, '')}.${none.split('.')[1]}.`
    expect(await statusAt('both', named)).toBe(401)
  })

  it.each<[string, string[]]>([
    ['no secret', []],
    ['a short one among them', [OLD, 'short']],
  ])('answers 503 with %s', async (_, secrets) => {
    const headers = { Authorization: await jwtBy('old') }
    await expectRefusal(await service(() => secrets).ask('/submissions', headers), 503)
  })
})
