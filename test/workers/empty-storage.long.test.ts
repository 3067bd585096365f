/** The storage of one test file does not reach the next. */

import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { contents, emptyStorage } from './empty-storage.ts'
import { newClient } from './registry.ts'

const countClients = () => env.DB.prepare('SELECT count(*) AS n FROM client').first<number>('n')

/** workerd stops an object after ten seconds without a request, and has no way to do so sooner. */
const STOPPED_AFTER_MS = 12_000

/** Leaves data as a test file does that ends without a storage request. */
async function leaveData() {
  await newClient()
  await Promise.all([env.SESSIONS.put('left', 'x'), env.CODES.put('left', 'x')])
  expect(await countClients()).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, STOPPED_AFTER_MS))
}

beforeEach(emptyStorage)

it('a test file begins with empty storage when workerd has stopped the objects that held the data of the last file', async () => {
  await leaveData()
  await emptyStorage()
  expect(await countClients()).toBe(0)
  expect([await env.SESSIONS.get('left'), await env.CODES.get('left')]).toEqual([null, null])
})

it('control: reset() keeps the data of objects that workerd has stopped', async () => {
  await leaveData()
  await reset()
  expect(await contents()).toEqual(expect.arrayContaining(['client', 'left']))
})

it('the combined migrations make the same schema as the migrations one after another', async () => {
  const schema = async () =>
    (
      await env.DB.prepare(
        'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name',
      ).all()
    ).results
  const names = async () =>
    (await env.DB.prepare('SELECT id, name FROM d1_migrations ORDER BY id').all()).results
  const asOne = [await schema(), await names()]
  await reset()
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
  expect(asOne).toEqual([await schema(), await names()])
})
