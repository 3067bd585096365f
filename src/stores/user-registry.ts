/**
 * How an administrator reads and changes users in D1, without the hashes of their passwords. The batch of a change includes
 * the audit row and what ends with the change.
 */

import { foldText } from '../domain/fold-text.ts'
import { type UserFields, type UserRecord, usernameKey } from '../domain/user.ts'
import { auditStatement, type Part, runChange } from './change-batch.ts'
import { bound, type Database, firstIn, type RowOf, rowReader } from './database.ts'
import { runDeletion } from './deletions.ts'
import { findExternalIds } from './external-users.ts'
import { pageOfAll, pageOfMatching } from './matching-page.ts'
import { userNarrowing } from './narrowing.ts'
import type {
  Authorship,
  Changed,
  Detail,
  Lifetimes,
  NewUser,
  Page,
  UserChange,
  UserReference,
} from './registration-ports.ts'
import { revocationStatements } from './revocation-statements.ts'
import { insertUser, userChangeStatements } from './user-statements.ts'
import { FIND_WITHOUT_KEY, keyOlderNames } from './username-keys.ts'
import { USER_COLUMNS, USER_NAMED, USER_ROW } from './users.ts'

type NamesRow = UserFields & Readonly<{ id: string }>
type UserRecordRow = RowOf<UserRecord>

const RECORD_COLUMNS = `${USER_COLUMNS}, u.created_at AS createdAt, u.updated_at AS updatedAt, u.version`
/** Finds a user by id or, if no user has the id, by name. `?2` is the name's key. */
export const FIND_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id = coalesce((SELECT user_id FROM user WHERE user_id = ?1), ${USER_NAMED('?1', '?2')})`
export const FIND_NAMED_USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u
  WHERE u.user_id = ${USER_NAMED('?1', '?2')}`
