/** Clients by metadata document that authenticate with keys: inline, or published at jwks_uri. */

import { beforeAll, describe, expect, it, vi } from 'vitest'
import { authorizeClient } from '../../src/flows/registration/clients.ts'
import {
  accepting,
  age,
  codeFor,
  declareOpenScope,
  forgetAttempt,
  granted,
  keyed,
  mostAttemptsSince,
  newDocument,
  type Published,
  redeem,
  refresh,
  republish,
  signedBy,
  visit,
} from './document-clients.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey } from './keys.ts'
import { authStatus } from './obtaining.ts'
import { admin } from './registering.ts'
import {
  newClient,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  requestOf,
  signIn,
} from './registry.ts'
import { newHost, publish, requestsTo, served } from './world.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})

let cookie: string
let key: Key
let other: Key
beforeAll(async () => {
  await declareOpenScope()
  cookie = await signIn(await newUser())
  key = await newKey()
  other = await newKey()
})

const INVALID_CLIENT = { status: 401, error: 'invalid_client' }

/** A document whose keys are at an address of its own host, which answers with these. */
async function publishing(...keys: Key[]) {
  const client = await newDocument()
  const jwks_uri = `https://${client.host}/jwks.json`
  const publishKeys = (...now: Key[]) =>
    publish(jwks_uri, served(JSON.parse(keySetOf(...now.map(({ jwk }) => jwk)))))
  await publishKeys(...keys)
  const more = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri }
  await republish(client, more)
  return { client, jwks_uri, publishKeys, more }
}

const redeemAs = async (client: Published, by: Key, code?: string) =>
  redeem(client, code ?? (await codeFor(cookie, client)), await signedBy(client, by))

describe('a document with keys', () => {
  it('a client with inline keys gets tokens and refreshes them with its assertion', async () => {
    const client = await newDocument(keyed(key))
    const bought = await redeemAs(client, key)
    expect(bought.status).toBe(200)
    const { refresh_token } = await granted(bought)
    expect((await refresh(client, refresh_token, await signedBy(client, key))).status).toBe(200)
  })

  it('a client with published keys gets tokens, and its keys are read once', async () => {
    const { client } = await publishing(other, key)
    expect((await redeemAs(client, key)).status).toBe(200)
    expect((await redeemAs(client, other)).status).toBe(200)
    expect(await requestsTo(client.host)).toHaveLength(2)
  })

  it.each<[string, Record<string, unknown>]>([
    ['private_key_jwt', {}],
    ['none', { token_endpoint_auth_method: 'none' }],
    [
      'a choice of none and private_key_jwt',
      { token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] },
    ],
  ])('a document with keys demands authentication, also if it names %s', async (_, more) => {
    const client = await newDocument(keyed(key, more))
    const code = await codeFor(cookie, client)
    expect(await refusal(await redeem(client, code))).toEqual(INVALID_CLIENT)
    expect((await redeemAs(client, key, code)).status).toBe(200)
  })

  it('a bad assertion never falls back to none, and spends no code', async () => {
    const client = await newDocument(keyed(key))
    const code = await codeFor(cookie, client)
    const bad = [
      await signedBy(client, other),
      asserting('not.a.jwt'),
      asserting(await assertionOf(client.id, key, { claims: { aud: 'https://other.example' } })),
      asserting(await assertionOf('https://other.example/client.json', key)),
      { client_assertion: await assertionOf(client.id, key), client_assertion_type: 'other' },
    ]
    for (const fields of bad) {
      expect(await refusal(await redeem(client, code, fields))).toEqual(INVALID_CLIENT)
    }
    expect((await redeemAs(client, key, code)).status).toBe(200)
  })

  it('a public client gains nothing by an assertion', async () => {
    const client = await newDocument()
    const code = await codeFor(cookie, client)
    expect(await refusal(await redeemAs(client, key, code))).toEqual(INVALID_CLIENT)
    expect((await redeem(client, code)).status).toBe(200)
  })

  it('a document of the form that ChatGPT publishes authenticates by its keys', async () => {
    const { client, more } = await publishing(key)
    await republish(client, {
      ...more,
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      token_endpoint_auth_signing_alg: 'RS256',
    })
    expect((await redeemAs(client, key)).status).toBe(200)
  })
})

