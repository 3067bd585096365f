/** The migration of consents in a filled database: the rows of a user and a client become one row, which authorizes no request. */

import { describe, expect, it } from 'vitest'
import { databaseBefore } from './database-before.ts'

const NAME = '0007_one_consent_per_client.sql'

const FILL = `
  INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
    VALUES ('a', 'A', 'o', 1, 1), ('b', 'B', 'o', 1, 1);
  INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at, used_at) VALUES
    ('ada', 'a', 'public:read', 'f1', 30, NULL),
    ('ada', 'a', 'public:read submission:read', 'f2', 10, 20),
    ('ada', 'a', 'submission:read:*', 'f3', 40, 15),
    ('ada', 'b', 'public:read', 'f4', 50, NULL),
    ('grace', 'a', 'submission:read', 'f5', 60, 70);
  INSERT INTO refresh_family
      (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
    VALUES ('f', 'a', 'ada', '{}', 10, 99, 20);
  INSERT INTO housekeeping (task, position, ran_at, removed, left_over)
    VALUES ('consent', '["ada","a","public:read"]', 1, 0, 0), ('run', '7', 1, 0, 0);`

/** Applies every earlier migration, fills the database, and applies this one. */
function migrated() {
  const { db, apply } = databaseBefore(NAME)
  db.exec(FILL)
  apply()
  return db
}

describe('the migration to one consent for a user and a client', () => {
  it('the consent migration merges the rows of a user and a client, keeps the earliest time, and the merged row authorizes no request', () => {
    const rows = migrated()
      .prepare('SELECT * FROM consent ORDER BY user_id, client_id')
      .all()
      .map((row) => ({ ...row }))
    const both = 'public:read submission:read submission:read:*'
    expect(rows).toEqual([
      {
        user_id: 'ada',
        client_id: 'a',
        scopes: both,
        fingerprint: '',
        granted_at: 10,
        used_at: 20,
      },
      {
        ...{ user_id: 'ada', client_id: 'b', scopes: 'public:read', fingerprint: '' },
        ...{ granted_at: 50, used_at: null },
      },
      {
        ...{ user_id: 'grace', client_id: 'a', scopes: 'submission:read', fingerprint: '' },
        ...{ granted_at: 60, used_at: 70 },
      },
    ])
  })

  it('the consent migration keeps clients and refresh families, and deleting a client still deletes its consents', () => {
    const db = migrated()
    const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n
    expect([count('client'), count('refresh_family')]).toEqual([2, 1])
    db.exec("DELETE FROM client WHERE client_id = 'a'")
    expect(count('consent')).toBe(1)
  })

  it('the consent migration resets the cursor of the sweep of consents and no other cursor', () => {
    const positions = migrated().prepare('SELECT task, position FROM housekeeping').all()
    expect(positions.map((row) => ({ ...row }))).toEqual([
      { task: 'consent', position: null },
      { task: 'run', position: '7' },
    ])
  })
})
