/** The worker through which the command line writes while `npm start` runs, with Cloudflare's API. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

async function ask(method: string, path: string, body?: string) {
  const { url, token } = state.server
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/accounts/local${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
  })
  return { status: response.status, text: await response.text() }
}
const query = async (body: unknown) => {
  const { status, text } = await ask('POST', '/d1/database/DB/query', JSON.stringify(body))
  return { status, ...(JSON.parse(text) as object) }
}
const INSERT = 'INSERT INTO used_jti (jti_digest, expires_at) VALUES (?1, ?2)'
const insert = (jti: string) => ({ sql: INSERT, params: [jti, 9] })
const jtis = async () => {
  const select = state.database.prepare('SELECT jti_digest FROM used_jti')
  return (await select.all()).results.map(({ jti_digest }) => jti_digest)
}

describe('D1', () => {
  it('the storage worker answers one D1 query with one result, and a batch with one result for each', async () => {
    expect(await query({ sql: 'SELECT ?1 AS a', params: ['x'] })).toMatchObject({
      status: 200,
      success: true,
      result: [{ results: [{ a: 'x' }] }],
    })
    const batch = [{ sql: 'SELECT 1 AS a' }, { sql: 'SELECT 2 AS a' }]
    expect(await query({ batch })).toMatchObject({
      result: [{ results: [{ a: 1 }] }, { results: [{ a: 2 }] }],
    })
  })

  it('the storage worker writes all of a batch or nothing, and gives the reason', async () => {
    expect(await query({ batch: [insert('a'), insert('a')] })).toMatchObject({
      status: 400,
      success: false,
      errors: [{ code: 7500, message: expect.stringContaining('UNIQUE constraint failed') }],
      result: [],
    })
    expect(await jtis()).toEqual([])
  })

  it('the storage worker refuses a body of more than 4 MiB', async () => {
    const padded = (bytes: number) => JSON.stringify(insert('padded')).padEnd(bytes)
    const tooLarge = await ask('POST', '/d1/database/DB/query', padded(4 * 1024 * 1024 + 1))
    expect(tooLarge).toMatchObject({
      status: 400,
      text: expect.stringContaining('the body is too large'),
    })
    expect(await jtis()).toEqual([])
    const largest = await ask('POST', '/d1/database/DB/query', padded(4 * 1024 * 1024))
    expect(largest.status).toBe(200)
    expect(await jtis()).toEqual(['padded'])
  })
})

describe('KV', () => {
  const value = (key: string, namespace = 'CODES') =>
    `/storage/kv/namespaces/${namespace}/values/${encodeURIComponent(key)}`

  it('the storage worker reads a KV value unchanged under any key, and in no other namespace', async () => {
    const path = value('a/b c?d%')
    expect((await ask('PUT', `${path}?expiration_ttl=60`, '{"ü":1}')).status).toBe(200)
    expect(await ask('GET', path)).toEqual({ status: 200, text: '{"ü":1}' })
    expect((await ask('GET', value('a/b c?d%', 'SESSIONS'))).status).toBe(404)
    expect((await ask('DELETE', path)).status).toBe(200)
    const { status, text } = await ask('GET', path)
    expect([status, JSON.parse(text)]).toMatchObject([404, { errors: [{ code: 10009 }] }])
  })

  it('the storage worker reports a KV operation that it cannot do', async () => {
    const { status, text } = await ask('PUT', `${value('k')}?expiration_ttl=59`, 'v')
    expect([status, JSON.parse(text)]).toMatchObject([400, { errors: [{ code: 10001 }] }])
    expect((await ask('GET', value('k', 'OTHER'))).status).toBe(404)
  })
})
