/** What each verb about a user does. `idOrName` is a user's id or username. */

import type { AuditEvent } from '../domain/audit.ts'
import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { findExternalIds } from '../stores/external-users.ts'
import { userNarrowing } from '../stores/narrowing.ts'
import { type UserChanges, type UserLists, userChanges } from '../stores/user-changes.ts'
import { type NewUser, type UserRecord, userRegistry } from '../stores/user-registry.ts'
import { type Act, type Done, ending, noteStillCovered, recording } from './act.ts'
import { shown, USER_FIELDS, USER_LISTS } from './fields.ts'
import { isoTime } from './text-form.ts'

/** Without the password's hash. */
export const userDocument = (user: UserRecord) => ({
  user_id: user.userId,
  ...shown('inDocument', USER_FIELDS, user),
  ...shown('inDocument', USER_LISTS, user),
  created_at: isoTime(user.createdAt),
  updated_at: isoTime(user.updatedAt),
  disabled_at: isoTime(user.disabledAt),
})

function required(user: UserRecord | null, idOrName: string): UserRecord {
  if (!user) throw new Refusal(`there is no user ${JSON.stringify(idOrName)}`)
  return user
}

export const findUser = async (db: Database, idOrName: string) =>
  required(await userRegistry(db).find(idOrName), idOrName)

/**
 * The id of a user of the registry, or of one of an external accounts service that D1 has seen; null if D1 knows
 * neither. Throws a Refusal for a name that several users have.
 */
export async function findUserId(db: Database, idOrName: string): Promise<string | null> {
  const registered = await userRegistry(db).find(idOrName)
  if (registered) return registered.userId
  const [id = null, ...others] = await findExternalIds(db, idOrName)
  if (others.length === 0) return id
  const ids = [id, ...others].map((one) => JSON.stringify(one)).join(', ')
  throw new Refusal(
    `several users have the name ${JSON.stringify(idOrName)}: give one of the ids ${ids}`,
  )
}

const done = (user: UserRecord, revokes: boolean): Done => ({
  document: userDocument(user),
  revokes,
})

const taken = (username: string | undefined) =>
  new Refusal(`username ${JSON.stringify(username)} is taken`)

export async function create(
  act: Act,
  user: NewUser,
): Promise<Done<Readonly<{ user_id: string }>>> {
  const { username, scopes, endorsements } = user
  const userId = await userRegistry(act.db).create(user, act.now, (id) => [
    recording(act, 'user.create', { userId: id }, { username, scopes, endorsements }),
  ])
  if (!userId) throw taken(username)
  return { document: { user_id: userId }, revokes: false }
}

type Change = (
  userId: string,
  now: number,
  also: readonly D1PreparedStatement[],
) => Promise<UserRecord | null>

/** One batch: the change, the audit's row and, unless nothing ends by it, the end of all that the user has. */
async function changeRow(act: Act, idOrName: string, event: AuditEvent, change: Change) {
  const { userId } = await findUser(act.db, idOrName)
  const ends = event !== 'user.enable'
  const also = [recording(act, event, { userId }), ...(ends ? ending(act, 'user', userId) : [])]
  return done(required(await change(userId, act.now, also), idOrName), ends)
}

export const disable = (act: Act, idOrName: string) =>
  changeRow(act, idOrName, 'user.disable', userRegistry(act.db).disable)

/** Brings back nothing that ended. */
export const enable = (act: Act, idOrName: string) =>
  changeRow(act, idOrName, 'user.enable', userRegistry(act.db).enable)

export const setPassword = (act: Act, idOrName: string, passwordHash: string) =>
  changeRow(act, idOrName, 'user.set_password', (userId, now, also) =>
    userRegistry(act.db).setPassword(userId, passwordHash, now, also),
  )

/** Ends the sessions that state a name, an address or anything held that is no longer true. */
export async function update(
  act: Act,
  idOrName: string,
  changes: UserChanges & UserLists,
): Promise<Done> {
  const { userId } = await findUser(act.db, idOrName)
  const detail = {
    ...shown('inAudit', USER_FIELDS, changes),
    ...shown('inAudit', USER_LISTS, changes),
  }
  const narrowing = { how: 'replace' as const, ...changes }
  const around = {
    before: userNarrowing(act.db, userId, narrowing, act.longestSessionSeconds),
    also: [recording(act, 'user.update', { userId }, detail)],
  }
  const { user, hasEnded } = await userChanges(act.db)
    .update(userId, changes, act.now, around)
    .catch((fault) => {
      // The batch itself finds out whether another user has the name.
      if (!/UNIQUE constraint failed: user\.username/.test(String(fault))) throw fault
      throw taken(changes.username)
    })
  return done(required(user, idOrName), hasEnded)
}

/** Only what is issued from now on has more. */
export async function authorize(act: Act, idOrName: string, lists: UserLists): Promise<Done> {
  const { userId } = await findUser(act.db, idOrName)
  const also = [recording(act, 'user.authorize', { userId }, lists)]
  const { user } = await userChanges(act.db).authorize(userId, lists, act.now, { also })
  return done(required(user, idOrName), false)
}

export async function withdraw(act: Act, idOrName: string, lists: UserLists): Promise<Done> {
  const { userId } = await findUser(act.db, idOrName)
  const narrowing = { how: 'withdraw' as const, ...lists }
  const around = {
    before: userNarrowing(act.db, userId, narrowing, act.longestSessionSeconds),
    also: [recording(act, 'user.withdraw', { userId }, lists)],
  }
  const withdrawn = await userChanges(act.db).withdraw(userId, lists, act.now, around)
  const after = required(withdrawn.user, idOrName)
  noteStillCovered(act, lists, after)
  return done(after, withdrawn.hasEnded)
}

/** Shows the user as it was. The audit keeps its rows. */
export async function remove(act: Act, idOrName: string): Promise<Done> {
  const { userId, username } = await findUser(act.db, idOrName)
  const around = {
    before: ending(act, 'user', userId),
    also: [recording(act, 'user.delete', { userId }, { username })],
  }
  return done(required(await userChanges(act.db).delete(userId, around), idOrName), true)
}
