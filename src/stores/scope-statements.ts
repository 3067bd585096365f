/**
 * The statements that declare scopes and categories, and those that withdraw a scope from everyone. A list is one parameter
 * in JSON. `?1` of the statements about one scope is its name. Instants in epoch seconds.
 */

import { type Category, MAX_DECLARED } from '../domain/scope-catalogue.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { columnsOf, valuesIn } from './columns.ts'
import { scopeCoversSql } from './covering-sql.ts'
import { bound, D1_NOW_MS, type Database } from './database.ts'
import { declaredSql } from './declared.ts'
import { keptFor, revokeSql } from './revocation-statements.ts'

const MEMBERS = ['sentence', 'selfRegistered', 'sensitive']
const FIELDS = columnsOf(MEMBERS)
const COLUMNS = `name, ${FIELDS}, version, created_at, updated_at`
export const SCOPES = declaredSql('scope', 'name', MEMBERS)
export const SELF_REGISTRATION_OF_SCOPES = `SELECT name, self_registered FROM scope WHERE name > '' ORDER BY name LIMIT ${MAX_DECLARED}`

const GIVEN = `json_each(?1) g`
const GIVEN_FIELDS = valuesIn('g.value', MEMBERS)
/** The audit rows of an import. The statement comes before the import and returns the names. */
const recordImported = (event: string, which: string) =>
  `INSERT INTO audit (happened_at, actor, event, detail)
  SELECT CAST(?2 AS INTEGER), ?3, '${event}', json_object('name', g.value ->> 'name', 'sentence', g.value ->> 'sentence',
    'self_registered', json(iif(g.value ->> 'selfRegistered', 'true', 'false')),
    'sensitive', json(iif(g.value ->> 'sensitive', 'true', 'false')))
  FROM ${GIVEN} LEFT JOIN scope s ON s.name = g.value ->> 'name' WHERE ${which} RETURNING detail ->> 'name' AS name`
export const RECORD_NEW_SCOPES = recordImported('scope.create', 's.name IS NULL')
export const RECORD_CHANGED_SCOPES = recordImported(
  'scope.update',
  `s.name IS NOT NULL AND (s.sentence, s.self_registered, s.sensitive) IS NOT (${GIVEN_FIELDS})`,
)
/** A scope that is declared as given already does not change. */
export const IMPORT_SCOPES = `INSERT INTO scope (${COLUMNS})
  SELECT g.value ->> 'name', ${GIVEN_FIELDS}, ${D1_NOW_MS}, CAST(?2 AS INTEGER), CAST(?2 AS INTEGER) FROM ${GIVEN} WHERE true
  ON CONFLICT (name) DO UPDATE SET (${FIELDS}) = (excluded.sentence, excluded.self_registered, excluded.sensitive),
    updated_at = excluded.updated_at, version = ${NEXT_VERSION}
    WHERE (${FIELDS}) IS NOT (excluded.sentence, excluded.self_registered, excluded.sensitive)`

/** SQL: the scope covers `?1`, so `?1` has the form `domain:action`. */
const everyResourceCovers = (scope: string) => scopeCoversSql("(?1 || ':*')", scope)

/**
 * SQL: is the scope in this column the declared scope `?1`, or the same scope with a resource and without a declaration of
 * its own? The character after `:` is `;`. The range uses the index, and the rule decides.
 */
const isDeclaredAs = (scope: string) => `(${scope} = ?1 OR (${scope} BETWEEN ?1 || ':' AND ?1 || ';'
    AND ${everyResourceCovers('?1')} AND ${everyResourceCovers(scope)}
    AND NOT EXISTS (SELECT 1 FROM scope o WHERE o.name = ${scope})))`
const OF_CLIENT = `${isDeclaredAs('h.scope')} AND h.authorized_at IS NOT NULL`
const OF_USER = isDeclaredAs('h.scope')
const CLIENTS_HOLDING = `SELECT h.client_id FROM client_authorization h WHERE ${OF_CLIENT}`
const USERS_HOLDING = `SELECT h.user_id FROM user_scope h WHERE ${OF_USER}`
export const COUNT_HOLDERS = `SELECT
  (SELECT count(DISTINCT client_id) FROM (${CLIENTS_HOLDING})) AS clients,
  (SELECT count(DISTINCT user_id) FROM (${USERS_HOLDING})) AS users`
export const DELETE_SCOPE = 'DELETE FROM scope WHERE name = ?1'
/** Does nothing while a client or a user holds the scope. */
export const DELETE_UNHELD_SCOPE = `${DELETE_SCOPE} AND NOT EXISTS (${CLIENTS_HOLDING}) AND NOT EXISTS (${USERS_HOLDING})`

/** SQL: does the holder lose the scope, because no wider scope of the holder stays? */
const isLost = (rows: string, same: string) =>
  `NOT EXISTS (SELECT 1 FROM ${rows} n WHERE ${same} AND NOT ${isDeclaredAs('n.scope')} AND ${scopeCoversSql('n.scope', 'h.scope')})`
/** `?2`: how long the revocation is kept, in seconds. */
const revoke = (kind: string, id: string, holders: string) =>
  `${revokeSql(`DISTINCT '${kind}'`, id, keptFor('?2'), holders)} RETURNING subject`
/** `?2`: the moment; `?3`: who acts. Writes one row for each holder, with the scopes that are withdrawn. */
const record = (event: string, column: string, holders: string) =>
  `INSERT INTO audit (happened_at, actor, event, ${column}, detail)
  SELECT CAST(?2 AS INTEGER), ?3, '${event}', h.${column}, json_object('scopes', json_group_array(h.scope))
  FROM ${holders} GROUP BY h.${column}`
