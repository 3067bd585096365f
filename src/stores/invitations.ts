/** Invitations in D1. Triggers of the table end an invitation if its user changes, and refuse a second use. */

import { INVITATION_ACTOR } from '../domain/audit.ts'
import type { TokenDigest } from '../domain/ids.ts'
import { recordStatement } from './audit.ts'
import { bound, D1_NOW, type Database } from './database.ts'
import { revocationStatements } from './revocation-statements.ts'
import { FORGET_BROWSERS, SET_PASSWORD } from './user-statements.ts'

const IS_OPEN = `i.used_at IS NULL AND i.expires_at > ${D1_NOW} AND u.disabled_at IS NULL`
export const FIND_INVITED = `SELECT u.user_id AS userId, u.username FROM invitation i JOIN user u USING (user_id)
  WHERE i.invitation_digest = ?1 AND ${IS_OPEN}`
/** Fails the whole batch, by the trigger, unless the invitation is open. */
export const USE_INVITATION = `UPDATE invitation SET used_at = ${D1_NOW} WHERE invitation_digest = ?1`

const NOT_OPEN = /the invitation is not open/

export type Invited = Readonly<{ userId: string; username: string }>

export type InvitationStore = ReturnType<typeof invitationStore>

/** Invitations are dated by D1's clock. An open one is neither used, ended nor expired, and its user is enabled. */
export const invitationStore = (db: Database, longestSessionSeconds: number) => ({
  /** Null unless the invitation is open. Reads the primary, so the result is never stale. */
  find: (digest: TokenDigest) => bound(db, FIND_INVITED, digest).first<Invited>(),
  /**
   * Sets the user's password and ends everything that the user has, in one transaction that also marks the invitation as
   * used and records it. Exactly one of several simultaneous calls returns true. The others, and a call for an invitation that
   * is not open, change nothing.
   */
  async accept(
    digest: TokenDigest,
    userId: string,
    passwordHash: string,
    now: number,
  ): Promise<boolean> {
    const about = { happenedAt: now, clientId: null, userId, detail: {} }
    const batch = db.batch([
      bound(db, USE_INVITATION, digest),
      bound(db, SET_PASSWORD, userId, now, passwordHash),
      recordStatement(db, { ...about, actor: INVITATION_ACTOR, event: 'user.set_password' }),
      ...revocationStatements(db, { kind: 'user', userId }, longestSessionSeconds),
      bound(db, FORGET_BROWSERS, userId),
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
