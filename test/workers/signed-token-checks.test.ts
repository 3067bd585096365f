/** The signed access tokens that the authenticator accepts, and the forged, expired and foreign tokens that it refuses. */

import { exportSPKI, importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { publicKeys } from '../../src/crypto/signing-keys.ts'
import { MAX_SIGNED_TOKEN_LENGTH } from '../../src/crypto/token.ts'
import { newKey, proofOf, resourceProofOf } from './keys.ts'
import { expectRefusal } from './refusals.ts'
import {
  credentialsOf,
  ISSUER,
  newClient,
  nowSeconds,
  post,
  type RegisteredClient,
  tokenIn,
} from './registry.ts'
import { scopedService } from './scoped-service.ts'
import {
  claimsOf,
  headerOf,
  keySetText,
  newSignedResource,
  newSigningKey,
  type Signing,
  signingWith,
} from './signed.ts'
import { bearer, cookie, JWT_SECRET } from './stored-session.ts'

/** A second key for key sets, because a set without a usable key counts as not read. */
const { d: _, ...OTHER } = await newSigningKey()

let jwk: Awaited<ReturnType<typeof newSigningKey>>
let signing: Signing
let files: string
let client: RegisteredClient
let valid: string
beforeAll(async () => {
  jwk = await newSigningKey()
  signing = signingWith(keySetText(jwk))
  files = await newSignedResource(['files:read'])
  client = await newClient({ scopes: ['files:read'] })
  valid = await issue()
})
afterEach(() => void vi.useRealTimers())

const issue = async (headers: Record<string, string> = {}) => {
  const fields = credentialsOf(client, { resource: files })
  return (await tokenIn(await post('/token', fields, headers, signing.fetch))).access_token
}

const encoded = (text: string) =>
  new TextEncoder().encode(text).toBase64({ alphabet: 'base64url', omitPadding: true })

/** Signs any header and payload with the registry's own key. */
async function signed(header: string, payload: string, key = jwk): Promise<string> {
  const text = `${encoded(header)}.${encoded(payload)}`
  const { kty, crv, x, y, d } = key
  const imported = await crypto.subtle.importKey(
    'jwk',
    { kty, crv, x, y, d } as JsonWebKey,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  )
  const how = { name: 'ECDSA', hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(how, imported, new TextEncoder().encode(text))
  const tail = new Uint8Array(signature).toBase64({ alphabet: 'base64url', omitPadding: true })
  return `${text}.${tail}`
}

type Changes = Readonly<{ header?: object; claims?: Record<string, unknown> }>

/** A valid token with changes, signed with the registry's own key. A member that is undefined is left out. */
const changed = ({ header, claims }: Changes) =>
  signed(
    JSON.stringify({ ...headerOf(valid), ...header }),
    JSON.stringify({ ...claimsOf(valid), ...claims }),
  )

const check = (token: string, query = '') => signing.ask(query, bearer(token))

async function expectRefused(token: string) {
  await expectRefusal(await check(token), 401, 'invalid_token')
  await expectRefusal(await check(token, '?fresh'), 401, 'invalid_token')
  const service = scopedService(null, {}, { AUTHENTICATOR: signing.authenticator })
  expect((await service.ask('/submissions', bearer(token))).status).toBe(401)
  const introspection = await post(
    '/introspect',
    { token, client_id: client.id, client_secret: client.secret },
    {},
    signing.fetch,
  )
  expect(await introspection.json()).toEqual({ active: false })
}

describe('a signed access token at the authenticator', () => {
  it('a signed token is accepted over HTTP, by RPC, by scoped() and behind nginx', async () => {
    const answer = await check(valid, `?scope=files:read&audience=${encodeURIComponent(files)}`)
    expect(answer.status).toBe(200)
    const outcome = await signing.authenticator.authenticate({ authorization: `Bearer ${valid}` })
    const { jti, iat, exp } = claimsOf(valid) as { jti: string; iat: number; exp: number }
    expect(outcome).toMatchObject({
      kind: 'authenticated',
      session: {
        session_id: jti,
        start_time: new Date(iat * 1000).toISOString(),
        end_time: new Date(exp * 1000).toISOString(),
        user: null,
        client: { client_id: client.id },
        authorizations: { scopes: ['files:read'], endorsements: ['cs.*'] },
        audience: [files],
      },
    })
    const service = scopedService(
      'files:read',
      { audience: files },
      { AUTHENTICATOR: signing.authenticator },
    )
    expect((await service.ask('/submissions', bearer(valid))).status).toBe(200)
    // Behind nginx, which passes the authenticator's JWT on.
    const behind = scopedService('files:read', {
      audience: files,
      jwt: { secret: () => JWT_SECRET, issuer: ISSUER },
    })
    const Authorization = answer.headers.get('Authorization') ?? ''
    expect((await behind.ask('/submissions', { Authorization })).status).toBe(200)
    expect((await behind.ask('/submissions', bearer(valid))).status).toBe(401)
  })

  it('a signed token without the required scope, audience or endorsement is refused', async () => {
    await expectRefusal(await check(valid, '?scope=files:write'), 403, 'insufficient_scope')
    const other = await check(valid, '?audience=https://other.example')
    await expectRefusal(other, 401, 'invalid_token')
    expect((await check(valid, '?category=cs.DL')).status).toBe(200)
    await expectRefusal(await check(valid, '?category=math.AG'), 403, 'insufficient_scope')
  })

  it('a signed token with a list as aud is accepted for each audience in the list, and for no other', async () => {
    const token = await changed({ claims: { aud: ['https://other.example', files] } })
    expect((await check(token, `?audience=${encodeURIComponent(files)}`)).status).toBe(200)
    expect((await check(token, '?audience=https://other.example')).status).toBe(200)
    const third = await check(token, '?audience=https://third.example')
    await expectRefusal(third, 401, 'invalid_token')
  })

  it('the typ application/at+jwt is accepted (RFC 9068 §4)', async () => {
    const token = await changed({ header: { typ: 'application/at+jwt' } })
    expect((await check(token)).status).toBe(200)
  })

  it('a signed token is refused as a session cookie', async () => {
    await expectRefusal(await signing.ask('', cookie(valid)), 401, 'invalid_token')
    const page = await signing.fetch('/account', { headers: cookie(valid) })
    expect(page.status).toBe(303)
  })

  it('a signed token gives no access to the management API', async () => {
    const token = await changed({ claims: { scope: 'registry:admin' } })
    const response = await signing.fetch('/admin/v1/clients', { headers: bearer(token) })
    expect(response.status).toBe(401)
  })
})

describe('a forged or foreign token', () => {
  const hmac = (secret: string | Uint8Array, header: object) =>
    new SignJWT(claimsOf(valid))
      .setProtectedHeader({ ...headerOf(valid), ...header } as JWTHeaderParameters)
      .sign(typeof secret === 'string' ? new TextEncoder().encode(secret) : secret)

  it('a token whose algorithm is none is refused, with and without a signature', async () => {
    const [, payload] = valid.split('.')
    for (const alg of ['none', 'None', 'NONE']) {
      const header = encoded(JSON.stringify({ ...headerOf(valid), alg }))
      for (const signature of ['', valid.split('.')[2]]) {
        const answer = await check(`${header}.${payload}.${signature}`)
        expect(answer.status, alg).toBe(401)
      }
    }
  })

  it('a token with an HMAC under the public key, or under the secret of the authenticator, is refused', async () => {
    const [published] = (await publicKeys(signing.keys)).keys
    const spki = await exportSPKI((await importJWK(published as never, 'ES256')) as never)
    const guesses = [spki, spki.trim(), JSON.stringify(published), published?.x ?? '', JWT_SECRET]
    for (const secret of guesses) {
      const token = await hmac(secret, { alg: 'HS256' })
      expect((await check(token)).status).toBe(401)
      // An HS512 signature has the length of an ES256 signature.
      await expectRefused(await hmac(secret, { alg: 'HS512' }))
    }
  })

  it('a token of another key is refused, with its own kid, with the kid of the registry, and with its key in the header', async () => {
    const foreign = await newSigningKey()
    const { d, ...publicPart } = foreign
    const headers = [
      {},
      { kid: undefined },
      { kid: 'unknown' },
      { jwk: publicPart },
      { jku: 'https://evil.example/jwks.json' },
      { x5u: 'https://evil.example/x5u' },
    ]
    for (const header of headers) {
      const text = JSON.stringify({ ...headerOf(valid), ...header })
      await expectRefused(await signed(text, JSON.stringify(claimsOf(valid)), foreign))
    }
  })

  it('a token whose claims or signature were changed is refused', async () => {
    const [header, , signature = ''] = valid.split('.')
    const claims = encoded(JSON.stringify({ ...claimsOf(valid), scope: 'files:write' }))
    await expectRefused(`${header}.${claims}.${signature}`)
    const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)
    await expectRefused(`${valid.split('.').slice(0, 2).join('.')}.${flipped}`)
    // The same signature, written in another way.
    const last = signature.slice(-1)
    const same = { A: 'B', Q: 'R', g: 'h', w: 'x' }[last]
    await expectRefused(valid.slice(0, -1) + same)
  })

  it.each<[what: string, change: Changes]>([
    ['the typ of another kind of JWT', { header: { typ: 'JWT' } }],
    ['the typ of a logout token', { header: { typ: 'logout+jwt' } }],
    ['the typ of an introspection response', { header: { typ: 'token-introspection+jwt' } }],
    ['no typ', { header: { typ: undefined } }],
    ['no kid', { header: { kid: undefined } }],
    ['a kid of another key', { header: { kid: 'A'.repeat(43) } }],
    ['another algorithm than that of the key', { header: { alg: 'EdDSA' } }],
    ['a critical extension', { header: { crit: ['exp'] } }],
    ['an unencoded payload', { header: { crit: ['b64'], b64: false } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['the issuer with a slash', { claims: { iss: `${ISSUER}/` } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['no audience', { claims: { aud: undefined } }],
    ['an empty audience', { claims: { aud: [] } }],
    ['an audience of numbers', { claims: { aud: [1] } }],
    ['no sub', { claims: { sub: undefined } }],
    ['an empty sub', { claims: { sub: '' } }],
    ['no client_id', { claims: { client_id: undefined } }],
    ['a client_id that is a list', { claims: { client_id: ['a'] } }],
    ['no jti', { claims: { jti: undefined } }],
    ['no scope', { claims: { scope: undefined } }],
    ['a scope that is a list', { claims: { scope: ['files:read'] } }],
    ['a malformed scope', { claims: { scope: 'files:read "x"' } }],
    ['no endorsements', { claims: { endorsements: undefined } }],
    ['a malformed endorsement', { claims: { endorsements: ['cs.*', 'cs.*.*'] } }],
    ['an endorsement that is a number', { claims: { endorsements: [5] } }],
    ['no exp', { claims: { exp: undefined } }],
    ['an exp that is text', { claims: { exp: '9999999999' } }],
    ['no iat', { claims: { iat: undefined } }],
    ['an iat that is not whole', { claims: { iat: 1.5 } }],
    ['a life of more than an hour', { claims: { exp: 9_999_999_999 } }],
    ['an iat beyond all dates', { claims: { iat: 8.64e15, exp: 8.64e15 + 60 } }],
    ['no as_of_ms', { claims: { as_of_ms: undefined } }],
    ['an as_of_ms beyond all dates', { claims: { as_of_ms: 8.64e15 + 1 } }],
    ['a client_as_of_ms that is text', { claims: { client_as_of_ms: 'x' } }],
    ['a cnf of another kind', { claims: { cnf: { 'x5t#S256': 'x' } } }],
    ['a cnf of two kinds', { claims: { cnf: { jkt: 'x', 'x5t#S256': 'x' } } }],
    ['an empty cnf', { claims: { cnf: {} } }],
    ['a cnf that is null', { claims: { cnf: null } }],
  ])(
    'a token that is signed with the key of the registry is refused with %s',
    async (_what, change) => {
      await expectRefused(await changed(change))
    },
  )

  it('a token is refused from its exp on, and before its nbf, and with an iat more than a minute ahead', async () => {
    const now = nowSeconds()
    await expectRefused(await changed({ claims: { iat: now - 600, exp: now } }))
    await expectRefused(await changed({ claims: { nbf: now + 30 } }))
    await expectRefused(await changed({ claims: { nbf: 'x' } }))
    await expectRefused(await changed({ claims: { iat: now + 120, exp: now + 180 } }))
    const ahead = await changed({ claims: { nbf: now - 5, iat: now + 30, exp: now + 90 } })
    expect((await check(ahead)).status).toBe(200)
  })

  it('an ID token, a JWT of the authenticator and a DPoP proof are refused as access tokens', async () => {
    const { iss, sub, iat, exp } = claimsOf(valid)
    const idToken = { iss, sub, aud: client.id, iat, exp, nonce: 'n', auth_time: iat }
    await expectRefused(
      await signed(JSON.stringify({ ...headerOf(valid), typ: 'JWT' }), JSON.stringify(idToken)),
    )
    await expectRefused(await signed(JSON.stringify(headerOf(valid)), JSON.stringify(idToken)))
    const own = (await check(valid)).headers.get('Authorization') ?? ''
    expect(own).not.toBe('')
    expect((await check(own)).status).toBe(401)
    expect((await check(await proofOf(await newKey()))).status).toBe(401)
  })

  it('a token with a repeated member in the header or in the claims is refused', async () => {
    const header = JSON.stringify(headerOf(valid))
    const payload = JSON.stringify(claimsOf(valid))
    expect((await check(await signed(header, payload))).status).toBe(200)
    await expectRefused(await signed(header, payload.replace('{', '{"scope":"files:write",')))
    await expectRefused(await signed(header, payload.replace(/}$/, ',"scope":"files:write"}')))
    await expectRefused(await signed(header.replace(/}$/, ',"alg":"ES256"}'), payload))
    await expectRefused(await signed(header, ` ${payload}`))
    await expectRefused(await signed(header, payload.slice(1)))
    await expectRefused(await signed(header, '{'))
    await expectRefused(await signed(header, '{}'))
    await expectRefused(await signed('[]', payload))
  })

  it('a token that is longer than MAX_SIGNED_TOKEN_LENGTH is refused', async () => {
    const long = await changed({ claims: { padding: 'x'.repeat(MAX_SIGNED_TOKEN_LENGTH) } })
    expect(long.length).toBeGreaterThan(MAX_SIGNED_TOKEN_LENGTH)
    await expectRefused(long)
    const short = await changed({ claims: { padding: 'x'.repeat(5000) } })
    expect((await check(short)).status).toBe(200)
  })

  it('a malformed text in the shape of a signed token is refused with 401', async () => {
    const [header, payload, signature] = valid.split('.')
    const tail = 'A'.repeat(86)
    for (const text of [
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}.${signature}=`,
      `..${tail}`,
      `eyJ.eyJ.${tail}`,
      `eyJA.eyJA.${tail}`,
      `${header}.eyJA.${tail}`,
      `${valid}${valid}`,
    ]) {
      expect((await check(text)).status, text).toBe(401)
      expect((await check(text, '?fresh')).status, text).toBe(401)
    }
  })
})

describe('a signed token that is bound to a key', () => {
  const url = 'https://a.example/auth'

  it('a signed token that is bound to a key needs the scheme DPoP and a proof of its key with the digest of the token', async () => {
    const key = await newKey()
    const token = await issue({ DPoP: await proofOf(key) })
    const presented = async (proof: string | null) =>
      signing.ask('', { Authorization: `DPoP ${token}`, ...(proof && { DPoP: proof }) })
    const proof = await resourceProofOf(key, token, url)
    expect((await presented(proof)).status).toBe(200)
    expect((await presented(proof)).status).toBe(401)
    expect((await presented(null)).status).toBe(401)
    const foreign = await resourceProofOf(await newKey(), token, url)
    expect((await presented(foreign)).status).toBe(401)
    const ofAnother = await resourceProofOf(key, valid, url)
    expect((await presented(ofAnother)).status).toBe(401)
    expect((await check(token)).status).toBe(401)
  })

  it('a signed token that is not bound to a key is refused with a proof', async () => {
    const proof = await resourceProofOf(await newKey(), valid, url)
    const answer = await signing.ask('', { Authorization: `DPoP ${valid}`, DPoP: proof })
    expect(answer.status).toBe(401)
  })
})

describe('verified tokens that an isolate has cached', () => {
  it('the second check of a token in an isolate verifies no signature, and a changed token is still refused', async () => {
    const token = await issue()
    const authenticator = signing.newAuthenticator()
    const ask = (text: string) =>
      authenticator.fetch(new Request('https://a.example/auth', { headers: bearer(text) }))
    expect((await ask(token)).status).toBe(200)
    const verify = vi.spyOn(crypto.subtle, 'verify')
    expect((await ask(token)).status).toBe(200)
    expect(verify).not.toHaveBeenCalled()
    const other = token.at(-3) === 'A' ? 'B' : 'A'
    expect((await ask(token.slice(0, -3) + other + token.slice(-2))).status).toBe(401)
    expect(verify).toHaveBeenCalled()
    verify.mockRestore()
  })

  it('a verified token that an isolate has cached is refused from its exp on', async () => {
    const now = nowSeconds()
    const token = await changed({ claims: { iat: now, exp: now + 100 } })
    vi.useFakeTimers({ toFake: ['Date'] })
    expect((await check(token)).status).toBe(200)
    vi.setSystemTime((now + 99) * 1000)
    expect((await check(token)).status).toBe(200)
    vi.setSystemTime((now + 100) * 1000)
    expect((await check(token)).status).toBe(401)
  })

  it('a token is refused when its key is published for another use or for another operation', async () => {
    const [key] = (await publicKeys(signing.keys)).keys
    const statuses = []
    for (const changes of [{}, { use: 'enc' }, { key_ops: ['sign'] }, { key_ops: ['verify'] }]) {
      const REGISTRY = {
        fetch: async () => Response.json({ keys: [{ ...key, ...changes }, OTHER] }),
      }
      const authenticator = signing.newAuthenticator({ REGISTRY })
      const request = new Request('https://a.example/auth', { headers: bearer(valid) })
      statuses.push((await authenticator.fetch(request)).status)
    }
    expect(statuses).toEqual([200, 401, 401, 200])
  })

  it('a verified token is refused once its key is no longer published', async () => {
    let published: { keys: unknown[] } = { keys: [...(await publicKeys(signing.keys)).keys] }
    const REGISTRY = { fetch: async () => Response.json(published) }
    const authenticator = signing.newAuthenticator({ REGISTRY })
    const ask = () =>
      authenticator.fetch(new Request('https://a.example/auth', { headers: bearer(valid) }))
    expect((await ask()).status).toBe(200)
    published = { keys: [] }
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 301_000)
    expect((await ask()).status).toBe(401)
  })

  it('a repeated check of a token returns the same JWT, which the authenticator signs once', async () => {
    const token = await issue()
    const first = (await check(token)).headers.get('Authorization')
    expect((await check(token)).headers.get('Authorization')).toBe(first)
  })

  it('a signed token is 503 while the keys of the registry are not known, and an opaque token is accepted', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const REGISTRY = { fetch: () => Promise.reject(new Error('out of reach')) }
    const authenticator = signing.newAuthenticator({ REGISTRY })
    const ask = (token: string) =>
      authenticator.fetch(new Request('https://a.example/auth', { headers: bearer(token) }))
    expect((await ask(valid)).status).toBe(503)
    const fields = credentialsOf(client)
    const opaque = (await tokenIn(await post('/token', fields))).access_token
    expect((await ask(opaque)).status).toBe(200)
    vi.restoreAllMocks()
  })

  it('a signed token is 503 while KV fails', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const SESSIONS = { get: () => Promise.reject(new Error('out of reach')) }
    const authenticator = signing.newAuthenticator({ SESSIONS })
    const request = new Request('https://a.example/auth', { headers: bearer(valid) })
    expect((await authenticator.fetch(request)).status).toBe(503)
    vi.restoreAllMocks()
  })
})
