/** D1 on SQLite in this process, with the project's own schema. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { migrationNames } from '../../src/local/migrations.ts'
import { inProject } from '../../src/local/project.ts'

type Run = () => Readonly<{ results: object[]; success: true; meta: { changes: number } }>

export function sqliteDatabase(): D1Database {
  const sqlite = new DatabaseSync(':memory:')
  const migrations = inProject('migrations')
  for (const name of migrationNames(migrations)) {
    sqlite.exec(readFileSync(join(migrations, name), 'utf8'))
  }
  const changes = sqlite.prepare('SELECT changes() AS changes')

  const statement = (sql: string, bound: readonly SQLInputValue[]): object => {
    const run: Run = () => {
      const results = sqlite.prepare(sql).all(...bound) as object[]
      return { results, success: true, meta: changes.get() as { changes: number } }
    }
    return {
      bind: (...values: SQLInputValue[]) => statement(sql, values),
      async first(column?: string) {
        const [row] = run().results as Record<string, unknown>[]
        return row ? (column === undefined ? row : row[column]) : null
      },
      all: async () => run(),
      run: async () => run(),
      runNow: run,
    }
  }
  const database = {
    prepare: (sql: string) => statement(sql, []),
    async batch(statements: readonly { runNow: Run }[]) {
      sqlite.exec('BEGIN')
      try {
        const results = statements.map((one) => one.runNow())
        sqlite.exec('COMMIT')
        return results
      } catch (fault) {
        sqlite.exec('ROLLBACK')
        throw fault
      }
    },
    withSession: () => database,
  }
  return database as unknown as D1Database
}
