/** `schema.sql` equals the sum of the migrations, can be applied again, and has only STRICT tables. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { migrationNames } from '../../src/local/migrations.ts'
import { inProject } from '../../src/local/project.ts'

const SCHEMA = readFileSync(inProject('schema.sql'), 'utf8')
const MIGRATIONS = inProject('migrations')

function fromSchema() {
  const db = new DatabaseSync(':memory:')
  db.exec(SCHEMA)
  return db
}

function fromMigrations() {
  const db = new DatabaseSync(':memory:')
  for (const name of migrationNames(MIGRATIONS)) {
    db.exec(readFileSync(join(MIGRATIONS, name), 'utf8'))
  }
  return db
}

const rows = (db: DatabaseSync, sql: string, ...parameters: string[]) =>
  db.prepare(sql).all(...parameters) as Record<string, unknown>[]

const withoutComments = (sql: unknown) =>
  String(sql)
    .replace(/--[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),]) ?/g, '$1')

/** The definitions of a database with their checks, columns, keys and indexes. */
function described(db: DatabaseSync) {
  const objects = rows(
    db,
    'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name',
  )
  const tables = objects.filter(({ type }) => type === 'table').map(({ name }) => String(name))
  return {
    objects: objects.map((object) => ({ ...object, sql: withoutComments(object.sql) })),
    tables: tables.map((table) => ({
      table,
      columns: rows(db, 'SELECT * FROM pragma_table_xinfo(?)', table),
      references: rows(db, 'SELECT * FROM pragma_foreign_key_list(?)', table),
      indexes: rows(
        db,
        `SELECT l.name, l."unique", l.origin, l.partial, x.seqno, x.name AS column, x."desc", x.coll
         FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x ORDER BY l.name, x.seqno`,
        table,
      ),
    })),
  }
}

describe('schema.sql', () => {
  it('schema.sql equals the sum of the migrations', () => {
    const schema = described(fromSchema())
    expect(schema.tables.length).toBeGreaterThan(0)
    expect(schema).toEqual(described(fromMigrations()))
  })

  it('schema.sql changes nothing when it is applied again', () => {
    const db = fromSchema()
    const before = described(db)
    db.exec(`INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
      VALUES ('u', 'ada', 'ada@example.org', '', 1, 1)`)
    db.exec(SCHEMA)
    expect(described(db)).toEqual(before)
    expect(rows(db, 'SELECT user_id FROM user')).toHaveLength(1)
  })

  it('every table of schema.sql is STRICT', () => {
    const tables = rows(
      fromSchema(),
      `SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'`,
    )
    const ours = tables.filter(({ name }) => !String(name).startsWith('sqlite_'))
    expect(ours.length).toBeGreaterThan(0)
    expect(ours.filter(({ strict }) => strict !== 1)).toEqual([])
  })

  it('the trigger for a deleted client deletes its rows from every table that refers to clients, except the tables that are deleted in rounds', () => {
    const db = fromSchema()
    const [trigger] = rows(
      db,
      `SELECT sql FROM sqlite_schema WHERE name = 'client_deleted_in_rounds'`,
    )
    const tables = rows(db, `SELECT name FROM sqlite_schema WHERE type = 'table'`).map(({ name }) =>
      String(name),
    )
    const referring = tables.filter((table) =>
      rows(db, 'SELECT "table" AS target FROM pragma_foreign_key_list(?)', table).some(
        ({ target }) => target === 'client',
      ),
    )
    const inRounds = ['consent', 'authorization_code', 'refresh_family']
    expect(referring).toEqual(expect.arrayContaining(inRounds))
    const emptied = referring.filter((table) =>
      String(trigger?.sql).includes(`DELETE FROM ${table} WHERE client_id = OLD.client_id;`),
    )
    expect([...emptied, ...inRounds].sort()).toEqual(referring.sort())
  })

  it('every time column of schema.sql has a comment with its unit', () => {
    const instants = SCHEMA.split('\n').filter((line) => /^\s+\w+_at\s/.test(line))
    expect(instants.length).toBeGreaterThan(0)
    expect(instants.filter((line) => !line.includes('-- epoch seconds'))).toEqual([])
  })
})
