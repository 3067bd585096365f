/** Fills the D1 file of a local state with clients, redeemed codes and refresh tokens. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hexDigest } from '../../src/crypto/digest.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { persistencePath } from '../../src/local/run-workers.ts'
import { openState } from '../../src/local/state.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { CALLBACK, GRANTED_SCOPES, SCOPES } from '../subject.ts'
import { CLIENT_ID_SQL, GROWN_SECRET } from './ids.ts'

const ROWS_AT_ONCE = 50_000
/** The number of refresh tokens in a family, of which all except the last are redeemed. */
const TOKENS_A_FAMILY = 4

/** `i` from `?2` up to `?3`; `?4` is now, `?5` a JSON list or record. */
const RANGE = 'WITH RECURSIVE n(i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?3)'
/** Digests of 43 characters, in the order of the ids. */
const DIGEST_SQL = (kind: string) => `printf('%08x-${kind}-%029x', i * 4294967295 / ?1, i)`
const FAMILY_ID_SQL = `printf('%08x-fa31-4000-8000-%012x', i / ${TOKENS_A_FAMILY} * 4294967295 / ?1, i / ${TOKENS_A_FAMILY})`

const listed = (table: string, column: string) =>
  `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at) ${RANGE}
   SELECT ${CLIENT_ID_SQL}, j.value, ?4, ?4 FROM n, json_each(?5) j`

type Load = Readonly<{ what: string; sql: string; given: string }>

const record = JSON.stringify({
  clientId: 'x'.repeat(36),
  user: {
    userId: 'x'.repeat(36),
    username: 'reader',
    email: 'reader@example.org',
    scopes: GRANTED_SCOPES,
    endorsements: ['cs.*'],
  },
  redirectUri: CALLBACK,
  redirectUriSent: true,
  codeChallenge: 'x'.repeat(43),
  issuedAt: 0,
  expiresAt: 0,
})

const loads = (secretDigest: string): readonly Load[] => [
  {
    what: 'clients',
    sql: `INSERT INTO client (client_id, name, owner_id, url, description, require_pkce, created_at, updated_at)
      ${RANGE} SELECT ${CLIENT_ID_SQL}, 'Client ' || i, 'owner-' || (i % 1000), 'https://client.example/',
      ?5, 1, ?4, ?4 FROM n`,
    given: 'One of many clients',
  },
  {
    what: 'redirect URIs',
    sql: `INSERT INTO client_redirect_uri (client_id, redirect_uri) ${RANGE}
      SELECT ${CLIENT_ID_SQL}, j.value FROM n, json_each(?5) j WHERE ?4 > 0`,
    given: JSON.stringify([CALLBACK, 'https://client.example/other']),
  },
  {
    what: 'secrets',
    sql: `INSERT INTO client_credential (client_id, secret_digest, created_at, last_used_at) ${RANGE}
      SELECT ${CLIENT_ID_SQL}, ?5, ?4, ?4 FROM n`,
    given: secretDigest,
  },
  { what: 'scopes', sql: listed('client_authorization', 'scope'), given: JSON.stringify(SCOPES) },
  {
    what: 'grant types',
    sql: listed('client_grant_type', 'grant_type'),
    given: JSON.stringify(['authorization_code', 'client_credentials', 'refresh_token']),
  },
  {
    what: 'spent codes',
    sql: `INSERT INTO authorization_code
        (code_digest, client_id, user_id, record, expires_at, spent_at, session_key) ${RANGE}
      SELECT ${DIGEST_SQL('c0de')}, ${CLIENT_ID_SQL}, 'user-' || (i % 100000), ?5, ?4 + i % 86400, ?4,
        ${DIGEST_SQL('5e55')} FROM n`,
    given: record,
  },
  {
    what: 'refresh families',
    sql: `INSERT INTO refresh_family
        (family_id, client_id, user_id, record, started_at, expires_at, last_used_at) ${RANGE}
      SELECT ${FAMILY_ID_SQL}, ${CLIENT_ID_SQL}, 'user-' || (i % 100000), ?5, ?4, ?4 + 2592000 + i % 86400, ?4
      FROM n WHERE i % ${TOKENS_A_FAMILY} = 0`,
    given: record,
  },
  {
    what: 'refresh tokens',
    sql: `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at, spent_at) ${RANGE}
      SELECT ${DIGEST_SQL('2ef2')}, ${FAMILY_ID_SQL}, ${DIGEST_SQL('5e55')}, ?4,
        iif(i % ${TOKENS_A_FAMILY} = ${TOKENS_A_FAMILY - 1}, NULL, ?4) FROM n WHERE ?5 = ''`,
    given: '',
  },
]

export function databaseFile(stateDir: string): string {
  const folder = join(persistencePath(stateDir), 'd1')
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}\.sqlite$/.test(name),
  )
  if (found.length !== 1) throw new Error(`${found.length} databases in ${folder}`)
  return join(folder, found[0] ?? '')
}

/** Writes `size` clients, redeemed codes and refresh tokens. */
export async function grow(
  stateDir: string,
  size: number,
  say: (text: string) => void,
): Promise<void> {
  const state = await openState(stateDir, readWranglerConfig(CONFIG_PATHS.registry))
  await state.close()
  const sqlite = new DatabaseSync(databaseFile(stateDir), { enableForeignKeyConstraints: false })
  sqlite.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000')
  const now = Math.floor(Date.now() / 1000)
  const startedAt = performance.now()
  for (const { what, sql, given } of loads(await hexDigest(GROWN_SECRET))) {
    const insert = sqlite.prepare(sql)
    for (let from = 0; from < size; from += ROWS_AT_ONCE) {
      const to = Math.min(size, from + ROWS_AT_ONCE)
      sqlite.exec('BEGIN')
      insert.run(size, from, to, now, given)
      sqlite.exec('COMMIT')
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
      if (size > ROWS_AT_ONCE) say(`${what}: ${to} of ${size}, ${seconds} s`)
    }
  }
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  sqlite.close()
}
