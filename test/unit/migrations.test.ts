/** Migrations of a database that is in use. */

import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { isToday } from '../days.ts'
import { databaseBefore } from './database-before.ts'

describe('0006_names.sql', () => {
  it('migration 0006 keeps every user and computes the username keys that SQLite can fold', () => {
    const { db, migrate } = databaseBefore('0006_names.sql')
    const insert = db.prepare(
      `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at) VALUES (?, ?, 'e', 'h', 1, 1)`,
    )
    for (const name of ['Ada', 'grace-1', 'Müller', 'MÜLLER']) insert.run(`id of ${name}`, name)
    migrate()
    expect(db.prepare('SELECT username, username_key FROM user ORDER BY username').all()).toEqual([
      { username: 'Ada', username_key: 'ada' },
      { username: 'grace-1', username_key: 'grace-1' },
      { username: 'MÜLLER', username_key: null },
      { username: 'Müller', username_key: null },
    ])
  })

  it('migration 0006 records the external users of families and codes, and none of the registry’s own users', () => {
    const { db, migrate } = databaseBefore('0006_names.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
      INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
        VALUES ('own', 'own', 'e', 'h', 1, 1)`)
    const record = (userId: string, username: string) =>
      JSON.stringify({ user: { userId, username } })
    const family = db.prepare(
      `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
       VALUES (?, 'c', ?, ?, 1, 2, 1)`,
    )
    const code = db.prepare(
      `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at) VALUES (?, 'c', ?, ?, 2)`,
    )
    family.run('f1', '17', record('17', 'Ada'))
    family.run('f2', '17', record('17', 'Ada'))
    family.run('f3', 'own', record('own', 'own'))
    code.run('k1', '18', record('18', 'Grace'))
    migrate()
    const found = db
      .prepare('SELECT user_id, username_key FROM external_user ORDER BY user_id')
      .all()
    expect(found).toEqual([
      { user_id: '17', username_key: 'ada' },
      { user_id: '18', username_key: 'grace' },
    ])
  })
})

describe('0013_invitation.sql', () => {
  const change = (sql: string) => `UPDATE user SET ${sql} WHERE user_id = 'u'`

  it('migration 0013 keeps every user, and after it a change of a user deletes an open invitation', () => {
    const { db, migrate } = databaseBefore('0013_invitation.sql')
    db.exec(`INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
      VALUES ('u', 'ada', 'e', 'h', 1, 1)`)
    migrate()
    expect(db.prepare('SELECT username, password_hash FROM user').all()).toEqual([
      { username: 'ada', password_hash: 'h' },
    ])
    db.exec(`INSERT INTO invitation (invitation_digest, user_id, created_at, expires_at)
      VALUES ('i', 'u', 1, 9999999999)`)
    const expiresAt = () =>
      Number(db.prepare('SELECT expires_at FROM invitation').get()?.expires_at)
    db.exec(change(`username = 'ada2', email = 'e', password_hash = 'h', disabled_at = NULL`))
    expect(expiresAt()).toBe(9999999999)
    for (const changed of [`email = 'e2'`, `password_hash = 'h2'`, 'disabled_at = 1']) {
      db.exec(change(changed))
      expect(expiresAt()).toBeLessThan(9999999999)
      db.exec('UPDATE invitation SET expires_at = 9999999999')
    }
    db.exec(`DELETE FROM user WHERE user_id = 'u'`)
    expect(db.prepare('SELECT count(*) AS n FROM invitation').get()?.n).toBe(0)
  })
})

describe('0005_revocation_version.sql', () => {
  const revoke = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES (?, ?, ?, 9999999999)
    ON CONFLICT DO UPDATE SET revoked_at_ms = max(revoked_at_ms, excluded.revoked_at_ms)`

  it('migration 0005 keeps every revocation and moves future times to now', () => {
    const { db, migrate } = databaseBefore('0005_revocation_version.sql')
    const [before, ahead] = [Date.now() - 5000, Date.now() + 65_000]
    const insert = db.prepare(revoke)
    insert.run('session', 'k', before)
    insert.run('client', 'past', before)
    insert.run('client', 'ahead', ahead)
    migrate()
    const found = db.prepare('SELECT subject, revoked_at_ms FROM revocation ORDER BY subject').all()
    const moments = new Map(found.map((row) => [row.subject, Number(row.revoked_at_ms)]))
    expect([moments.get('k'), moments.get('past')]).toEqual([before, before])
    expect(moments.get('ahead')).toBeGreaterThan(before)
    expect(moments.get('ahead')).toBeLessThanOrEqual(Date.now())
  })

  it('after migration 0005 every bulk revocation, and nothing else, increases the version of the document', () => {
    const { db, migrate } = databaseBefore('0005_revocation_version.sql')
    migrate()
    const version = () =>
      Number(db.prepare('SELECT version FROM revocation_version').get()?.version)
    const insert = db.prepare(revoke)
    const first = version()
    expect(first).toBeGreaterThan(Date.now() - 60_000)
    insert.run('session', 'k', 1)
    expect(version()).toBe(first)
    insert.run('user', 'u', 1)
    const second = version()
    expect(second).toBeGreaterThan(first)
    insert.run('user', 'u', 2)
    expect(version()).toBeGreaterThan(second)
    expect(db.prepare('SELECT count(*) AS n FROM revocation_version').get()?.n).toBe(1)
  })
})

describe('0010_scopes_and_categories.sql', () => {
  it('migration 0010 keeps scopes, endorsements and consents, and declares no scope or category', () => {
    const { db, migrate } = databaseBefore('0010_scopes_and_categories.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
      INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
        VALUES ('u', 'u', 'e', 'h', 1, 1);
      INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at) VALUES ('c', 'a:b:*', 1, 1);
      INSERT INTO user_scope (user_id, scope) VALUES ('u', 'a:b');
      INSERT INTO user_endorsement (user_id, category) VALUES ('u', 'cs.*');
      INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES ('u', 'c', 'a:b', 'f', 1)`)
    const all = () =>
      ['client_authorization', 'user_scope', 'user_endorsement', 'consent'].map((table) =>
        db.prepare(`SELECT * FROM ${table}`).all(),
      )
    const before = all()
    migrate()
    // Added by 0015, 0016 and 0018.
    const resources = { resources: '', endorsements: null }
    expect(all()).toEqual([
      before[0]?.map((row) => ({ ...row, self_registered: 0 })),
      ...before.slice(1, 3),
      before[3]?.map((row) => ({ ...row, ...resources })),
    ])
    expect(db.prepare('SELECT count(*) AS n FROM scope').get()?.n).toBe(0)
    expect(db.prepare('SELECT count(*) AS n FROM category').get()?.n).toBe(0)
    expect(() =>
      db.exec(`INSERT INTO scope (name, sentence, sensitive, version, created_at, updated_at)
        VALUES ('a', 'A', 2, 1, 1, 1)`),
    ).toThrow('CHECK constraint failed')
  })
})

describe('0011_derived_refresh_tokens.sql', () => {
  it('migration 0011 keeps every refresh token, redeemed or not, without a salt', () => {
    const { db, migrate } = databaseBefore('0011_derived_refresh_tokens.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
      INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
        VALUES ('f', 'c', 'u', '{}', 1, 9, 1);
      INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at, spent_at, successor)
        VALUES ('old', 'f', 's1', 1, 2, 'new'), ('new', 'f', 's2', 2, NULL, NULL)`)
    migrate()
    const found = db.prepare('SELECT * FROM refresh_token ORDER BY issued_at').all()
    const derived = { salt: null, scopes: null, resources: null, answers: 1, family_id: 'f' }
    expect(found).toEqual([
      {
        ...derived,
        token_digest: 'old',
        session_key: 's1',
        issued_at: 1,
        spent_at: 2,
        successor: 'new',
      },
      {
        ...derived,
        token_digest: 'new',
        session_key: 's2',
        issued_at: 2,
        spent_at: null,
        successor: null,
      },
    ])
  })
})

describe('0009_registration.sql', () => {
  const FILL = `
    INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
    INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at) VALUES ('c', 'a:b', 1, 1);
    INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
      VALUES ('u', 'ada', 'e', 'h', 1, 1);`

  it('migration 0009 keeps every client and user and gives them its own time as their version', () => {
    const { db, migrate } = databaseBefore('0009_registration.sql')
    db.exec(FILL)
    const begun = Date.now()
    migrate()
    for (const table of ['client', 'user']) {
      const rows = db.prepare(`SELECT version FROM ${table}`).all()
      expect(rows).toHaveLength(1)
      expect(Number(rows[0]?.version)).toBeGreaterThan(begun - 1000)
    }
    expect(db.prepare('SELECT scope FROM client_authorization').all()).toHaveLength(1)
  })

  it('an insertion into expected_version writes nothing, and fails unless the record has the version', () => {
    const { db, migrate } = databaseBefore('0009_registration.sql')
    db.exec(FILL)
    migrate()
    db.exec(`UPDATE client SET version = 7; UPDATE user SET version = 8`)
    const expectVersion = (kind: string, id: string, version: number | string) => () =>
      db
        .prepare('INSERT INTO expected_version (kind, id, version) VALUES (?, ?, ?)')
        .run(kind, id, version)
    // Over HTTP every parameter is text.
    for (const version of [7, '7']) expect(expectVersion('client', 'c', version)).not.toThrow()
    expect(expectVersion('user', 'u', 8)).not.toThrow()
    for (const [kind, id, version] of [
      ['client', 'c', 6],
      ['client', 'c', 8],
      ['client', 'u', 8],
      ['user', 'c', 7],
      ['client', 'x', 7],
      ['other', 'c', 7],
      ['client', 'c', ''],
    ] as const) {
      expect(expectVersion(kind, id, version)).toThrow('stale version')
    }
    expect(db.prepare('SELECT count(*) AS n FROM expected_version').get()?.n).toBe(2)
  })
})

describe('0012_declaring_scopes.sql', () => {
  it('migration 0012 keeps declared scopes and categories, and expected_version still checks clients and scopes', () => {
    const { db, migrate } = databaseBefore('0012_declaring_scopes.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at, version) VALUES ('c', 'C', 'o', 1, 1, 7);
      INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at) VALUES ('c', 'a:b', 1, 1);
      INSERT INTO scope (name, sentence, version, created_at, updated_at) VALUES ('a:b', 'Read', 8, 1, 1);
      INSERT INTO category (name, title) VALUES ('cs', 'Computing')`)
    migrate()
    expect(db.prepare('SELECT name, version FROM scope').all()).toEqual([
      { name: 'a:b', version: 8 },
    ])
    expect(db.prepare('SELECT name FROM category').all()).toEqual([{ name: 'cs' }])
    const demand = db.prepare('INSERT INTO expected_version (kind, id, version) VALUES (?, ?, ?)')
    for (const [kind, id, version] of [
      ['client', 'c', 7],
      ['scope', 'a:b', 8],
    ] as const) {
      expect(() => demand.run(kind, id, version)).not.toThrow()
      expect(() => demand.run(kind, id, version + 1)).toThrow('stale version')
    }
  })

  it('after migration 0012 at most 1000 scopes and 1000 categories can be declared', () => {
    const { db, migrate } = databaseBefore('0012_declaring_scopes.sql')
    migrate()
    const count = (upTo: number) =>
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${upTo}) SELECT`
    const scopes = (upTo: number) =>
      db.exec(`INSERT INTO scope (name, sentence, version, created_at, updated_at)
        ${count(upTo)} 's' || i, 'S', 1, 1, 1 FROM n`)
    const categories = (upTo: number) =>
      db.exec(`INSERT INTO category (name, title) ${count(upTo)} 'c' || i, 'C' FROM n`)
    for (const declare of [scopes, categories]) {
      expect(() => declare(1001)).toThrow('too many are declared')
      expect(() => declare(1000)).not.toThrow()
    }
  })
})

describe('0014_refresh_idle.sql', () => {
  it('migration 0014 keeps every family unchanged and without an idle expiry', () => {
    const { db, migrate } = databaseBefore('0014_refresh_idle.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
      INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
        VALUES ('f', 'c', 'u', '{}', 1, 9, 2)`)
    const families = () => db.prepare('SELECT * FROM refresh_family').all()
    const before = families()
    migrate()
    expect(families()).toEqual(before.map((family) => ({ ...family, idle_expires_at: null })))
  })
})

describe('0015_resources.sql', () => {
  const FILL = `
    INSERT INTO client (client_id, name, owner_id, created_at, updated_at, version) VALUES ('c', 'C', 'o', 1, 1, 7);
    INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES ('u', 'c', 'a:b', 'f', 1);
    INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at) VALUES ('k', 'c', 'u', '{}', 9);
    INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
      VALUES ('f', 'c', 'u', '{}', 1, 9, 1);
    INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at, salt, scopes)
      VALUES ('t', 'f', 's', 1, 'salt', 'a:b');
    INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at, is_shown)
      VALUES ('session', 's', 1, 9, 1), ('client', 'c', 2, 9, 0), ('consent', 'u c', 3, 9, 0)`

  const filled = () => {
    const before = databaseBefore('0015_resources.sql')
    before.db.exec(FILL)
    return before
  }
  const versionIn = (db: DatabaseSync) =>
    db.prepare('SELECT version FROM revocation_version').get()?.version

  it('migration 0015 keeps codes, families, tokens, consents and revocations, without a resource', () => {
    const { db, migrate } = filled()
    const version = versionIn(db)
    migrate()
    expect(db.prepare('SELECT scopes, resources FROM consent').all()).toEqual([
      { scopes: 'a:b', resources: '' },
    ])
    expect(db.prepare('SELECT record FROM authorization_code').all()).toEqual([{ record: '{}' }])
    expect(db.prepare('SELECT record FROM refresh_family').all()).toEqual([{ record: '{}' }])
    expect(db.prepare('SELECT salt, scopes, resources FROM refresh_token').all()).toEqual([
      { salt: 'salt', scopes: 'a:b', resources: null },
    ])
    expect(db.prepare('SELECT * FROM revocation ORDER BY revoked_at_ms').all()).toEqual([
      { kind: 'session', subject: 's', revoked_at_ms: 1, expires_at: 9, is_shown: 1 },
      { kind: 'client', subject: 'c', revoked_at_ms: 2, expires_at: 9, is_shown: 0 },
      { kind: 'consent', subject: 'u c', revoked_at_ms: 3, expires_at: 9, is_shown: 0 },
    ])
    expect(versionIn(db)).toBe(version)
  })

  it('after migration 0015 the revocation of a resource increases the version of the document, and expected_version checks resources', () => {
    const { db, migrate } = filled()
    migrate()
    const version = Number(versionIn(db))
    db.exec(
      `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES ('resource', 'https://a.example', 4, 9)`,
    )
    expect(Number(versionIn(db))).toBeGreaterThan(version)
    expect(() =>
      db.exec(
        `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES ('other', 'x', 4, 9)`,
      ),
    ).toThrow('CHECK constraint failed')
    const resource = (uri: string) =>
      db.exec(`INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
        VALUES ('${uri}', 'A', '["a:b"]', 900, 5, 8, 1, 1)`)
    resource('https://a.example')
    const demand = db.prepare('INSERT INTO expected_version (kind, id, version) VALUES (?, ?, ?)')
    expect(() => demand.run('resource', 'https://a.example', 8)).not.toThrow()
    expect(() => demand.run('resource', 'https://a.example', 7)).toThrow('stale version')
    expect(() => demand.run('client', 'c', 7)).not.toThrow()
  })

  it('after migration 0015 a default resource of a client must be declared, and cannot be deleted', () => {
    const { db, migrate } = filled()
    migrate()
    db.exec('PRAGMA foreign_keys = ON')
    const make = (uri: string) =>
      db.prepare('INSERT INTO client_default_resource (client_id, uri) VALUES (?, ?)').run('c', uri)
    expect(() => make('https://a.example')).toThrow('FOREIGN KEY')
    db.exec(`INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
      VALUES ('https://a.example', 'A', '["a:b"]', 900, 5, 8, 1, 1)`)
    make('https://a.example')
    expect(() => db.exec('DELETE FROM resource')).toThrow('FOREIGN KEY')
    db.exec('DELETE FROM client')
    expect(() => db.exec('DELETE FROM resource')).not.toThrow()
  })
})

describe('0016_consented_endorsements.sql', () => {
  it('migration 0016 keeps every consent, which then covers all endorsements', () => {
    const { db, migrate } = databaseBefore('0016_consented_endorsements.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'o', 1, 1);
      INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES ('u', 'c', 'a:b', 'f', 1)`)
    const before = db.prepare('SELECT * FROM consent').all()
    migrate()
    expect(db.prepare('SELECT * FROM consent').all()).toEqual(
      before.map((row) => ({ ...row, endorsements: null })),
    )
  })
})

