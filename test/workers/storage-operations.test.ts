/** The storage operations of each request, as docs/promises.md lists them. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { INSERT_REFUSAL } from '../../src/stores/refusals.ts'
import { countedBindings, nothing, over } from './counting.ts'
import {
  machineToken,
  newRefreshingClient,
  renewal,
  sendAs,
  tokensIn,
  userTokens,
} from './obtaining.ts'
import {
  allowing,
  authorizePath,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  requestOf,
  serve,
  signIn,
  type TestClient,
} from './registry.ts'
import { newResource } from './resources.ts'

let client: TestClient
let cookie: string
const { bindings, costOf } = countedBindings()
const fetch = serve(bindings)
beforeAll(async () => {
  client = await newClient()
  cookie = await signIn(await newUser())
  // The first use of a secret in a day writes the date.
  await post('/token', credentialsOf(client))
})

describe('storage operations of the grants and the consent page', () => {
  it('client_credentials costs one D1 read and one KV write, and no D1 read once the client is cached', async () => {
    const ask = () => post('/token', credentialsOf(client), {}, fetch)
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), d1: 1, kvWrite: 1 })
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), kvWrite: 1 })
  })

  it('the first use of a secret in a day costs one D1 write more, after the response', async () => {
    const unused = await newClient()
    const ask = () => post('/token', credentialsOf(unused), {}, fetch)
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), d1: 2, kvWrite: 1 })
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), kvWrite: 1 })
  })

  it('a wrong secret for a cached client costs two D1 reads, as for an unknown client, and one D1 write after the response', async () => {
    const wrong = () => post('/token', credentialsOf({ ...client, secret: 'wrong' }), {}, fetch)
    expect(await costOf(wrong, 401)).toEqual({ ...nothing(), d1: 3 })
  })

  it('a code exchange costs one KV read, one D1 read, one D1 batch, one KV write and one KV deletion', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    const redeem = () => post('/token', redemptionOf(client, code), {}, fetch)
    const once = { d1: 2, kvRead: 1, kvWrite: 1, kvDelete: 1 }
    expect(await costOf(redeem, 200)).toEqual(once)
  })

  it('a code exchange without the code in KV costs one D1 read more', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    await env.CODES.delete(await digest(code))
    const redeem = () => post('/token', redemptionOf(client, code), {}, fetch)
    expect(await costOf(redeem, 200)).toEqual({ d1: 3, kvRead: 1, kvWrite: 1, kvDelete: 1 })
  })

  it('a malformed code costs one D1 read, and one D1 write after the response', async () => {
    const junk = () => post('/token', redemptionOf(client, 'regc_junk'), {}, fetch)
    expect(await costOf(junk, 400)).toEqual({ ...nothing(), d1: 2 })
  })

  it('a request for a resource costs as many storage operations as one without, because resources are read with the client', async () => {
    const uri = await newResource(['submission:read'])
    const request = requestOf(client, { resource: uri })
    const page = () => fetch(authorizePath(request), { headers: { Cookie: cookie } })
    expect(await costOf(page, 200)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
    const code = await obtainCode(cookie, request)
    const redeem = () => post('/token', redemptionOf(client, code), {}, fetch)
    expect(await costOf(redeem, 200)).toEqual({ d1: 2, kvRead: 1, kvWrite: 1, kvDelete: 1 })
    const ask = (resource: string) => () =>
      post('/token', credentialsOf(client, { resource }), {}, fetch)
    await ask(uri)()
    expect(await costOf(ask(uri), 200)).toEqual({ ...nothing(), kvWrite: 1 })
    const other = await newResource(['submission:create'])
    await ask(other)()
    for (const resource of [uri, other]) {
      expect(await costOf(ask(resource), 200)).toEqual({ ...nothing(), kvWrite: 1 })
    }
  })

  it('a refresh for a resource costs as many storage operations as one without', async () => {
    const own = await newRefreshingClient()
    await post('/token', credentialsOf(own))
    const uri = await newResource(['submission:read'])
    const code = await obtainCode(cookie, requestOf(own, { resource: uri }))
    const { refresh } = await tokensIn(await post('/token', redemptionOf(own, code)))
    const bound = await costOf(() => renewal(own, refresh, { resource: uri }, fetch), 200)
    const unbound = (await userTokens(own)).refresh
    expect(bound).toEqual(await costOf(() => renewal(own, unbound, {}, fetch), 200))
  })

  it('the consent page costs one KV read and three D1 reads', async () => {
    const own = await newClient()
    const page = () => fetch(authorizePath(requestOf(own)), { headers: { Cookie: cookie } })
    expect(await costOf(page, 200)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
  })

  it('an issued code costs one D1 write and one KV write on top of the reads of the consent page', async () => {
    const own = await newClient()
    const page = await fetch(authorizePath(requestOf(own)), { headers: { Cookie: cookie } })
    const fields = allowing(await page.text())
    const answer = () => post('/authorize', fields, { Cookie: cookie }, fetch)
    expect(await costOf(answer, 303)).toEqual({ ...nothing(), d1: 4, kvRead: 1, kvWrite: 1 })
  })

  it('a malformed session cookie costs no storage operation', async () => {
    const headers = { Cookie: 'registry_session=regb_junk' }
    expect(await costOf(() => fetch('/', { headers }), 200)).toEqual(nothing())
  })
})

describe('storage operations of a refusal', () => {
  it('a refusal is recorded after the response, and a success is not', async () => {
    let isWritten = false
    const DB = over(env.DB, {
      prepare(sql: string) {
        if (sql === INSERT_REFUSAL) isWritten = true
        return env.DB.prepare(sql)
      },
    })
    const watched = serve({ DB })
    expect((await post('/token', credentialsOf(client), {}, watched)).status).toBe(200)
    expect(isWritten).toBe(false)
    expect((await post('/token', { grant_type: 'x' }, {}, watched)).status).toBe(400)
    expect(isWritten).toBe(true)
  })

  it('a request for an unknown path costs no storage operation', async () => {
    expect(await costOf(() => fetch('/nothing-here'), 404)).toEqual(nothing())
  })
})

describe('storage operations of /revoke and /introspect', () => {
  let refreshing: TestClient
  beforeAll(async () => {
    refreshing = await newRefreshingClient({ mayIntrospect: true })
    await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
  })
  const cost = (path: '/revoke' | '/introspect', token: string) =>
    costOf(() => sendAs(refreshing, path, { token }, fetch), 200)

  it('the revocation of an access token costs one KV read, one D1 read, two D1 writes and one KV write', async () => {
    const first = await cost('/revoke', await machineToken(refreshing))
    // The document of bulk revocations is read again after some seconds.
    expect(first).toEqual({ d1: 3, kvRead: 2, kvWrite: 1, kvDelete: 0 })
    const second = await cost('/revoke', await machineToken(refreshing))
    expect(second).toEqual({ d1: 3, kvRead: 1, kvWrite: 1, kvDelete: 0 })
  })

  it('the revocation of a refresh token costs two D1 reads, one D1 batch and one KV write for each session', async () => {
    const { refresh } = await userTokens(refreshing)
    expect(await cost('/revoke', refresh)).toEqual({ ...nothing(), d1: 3, kvWrite: 1 })
  })

  it('the introspection of an access token costs one KV read and two D1 reads', async () => {
    const token = await machineToken(refreshing)
    expect(await cost('/introspect', token)).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })

  it("the introspection of a refresh token costs two D1 reads, and one more for another client's token", async () => {
    const { refresh } = await userTokens(refreshing)
    expect(await cost('/introspect', refresh)).toEqual({ ...nothing(), d1: 2 })
    const others = await userTokens(await newRefreshingClient())
    expect(await cost('/introspect', others.refresh)).toEqual({ ...nothing(), d1: 3 })
  })

  it('an unknown access token costs one KV read and one D1 read, and an unknown refresh token two D1 reads', async () => {
    const access = mintToken('accessToken')
    expect(await cost('/introspect', access)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    const refresh = mintToken('refreshToken')
    expect(await cost('/introspect', refresh)).toEqual({ ...nothing(), d1: 2 })
    expect(await cost('/revoke', refresh)).toEqual({ ...nothing(), d1: 2 })
  })

  it('a malformed token costs one D1 read at /revoke and at /introspect', async () => {
    expect(await cost('/revoke', 'junk')).toEqual({ ...nothing(), d1: 1 })
    expect(await cost('/introspect', 'junk')).toEqual({ ...nothing(), d1: 1 })
  })
})
