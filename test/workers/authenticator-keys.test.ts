/**
 * AUTHENTICATOR_KEYS: the keys with which the authenticator signs JWTs, and the key set with which services verify
 * them.
 */

import { decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { addKey, formatKeys, promoteKey } from '../../src/crypto/key-rotation.ts'
import { publicKeys } from '../../src/crypto/signing-keys.ts'
import { nowSeconds } from './registry.ts'
import { joseService, newKeys } from './signing.ts'
import { bearer, ISSUER, JWT_SECRET, SESSIONS, storeToken } from './stored-session.ts'

const keys = await newKeys()
const AUTHENTICATOR_KEYS = await formatKeys(keys)

const built = (secrets: Partial<AuthenticatorEnv>) => {
  const authenticator = createAuthenticator({ SESSIONS, ISSUER, ...secrets } as AuthenticatorEnv)
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    authenticator.fetch(new Request(`https://authenticator.example${path}`, { method, headers }))
  return { authenticator, ask }
}
const jwtOf = async (ask: ReturnType<typeof built>['ask'], token: string) =>
  (await ask('/auth', bearer(token))).headers.get('Authorization') ?? ''
const serviceOf = (ask: ReturnType<typeof built>['ask']) => joseService((path) => ask(path))

describe('AUTHENTICATOR_KEYS', () => {
  it("a service verifies the authenticator's JWT with only the published key set", async () => {
    const { ask } = built({ AUTHENTICATOR_KEYS })
    const jwt = await jwtOf(ask, await storeToken())
    const [published] = (await publicKeys(keys)).keys
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'ES256', typ: 'JWT', kid: published?.kid })
    const claims = await serviceOf(ask).verify(jwt, 'JWT')
    expect(claims).toMatchObject({ iss: ISSUER, session_id: 'session-1' })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(300)
  })

  it('the key set of the authenticator is public, cacheable and without a private member', async () => {
    const { ask } = built({ AUTHENTICATOR_KEYS, PROXY_SECRET: 'p'.repeat(32) })
    for (const method of ['GET', 'HEAD']) {
      const response = await ask('/jwks.json', {}, method)
      expect(response.status).toBe(200)
      expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(response.headers.get('Content-Type')).toBe('application/jwk-set+json')
    }
    const text = await (await ask('/jwks.json')).text()
    expect(JSON.parse(text)).toEqual(await publicKeys(keys))
    for (const { d } of keys) expect(text).not.toContain(d)
    expect((await ask('/jwks.json', {}, 'POST')).status).toBe(405)
  })

  it('a script of any origin may ask for the key set of the authenticator with any header, and for nothing else there', async () => {
    const { ask } = built({ AUTHENTICATOR_KEYS })
    const asking = {
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'traceparent',
    }
    const preflight = await ask('/jwks.json', asking, 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toContain('traceparent')
    expect((await ask('/jwks.json', {}, 'OPTIONS')).status).toBe(405)
    for (const path of ['/auth', '/healthz']) {
      const refused = await ask(path, asking, 'OPTIONS')
      expect([refused.status, refused.headers.get('Access-Control-Allow-Origin')]).toEqual([
        405,
        null,
      ])
    }
  })

  it('AUTHENTICATOR_KEYS sign even if JWT_SECRET is set; with only JWT_SECRET the secret signs and the key set is empty', async () => {
    const token = await storeToken()
    const both = built({ AUTHENTICATOR_KEYS, JWT_SECRET })
    expect(decodeProtectedHeader(await jwtOf(both.ask, token)).alg).toBe('ES256')
    const shared = built({ JWT_SECRET, AUTHENTICATOR_KEYS: '' })
    const jwt = await jwtOf(shared.ask, token)
    await jwtVerify(jwt, new TextEncoder().encode(JWT_SECRET), { algorithms: ['HS256'] })
    expect(await (await shared.ask('/jwks.json')).json()).toEqual({ keys: [] })
    // A service with the key set refuses a JWT that the secret signed, so holders of the secret cannot forge one for it.
    await expect(serviceOf(both.ask).verify(jwt, 'JWT')).rejects.toThrow()
  })

  it('a check over a service binding returns the same session with AUTHENTICATOR_KEYS as with JWT_SECRET', async () => {
    const { authorization } = { authorization: `Bearer ${await storeToken()}` }
    const byKeys = await built({ AUTHENTICATOR_KEYS }).authenticator.authenticate({ authorization })
    const bySecret = await built({ JWT_SECRET }).authenticator.authenticate({ authorization })
    expect(byKeys).toEqual(bySecret)
    expect(byKeys.kind).toBe('authenticated')
  })

  it('during a rotation of AUTHENTICATOR_KEYS a service accepts the JWTs signed before and after each step', async () => {
    const token = await storeToken()
    const added = await addKey(keys, 'EdDSA', nowSeconds())
    const young = (await publicKeys(added)).keys[1]?.kid ?? ''
    const promoted = await promoteKey(added, young, nowSeconds())
    let deployed = built({ AUTHENTICATOR_KEYS: await formatKeys(added) })
    const service = joseService((path) => deployed.ask(path))
    const before = await jwtOf(built({ AUTHENTICATOR_KEYS }).ask, token)
    for (const step of [added, promoted]) {
      deployed = built({ AUTHENTICATOR_KEYS: await formatKeys(step) })
      await service.verify(before, 'JWT')
      await service.verify(await jwtOf(deployed.ask, token), 'JWT')
    }
    expect(decodeProtectedHeader(await jwtOf(deployed.ask, token))).toMatchObject({ kid: young })
  })

  it('GET /auth answers 503 without a session when AUTHENTICATOR_KEYS cannot sign', async () => {
    const [first] = keys
    const [other] = await newKeys()
    const broken = JSON.stringify({ keys: [{ ...first, d: other.d }] })
    const { ask } = built({ AUTHENTICATOR_KEYS: broken })
    const answer = await ask('/auth', bearer(await storeToken()))
    expect([answer.status, answer.headers.get('Authorization')]).toEqual([503, null])
  })
})
