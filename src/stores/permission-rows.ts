/**
 * Statements for the requested and authorized permissions of a client, in three tables of one shape. `?1` is the client, `?2`
 * a JSON list of values (one parameter for any number of values), `?3` the moment in epoch seconds. A permission that is
 * withdrawn is stored as a decision, which the owners see.
 */

import type { Permission, PermissionLists } from '../domain/client.ts'
import { DROP_COVERED_CLIENT_ENDORSEMENTS } from './covering-sql.ts'
import { bound, boundToFirst, type Database } from './database.ts'

type Table = Readonly<{
  kind: Permission['kind']
  list: keyof PermissionLists
  table: string
  column: string
}>
const inTable = (
  kind: Table['kind'],
  list: Table['list'],
  table: string,
  column: string,
): Table => ({ kind, list, table, column })
const SCOPES = inTable('scope', 'scopes', 'client_authorization', 'scope')
const GRANT_TYPES = inTable('grant_type', 'grantTypes', 'client_grant_type', 'grant_type')
const ENDORSEMENTS = inTable('endorsement', 'endorsements', 'client_endorsement', 'category')
export const PERMISSION_TABLES = [SCOPES, GRANT_TYPES, ENDORSEMENTS]

const GIVEN = '(SELECT value FROM json_each(?2))'

/** An owner who takes back a request before a decision leaves no row: anybody could fill the table with such rows. */
const decide = ({ table, column, kind }: Table, which: string) =>
  `INSERT INTO client_decision (client_id, kind, value, decision, requested_at, authorized_at, decided_at, reason)
    SELECT h.client_id, '${kind}', h.${column},
      CASE WHEN ?5 THEN 'taken_back' WHEN h.authorized_at IS NULL THEN 'declined' ELSE 'withdrawn' END,
      h.requested_at, h.authorized_at, ?3, ?4 FROM ${table} h
    WHERE h.client_id = ?1 AND (h.authorized_at IS NOT NULL OR NOT ?5) AND h.${column} ${which}
    ON CONFLICT DO UPDATE SET decision = excluded.decision, requested_at = excluded.requested_at,
      authorized_at = excluded.authorized_at, decided_at = excluded.decided_at, reason = excluded.reason`

const authorizing = ({ table, column }: Table) =>
  `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at)
    SELECT c.client_id, j.value, ?3, ?3 FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO UPDATE SET authorized_at = coalesce(authorized_at, excluded.authorized_at)`
/** `mark`: the mark of a new row. `marked`: SQL for the mark of an existing row. */
const authorizingScopes = (mark: 0 | 1, marked: string) =>
  `INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at, self_registered)
    SELECT c.client_id, j.value, ?3, ?3, ${mark} FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO UPDATE SET authorized_at = coalesce(authorized_at, excluded.authorized_at), self_registered = ${marked}`

/** A withdrawal follows the statement that stores its decision: `?4` is the reason, `?5` is 1 for an owner. */
function statementsFor(of: Table) {
  const { table, column } = of
  return {
    authorize: authorizing(of),
    allow: authorizing(of),
    request: `INSERT INTO ${table} (client_id, ${column}, requested_at)
    SELECT c.client_id, j.value, ?3 FROM client c, json_each(?2) j WHERE c.client_id = ?1
    ON CONFLICT DO NOTHING`,
    withdraw: `DELETE FROM ${table} WHERE client_id = ?1 AND ${column} IN ${GIVEN}`,
    keepAuthorized: `DELETE FROM ${table} WHERE client_id = ?1 AND authorized_at IS NOT NULL AND ${column} NOT IN ${GIVEN}`,
    keepRequested: `DELETE FROM ${table} WHERE client_id = ?1 AND authorized_at IS NULL AND ${column} NOT IN ${GIVEN}`,
    decideOn: decide(of, `IN ${GIVEN}`),
    decideOnAuthorized: decide(of, `NOT IN ${GIVEN} AND h.authorized_at IS NOT NULL`),
    decideOnRequested: decide(of, `NOT IN ${GIVEN} AND h.authorized_at IS NULL`),
  }
}
type Statement = keyof ReturnType<typeof statementsFor>

const STATEMENTS: Readonly<Record<keyof PermissionLists, Record<Statement, string>>> = {
  scopes: {
    ...statementsFor(SCOPES),
    authorize: authorizingScopes(0, '0'),
    // A permission that an operator authorized stays authorized.
    allow: authorizingScopes(1, 'iif(authorized_at IS NULL, 1, self_registered)'),
  },
  grantTypes: statementsFor(GRANT_TYPES),
  endorsements: statementsFor(ENDORSEMENTS),
}

type Given = Readonly<{
  clientId: string
  lists: PermissionLists
  now: number
  /** The decision on the permissions that are withdrawn. */
  decision?: Readonly<{ reason: string; byOwner: boolean }>
}>

/** Runs these statements, in this order, for every given list. Removes endorsements that another endorsement covers. */
export const permissionStatements = (
  db: Database,
  statements: readonly Statement[],
  { clientId, lists, now, decision = { reason: '', byOwner: false } }: Given,
) =>
  PERMISSION_TABLES.flatMap(({ list }) => {
    const given = lists[list]
    if (!given) return []
    const values = [clientId, JSON.stringify(given), now, decision.reason, Number(decision.byOwner)]
    const changes = statements.map((name) => boundToFirst(db, STATEMENTS[list][name], values))
    return list === 'endorsements'
      ? [...changes, bound(db, DROP_COVERED_CLIENT_ENDORSEMENTS, clientId)]
      : changes
  })
