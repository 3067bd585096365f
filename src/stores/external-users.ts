/** Users of an external accounts service who gave consent or registered a client here, and their names. */

import { usernameKey } from '../domain/user.ts'
import { bound, type Database, rowsIn } from './database.ts'

const DAY_SECONDS = 86_400
/** The most users with one name that are read: this shows that a name is ambiguous. */
const NAMESAKES = 5

/** Writes nothing for a user of the registry, or for a user who was stored today with this name. */
export const REMEMBER_EXTERNAL_USER = `INSERT INTO external_user (user_id, username_key, seen_at)
  SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM user WHERE user_id = ?1)
  ON CONFLICT DO UPDATE SET username_key = excluded.username_key, seen_at = excluded.seen_at
    WHERE username_key <> excluded.username_key OR seen_at <= excluded.seen_at - ${DAY_SECONDS}`
export const IS_KNOWN_USER_ID = `SELECT 1 AS known WHERE EXISTS (SELECT 1 FROM external_user WHERE user_id = ?1)
  OR EXISTS (SELECT 1 FROM consent WHERE user_id = ?1)
  OR EXISTS (SELECT 1 FROM refresh_family WHERE user_id = ?1)
  OR EXISTS (SELECT 1 FROM authorization_code WHERE user_id = ?1)`
/** `?2` is the key in the form of the migration, which folded ASCII only. */
export const FIND_EXTERNAL_IDS = `SELECT user_id FROM external_user
  WHERE username_key IN (?1, ?2) ORDER BY user_id LIMIT ${NAMESAKES}`

/** A statement for the batch that issues a code. `now` in epoch seconds. */
export const rememberExternalUser = (
  db: Database,
  { userId, username }: Readonly<{ userId: string; username: string }>,
  now: number,
) => bound(db, REMEMBER_EXTERNAL_USER, userId, usernameKey(username), now)

const lowerAscii = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** The id itself if D1 has it as an id; otherwise the ids of the users with this name. */
export async function findExternalIds(db: Database, idOrName: string): Promise<string[]> {
  const [byId, byName] = await db.batch([
    bound(db, IS_KNOWN_USER_ID, idOrName),
    bound(db, FIND_EXTERNAL_IDS, usernameKey(idOrName), lowerAscii(idOrName)),
  ])
  if (byId?.results.length) return [idOrName]
  return rowsIn<{ user_id: string }>(byName).map(({ user_id }) => user_id)
}
