/**
 * Revokes the sessions that depend on a permission that a client or a user loses. Put these statements BEFORE those that change
 * the rows, in the same batch: they compare the rows of that transaction with the rows that will be left. So an administrator
 * who removes what another has just added also revokes the sessions that depend on it. A permission that a wider one still
 * covers is not lost (`domain/scope.ts`, `domain/category.ts`).
 *
 * @example Withdraw scopes from a user:
 *   const narrowing = userNarrowing(db, userId, { how: 'withdraw', scopes }, longestSessionSeconds)
 *   const outcomes = await db.batch([...narrowing, ...statementsThatDeleteTheRows, auditRow])
 *   const ended = hasEnded(outcomes.slice(0, narrowing.length)) // true: update KV, with showInKv
 */

import type { ClientFields, ClientLists } from '../domain/client.ts'
import type { UserFields, UserLists } from '../domain/user.ts'
import { categoryCoversSql, scopeCoversSql } from './covering-sql.ts'
import { bound, type Database } from './database.ts'
import { endFamilies, keptFor, keptSeconds, revokeSql, voidCodes } from './revocation-statements.ts'

/** `replace`: only the given values stay. `withdraw`: the listed values are removed. An absent list does not change. */
type How = 'replace' | 'withdraw'
/** `jwks` null means no change. */
export type ClientNarrowing = Readonly<{ how: How }> &
  ClientLists &
  Partial<Pick<ClientFields, 'authMethod' | 'jwks'>>
export type UserNarrowing = Readonly<{ how: How }> & Partial<UserFields> & UserLists

/** SQL: does a remaining value (`n`) cover a value that is held (`h`)? */
type Covers = (held: string) => string
const isEqual: Covers = (held) => `n.value = ${held}`
const coversScope: Covers = (held) => scopeCoversSql('n.value', held)
const coversCategory: Covers = (held) => categoryCoversSql('n.value', held)

/** A list of a client or a user, in its table. `?2` is the change as JSON. */
type List = Readonly<{
  name: string
  /** `o` is the client or the user. */
  rows: string
  column: string
  covers: Covers
}>
const ofClient = (name: string, table: string, column: string, covers: Covers): List => ({
  name,
  rows: `${table} h WHERE h.client_id = o.client_id AND h.authorized_at IS NOT NULL`,
  column,
  covers,
})
const ofUser = (name: string, table: string, column: string, covers: Covers): List => ({
  name,
  rows: `${table} h WHERE h.user_id = o.user_id`,
  column,
  covers,
})

/** SQL: is there a value that is held now and that no remaining value covers? */
function lost({ name, rows, column, covers }: List, how: How, among = ''): string {
  const listed = `json_each(?2, '$.${name}')`
  const left =
    how === 'replace'
      ? `SELECT value FROM ${listed}`
      : `SELECT h.${column} AS value FROM ${rows} AND h.${column} NOT IN (SELECT value FROM ${listed})`
  return `(json_type(?2, '$.${name}') = 'array' AND EXISTS (SELECT 1 FROM ${rows}${among}
    AND NOT EXISTS (SELECT 1 FROM (${left}) n WHERE ${covers(`h.${column}`)})))`
}

const CLIENT_SCOPES = ofClient('scopes', 'client_authorization', 'scope', coversScope)
const CLIENT_ENDORSEMENTS = ofClient(
  'endorsements',
  'client_endorsement',
  'category',
  coversCategory,
)
const CLIENT_GRANTS = ofClient('grantTypes', 'client_grant_type', 'grant_type', isEqual)
const REDIRECT_URIS: List = {
  name: 'redirectUris',
  rows: 'client_redirect_uri h WHERE h.client_id = o.client_id',
  column: 'redirect_uri',
  covers: isEqual,
}
const USER_SCOPES = ofUser('scopes', 'user_scope', 'scope', coversScope)
const USER_ENDORSEMENTS = ofUser('endorsements', 'user_endorsement', 'category', coversCategory)

const METHOD_AFTER = `coalesce(?2 ->> 'authMethod', o.auth_method)`
/** SQL: is a secret or a key no longer accepted? Keys are compared as text, so any change counts as another key. */
const LOST_CREDENTIAL = `(o.auth_method LIKE 'client_secret%' AND ${METHOD_AFTER} NOT LIKE 'client_secret%')
  OR (o.auth_method = 'private_key_jwt' AND EXISTS (SELECT 1 FROM json_each(o.jwks, '$.keys') k
    WHERE ${METHOD_AFTER} <> 'private_key_jwt' OR k.value NOT IN
      (SELECT value FROM json_each(coalesce(?2 ->> 'jwks', o.jwks), '$.keys'))))`

