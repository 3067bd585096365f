/**
 * The statements that write a user, for the batch of a change (`user-registry.ts`) or of an import. The first statement of
 * each list decides whether the change has an effect. Instants in epoch seconds.
 */

import { INVITATION_SECONDS, type UserLists, usernameKey } from '../domain/user.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { DROP_COVERED_USER_ENDORSEMENTS } from './covering-sql.ts'
import { bound, boundToFirst, D1_NOW, D1_NOW_MS, type Database } from './database.ts'
import { MARK_USER, REMOVAL } from './deletions.ts'
import type { NewUser, UserChange } from './registration-ports.ts'

export const INSERT_USER = `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at, username_key, version)
  VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ${D1_NOW_MS})`
export const ADD_USER_SCOPES = `INSERT INTO user_scope (user_id, scope)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1 ON CONFLICT DO NOTHING`
export const ADD_USER_ENDORSEMENTS = `INSERT INTO user_endorsement (user_id, category)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1 ON CONFLICT DO NOTHING`
/** A second call does not change `disabled_at`. */
export const DISABLE_USER = `UPDATE user SET disabled_at = coalesce(disabled_at, ?2), updated_at = ?2, version = ${NEXT_VERSION}
  WHERE user_id = ?1`
export const ENABLE_USER = `UPDATE user SET disabled_at = NULL, updated_at = ?2, version = ${NEXT_VERSION}
  WHERE user_id = ?1 AND disabled_at IS NOT NULL`
export const SET_PASSWORD = `UPDATE user SET password_hash = ?3, updated_at = ?2, version = ${NEXT_VERSION} WHERE user_id = ?1`

/** Runs after a new password, and when the user is disabled: a stolen cookie of a known browser must then be worthless. */
export const FORGET_BROWSERS = `DELETE FROM known_browser WHERE user_id = ?1`

export const END_INVITATIONS = `UPDATE invitation SET expires_at = min(expires_at, ${D1_NOW})
  WHERE user_id = ?1 AND used_at IS NULL`
export const ADD_INVITATION = `INSERT INTO invitation (invitation_digest, user_id, created_at, expires_at)
  SELECT ?2, user_id, ${D1_NOW}, ${D1_NOW} + ${INVITATION_SECONDS} FROM user WHERE user_id = ?1 AND disabled_at IS NULL`

/** NULL as a parameter changes nothing. A name that another user has fails the whole batch. */
export const UPDATE_USER = `UPDATE user SET username = coalesce(?2, username),
    username_key = coalesce(?3, username_key), email = coalesce(?4, email), updated_at = ?5, version = ${NEXT_VERSION}
  WHERE user_id = ?1`
export const TOUCH_USER = `UPDATE user SET updated_at = ?2, version = ${NEXT_VERSION} WHERE user_id = ?1`
export const KEEP_USER_SCOPES = `DELETE FROM user_scope
  WHERE user_id = ?1 AND scope NOT IN (SELECT value FROM json_each(?2))`
export const KEEP_USER_ENDORSEMENTS = `DELETE FROM user_endorsement
  WHERE user_id = ?1 AND category NOT IN (SELECT value FROM json_each(?2))`
export const WITHDRAW_USER_SCOPES = `DELETE FROM user_scope
  WHERE user_id = ?1 AND scope IN (SELECT value FROM json_each(?2))`
export const WITHDRAW_USER_ENDORSEMENTS = `DELETE FROM user_endorsement
  WHERE user_id = ?1 AND category IN (SELECT value FROM json_each(?2))`
/** ON DELETE CASCADE removes scopes, endorsements and known browsers. */
export const DELETE_USER = `DELETE FROM user WHERE user_id = ?1`
/**
 * These tables have no foreign key to the user. All but the last three contain the user's name or address. A deleted user
 * cannot become a first owner.
 */
export const FORGET_USER = [
  ...REMOVAL.user,
  `DELETE FROM external_user WHERE user_id = ?1`,
  `DELETE FROM client_owner WHERE user_id = ?1`,
  `DELETE FROM client_owner_offer WHERE user_id = ?1`,
  MARK_USER,
] as const

type ListStatements = Readonly<Record<keyof UserLists, readonly string[]>>
const ADD: ListStatements = {
  scopes: [ADD_USER_SCOPES],
  endorsements: [ADD_USER_ENDORSEMENTS, DROP_COVERED_USER_ENDORSEMENTS],
}
const REPLACE: ListStatements = {
  scopes: [KEEP_USER_SCOPES, ...ADD.scopes],
  endorsements: [KEEP_USER_ENDORSEMENTS, ...ADD.endorsements],
}
const WITHDRAW: ListStatements = {
  scopes: [WITHDRAW_USER_SCOPES],
  endorsements: [WITHDRAW_USER_ENDORSEMENTS],
}

const listStatements = (
  db: Database,
  statements: ListStatements,
  userId: string,
  lists: UserLists,
) =>
  (['scopes', 'endorsements'] as const).flatMap((list) => {
    const values = lists[list]
    if (values === undefined) return []
    const both = [userId, JSON.stringify(values)]
    return statements[list].map((sql) => boundToFirst(db, sql, both))
  })

type Statements = [change: D1PreparedStatement, ...more: D1PreparedStatement[]]

/** Fails if the id or the username (in any spelling) is taken. `keyOlderNames` must run before: then all names have keys. */
export function insertUser(db: Database, user: NewUser, now: number): Statements {
  const { userId, username, email, passwordHash } = user
  return [
    bound(db, INSERT_USER, userId, username, email, passwordHash, now, usernameKey(username)),
    ...listStatements(db, ADD, userId, user),
  ]
}

export function userChangeStatements(
  db: Database,
  userId: string,
  change: UserChange,
  now: number,
): Statements {
  const forgetBrowsers = bound(db, FORGET_BROWSERS, userId)
  switch (change.kind) {
    case 'update': {
      const { username = null, email = null } = change.fields
      const key = username === null ? null : usernameKey(username)
      return [
        bound(db, UPDATE_USER, userId, username, key, email, now),
        ...listStatements(db, REPLACE, userId, change.lists),
      ]
    }
    case 'authorize':
    case 'withdraw':
      return [
        bound(db, TOUCH_USER, userId, now),
        ...listStatements(db, change.kind === 'authorize' ? ADD : WITHDRAW, userId, change.lists),
      ]
    case 'set_password':
      return [bound(db, SET_PASSWORD, userId, now, change.passwordHash), forgetBrowsers]
    case 'invite':
      return [
        bound(db, TOUCH_USER, userId, now),
        bound(db, END_INVITATIONS, userId),
        bound(db, ADD_INVITATION, userId, change.invitationDigest),
      ]
    case 'disable':
      return [bound(db, DISABLE_USER, userId, now), forgetBrowsers]
    case 'enable':
      return [bound(db, ENABLE_USER, userId, now)]
    case 'delete':
      return [bound(db, DELETE_USER, userId), ...FORGET_USER.map((sql) => bound(db, sql, userId))]
  }
}
