/** The cron of the local runtime, triggered by a request instead of each minute. */

import { rm } from 'node:fs/promises'
import { Log, LogLevel } from 'miniflare'
import { expect, it } from 'vitest'
import { buildWorker } from '../../src/local/build-worker.ts'
import { applyMigrations } from '../../src/local/migrations.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { runCron, runWorkers } from '../../src/local/run-workers.ts'
import { databaseOf, readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { temporaryDirectory } from './command-line.ts'

it('cron deletes what has expired by the real clock, ignores a time in the request, and reports a failure', async () => {
  const config = readWranglerConfig(CONFIG_PATHS.registry)
  const stateDir = await temporaryDirectory()
  const module = await buildWorker(config.main)
  const registry = { config, module, vars: {} }
  const runtime = runWorkers([registry], stateDir, new Log(LogLevel.ERROR))
  try {
    await expect(runCron(runtime)).rejects.toThrow('cron: ')
    const db = await runtime.getD1Database('DB')
    await applyMigrations(db, databaseOf(config).migrations_dir)
    const now = Math.floor(Date.now() / 1000)
    await db
      .prepare("INSERT INTO used_jti (jti_digest, expires_at) VALUES ('past', ?1), ('future', ?2)")
      .bind(now - 3600, now + 3600)
      .run()
    await runCron(runtime)
    const forged = `http://127.0.0.1/cdn-cgi/local/scheduled?time=${(now + 7200) * 1000}`
    expect(await (await runtime.dispatchFetch(forged)).text()).toBe('ok')
    const { results } = await db.prepare('SELECT jti_digest FROM used_jti').all()
    expect(results).toEqual([{ jti_digest: 'future' }])
  } finally {
    await runtime.dispose()
    await rm(stateDir, { recursive: true, force: true })
  }
})
