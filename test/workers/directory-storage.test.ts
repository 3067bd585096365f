/** What a page of the directory costs: nothing from the edge cache, and few rows for any number of listed clients. */

import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { DIRECTORY_KEPT_SECONDS, DIRECTORY_STALE_SECONDS } from '../../src/domain/directory.ts'
import { disableClient } from '../../src/flows/registration/clients.ts'
import * as directory from '../../src/stores/directory.ts'
import { countedBindings, nothing, watchedBindings } from './counting.ts'
import { limiter } from './limits.ts'
import { addressOf, forget, newListed, newWord, withDirectory } from './listed.ts'
import { admin } from './registering.ts'
import { serve } from './registry.ts'
import { readsFewRows } from './rows-read.ts'
import { isScan } from './statements.ts'

const { bindings, costOf } = countedBindings()
const counted = serve({ ...bindings, DIRECTORY: 'on' })
const FROM = { 'CF-Connecting-IP': '192.0.2.7' }

const failingD1 = () =>
  serve({
    DIRECTORY: 'on',
    ...watchedBindings((operation) => {
      if (operation === 'd1') throw new Error('storage is out of reach')
    }),
  })

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a directory page in the edge cache', () => {
  it('a directory page costs one D1 batch, and a repeated request costs nothing', async () => {
    const path = addressOf({ q: newWord() })
    expect(await costOf(() => counted(path), 200)).toEqual({ ...nothing(), d1: 1 })
    for (let again = 0; again < 3; again += 1) {
      expect(await costOf(() => counted(path), 200)).toEqual(nothing())
    }
    const cookie = { headers: { Cookie: 'registry_session=reg_x' } }
    expect(await costOf(() => counted(path, cookie), 200)).toEqual(nothing())
  })

  it('a directory page is the same from storage and from the edge cache, and states for how long it may be cached', async () => {
    const word = newWord()
    await newListed({ name: word })
    const path = addressOf({ q: word })
    const [first, kept] = [await withDirectory(path), await withDirectory(path)]
    const headersOf = ({ headers }: Response) =>
      Object.fromEntries([...headers].filter(([name]) => name !== 'date'))
    expect(headersOf(kept)).toEqual(headersOf(first))
    expect(await kept.text()).toBe(await first.text())
    expect(headersOf(first)).toMatchObject({
      'cache-control': `public, max-age=${DIRECTORY_KEPT_SECONDS}`,
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    })
    expect(first.headers.get('Pragma')).toBe(null)
    expect(DIRECTORY_STALE_SECONDS).toBe(60)
  })

  it('a browser that has cached a directory page gets 304 until the page changes', async () => {
    const word = newWord()
    const id = await newListed({ name: word })
    const path = addressOf({ q: word })
    const etag = (await withDirectory(path)).headers.get('ETag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    const ask = (tag: string) => withDirectory(path, { headers: { 'If-None-Match': tag } })
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const answer = await ask(tag)
      expect([answer.status, await answer.text(), answer.headers.get('ETag')]).toEqual([
        304,
        '',
        etag,
      ])
    }
    expect((await ask('"x"')).status).toBe(200)
    await disableClient(admin(), id)
    await forget(path)
    const changed = await ask(etag)
    expect([changed.status, changed.headers.get('ETag') === etag]).toEqual([200, false])
  })

  it('the edge cache shows no visitor what another typed, and has no page for another search', async () => {
    const word = newWord()
    await withDirectory(addressOf({ q: `${word} !!!` }))
    expect(await (await withDirectory(addressOf({ q: word }))).text()).not.toContain('!!!')
    const upper = await (await withDirectory(addressOf({ q: word.toUpperCase() }))).text()
    expect(upper).toContain(`value="${word.toUpperCase()}"`)
  })

  it('when the edge cache fails, the directory page is read from D1', async () => {
    const path = addressOf({ q: newWord() })
    vi.spyOn(caches.default, 'match').mockRejectedValue(new Error('no cache'))
    vi.spyOn(caches.default, 'put').mockRejectedValue(new Error('no cache'))
    for (let again = 0; again < 2; again += 1) {
      expect(await costOf(() => counted(path), 200)).toEqual({ ...nothing(), d1: 1 })
    }
  })

  it('the edge cache stores neither a refusal nor a fault', async () => {
    const path = addressOf({ q: newWord() })
    const broken = failingD1()
    const answer = await broken(path)
    expect([answer.status, answer.headers.get('Cache-Control')]).toEqual([503, 'no-store'])
    expect((await withDirectory(path)).status).toBe(200)
    const wrong = await withDirectory(addressOf({ after: 'x' }))
    expect([wrong.status, wrong.headers.get('Cache-Control')]).toEqual([400, 'no-store'])
    const cost = await costOf(() => counted(addressOf({ after: 'x' })), 400)
    expect(cost).toEqual(nothing())
  })
})

describe('the rate limit of searches', () => {
  it('searches over the rate limit get 429 with Retry-After, are counted for each network apart from sign-ins, and cost D1 nothing', async () => {
    const LOGIN_LIMIT = limiter(5)
    const flooded = serve({ ...bindings, DIRECTORY: 'on', LOGIN_LIMIT })
    const ask = () => flooded(addressOf({ q: newWord() }), { headers: FROM })
    for (let n = 0; n < 5; n += 1) expect((await ask()).status).toBe(200)
    const refused = await ask()
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '60'])
    expect(refused.headers.get('Cache-Control')).toBe('no-store')
    expect(LOGIN_LIMIT.keys()).toEqual(['directory 192.0.2.7'])
    const other = await flooded(addressOf({ q: newWord() }), {
      headers: { 'CF-Connecting-IP': '198.51.100.9' },
    })
    expect(other.status).toBe(200)
  })

  it('a page in the edge cache is served even to a network over the rate limit', async () => {
    const path = addressOf({ q: newWord() })
    await withDirectory(path)
    const flooded = serve({ DIRECTORY: 'on', LOGIN_LIMIT: limiter(0) })
    expect((await flooded(path, { headers: FROM })).status).toBe(200)
    expect((await flooded(addressOf({ q: newWord() }), { headers: FROM })).status).toBe(429)
  })
})

describe('many listed clients', () => {
  readsFewRows(2000)

  it('the statements of the directory search indexes and sort nothing', async () => {
    for (const [sql, values] of [
      [directory.LISTED, ['', '', 51]],
      [directory.FOUND, ['c', '', 51, 'c']],
    ] as const) {
      const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>()
      const details = plan.results.map(({ detail }) => detail)
      expect(details.filter(isScan)).toEqual([])
      expect(details.join('\n')).not.toMatch(/TEMP B-TREE FOR ORDER BY/)
    }
  })
})