/** Scopes that are only requested are withdrawn too. */
const CLIENT_ROWS = `client_authorization h WHERE ${isDeclaredAs('h.scope')}`
const USER_ROWS = `user_scope h WHERE ${OF_USER}`

/** Must run before the rows are deleted. */
export const REVOKE_CLIENTS_HOLDING = revoke(
  'client_record',
  'h.client_id',
  `client_authorization h WHERE ${OF_CLIENT} AND ${isLost(
    'client_authorization',
    'n.client_id = h.client_id AND n.authorized_at IS NOT NULL',
  )}`,
)
export const REVOKE_USERS_HOLDING = revoke(
  'user',
  'h.user_id',
  `user_scope h WHERE ${OF_USER} AND ${isLost('user_scope', 'n.user_id = h.user_id')}`,
)
/** The decisions that the owners see. `?2`: the moment. */
export const DECIDE_FOR_CLIENTS_HOLDING = `INSERT INTO client_decision (client_id, kind, value, decision, requested_at,
    authorized_at, decided_at, reason)
  SELECT h.client_id, 'scope', h.scope, iif(h.authorized_at IS NULL, 'declined', 'withdrawn'), h.requested_at, h.authorized_at,
    CAST(?2 AS INTEGER), 'The scope no longer exists.' FROM ${CLIENT_ROWS}
  ON CONFLICT DO UPDATE SET decision = excluded.decision, requested_at = excluded.requested_at,
    authorized_at = excluded.authorized_at, decided_at = excluded.decided_at, reason = excluded.reason`
export const RECORD_CLIENTS_HOLDING = record('client.withdraw', 'client_id', CLIENT_ROWS)
export const RECORD_USERS_HOLDING = record('user.withdraw', 'user_id', USER_ROWS)
export const TOUCH_CLIENTS_HOLDING = `UPDATE client SET updated_at = CAST(?2 AS INTEGER), version = ${NEXT_VERSION}
  WHERE client_id IN (SELECT h.client_id FROM ${CLIENT_ROWS})`
export const TOUCH_USERS_HOLDING = `UPDATE user SET updated_at = CAST(?2 AS INTEGER), version = ${NEXT_VERSION}
  WHERE user_id IN (SELECT h.user_id FROM ${USER_ROWS})`
export const WITHDRAW_FROM_CLIENTS = `DELETE FROM client_authorization AS h WHERE ${isDeclaredAs('h.scope')}`
export const WITHDRAW_FROM_USERS = `DELETE FROM user_scope AS h WHERE ${OF_USER}`

export type CatalogueFile = Readonly<{
  scopes: readonly Readonly<{
    name: string
    sentence: string
    self_registered?: boolean
    sensitive?: boolean
  }>[]
  categories: readonly Category[]
}>

/** The statements for a batch without an audit row. `now` in epoch seconds. */
export const declareStatements = (
  db: Database,
  { scopes, categories }: CatalogueFile,
  now: number,
) => {
  const given = scopes.map(({ name, sentence, self_registered = false, sensitive = false }) => ({
    name,
    sentence,
    selfRegistered: self_registered,
    sensitive,
  }))
  return [
    bound(db, IMPORT_SCOPES, JSON.stringify(given), now),
    bound(db, IMPORT_CATEGORIES, JSON.stringify(categories)),
  ]
}

/** The whole list as one text, which is compared with the text that was read before. */
export const CATEGORIES_AS_TEXT = `SELECT coalesce(json_group_array(json_object('name', name, 'title', title)), '[]') AS text
  FROM (SELECT name, title FROM category WHERE name > '' ORDER BY name)`
export const PAGE_OF_CATEGORIES =
  'SELECT name, title FROM category WHERE name > ?1 ORDER BY name LIMIT ?2'
/** Fails the batch if the list is not `?1`. */
export const EXPECT_CATEGORIES = `INSERT INTO expected_version (kind, id, version)
  SELECT 'categories', '', 0 WHERE (${CATEGORIES_AS_TEXT}) <> ?1`
/** `?1` is the new list. Nothing is recorded if the list does not change. */
export const RECORD_CATEGORIES = `INSERT INTO audit (happened_at, actor, event, detail)
  SELECT CAST(?2 AS INTEGER), ?3, 'category.replace', json_object('added', added, 'changed', changed, 'removed', removed) FROM (SELECT
    (SELECT count(*) FROM ${GIVEN} WHERE NOT EXISTS (SELECT 1 FROM category WHERE name = g.value ->> 'name')) AS added,
    (SELECT count(*) FROM ${GIVEN} CROSS JOIN category c ON c.name = g.value ->> 'name' WHERE c.title <> g.value ->> 'title') AS changed,
    (SELECT count(*) FROM category WHERE name > '' AND name NOT IN (SELECT g.value ->> 'name' FROM ${GIVEN})) AS removed)
  WHERE added + changed + removed > 0 RETURNING detail`
export const REMOVE_CATEGORIES = `DELETE FROM category WHERE name > '' AND name NOT IN (SELECT g.value ->> 'name' FROM ${GIVEN})`
export const IMPORT_CATEGORIES = `INSERT INTO category (name, title) SELECT g.value ->> 'name', g.value ->> 'title' FROM ${GIVEN}
  WHERE true ON CONFLICT (name) DO UPDATE SET title = excluded.title WHERE title <> excluded.title`
