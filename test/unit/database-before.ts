/** A database in memory with the migrations before a given one. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { migrationNames } from '../../src/local/migrations.ts'
import { inProject } from '../../src/local/project.ts'

const MIGRATIONS = inProject('migrations')

/** `apply` applies this migration, `migrate` also the later ones. */
export function databaseBefore(migration: string) {
  const db = new DatabaseSync(':memory:')
  const names = migrationNames(MIGRATIONS)
  const at = names.indexOf(migration)
  if (at < 0) throw new Error(`there is no migration ${migration}`)
  const run = (some: readonly string[]) => {
    for (const name of some) db.exec(readFileSync(join(MIGRATIONS, name), 'utf8'))
  }
  run(names.slice(0, at))
  return { db, apply: () => run([migration]), migrate: () => run(names.slice(at)) }
}
