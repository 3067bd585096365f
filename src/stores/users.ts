/** Users in D1, always read from the primary: disabling a user has effect at once. */

import type { Consent } from '../domain/consent.ts'
import type { ClientId } from '../domain/ids.ts'
import type { Catalogue } from '../domain/scope-catalogue.ts'
import type { ShownDetails } from '../domain/shown-client.ts'
import { type RegisteredUser, usernameKey } from '../domain/user.ts'
import {
  bound,
  D1_NOW_MS,
  type Database,
  firstIn,
  type RowOf,
  rowReader,
  rowsIn,
} from './database.ts'
import { catalogueOf, type Permissions, readCatalogue } from './scope-catalogue.ts'

/** A whole user except the password's hash, with the names of `RegisteredUser`. */
export const USER_COLUMNS = `
  u.user_id AS userId, u.username, u.email, u.disabled_at AS disabledAt,
  (SELECT json_group_array(scope) FROM user_scope s WHERE s.user_id = u.user_id) AS scopes,
  (SELECT json_group_array(category) FROM user_endorsement e WHERE e.user_id = u.user_id) AS endorsements,
  ${D1_NOW_MS} AS readAtMs`

/** A whole user as one JSON value within another statement; NULL if there is no such user. */
export const USER_JSON = (
  userId: string,
) => `(SELECT json_object('userId', u.userId, 'username', u.username, 'email', u.email, 'disabledAt', u.disabledAt,
    'scopes', u.scopes, 'endorsements', u.endorsements, 'readAtMs', u.readAtMs)
  FROM (SELECT ${USER_COLUMNS} FROM user u WHERE u.user_id = ${userId}) u)`

/**
 * The id of the user with a name, found by the name as typed and by its key (`usernameKey`). The names of two users that are
 * older than the keys may differ only in case or Unicode form: one of the users has the key, and each is found by the exact
 * spelling.
 */
export const USER_NAMED = (typed: string, key: string) =>
  `coalesce((SELECT user_id FROM user WHERE username = ${typed}),
    (SELECT user_id FROM user WHERE username_key = ${key}))`

export const FIND_USER_BY_NAME = `SELECT ${USER_COLUMNS}, u.password_hash FROM user u
  WHERE u.user_id = ${USER_NAMED('?1', '?2')}`
export const FIND_USER = `SELECT ${USER_COLUMNS} FROM user u WHERE u.user_id = ?1`
/** One row: the latest consent, if there is one, and what pages show of the client (`ShownDetails`). */
export const FIND_CONSENT = `SELECT n.scopes, n.fingerprint, n.resources, o.username AS ownerName,
    coalesce(c.logo_uri, '') AS logoUri, coalesce(c.tos_uri, '') AS tosUri, coalesce(c.policy_uri, '') AS policyUri,
    (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri) AS logo
  FROM (SELECT 1) LEFT JOIN consent n ON n.user_id = ?1 AND n.client_id = ?2
    LEFT JOIN client c ON c.client_id = ?2 LEFT JOIN user o ON o.user_id = c.owner_id`

export const USER_ROW = { scopes: 'json', endorsements: 'json' } as const
export const readUserRow = rowReader<RegisteredUser>(USER_ROW)

/** Without a consent, the members of `Consent` are null. */
type ConsentRow = ShownDetails & (Consent | Readonly<Record<keyof Consent, null>>)

export type Standing = Readonly<{
  /** The registered user; null if there is none. */
  user: RegisteredUser | null
  /** The user's latest consent to the client; null if there is none. */
  consent: Consent | null
  details: ShownDetails
  catalogue: Catalogue
}>

export type UserStore = ReturnType<typeof userStore>

export const userStore = (db: Database) => ({
  /** Finds a user by name, in any case and Unicode form. Null if the name is unknown. */
  async findByUsername(username: string) {
    const found = bound(db, FIND_USER_BY_NAME, username, usernameKey(username))
    const row = await found.first<RowOf<RegisteredUser> & { password_hash: string }>()
    if (row === null) return null
    const { password_hash: passwordHash, ...user } = row
    return { user: readUserRow(user), passwordHash }
  },
  /**
   * Makes one read of the primary, so nothing is stale. The catalogue has the declarations that a page may need: those of
   * `asked`, and those of narrower scopes and endorsements that the user holds.
   */
  async standing(userId: string, clientId: ClientId, asked: Permissions): Promise<Standing> {
    const [users, consents, ...declared] = await db.batch([
      bound(db, FIND_USER, userId),
      bound(db, FIND_CONSENT, userId, clientId),
      ...catalogueOf(db, userId, asked),
    ])
    const [row] = rowsIn<ConsentRow>(consents) as [ConsentRow]
    const { scopes, fingerprint, resources, ...details } = row
    return {
      user: firstIn(users, readUserRow),
      consent: row.scopes === null ? null : ({ scopes, fingerprint, resources } as Consent),
      details,
      catalogue: readCatalogue(declared),
    }
  },
})
