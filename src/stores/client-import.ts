/**
 * The statements that write whole clients of another registry. Each writes the rows of one table for all clients: `?1` is
 * a JSON list of rows, since D1 takes 100 parameters a statement and few statements a batch are fast. Instants in epoch
 * seconds.
 */

import type { ImportedClient, Permission } from '../domain/client.ts'
import { DETAIL_COLUMNS, detailsIn, detailsJson } from './client-statements.ts'
import { D1_NOW_MS, type Database } from './database.ts'
import type { Authorship, Detail } from './registration-ports.ts'

const ROWS = 'FROM json_each(?1) r'

/** Fails if a client has one of the ids: the statements after it write to new clients only. */
export const IMPORT_CLIENTS = `INSERT INTO client (client_id, name, owner_id, url, description, auth_method, jwks,
    access_token_lifetime_seconds, require_pkce, require_dpop, may_introspect, created_at, disabled_at, updated_at, version,
    ${DETAIL_COLUMNS})
  SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4, r.value ->> 5, r.value ->> 6,
    r.value ->> 7, r.value ->> 8, r.value ->> 9, r.value ->> 10, r.value ->> 11, r.value ->> 12, ?2, ${D1_NOW_MS},
    ${detailsIn('(r.value ->> 13)')} ${ROWS}`
export const IMPORT_REDIRECT_URIS = `INSERT INTO client_redirect_uri (client_id, redirect_uri)
  SELECT r.value ->> 0, r.value ->> 1 ${ROWS}`
export const IMPORT_CREDENTIALS = `INSERT INTO client_credential (client_id, secret_digest, created_at, expires_at)
  SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3 ${ROWS}`
const importPermissions = (
  table: string,
  column: string,
) => `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at)
  SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3 ${ROWS}`
export const IMPORT_PERMISSIONS = {
  scope: importPermissions('client_authorization', 'scope'),
  grant_type: importPermissions('client_grant_type', 'grant_type'),
  endorsement: importPermissions('client_endorsement', 'category'),
} satisfies Record<Permission['kind'], string>
/** `->` keeps the detail as JSON. */
export const RECORD_IMPORTS = `INSERT INTO audit (happened_at, actor, event, client_id, detail)
  SELECT ?2, ?3, 'client.import', r.value ->> 0, r.value -> 1 ${ROWS}`

const clientRow = ({ clientId, fields, createdAt, disabledAt }: ImportedClient) => {
  const { name, ownerId, url, description, authMethod, jwks, accessTokenLifetimeSeconds } = fields
  const flags = [fields.requirePkce, fields.requireDpop, fields.mayIntrospect].map(Number)
  const texts = [clientId, name, ownerId, url, description, authMethod, jwks]
  return [
    ...texts,
    accessTokenLifetimeSeconds,
    ...flags,
    createdAt,
    disabledAt,
    detailsJson(fields),
  ]
}

/** One statement for each table that gets rows. */
export function importStatements(
  db: Database,
  clients: readonly (ImportedClient & Readonly<{ detail: Detail }>)[],
  { actor, now }: Authorship,
): D1PreparedStatement[] {
  type Row = readonly unknown[]
  const rowsOf = (make: (client: ImportedClient) => readonly Row[]) =>
    clients.flatMap((client) => make(client).map((row) => [client.clientId, ...row]))
  const insert = (sql: string, rows: readonly Row[], ...more: unknown[]) =>
    rows.length === 0 ? [] : [db.prepare(sql).bind(JSON.stringify(rows), ...more)]
  const permissions = Object.entries(IMPORT_PERMISSIONS).flatMap(([kind, sql]) => {
    const rows = rowsOf((client) =>
      client.permissions
        .filter((one) => one.kind === kind)
        .map(({ value, requestedAt, authorizedAt }) => [value, requestedAt, authorizedAt]),
    )
    return insert(sql, rows)
  })
  const credentials = rowsOf((client) =>
    client.credentials.map((one) => [one.secretDigest, one.createdAt, one.expiresAt]),
  )
  const redirectUris = rowsOf((client) => client.redirectUris.map((uri) => [uri]))
  const details = clients.map(({ clientId, detail }) => [clientId, detail])
  return [
    ...insert(IMPORT_CLIENTS, clients.map(clientRow), now),
    // Before the permissions: the webhook tells nothing of what an import requests.
    ...insert(RECORD_IMPORTS, details, now, actor),
    ...insert(IMPORT_REDIRECT_URIS, redirectUris),
    ...insert(IMPORT_CREDENTIALS, credentials),
    ...permissions,
  ]
}
