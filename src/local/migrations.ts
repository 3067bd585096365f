/** The numbered migrations, applied as `wrangler d1 migrations apply` does, with its table and its names. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../stores/database.ts'
import { Refusal } from './refusal.ts'

/** Creates the table in a database that has none yet. */
export const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`
export const LIST_APPLIED = 'SELECT name FROM d1_migrations'
const RECORD_APPLIED = 'INSERT INTO d1_migrations (name) VALUES (?1)'

/** File names in the order of their numbers. */
export const migrationNames = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1))

/** Throws a Refusal if a newer version has migrated the database, because this version does not know what is new. */
export function requireKnown(applied: readonly string[], known: readonly string[]) {
  const newer = applied.filter((name) => !known.includes(name))
  if (newer.length === 0) return
  throw new Refusal(
    `the database is newer than this version, which does not have ${newer.join(', ')}: run the version that made it`,
  )
}

/** Each migration and its note are one batch. Returns the applied ones. Throws a Refusal if a newer version migrated. */
export async function applyMigrations(db: Database, directory: string): Promise<string[]> {
  const [, applied] = await db.batch<{ name: string }>([
    db.prepare(CREATE_TABLE),
    db.prepare(LIST_APPLIED),
  ])
  const done = (applied?.results ?? []).map(({ name }) => name)
  const names = migrationNames(directory)
  requireKnown(done, names)
  const pending = names.filter((name) => !done.includes(name))
  for (const name of pending) {
    const sql = readFileSync(join(directory, name), 'utf8')
    await db.batch([db.prepare(sql), db.prepare(RECORD_APPLIED).bind(name)])
  }
  return pending
}
