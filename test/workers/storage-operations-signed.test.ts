/** How many storage operations signed access tokens cost: docs/promises.md, Storage operations. */

import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { DOCUMENT_REFRESH_SECONDS } from '../../src/domain/revocation.ts'
import { countedBindings, nothing } from './counting.ts'
import { issuedIn, newRefreshingClient, renewal, sendAs } from './obtaining.ts'
import {
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

const { bindings, costOf } = countedBindings()
const fetch = serve({ SIGNING_KEYS, ...bindings })

let uri: string
let client: RegisteredClient
let cookie: string
beforeAll(async () => {
  uri = await newSignedResource(['submission:read'])
  client = await newRefreshingClient({ mayIntrospect: true })
  cookie = await signIn(await newUser())
  // The first use of a secret in a day writes the date.
  await post('/token', credentialsOf(client))
})
afterEach(() => void vi.useRealTimers())

const machine = () => post('/token', credentialsOf(client, { resource: uri }), {}, fetch)
const newCode = () => obtainCode(cookie, requestOf(client, { resource: uri, ...withChallenge }))
const redeem = (code: string) =>
  post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier }), {}, fetch)
const renew = (refresh_token: string) => renewal(client, refresh_token, {}, fetch)

describe('storage operations of signed access tokens', () => {
  it('client_credentials for a signed token costs one D1 read, and no storage operation once the client is cached', async () => {
    expect(await costOf(machine, 200)).toEqual({ ...nothing(), d1: 1 })
    expect(await costOf(machine, 200)).toEqual(nothing())
    expect(await costOf(machine, 200)).toEqual(nothing())
  })

  it('a code exchange for a signed token costs one KV read, one D1 read, one D1 batch and the deletion of the code, and no KV write', async () => {
    const code = await newCode()
    const cost = await costOf(() => redeem(code), 200)
    expect(cost).toEqual({ d1: 2, kvRead: 1, kvWrite: 0, kvDelete: 1 })
  })

  it('a refresh for a signed token costs two D1 reads and one D1 batch, and no KV operation, also when it is repeated', async () => {
    const { refresh_token } = await issuedIn(await redeem(await newCode()))
    expect(await costOf(() => renew(refresh_token), 200)).toEqual({ ...nothing(), d1: 3 })
    expect(await costOf(() => renew(refresh_token), 200)).toEqual({ ...nothing(), d1: 3 })
  })

  it('the revocation of a signed token costs four D1 operations and one KV write', async () => {
    const { access_token: token } = await issuedIn(await machine())
    const revoke = () => sendAs(client, '/revoke', { token }, fetch)
    expect(await costOf(revoke, 200)).toEqual({ ...nothing(), d1: 4, kvWrite: 1 })
  })

  it('the introspection of a signed token costs two D1 reads', async () => {
    const { access_token: token } = await issuedIn(await machine())
    const introspect = () => sendAs(client, '/introspect', { token }, fetch)
    expect(await costOf(introspect, 200)).toEqual({ ...nothing(), d1: 2 })
  })

  it('a forged JWT costs only the D1 read of the client, at /revoke and at /introspect', async () => {
    const { access_token } = await issuedIn(await machine())
    const token = `${access_token.split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`
    for (const path of ['/revoke', '/introspect'] as const) {
      const cost = await costOf(() => sendAs(client, path, { token }, fetch), 200)
      expect(cost).toEqual({ ...nothing(), d1: 1 })
    }
  })
})

describe('storage operations of a check of a signed token', () => {
  it('a check of a signed token costs one KV read every ten seconds for the document, one D1 read with fresh, and nothing else', async () => {
    const { access_token } = await issuedIn(await machine())
    const authenticator = signing.newAuthenticator(bindings)
    const check = (query = '') =>
      authenticator.fetch(
        new Request(`https://a.example/auth${query}`, { headers: bearer(access_token) }),
      )
    vi.useFakeTimers({ toFake: ['Date'] })
    expect(await costOf(() => check(), 200)).toEqual({ ...nothing(), kvRead: 1 })
    for (let i = 0; i < 3; i += 1) expect(await costOf(() => check(), 200)).toEqual(nothing())
    expect(await costOf(() => check('?fresh'), 200)).toEqual({ ...nothing(), d1: 1 })
    vi.setSystemTime(Date.now() + DOCUMENT_REFRESH_SECONDS * 1000)
    expect(await costOf(() => check(), 200)).toEqual({ ...nothing(), kvRead: 1 })
    expect(await costOf(() => check(), 200)).toEqual(nothing())
  })

  it('a check of a forged signed token costs no storage operation', async () => {
    const { access_token } = await issuedIn(await machine())
    const authenticator = signing.newAuthenticator(bindings)
    const forged = `${access_token.split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`
    const request = new Request('https://a.example/auth', { headers: bearer(forged) })
    expect(await costOf(() => authenticator.fetch(request), 401)).toEqual(nothing())
  })
})
