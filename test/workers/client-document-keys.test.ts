/** Clients with a metadata document that authenticate with keys: inline, or published at jwks_uri. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { authorizeClient, disableClient } from '../../src/flows/registration/clients.ts'
import { createDocumentHost } from '../../src/flows/registration/document-hosts.ts'
import { housekeepingStore, sweepInTurns } from '../../src/stores/housekeeping.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import { API, newAdministrator } from './administration.ts'
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
  nowSeconds,
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

/** A client whose metadata document names a jwks_uri at its own host, which serves these keys. */
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

describe('a metadata document with keys', () => {
  it('a client with inline keys gets and refreshes tokens with its assertion', async () => {
    const client = await newDocument(keyed(key))
    const redeemed = await redeemAs(client, key)
    expect(redeemed.status).toBe(200)
    const { refresh_token } = await granted(redeemed)
    expect((await refresh(client, refresh_token, await signedBy(client, key))).status).toBe(200)
  })

  it('a client with jwks_uri gets tokens, and its keys are fetched once', async () => {
    const { client } = await publishing(other, key)
    expect((await redeemAs(client, key)).status).toBe(200)
    expect((await redeemAs(client, other)).status).toBe(200)
    expect(await requestsTo(client.host)).toHaveLength(2)
  })

  it.each<[string, Record<string, unknown>]>([
    ['private_key_jwt', {}],
    ['none', { token_endpoint_auth_method: 'none' }],
    [
      'both none and private_key_jwt',
      { token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] },
    ],
  ])(
    'a client whose metadata document has keys must authenticate, even if the document names %s',
    async (_, more) => {
      const client = await newDocument(keyed(key, more))
      const code = await codeFor(cookie, client)
      expect(await refusal(await redeem(client, code))).toEqual(INVALID_CLIENT)
      expect((await redeemAs(client, key, code)).status).toBe(200)
    },
  )

  it('a client with an invalid assertion is refused and not treated as a public client, and its code is not spent', async () => {
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

  it('a public client with an assertion is refused, and works without one', async () => {
    const client = await newDocument()
    const code = await codeFor(cookie, client)
    expect(await refusal(await redeemAs(client, key, code))).toEqual(INVALID_CLIENT)
    expect((await redeem(client, code)).status).toBe(200)
  })

  it('an assertion leaves one row until it expires, and none once the client is disabled or its host is blocked', async () => {
    await env.DB.prepare('DELETE FROM used_jti').run()
    const kept = () => env.DB.prepare('SELECT count(*) AS n FROM used_jti').first('n')
    const blocked = await newDocument(keyed(key))
    const disabled = await newDocument(keyed(key))
    expect([await redeemAs(blocked, key), await redeemAs(disabled, key)]).toMatchObject([
      { status: 200 },
      { status: 200 },
    ])
    expect(await kept()).toBe(2)
    await createDocumentHost(admin(), { host: blocked.host, rule: 'block' })
    await disableClient(admin(), disabled.id)
    for (const client of [blocked, disabled]) {
      expect(await refusal(await redeemAs(client, key, 'regc_x'))).toEqual(INVALID_CLIENT)
    }
    expect(await kept()).toBe(2)
    // An assertion expires at most 600 s after the request, and clocks may differ by a minute.
    const later = nowSeconds() + 600 + 60 + 66
    await sweepInTurns(housekeepingStore(env.DB), sweepsOf(400), later, () => {})
    expect(await kept()).toBe(0)
  })

  it('a client with a metadata document like that of ChatGPT authenticates with its keys', async () => {
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
  it('an unknown key makes the registry fetch the keys again if the request shows a code of the client', async () => {
    const { client, publishKeys } = await publishing(key)
    const code = await codeFor(cookie, client)
    await publishKeys(other)
    expect((await redeemAs(client, other, code)).status).toBe(200)
    expect(await refusal(await redeemAs(client, key))).toEqual(INVALID_CLIENT)
  })

  it('an unknown key makes the registry fetch the keys again if the request shows a refresh token of the client', async () => {
    const { client, publishKeys } = await publishing(key)
    const { refresh_token } = await granted(await redeemAs(client, key))
    await publishKeys(other, key)
    const renewed = await refresh(client, refresh_token, await signedBy(client, other))
    expect(renewed.status).toBe(200)
  })

  it('an unknown key in a request without a code or refresh token of the client fetches nothing', async () => {
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

  it('a key that stays unknown causes at most one fetch in ten seconds', async () => {
    const { client } = await publishing(key)
    const code = await codeFor(cookie, client)
    const asked = (await requestsTo(client.host)).length
    const begunMs = Date.now()
    for (let n = 0; n < 10; n += 1) {
      expect(await refusal(await redeemAs(client, other, code))).toEqual(INVALID_CLIENT)
    }
    const more = (await requestsTo(client.host)).length - asked
    expect(more).toBeGreaterThan(0)
    // One request for the document and one for its keys.
    expect(more).toBeLessThanOrEqual(2 * mostAttemptsSince(begunMs))
    expect((await redeemAs(client, key, code)).status).toBe(200)
  })

  it('the sessions that a key opened end when the key is removed, and not when another key is added', async () => {
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

  it('the user is asked for consent again when the keys of the client change, even at jwks_uri', async () => {
    const { client, publishKeys } = await publishing(key)
    await codeFor(cookie, client)
    expect((await visit(cookie, client)).status).toBe(303)
    await age(client, 100_000)
    await publishKeys(key, other)
    expect((await visit(cookie, client)).status).toBe(200)
  })

  it('removing the keys from a metadata document ends the sessions of the client, and the user is asked for consent again', async () => {
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

  it('a redemption signed with a key that was replaced after the authorization is refused', async () => {
    const client = await newDocument(keyed(key))
    const code = await codeFor(cookie, client)
    await age(client, 100_000)
    await republish(client, keyed(other))
    expect(await refusal(await redeemAs(client, key, code))).toEqual(INVALID_CLIENT)
    expect((await redeemAs(client, other, code)).status).toBe(200)
  })
})

describe('jwks_uri at another host', () => {
  it('metadata documents with keys at one host cause one request to that host in ten seconds', async () => {
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

  it('the keys of an operator’s client with jwks_uri are fetched when the client first redeems a code', async () => {
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

  it.each([
    ['acts for itself', { grant_types: ['client_credentials'] }],
    ['only introspects', { grant_types: [], may_introspect: true }],
  ])(
    'an operator’s client with jwks_uri that %s has its keys read when it is registered',
    async (_, more) => {
      const jwks_uri = `https://${newHost()}/jwks.json`
      await publish(jwks_uri, served(JSON.parse(keySetOf(key.jwk))))
      const { token } = await newAdministrator()
      const registered = await accepting(`${API}/clients`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({
          ...{ name: 'Service', owner_id: 'o', auth_method: 'private_key_jwt', jwks_uri, ...more },
        }),
      })
      const { client_id } = (await registered.json()) as { client_id: string }
      const introspectWith = async (by: Key) => {
        const assertion = asserting(await assertionOf(client_id, by))
        return post('/introspect', { token: 'unknown', ...assertion }, {}, accepting)
      }
      expect((await introspectWith(key)).status).toBe(200)
      // Control: a key that is not published authenticates no one.
      expect(await refusal(await introspectWith(other))).toEqual(INVALID_CLIENT)
    },
  )
})

describe('client_credentials of a client with a metadata document', () => {
  const machine = async (client: Published, by: Key) =>
    post(
      '/token',
      { grant_type: 'client_credentials', ...(await signedBy(client, by)) },
      {},
      accepting,
    )

  it('client_credentials of a client with a metadata document needs the approval of an operator and a document that can be fetched', async () => {
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
