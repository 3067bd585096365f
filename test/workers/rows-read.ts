/** Tests that count the rows that D1 reads for a page of the directory. */

import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { over } from './counting.ts'
import { addressOf, listMany, lookAt } from './listed.ts'
import { serve } from './registry.ts'

const COMMON = 'commonword'
/** Some rows for each of 51 entries: its keys, its listing, its client, its owner and its permissions. */
const MOST_ROWS = 500

/** Rows that the statements of a page read. */
async function rowsRead(path: string) {
  let rows = 0
  const DB = over(env.DB, {
    batch: async (all: D1PreparedStatement[]) => {
      const results = await env.DB.batch(all)
      for (const { meta } of results) rows += meta.rows_read
      return results
    },
  } as unknown as Partial<D1Database>)
  const page = await lookAt(path, serve({ DB, DIRECTORY: 'on' }))
  expect(page.names.length).toBe(50)
  return { rows, next: page.next ?? '' }
}

export function readsFewRows(count: number) {
  const everyNth = Math.floor(count / 200)
  beforeAll(async () => {
    const few = (n: number) => (n % everyNth === 7 % everyNth ? 'rareword ' : '')
    await listMany(count, (n) => `${COMMON} of many ${few(n)}${n}`)
  })
  afterAll(async () => {
    await env.DB.prepare(`DELETE FROM client WHERE name GLOB '${COMMON}*'`).run()
  })

  it.each([
    ['no search', ''],
    ['a word of every name', COMMON],
    ['the beginning of a word of every name', 'c'],
    ['several words', `${COMMON} of many 1`],
    ['a word of few names', 'rareword'],
  ])(
    `the first three pages of the directory for %s read few rows with ${count} listed clients`,
    async (_, q) => {
      let path = addressOf(q === '' ? {} : { q })
      for (let page = 1; page <= 3; page += 1) {
        const { rows, next } = await rowsRead(path)
        expect(rows).toBeLessThan(MOST_ROWS)
        path = next
      }
    },
  )
}
