/** Computes the keys of usernames that were stored before keys existed. SQLite cannot compute them. */

import { usernameKey } from '../domain/user.ts'
import { bound, type Database } from './database.ts'

const AT_ONCE = 50

export const FIND_WITHOUT_KEY = `SELECT user_id, username FROM user WHERE username_key IS NULL
  ORDER BY created_at LIMIT ?1`
/** If two users have the same key, the older user gets it. */
export const SET_KEY = `UPDATE OR IGNORE user SET username_key = ?2 WHERE user_id = ?1 AND username_key IS NULL`
/** The other user is found by the exact spelling. The key cannot collide, because no key of a name contains a space. */
export const SET_OWN_KEY = `UPDATE user SET username_key = ' ' || username
  WHERE user_id = ?1 AND username_key IS NULL`

/** One run of cron computes 1000 keys. A command waits until all are computed. */
const ROUNDS_OF_CRON = 20

export const keyOlderNamesInCron = (db: Database) => keyOlderNames(db, ROUNDS_OF_CRON)

/** The call can be repeated. If all names have keys, it is one read of an empty index. */
export async function keyOlderNames(
  db: Database,
  rounds = Number.POSITIVE_INFINITY,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const { results } = await bound(db, FIND_WITHOUT_KEY, AT_ONCE).all<{
      user_id: string
      username: string
    }>()
    if (results.length === 0) return
    await db.batch(
      results.flatMap(({ user_id, username }) => [
        bound(db, SET_KEY, user_id, usernameKey(username)),
        bound(db, SET_OWN_KEY, user_id),
      ]),
    )
    if (results.length < AT_ONCE) return
  }
}
