/**
 * Changes of a user's name, e-mail address, scopes and endorsements, and deletion of a user, in D1. Each act is one batch,
 * with `before` first and `also` right after the statement that changes the user. Instants in epoch seconds.
 */

import { usernameKey } from '../domain/user.ts'
import { DROP_COVERED_USER_ENDORSEMENTS } from './covering-sql.ts'
import type { Database } from './database.ts'
import type { Around } from './narrowing.ts'
import {
  ADD_USER_ENDORSEMENTS,
  ADD_USER_SCOPES,
  changeUser,
  readFoundUser,
  USER_RECORD,
} from './user-registry.ts'
import { keyOlderNames } from './username-keys.ts'

export type UserChanges = Readonly<{ username?: string; email?: string }>
export type UserLists = Readonly<{ scopes?: readonly string[]; endorsements?: readonly string[] }>

/** NULL changes nothing. A name that another user has fails the whole batch. */
export const UPDATE_USER = `UPDATE user SET username = coalesce(?2, username),
    username_key = coalesce(?3, username_key), email = coalesce(?4, email), updated_at = ?5
  WHERE user_id = ?1`
export const TOUCH_USER = `UPDATE user SET updated_at = ?2 WHERE user_id = ?1`
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
/** These tables have no foreign key to the user, and hold the name and the address. */
export const FORGET_USER = [
  `DELETE FROM consent WHERE user_id = ?1`,
  `DELETE FROM refresh_family WHERE user_id = ?1`,
  `DELETE FROM authorization_code WHERE user_id = ?1`,
  `DELETE FROM external_user WHERE user_id = ?1`,
] as const

type Statements = Readonly<Record<keyof UserLists, readonly string[]>>
const ADD: Statements = {
  scopes: [ADD_USER_SCOPES],
  endorsements: [ADD_USER_ENDORSEMENTS, DROP_COVERED_USER_ENDORSEMENTS],
}
const REPLACE: Statements = {
  scopes: [KEEP_USER_SCOPES, ...ADD.scopes],
  endorsements: [KEEP_USER_ENDORSEMENTS, ...ADD.endorsements],
}
const WITHDRAW: Statements = {
  scopes: [WITHDRAW_USER_SCOPES],
  endorsements: [WITHDRAW_USER_ENDORSEMENTS],
}

const listStatements = (db: Database, statements: Statements, userId: string, lists: UserLists) =>
  (['scopes', 'endorsements'] as const).flatMap((list) => {
    const values = lists[list]
    if (values === undefined) return []
    const both = [userId, JSON.stringify(values)]
    return statements[list].map((sql) =>
      db.prepare(sql).bind(...(sql.includes('?2') ? both : [userId])),
    )
  })

export const userChanges = (db: Database) => {
  const changeLists =
    (statements: Statements) =>
    (userId: string, lists: UserLists, now: number, { before, also = [] }: Around = {}) =>
      changeUser(db, userId, before, [
        db.prepare(TOUCH_USER).bind(userId, now),
        ...also,
        ...listStatements(db, statements, userId, lists),
      ])

  return {
    /** A given list replaces the old one. Throws, and writes nothing, if another user has the name. */
    async update(
      userId: string,
      { username, email, ...lists }: UserChanges & UserLists,
      now: number,
      { before, also = [] }: Around = {},
    ) {
      await keyOlderNames(db)
      const key = username === undefined ? null : usernameKey(username)
      return changeUser(db, userId, before, [
        db.prepare(UPDATE_USER).bind(userId, username ?? null, key, email ?? null, now),
        ...also,
        ...listStatements(db, REPLACE, userId, lists),
      ])
    },

    authorize: changeLists(ADD),
    withdraw: changeLists(WITHDRAW),

    /** Returns the user as it was; null if there is none. */
    async delete(userId: string, { before = [], also = [] }: Around = {}) {
      const [found] = await db.batch([
        db.prepare(USER_RECORD).bind(userId),
        ...before,
        ...FORGET_USER.map((sql) => db.prepare(sql).bind(userId)),
        db.prepare(DELETE_USER).bind(userId),
        ...also,
      ])
      return readFoundUser(found)
    },
  }
}
