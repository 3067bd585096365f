/**
 * Statements for the requested and authorized permissions of a client, in three tables of one shape. `?1` is the client,
 * `?2` a JSON list of values (one parameter for any number of values), `?3` the moment in epoch seconds.
 */

import type { PermissionLists } from '../domain/client.ts'
import { DROP_COVERED_CLIENT_ENDORSEMENTS } from './covering-sql.ts'
import type { Database } from './database.ts'

const PERMISSION_KINDS = ['scopes', 'grantTypes', 'endorsements'] as const
type PermissionKind = (typeof PERMISSION_KINDS)[number]

/** Table and column come from the constants below, never from input. */
const authorizing = (table: string, column: string) =>
  `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at)
    SELECT c.client_id, j.value, ?3, ?3 FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO UPDATE SET authorized_at = coalesce(authorized_at, excluded.authorized_at)`
/** `mark`: for a new row. `marked`: for a row that is there. */
const authorizingScopes = (mark: 0 | 1, marked: string) =>
  `INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at, self_registered)
    SELECT c.client_id, j.value, ?3, ?3, ${mark} FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO UPDATE SET authorized_at = coalesce(authorized_at, excluded.authorized_at), self_registered = ${marked}`

const statementsFor = (table: string, column: string) => ({
  authorize: authorizing(table, column),
  allow: authorizing(table, column),
  request: `INSERT INTO ${table} (client_id, ${column}, requested_at)
    SELECT c.client_id, j.value, ?3 FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO NOTHING`,
  withdraw: `DELETE FROM ${table}
    WHERE client_id = ?1 AND ${column} IN (SELECT value FROM json_each(?2))`,
  keepAuthorized: `DELETE FROM ${table} WHERE client_id = ?1 AND authorized_at IS NOT NULL
    AND ${column} NOT IN (SELECT value FROM json_each(?2))`,
  keepRequested: `DELETE FROM ${table} WHERE client_id = ?1 AND authorized_at IS NULL
    AND ${column} NOT IN (SELECT value FROM json_each(?2))`,
})
type Statement = keyof ReturnType<typeof statementsFor>

export const PERMISSION_SQL = {
  scopes: {
    ...statementsFor('client_authorization', 'scope'),
    authorize: authorizingScopes(0, '0'),
    // What an operator has authorized stays so.
    allow: authorizingScopes(1, 'iif(authorized_at IS NULL, 1, self_registered)'),
  },
  grantTypes: statementsFor('client_grant_type', 'grant_type'),
  endorsements: statementsFor('client_endorsement', 'category'),
} satisfies Record<PermissionKind, Record<Statement, string>>

const NEEDS_NO_DATE: readonly Statement[] = ['withdraw', 'keepAuthorized', 'keepRequested']

/** These statements, in this order, for every given list. Removes endorsements that another one covers. */
export const permissionStatements = (
  db: Database,
  statements: readonly Statement[],
  { clientId, lists, now }: Readonly<{ clientId: string; lists: PermissionLists; now: number }>,
) =>
  PERMISSION_KINDS.flatMap((kind) => {
    const list = lists[kind]
    if (!list) return []
    const values = JSON.stringify(list)
    const changes = statements.map((statement) => {
      const prepared = db.prepare(PERMISSION_SQL[kind][statement])
      return NEEDS_NO_DATE.includes(statement)
        ? prepared.bind(clientId, values)
        : prepared.bind(clientId, values, now)
    })
    return kind === 'endorsements'
      ? [...changes, db.prepare(DROP_COVERED_CLIENT_ENDORSEMENTS).bind(clientId)]
      : changes
  })