describe('0017_document_hosts.sql', () => {
  it('after migration 0017 expected_version checks clients as before, and listed hosts too', () => {
    const { db, migrate } = databaseBefore('0017_document_hosts.sql')
    db.exec(
      `INSERT INTO client (client_id, name, owner_id, created_at, updated_at, version) VALUES ('c', 'C', 'o', 1, 1, 7)`,
    )
    migrate()
    db.exec(
      `INSERT INTO document_host (host, rule, version, created_at, updated_at) VALUES ('a.example', 'allow', 8, 1, 1)`,
    )
    const expecting = (kind: string, id: string, version: number) => () =>
      db
        .prepare('INSERT INTO expected_version (kind, id, version) VALUES (?, ?, ?)')
        .run(kind, id, version)
    expect(expecting('client', 'c', 7)).not.toThrow()
    expect(expecting('document_host', 'a.example', 8)).not.toThrow()
    expect(expecting('client', 'c', 8)).toThrow('stale version')
    expect(expecting('document_host', 'a.example', 7)).toThrow('stale version')
    expect(expecting('document_host', 'b.example', 8)).toThrow('stale version')
  })
})

describe('0018_self_registered_clients.sql', () => {
  const filled = () => {
    const before = databaseBefore('0018_self_registered_clients.sql')
    before.db.exec(`INSERT INTO client (client_id, name, owner_id, auth_method, created_at, updated_at)
        VALUES ('c', 'C', 'o', 'none', 1, 1);
      INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at)
        VALUES ('c', 'a:b', 1, 1), ('c', 'c:d', 1, NULL);
      INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
        VALUES ('https://a.example', 'A', '["a:b"]', 900, 1, 1, 1, 1);
      INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at) VALUES ('k', 'c', 'u', '{}', 9);
      INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
        VALUES ('f', 'c', 'u', '{}', 1, 9, 1)`)
    return before
  }

  it('migration 0018 keeps clients, codes and families, and marks no client as self-registered', () => {
    const { db, migrate } = filled()
    migrate()
    expect(db.prepare(`SELECT contacts, application_type, jwks_uri FROM client`).all()).toEqual([
      { contacts: '[]', application_type: 'web', jwks_uri: '' },
    ])
    expect(db.prepare('SELECT sum(self_registered) AS n FROM client_authorization').get()?.n).toBe(
      0,
    )
    expect(db.prepare('SELECT sum(self_registered) AS n FROM resource').get()?.n).toBe(0)
    db.exec(`UPDATE authorization_code SET spent_at = 2, session_key = 's';
      UPDATE refresh_family SET last_used_at = 2`)
    expect(db.prepare('SELECT count(*) AS n FROM self_registered_client').get()?.n).toBe(0)
  })

  it('after migration 0018 a self-registered client records the day of its last use, and a revoked code is not a use', () => {
    const { db, migrate } = filled()
    migrate()
    db.exec(`INSERT INTO self_registered_client (client_id, kind, created_at) VALUES ('c', 'registration', 1);
      INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at) VALUES ('v', 'c', 'u', '{}', 9)`)
    const usedAt = () => db.prepare('SELECT used_at FROM self_registered_client').get()?.used_at
    db.exec(`UPDATE authorization_code SET spent_at = 2, session_key = '' WHERE code_digest = 'v'`)
    expect(usedAt()).toBeNull()
    db.exec(`UPDATE authorization_code SET spent_at = 2, session_key = 's' WHERE code_digest = 'k'`)
    expect(usedAt()).toSatisfy(isToday)
    db.exec('UPDATE self_registered_client SET used_at = used_at - 86400')
    db.exec('UPDATE refresh_family SET last_used_at = 3')
    expect(usedAt()).toSatisfy(isToday)
  })
})

