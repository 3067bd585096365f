/** The command line inside the test's process, on a state that is served the way `npm start` serves it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log, LogLevel } from 'miniflare'
import { run } from '../../src/cli/main.ts'
import { randomText } from '../../src/crypto/random.ts'
import { applyMigrations } from '../../src/local/migrations.ts'
import { REGISTRY_CONFIG } from '../../src/local/project.ts'
import { runWorkers, storageService, urlOfStorage } from '../../src/local/run-workers.ts'
import { announceRegistry } from '../../src/local/running-registry.ts'
import { tryToLock } from '../../src/local/state-lock.ts'
import { databaseOf, readWranglerConfig } from '../../src/local/wrangler-config.ts'
import type { Database } from '../../src/stores/database.ts'

export type Answer = Readonly<{ status: number; stdout: string; stderr: string }>
type Outside = Readonly<{ env?: Record<string, string>; stdin?: string }>

export async function commandLine(argv: readonly string[], outside: Outside): Promise<Answer> {
  let stdout = ''
  let stderr = ''
  const collectOut = (text: string, done?: () => void) => {
    stdout += text
    done?.()
  }
  const collectErr = (text: string) => {
    stderr += text
  }
  const stdin = (async function* () {
    if (outside.stdin !== undefined) yield outside.stdin
  })()
  const io = { stdout: { write: collectOut }, stderr: { write: collectErr }, stdin }
  const status = await run(argv, { ...io, env: outside.env ?? {} })
  return { status, stdout, stderr }
}

export const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'registry-state-'))

/** Every row of every table of the schema. An equal dump means that nothing was written. */
export async function dump(db: Database) {
  const tables = await db
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'`,
    )
    .all<{ name: string }>()
  const statements = tables.results.map(({ name }) => db.prepare(`SELECT * FROM "${name}"`))
  const rows = await db.batch(statements)
  return Object.fromEntries(tables.results.map(({ name }, i) => [name, rows[i]?.results]))
}

export async function servedState() {
  const stateDir = await temporaryDirectory()
  const release = tryToLock(stateDir)
  const config = readWranglerConfig(REGISTRY_CONFIG)
  const token = randomText()
  const storage = await storageService(config, token)
  const runtime = runWorkers([storage], stateDir, new Log(LogLevel.ERROR))
  const database: Database = await runtime.getD1Database('DB')
  await applyMigrations(database, databaseOf(config).migrations_dir)
  const url = await urlOfStorage(runtime)
  await announceRegistry(stateDir, {
    url,
    token,
    pid: process.pid,
    issuer: 'http://127.0.0.1:9',
    registryUrl: 'http://127.0.0.1:9',
    authenticatorUrl: 'http://127.0.0.1:9',
    startedAt: Math.floor(Date.now() / 1000),
  })
  const admin = (words: readonly string[], stdin?: string, more: Record<string, string> = {}) =>
    commandLine(words, {
      env: { STATE_DIR: stateDir, ...more },
      ...(stdin !== undefined && { stdin }),
    })

  return {
    stateDir,
    server: { url, token },
    database,
    dump: () => dump(database),
    admin,
    /** The JSON that the command prints. Fails with its output if the command fails. */
    async json<T = Record<string, unknown>>(words: readonly string[], stdin?: string): Promise<T> {
      const { status, stdout, stderr } = await admin([...words, '--json'], stdin)
      if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`)
      return JSON.parse(stdout) as T
    },
    async close() {
      await runtime.dispose()
      release?.()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}
export type ServedState = Awaited<ReturnType<typeof servedState>>