export const USER_RECORD = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id = ?1`
export const PAGE_OF_USERS = `SELECT ${RECORD_COLUMNS} FROM user u WHERE u.user_id > ?1
  ORDER BY u.user_id LIMIT ?2`
/** `?1` is a JSON list of ids. The records have the order of the list. */
export const USERS_BY_ID = `SELECT ${RECORD_COLUMNS} FROM json_each(?1) j CROSS JOIN user u ON u.user_id = j.value
  ORDER BY j.key`
export const NAMES_OF_USERS = `SELECT user_id AS id, username, email FROM user WHERE user_id > ?1
  ORDER BY user_id LIMIT ?2`

export const FIND_PASSWORD_HASH = `SELECT password_hash FROM user WHERE user_id = ?1`

const readUserRecord = rowReader<UserRecord>(USER_ROW)

const recordIn = (result: D1Result | undefined) => firstIn(result, readUserRecord)

function findStatement(db: Database, who: UserReference): D1PreparedStatement {
  if (typeof who === 'string') return bound(db, FIND_USER_RECORD, who, usernameKey(who))
  if ('userId' in who) return bound(db, USER_RECORD, who.userId)
  return bound(db, FIND_NAMED_USER_RECORD, who.username, usernameKey(who.username))
}

/** The batch itself fails if another user has the id or the name. */
const isTaken = (fault: unknown) => /UNIQUE constraint failed: user\./.test(String(fault))

/** The statements for what ends with the change. Users also have browser sessions. */
function endingOf(
  db: Database,
  userId: string,
  change: UserChange,
  lifetimeSeconds: number,
): Pick<Part, 'narrowing' | 'ending'> {
  switch (change.kind) {
    case 'update': {
      const replaced = { how: 'replace' as const, ...change.fields, ...change.lists }
      return { narrowing: userNarrowing(db, userId, replaced, lifetimeSeconds) }
    }
    case 'withdraw': {
      const withdrawn = { how: 'withdraw' as const, ...change.lists }
      return { narrowing: userNarrowing(db, userId, withdrawn, lifetimeSeconds) }
    }
    case 'authorize':
    case 'enable':
    case 'invite':
      return {}
    default:
      return { ending: revocationStatements(db, { kind: 'user', userId }, lifetimeSeconds) }
  }
}

export type UserReader = ReturnType<typeof userReader>

export const userReader = (db: Database) => ({
  /** Null if the user is unknown. Makes one read of the primary, unless older usernames still have no keys. */
  async find(who: UserReference): Promise<UserRecord | null> {
    const [found, older] = await db.batch([findStatement(db, who), bound(db, FIND_WITHOUT_KEY, 1)])
    if (!older?.results.length) return recordIn(found)
    await keyOlderNames(db)
    return recordIn(await findStatement(db, who).all())
  },

  /** At most `rows` users after the id `after`, ordered by id. `name` matches a part of the username or the e-mail address. */
  async page(after: string, rows: number, name?: string): Promise<Page<UserRecord>> {
    if (name === undefined) {
      const page = await bound(db, PAGE_OF_USERS, after, rows).all<UserRecordRow>()
      return pageOfAll(page.results.map(readUserRecord), rows, ({ userId }) => userId)
    }
    const part = foldText(name)
    const matching = {
      keys: NAMES_OF_USERS,
      matches: (row: NamesRow) =>
        [row.username, row.email].some((one) => foldText(one).includes(part)),
      records: USERS_BY_ID,
      read: readUserRecord,
    }
    return pageOfMatching(db, matching, after, rows)
  },

  /** Ids of external users: the text itself if D1 has it as an id; otherwise the ids of the users with this name. */
  findExternalIds: (idOrName: string): Promise<readonly string[]> => findExternalIds(db, idOrName),
})

export function userRegistry(
  db: Database,
  { longestSessionSeconds }: Pick<Lifetimes, 'longestSessionSeconds'>,
) {
  const read = (userId: string) => bound(db, USER_RECORD, userId)
  return {
    ...userReader(db),
    passwordHashOf: (userId: string) =>
      bound(db, FIND_PASSWORD_HASH, userId).first<string>('password_hash'),

    /** Null, without a write, if the id or the username (in any spelling) is taken. `still_deleted`: old rows remain. */
    async create(
      user: NewUser,
      by: Authorship,
      detail: Detail,
    ): Promise<UserRecord | 'still_deleted' | null> {
      const { userId } = user
      await keyOlderNames(db)
      const [insert, ...more] = insertUser(db, user, by.now)
      const audit = auditStatement(db, by, { event: 'user.create', about: { userId }, detail })
      try {
        return recordIn((await db.batch([insert, audit, ...more, read(userId)])).at(-1))
      } catch (fault) {
        if (isTaken(fault)) return null
        if (/the user is being deleted/.test(String(fault))) return 'still_deleted'
        throw fault
      }
    },

    /** Several changes are made as one: all or none. `taken`: another user has the username, and nothing was written. */
    async change(
      { userId, version }: UserRecord,
      changes: readonly (UserChange & Readonly<{ detail?: Detail }>)[],
      by: Authorship,
    ): Promise<Changed<UserRecord> | Readonly<{ kind: 'taken' }>> {
      const parts = changes.map((one): Part => {
        const [change, ...more] = userChangeStatements(db, userId, one, by.now)
        const { detail = {} } = one
        const ending = endingOf(db, userId, one, longestSessionSeconds)
        return { event: `user.${one.kind}`, about: { userId }, detail, change, more, ...ending }
      })
      const expected = { kind: 'user', id: userId, version } as const
      const isDeletion = changes.some(({ kind }) => kind === 'delete')
      try {
        if (isDeletion) return await runDeletion(db, expected, parts, by)
        return await runChange(db, expected, parts, { by, last: read(userId), recordIn })
      } catch (fault) {
        if (isTaken(fault)) return { kind: 'taken' }
        throw fault
      }
    },
  }
}