describe('0020_signed_tokens.sql', () => {
  const FILL = `
    INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
      VALUES ('https://a.example', 'A', '["a:b"]', 900, 5, 5, 1, 1);
    INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at, is_shown)
      VALUES ('session', 's', 1, 9, 1), ('client', 'c', 2, 9, 0), ('resource', 'https://a.example', 3, 9, 0)`
  const versionIn = (db: DatabaseSync) =>
    Number(db.prepare('SELECT version FROM revocation_version').get()?.version)

  it('migration 0020 keeps every revocation and the version of the document, and the tokens of a resource stay opaque', () => {
    const { db, migrate } = databaseBefore('0020_signed_tokens.sql')
    db.exec(FILL)
    const version = versionIn(db)
    migrate()
    expect(db.prepare('SELECT * FROM revocation ORDER BY revoked_at_ms').all()).toEqual([
      { kind: 'session', subject: 's', revoked_at_ms: 1, expires_at: 9, is_shown: 1 },
      { kind: 'client', subject: 'c', revoked_at_ms: 2, expires_at: 9, is_shown: 0 },
      {
        kind: 'resource',
        subject: 'https://a.example',
        revoked_at_ms: 3,
        expires_at: 9,
        is_shown: 0,
      },
    ])
    expect(versionIn(db)).toBe(version)
    expect(db.prepare('SELECT uri, token_format FROM resource').all()).toEqual([
      { uri: 'https://a.example', token_format: 'opaque' },
    ])
  })

  it('after migration 0020 the revocation of a signed token increases the version of the document, and only two token formats are allowed', () => {
    const { db, migrate } = databaseBefore('0020_signed_tokens.sql')
    db.exec(FILL)
    migrate()
    const version = versionIn(db)
    const insert = (kind: string) =>
      db.exec(
        `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES ('${kind}', 'k', 4, 9)`,
      )
    insert('session')
    expect(versionIn(db)).toBe(version)
    insert('token')
    expect(versionIn(db)).toBeGreaterThan(version)
    expect(() => insert('other')).toThrow('CHECK constraint failed')
    db.exec(`UPDATE resource SET token_format = 'jwt'`)
    expect(() => db.exec(`UPDATE resource SET token_format = 'saml'`)).toThrow('CHECK')
  })
})

