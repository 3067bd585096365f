/**
 * The statements that write the clients of another registry. Each statement writes the rows of one table for all clients:
 * `?1` is a JSON list of rows, because D1 allows 100 parameters a statement and a batch of few statements is fast. Instants
 * in epoch seconds.
 */

import type { ImportedClient } from '../domain/client.ts'
import { insertClients } from './client-statements.ts'
import { bound, type Database } from './database.ts'
import { PERMISSION_TABLES } from './permission-rows.ts'
import type { Authorship, Detail } from './registration-ports.ts'

const ROWS = 'FROM json_each(?1) r'

export const IMPORT_REDIRECT_URIS = `INSERT INTO client_redirect_uri (client_id, redirect_uri)
  SELECT r.value ->> 0, r.value ->> 1 ${ROWS}`
export const IMPORT_CREDENTIALS = `INSERT INTO client_credential (client_id, secret_digest, created_at, expires_at)
  SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3 ${ROWS}`
/** The operator `->` keeps the detail as JSON. */
export const RECORD_IMPORTS = `INSERT INTO audit (happened_at, actor, event, client_id, detail)
  SELECT ?2, ?3, 'client.import', r.value ->> 0, r.value -> 1 ${ROWS}`

/** Returns one statement for each table that gets rows. `clients` is not empty. */
export function importStatements(
  db: Database,
  clients: readonly (ImportedClient & Readonly<{ detail: Detail }>)[],
  { actor, now }: Authorship,
): D1PreparedStatement[] {
  type Row = readonly unknown[]
  const rowsOf = (make: (client: ImportedClient) => readonly Row[]) =>
    clients.flatMap((client) => make(client).map((row) => [client.clientId, ...row]))
  const insert = (sql: string, rows: readonly Row[], ...more: unknown[]) =>
    rows.length === 0 ? [] : [bound(db, sql, JSON.stringify(rows), ...more)]
  const permissions = PERMISSION_TABLES.flatMap(({ kind, table, column }) => {
    const rows = rowsOf((client) =>
      client.permissions
        .filter((one) => one.kind === kind)
        .map(({ value, requestedAt, authorizedAt }) => [value, requestedAt, authorizedAt]),
    )
    const sql = `INSERT INTO ${table} (client_id, ${column}, requested_at, authorized_at)
      SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3 ${ROWS}`
    return insert(sql, rows)
  })
  const credentials = rowsOf((client) =>
    client.credentials.map((one) => [one.secretDigest, one.createdAt, one.expiresAt]),
  )
  const redirectUris = rowsOf((client) => client.redirectUris.map((uri) => [uri]))
  const details = clients.map(({ clientId, detail }) => [clientId, detail])
  return [
    insertClients(db, clients, now),
    // The audit row comes before the permissions, so that the webhook does not report what an import requests.
    ...insert(RECORD_IMPORTS, details, now, actor),
    ...insert(IMPORT_REDIRECT_URIS, redirectUris),
    ...insert(IMPORT_CREDENTIALS, credentials),
    ...permissions,
  ]
}
