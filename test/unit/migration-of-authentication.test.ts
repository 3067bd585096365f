/** The migration to `client_secret`, on a filled database. */

import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { databaseBefore } from './database-before.ts'

const NAME = '0004_authentication_and_lifetime.sql'
const METHODS = ['client_secret_post', 'client_secret_basic', 'private_key_jwt', 'none']
const ENDORSEMENTS = [
  ['cs.*', 1],
  ['cs.DL', 1],
  ['math.*', null],
  ['math.AG', 1],
  ['math.NT', null],
] as const
const insert = (columns: string, values: string) =>
  `INSERT INTO client (client_id, name, owner_id, created_at, updated_at${columns}) VALUES (${values})`

function migrated() {
  const { db, apply } = databaseBefore(NAME)
  db.exec(`INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
    VALUES ('ada', 'ada', 'ada@example.org', '', 1, 1)`)
  for (const method of METHODS) {
    db.exec(insert(', auth_method', `'${method}', 'n', 'o', 1, 1, '${method}'`))
    db.exec(`INSERT INTO client_redirect_uri VALUES ('${method}', 'https://a.example/')`)
    db.exec(`INSERT INTO client_credential VALUES ('${method}', 'd', 1, NULL, NULL)`)
  }
  for (const [category, authorizedAt] of ENDORSEMENTS) {
    db.exec(`INSERT INTO client_endorsement VALUES ('none', '${category}', 1, ${authorizedAt})`)
    db.exec(`INSERT OR IGNORE INTO user_endorsement VALUES ('ada', '${category}')`)
  }
  apply()
  return db
}

const rowsOf = (db: DatabaseSync, sql: string) => db.prepare(sql).all() as Record<string, unknown>[]

describe('the migration to client_secret', () => {
  it("the migration to client_secret keeps every client's authentication method and every row that refers to a client", () => {
    const db = migrated()
    const clients = rowsOf(db, 'SELECT client_id, auth_method FROM client')
    expect(clients.map((row) => row.auth_method)).toEqual(clients.map((row) => row.client_id))
    expect(clients).toHaveLength(METHODS.length)
    for (const table of ['client_redirect_uri', 'client_credential']) {
      expect(rowsOf(db, `SELECT client_id FROM ${table}`)).toHaveLength(METHODS.length)
    }
    db.exec(`DELETE FROM client WHERE client_id = 'none'`)
    expect(rowsOf(db, 'SELECT * FROM client_credential')).toHaveLength(METHODS.length - 1)
  })

  it('the migration to client_secret deletes endorsements that another endorsement covers', () => {
    const db = migrated()
    const kept = (table: string) =>
      rowsOf(db, `SELECT category FROM ${table} ORDER BY 1`).map(({ category }) => category)
    // An endorsement that is only requested covers no authorized one.
    expect(kept('client_endorsement')).toEqual(['cs.*', 'math.*', 'math.AG'])
    expect(kept('user_endorsement')).toEqual(['cs.*', 'math.*'])
  })

  it('the migration to client_secret makes client_secret the default method and refuses unknown methods', () => {
    const db = migrated()
    db.exec(insert('', `'new', 'n', 'o', 1, 1`))
    const [row] = rowsOf(db, `SELECT auth_method AS m FROM client WHERE client_id = 'new'`)
    expect(row?.m).toBe('client_secret')
    expect(() => db.exec(insert(', auth_method', `'x', 'n', 'o', 1, 1, 'other'`))).toThrow(/CHECK/)
  })
})