describe('0022_client_owners.sql', () => {
  it('after migration 0022 only an administrator can enable a client that was disabled before, and the number of clients of an owner is limited', () => {
    const { db, migrate } = databaseBefore('0022_client_owners.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at, disabled_at)
      VALUES ('a', 'A', 'u', 1, 1, NULL), ('b', 'B', 'u', 1, 1, 5)`)
    migrate()
    expect(db.prepare('SELECT client_id, disabled_by_owner FROM client').all()).toEqual([
      { client_id: 'a', disabled_by_owner: 0 },
      { client_id: 'b', disabled_by_owner: 0 },
    ])
    const expectAllowed = (allowed: number) =>
      db
        .prepare('INSERT INTO clients_per_owner (owner_id, allowed) VALUES (?, ?)')
        .run('u', allowed)
    expectAllowed(2)
    expect(() => expectAllowed(1)).toThrow('too many clients')
    db.exec(`INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('a', 'v', 1)`)
    db.exec('PRAGMA foreign_keys = ON')
    db.exec(`DELETE FROM client WHERE client_id = 'a'`)
    expect(db.prepare('SELECT * FROM client_owner').all()).toEqual([])
  })
})

describe('0028_told_listings.sql', () => {
  it('migration 0028 keeps pending webhook deliveries, and after it the decision on a waiting listing is delivered', () => {
    const { db, migrate } = databaseBefore('0028_told_listings.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'u', 1, 1);
      INSERT INTO audit (happened_at, actor, event, client_id, detail) VALUES (1, 'user:u', 'client.request', 'c', '{}');
      INSERT INTO client_authorization (client_id, scope, requested_at) VALUES ('c', 'a:read', 1);
      INSERT INTO listing (client_id, requested_at) VALUES ('c', 1)`)
    migrate()
    const told = () =>
      db
        .prepare('SELECT event, actor, permissions FROM webhook_delivery ORDER BY audit_id')
        .all()
        .map((row) => [row.event, row.actor, JSON.parse(String(row.permissions))])
    const request = ['request.created', 'user:u', [{ kind: 'scope', value: 'a:read' }]]
    expect(told()).toEqual([request])
    db.exec(`INSERT INTO audit (happened_at, actor, event, client_id, detail) VALUES (2, 'user:x', 'client.decline_listing', 'c', '{}');
      UPDATE listing SET listed_at = NULL, declined_at = 2, reason = 'Empty.'`)
    const decision = { decision: 'declined', reason: 'Empty.' }
    expect(told()).toEqual([request, ['listing.decided', 'user:x', [decision]]])
  })
})

