/** Tokens with a `registry:` scope: 900 s, bound to a key or issued to an authenticated client, never by a remembered consent. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import type { AuthMethod } from '../../src/domain/client.ts'
import { clientRegistry } from '../rows.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey, proofOf } from './keys.ts'
import { type Issued, renewal, renewalOf } from './obtaining.ts'
import {
  allowing,
  authorizePath,
  credentialsOf,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

const SCOPES = ['submission:read', 'registry:read', 'registry:admin']
const INVALID_REQUEST = { status: 400, error: 'invalid_request' }
const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

let cookie: string
let key: Key
beforeAll(async () => {
  cookie = await signIn(await newUser({ scopes: SCOPES }))
  key = await newKey()
})

const newOperator = (authMethod: AuthMethod = 'client_secret', more = {}) =>
  newClient({
    authMethod,
    scopes: SCOPES,
    grantTypes: [
      ...(authMethod === 'none' ? [] : (['client_credentials'] as const)),
      'authorization_code',
      'refresh_token',
    ],
    ...more,
  })

/** The body, and the lifetime of the session in seconds. */
async function issuedIn(answer: Response) {
  const body = (await answer.json()) as Issued
  const session = await sessionOf(body.access_token)
  const { start_time = '', end_time = '' } = session ?? {}
  return { ...body, session, lives: (Date.parse(end_time) - Date.parse(start_time)) / 1000 }
}

const asking = (scope: string, more: Record<string, string> = {}) => ({
  scope,
  ...withChallenge,
  ...more,
})
const verifier = { code_verifier: PKCE.verifier }

async function redeem(client: TestClient, code: string, proof?: Key) {
  const headers = proof ? { DPoP: await proofOf(proof) } : undefined
  return post('/token', redemptionOf(client, code, verifier), headers)
}

async function refresh(client: TestClient, refresh_token: string, proof?: Key) {
  const headers = proof ? { DPoP: await proofOf(proof) } : undefined
  return post('/token', renewalOf(client, refresh_token), headers)
}

const open = (client: TestClient, more: Record<string, string>) =>
  registry(authorizePath(requestOf(client, more)), { headers: { Cookie: cookie } })

const setMethod = (client: RegisteredClient, authMethod: AuthMethod) =>
  clientRegistry(env.DB).update(
    client.id,
    { authMethod },
    {},
    { mode: 'authorize', now: nowSeconds() },
  )

/** Makes the client public. */
async function madePublic(client: RegisteredClient): Promise<RegisteredClient> {
  await setMethod(client, 'none')
  return { ...client, secret: '' }
}

/** Makes a public client confidential again. */
async function madeConfidential(client: RegisteredClient): Promise<RegisteredClient> {
  const secret = mintToken('clientSecret')
  await setMethod(client, 'client_secret')
  const now = nowSeconds()
  await clientRegistry(env.DB).rotateSecret(client.id, await hexDigest(secret), 0, { now })
  return { ...client, secret }
}

describe('the lifetime of a token with a registry: scope', () => {
  it('a client_credentials token expires after 900 s with a registry: scope, and after 7200 s without one', async () => {
    const client = await newOperator()
    const withIt = await issuedIn(await post('/token', credentialsOf(client)))
    expect([withIt.expires_in, withIt.lives]).toEqual([900, 900])
    expect(withIt.scope).toContain('registry:admin')
    const without = credentialsOf(client, { scope: 'submission:read' })
    expect((await issuedIn(await post('/token', without))).expires_in).toBe(7200)
  })

  it('a token from a code or a refresh token expires after 900 s with a registry: scope, and after 7200 s without one', async () => {
    const client = await newOperator()
    const code = await obtainCode(
      cookie,
      requestOf(client, asking('submission:read registry:read')),
    )
    const issued = await issuedIn(await redeem(client, code))
    expect([issued.expires_in, issued.lives]).toEqual([900, 900])
    const renewed = await issuedIn(await renewal(client, issued.refresh_token))
    expect([renewed.expires_in, renewed.lives]).toEqual([900, 900])
    const narrowed = { scope: 'submission:read' }
    const other = await issuedIn(await renewal(client, renewed.refresh_token, narrowed))
    expect([other.scope, other.expires_in]).toEqual(['submission:read', 7200])
  })

  it('a shorter lifetime of the client or of the deployment applies to a token with a registry: scope', async () => {
    const client = await newOperator('client_secret', { accessTokenLifetimeSeconds: 300 })
    const its = await issuedIn(await post('/token', credentialsOf(client)))
    expect([its.expires_in, its.lives]).toEqual([300, 300])
    const short = serve({ SESSION_LIFETIME_SECONDS: '600' })
    const answer = await post('/token', credentialsOf(await newOperator()), {}, short)
    expect((await issuedIn(answer)).expires_in).toBe(600)
  })

  it('a token with any scope that begins with registry: expires after 900 s, and one whose scope only contains registry: does not', async () => {
    const scopes = ['registry:other', 'my-registry:admin']
    const client = await newOperator('client_secret', { scopes })
    const lifetimeOf = async (scope: string) =>
      (await issuedIn(await post('/token', credentialsOf(client, { scope })))).expires_in
    expect(await lifetimeOf('registry:other')).toBe(900)
    expect(await lifetimeOf('my-registry:admin')).toBe(7200)
  })
})

