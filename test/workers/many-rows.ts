/** A client with many users, and a user with many clients, for the tests of their deletion. */

import { env } from 'cloudflare:workers'

const TABLES = ['consent', 'refresh_family', 'authorization_code'] as const

/** `?1` rows of each table, for `clientId` and `userId`, which are SQL: `i` is the number of the row. */
const rowsFor = (clientId: string, userId: string) => {
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)'
  const key = `hex(randomblob(16))`
  return [
    `${numbers} INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at)
      SELECT ${userId}, ${clientId}, 'submission:read', 'f', unixepoch() FROM n`,
    `${numbers} INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, last_used_at, expires_at)
      SELECT ${key}, ${clientId}, ${userId}, printf('{"user":{"username":"%0400d"}}', i), unixepoch(), unixepoch(),
        unixepoch() + 999999 FROM n`,
    `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
      SELECT 'of ' || family_id, family_id, ${key}, unixepoch() FROM refresh_family WHERE record GLOB '*"username":"0*' AND ?1 > 0
      ON CONFLICT DO NOTHING`,
    `${numbers} INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
      SELECT ${key}, ${clientId}, ${userId}, printf('{"user":{"username":"%0400d"}}', i), unixepoch() + 999999 FROM n`,
  ]
}

const insert = async (rows: number, clientId: string, userId: string) => {
  for (const sql of rowsFor(clientId, userId)) await env.DB.prepare(sql).bind(rows).run()
}

/** So many users have a consent, a refresh token and a code of the client. */
export const giveUsers = (clientId: string, rows: number) =>
  insert(rows, `'${clientId}'`, `'user ' || i`)

/** The user has as many of each, at so many clients of their own. */
export async function giveClients(userId: string, rows: number) {
  const clients = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO client (client_id, name, owner_id, created_at, updated_at) SELECT 'one of many ' || i, 'Many', 'o', 1, 1 FROM n
    WHERE true ON CONFLICT DO NOTHING`
  await env.DB.prepare(clients).bind(rows).run()
  await insert(rows, `'one of many ' || i`, `'${userId}'`)
}

/** How many rows of each table are left. */
export async function rowsLeft(of: Readonly<{ clientId: string }> | Readonly<{ userId: string }>) {
  const [column, id] = 'clientId' in of ? ['client_id', of.clientId] : ['user_id', of.userId]
  const counted = TABLES.map(
    (table) => `(SELECT count(*) FROM ${table} WHERE ${column} = ?1) AS ${table}`,
  )
  const tokens = `(SELECT count(*) FROM refresh_family f JOIN refresh_token t ON t.family_id = f.family_id WHERE f.${column} = ?1) AS refresh_token`
  return env.DB.prepare(`SELECT ${[...counted, tokens].join(', ')}`)
    .bind(id)
    .first()
}

export const each = (rows: number) => ({
  consent: rows,
  refresh_family: rows,
  authorization_code: rows,
  refresh_token: rows,
})
