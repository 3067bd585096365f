/** What each request asks of storage: the table of docs/promises.md, counted. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { INSERT_REFUSAL } from '../../src/stores/refusals.ts'
import { type Count, countedBindings, nothing, over } from './counting.ts'
import { machineToken, newRefreshingClient, sendAs, userTokens } from './obtaining.ts'
import {
  authorizePath,
  credentialsOf,
  type Fetch,
  fieldsOf,
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

let client: TestClient
let cookie: string
let fetch: Fetch
let count: Count
beforeAll(async () => {
  client = await newClient()
  cookie = await signIn(await newUser())
  const counted = countedBindings()
  count = counted.count
  fetch = serve(counted.bindings)
  // The day's first use of a secret writes its date once.
  await post('/token', credentialsOf(client))
})

async function costOf(request: () => Promise<Response>, status: number) {
  Object.assign(count, nothing())
  const response = await request()
  expect(response.status).toBe(status)
  return { ...count }
}

describe('storage operations of a request', () => {
  it('client_credentials: one D1 read for the first, none while the record is in the isolate', async () => {
    const ask = () => post('/token', credentialsOf(client), {}, fetch)
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), d1: 1, kvWrite: 1 })
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), kvWrite: 1 })
  })

  it('the first use of a secret in a day: one D1 write more, after the answer', async () => {
    const unused = await newClient()
    const ask = () => post('/token', credentialsOf(unused), {}, fetch)
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), d1: 2, kvWrite: 1 })
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), kvWrite: 1 })
  })

  it('a refused secret on a record from the isolate: two D1 reads, as for an unknown client, one D1 write after the answer', async () => {
    const wrong = () => post('/token', credentialsOf({ ...client, secret: 'wrong' }), {}, fetch)
    expect(await costOf(wrong, 401)).toEqual({ ...nothing(), d1: 3 })
  })

  it('code exchange: one KV read, the client from D1, one D1 batch to spend, one KV write, one deletion', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    const redeem = () => post('/token', redemptionOf(client, code), {}, fetch)
    const once = { d1: 2, kvRead: 1, kvWrite: 1, kvDelete: 1 }
    expect(await costOf(redeem, 200)).toEqual(once)
  })

  it('code exchange where KV has no code: one D1 read more', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    await env.CODES.delete(await digest(code))
    const redeem = () => post('/token', redemptionOf(client, code), {}, fetch)
    expect(await costOf(redeem, 200)).toEqual({ d1: 3, kvRead: 1, kvWrite: 1, kvDelete: 1 })
  })

  it('a junk code: the client from D1, and one D1 write after the answer, for the operator', async () => {
    const junk = () => post('/token', redemptionOf(client, 'regc_junk'), {}, fetch)
    expect(await costOf(junk, 400)).toEqual({ ...nothing(), d1: 2 })
  })

  it('the consent page: the session and its revocation, the client, the user with consents', async () => {
    const own = await newClient()
    const page = () => fetch(authorizePath(requestOf(own)), { headers: { Cookie: cookie } })
    expect(await costOf(page, 200)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
  })

  it('a code issued: one D1 write and one KV write on top of what the page reads', async () => {
    const own = await newClient()
    const page = await fetch(authorizePath(requestOf(own)), { headers: { Cookie: cookie } })
    const fields: [string, string][] = [
      ...fieldsOf(await page.text(), '/authorize'),
      ['confirm', 'ok'],
    ]
    const answer = () => post('/authorize', fields, { Cookie: cookie }, fetch)
    expect(await costOf(answer, 303)).toEqual({ ...nothing(), d1: 4, kvRead: 1, kvWrite: 1 })
  })

  it('a junk cookie: nothing', async () => {
    const headers = { Cookie: 'registry_session=regb_junk' }
    expect(await costOf(() => fetch('/', { headers }), 200)).toEqual(nothing())
  })
})

describe('what explains a refusal', () => {
  it('is written after the answer, and only for refusals', async () => {
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

  it('costs nothing where there is nothing: an unknown address', async () => {
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

  it('an access token revoked: one KV read, the client from D1; D1 is written, then KV, and after the answer D1 that KV has it', async () => {
    const first = await cost('/revoke', await machineToken(refreshing))
    // The document of bulk revocations, read again after some seconds.
    expect(first).toEqual({ d1: 3, kvRead: 2, kvWrite: 1, kvDelete: 0 })
    const second = await cost('/revoke', await machineToken(refreshing))
    expect(second).toEqual({ d1: 3, kvRead: 1, kvWrite: 1, kvDelete: 0 })
  })

  it('a refresh token revoked: it and the client from D1, one batch for all of it, one KV write for each session', async () => {
    const { refresh } = await userTokens(refreshing)
    expect(await cost('/revoke', refresh)).toEqual({ ...nothing(), d1: 3, kvWrite: 1 })
  })

  it('an access token inspected: one KV read, one D1 read, the client from D1', async () => {
    const token = await machineToken(refreshing)
    expect(await cost('/introspect', token)).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })

  it("a refresh token inspected: it and the client from D1; another client's: that client too", async () => {
    const { refresh } = await userTokens(refreshing)
    expect(await cost('/introspect', refresh)).toEqual({ ...nothing(), d1: 2 })
    const others = await userTokens(await newRefreshingClient())
    expect(await cost('/introspect', others.refresh)).toEqual({ ...nothing(), d1: 3 })
  })

  it('an unknown access token: the client from D1, one KV read; an unknown refresh token: one D1 read more', async () => {
    const access = mintToken('accessToken')
    expect(await cost('/introspect', access)).toEqual({ ...nothing(), d1: 1, kvRead: 1 })
    const refresh = mintToken('refreshToken')
    expect(await cost('/introspect', refresh)).toEqual({ ...nothing(), d1: 2 })
    expect(await cost('/revoke', refresh)).toEqual({ ...nothing(), d1: 2 })
  })

  it('junk: the client from D1', async () => {
    expect(await cost('/revoke', 'junk')).toEqual({ ...nothing(), d1: 1 })
    expect(await cost('/introspect', 'junk')).toEqual({ ...nothing(), d1: 1 })
  })
})