describe('0026_former_owners.sql', () => {
  it('migration 0026 records who registered a client in the portal and handed it over, and after it each former owner is recorded once', () => {
    const { db, migrate } = databaseBefore('0026_former_owners.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
        VALUES ('moved', 'M', 'v', 1, 1), ('kept', 'K', 'u', 1, 1), ('made', 'O', 'v', 1, 1), ('none', 'N', '', 1, 1);
      INSERT INTO audit (happened_at, actor, event, client_id, detail) VALUES
        (1, 'user:u', 'client.create', 'moved', '{}'), (2, 'user:u', 'client.create', 'moved', '{}'),
        (1, 'user:u', 'client.create', 'kept', '{}'), (1, 'user:u', 'client.create', 'gone', '{}'),
        (1, 'client:cli user:u', 'client.create', 'made', '{}'), (1, 'user:w', 'client.authorize', 'moved', '{}')`)
    migrate()
    const formerOwners = () =>
      db.prepare('SELECT client_id, user_id FROM client_former_owner').all()
    const first = { client_id: 'moved', user_id: 'u' }
    expect(formerOwners()).toEqual([first])
    for (const owner of ['u', 'v', 'v', 'u']) {
      db.prepare(`UPDATE client SET owner_id = ? WHERE client_id IN ('moved', 'none')`).run(owner)
    }
    expect(formerOwners()).toEqual([
      first,
      { client_id: 'moved', user_id: 'v' },
      { client_id: 'none', user_id: 'u' },
      { client_id: 'none', user_id: 'v' },
    ])
    db.exec(`PRAGMA foreign_keys = ON; DELETE FROM client WHERE client_id = 'none'`)
    expect(formerOwners()).toHaveLength(2)
  })
})

describe('0029_former_further_owners.sql', () => {
  it('migration 0029 records who once accepted to own a client, and after it a further owner who leaves, but not one who becomes the first owner', () => {
    const { db, migrate } = databaseBefore('0029_former_further_owners.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'u', 1, 1), ('d', 'D', 'u', 1, 1);
      INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('c', 'v', 1), ('c', 'w', 1), ('d', 'v', 1);
      INSERT INTO audit (happened_at, actor, event, client_id, detail) VALUES
        (1, 'user:x', 'client.accept_offer', 'c', '{"user_id":"x"}'), (2, 'user:x', 'client.accept_offer', 'c', '{"user_id":"x"}'),
        (1, 'user:x', 'client.accept_offer', 'gone', '{"user_id":"x"}')`)
    migrate()
    const formerOwners = () =>
      db.prepare('SELECT client_id, user_id FROM client_former_owner').all()
    const found = { client_id: 'c', user_id: 'x' }
    expect(formerOwners()).toEqual([found])
    db.exec(`UPDATE client SET owner_id = 'v' WHERE client_id = 'c';
      DELETE FROM client_owner WHERE client_id = 'c' AND user_id = 'v'`)
    expect(formerOwners()).toEqual([{ client_id: 'c', user_id: 'u' }, found])
    db.exec(`DELETE FROM client_owner WHERE client_id = 'c' AND user_id = 'w'`)
    expect(formerOwners()).toContainEqual({ client_id: 'c', user_id: 'w' })
    db.exec(`PRAGMA foreign_keys = ON; DELETE FROM client`)
    expect(formerOwners()).toEqual([])
  })
})

