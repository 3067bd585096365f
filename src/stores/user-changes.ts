/**
 * Changes of a user's name, e-mail address, scopes and endorsements, and deletion of a user, in D1. Each act is one batch,
 * with `before` first and `also` right after the statement that changes the user. Instants in epoch seconds.
 */

import { usernameKey } from '../domain/user.ts'
import { DROP_COVERED_USER_ENDORSEMENTS } from './covering-sql.ts'
import type { Database } from './database.ts'
import { type Around, hasEnded } from './narrowing.ts'
import {
  ADD_USER_ENDORSEMENTS,
  ADD_USER_SCOPES,
  readFoundUser,
  USER_RECORD,
  type UserRecord,
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

const listStatements = (
  db: Database,
  { scopes, endorsements }: Statements,
  userId: string,
  lists: UserLists,
) => {
  const of = (sql: readonly string[], values: readonly string[] | undefined) =>
    values === undefined
      ? []
      : sql.map((one) =>
          one.includes('?2')
            ? db.prepare(one).bind(userId, JSON.stringify(values))
            : db.prepare(one).bind(userId),
        )
  return [...of(scopes, lists.scopes), ...of(endorsements, lists.endorsements)]
}

/** The user as the batch left it, null if there is none; `hasEnded`: KV must be told. */
export type Changed = Readonly<{ user: UserRecord | null; hasEnded: boolean }>

async function change(
  db: Database,
  userId: string,
  statements: readonly D1PreparedStatement[],
  before: readonly D1PreparedStatement[] = [],
): Promise<Changed> {
  const found = db.prepare(USER_RECORD).bind(userId)
  const outcomes = await db.batch([...before, ...statements, found])
  return {
    user: readFoundUser(outcomes.at(-1)),
    hasEnded: hasEnded(outcomes.slice(0, before.length)),
  }
}

export const userChanges = (db: Database) => ({
  /** A given list replaces the old one. Throws, and writes nothing, if another user has the name. */
  async update(
    userId: string,
    { username, email, ...lists }: UserChanges & UserLists,
    now: number,
    { before = [], also = [] }: Around = {},
  ): Promise<Changed> {
    await keyOlderNames(db)
    const key = username === undefined ? null : usernameKey(username)
    return change(
      db,
      userId,
      [
        db.prepare(UPDATE_USER).bind(userId, username ?? null, key, email ?? null, now),
        ...also,
        ...listStatements(db, REPLACE, userId, lists),
      ],
      before,
    )
  },

  authorize: (
    userId: string,
    lists: UserLists,
    now: number,
    { before = [], also = [] }: Around = {},
  ) =>
    change(
      db,
      userId,
      [
        db.prepare(TOUCH_USER).bind(userId, now),
        ...also,
        ...listStatements(db, ADD, userId, lists),
      ],
      before,
    ),

  withdraw: (
    userId: string,
    lists: UserLists,
    now: number,
    { before = [], also = [] }: Around = {},
  ) =>
    change(
      db,
      userId,
      [
        db.prepare(TOUCH_USER).bind(userId, now),
        ...also,
        ...listStatements(db, WITHDRAW, userId, lists),
      ],
      before,
    ),

  /** Returns the user as it was; null if there is none. */
  async delete(
    userId: string,
    { before = [], also = [] }: Around = {},
  ): Promise<UserRecord | null> {
    const [found] = await db.batch([
      db.prepare(USER_RECORD).bind(userId),
      ...before,
      ...FORGET_USER.map((sql) => db.prepare(sql).bind(userId)),
      db.prepare(DELETE_USER).bind(userId),
      ...also,
    ])
    return readFoundUser(found)
  },
})
