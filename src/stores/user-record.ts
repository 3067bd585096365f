/** A user as an administrator sees it: without the password's hash. */

import { foldText } from '../domain/fold-text.ts'
import { type UserRecord, usernameKey } from '../domain/user.ts'
import type { Database } from './database.ts'
import { pageOfAll, pageOfMatching } from './matching-page.ts'
import type { Page, UserReference } from './registration-ports.ts'
import { FIND_WITHOUT_KEY, keyOlderNames } from './username-keys.ts'
import { readUserRow, USER_COLUMNS, USER_NAMED, type UserRow } from './users.ts'

type NamesRow = Pick<UserRow, 'user_id' | 'username' | 'email'>
type UserRecordRow = UserRow & { created_at: number; updated_at: number; version: number }

const RECORD_COLUMNS = `${USER_COLUMNS}, u.created_at, u.updated_at, u.version`
/** By id or, if no user has the id, by name. `?2` is the name's key. */
export const FIND_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id = coalesce((SELECT user_id FROM user WHERE user_id = ?1), ${USER_NAMED('?1', '?2')})`
export const FIND_NAMED_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id = ${USER_NAMED('?1', '?2')}`
export const USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id = ?1`
export const PAGE_OF_USERS = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id > ?1
  ORDER BY u.user_id LIMIT ?2`
export const USERS_BY_ID = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id IN (SELECT value FROM json_each(?1)) ORDER BY u.user_id`
export const NAMES_OF_USERS = `SELECT user_id, username, email FROM user WHERE user_id > ?1
  ORDER BY user_id LIMIT ?2`

const readUserRecord = (row: UserRecordRow): UserRecord => ({
  ...readUserRow(row),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  version: row.version,
})

export const readFoundUser = (result: D1Result | undefined) => {
  const row = result?.results[0] as UserRecordRow | undefined
  return row ? readUserRecord(row) : null
}

function findStatement(db: Database, who: UserReference): D1PreparedStatement {
  if (typeof who === 'string') return db.prepare(FIND_USER_RECORD).bind(who, usernameKey(who))
  if ('userId' in who) return db.prepare(USER_RECORD).bind(who.userId)
  return db.prepare(FIND_NAMED_USER_RECORD).bind(who.username, usernameKey(who.username))
}

/** Null if unknown. One round trip, unless older usernames still have no keys. */
export async function findUserRecord(db: Database, who: UserReference): Promise<UserRecord | null> {
  const [found, older] = await db.batch([
    findStatement(db, who),
    db.prepare(FIND_WITHOUT_KEY).bind(1),
  ])
  if (!older?.results.length) return readFoundUser(found)
  await keyOlderNames(db)
  return readFoundUser(await findStatement(db, who).all())
}

/** At most `rows` users after the id `after`, ordered by id. `name` matches a part of the username or the e-mail address. */
export async function pageOfUserRecords(
  db: Database,
  after: string,
  rows: number,
  name?: string,
): Promise<Page<UserRecord>> {
  if (name === undefined) {
    const page = await db.prepare(PAGE_OF_USERS).bind(after, rows).all<UserRecordRow>()
    return pageOfAll(page.results.map(readUserRecord), rows, ({ userId }) => userId)
  }
  const part = foldText(name)
  const matching = {
    keys: NAMES_OF_USERS,
    parameters: [],
    idOf: (row: NamesRow) => row.user_id,
    matches: (row: NamesRow) =>
      [row.username, row.email].some((one) => foldText(one).includes(part)),
    records: USERS_BY_ID,
    idOfRecord: (row: UserRecordRow) => row.user_id,
    read: readUserRecord,
  }
  return pageOfMatching(db, matching, after, rows)
}