describe('keys that change', () => {
  it('a key that is not known is looked for once the request shows a code of the client', async () => {
    const { client, publishKeys } = await publishing(key)
    const code = await codeFor(cookie, client)
    await publishKeys(other)
    expect((await redeemAs(client, other, code)).status).toBe(200)
    expect(await refusal(await redeemAs(client, key))).toEqual(INVALID_CLIENT)
  })

  it('a key that is not known is looked for once the request shows a refresh token of the client', async () => {
    const { client, publishKeys } = await publishing(key)
    const { refresh_token } = await granted(await redeemAs(client, key))
    await publishKeys(other, key)
    const renewed = await refresh(client, refresh_token, await signedBy(client, other))
    expect(renewed.status).toBe(200)
  })

  it('without a code or a refresh token of the client nothing is looked for', async () => {
    const { client, publishKeys } = await publishing(key)
    await visit(cookie, client)
    await publishKeys(other)
    const asked = (await requestsTo(client.host)).length
    const stranger = await newDocument(keyed(other))
    const foreign = await codeFor(cookie, stranger)
    for (const code of ['regc_junk', `regc_${'x'.repeat(43)}`, foreign]) {
      expect(await refusal(await redeemAs(client, other, code))).toEqual(INVALID_CLIENT)
    }
    const machine = { grant_type: 'client_credentials', ...(await signedBy(client, other)) }
    expect(await refusal(await post('/token', machine, {}, accepting))).toEqual(INVALID_CLIENT)
    expect(await requestsTo(client.host)).toHaveLength(asked)
  })

  it('a key that stays unknown has its host asked at most once in ten seconds', async () => {
    const { client } = await publishing(key)
    const code = await codeFor(cookie, client)
    const asked = (await requestsTo(client.host)).length
    const begunMs = Date.now()
    for (let n = 0; n < 10; n += 1) {
      expect(await refusal(await redeemAs(client, other, code))).toEqual(INVALID_CLIENT)
    }
    const more = (await requestsTo(client.host)).length - asked
    expect(more).toBeGreaterThan(0)
    // The document and its keys.
    expect(more).toBeLessThanOrEqual(2 * mostAttemptsSince(begunMs))
    expect((await redeemAs(client, key, code)).status).toBe(200)
  })

  it('the sessions that a key opened end when the key is gone, and those of a key that stays do not', async () => {
    const { client, publishKeys } = await publishing(key)
    const { access_token } = await granted(await redeemAs(client, key))
    await age(client, 100_000)
    await publishKeys(key, other)
    await visit(cookie, client)
    expect(await authStatus(access_token)).toBe(200)
    await age(client, 100_000)
    await publishKeys(other)
    await visit(cookie, client)
    expect(await authStatus(access_token)).toBe(401)
  })

  it('consent is asked again when the keys change, also those at jwks_uri', async () => {
    const { client, publishKeys } = await publishing(key)
    await codeFor(cookie, client)
    expect((await visit(cookie, client)).status).toBe(303)
    await age(client, 100_000)
    await publishKeys(key, other)
    expect((await visit(cookie, client)).status).toBe(200)
  })

  it('a document that drops its keys is another client to its users, and its sessions end', async () => {
    const client = await newDocument(keyed(key))
    const { access_token, refresh_token } = await granted(await redeemAs(client, key))
    await age(client, 100_000)
    await republish(client)
    expect((await visit(cookie, client)).status).toBe(200)
    expect(await authStatus(access_token)).toBe(401)
    expect(
      await refusal(await refresh(client, refresh_token, await signedBy(client, key))),
    ).toEqual(INVALID_CLIENT)
  })

  it('keys that were swapped between the authorization and the redemption refuse the old key', async () => {
    const client = await newDocument(keyed(key))
    const code = await codeFor(cookie, client)
    await age(client, 100_000)
    await republish(client, keyed(other))
    expect(await refusal(await redeemAs(client, key, code))).toEqual(INVALID_CLIENT)
    expect((await redeemAs(client, other, code)).status).toBe(200)
  })
})

describe('jwks_uri at another host', () => {
  it('many documents with one host for their keys have it asked once in ten seconds', async () => {
    const keyHost = newHost()
    const jwks_uri = `https://${keyHost}/jwks.json`
    const statuses: number[] = []
    const begunMs = Date.now()
    for (let n = 0; n < 5; n += 1) {
      const client = await newDocument({ jwks_uri })
      statuses.push((await visit(cookie, client)).status)
    }
    const asked = (await requestsTo(keyHost)).length
    expect(asked).toBeLessThanOrEqual(mostAttemptsSince(begunMs))
    expect(statuses.filter((status) => status === 429)).toHaveLength(5 - asked)
  })

  it('an operator’s client with jwks_uri has its keys read when it first redeems a code', async () => {
    const keyHost = newHost()
    const jwks_uri = `https://${keyHost}/jwks.json`
    await publish(jwks_uri, served(JSON.parse(keySetOf(key.jwk))))
    const client = await newClient({ authMethod: 'private_key_jwt', jwksUri: jwks_uri })
    const code = await obtainCode(cookie, requestOf(client))
    const assertion = asserting(await assertionOf(client.id, key))
    const redeemed = await post(
      '/token',
      { ...redemptionOf(client, code), ...assertion },
      {},
      accepting,
    )
    expect(redeemed.status).toBe(200)
    expect(await requestsTo(keyHost)).toHaveLength(1)
  })
})

describe('a client by metadata document that acts for itself', () => {
  const machine = async (client: Published, by: Key) =>
    post(
      '/token',
      { grant_type: 'client_credentials', ...(await signedBy(client, by)) },
      {},
      accepting,
    )

  it('client_credentials needs the approval of an operator, and a document that can be read', async () => {
    const grant_types = ['authorization_code', 'client_credentials']
    const client = await newDocument(keyed(key, { grant_types }))
    await visit(cookie, client)
    expect(await refusal(await machine(client, key))).toMatchObject({
      error: 'unauthorized_client',
    })
    await authorizeClient(admin(), client.id, { grantTypes: ['client_credentials'] })
    expect((await machine(client, key)).status).toBe(200)
    await age(client, 700)
    await publish(client.id, null)
    expect(await refusal(await machine(client, other))).toEqual(INVALID_CLIENT)
    expect(await refusal(await machine(client, key))).toMatchObject({ status: 503 })
    await republish(client, keyed(key, { grant_types }))
    await forgetAttempt(client)
    expect((await machine(client, key)).status).toBe(200)
  })
})