describe('0031_owners_once.sql', () => {
  it('after migration 0031 a first owner is never a further owner too, even when a further owner becomes the first', () => {
    const { db, migrate } = databaseBefore('0031_owners_once.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'u', 1, 1);
      INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('c', 'u', 1), ('c', 'v', 1), ('c', 'w', 1);
      INSERT INTO client_owner_offer (client_id, user_id, offered_by, offered_at) VALUES ('c', 'x', 'u', 1), ('c', 'y', 'v', 1)`)
    migrate()
    const valuesOf = (sql: string) =>
      db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row)[0])
    const further = () => valuesOf('SELECT user_id FROM client_owner ORDER BY user_id')
    const offers = () => valuesOf('SELECT user_id FROM client_owner_offer ORDER BY user_id')
    expect([further(), offers()]).toEqual([
      ['v', 'w'],
      ['x', 'y'],
    ])
    db.exec(`UPDATE client SET owner_id = 'v'`)
    expect([further(), offers()]).toEqual([['w'], ['y']])
    expect(valuesOf('SELECT user_id FROM client_former_owner')).toEqual(['u'])
  })
})

describe('0025_webhook.sql', () => {
  it('migration 0025 deletes the logos at blocked hosts, and after it an earlier request is delivered to the webhook only when it is decided', () => {
    const { db, migrate } = databaseBefore('0025_webhook.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'u', 1, 1);
      INSERT INTO client_authorization (client_id, scope, requested_at) VALUES ('c', 'a:read', 1), ('c', 'b:read', 1);
      INSERT INTO document_host (host, rule, version, created_at, updated_at)
        VALUES ('evil.example', 'block', 1, 1, 1), ('*.bad.example', 'block', 1, 1, 1), ('good.example', 'allow', 1, 1, 1)`)
    const hosts = [
      'evil.example',
      'a.bad.example',
      'bad.example',
      'verybad.example',
      'good.example',
    ]
    const logo = db.prepare('INSERT INTO logo (logo_uri, host, tried_at) VALUES (?, ?, 1)')
    for (const host of hosts) logo.run(`https://${host}/logo`, host)
    migrate()
    expect(db.prepare('SELECT host FROM logo ORDER BY host').all()).toEqual([
      { host: 'bad.example' },
      { host: 'good.example' },
      { host: 'verybad.example' },
    ])
    expect(db.prepare('SELECT * FROM webhook_delivery').all()).toEqual([])
    db.exec(`INSERT INTO audit (happened_at, actor, event, client_id, detail) VALUES (1, 'user:x', 'client.authorize', 'c', '{}');
      UPDATE client_authorization SET authorized_at = 2`)
    expect(db.prepare('SELECT event, actor, permissions FROM webhook_delivery').all()).toEqual([
      {
        event: 'decision.made',
        actor: 'user:x',
        permissions: JSON.stringify(
          ['a:read', 'b:read'].map((value) => {
            return { kind: 'scope', value, decision: 'authorized', reason: '' }
          }),
        ),
      },
    ])
  })
})

