/** What a page of the directory costs: nothing while the edge has it, and few rows however many clients are listed. */

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

describe('a page of the directory at the edge', () => {
  it('a page of the directory costs one batch in D1, and nothing when it is asked for again', async () => {
    const path = addressOf({ q: newWord() })
    expect(await costOf(() => counted(path), 200)).toEqual({ ...nothing(), d1: 1 })
    for (let again = 0; again < 3; again += 1) {
      expect(await costOf(() => counted(path), 200)).toEqual(nothing())
    }
    const cookie = { headers: { Cookie: 'registry_session=reg_x' } }
    expect(await costOf(() => counted(path, cookie), 200)).toEqual(nothing())
  })

  it('a page of the directory is the same with and without the edge, and says for how long it may be kept', async () => {
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

  it('a browser that has the page gets 304 until it changes', async () => {
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

  it('the edge shows to one visitor nothing of what another typed, and has no page for another search', async () => {
    const word = newWord()
    await withDirectory(addressOf({ q: `${word} !!!` }))
    expect(await (await withDirectory(addressOf({ q: word }))).text()).not.toContain('!!!')
    const upper = await (await withDirectory(addressOf({ q: word.toUpperCase() }))).text()
    expect(upper).toContain(`value="${word.toUpperCase()}"`)
  })

  it('an edge that fails or keeps nothing is a read of D1, and the page is there', async () => {
    const path = addressOf({ q: newWord() })
    vi.spyOn(caches.default, 'match').mockRejectedValue(new Error('no cache'))
    vi.spyOn(caches.default, 'put').mockRejectedValue(new Error('no cache'))
    for (let again = 0; again < 2; again += 1) {
      expect(await costOf(() => counted(path), 200)).toEqual({ ...nothing(), d1: 1 })
    }
  })

  it('the edge keeps no refusal and no fault', async () => {
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

describe('a flood of searches', () => {
  it('a flood of searches is 429 with Retry-After, is counted for each network apart from sign-ins, and costs D1 nothing', async () => {
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

  it('what the edge has is served to everybody, also during a flood', async () => {
    const path = addressOf({ q: newWord() })
    await withDirectory(path)
    const flooded = serve({ DIRECTORY: 'on', LOGIN_LIMIT: limiter(0) })
    expect((await flooded(path, { headers: FROM })).status).toBe(200)
    expect((await flooded(addressOf({ q: newWord() }), { headers: FROM })).status).toBe(429)
  })
})

describe('many listed clients', () => {
  readsFewRows(2000)

  it('the statements search indexes and sort nothing', async () => {
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
