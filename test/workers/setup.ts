/** Runs in workerd before each test file: empty storage with the schema, as `npm start` creates it. */

import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

await reset()
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
