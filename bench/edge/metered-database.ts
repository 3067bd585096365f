/** The simulator's D1, which counts the rows that it reads and writes, as Cloudflare bills them. */

import { Log, LogLevel, Miniflare } from 'miniflare'
import { applyMigrations } from '../../src/local/migrations.ts'
import { inProject } from '../../src/local/project.ts'
import { moduleWorker, ON_ITS_OWN } from '../../src/local/run-workers.ts'

const IDLE = 'export default { fetch: () => new Response(null) }'

type Meter = { read: number; written: number }

type Statement = Readonly<{ sql: string; bound: readonly unknown[] }>

export async function openMeteredDatabase() {
  const runtime = new Miniflare({
    ...ON_ITS_OWN,
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        config: {
          ...moduleWorker({ name: 'meter', date: '2026-08-01', module: IDLE }),
          env: { DB: { type: 'd1', id: 'meter' } },
        },
      },
    ],
  })
  const database: D1Database = await runtime.getD1Database('DB')
  await applyMigrations(database, inProject('migrations'))
  let meter: Meter = { read: 0, written: 0 }

  const note = <T>(result: D1Result<T>) => {
    meter.read += result.meta.rows_read
    meter.written += result.meta.rows_written
    return result
  }
  const prepare = (sql: string, bound: readonly unknown[]): object => {
    const all = async () =>
      note(
        await database
          .prepare(sql)
          .bind(...bound)
          .all(),
      )
    return {
      sql,
      bound,
      bind: (...values: unknown[]) => prepare(sql, values),
      all,
      run: all,
      first: async () => (await all()).results[0] ?? null,
    }
  }
  const metered = {
    prepare: (sql: string) => prepare(sql, []),
    async batch(statements: readonly Statement[]) {
      const given = statements.map(({ sql, bound }) => database.prepare(sql).bind(...bound))
      return (await database.batch(given)).map(note)
    },
    withSession: () => metered,
  }
  return {
    database: metered as unknown as D1Database,
    takeMeter: () => {
      const taken = meter
      meter = { read: 0, written: 0 }
      return taken
    },
    close: () => runtime.dispose(),
  }
}
