/** Refresh tokens on D1: families of tokens, each spent once for the next. */

import type { Database } from './database.ts'
import type { NewRefreshToken, RefreshFamily, RefreshTokenStore } from './ports.ts'
import { readUserRow, USER_JSON, type UserRow } from './users.ts'

/** What is kept of a grant as JSON. */
type FamilyRecord = Pick<RefreshFamily, 'user' | 'redirectUri' | 'jkt'>

type StandingRow = {
  family_id: string
  client_id: string
  record: string
  expires_at: number
  ended_at: number | null
  issued_at: number
  spent_at: number | null
  user: string | null
}

export const FIND_REFRESH_TOKEN = `SELECT f.family_id, f.client_id, f.record, f.expires_at, f.ended_at,
    t.issued_at, t.spent_at, ${USER_JSON('f.user_id')} AS user
  FROM refresh_token t JOIN refresh_family f ON f.family_id = t.family_id WHERE t.token_digest = ?1`
/** One statement says who won. Asked again for the same successor it answers the same. */
export const SPEND_REFRESH_TOKEN = `UPDATE refresh_token SET spent_at = ?2, successor = ?3
  WHERE token_digest = ?1 AND (spent_at IS NULL OR successor = ?3)
    AND EXISTS (SELECT 1 FROM refresh_family f WHERE f.family_id = refresh_token.family_id AND f.ended_at IS NULL)
  RETURNING family_id`
/** Only for the winner, in the same batch. */
export const INSERT_SUCCESSOR = `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
  SELECT ?3, family_id, ?4, ?2 FROM refresh_token WHERE token_digest = ?1 AND successor = ?3
  ON CONFLICT DO NOTHING`
export const TOUCH_FAMILY = `UPDATE refresh_family SET last_used_at = ?2 WHERE family_id = ?1`
/** Only for the winner, and once: RFC 9449 §5. */
export const BIND_FAMILY = `UPDATE refresh_family SET record = json_set(record, '$.jkt', ?3)
  WHERE family_id = ?1 AND record ->> '$.jkt' IS NULL
    AND EXISTS (SELECT 1 FROM refresh_token t WHERE t.token_digest = ?4 AND t.successor = ?2)`
export const UNSPEND_REFRESH_TOKEN = `UPDATE refresh_token SET spent_at = NULL, successor = NULL
  WHERE token_digest = ?1 AND successor = ?2`
export const DELETE_SUCCESSOR = `DELETE FROM refresh_token WHERE token_digest = ?1`

export const familyRecord = ({ user, redirectUri, jkt }: RefreshFamily): string =>
  JSON.stringify({ user, redirectUri, jkt } satisfies FamilyRecord)

const readFamily = (row: StandingRow): RefreshFamily => ({
  ...(JSON.parse(row.record) as FamilyRecord),
  familyId: row.family_id,
  clientId: row.client_id,
  expiresAt: row.expires_at,
  endedAt: row.ended_at,
})

export const refreshTokenStore = (db: Database): RefreshTokenStore => ({
  async find(tokenDigest) {
    const row = await db.prepare(FIND_REFRESH_TOKEN).bind(tokenDigest).first<StandingRow>()
    if (!row) return null
    const user = row.user === null ? null : readUserRow(JSON.parse(row.user) as UserRow)
    return { family: readFamily(row), issuedAt: row.issued_at, spentAt: row.spent_at, user }
  },

  async rotate(tokenDigest, familyId, successor: NewRefreshToken, now) {
    const [spent] = await db.batch([
      db.prepare(SPEND_REFRESH_TOKEN).bind(tokenDigest, now, successor.tokenDigest),
      db
        .prepare(INSERT_SUCCESSOR)
        .bind(tokenDigest, now, successor.tokenDigest, successor.sessionKey),
      db.prepare(TOUCH_FAMILY).bind(familyId, now),
      ...(successor.jkt === null
        ? []
        : [
            db
              .prepare(BIND_FAMILY)
              .bind(familyId, successor.tokenDigest, successor.jkt, tokenDigest),
          ]),
    ])
    return (spent?.results.length ?? 0) > 0
  },

  async unrotate(tokenDigest, successor) {
    await db.batch([
      db.prepare(UNSPEND_REFRESH_TOKEN).bind(tokenDigest, successor.tokenDigest),
      db.prepare(DELETE_SUCCESSOR).bind(successor.tokenDigest),
    ])
  },
})
