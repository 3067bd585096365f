/** Authorization codes: carried by KV, kept on a ledger in D1, which alone decides who redeems one. */

import type { AuthorizationCode } from '../domain/authorization-code.ts'
import type { Database } from './database.ts'
import type { AuthorizationStore, CodeStore } from './ports.ts'
import { readUserRow, USER_COLUMNS, type UserRow } from './users.ts'

export const INSERT_CODE = `INSERT INTO authorization_code
  (code_digest, client_id, user_id, record, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)`
export const REMEMBER_CONSENT = `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at)
  VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, granted_at = excluded.granted_at`
export const FIND_CODE = `SELECT record FROM authorization_code WHERE code_digest = ?1`
/**
 * One statement, so of any number of simultaneous calls one alone gets a row back. Asked again for the same
 * session it answers the same, so it can be repeated when the answer was lost.
 */
export const SPEND_CODE = `UPDATE authorization_code SET spent_at = ?2, session_key = ?3
  WHERE code_digest = ?1 AND (spent_at IS NULL OR session_key = ?3)
  RETURNING (SELECT json_object('user_id', u.user_id, 'username', u.username, 'email', u.email,
      'disabled_at', u.disabled_at, 'scopes', u.scopes, 'endorsements', u.endorsements)
    FROM (SELECT ${USER_COLUMNS} FROM user u WHERE u.user_id = ?4) u) AS user`
export const FIND_SPENDING = `SELECT spent_at, session_key FROM authorization_code WHERE code_digest = ?1`
export const UNSPEND_CODE = `UPDATE authorization_code SET spent_at = NULL, session_key = NULL
  WHERE code_digest = ?1 AND session_key = ?2`
export const SWEEP_CODES = `DELETE FROM authorization_code WHERE code_digest IN
  (SELECT code_digest FROM authorization_code WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)`

/** A spent code stays this long past its expiry, so that a late replay still ends what the first use bought. */
const KEEP_EXPIRED_SECONDS = 86_400
const SWEEP_ROWS = 1000

export const codeStore = (db: Database, codes: KVNamespace): CodeStore => ({
  findCarried: (codeDigest) => codes.get<AuthorizationCode>(codeDigest, 'json'),
  async findOnLedger(codeDigest) {
    const row = await db.prepare(FIND_CODE).bind(codeDigest).first<{ record: string }>()
    return row && (JSON.parse(row.record) as AuthorizationCode)
  },
  async spend(codeDigest, userId, sessionKey, now) {
    const statement = db.prepare(SPEND_CODE).bind(codeDigest, now, sessionKey, userId)
    const ask = () => statement.first<{ user: string | null }>()
    const won = await ask().catch(ask)
    if (won) {
      return {
        kind: 'won',
        user: won.user === null ? null : readUserRow(JSON.parse(won.user) as UserRow),
      }
    }
    const spent = await db
      .prepare(FIND_SPENDING)
      .bind(codeDigest)
      .first<{ spent_at: number; session_key: string }>()
    return spent
      ? { kind: 'again', spentAt: spent.spent_at, sessionKey: spent.session_key }
      : { kind: 'unknown' }
  },
  async unspend(codeDigest, sessionKey) {
    await db.prepare(UNSPEND_CODE).bind(codeDigest, sessionKey).run()
  },
  forget: (codeDigest) => codes.delete(codeDigest),
  async sweep(now) {
    const { meta } = await db
      .prepare(SWEEP_CODES)
      .bind(now - KEEP_EXPIRED_SECONDS, SWEEP_ROWS)
      .run()
    return meta.changes
  },
})

/** `kvFailed` hears of a code that KV did not take: it can still be redeemed, from the ledger. */
export const authorizationStore = (
  db: Database,
  codes: KVNamespace,
  kvFailed: (fault: unknown) => void,
): AuthorizationStore => ({
  async grant(codeDigest, code, consent) {
    const record = JSON.stringify(code)
    const { clientId, issuedAt, expiresAt } = code
    const { userId } = code.user
    const insert = db.prepare(INSERT_CODE).bind(codeDigest, clientId, userId, record, expiresAt)
    const remember =
      consent &&
      db
        .prepare(REMEMBER_CONSENT)
        .bind(userId, clientId, consent.scopes, consent.fingerprint, issuedAt)
    await Promise.all([
      db.batch(remember ? [insert, remember] : [insert]),
      codes.put(codeDigest, record, { expirationTtl: expiresAt - issuedAt }).catch(kvFailed),
    ])
  },
})
