/** Every lookup has an index: no statement of the stores scans a table. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { anyValues, isScan, statements } from './statements.ts'

async function scansOf(sql: string): Promise<string[]> {
  const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...anyValues(sql))
    .all<{ detail: string }>()
  return plan.results.map(({ detail }) => detail).filter(isScan)
}

describe('query plans', () => {
  it('control: EXPLAIN QUERY PLAN shows the scan of a table without an index', async () => {
    expect(await scansOf('SELECT * FROM client WHERE name = ?1')).not.toEqual([])
    expect(statements.length).toBeGreaterThan(20)
  })

  it.each(statements)('%s uses an index', async (_, sql) => {
    expect(await scansOf(sql)).toEqual([])
  })
})
