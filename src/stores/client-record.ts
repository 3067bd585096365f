/** A client as its administrator sees it: without the digests of its secrets. */

import type { ClientRecord, Permission } from '../domain/client.ts'
import { foldText } from '../domain/fold-text.ts'
import { CLIENT_COLUMNS, readClientRow } from './clients.ts'
import { isUndeclaredSql } from './covering-sql.ts'
import type { Database } from './database.ts'
import { pageOfAll, pageOfMatching } from './matching-page.ts'
import type { ClientFilter, Page } from './registration-ports.ts'

type NamesRow = Pick<ClientRecordRow, 'client_id' | 'name'>
export type ClientRecordRow = Parameters<typeof readClientRow>[0] & {
  permissions: string
  undeclared: string
  created_at: number
  updated_at: number
  version: number
}

const RECORD_COLUMNS = `${CLIENT_COLUMNS}, c.created_at, c.updated_at, c.version,
  (SELECT json_group_array(h.scope) FROM client_authorization h
    WHERE h.client_id = c.client_id AND ${isUndeclaredSql('h.scope')}) AS undeclared,
  (SELECT json_group_array(json_object('kind', kind, 'value', value, 'requestedAt', requested_at,
      'authorizedAt', authorized_at)) FROM (
    SELECT 'scope' AS kind, scope AS value, requested_at, authorized_at
      FROM client_authorization WHERE client_id = c.client_id
    UNION ALL SELECT 'grant_type', grant_type, requested_at, authorized_at
      FROM client_grant_type WHERE client_id = c.client_id
    UNION ALL SELECT 'endorsement', category, requested_at, authorized_at
      FROM client_endorsement WHERE client_id = c.client_id)) AS permissions`

export const FIND_CLIENT_RECORD = `SELECT ${RECORD_COLUMNS} FROM client c WHERE c.client_id = ?1`
export const PAGE_OF_CLIENTS = `SELECT ${RECORD_COLUMNS} FROM client c WHERE c.client_id > ?1
  ORDER BY c.client_id LIMIT ?2`

export const CLIENTS_BY_ID = `SELECT ${RECORD_COLUMNS} FROM client c
  WHERE c.client_id IN (SELECT value FROM json_each(?1)) ORDER BY c.client_id`
export const NAMES_OF_CLIENTS = `SELECT client_id, name FROM client WHERE client_id > ?1
  ORDER BY client_id LIMIT ?2`
export const NAMES_OF_CLIENTS_OF_OWNER = `SELECT client_id, name FROM client
  WHERE owner_id = ?3 AND client_id > ?1 ORDER BY client_id LIMIT ?2`

export const readClientRecord = (row: ClientRecordRow): ClientRecord => ({
  ...readClientRow(row),
  permissions: JSON.parse(row.permissions) as Permission[],
  undeclaredScopes: JSON.parse(row.undeclared) as string[],
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  version: row.version,
})

/** Null if unknown. */
export async function findClientRecord(db: Database, clientId: string) {
  const row = await db.prepare(FIND_CLIENT_RECORD).bind(clientId).first<ClientRecordRow>()
  return row && readClientRecord(row)
}

/** Those that are there, ordered by id. */
export async function findClientRecords(db: Database, clientIds: readonly string[]) {
  const ids = JSON.stringify(clientIds)
  const found = await db.prepare(CLIENTS_BY_ID).bind(ids).all<ClientRecordRow>()
  return found.results.map(readClientRecord)
}

/** At most `rows` clients after the id `after`, ordered by id. */
export async function pageOfClientRecords(
  db: Database,
  after: string,
  rows: number,
  { name, owner }: ClientFilter = {},
): Promise<Page<ClientRecord>> {
  if (name === undefined && owner === undefined) {
    const page = await db.prepare(PAGE_OF_CLIENTS).bind(after, rows).all<ClientRecordRow>()
    return pageOfAll(page.results.map(readClientRecord), rows, ({ clientId }) => clientId)
  }
  const part = foldText(name ?? '')
  const matching = {
    keys: owner === undefined ? NAMES_OF_CLIENTS : NAMES_OF_CLIENTS_OF_OWNER,
    parameters: owner === undefined ? [] : [owner],
    idOf: (row: NamesRow) => row.client_id,
    matches: (row: NamesRow) => foldText(row.name).includes(part),
    records: CLIENTS_BY_ID,
    read: readClientRecord,
  }
  return pageOfMatching(db, matching, after, rows)
}
