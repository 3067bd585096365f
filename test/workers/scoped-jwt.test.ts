/** `scoped()` behind nginx: the JWT of the authenticator, and forged or malformed ones. */

import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { signWith } from '../../src/crypto/signed-jwt.ts'
import { publicKeys, readSigningKeys } from '../../src/crypto/signing-keys.ts'
import { authenticatorKeys } from '../../src/resource-server/hono.ts'
import type { JwtOptions } from '../../src/resource-server/proxied-jwt.ts'
import { loggedBy } from './logged.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import { newKeyText } from './signing.ts'
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
const AUTHENTICATOR_KEYS = await newKeyText()
const lines = loggedBy('error')

describe('scoped() with the JWT that nginx passes on', () => {
  const jwt = { secret: () => JWT_SECRET, issuer: ISSUER }
  const { ask } = scopedService('submission:read', { jwt }, {})
  const key = (secret: string) => new TextEncoder().encode(secret)
  const sign = (claims: object, secret = JWT_SECRET, alg = 'HS256') =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(key(secret))
  const now = () => Math.floor(Date.now() / 1000)
  const claims = () => ({ ...record(), iss: ISSUER, iat: now(), exp: now() + 300 })
  const asked = async (Authorization: string) => ask('/submissions', { Authorization })

  it("scoped() accepts the authenticator's JWT, bare or as a bearer", async () => {
    const request = new Request('https://a.example/auth', { headers: bearer(await storeToken()) })
    const made = (await AUTHENTICATOR.fetch(request)).headers.get('Authorization') ?? ''
    expect((await asked(made)).status).toBe(200)
    expect((await asked(`Bearer ${made}`)).status).toBe(200)
  })

  it('scoped() with a JWT requires the scope, and refuses a request without a JWT', async () => {
    const create = scopedService('submission:create', { jwt }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await create.ask('/submissions', headers), 403, 'insufficient_scope')
    expect((await ask('/submissions', headers)).status).toBe(200)
    await expectRefusal(await ask('/submissions'), 401)
  })

  it.each<[string, () => Promise<string> | string]>([
    ['a JWT of another key', () => sign(claims(), 'another secret, also longer than 32 bytes')],
    ['a JWT with alg none', () => new UnsecuredJWT({ ...claims() }).encode()],
    ['a JWT with alg HS512 under our own key', () => sign(claims(), JWT_SECRET.repeat(2), 'HS512')],
    ['a JWT of another issuer', () => sign({ ...claims(), iss: 'https://evil.example' })],
    ['a JWT with no exp', () => sign({ ...claims(), exp: undefined })],
    ['a JWT with an exp in the past', () => sign({ ...claims(), exp: now() })],
    ['an access token instead of a JWT', () => storeToken()],
    ['an access token as a bearer', async () => `Bearer ${await storeToken()}`],
    ['an empty header', () => ''],
    [
      'a JWT with a changed payload',
      async () => {
        const [head, , signature] = (await sign(claims())).split('.')
        const forged = { ...claims(), ...authorizing(['submission:read:*']) }
        return `${head}.${btoa(JSON.stringify(forged)).replace(/=+$/, '')}.${signature}`
      },
    ],
  ])('scoped() refuses %s', async (_, made) => {
    expect((await asked(await sign(claims()))).status).toBe(200)
    await expectRefusal(await asked(await made()), 401, 'invalid_token')
  })

  it('scoped() answers 503 to a short secret and to a signed claim of the wrong shape', async () => {
    const short = scopedService(null, { jwt: { secret: () => 'short', issuer: ISSUER } }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await short.ask('/submissions', headers), 503)
    await expectRefusal(await asked(await sign({ ...claims(), authorizations: {} })), 503)
    expect(JSON.stringify(lines)).not.toContain(JWT_SECRET)
  })
})

