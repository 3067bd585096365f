/** RFC 7636, PKCE: S256 only; required for public clients and for clients registered with it. */

import { beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import {
  authorizePath,
  CALLBACK,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  serve,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

describe('RFC 7636 §4.3: the authorization request', () => {
  const refused: [string, Record<string, string>][] = [
    ['the method plain', { code_challenge: PKCE.verifier, code_challenge_method: 'plain' }],
    ['a challenge without a method (which would mean plain)', { code_challenge: PKCE.challenge }],
    ['a challenge that is no S256 challenge', { ...withChallenge, code_challenge: 'short' }],
    ['a method without a challenge', { code_challenge_method: 'S256' }],
  ]
  it.each(refused)(
    'an authorization request with %s is refused with invalid_request',
    async (_, parameters) => {
      const client = await newClient()
      const headers = { Cookie: cookie }
      const answer = await registry(authorizePath(requestOf(client, parameters)), { headers })
      expect(sentTo(answer).searchParams.get('error')).toBe('invalid_request')
      const good = await registry(authorizePath(requestOf(client, withChallenge)), { headers })
      expect(good.status).toBe(200)
    },
  )

  it.each([
    ['a public client', { authMethod: 'none' as const }],
    ['a client registered with --require-pkce', { requirePkce: true }],
  ])('an authorization request of %s is refused without PKCE', async (_, registration) => {
    const client = await newClient(registration)
    const headers = { Cookie: cookie }
    const without = await registry(authorizePath(requestOf(client)), { headers })
    expect(sentTo(without).searchParams.get('error')).toBe('invalid_request')
    const answer = await registry(authorizePath(requestOf(client, withChallenge)), { headers })
    expect(answer.status).toBe(200)
  })
})

describe('OAuth 2.1 §7.5: PKCE for every client', () => {
  const strict = serve({ REQUIRE_PKCE: 'all' })
  const open = (fetch: typeof registry, client: TestClient, more = {}) =>
    fetch(authorizePath(requestOf(client, more)), { headers: { Cookie: cookie } })

  it('with REQUIRE_PKCE=all a confidential client must use PKCE, and by default it may omit it', async () => {
    const client = await newClient()
    const { searchParams } = sentTo(await open(strict, client))
    expect([searchParams.get('error'), searchParams.has('code')]).toEqual([
      'invalid_request',
      false,
    ])
    expect(searchParams.get('error_description')).toMatch(/code_challenge is missing/)
    expect((await open(strict, client, withChallenge)).status).toBe(200)
    expect((await open(registry, client)).status).toBe(200)
  })

  it('with REQUIRE_PKCE=all client_credentials needs no PKCE', async () => {
    const answer = await post('/token', credentialsOf(await newClient()), {}, strict)
    expect(answer.status).toBe(200)
  })
})

describe('OAuth 2.1 §4.1.3: redirect_uri in the token request', () => {
  it.each(['client_secret', 'none'] as const)(
    'a client (%s) with PKCE may omit redirect_uri in the token request, and is refused with a wrong one',
    async (authMethod) => {
      const client = await newClient({ authMethod })
      const code = await obtainCode(cookie, requestOf(client, withChallenge))
      const redeem = (redirect_uri: string) =>
        post('/token', {
          ...redemptionOf(client, code, { code_verifier: PKCE.verifier }),
          redirect_uri,
        })
      for (const wrong of [`${CALLBACK}2`, 'https://evil.example', ' ']) {
        expect(await refusal(await redeem(wrong))).toEqual({ status: 400, error: 'invalid_grant' })
      }
      expect((await redeem('')).status).toBe(200)
    },
  )

  it('a client without PKCE must repeat the redirect_uri of its authorization request', async () => {
    const client = await newClient()
    const code = await obtainCode(cookie, requestOf(client))
    const { redirect_uri, ...without } = redemptionOf(client, code)
    expect(await refusal(await post('/token', without))).toEqual({
      status: 400,
      error: 'invalid_grant',
    })
    expect((await post('/token', { ...without, redirect_uri })).status).toBe(200)
  })
})

describe('RFC 7636 §4.6: the token request', () => {
  it.each([
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['no verifier', {}],
    ['the challenge itself', { code_verifier: PKCE.challenge }],
  ])('a redemption with %s is refused, and the code stays valid', async (_, proof) => {
    const client = await newClient({ authMethod: 'none' })
    const code = await obtainCode(cookie, requestOf(client, withChallenge))
    const answer = await post('/token', redemptionOf(client, code, proof))
    expect(await refusal(answer)).toEqual({ status: 400, error: 'invalid_grant' })
    const good = await post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier }))
    expect(good.status).toBe(200)
  })

  it.each(['short', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(43)}+`, 'é'.repeat(43)])(
    'the malformed verifier %j is refused with invalid_request and a reason, even when its digest is the challenge',
    async (code_verifier) => {
      const client = await newClient({ authMethod: 'none' })
      const guessable = { ...withChallenge, code_challenge: await digest(code_verifier) }
      const code = await obtainCode(cookie, requestOf(client, guessable))
      const answer = await post('/token', redemptionOf(client, code, { code_verifier }))
      expect([answer.status, await answer.json()]).toEqual([
        400,
        expect.objectContaining({
          error: 'invalid_request',
          error_description: expect.stringMatching(
            /^The parameter code_verifier must be 43 to 128 /,
          ),
        }),
      ])
      const good = await obtainCode(cookie, requestOf(client, withChallenge))
      const fields = redemptionOf(client, good, { code_verifier: PKCE.verifier })
      expect((await post('/token', fields)).status).toBe(200)
    },
  )
})
