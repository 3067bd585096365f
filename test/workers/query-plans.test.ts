/** Every lookup has an index: no statement of the stores reads a whole table. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { anyValues, isScan, statements } from './statements.ts'

async function scansOf(sql: string): Promise<string[]> {
  const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...anyValues(sql))
    .all<{ detail: string }>()
  return plan.results.map(({ detail }) => detail).filter(isScan)
}

describe('EXPLAIN QUERY PLAN', () => {
  it('sees a scan where there is one', async () => {
    expect(await scansOf('SELECT * FROM client WHERE name = ?1')).not.toEqual([])
    expect(statements.length).toBeGreaterThan(20)
  })

  it.each(statements)('%s uses an index', async (_, sql) => {
    expect(await scansOf(sql)).toEqual([])
  })
})
