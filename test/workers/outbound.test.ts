/** Requests to addresses that a client or an operator names: which are never sent, and how much of a response is read. */

import { describe, expect, it } from 'vitest'
import { fetchBounded } from '../../src/outbound/fetch-bounded.ts'
import { JSON_TYPES } from '../../src/protocol/outbound.ts'
import { allRequests, newHost, type Published, publish, requestsTo } from './world.ts'

const ask = (url: string, { deadlineSeconds = 30, allowsLoopback = false } = {}) =>
  fetchBounded(allowsLoopback)({ url, accept: JSON_TYPES, maxBytes: 100, deadlineSeconds })

const JSON_TYPE = { 'Content-Type': 'application/json' }

async function asked(answer: Published, deadlineSeconds?: number) {
  const host = newHost()
  const url = `https://${host}/client.json`
  await publish(url, answer)
  const outbound = await ask(url, deadlineSeconds === undefined ? {} : { deadlineSeconds })
  return { host, outbound }
}

/** A request for this address, in the spelling that a Worker would send it. */
const askedFor = (url: string) =>
  expect.objectContaining({ url: URL.canParse(url) ? new URL(url).href.replace(/#.*/, '') : url })

/** A canary: a response that would be accepted if it were requested. */
const CANARY: Published = { headers: JSON_TYPE, body: '{}' }

describe('addresses that are never requested', () => {
  it.each([
    'http://app.example/client.json',
    'ftp://app.example/client.json',
    'file:///etc/passwd',
    'data:application/json,{}',
    'https://app.example:8443/client.json',
    'https://app.example:443/client.json',
    'https://user@app.example/client.json',
    'https://user:secret@app.example/client.json',
    'https://app.example@127.0.0.1/client.json',
    'https://127.0.0.1\\@app.example/client.json',
    'https://app.example/client.json#fragment',
    'https://app.example/a/../client.json',
    'https://app.example/./client.json',
    'https://app.example/%2e%2e/client.json',
    'https://APP.example/client.json',
    'https://app.example./client.json',
    'https://app.example /client.json',
    ' https://app.example/client.json',
    'https:app.example/client.json',
    'https:///app.example/client.json',
    '//app.example/client.json',
    'https://127.0.0.1/client.json',
    'https://127.1/client.json',
    'https://2130706433/client.json',
    'https://0x7f000001/client.json',
    'https://0x7f.0.0.1/client.json',
    'https://017700000001/client.json',
    'https://0177.0.0.1/client.json',
    'https://127.0.0.1./client.json',
    'https://0/client.json',
    'https://10.0.0.7/client.json',
    'https://169.254.169.254/latest/meta-data',
    'https://192.0.2.1/client.json',
    'https://１２７.0.0.1/client.json',
    'https://[::1]/client.json',
    'https://[::]/client.json',
    'https://[::ffff:127.0.0.1]/client.json',
    'https://[::ffff:7f00:1]/client.json',
    'https://[fe80::1]/client.json',
    'https://[2001:db8::1]/client.json',
    'https://[64:ff9b::7f00:1]/client.json',
    'https://localhost/client.json',
    'https://app.localhost/client.json',
    'https://LOCALHOST/client.json',
    'https://registry/client.json',
    'https://printer.local/client.json',
    'https://metadata.google.internal/computeMetadata',
    'https://hidden.onion/client.json',
    'https://app.test/client.json',
    'https://app.invalid/client.json',
    'https://1.0.0.127.in-addr.arpa/client.json',
    'https://router.home.arpa/client.json',
    'https://nas.lan/client.json',
    'https://localhost.localdomain/client.json',
    `https://app.example/${'x'.repeat(500)}`,
    '',
  ])('no request is sent to %j', async (url) => {
    if (URL.canParse(url) && url.startsWith('http')) {
      await publish(new URL(url).href.replace(/#.*/, ''), CANARY)
    }
    expect(await ask(url)).toMatchObject({ kind: 'failed' })
    expect(await allRequests()).not.toContainEqual(askedFor(url))
  })

  it('control: a request to a public https address is sent, without a cookie and without credentials', async () => {
    const { host, outbound } = await asked({ headers: JSON_TYPE, body: '{"a":1}' })
    expect(await allRequests()).toContainEqual(askedFor(`https://${host}/client.json`))
    expect(outbound).toMatchObject({ kind: 'fetched', mediaType: 'application/json' })
    const [request] = await requestsTo(host)
    expect(request?.headers).toMatchObject({ accept: 'application/json' })
    expect(Object.keys(request?.headers ?? {})).not.toEqual(
      expect.arrayContaining(['cookie', 'authorization', 'referer']),
    )
  })

  it.each(['http://127.0.0.1:9100/a', 'http://[::1]:9100/a', 'http://localhost:9100/a'])(
    'a request to a loopback address is sent only if loopback is allowed: %s',
    async (url) => {
      await publish(url, CANARY)
      expect(await ask(url)).toMatchObject({ kind: 'failed' })
      expect(await ask(url, { allowsLoopback: true })).toMatchObject({ kind: 'fetched' })
    },
  )

  it.each([
    'http://127.0.0.2:9100/a',
    'http://10.0.0.7/a',
    'https://10.0.0.7/a',
    'http://app.example/a',
    'https://app.example:8443/a',
    'http://user@127.0.0.1:9100/a',
    'http://localhost.example/a',
    'https://[::ffff:127.0.0.1]/a',
  ])('if loopback is allowed, no other forbidden address is: %s', async (url) => {
    await publish(new URL(url).href, CANARY)
    expect(await ask(url, { allowsLoopback: true })).toMatchObject({ kind: 'failed' })
    expect(await allRequests()).not.toContainEqual(askedFor(url))
  })

  it('a redirect is not followed, wherever it leads', async () => {
    const canary = newHost()
    await publish(`https://${canary}/client.json`, CANARY)
    for (const status of [301, 302, 303, 307, 308]) {
      for (const Location of [`https://${canary}/client.json`, 'http://127.0.0.1:9100/', '/b']) {
        const { outbound } = await asked({ status, headers: { ...JSON_TYPE, Location } })
        expect(outbound).toEqual({ kind: 'failed', reason: `answered with the status ${status}` })
      }
    }
    expect(await requestsTo(canary)).toEqual([])
    expect(await requestsTo('127.0.0.1:9100')).not.toContainEqual(
      expect.objectContaining({ url: 'http://127.0.0.1:9100/' }),
    )
  })
})

describe('responses that are refused', () => {
  it.each([201, 203, 204, 206, 304, 400, 401, 404, 410, 429, 500, 503, 530])(
    'a response with the status %d is refused',
    async (status) => {
      const { outbound } = await asked({ status, headers: JSON_TYPE })
      expect(outbound).toEqual({ kind: 'failed', reason: `answered with the status ${status}` })
    },
  )

  it.each(['', 'text/html', 'text/json', 'application/jsonp', 'image/svg+json', 'json'])(
    'a response with the content type %j is refused',
    async (type) => {
      const { outbound } = await asked({ headers: { 'Content-Type': type }, body: '{}' })
      expect(outbound).toEqual({ kind: 'failed', reason: 'answered with another content type' })
    },
  )

  it.each(['application/json', 'APPLICATION/JSON ; charset=utf-8', 'application/cimd+json'])(
    'a response with the content type %j is accepted',
    async (type) => {
      const { outbound } = await asked({ headers: { 'Content-Type': type }, body: '{}' })
      expect(outbound.kind).toBe('fetched')
    },
  )

  it('a response of exactly the maximum size is accepted, and one with a byte more is refused', async () => {
    const most = await asked({ headers: JSON_TYPE, body: '{}', fillingBytes: 98 })
    expect(most.outbound).toMatchObject({ kind: 'fetched', bytes: { byteLength: 100 } })
    const more = await asked({ headers: JSON_TYPE, body: '{}', fillingBytes: 99 })
    const reason = 'answered with more than 100 bytes'
    expect(more.outbound).toEqual({ kind: 'failed', reason })
  })

  it('only the beginning of a response of 5 MB is read', async () => {
    const { outbound } = await asked({ headers: JSON_TYPE, fillingBytes: 5 * 1024 * 1024 })
    expect(outbound).toMatchObject({ reason: 'answered with more than 100 bytes' })
  })

  it('a response in pieces, without a Content-Length, is refused if it exceeds the maximum size', async () => {
    const pieces = { fillingBytes: 200, pieceBytes: 10 }
    const { outbound } = await asked({ headers: JSON_TYPE, ...pieces })
    expect(outbound).toMatchObject({ reason: 'answered with more than 100 bytes' })
  })

  it('the deadline covers a server that does not answer, and one whose body does not end', async () => {
    const silent = await asked({ headers: JSON_TYPE, body: '{}', delayMs: 5000 }, 0.2)
    expect(silent.outbound).toMatchObject({ reason: 'has not answered within 0.2 s' })
    const slow = { headers: JSON_TYPE, body: '{"a":1}', pieceBytes: 1, pieceEveryMs: 700 }
    const begun = Date.now()
    expect((await asked(slow, 0.3)).outbound).toMatchObject({
      reason: 'has not answered within 0.3 s',
    })
    // The body would take 5.6 s.
    expect(Date.now() - begun).toBeLessThan(5000)
  })
})

describe('the freshness of a response', () => {
  const MINUTE = 'Sun, 06 Nov 1994 08:50:37 GMT'
  const EARLIER = 'Sun, 06 Nov 1994 08:49:37 GMT'
  it.each<[Record<string, string>, number | null]>([
    [{}, null],
    [{ 'Cache-Control': 'public' }, null],
    [{ 'Cache-Control': 'max-age=600' }, 600],
    [{ 'Cache-Control': 'public, MAX-AGE="600"' }, 600],
    [{ 'Cache-Control': 'max-age=600', Age: '100' }, 500],
    [{ 'Cache-Control': 'max-age=600', Age: '700' }, 0],
    [{ 'Cache-Control': 'max-age=-1' }, null],
    [{ 'Cache-Control': 'max-age=1e9' }, null],
    [{ 'Cache-Control': 'max-age=99999999999999999999' }, null],
    [{ 'Cache-Control': 'no-store, max-age=600' }, 0],
    [{ 'Cache-Control': 'no-cache' }, 0],
    [{ Expires: MINUTE, Date: EARLIER }, 60],
    [{ Expires: MINUTE, Date: EARLIER, Age: '10' }, 50],
    [{ Expires: EARLIER, Date: MINUTE }, 0],
    [{ Expires: '0' }, 0],
    [{ Expires: MINUTE }, 0],
    [{ 'Cache-Control': 'max-age=5', Expires: MINUTE, Date: EARLIER }, 5],
  ])('a response with %j is fresh for %j s', async (headers, freshSeconds) => {
    const { outbound } = await asked({ headers: { ...JSON_TYPE, ...headers }, body: '{}' })
    expect(outbound).toMatchObject({ kind: 'fetched', freshSeconds })
  })
})
