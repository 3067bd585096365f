/** The local D1 and KV, opened without serving anything. */

import type { Database, TextNamespace } from '../stores/database.ts'
import { applyMigrations } from './migrations.ts'
import { runWorkers } from './run-workers.ts'
import { isPerhapsBusy, retryWhenBusy } from './state-lock.ts'
import { databaseOf, type WranglerConfig } from './wrangler-config.ts'

/** A worker that does nothing: a binding needs one. */
const IDLE = 'export default { fetch: () => new Response(null) }'

type State = Readonly<{
  db: Database
  sessions: TextNamespace
  close: () => Promise<void>
}>

/** With every migration applied. The caller holds the lock and closes the state. */
export async function openState(stateDir: string, registry: WranglerConfig): Promise<State> {
  const config = { ...registry, ratelimits: [], vars: {} }
  const runtime = runWorkers([{ config, module: IDLE, vars: {} }], stateDir)
  const close = () => runtime.dispose()
  try {
    const db: Database = await runtime.getD1Database('DB')
    const migrate = () => applyMigrations(db, databaseOf(config).migrations_dir)
    await retryWhenBusy(migrate, isPerhapsBusy)
    const sessions: TextNamespace = await runtime.getKVNamespace('SESSIONS')
    return { db, sessions, close }
  } catch (fault) {
    await close()
    throw fault
  }
}
