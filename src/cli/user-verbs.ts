/** What the verbs do that change who a user is and what the user holds. `idOrName` is a user's id or username. */

import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { userNarrowing } from '../stores/narrowing.ts'
import { type UserChanges, type UserLists, userChanges } from '../stores/user-changes.ts'
import { type UserRecord, userRegistry } from '../stores/user-registry.ts'
import { type Act, type Done, endingForGood, recording } from './act.ts'
import { userDocument } from './documents.ts'

type UserDone = Done<ReturnType<typeof userDocument>>

export function requiredUser(user: UserRecord | null, idOrName: string): UserRecord {
  if (!user) throw new Refusal(`there is no user ${JSON.stringify(idOrName)}`)
  return user
}

const done = (user: UserRecord, revokes: boolean): UserDone => ({
  document: userDocument(user),
  revokes,
})

const find = async (db: Database, idOrName: string) =>
  requiredUser(await userRegistry(db).find(idOrName), idOrName)

/** The batch itself finds out whether another user has the name. */
const refuseTaken = (username: string | undefined) => (fault: unknown) => {
  if (!/UNIQUE constraint failed: user\.username/.test(String(fault))) throw fault
  throw new Refusal(`username ${JSON.stringify(username)} is taken`)
}

/**
 * Sessions state the name, the e-mail address and what the user holds. The batch ends them when any of that is no longer
 * true.
 */
export async function updateUser(
  db: Database,
  idOrName: string,
  changes: UserChanges & UserLists,
  act: Act,
): Promise<UserDone> {
  const { userId } = await find(db, idOrName)
  // The audit outlives the user, and keeps no e-mail address.
  const { email, ...told } = changes
  const detail = email === undefined ? told : { ...told, email: 'replaced' }
  const narrowing = { how: 'replace' as const, ...changes }
  const around = {
    before: userNarrowing(db, userId, narrowing, act.longestSessionSeconds),
    also: [recording(db, act, 'user.update', { userId }, detail)],
  }
  const { user, hasEnded } = await userChanges(db)
    .update(userId, changes, act.now, around)
    .catch(refuseTaken(changes.username))
  return done(requiredUser(user, idOrName), hasEnded)
}

/** Sessions stay as they are: only what is issued from now on has more. */
export async function authorizeUser(
  db: Database,
  idOrName: string,
  lists: UserLists,
  act: Act,
): Promise<UserDone> {
  const { userId } = await find(db, idOrName)
  const also = [recording(db, act, 'user.authorize', { userId }, lists)]
  const { user } = await userChanges(db).authorize(userId, lists, act.now, { before: [], also })
  return done(requiredUser(user, idOrName), false)
}

export async function withdrawFromUser(
  db: Database,
  idOrName: string,
  lists: UserLists,
  act: Act,
): Promise<UserDone> {
  const { userId } = await find(db, idOrName)
  const narrowing = { how: 'withdraw' as const, ...lists }
  const around = {
    before: userNarrowing(db, userId, narrowing, act.longestSessionSeconds),
    also: [recording(db, act, 'user.withdraw', { userId }, lists)],
  }
  const { user, hasEnded } = await userChanges(db).withdraw(userId, lists, act.now, around)
  return done(requiredUser(user, idOrName), hasEnded)
}

/** The user as it was. The audit keeps its rows. */
export async function deleteUser(db: Database, idOrName: string, act: Act): Promise<UserDone> {
  const { userId, username } = await find(db, idOrName)
  const around = {
    before: endingForGood(db, 'user', userId, act),
    also: [recording(db, act, 'user.delete', { userId }, { username })],
  }
  return done(requiredUser(await userChanges(db).delete(userId, around), idOrName), true)
}
