/** Whom an administrator means: a user of the registry, or one of an external accounts service whom D1 has seen. */

import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { findExternalIds } from '../stores/external-users.ts'
import { userRegistry } from '../stores/user-registry.ts'

/** The user's id; null for one whom D1 does not know. Throws a Refusal for a name of several. */
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
