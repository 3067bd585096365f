/** Browsers from which a user has signed in, in D1, each with the session of its last sign-in. */

import { digest } from '../crypto/digest.ts'
import type { SessionKey } from '../domain/ids.ts'
import { usernameKey } from '../domain/user.ts'
import { bound, type Database } from './database.ts'
import { USER_NAMED } from './users.ts'

/** The limit bounds the rows, and the guesses of an attacker who has stolen the cookies of all these browsers. */
const MAX_BROWSERS_OF_USER = 20

/** `?1` is the user's name, `?2` the browser's digest, `?3` the present moment, `?4` the name's key. */
export const IS_KNOWN_BROWSER = `SELECT 1 AS known FROM known_browser k
  WHERE k.browser_digest = ?2 AND k.expires_at > ?3 AND k.user_id = ${USER_NAMED('?1', '?4')}`
/** Moves the rows of every user to the browser's new token, because several users may sign in from one browser. */
export const RENAME_BROWSER = `UPDATE OR REPLACE known_browser SET browser_digest = ?1 WHERE browser_digest = ?2`
/** Writes nothing if the password was changed, or the user was disabled, during this sign-in. */
export const REMEMBER_BROWSER = `INSERT INTO known_browser (browser_digest, user_id, expires_at, session_key, session_ends_at)
  SELECT ?1, u.user_id, ?2, ?5, ?6 FROM user u
  WHERE u.user_id = ?3 AND u.password_hash = ?4 AND u.disabled_at IS NULL
  ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, session_key = excluded.session_key,
    session_ends_at = excluded.session_ends_at`
export const FORGET_OLDEST_BROWSERS = `DELETE FROM known_browser
  WHERE user_id = ?1 AND browser_digest NOT IN (SELECT browser_digest FROM known_browser
    WHERE user_id = ?1 AND expires_at > ?2 ORDER BY expires_at DESC LIMIT ${MAX_BROWSERS_OF_USER})`
export const IS_OPEN = `SELECT 1 AS is_open FROM known_browser WHERE session_key = ?1 AND session_ends_at > ?2
  AND NOT EXISTS (SELECT 1 FROM revocation WHERE kind = 'session' AND subject = ?1)`

/** A successful sign-in; `passwordHash` is the hash that the password matched. Instants in epoch seconds. */
type KnownBrowser = Readonly<{
  userId: string
  passwordHash: string
  /** The new value of the browser's cookie. */
  token: string
  /** The previous value of the browser's cookie; null if there was none. */
  previousToken: string | null
  expiresAt: number
  session: Readonly<{ key: SessionKey; endsAt: number }>
  now: number
}>

export type KnownBrowserStore = ReturnType<typeof knownBrowserStore>

export const knownBrowserStore = (db: Database) => ({
  async knows(username: string, token: string, now: number): Promise<boolean> {
    const browser = await digest(token)
    const key = usernameKey(username)
    const row = await bound(db, IS_KNOWN_BROWSER, username, browser, now, key).first()
    return row !== null
  },
  /** The row is deleted when the user's password changes or the user is disabled. */
  async remember(signedIn: KnownBrowser): Promise<void> {
    const { userId, passwordHash, token, previousToken, expiresAt, session, now } = signedIn
    const { key, endsAt } = session
    const browser = await digest(token)
    const previous = previousToken === null ? '' : await digest(previousToken)
    await db.batch([
      bound(db, RENAME_BROWSER, browser, previous),
      bound(db, REMEMBER_BROWSER, browser, expiresAt, userId, passwordHash, key, endsAt),
      bound(db, FORGET_OLDEST_BROWSERS, userId, now),
    ])
  },
  /**
   * For a session that KV does not show yet: is it the session of the last sign-in from a known browser, and neither ended
   * nor revoked by itself?
   */
  isOpen: async (sessionKey: SessionKey, now: number): Promise<boolean> =>
    (await bound(db, IS_OPEN, sessionKey, now).first()) !== null,
})