function clientSql(how: How) {
  /** SQL: does the client lose a grant type by which it redeems codes or refreshes? */
  const grantOfUser = lost(CLIENT_GRANTS, how, ` AND h.grant_type <> 'client_credentials'`)
  const uri = lost(REDIRECT_URIS, 'replace')
  const anything = [
    lost(CLIENT_SCOPES, how),
    lost(CLIENT_ENDORSEMENTS, how),
    lost(CLIENT_GRANTS, how),
    uri,
    LOST_CREDENTIAL,
  ].join('\n  OR ')
  const client = 'client o WHERE o.client_id = ?1'
  return {
    families: endFamilies(`client_id = ?1 AND EXISTS (SELECT 1 FROM ${client} AND ${grantOfUser})`),
    // A code may have been sent to a redirect URI that is no longer registered.
    codes: voidCodes(
      `client_id = ?1 AND EXISTS (SELECT 1 FROM ${client} AND (${grantOfUser} OR ${uri}))`,
    ),
    sessions: revokeIf('client_record', 'o.client_id', `${client} AND (${anything})`),
  }
}

/** Returns a row if something ends. `?3`: how long the revocation is kept, in seconds. */
const revokeIf = (kind: 'client_record' | 'user', subject: string, from: string) =>
  `${revokeSql(`'${kind}'`, subject, keptFor('?3'), from)} RETURNING subject`

/** Sessions state the username and the e-mail address. A change of upper or lower case alone is a change too. */
const RENAMED = `(?2 ->> 'username') <> o.username COLLATE BINARY OR (?2 ->> 'email') <> o.email`
const userSql = (how: How) =>
  revokeIf(
    'user',
    'o.user_id',
    `user o WHERE o.user_id = ?1 AND (${lost(USER_SCOPES, how)}
    OR ${lost(USER_ENDORSEMENTS, how)} OR ${RENAMED})`,
  )

export const NARROWING_SQL = {
  client: { replace: clientSql('replace'), withdraw: clientSql('withdraw') },
  user: { replace: userSql('replace'), withdraw: userSql('withdraw') },
} as const
/** Revokes a client's sessions if all of its secrets are replaced. */
export const REVOKE_OPENED_BY_SECRETS = revokeIf(
  'client_record',
  'o.client_id',
  `client o WHERE o.client_id = ?1 AND ?2 = ?2
  AND EXISTS (SELECT 1 FROM client_credential k WHERE k.client_id = o.client_id)`,
)

/**
 * Ends the client's sessions if it loses a permission, a secret or a key; a later refresh or redemption gives narrower tokens
 * and needs the new credential anyway. Also voids the client's codes if it loses a redirect URI, and ends its families if it
 * loses the grant type. `lifetimeSeconds`: the longest life of a session that is still opened on a kept copy of the record.
 */
export function clientNarrowing(
  db: Database,
  clientId: string,
  { how, ...change }: ClientNarrowing,
  lifetimeSeconds: number,
): D1PreparedStatement[] {
  const { families, codes, sessions } = NARROWING_SQL.client[how]
  const json = JSON.stringify(change)
  return [
    bound(db, families, clientId, json),
    bound(db, codes, clientId, json),
    bound(db, sessions, clientId, json, keptSeconds(lifetimeSeconds)),
  ]
}

export const secretNarrowing = (db: Database, clientId: string, lifetimeSeconds: number) => [
  bound(db, REVOKE_OPENED_BY_SECRETS, clientId, '', keptSeconds(lifetimeSeconds)),
]

/** Ends the user's sessions, browser sessions included. Families and codes stay: they give narrower tokens from now on. */
export const userNarrowing = (
  db: Database,
  userId: string,
  { how, ...change }: UserNarrowing,
  lifetimeSeconds: number,
): D1PreparedStatement[] => [
  bound(db, NARROWING_SQL.user[how], userId, JSON.stringify(change), keptSeconds(lifetimeSeconds)),
]

/** Reads the results of the statements above: does anything end, so that KV must be written? */
export const hasEnded = (outcomes: readonly D1Result[]) =>
  outcomes.some(({ results }) => results.length > 0)
