/** A client as its administrator sees it: without the digests of its secrets. */

import type {
  ClientDetails,
  ClientRecord,
  Decision,
  OwnershipOffer,
  Permission,
} from '../domain/client.ts'
import type { Listing, ListingState } from '../domain/directory.ts'
import { foldText } from '../domain/fold-text.ts'
import { APPROVAL_COLUMN, readApproval } from './client-approval.ts'
import { CLIENT_COLUMNS, readClientRow } from './clients.ts'
import { isUndeclaredSql } from './covering-sql.ts'
import type { Database } from './database.ts'
import { pageOfAll, pageOfMatching } from './matching-page.ts'
import { OFFERS_COLUMN } from './owner-statements.ts'
import type { ClientFilter, Page } from './registration-ports.ts'
import { FIRST_PLACE, placeOf, WAITING_CLIENTS } from './waiting-clients.ts'

type NamesRow = Pick<ClientRecordRow, 'client_id' | 'name'> & {
  kind: NonNullable<ClientFilter['kind']>
  has_requests: number
  listing: ListingState | null
}
type WaitingRow = Omit<NamesRow, 'has_requests'> & {
  owner_id: string
  requested_at: number
}
export type ClientRecordRow = Parameters<typeof readClientRow>[0] & {
  logo_uri: string
  tos_uri: string
  policy_uri: string
  contacts: string
  software_id: string
  software_version: string
  application_type: ClientDetails['applicationType']
  jwks_uri: string
  has_registration_token: number
  permissions: string
  decisions: string
  further_owners: string
  offers: string
  former_owners: string
  approval: string | null
  disabled_by_owner: number
  listing: string | null
  undeclared: string
  created_at: number
  updated_at: number
  version: number
}

export const RECORD_COLUMNS = `${CLIENT_COLUMNS}, c.created_at, c.updated_at, c.version, c.disabled_by_owner,
  c.logo_uri, c.tos_uri, c.policy_uri, c.contacts, c.software_id, c.software_version, c.application_type, c.jwks_uri,
  EXISTS (SELECT 1 FROM client_registration g WHERE g.client_id = c.client_id AND g.token_digest IS NOT NULL) AS has_registration_token,
  (SELECT json_group_array(user_id) FROM (SELECT user_id FROM client_owner o
    WHERE o.client_id = c.client_id ORDER BY added_at, user_id)) AS further_owners,
  ${OFFERS_COLUMN},
  (SELECT json_group_array(user_id) FROM client_former_owner o WHERE o.client_id = c.client_id) AS former_owners,
  (SELECT json_group_array(json_object('kind', kind, 'value', value, 'requestedAt', requested_at,
      'authorizedAt', authorized_at, 'decision', decision, 'decidedAt', decided_at, 'reason', reason))
    FROM client_decision d WHERE d.client_id = c.client_id) AS decisions,
  ${APPROVAL_COLUMN},
  (SELECT json_object('requestedAt', requested_at, 'listedAt', listed_at, 'declinedAt', declined_at, 'reason', reason)
    FROM listing l WHERE l.client_id = c.client_id) AS listing,
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
const isRequested = (table: string) =>
  `EXISTS (SELECT 1 FROM ${table} q WHERE q.client_id = c.client_id AND q.authorized_at IS NULL)`
const KIND = `coalesce((SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id), 'operator') AS kind`
const LISTING = `(SELECT CASE WHEN l.declined_at IS NOT NULL THEN 'declined' WHEN l.listed_at IS NOT NULL THEN 'listed'
    ELSE 'requested' END FROM listing l WHERE l.client_id = c.client_id) AS listing`
const NAMES = `SELECT c.client_id, c.name, ${KIND}, ${LISTING},
    ${['client_authorization', 'client_grant_type', 'client_endorsement'].map(isRequested).join(' OR ')} AS has_requests
  FROM client c`
export const NAMES_OF_CLIENTS = `${NAMES} WHERE c.client_id > ?1 ORDER BY c.client_id LIMIT ?2`
export const NAMES_OF_CLIENTS_OF_OWNER = `${NAMES} WHERE c.owner_id = ?3 AND c.client_id > ?1
  ORDER BY c.client_id LIMIT ?2`

/** Clients that wait for a decision, the one with the oldest request first. */
export const NAMES_OF_WAITING_CLIENTS = `SELECT c.client_id, c.name, c.owner_id, slice.requested_at, ${KIND}, ${LISTING}
  FROM (${WAITING_CLIENTS}) slice CROSS JOIN client c ON c.client_id = slice.client_id
  ORDER BY slice.requested_at, c.client_id`

export const readClientRecord = (row: ClientRecordRow): ClientRecord => ({
  ...readClientRow(row),
  logoUri: row.logo_uri,
  tosUri: row.tos_uri,
  policyUri: row.policy_uri,
  contacts: JSON.parse(row.contacts) as string[],
  softwareId: row.software_id,
  softwareVersion: row.software_version,
  applicationType: row.application_type,
  jwksUri: row.jwks_uri,
  hasRegistrationToken: row.has_registration_token === 1,
  permissions: JSON.parse(row.permissions) as Permission[],
  decisions: JSON.parse(row.decisions) as Decision[],
  approval: readApproval(row.approval),
  furtherOwners: JSON.parse(row.further_owners) as string[],
  offers: JSON.parse(row.offers) as OwnershipOffer[],
  formerOwners: JSON.parse(row.former_owners) as string[],
  isDisabledByOwner: row.disabled_by_owner === 1,
  listing: row.listing === null ? null : (JSON.parse(row.listing) as Listing),
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

/** At most `rows` clients after the id `after`, ordered by id; with `hasRequests` in the order of their oldest requests. */
export async function pageOfClientRecords(
  db: Database,
  after: string,
  rows: number,
  filter: ClientFilter = {},
): Promise<Page<ClientRecord>> {
  const { name, owner, kind, hasRequests, listing } = filter
  if (Object.keys(filter).length === 0) {
    const page = await db.prepare(PAGE_OF_CLIENTS).bind(after, rows).all<ClientRecordRow>()
    return pageOfAll(page.results.map(readClientRecord), rows, ({ clientId }) => clientId)
  }
  const part = foldText(name ?? '')
  const matching = {
    parameters: [],
    idOf: (row: { client_id: string }) => row.client_id,
    matches: (row: Pick<NamesRow, 'name' | 'kind' | 'listing'>) =>
      foldText(row.name).includes(part) &&
      (kind === undefined || row.kind === kind) &&
      (listing === undefined || row.listing === listing),
    records: CLIENTS_BY_ID,
    idOfRecord: (row: ClientRecordRow) => row.client_id as string,
    read: readClientRecord,
  }
  if (hasRequests) {
    const waiting = {
      ...matching,
      keys: NAMES_OF_WAITING_CLIENTS,
      cursorOf: (row: WaitingRow) => placeOf(row.requested_at, row.client_id),
      matches: (row: WaitingRow) =>
        matching.matches(row) && (owner === undefined || row.owner_id === owner),
    }
    return pageOfMatching(db, waiting, after === '' ? FIRST_PLACE : after, rows)
  }
  const named = {
    ...matching,
    keys: owner === undefined ? NAMES_OF_CLIENTS : NAMES_OF_CLIENTS_OF_OWNER,
    parameters: owner === undefined ? [] : [owner],
    matches: (row: NamesRow) =>
      matching.matches(row) && (hasRequests === undefined || row.has_requests === 0),
  }
  return pageOfMatching(db, named, after, rows)
}
