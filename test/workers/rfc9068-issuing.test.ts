/** Signed access tokens (RFC 9068): which tokens are signed, with which claims, by each grant. */

import { env } from 'cloudflare:workers'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { publicKeys } from '../../src/crypto/signing-keys.ts'
import { updateResource } from '../../src/flows/registration/resources.ts'
import { newKey, proofOf } from './keys.ts'
import { issuedIn, newRefreshingClient, renewalOf } from './obtaining.ts'
import { admin } from './registering.ts'
import {
  basicOf,
  countSessions,
  credentialsOf,
  ISSUER,
  newUser,
  nowSeconds,
  obtainCode,
  type Pairs,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  requestOf,
  serve,
  signIn,
  type TestUser,
  UNAVAILABLE,
  withChallenge,
} from './registry.ts'
import { newResource, withResources } from './resources.ts'
import {
  claimsOf,
  headerOf,
  keySetText,
  newSignedResource,
  newSigningKey,
  signing,
  signingWith,
} from './signed.ts'

const SCOPES = ['files:read', 'files:write', 'mail:read']
const ALL = SCOPES.join(' ')
const INVALID_TARGET = { status: 400, error: 'invalid_target' }

let files: string
let mail: string
let opaque: string
let client: RegisteredClient
let user: TestUser
let cookie: string
beforeAll(async () => {
  files = await newSignedResource(['files:read', 'files:write'])
  mail = await newSignedResource(['mail:read'], { accessTokenLifetimeSeconds: 300 })
  opaque = await newResource(['mail:read'])
  client = await newRefreshingClient({ scopes: SCOPES })
  user = await newUser({ scopes: SCOPES })
  cookie = await signIn(user)
})

const ask = (fields: Pairs, headers: Record<string, string> = {}, fetch = signing.fetch) =>
  post('/token', fields, headers, fetch)

const asClient = (...resources: string[]) => ask(withResources(credentialsOf(client), ...resources))
const codeFor = (resources: readonly string[], more: Record<string, string> = {}) =>
  obtainCode(
    cookie,
    withResources(requestOf(client, { scope: ALL, ...withChallenge, ...more }), ...resources),
    signing.fetch,
  )
const redemption = (code: string, ...resources: string[]) =>
  withResources(redemptionOf(client, code, { code_verifier: PKCE.verifier }), ...resources)
const renewal = (refresh: string, ...resources: string[]) =>
  withResources(renewalOf(client, refresh), ...resources)

/** Verifies as a service does that has only the key set. */
async function verified(token: string, audience: string) {
  const keys = createLocalJWKSet((await publicKeys(signing.keys)) as never)
  const options = { issuer: ISSUER, audience, typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'jti'] }
  return (await jwtVerify(token, keys, options)).payload
}

