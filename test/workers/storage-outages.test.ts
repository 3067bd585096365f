/** What still works while D1 or KV does not answer at all: docs/operate.md, When storage does not answer. */

import { beforeAll, describe, expect, it } from 'vitest'
import { watchedBindings } from './counting.ts'
import { identityOf, issuedIn, newRefreshingClient, sendAs } from './obtaining.ts'
import {
  authorizePath,
  credentialsOf,
  newUser,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  requestOf,
  serve,
  signIn,
  withChallenge,
} from './registry.ts'
import { newSignedResource, SIGNING_KEYS, signing } from './signed.ts'
import { bearer } from './stored-session.ts'

type Storage = 'D1' | 'KV'

const without = (storage: Storage) =>
  watchedBindings((operation) => {
    if ((operation === 'd1') === (storage === 'D1')) throw new Error(`${storage} does not answer`)
  })
/** An isolate of the registry, which has served before. */
const registryWithout = (storage: Storage) => serve({ SIGNING_KEYS, ...without(storage) })

let signedResource: string
let client: RegisteredClient
let cookie: string
beforeAll(async () => {
  signedResource = await newSignedResource(['submission:read'])
  client = await newRefreshingClient({ mayIntrospect: true })
  cookie = await signIn(await newUser())
})

const resourceOf = (kind: 'opaque' | 'signed') =>
  kind === 'signed' ? { resource: signedResource } : {}
const working = serve({ SIGNING_KEYS })

const machineToken = async (kind: 'opaque' | 'signed') => {
  const response = await post('/token', credentialsOf(client, resourceOf(kind)), {}, working)
  return (await issuedIn(response)).access_token
}
const codeFor = (kind: 'opaque' | 'signed') =>
  obtainCode(cookie, requestOf(client, { ...resourceOf(kind), ...withChallenge }))
const redeem = (code: string, fetch = working) =>
  post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier }), {}, fetch)
const renew = (refresh_token: string, fetch = working) =>
  post('/token', { grant_type: 'refresh_token', refresh_token, ...identityOf(client) }, {}, fetch)

describe('a check by the authenticator', () => {
  it.each([
    ['an opaque token', 'opaque', '', 'D1', 200],
    ['an opaque token', 'opaque', '?fresh', 'D1', 503],
    ['an opaque token', 'opaque', '', 'KV', 503],
    ['an opaque token', 'opaque', '?fresh', 'KV', 503],
    ['a signed token', 'signed', '', 'D1', 200],
    ['a signed token', 'signed', '?fresh', 'D1', 503],
    ['a signed token', 'signed', '', 'KV', 503],
    ['a signed token', 'signed', '?fresh', 'KV', 200],
  ] as const)(
    'a check of %s (%s, /auth%s) without %s is %i',
    async (_, kind, query, storage, status) => {
      const headers = bearer(await machineToken(kind))
      const authenticator = signing.newAuthenticator(without(storage))
      const request = new Request(`https://a.example/auth${query}`, { headers })
      expect((await authenticator.fetch(request)).status).toBe(status)
    },
  )
})

describe('POST /token', () => {
  it.each([
    ['opaque', 'KV', 503],
    ['signed', 'KV', 200],
    ['opaque', 'D1', 503],
    ['signed', 'D1', 503],
  ] as const)(
    'client_credentials for a token that is %s, in a new isolate without %s, is %i',
    async (kind, storage, status) => {
      const fields = credentialsOf(client, resourceOf(kind))
      const response = await post('/token', fields, {}, registryWithout(storage))
      expect(response.status).toBe(status)
    },
  )

  it.each([
    ['opaque', 'KV', 503],
    ['signed', 'KV', 200],
    ['opaque', 'D1', 503],
    ['signed', 'D1', 503],
  ] as const)(
    'a code for a token that is %s, without %s, is %i, and after 503 it is still good',
    async (kind, storage, status) => {
      const code = await codeFor(kind)
      expect((await redeem(code, registryWithout(storage))).status).toBe(status)
      expect((await redeem(code)).status).toBe(status === 503 ? 200 : 400)
    },
  )

  it.each([
    ['opaque', 'KV', 503],
    ['signed', 'KV', 200],
    ['opaque', 'D1', 503],
    ['signed', 'D1', 503],
  ] as const)(
    'a refresh for a token that is %s, without %s, is %i, and a retry gets tokens',
    async (kind, storage, status) => {
      const { refresh_token } = await issuedIn(await redeem(await codeFor(kind)))
      expect((await renew(refresh_token, registryWithout(storage))).status).toBe(status)
      expect((await renew(refresh_token)).status).toBe(200)
    },
  )
})

describe('other endpoints', () => {
  it.each(['D1', 'KV'] as const)('the consent page without %s is 503', async (storage) => {
    const headers = { Cookie: cookie }
    const path = authorizePath(requestOf(client))
    expect((await registryWithout(storage)(path, { headers })).status).toBe(503)
  })

  it.each([
    ['an access token', 'KV', 503],
    ['an access token', 'D1', 503],
    ['a refresh token', 'KV', 200],
    ['a refresh token', 'D1', 503],
    ['a signed token', 'KV', 200],
    ['a signed token', 'D1', 503],
  ] as const)('/revoke of %s without %s is %i', async (what, storage, status) => {
    const kind = what === 'a signed token' ? 'signed' : 'opaque'
    const issued = await issuedIn(await redeem(await codeFor(kind)))
    const token = what === 'a refresh token' ? issued.refresh_token : issued.access_token
    const response = await sendAs(client, '/revoke', { token }, registryWithout(storage))
    expect(response.status).toBe(status)
  })

  it.each([
    ['opaque', 'KV', 503],
    ['opaque', 'D1', 503],
    ['signed', 'KV', 200],
    ['signed', 'D1', 503],
  ] as const)(
    '/introspect of a token that is %s, without %s, is %i',
    async (kind, storage, status) => {
      const token = await machineToken(kind)
      const response = await sendAs(client, '/introspect', { token }, registryWithout(storage))
      expect(response.status).toBe(status)
    },
  )
})
