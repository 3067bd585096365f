/** What an administrator does to users, in D1: the audit's row and what ends are in the batch of the change. */

import { auditStatement, type Part, runChange } from './change-batch.ts'
import type { Database } from './database.ts'
import { findExternalIds } from './external-users.ts'
import { userNarrowing } from './narrowing.ts'
import type { Lifetimes, UserChange, UserReader, UserRegistry } from './registration-ports.ts'
import { revocationStatements } from './revocation-statements.ts'
import { findUserRecord, pageOfUserRecords, readFoundUser, USER_RECORD } from './user-record.ts'
import { changeUser, insertUser } from './user-statements.ts'
import { keyOlderNames } from './username-keys.ts'

export const FIND_PASSWORD_HASH = `SELECT password_hash FROM user WHERE user_id = ?1`

/** The batch itself finds out whether another user has the id or the name. */
const isTaken = (fault: unknown) => /UNIQUE constraint failed: user\./.test(String(fault))

/** What the change ends. Users have browser sessions too. */
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

export const userReader = (db: Database): UserReader => ({
  find: (who) => findUserRecord(db, who),
  page: (after, rows, name) => pageOfUserRecords(db, after, rows, name),
  findExternalIds: (idOrName) => findExternalIds(db, idOrName),
})

export function userRegistry(
  db: Database,
  { longestSessionSeconds }: Pick<Lifetimes, 'longestSessionSeconds'>,
): UserRegistry {
  const read = (userId: string) => db.prepare(USER_RECORD).bind(userId)
  return {
    ...userReader(db),
    passwordHashOf: (userId) =>
      db.prepare(FIND_PASSWORD_HASH).bind(userId).first<string>('password_hash'),

    async create(user, by, detail) {
      const { userId } = user
      await keyOlderNames(db)
      const [insert, ...more] = insertUser(db, user, by.now)
      const audit = auditStatement(db, by, { event: 'user.create', about: { userId }, detail })
      try {
        return readFoundUser((await db.batch([insert, audit, ...more, read(userId)])).at(-1))
      } catch (fault) {
        if (isTaken(fault)) return null
        throw fault
      }
    },

    async change({ userId, version }, changes, by) {
      const parts = changes.map((one): Part => {
        const [change, ...more] = changeUser(db, userId, one, by.now)
        const { detail = {} } = one
        const ending = endingOf(db, userId, one, longestSessionSeconds)
        return { event: `user.${one.kind}`, about: { userId }, detail, change, more, ...ending }
      })
      const expected = { kind: 'user', id: userId, version } as const
      try {
        const done = await runChange(db, expected, parts, { by, read: read(userId) })
        if (done.kind === 'stale') return done
        return { kind: 'changed', record: readFoundUser(done.result), hasEnded: done.hasEnded }
      } catch (fault) {
        if (isTaken(fault)) return { kind: 'taken' }
        throw fault
      }
    },
  }
}
