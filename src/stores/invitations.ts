/** Invitations in D1. Triggers of the table end an invitation when its user changes, and refuse its second use. */

import { INVITATION_ACTOR } from '../domain/audit.ts'
import { recordStatement } from './audit.ts'
import { D1_NOW } from './d1-clock.ts'
import type { Database } from './database.ts'
import type { InvitationStore } from './ports.ts'
import { revocationStatements } from './revocation-statements.ts'
import { FORGET_BROWSERS, SET_PASSWORD } from './user-statements.ts'

const IS_OPEN = `i.used_at IS NULL AND i.expires_at > ${D1_NOW} AND u.disabled_at IS NULL`
export const FIND_INVITED = `SELECT u.user_id, u.username FROM invitation i JOIN user u USING (user_id)
  WHERE i.invitation_digest = ?1 AND ${IS_OPEN}`
/** Fails the whole batch, by the trigger, unless the invitation is open. */
export const USE_INVITATION = `UPDATE invitation SET used_at = ${D1_NOW} WHERE invitation_digest = ?1`

const NOT_OPEN = /the invitation is not open/

type InvitedRow = { user_id: string; username: string }

export const invitationStore = (db: Database, longestSessionSeconds: number): InvitationStore => ({
  async find(digest) {
    const row = await db.prepare(FIND_INVITED).bind(digest).first<InvitedRow>()
    return row && { userId: row.user_id, username: row.username }
  },
  async accept(digest, userId, passwordHash, now) {
    const about = { happenedAt: now, clientId: null, userId, detail: {} }
    const batch = db.batch([
      db.prepare(USE_INVITATION).bind(digest),
      db.prepare(SET_PASSWORD).bind(userId, now, passwordHash),
      recordStatement(db, { ...about, actor: INVITATION_ACTOR, event: 'user.set_password' }),
      ...revocationStatements(db, { kind: 'user', userId }, longestSessionSeconds),
      db.prepare(FORGET_BROWSERS).bind(userId),
    ])
    return batch.then(
      ([used]) => used?.meta.changes === 1,
      (fault) => {
        if (NOT_OPEN.test(String(fault))) return false
        throw fault
      },
    )
  },
})