describe('a signed access token', () => {
  it('client_credentials gives a token that the key set verifies, with the claims of RFC 9068 §2.2', async () => {
    const before = nowSeconds()
    const body = await issuedIn(await asClient(files))
    const claims = await verified(body.access_token, files)
    const { kid } = (await publicKeys(signing.keys)).keys[0] ?? {}
    expect(headerOf(body.access_token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid })
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 600 })
    const { iat = 0, jti, as_of_ms, client_as_of_ms, ...rest } = claims
    expect(rest).toEqual({
      iss: ISSUER,
      sub: client.id,
      aud: files,
      client_id: client.id,
      scope: 'files:read files:write',
      exp: iat + 600,
      endorsements: ['cs.*'],
    })
    expect(body.scope).toBe(rest.scope)
    expect(iat).toBeGreaterThanOrEqual(before)
    expect(jti).toMatch(/^[\w-]{20,}$/)
    expect(Number.isSafeInteger(as_of_ms)).toBe(true)
    expect(client_as_of_ms ?? as_of_ms).toBeLessThanOrEqual(as_of_ms as number)
  })

  it('a token from a code has the user as sub and the moment of the sign-in as auth_time, and no username', async () => {
    const code = await codeFor([files])
    const { access_token } = await issuedIn(await ask(redemption(code)))
    const claims = await verified(access_token, files)
    expect(claims).toMatchObject({ sub: user.id, client_id: client.id, aud: files })
    const signedInAt = claims.auth_time as number
    expect(signedInAt).toBeLessThanOrEqual(claims.iat as number)
    expect(signedInAt).toBeGreaterThan(nowSeconds() - 120)
    expect(JSON.stringify(claims)).not.toContain(user.username)
  })

  it('a refresh gives a signed token with another jti and the same auth_time', async () => {
    const first = await issuedIn(await ask(redemption(await codeFor([files]))))
    const second = await issuedIn(await ask(renewal(first.refresh_token)))
    const [before, after] = [claimsOf(first.access_token), claimsOf(second.access_token)]
    await verified(second.access_token, files)
    expect(after.jti).not.toBe(before.jti)
    expect(after).toMatchObject({ sub: user.id, auth_time: before.auth_time, scope: before.scope })
  })

  it('no grant stores a session for a signed token', async () => {
    const code = await codeFor([files])
    const before = await countSessions()
    await issuedIn(await asClient(files))
    const { refresh_token } = await issuedIn(await ask(redemption(code)))
    await issuedIn(await ask(renewal(refresh_token)))
    expect(await countSessions()).toBe(before)
  })

  it('a signed token for two resources has both as a list in aud, and the shorter of their lifetimes', async () => {
    const body = await issuedIn(await asClient(files, mail))
    expect(claimsOf(body.access_token)).toMatchObject({ aud: [files, mail], scope: ALL })
    expect(body.expires_in).toBe(300)
  })

  it('a signed token expires after an hour at most, even if its resource has a longer lifetime', async () => {
    const long = await newSignedResource(['mail:read'], { accessTokenLifetimeSeconds: 7200 })
    const body = await issuedIn(await asClient(long))
    const { iat, exp } = claimsOf(body.access_token) as { iat: number; exp: number }
    expect([body.expires_in, exp - iat]).toEqual([3600, 3600])
  })

  it('a signed token that was requested with a proof is bound to the key of the proof (RFC 9449)', async () => {
    const key = await newKey()
    const body = await issuedIn(
      await ask(withResources(credentialsOf(client), files), { DPoP: await proofOf(key) }),
    )
    expect(body.token_type).toBe('DPoP')
    expect(claimsOf(body.access_token).cnf).toEqual({ jkt: key.jkt })
  })

  it('a signing key for EdDSA signs access tokens with EdDSA', async () => {
    const other = signingWith(keySetText(await newSigningKey('EdDSA')))
    const fields = withResources(credentialsOf(client), files)
    const { access_token } = await issuedIn(await ask(fields, {}, other.fetch))
    expect(headerOf(access_token)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' })
    const headers = { Authorization: `Bearer ${access_token}` }
    expect((await other.ask('', headers)).status).toBe(200)
  })
})