describe('rotation of JWT_SECRET', () => {
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

  // No worker changes everywhere at once: in each step both versions of one worker answer.
  it.each<[string, (keyof typeof services)[], (keyof typeof authenticators)[]]>([
    ['the services accept both secrets', ['old', 'both'], ['old']],
    ['the authenticator changes to the new secret', ['both'], ['old', 'new']],
    ['the services drop the old secret', ['both', 'new'], ['new']],
  ])('every valid JWT is accepted while %s', async (_, verifying, signing) => {
    for (const signer of signing) {
      const jwt = await jwtBy(signer)
      for (const verifier of verifying) expect(await statusAt(verifier, jwt)).toBe(200)
    }
  })

  it('a JWT with a removed JWT_SECRET is refused at once, and a JWT with a new one by services that do not have it', async () => {
    expect(await statusAt('both', await jwtBy('old'))).toBe(200)
    expect(await statusAt('new', await jwtBy('old'))).toBe(401)
    expect(await statusAt('old', await jwtBy('new'))).toBe(401)
  })

  it('an isolate that has accepted a JWT with the old JWT_SECRET refuses it once the secret is removed', async () => {
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

  it('the kid of a JWT is 8 characters of a digest that a shell can compute', async () => {
    // printf %s "kid:$SECRET" | openssl dgst -sha256 -binary | basenc --base64url | cut -c1-8
    const { kid } = decodeProtectedHeader(await jwtBy('old'))
    expect(kid).toBe('y_eGpjdw')
    expect(decodeProtectedHeader(await jwtBy('new')).kid).toBe('h7txr-2F')
  })

  it('a JWT without a kid is verified with every key, and one with a kid only with that key', async () => {
    const { kid } = decodeProtectedHeader(await jwtBy('old'))
    for (const secret of [OLD, NEW])
      expect(await statusAt('both', await signed(secret, {}))).toBe(200)
    expect(await statusAt('both', await signed(OLD, { kid }))).toBe(200)
    expect(await statusAt('both', await signed(NEW, { kid }))).toBe(401)
    expect(await statusAt('both', await signed(OLD, { kid: 'unknown' }))).toBe(401)
    const unknown = await signed('a third secret, and longer than 32 bytes', {})
    expect(await statusAt('both', unknown)).toBe(401)
  })

  it('scoped() accepts only HS256 for every JWT_SECRET, with and without a kid', async () => {
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
    ['a short secret among others', [OLD, 'short']],
  ])('scoped() answers 503 with %s', async (_, secrets) => {
    const headers = { Authorization: await jwtBy('old') }
    await expectRefusal(await service(() => secrets).ask('/submissions', headers), 503)
  })
})

describe("scoped() with the authenticator's own keys", () => {
  const ORIGIN = 'https://authenticator.example.org'

  /** An authenticator with these secrets, and its key set as a service reads it. */
  async function signedBy(secrets: Partial<AuthenticatorEnv>) {
    const { JWT_SECRET: _, ...env } = authenticatorEnv()
    const authenticator = createAuthenticator({ ...env, ...secrets })
    const token = await storeToken()
    const request = new Request(`${ORIGIN}/auth`, { headers: bearer(token) })
    const Authorization = (await authenticator.fetch(request)).headers.get('Authorization') ?? ''
    const fetch = (url: string) => authenticator.fetch(new Request(url))
    return { headers: { Authorization }, keys: authenticatorKeys(ORIGIN, { fetch }) }
  }
  const statusOf = async (
    jwt: JwtOptions<unknown>,
    headers: Record<string, string>,
  ): Promise<number> =>
    (await scopedService('submission:read', { jwt }, {}).ask('/submissions', headers)).status

  it('scoped() verifies a JWT that the authenticator signs with its own key by the published key set', async () => {
    for (const alg of ['ES256', 'EdDSA'] as const) {
      const { headers, keys } = await signedBy({ AUTHENTICATOR_KEYS: await newKeyText(alg) })
      expect(await statusOf({ keys, issuer: ISSUER }, headers)).toBe(200)
      expect(await statusOf({ keys, issuer: 'https://other.example' }, headers)).toBe(401)
    }
  })

  it('a service with a secret and keys accepts JWTs of both, and a service with only the keys refuses those of the secret', async () => {
    const shared = await signedBy({ JWT_SECRET })
    const own = await signedBy({ AUTHENTICATOR_KEYS, JWT_SECRET })
    const both = { keys: own.keys, secret: () => JWT_SECRET, issuer: ISSUER }
    expect(await statusOf(both, shared.headers)).toBe(200)
    expect(await statusOf(both, own.headers)).toBe(200)
    const after = { keys: own.keys, issuer: ISSUER }
    expect(await statusOf(after, shared.headers)).toBe(401)
    expect(await statusOf(after, own.headers)).toBe(200)
    // The key of another authenticator is not in the set.
    const other = await signedBy({ AUTHENTICATOR_KEYS: await newKeyText() })
    expect(await statusOf(both, other.headers)).toBe(401)
  })

  it('scoped() refuses a JWT with an HMAC under the text of a public key', async () => {
    const { keys } = await signedBy({ AUTHENTICATOR_KEYS })
    const set = await publicKeys(readSigningKeys(AUTHENTICATOR_KEYS))
    const [{ kid = '' } = {}] = set.keys
    for (const secret of [JSON.stringify(set.keys[0]), kid]) {
      const jwt = await new SignJWT({ ...record(), iss: ISSUER, exp: 4_000_000_000 })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid })
        .sign(new TextEncoder().encode(secret))
      expect(await statusOf({ keys, issuer: ISSUER }, { Authorization: jwt })).toBe(401)
    }
  })

  it('scoped() refuses an access token that the key of the authenticator signed, and a JWT without exp', async () => {
    const { keys } = await signedBy({ AUTHENTICATOR_KEYS })
    const claims = { ...record(), iss: ISSUER, exp: 4_000_000_000 }
    const sign = (typ: string) => signWith(readSigningKeys(AUTHENTICATOR_KEYS), typ, claims)
    const jwt = { keys, issuer: ISSUER }
    expect(await statusOf(jwt, { Authorization: await sign('at+jwt') })).toBe(401)
    const endless = await signWith(readSigningKeys(AUTHENTICATOR_KEYS), 'JWT', {
      ...claims,
      exp: undefined,
    })
    expect(await statusOf(jwt, { Authorization: endless })).toBe(401)
    expect(await statusOf(jwt, { Authorization: await sign('JWT') })).toBe(200)
  })

  it('scoped() answers 503 while the key set cannot be read', async () => {
    const { headers } = await signedBy({ AUTHENTICATOR_KEYS })
    for (const fetch of [
      () => Promise.reject(new TypeError('down')),
      async () => new Response('<!doctype html>'),
      async () => new Response(null, { status: 302, headers: { Location: ORIGIN } }),
    ]) {
      const keys = authenticatorKeys(ORIGIN, { fetch })
      expect(await statusOf({ keys, issuer: ISSUER }, headers)).toBe(503)
    }
  })

  it('authenticatorKeys() with invalid options, and scoped() with a JWT without a secret or keys, throw at construction', () => {
    for (const origin of ['http://a.example', `${ORIGIN}/auth`, 'a']) {
      expect(() => authenticatorKeys(origin)).toThrow(TypeError)
    }
    expect(() => authenticatorKeys(ORIGIN, { timeoutSeconds: 0 })).toThrow(TypeError)
    expect(() => scopedService(null, { jwt: { issuer: ISSUER } }, {})).toThrow(
      'scoped(): a JWT needs a secret or keys',
    )
  })
})
