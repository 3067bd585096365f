/** The local D1 and the sessions in the local KV, opened without serving anything. Layout and ids as `wrangler dev --persist-to` has them. */

import { join } from 'node:path'
import { Miniflare } from 'miniflare'
import type { Database, TextWriter } from '../stores/database.ts'
import { applyMigrations } from './migrations.ts'
import { retryWhenBusy } from './retry-when-busy.ts'
import { databaseOf, sessionsOf, type WranglerConfig } from './wrangler-config.ts'

export const persistencePath = (stateDir: string) => join(stateDir, 'v3')

/** A worker that does nothing: a binding needs one. */
const IDLE = {
  mainModule: 'idle.mjs',
  modules: {
    'idle.mjs': {
      type: 'esm' as const,
      contents: 'export default { fetch: () => new Response(null) }',
    },
  },
}

export type State = Readonly<{
  database: Database
  sessions: TextWriter
  close: () => Promise<void>
}>

/** With every migration applied. The caller holds the lock and closes the state. */
export async function openState(stateDir: string, config: WranglerConfig): Promise<State> {
  const { database_id, migrations_dir } = databaseOf(config)
  const runtime = new Miniflare({
    resourcePersistencePath: persistencePath(stateDir),
    telemetry: { enabled: false },
    cf: false,
    workers: [
      {
        config: {
          name: config.name,
          compatibilityDate: config.compatibility_date,
          manifest: IDLE,
          env: {
            DB: { type: 'd1', id: database_id },
            SESSIONS: { type: 'kv', id: sessionsOf(config) },
          },
        },
      },
    ],
  })
  const close = () => runtime.dispose()
  try {
    const database: Database = await runtime.getD1Database('DB')
    await retryWhenBusy(() => applyMigrations(database, migrations_dir))
    const sessions: TextWriter = await runtime.getKVNamespace('SESSIONS')
    return { database, sessions, close }
  } catch (fault) {
    await close()
    throw fault
  }
}