describe('which access tokens are signed', () => {
  const isOpaque = (token: string) => token.startsWith('reg_')

  it('an access token is signed for a resource with signed tokens, and opaque for another resource or for none', async () => {
    expect(isOpaque((await issuedIn(await asClient(opaque))).access_token)).toBe(true)
    expect(isOpaque((await issuedIn(await asClient())).access_token)).toBe(true)
    expect(isOpaque((await issuedIn(await asClient(mail))).access_token)).toBe(false)
  })

  it('a request for resources with different token formats is refused with invalid_target, and spends nothing', async () => {
    const response = await asClient(files, opaque)
    const body = (await response.json()) as { error: string; error_description: string }
    expect({ status: response.status, error: body.error }).toEqual(INVALID_TARGET)
    expect(body.error_description).toContain('different formats')

    const code = await codeFor([files, opaque])
    expect(await refusal(await ask(redemption(code)))).toEqual(INVALID_TARGET)
    const first = await issuedIn(await ask(redemption(code, files)))
    expect(claimsOf(first.access_token).aud).toBe(files)
    expect(await refusal(await ask(renewal(first.refresh_token)))).toEqual(INVALID_TARGET)
    const second = await issuedIn(await ask(renewal(first.refresh_token, opaque)))
    expect(isOpaque(second.access_token)).toBe(true)
  })

  it('a refresh gives a token of the new format after its resource changed the token format', async () => {
    const uri = await newResource(['mail:read'])
    const { refresh_token } = await issuedIn(await ask(redemption(await codeFor([uri]))))
    await updateResource(admin(), uri, { tokenFormat: 'jwt' })
    const renewed = await issuedIn(await ask(renewal(refresh_token)))
    expect(headerOf(renewed.access_token).typ).toBe('at+jwt')
    await updateResource(admin(), uri, { tokenFormat: 'opaque' })
    const again = await issuedIn(await ask(renewal(renewed.refresh_token)))
    expect(isOpaque(again.access_token)).toBe(true)
  })

  it('a retry of a refresh is 503 after its resource changed the token format', async () => {
    const uri = await newSignedResource(['mail:read'])
    const { refresh_token } = await issuedIn(await ask(redemption(await codeFor([uri]))))
    const first = await issuedIn(await ask(renewal(refresh_token)))
    const same = await issuedIn(await ask(renewal(refresh_token)))
    expect(claimsOf(same.access_token).jti).toBe(claimsOf(first.access_token).jti)
    await updateResource(admin(), uri, { tokenFormat: 'opaque' })
    expect(await refusal(await ask(renewal(refresh_token)))).toEqual(UNAVAILABLE)
  })
})

describe('signed tokens that are not issued', () => {
  it('without SIGNING_KEYS a request for a signed token is 503 and spends nothing, and other resources work', async () => {
    const keyless = serve()
    const code = await codeFor([files])
    expect(await refusal(await ask(redemption(code), {}, keyless))).toEqual(UNAVAILABLE)
    const fields = withResources(credentialsOf(client), files)
    expect(await refusal(await ask(fields, {}, keyless))).toEqual(UNAVAILABLE)
    expect((await ask(withResources(credentialsOf(client), opaque), {}, keyless)).status).toBe(200)
    expect((await ask(redemption(code))).status).toBe(200)
  })

  it('a code of a user whose id equals the client_id gives no signed token, because it would pass for a token of the client', async () => {
    const same = await newUser({ scopes: SCOPES })
    const itsCookie = await signIn(same)
    const request = requestOf(client, { scope: ALL, ...withChallenge, resource: files })
    const code = await obtainCode(itsCookie, request, signing.fetch)
    await env.DB.prepare(
      `UPDATE authorization_code SET record = json_set(record, '$.user.userId', ?1) WHERE user_id = ?2`,
    )
      .bind(client.id, same.id)
      .run()
    for (const { name } of (await env.CODES.list()).keys) await env.CODES.delete(name)
    const refused = await refusal(await ask(redemption(code)))
    expect(refused).toEqual({ status: 400, error: 'invalid_grant' })
  })

  it('a request for a signed token that would be too long is refused with invalid_scope, and a narrower token is issued', async () => {
    const scopes = Array.from({ length: 100 }, (_, i) => `archive:${'x'.repeat(60)}${i}`)
    const uri = await newSignedResource(scopes)
    const wide = await newRefreshingClient({ scopes })
    const fields = (more: Record<string, string> = {}) =>
      withResources({ grant_type: 'client_credentials', ...more }, uri)
    const headers = basicOf(wide)
    expect(await refusal(await ask(fields(), headers))).toEqual({
      status: 400,
      error: 'invalid_scope',
    })
    const narrow = await issuedIn(await ask(fields({ scope: scopes[0] ?? '' }), headers))
    expect(claimsOf(narrow.access_token).scope).toBe(scopes[0])
  })
})