describe('0024_directory.sql', () => {
  it('migration 0024 lists no client and changes no client, and after it a change or deletion of a listed client removes its listing', () => {
    const { db, migrate } = databaseBefore('0024_directory.sql')
    db.exec('PRAGMA foreign_keys = ON')
    db.exec(`INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at) VALUES ('u', 'ada', 'e', 'h', 1, 1);
      INSERT INTO client (client_id, name, owner_id, logo_uri, created_at, updated_at, version)
        VALUES ('old', 'Old', 'u', 'https://old.example/l.png', 1, 1, 7), ('other', 'Other', 'u', '', 1, 1, 7);
      INSERT INTO logo (logo_uri, host, tried_at) VALUES ('https://old.example/l.png', 'old.example', 1)`)
    const before = db.prepare('SELECT * FROM client ORDER BY client_id').all()
    migrate()
    expect(db.prepare('SELECT * FROM client ORDER BY client_id').all()).toEqual(before)
    expect(db.prepare('SELECT * FROM listing').all()).toEqual([])
    const listed = () =>
      db.prepare('SELECT client_id FROM listing WHERE listed_at IS NOT NULL').all().length
    const keys = () => db.prepare('SELECT key FROM listing_key').all().length
    const list = () =>
      db.exec(`INSERT OR REPLACE INTO listing (client_id, requested_at, listed_at) VALUES ('old', 1, 2);
        INSERT INTO listing_key (key, client_id) VALUES ('old', 'old')`)
    for (const change of [
      `UPDATE client SET name = 'New' WHERE client_id = 'old'`,
      `UPDATE logo SET digest = 'd'`,
      `UPDATE user SET username = 'Ada'`,
      `DELETE FROM user`,
      `DELETE FROM client WHERE client_id = 'old'`,
    ]) {
      list()
      expect([change, listed(), keys()]).toEqual([change, 1, 1])
      db.exec(change)
      expect([change, listed(), keys()]).toEqual([change, 0, 0])
    }
    // The version of a client that is not in the directory does not change.
    expect(db.prepare(`SELECT version FROM client WHERE client_id = 'other'`).get()).toEqual({
      version: 7,
    })
  })
})

