/** Rows of every table that is swept: some are due at `NOW`, the others are due a second later or never. */

import { env } from 'cloudflare:workers'
import { DAY_SECONDS } from '../days.ts'

export const NOW = 1_800_000_000
export const AUDIT_KEEP_DAYS = 400

/** The column that dates a row of each table, and how long after that moment the row is due. */
const TABLES = {
  authorization_code: { moment: 'expires_at', keepSeconds: DAY_SECONDS },
  refresh_token: { moment: 'issued_at', keepSeconds: 0 },
  refresh_family: { moment: 'expires_at', keepSeconds: 0 },
  revocation: { moment: 'expires_at', keepSeconds: 0 },
  used_jti: { moment: 'expires_at', keepSeconds: 65 },
  refusal: { moment: 'refused_at', keepSeconds: DAY_SECONDS },
  sign_in_failure: { moment: 'last_failed_at', keepSeconds: DAY_SECONDS },
  invitation: { moment: 'expires_at', keepSeconds: DAY_SECONDS },
  external_user: { moment: 'seen_at', keepSeconds: 400 * DAY_SECONDS },
  document_attempt: { moment: 'attempted_at_ms', keepSeconds: DAY_SECONDS },
  audit: { moment: 'happened_at', keepSeconds: AUDIT_KEEP_DAYS * DAY_SECONDS },
  consent: { moment: 'granted_at', keepSeconds: 400 * DAY_SECONDS },
} as const
export type Table = keyof typeof TABLES
export const SWEPT_TABLES = Object.keys(TABLES) as readonly Table[]

export type Rows = Readonly<Record<Table, number>>

/** `?1` rows, numbered `i`; `at` is their moment, `?2` or before. The first family has all tokens but a few. */
const INSERTS: Readonly<Record<Table, string>> = {
  authorization_code: `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
    SELECT ?3 || i, 'c', 'u' || i, printf('%500d', i), at FROM n`,
  refresh_family: `INSERT INTO refresh_family
      (family_id, client_id, user_id, record, started_at, last_used_at, expires_at)
    SELECT ?3 || i, 'c', 'u' || i, printf('%500d', i), 1, 1, at FROM n`,
  refresh_token: `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
    SELECT ?3 || i, ?3 || iif(i % 2, 1, CAST(1 + i % ?4 AS INTEGER)), 'k' || i, at FROM n`,
  revocation: `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at, is_shown)
    SELECT iif(i % 2, 'session', 'user'), ?3 || i, 1, at, 1 FROM n`,
  used_jti: `INSERT INTO used_jti (jti_digest, expires_at) SELECT ?3 || i, at FROM n`,
  refusal: `INSERT INTO refusal (refusal_id, refused_at, endpoint, error, detail)
    SELECT ?3 || i, at, 'POST /token', 'invalid_grant', 'replayed' FROM n`,
  sign_in_failure: `INSERT INTO sign_in_failure (subject, failures, last_failed_at) SELECT ?3 || i, 1, at FROM n`,
  invitation: `INSERT INTO invitation (invitation_digest, user_id, created_at, expires_at) SELECT ?3 || i, 'u', 1, at FROM n`,
  external_user: `INSERT INTO external_user (user_id, username_key, seen_at) SELECT ?3 || i, 'n', at FROM n`,
  document_attempt: `INSERT INTO document_attempt (host, attempted_at_ms) SELECT ?3 || i, at * 1000 FROM n`,
  audit: `INSERT INTO audit (happened_at, actor, event, client_id, user_id, detail)
    SELECT at, ?3, 'consent.grant', 'c', 'u' || i, '{}' FROM n`,
  consent: `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at, used_at)
    SELECT ?3 || i, 'c', 'public:read', 'f', iif(i % 2, at, 1), iif(i % 2, NULL, at) FROM n`,
}

const insert = (table: Table, rows: number, latest: number, prefix: string, families: number) => {
  const sql = `WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?1),
    n (i, at) AS (SELECT i, ?2 - i % 1000 FROM k) ${INSERTS[table]}`
  const statement = env.DB.prepare(sql)
  return table === 'refresh_token'
    ? statement.bind(rows, latest, prefix, families)
    : statement.bind(rows, latest, prefix)
}

const INSERT_USER = `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
  VALUES ('u', 'u', 'e', '', 1, 1)`
const INSERT_CLIENT = `INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
  VALUES ('c', 'C', 'o', 1, 1)`

/** `due` rows of each table are due at `NOW`, the youngest exactly then; the youngest of `alive` is due a second later. */
export async function fill(due: Rows, alive: Rows) {
  // Families first, because their tokens refer to them.
  const order = [...new Set<Table>(['refresh_family', ...SWEPT_TABLES])]
  const inserted = order.flatMap((table) => {
    const latest = NOW - TABLES[table].keepSeconds
    // 1000 s later, because the oldest row is 999 s older than the youngest.
    const dueLater = latest + 1000
    return [
      ...(due[table] > 0 ? [insert(table, due[table], latest, 'due-', due.refresh_family)] : []),
      ...(alive[table] > 0
        ? [insert(table, alive[table], dueLater, 'live-', alive.refresh_family)]
        : []),
    ]
  })
  const emptied = [...SWEPT_TABLES, 'housekeeping', 'registration_count', 'client', 'user']
  await env.DB.batch([
    ...emptied.map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
    env.DB.prepare(INSERT_CLIENT),
    env.DB.prepare(INSERT_USER),
    ...inserted,
  ])
}

/** The number of rows of each table with this prefix. */
export async function count(prefix: 'due-' | 'live-'): Promise<Rows> {
  const key: Readonly<Record<Table, string>> = {
    authorization_code: 'code_digest',
    refresh_token: 'token_digest',
    refresh_family: 'family_id',
    revocation: 'subject',
    used_jti: 'jti_digest',
    refusal: 'refusal_id',
    sign_in_failure: 'subject',
    invitation: 'invitation_digest',
    external_user: 'user_id',
    document_attempt: 'host',
    audit: 'actor',
    consent: 'user_id',
  }
  const counted = await env.DB.batch<{ n: number }>(
    SWEPT_TABLES.map((table) =>
      env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${key[table]} LIKE ?1 || '%'`).bind(
        prefix,
      ),
    ),
  )
  const numbers = counted.map(({ results }) => results[0]?.n ?? -1)
  return Object.fromEntries(SWEPT_TABLES.map((table, i) => [table, numbers[i]])) as Rows
}

export const each = (rows: number) =>
  Object.fromEntries(SWEPT_TABLES.map((table) => [table, rows])) as Rows
