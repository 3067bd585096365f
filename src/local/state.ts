/** Opens the local D1 and KV without a port. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Miniflare } from 'miniflare'
import type { Database, TextNamespace } from '../stores/database.ts'
import { readIfPresent } from './files.ts'
import { applyMigrations } from './migrations.ts'
import { credentialFile } from './operators.ts'
import { oneLine, Refusal } from './refusal.ts'
import { persistencePath, runWorkers } from './run-workers.ts'
import { isPerhapsBusy, retryWhenBusy } from './state-lock.ts'
import { databaseOf, type WranglerConfig } from './wrangler-config.ts'

/** A Worker that does nothing, which is there because a binding needs a Worker. */
const IDLE = { module: 'export default { fetch: () => new Response(null) }', vars: {} }

/** A Worker on the state, for this process alone. `hear` gets each line of the Worker's log. */
type Served = Readonly<{
  module: string
  vars: Readonly<Record<string, string>>
  hear?: (line: string) => void
}>

type State = Readonly<{
  runtime: Miniflare
  db: Database
  sessions: TextNamespace
  close: () => Promise<void>
}>

/** The only message of the runtime if SQLite cannot use its file. */
const isOfStorage = (fault: unknown) => /internal error; reference/.test(String(fault))

/** Throws a Refusal for an empty database in a state with an operator: SQLite would silently begin a new database. */
async function requireContent(stateDir: string) {
  if ((await readIfPresent(credentialFile(stateDir))) === null) return
  const folder = join(persistencePath(stateDir), 'd1')
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  for (const name of names.filter((one) => /[0-9a-f]{64}\.sqlite$/.test(one))) {
    const file = join(folder, name)
    if ((await stat(file)).size > 0) continue
    throw new Refusal(
      `STATE_DIR: ${JSON.stringify(stateDir)} has lost its database: ${file} is empty. Put a copy of the folder in its place, or delete the folder to begin again`,
    )
  }
}

/** Opens the state with every migration applied. The caller holds the lock and closes the state. */
export async function openState(
  stateDir: string,
  config: WranglerConfig,
  { module, vars, hear }: Served = IDLE,
): Promise<State> {
  await requireContent(stateDir)
  const runtime = runWorkers([{ config, module, vars }], stateDir, undefined, hear)
  const close = () => runtime.dispose()
  try {
    const db: Database = await runtime.getD1Database('DB')
    const migrate = () => applyMigrations(db, databaseOf(config).migrations_dir)
    await retryWhenBusy(migrate, isPerhapsBusy)
    const sessions: TextNamespace = await runtime.getKVNamespace('SESSIONS')
    return { runtime, db, sessions, close }
  } catch (fault) {
    await close()
    if (!isOfStorage(fault)) throw fault
    const causes = 'its disk may be full or read-only, or its database damaged'
    throw new Refusal(
      `STATE_DIR: ${JSON.stringify(stateDir)} cannot be opened: ${causes} (${oneLine(fault)})`,
    )
  }
}
