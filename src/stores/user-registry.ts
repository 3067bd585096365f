/**
 * The administrator's side of the users on D1. Each verb is one batch, with `also` right after the statement that finds
 * the user or does not, as in `client-registry.ts`. Instants in epoch seconds.
 */

import { randomId } from '../crypto/random.ts'
import type { RegisteredUser } from '../domain/user.ts'
import { DROP_COVERED_USER_ENDORSEMENTS } from './covered-endorsements.ts'
import type { Database } from './database.ts'
import { readUserRow, USER_COLUMNS, type UserRow } from './users.ts'

export type NewUser = Readonly<{
  username: string
  email: string
  passwordHash: string
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/** All of a user but the password's hash. */
export type UserRecord = RegisteredUser & Readonly<{ createdAt: number; updatedAt: number }>

type UserRecordRow = UserRow & { created_at: number; updated_at: number }

const RECORD_COLUMNS = `${USER_COLUMNS}, u.created_at, u.updated_at`
/** Whose id `?1` is or, if it is nobody's, whose name. */
const NAMED_USER = `coalesce((SELECT user_id FROM user WHERE user_id = ?1),
    (SELECT user_id FROM user WHERE username = ?1))`

export const FIND_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id = ${NAMED_USER}`
export const PAGE_OF_USERS = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id > ?1
  ORDER BY u.user_id LIMIT ?2`
export const INSERT_USER = `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (username) DO NOTHING RETURNING user_id`
export const ADD_USER_SCOPES = `INSERT INTO user_scope (user_id, scope)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1`
export const ADD_USER_ENDORSEMENTS = `INSERT INTO user_endorsement (user_id, category)
  SELECT u.user_id, j.value FROM user u, json_each(?2) j WHERE u.user_id = ?1`
/** The first moment stays. */
export const DISABLE_USER = `UPDATE user SET disabled_at = coalesce(disabled_at, ?2), updated_at = ?2
  WHERE user_id = ${NAMED_USER}`
export const ENABLE_USER = `UPDATE user SET disabled_at = NULL, updated_at = ?2
  WHERE user_id = ${NAMED_USER} AND disabled_at IS NOT NULL`
export const SET_PASSWORD = `UPDATE user SET password_hash = ?3, updated_at = ?2 WHERE user_id = ${NAMED_USER}`

/** When strangers may know the password, or the user is gone: who stole a browser's cookie has it for nothing. */
export const FORGET_BROWSERS = `DELETE FROM known_browser WHERE user_id = ${NAMED_USER}`

const readUserRecord = (row: UserRecordRow): UserRecord => ({
  ...readUserRow(row),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** The user as it stands after the statements; null if there is no such user. */
async function change(db: Database, idOrName: string, statements: readonly D1PreparedStatement[]) {
  const find = db.prepare(FIND_USER_RECORD).bind(idOrName)
  const row = (await db.batch([...statements, find])).at(-1)?.results[0] as
    | UserRecordRow
    | undefined
  return row ? readUserRecord(row) : null
}

/** Everywhere `idOrName` is a user's id or username. */
export const userRegistry = (db: Database) => ({
  /** Answers the new user's id; null, and nothing is written, if the username is taken, whatever its case. */
  async create(
    user: NewUser,
    now: number,
    also: (userId: string) => readonly D1PreparedStatement[] = () => [],
  ): Promise<string | null> {
    const userId = randomId()
    const { username, email, passwordHash } = user
    const [inserted] = await db.batch([
      db.prepare(INSERT_USER).bind(userId, username, email, passwordHash, now),
      ...also(userId),
      db.prepare(ADD_USER_SCOPES).bind(userId, JSON.stringify(user.scopes)),
      db.prepare(ADD_USER_ENDORSEMENTS).bind(userId, JSON.stringify(user.endorsements)),
      db.prepare(DROP_COVERED_USER_ENDORSEMENTS).bind(userId),
    ])
    return inserted?.results.length ? userId : null
  },

  async find(idOrName: string): Promise<UserRecord | null> {
    const row = await db.prepare(FIND_USER_RECORD).bind(idOrName).first<UserRecordRow>()
    return row && readUserRecord(row)
  },

  /** In the order of their ids, those after `after`: at most `rows`. */
  async page(after: string, rows: number): Promise<UserRecord[]> {
    const page = await db.prepare(PAGE_OF_USERS).bind(after, rows).all<UserRecordRow>()
    return page.results.map(readUserRecord)
  },

  disable: (idOrName: string, now: number, also: readonly D1PreparedStatement[] = []) =>
    change(db, idOrName, [
      db.prepare(DISABLE_USER).bind(idOrName, now),
      ...also,
      db.prepare(FORGET_BROWSERS).bind(idOrName),
    ]),

  enable: (idOrName: string, now: number, also: readonly D1PreparedStatement[] = []) =>
    change(db, idOrName, [db.prepare(ENABLE_USER).bind(idOrName, now), ...also]),

  setPassword: (
    idOrName: string,
    passwordHash: string,
    now: number,
    also: readonly D1PreparedStatement[] = [],
  ) =>
    change(db, idOrName, [
      db.prepare(SET_PASSWORD).bind(idOrName, now, passwordHash),
      ...also,
      db.prepare(FORGET_BROWSERS).bind(idOrName),
    ]),
})
