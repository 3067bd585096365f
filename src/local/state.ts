/** The local D1 and KV, opened without serving anything. Layout and ids as `wrangler dev --persist-to` has them. */

import { join } from 'node:path'
import { Miniflare } from 'miniflare'
import type { Database, TextNamespace } from '../stores/database.ts'
import { applyMigrations } from './migrations.ts'
import { retryWhenBusy } from './retry-when-busy.ts'
import { codesOf, databaseOf, sessionsOf, type WranglerConfig } from './wrangler-config.ts'

export const persistencePath = (stateDir: string) => join(stateDir, 'v3')

/**
 * Of Miniflare. Its registry of workers would have workerd listen for debuggers, who reach D1 and KV without a key, and
 * would bind another project's workers to ours by their names.
 */
export const ON_ITS_OWN = { telemetry: { enabled: false }, enableDevRegistry: false }

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

/** What the command line works on. */
export type Storage = Readonly<{
  db: Database
  sessions: TextNamespace
  codes: TextNamespace
}>

export type State = Storage & Readonly<{ close: () => Promise<void> }>

/** With every migration applied. The caller holds the lock and closes the state. */
export async function openState(stateDir: string, config: WranglerConfig): Promise<State> {
  const { database_id, migrations_dir } = databaseOf(config)
  const runtime = new Miniflare({
    resourcePersistencePath: persistencePath(stateDir),
    ...ON_ITS_OWN,
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
            CODES: { type: 'kv', id: codesOf(config) },
          },
        },
      },
    ],
  })
  const close = () => runtime.dispose()
  try {
    const db: Database = await runtime.getD1Database('DB')
    await retryWhenBusy(() => applyMigrations(db, migrations_dir))
    const sessions: TextNamespace = await runtime.getKVNamespace('SESSIONS')
    const codes: TextNamespace = await runtime.getKVNamespace('CODES')
    return { db, sessions, codes, close }
  } catch (fault) {
    await close()
    throw fault
  }
}
