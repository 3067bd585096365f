/** How the command line reads responses of Cloudflare's HTTP API: a value, its absence, or an error in one line. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { d1OverHttp, kvOverHttp } from '../../src/cli/storage-http.ts'

const api = { baseUrl: 'https://api.example', accountId: 'account-1', token: 'a secret token' }
const db = d1OverHttp(api, 'database-1')
const kv = kvOverHttp(api, 'namespace-1')
const asked: { url: string; body: unknown }[] = []
afterEach(() => {
  asked.length = 0
  vi.unstubAllGlobals()
})

const answering = (status: number, body: unknown) =>
  vi.stubGlobal('fetch', async (url: string, { body: sent }: RequestInit) => {
    asked.push({ url, body: sent })
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
  })
const failingWith = (fault: unknown) => vi.stubGlobal('fetch', () => Promise.reject(fault))
const succeed = (result: unknown) => answering(200, { success: true, errors: [], result })
const refuse = (status: number, message: string) =>
  answering(status, { success: false, errors: [{ message }], result: null })

describe('KV over the API', () => {
  it('KV over the API returns a value byte for byte, or null', async () => {
    answering(200, 'a value')
    expect(await kv.get('key')).toBe('a value')
    refuse(404, 'key not found')
    expect(await kv.get('key')).toBeNull()
    refuse(403, 'Forbidden')
    await expect(kv.get('key')).rejects.toThrow('KV answered 403: Forbidden')
  })

  it('KV over the API writes a value with or without a lifetime', async () => {
    succeed(null)
    await kv.put('a/key', 'value')
    await kv.put('a/key', 'value', { expirationTtl: 60 })
    const url =
      'https://api.example/accounts/account-1/storage/kv/namespaces/namespace-1/values/a%2Fkey'
    expect(asked.map((one) => one.url)).toEqual([url, `${url}?expiration_ttl=60`])
  })
})

describe('D1 over the API', () => {
  it('D1 over the API sends every bound parameter as text or null', async () => {
    succeed([{ results: [] }])
    await db.prepare('SELECT ?1, ?2, ?3').bind('text', 7, null).run()
    expect(JSON.parse(String(asked[0]?.body)).params).toEqual(['text', '7', null])
    expect(() => db.prepare('SELECT ?1').bind(true)).toThrow('a parameter cannot be boolean')
  })

  it('D1 over the API returns the first row, a column of the first row, or null', async () => {
    succeed([{ results: [{ a: 1, b: 2 }] }])
    expect(await db.prepare('SELECT').first()).toEqual({ a: 1, b: 2 })
    expect(await db.prepare('SELECT').first('b')).toBe(2)
    succeed([{ results: [] }])
    expect(await db.prepare('SELECT').first('b')).toBeNull()
  })

  it.each([
    [null, 'the database answered 200: no reason given'],
    [[], 'the database answered without a result'],
  ])('D1 over the API refuses the result %j', async (result, words) => {
    succeed(result)
    await expect(db.prepare('SELECT').run()).rejects.toThrow(words)
  })
})

it('a missing table is reported with the hint to apply the migrations', async () => {
  refuse(400, 'no such table: client: SQLITE_ERROR')
  await expect(db.prepare('SELECT').run()).rejects.toThrow(
    'the database answered 400: no such table: client: SQLITE_ERROR (apply the migrations first)',
  )
})

describe('an API that cannot be reached', () => {
  it.each<[string, unknown, string]>([
    ['the cause', new TypeError('fetch failed', { cause: new Error('ENOTFOUND') }), 'ENOTFOUND'],
    ['the fault', new Error('redirected'), 'redirected'],
    ['its name', Object.assign(new Error(''), { name: 'TimeoutError' }), 'TimeoutError'],
    ['what was thrown', 'gone', 'gone'],
  ])(
    'an API that cannot be reached (%s) is reported in one line without the token',
    async (_, fault, words) => {
      failingWith(fault)
      await expect(db.prepare('SELECT').run()).rejects.toThrow(
        `cannot reach the database at https://api.example: ${words}`,
      )
    },
  )
})

describe('a write whose answer is lost', () => {
  const lost = new TypeError('fetch failed', { cause: new Error('the connection was closed') })

  it.each([
    ['a deployment', {}, 'audit --since 15m --remote'],
    ['a running npm start', { isLocal: true } as const, 'audit --since 15m'],
  ])('a lost answer of %s is reported with the command that finds out', async (_, more, words) => {
    failingWith(lost)
    const there = d1OverHttp({ ...api, ...more }, 'database-1')
    const report = there.prepare('UPDATE client SET name = ?1').bind('x').run()
    await expect(report).rejects.toThrow('the change may have been made')
    await expect(report).rejects.toThrow(words)
  })

  it.each([
    ['no address of the name answers', ['ECONNREFUSED', 'ENETUNREACH'], 'cannot reach'],
    ['one address took it', ['ECONNREFUSED', 'ECONNRESET'], 'the change may have been made'],
  ])('a write is reported as not sent only where it was not: %s', async (_, codes, words) => {
    const faults = codes.map((code) => Object.assign(new Error(code), { code }))
    failingWith(new TypeError('fetch failed', { cause: new AggregateError(faults, 'all failed') }))
    await expect(db.prepare('UPDATE client SET name = ?1').bind('x').run()).rejects.toThrow(words)
  })
})
