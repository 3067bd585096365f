/** How long a metadata document is fresh, what works while it cannot be fetched, and how often its host is requested. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { STALE_DOCUMENT_SECONDS } from '../../src/domain/client-document.ts'
import { countedBindings, nothing } from './counting.ts'
import {
  accepting,
  age,
  asked,
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
  tokensFor,
  visit,
} from './document-clients.ts'
import { newKey } from './keys.ts'
import { loggedBy } from './logged.ts'
import { authorizePath, newUser, post, refusal, serve, signIn } from './registry.ts'
import { documentAt, newHost, publish, requestsTo, served } from './world.ts'

const lines = loggedBy('log')

let cookie: string
beforeAll(async () => {
  await declareOpenScope()
  cookie = await signIn(await newUser())
})

const UNREACHABLE = { status: 503, error: 'temporarily_unavailable' }

const freshSeconds = async ({ id }: Published) => {
  const sql = 'SELECT fresh_until - fetched_at AS seconds FROM client_document WHERE client_id = ?1'
  return env.DB.prepare(sql).bind(id).first<number>('seconds')
}

describe('the freshness of a metadata document', () => {
  it.each<[string, number]>([
    ['max-age=600', 600],
    ['max-age=0', 60],
    ['no-store', 60],
    ['max-age=59', 60],
    ['max-age=604800', 86_400],
    ['', 3600],
  ])(
    'a metadata document with the header Cache-Control: %s is fresh for %d s',
    async (header, seconds) => {
      const client = await newDocument({}, { 'Cache-Control': header })
      expect((await visit(cookie, client)).status).toBe(200)
      expect(await freshSeconds(client)).toBe(seconds)
    },
  )

  it('a fresh metadata document is not fetched again, and one that is no longer fresh is', async () => {
    const client = await newDocument({}, { 'Cache-Control': 'max-age=600' })
    for (let n = 0; n < 3; n += 1) await visit(cookie, client)
    await age(client, 590)
    await visit(cookie, client)
    expect(await requestsTo(client.host)).toHaveLength(1)
    await age(client, 20)
    await visit(cookie, client)
    expect(await requestsTo(client.host)).toHaveLength(2)
  })
})

describe('a metadata document that can no longer be fetched', () => {
  it.each<[string, (client: Published) => Promise<void>]>([
    ['its host does not answer', ({ id }) => publish(id, null)],
    ['it is gone', ({ id }) => publish(id, { status: 404 })],
    ['it is invalid', (client) => republish(client, { client_name: 7 })],
    [
      'its client_id is that of another client',
      (client) => republish(client, { client_id: 'https://a.example/b' }),
    ],
  ])(
    'a client whose metadata document is no longer valid can refresh for a day, and nothing else, when %s',
    async (_, spoil) => {
      const client = await newDocument()
      const { refresh_token } = await tokensFor(client, {}, cookie)
      const code = await codeFor(cookie, client)
      await spoil(client)
      await age(client, 700)
      const page = await visit(cookie, client)
      expect([page.status, page.headers.get('Location')]).toEqual([400, null])
      await forgetAttempt(client)
      expect(await refusal(await redeem(client, code))).toEqual(UNREACHABLE)
      await forgetAttempt(client)
      lines.length = 0
      const renewed = await refresh(client, refresh_token)
      expect(renewed.status).toBe(200)
      expect(lines).toContainEqual(
        expect.objectContaining({ event: 'stale_document_used', clientId: client.id }),
      )
      const { refresh_token: next } = await granted(renewed)
      await age(client, STALE_DOCUMENT_SECONDS)
      expect(await refusal(await refresh(client, next))).toEqual(UNREACHABLE)
      // Neither the refresh token nor the code was spent.
      await republish(client)
      await forgetAttempt(client)
      expect((await refresh(client, next)).status).toBe(200)
      expect((await redeem(client, code)).status).toBe(200)
    },
  )

  it('a refresh fetches a metadata document that is no longer fresh, and applies its changes', async () => {
    const client = await newDocument({ scope: 'public:read' })
    const { refresh_token } = await tokensFor(client, {}, cookie)
    await age(client, 700)
    await republish(client, { grant_types: ['authorization_code'], scope: 'public:read' })
    expect(await refusal(await refresh(client, refresh_token))).toMatchObject({
      error: 'unauthorized_client',
    })
    expect(await requestsTo(client.host)).toHaveLength(2)
  })

  it('a refresh with a malformed or unknown token does not fetch the metadata document', async () => {
    const client = await newDocument()
    await tokensFor(client, {}, cookie)
    await age(client, 700)
    const attempts = ['regr_junk', `regr_${'x'.repeat(43)}`]
    for (const token of attempts) {
      expect(await refusal(await refresh(client, token))).toMatchObject({ error: 'invalid_grant' })
    }
    expect(await requestsTo(client.host)).toHaveLength(1)
  })

  it('introspection needs a metadata document that is fresh or can be fetched, and revocation does not', async () => {
    const key = await newKey()
    const client = await newDocument(keyed(key))
    const { access_token } = await tokensFor(client, await signedBy(client, key), cookie)
    await age(client, 700)
    await publish(client.id, null)
    const about = async () => ({ token: access_token, ...(await signedBy(client, key)) })
    expect(await refusal(await post('/introspect', await about(), {}, accepting))).toEqual(
      UNREACHABLE,
    )
    expect((await post('/revoke', await about(), {}, accepting)).status).toBe(200)
    await republish(client, keyed(key))
    await forgetAttempt(client)
    const seen = await post('/introspect', await about(), {}, accepting)
    expect(await seen.json()).toEqual({ active: false })
  })
})

describe('many requests for metadata documents', () => {
  const unreachable = (): Published => {
    const host = newHost()
    return { id: `https://${host}/client.json`, host, callback: `https://${host}/callback` }
  }

  it('100 authorization requests for one client whose host does not answer cause one request to the host', async () => {
    const client = unreachable()
    const begunMs = Date.now()
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await visit(cookie, client)).status),
    )
    const asked = (await requestsTo(client.host)).length
    // If these take longer than ten seconds, one more request is allowed for each ten.
    expect(asked).toBeLessThanOrEqual(mostAttemptsSince(begunMs))
    expect(statuses.filter((status) => status === 400)).toHaveLength(asked)
    expect(statuses.filter((status) => status === 429)).toHaveLength(100 - asked)
  })

  it('authorization requests for 100 clients at one host that does not answer cause one request to the host', async () => {
    const { host, callback } = unreachable()
    const begunMs = Date.now()
    let refusedAtOnce = 0
    for (let n = 0; n < 100; n += 1) {
      const client = { id: `https://${host}/client-${n}.json`, host, callback }
      const page = await visit(cookie, client)
      if (page.status === 429) refusedAtOnce += 1
      else expect(page.status).toBe(400)
      expect(page.headers.get('Retry-After')).toBe(page.status === 429 ? '10' : null)
    }
    const asked = (await requestsTo(host)).length
    expect(asked).toBeLessThanOrEqual(mostAttemptsSince(begunMs))
    expect(refusedAtOnce).toBe(100 - asked)
  })

  it('a host that did not answer is requested again after ten seconds and not before', async () => {
    const client = unreachable()
    await visit(cookie, client)
    await age(client, 9)
    expect((await visit(cookie, client)).status).toBe(429)
    await age(client, 1)
    await visit(cookie, client)
    expect(await requestsTo(client.host)).toHaveLength(2)
  })

  it('a host that answered with a valid metadata document is requested for the next document at once', async () => {
    const { host, callback } = unreachable()
    for (const name of ['one', 'two', 'three']) {
      const id = `https://${host}/${name}.json`
      await publish(id, served(documentAt(id)))
      expect((await visit(cookie, { id, host, callback })).status).toBe(200)
    }
  })

  it('20 simultaneous requests for a new metadata document fetch it once', async () => {
    const client = await newDocument()
    const pages = await Promise.all(Array.from({ length: 20 }, () => visit(cookie, client)))
    expect(pages.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    expect(pages.every(({ status }) => status === 200 || status === 429)).toBe(true)
    expect(await requestsTo(client.host)).toHaveLength(1)
  })
})

describe('storage operations of clients with a metadata document', () => {
  const { bindings, costOf } = countedBindings()
  const fetch = serve({ ...bindings, CLIENT_DOCUMENTS: 'any' })

  it('with a fresh metadata document the consent page, the code exchange and the refresh cost the same as for any client', async () => {
    const client = await newDocument()
    await visit(cookie, client)
    const page = () => visit(cookie, client, { prompt: 'consent' }, fetch)
    expect(await costOf(page, 200)).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
    const code = await codeFor(cookie, client)
    const exchange = () => redeem(client, code, {}, fetch)
    expect(await costOf(exchange, 200)).toEqual({ d1: 2, kvRead: 1, kvWrite: 1, kvDelete: 1 })
    const { refresh_token } = await tokensFor(client, {}, cookie)
    const renewing = () => refresh(client, refresh_token, {}, fetch)
    expect(await costOf(renewing, 200)).toEqual({ ...nothing(), d1: 3, kvWrite: 1 })
  })

  it('a metadata document that is no longer fresh costs one more D1 read, and two batches if it is unchanged', async () => {
    const client = await newDocument()
    await visit(cookie, client)
    await age(client, 700)
    // The client, the session, the claim, the stored document, the client again, the terms.
    expect(await costOf(() => visit(cookie, client, {}, fetch), 200)).toEqual({
      ...nothing(),
      d1: 3 + 1 + 2,
      kvRead: 1,
    })
  })

  it('a new metadata document costs one more D1 read and three batches', async () => {
    const client = await newDocument()
    expect(await costOf(() => visit(cookie, client, {}, fetch), 200)).toEqual({
      ...nothing(),
      d1: 3 + 1 + 3,
      kvRead: 1,
    })
  })

  it('control: a request without a session costs only the read of the client', async () => {
    const client = await newDocument()
    const visitor = () => fetch(authorizePath(asked(client)))
    expect(await costOf(visitor, 303)).toEqual({ ...nothing(), d1: 1 })
  })
})