describe('who gets a token with a registry: scope', () => {
  it('a client that authenticates with a key gets a token with a registry: scope as a bearer token', async () => {
    const own = await newKey()
    const machine = await newOperator('private_key_jwt', { jwks: keySetOf(own.jwk) })
    const fields = {
      grant_type: 'client_credentials',
      ...asserting(await assertionOf(machine.id, own)),
    }
    const answer = await issuedIn(await post('/token', fields))
    expect([answer.token_type, answer.lives]).toEqual(['Bearer', 900])
  })

  it('an authorization request of a public client for a registry: scope is refused without dpop_jkt, and other scopes need none', async () => {
    const client = await newOperator('none')
    const refused = await open(client, asking('submission:read registry:read'))
    expect(refused.status).toBe(303)
    const sent = sentTo(refused).searchParams
    expect(sent.get('error')).toBe('invalid_request')
    expect(sent.get('error_description')).toContain('dpop_jkt')
    expect(sent.has('code')).toBe(false)
    // Without a scope parameter the request is for all scopes of the client.
    const { scope: _, ...all } = requestOf(client, withChallenge)
    const unnamed = await registry(authorizePath(all), { headers: { Cookie: cookie } })
    expect(sentTo(unnamed).searchParams.get('error')).toBe('invalid_request')
    expect((await open(client, asking('submission:read'))).status).toBe(200)
    const bound = asking('registry:read', { dpop_jkt: key.jkt })
    expect((await open(client, bound)).status).toBe(200)
  })

  it('a public client gets tokens with a registry: scope bound to its dpop_jkt, by the code and by every refresh', async () => {
    const client = await newOperator('none')
    const request = requestOf(client, asking('registry:read', { dpop_jkt: key.jkt }))
    const code = await obtainCode(cookie, request)
    expect(await refusal(await redeem(client, code))).toEqual(INVALID_GRANT)
    expect(await refusal(await redeem(client, code, await newKey()))).toEqual(INVALID_GRANT)
    const issued = await issuedIn(await redeem(client, code, key))
    expect(issued).toMatchObject({ token_type: 'DPoP', lives: 900 })
    expect(issued.session?.cnf).toEqual({ jkt: key.jkt })
    expect(await refusal(await refresh(client, issued.refresh_token))).toEqual(INVALID_GRANT)
    const renewed = await issuedIn(await refresh(client, issued.refresh_token, key))
    expect(renewed).toMatchObject({ token_type: 'DPoP', lives: 900 })
  })

  it('a code for a registry: scope of a confidential client is refused with any key once the client is public, and is not spent', async () => {
    const client = await newOperator()
    const code = await obtainCode(cookie, requestOf(client, asking('registry:read')))
    const asPublic = await madePublic(client)
    expect(await refusal(await redeem(asPublic, code, key))).toEqual(INVALID_REQUEST)
    expect(await refusal(await redeem(asPublic, code))).toEqual(INVALID_REQUEST)
    expect((await redeem(await madeConfidential(client), code)).status).toBe(200)
  })

  it('a refresh token for a registry: scope of a confidential client is refused once the client is public, even for other scopes, and is not spent', async () => {
    const client = await newOperator()
    const scope = 'submission:read registry:read'
    const code = await obtainCode(cookie, requestOf(client, asking(scope)))
    const { refresh_token } = await issuedIn(await redeem(client, code))
    const asPublic = await madePublic(client)
    expect(await refusal(await refresh(asPublic, refresh_token, key))).toEqual(INVALID_REQUEST)
    const less = { scope: 'submission:read' }
    expect(await refusal(await renewal(asPublic, refresh_token, less))).toEqual(INVALID_REQUEST)
    expect((await refresh(await madeConfidential(client), refresh_token)).status).toBe(200)
  })

  it('a browser session has no registry: scope, even if its user holds one', async () => {
    const session = await sessionOf(sessionTokenIn(cookie))
    expect(session?.authorizations.scopes).toEqual(['submission:read'])
  })
})

describe('consent to a registry: scope', () => {
  const allow = async (client: TestClient, scope: string, untick?: string) => {
    const page = await open(client, asking(scope))
    expect(page.status).toBe(200)
    const fields = allowing(await page.text()).filter(([, value]) => value !== untick)
    const answer = await post('/authorize', fields, { Cookie: cookie })
    expect(sentTo(answer).searchParams.has('code')).toBe(true)
  }

  it.each(['registry:read', 'registry:read submission:read', 'registry:admin registry:read'])(
    'every authorization request for %s shows the consent page',
    async (scope) => {
      const client = await newOperator()
      await allow(client, scope)
      await allow(client, scope)
    },
  )

  it('a request for a part of the allowed scopes shows the consent page if the part has a registry: scope', async () => {
    const client = await newOperator()
    await allow(client, 'registry:read registry:admin submission:read')
    await allow(client, 'registry:read')
    await allow(client, 'registry:read submission:read')
  })

  it('a consent with an unticked registry: scope is remembered for the other scopes', async () => {
    const client = await newOperator()
    await allow(client, 'registry:read submission:read', 'registry:read')
    const again = await open(client, asking('submission:read'))
    expect(sentTo(again).searchParams.has('code')).toBe(true)
    await allow(client, 'registry:read submission:read')
  })
})