describe('0027_owner_offers.sql', () => {
  it('migration 0027 keeps every owner, and makes no offer', () => {
    const { db, migrate } = databaseBefore('0027_owner_offers.sql')
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'first', 1, 1);
      INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('c', 'second', 5), ('c', 'third', 3);
      INSERT INTO client_former_owner (client_id, user_id) VALUES ('c', 'former')`)
    const all = () =>
      ['client', 'client_owner', 'client_former_owner'].map((table) =>
        db.prepare(`SELECT * FROM ${table}`).all(),
      )
    const before = all()
    migrate()
    expect(all()).toEqual(before)
    expect(db.prepare('SELECT * FROM client_owner_offer').all()).toEqual([])
  })

  it('after migration 0027 no offer to an owner remains, and no open offer by a user who is no longer an owner', () => {
    const { db, migrate } = databaseBefore('0027_owner_offers.sql')
    migrate()
    db.exec(`INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES ('c', 'C', 'a', 1, 1), ('d', 'D', 'a', 1, 1);
      INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('c', 'b', 1)`)
    const offer = db.prepare(
      'INSERT INTO client_owner_offer (client_id, user_id, offered_by, offered_at, declined_at) VALUES (?, ?, ?, 1, ?)',
    )
    const left = () =>
      db
        .prepare(`SELECT client_id || user_id AS offer FROM client_owner_offer ORDER BY offer`)
        .all()
        .map((row) => row.offer)
    offer.run('c', 'u', 'a', null)
    offer.run('c', 'v', 'b', null)
    offer.run('c', 'w', 'b', 2)
    offer.run('c', 'x', 'a', 2)
    offer.run('d', 'u', 'a', null)
    db.exec(`INSERT INTO client_owner (client_id, user_id, added_at) VALUES ('c', 'u', 1)`)
    expect(left()).toEqual(['cv', 'cw', 'cx', 'du'])
    // `b` becomes the first owner, and keeps the offers that `b` made.
    offer.run('c', 'y', 'a', null)
    db.exec(`UPDATE client SET owner_id = 'b' WHERE client_id = 'c'`)
    db.exec(`DELETE FROM client_owner WHERE client_id = 'c' AND user_id = 'b'`)
    expect(left()).toEqual(['cv', 'cw', 'cx', 'du'])
    db.exec(`UPDATE client SET owner_id = 'x' WHERE client_id = 'c'`)
    expect(left()).toEqual(['cw', 'du'])
    offer.run('c', 'z', 'u', null)
    db.exec(`DELETE FROM client_owner WHERE client_id = 'c'`)
    expect(left()).toEqual(['cw', 'du'])
    db.exec(`PRAGMA foreign_keys = ON; DELETE FROM client WHERE client_id = 'c'`)
    expect(left()).toEqual(['du'])
  })
})
