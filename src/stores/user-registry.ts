/**
 * What an administrator does to users in D1. Each act is one batch, with `also` right after the statement that changes the
 * user, as in `client-registry.ts`. Instants in epoch seconds.
 */

import { randomId } from '../crypto/random.ts'
import { foldText } from '../domain/fold-text.ts'
import { type RegisteredUser, usernameKey } from '../domain/user.ts'
import { DROP_COVERED_USER_ENDORSEMENTS } from './covering-sql.ts'
import type { Database } from './database.ts'
import { pageOfMatching } from './matching-page.ts'
import { hasEnded } from './narrowing.ts'
import { keyOlderNames } from './username-keys.ts'
import { readUserRow, USER_COLUMNS, USER_NAMED, type UserRow } from './users.ts'

export type NewUser = Pick<RegisteredUser, 'username' | 'email' | 'scopes' | 'endorsements'> &
  Readonly<{ passwordHash: string }>

/** A user as the administrator sees it: without the password's hash. */
export type UserRecord = RegisteredUser & Readonly<{ createdAt: number; updatedAt: number }>

type NamesRow = Pick<UserRow, 'user_id' | 'username' | 'email'>
type UserRecordRow = UserRow & { created_at: number; updated_at: number }

const RECORD_COLUMNS = `${USER_COLUMNS}, u.created_at, u.updated_at`
/** By id or, if no user has the id, by name. `?2` is the name's key. */
export const FIND_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id = coalesce((SELECT user_id FROM user WHERE user_id = ?1), ${USER_NAMED('?1', '?2')})`
export const USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id = ?1`
export const PAGE_OF_USERS = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id > ?1
  ORDER BY u.user_id LIMIT ?2`
export const USERS_BY_ID = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id IN (SELECT value FROM json_each(?1)) ORDER BY u.user_id`
export const NAMES_OF_USERS = `SELECT user_id, username, email FROM user WHERE user_id > ?1
  ORDER BY user_id LIMIT ?2`
export const INSERT_USER = `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at, username_key)
  VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT DO NOTHING RETURNING user_id`
export const ADD_USER_SCOPES = `INSERT INTO user_scope (user_id, scope)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1 ON CONFLICT DO NOTHING`
export const ADD_USER_ENDORSEMENTS = `INSERT INTO user_endorsement (user_id, category)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1 ON CONFLICT DO NOTHING`
/** A second call keeps the first `disabled_at`. */
export const DISABLE_USER = `UPDATE user SET disabled_at = coalesce(disabled_at, ?2), updated_at = ?2
  WHERE user_id = ?1`
export const ENABLE_USER = `UPDATE user SET disabled_at = NULL, updated_at = ?2
  WHERE user_id = ?1 AND disabled_at IS NOT NULL`
export const SET_PASSWORD = `UPDATE user SET password_hash = ?3, updated_at = ?2 WHERE user_id = ?1`

/** When others may know the password, or the user is gone: a stolen cookie of a known browser must be worthless. */
export const FORGET_BROWSERS = `DELETE FROM known_browser WHERE user_id = ?1`

const readUserRecord = (row: UserRecordRow): UserRecord => ({
  ...readUserRow(row),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const readFoundUser = (result: D1Result | undefined) => {
  const row = result?.results[0] as UserRecordRow | undefined
  return row ? readUserRecord(row) : null
}

/** Returns the user as the batch left it, null if there is none; `hasEnded`: KV must be written. */
export async function changeUser(
  db: Database,
  userId: string,
  before: readonly D1PreparedStatement[] | undefined,
  statements: readonly D1PreparedStatement[],
) {
  const find = db.prepare(USER_RECORD).bind(userId)
  const outcomes = await db.batch([...(before ?? []), ...statements, find])
  const user = readFoundUser(outcomes.at(-1))
  return { user, hasEnded: hasEnded(outcomes.slice(0, before?.length ?? 0)) }
}

const change = async (db: Database, userId: string, statements: readonly D1PreparedStatement[]) =>
  (await changeUser(db, userId, [], statements)).user

export const userRegistry = (db: Database) => ({
  /** Returns the new user's id; null, and writes nothing, if the username is taken in any spelling. */
  async create(
    user: NewUser,
    now: number,
    also: (userId: string) => readonly D1PreparedStatement[] = () => [],
  ): Promise<string | null> {
    const userId = randomId()
    const { username, email, passwordHash } = user
    const key = usernameKey(username)
    await keyOlderNames(db)
    const [inserted] = await db.batch([
      db.prepare(INSERT_USER).bind(userId, username, email, passwordHash, now, key),
      ...also(userId),
      db.prepare(ADD_USER_SCOPES).bind(userId, JSON.stringify(user.scopes)),
      db.prepare(ADD_USER_ENDORSEMENTS).bind(userId, JSON.stringify(user.endorsements)),
      db.prepare(DROP_COVERED_USER_ENDORSEMENTS).bind(userId),
    ])
    return inserted?.results.length ? userId : null
  },

  async find(idOrName: string): Promise<UserRecord | null> {
    await keyOlderNames(db)
    const find = db.prepare(FIND_USER_RECORD).bind(idOrName, usernameKey(idOrName))
    const row = await find.first<UserRecordRow>()
    return row && readUserRecord(row)
  },

  /** At most `rows` users after the id `after`, ordered by id. `name` matches a part of the username or the e-mail address. */
  async page(after: string, rows: number, name?: string): Promise<UserRecord[]> {
    if (name === undefined) {
      const page = await db.prepare(PAGE_OF_USERS).bind(after, rows).all<UserRecordRow>()
      return page.results.map(readUserRecord)
    }
    const part = foldText(name)
    const matching = {
      keys: NAMES_OF_USERS,
      parameters: [],
      idOf: (row: NamesRow) => row.user_id,
      matches: (row: NamesRow) =>
        [row.username, row.email].some((one) => foldText(one).includes(part)),
      records: USERS_BY_ID,
      read: readUserRecord,
    }
    return pageOfMatching(db, matching, after, rows)
  },

  disable: (userId: string, now: number, also: readonly D1PreparedStatement[] = []) =>
    change(db, userId, [
      db.prepare(DISABLE_USER).bind(userId, now),
      ...also,
      db.prepare(FORGET_BROWSERS).bind(userId),
    ]),

  enable: (userId: string, now: number, also: readonly D1PreparedStatement[] = []) =>
    change(db, userId, [db.prepare(ENABLE_USER).bind(userId, now), ...also]),

  setPassword: (
    userId: string,
    passwordHash: string,
    now: number,
    also: readonly D1PreparedStatement[] = [],
  ) =>
    change(db, userId, [
      db.prepare(SET_PASSWORD).bind(userId, now, passwordHash),
      ...also,
      db.prepare(FORGET_BROWSERS).bind(userId),
    ]),
})
