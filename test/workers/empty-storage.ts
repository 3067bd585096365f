/** Empty storage with the schema, as `npm start` creates it. */

import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'`

/** The tables of D1 and the keys of KV. Starts every object that holds data. */
export async function contents(): Promise<string[]> {
  const [tables, sessions, codes] = await Promise.all([
    env.DB.prepare(TABLES).all<{ name: string }>(),
    env.SESSIONS.list(),
    env.CODES.list(),
    env.LOGIN_LIMIT.limit({ key: 'starts the object' }),
    env.REFUSAL_LIMIT.limit({ key: 'starts the object' }),
    caches.default.match('https://starts-the-object.example'),
  ])
  return [...tables.results, ...sessions.keys, ...codes.keys].map(({ name }) => name)
}

/** All migrations as one: one transaction instead of one for each. */
function combinedMigrations() {
  const record = ({ name }: { name: string }) =>
    `INSERT INTO d1_migrations (name) VALUES ('${name}')`
  const [last, ...earlier] = env.TEST_MIGRATIONS.toReversed()
  if (!last) throw new Error('there are no migrations')
  const before = earlier.toReversed().flatMap((one) => [...one.queries, record(one)])
  return [{ name: last.name, queries: [...before, ...last.queries] }]
}

const ATTEMPTS = 3

export async function emptyStorage(): Promise<void> {
  // `reset` clears the objects that run. workerd stops an object after ten seconds without a request, and it keeps its data.
  let left = await contents()
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await reset()
    left = await contents()
    if (left.length === 0) return void (await applyD1Migrations(env.DB, combinedMigrations()))
  }
  throw new Error(`the storage of another test file is left: ${left.join(', ')}`)
}
