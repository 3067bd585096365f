/**
 * One batch for a page of a signed-in user: whether the browser's session was revoked, who the user is now, and what the page
 * shows. A caller must check the first two before it uses the rest.
 */

import type { SessionKey } from '../domain/ids.ts'
import { subjectsOf } from '../domain/revocation.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { RegisteredUser } from '../domain/user.ts'
import { bound, type Database, firstIn } from './database.ts'
import { IS_REVOKED } from './revocations.ts'
import { FIND_USER, readUserRow } from './users.ts'

/** The visitor of the page, according to KV. `userId` is that of the session. */
export type Visitor = Readonly<{ key: SessionKey; session: SessionRecord; userId: string }>

export type Visited<Found> = Readonly<{
  isRevoked: boolean
  /** Null for a user of an external accounts service, and for a deleted user. */
  user: RegisteredUser | null
  found: Found
}>

/** `read` gets the results of the statements, in the order of the statements. */
export async function visit<Found>(
  db: Database,
  { key, session, userId }: Visitor,
  statements: readonly D1PreparedStatement[],
  read: (results: readonly unknown[][]) => Found,
): Promise<Visited<Found>> {
  const [revoked, users, ...results] = await db.batch([
    bound(db, IS_REVOKED, key, JSON.stringify(subjectsOf(session))),
    bound(db, FIND_USER, userId),
    ...statements,
  ])
  return {
    isRevoked: revoked === undefined || revoked.results.length > 0,
    user: firstIn(users, readUserRow),
    found: read(results.map((result) => result.results)),
  }
}
