/** Users in D1, always read from the primary: disabling a user has effect at once. */

import type { Consent } from '../domain/consent.ts'
import type { ClientId } from '../domain/ids.ts'
import type { Catalogue } from '../domain/scope-catalogue.ts'
import type { ShownDetails } from '../domain/shown-client.ts'
import { type RegisteredUser, usernameKey } from '../domain/user.ts'
import { D1_NOW_MS, type Database, firstIn, rowsIn } from './database.ts'
import { catalogueOf, type Permissions, readCatalogue } from './scope-catalogue.ts'

export type UserRow = {
  user_id: string
  username: string
  email: string
  disabled_at: number | null
  scopes: string
  endorsements: string
  read_at_ms: number
}

/** A whole user except the password's hash. The lists are JSON. */
export const USER_COLUMNS = `
  u.user_id, u.username, u.email, u.disabled_at,
  (SELECT json_group_array(scope) FROM user_scope s WHERE s.user_id = u.user_id) AS scopes,
  (SELECT json_group_array(category) FROM user_endorsement e WHERE e.user_id = u.user_id) AS endorsements,
  ${D1_NOW_MS} AS read_at_ms`

/** A whole user as one JSON value within another statement; NULL if there is no such user. */
export const USER_JSON = (
  userId: string,
) => `(SELECT json_object('user_id', u.user_id, 'username', u.username,
    'email', u.email, 'disabled_at', u.disabled_at, 'scopes', u.scopes, 'endorsements', u.endorsements,
    'read_at_ms', u.read_at_ms)
  FROM (SELECT ${USER_COLUMNS} FROM user u WHERE u.user_id = ${userId}) u)`

/**
 * The id of the user with a name, by the name as typed and by its key (`usernameKey`). The names of two users from before
 * keys may differ only in case or Unicode form: one user has the key, and each is found by the exact spelling.
 */
export const USER_NAMED = (typed: string, key: string) =>
  `coalesce((SELECT user_id FROM user WHERE username = ${typed}),
    (SELECT user_id FROM user WHERE username_key = ${key}))`

export const FIND_USER_BY_NAME = `SELECT ${USER_COLUMNS}, u.password_hash FROM user u
  WHERE u.user_id = ${USER_NAMED('?1', '?2')}`
export const FIND_USER = `SELECT ${USER_COLUMNS} FROM user u WHERE u.user_id = ?1`
/** One row: the latest consent, if there is one, and what pages show of the client. */
export const FIND_CONSENT = `SELECT n.scopes, n.fingerprint, n.resources, o.username AS owner_name, c.logo_uri, c.tos_uri,
    c.policy_uri, (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri) AS logo
  FROM (SELECT 1) LEFT JOIN consent n ON n.user_id = ?1 AND n.client_id = ?2
    LEFT JOIN client c ON c.client_id = ?2 LEFT JOIN user o ON o.user_id = c.owner_id`

export const readUserRow = (row: UserRow): RegisteredUser => ({
  userId: row.user_id,
  username: row.username,
  email: row.email,
  disabledAt: row.disabled_at,
  scopes: JSON.parse(row.scopes) as string[],
  endorsements: JSON.parse(row.endorsements) as string[],
  readAtMs: row.read_at_ms,
})

type ConsentRow = {
  scopes: string | null
  fingerprint: string | null
  resources: string | null
  owner_name: string | null
  /** Null if the client is not there any more. */
  logo_uri: string | null
  tos_uri: string | null
  policy_uri: string | null
  logo: string | null
}
const readShownDetails = (row: ConsentRow | undefined): ShownDetails => ({
  ownerName: row?.owner_name ?? null,
  logoUri: row?.logo_uri ?? '',
  tosUri: row?.tos_uri ?? '',
  policyUri: row?.policy_uri ?? '',
  logo: row?.logo ?? null,
})
const readConsentRow = ({ scopes, fingerprint, resources }: ConsentRow): Consent | null =>
  scopes === null || fingerprint === null || resources === null
    ? null
    : { scopes, fingerprint, resources }

export type Standing = Readonly<{
  /** The registered user; null if there is none. */
  user: RegisteredUser | null
  /** The user's latest consent to the client; null if there is none. */
  consent: Consent | null
  /** What pages show of the client. */
  details: ShownDetails
  catalogue: Catalogue
}>

export type UserStore = ReturnType<typeof userStore>

export const userStore = (db: Database) => ({
  /** By name in any case and Unicode form. Null if unknown. */
  async findByUsername(username: string) {
    const row = await db
      .prepare(FIND_USER_BY_NAME)
      .bind(username, usernameKey(username))
      .first<UserRow & { password_hash: string }>()
    return row && { user: readUserRow(row), passwordHash: row.password_hash }
  },
  /**
   * One read of the primary: never stale. The catalogue has the declarations that a page may need: those of `asked`, and those of
   * narrower scopes and endorsements that the user holds.
   */
  async standing(userId: string, clientId: ClientId, asked: Permissions): Promise<Standing> {
    const [users, consents, ...declared] = await db.batch([
      db.prepare(FIND_USER).bind(userId),
      db.prepare(FIND_CONSENT).bind(userId, clientId),
      ...catalogueOf(db, userId, asked),
    ])
    return {
      user: firstIn(users, readUserRow),
      consent: firstIn(consents, readConsentRow),
      details: readShownDetails(rowsIn<ConsentRow>(consents)[0]),
      catalogue: readCatalogue(declared),
    }
  },
})
