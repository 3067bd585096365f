/** Every lookup has an index: no statement of the stores scans a table. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import * as status from '../../src/stores/status.ts'
import { anyValues, isScan, statements } from './statements.ts'

/**
 * These may be read whole, because they do not grow with clients or users. The last four are not tables but subqueries.
 */
const WHOLE = ['d1_migrations', 'housekeeping', 'scope', 's', 'of_clients', 'of_users', 'held']
const { MIGRATIONS, HOUSEKEEPING, COUNTS, UNDECLARED_SCOPES } = status

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

  it.each(Object.entries({ MIGRATIONS, HOUSEKEEPING, COUNTS, UNDECLARED_SCOPES }))(
    'the statement %s of the status reads whole only tables that do not grow with clients or users',
    async (_, sql) => {
      const scanned = (await scansOf(sql)).map((detail) => detail.split(' ')[1])
      expect(WHOLE).toEqual(expect.arrayContaining(scanned))
    },
  )
})
