/** A client as its administrator sees it: without the digests of its secrets. */

import { type ClientRecord, NO_DETAILS } from '../domain/client.ts'
import { APPROVAL_COLUMN } from './client-approval.ts'
import { CLIENT_COLUMNS, CLIENT_ROW } from './clients.ts'
import { selected } from './columns.ts'
import { isUndeclaredSql } from './covering-sql.ts'
import { firstIn, rowReader } from './database.ts'
import { IS_NOT_DELETED } from './deletions.ts'
import { OFFERS_COLUMN } from './owner-statements.ts'
import { PERMISSION_TABLES } from './permission-rows.ts'
import { WAITING_CLIENTS } from './waiting-clients.ts'

/** The columns have the names of `ClientRecord`. `resources` is empty, because no request names a resource here. */
export const RECORD_COLUMNS = `${CLIENT_COLUMNS}, '[]' AS resources, c.created_at AS createdAt, c.updated_at AS updatedAt, c.version,
  c.disabled_by_owner AS isDisabledByOwner, ${selected(Object.keys(NO_DETAILS), 'c.')},
  EXISTS (SELECT 1 FROM client_registration g WHERE g.client_id = c.client_id AND g.token_digest IS NOT NULL) AS hasRegistrationToken,
  (SELECT json_group_array(user_id) FROM (SELECT user_id FROM client_owner o
    WHERE o.client_id = c.client_id ORDER BY added_at, user_id)) AS furtherOwners,
  ${OFFERS_COLUMN},
  (SELECT json_group_array(user_id) FROM client_former_owner o WHERE o.client_id = c.client_id) AS formerOwners,
  (SELECT json_group_array(json_object('kind', kind, 'value', value, 'requestedAt', requested_at,
      'authorizedAt', authorized_at, 'decision', decision, 'decidedAt', decided_at, 'reason', reason))
    FROM client_decision d WHERE d.client_id = c.client_id) AS decisions,
  ${APPROVAL_COLUMN},
  (SELECT json_object('requestedAt', requested_at, 'listedAt', listed_at, 'declinedAt', declined_at, 'reason', reason)
    FROM listing l WHERE l.client_id = c.client_id) AS listing,
  (SELECT json_group_array(h.scope) FROM client_authorization h
    WHERE h.client_id = c.client_id AND ${isUndeclaredSql('h.scope')}) AS undeclaredScopes,
  (SELECT json_group_array(json_object('kind', kind, 'value', value, 'requestedAt', requested_at,
      'authorizedAt', authorized_at)) FROM (${PERMISSION_TABLES.map(
        ({
          kind,
          table,
          column,
        }) => `SELECT '${kind}' AS kind, ${column} AS value, requested_at, authorized_at
      FROM ${table} WHERE client_id = c.client_id`,
      ).join(' UNION ALL ')})) AS permissions`

/** This statement and the lists below leave out a deleted client whose rows are not all removed yet. */
export const FIND_CLIENT_RECORD = `SELECT ${RECORD_COLUMNS} FROM client c WHERE c.client_id = ?1 AND ${IS_NOT_DELETED}`
export const PAGE_OF_CLIENTS = `SELECT ${RECORD_COLUMNS} FROM client c WHERE c.client_id > ?1 AND ${IS_NOT_DELETED}
  ORDER BY c.client_id LIMIT ?2`

/** `?1` is a JSON list of ids. The records have the order of the list. */
export const CLIENTS_BY_ID = `SELECT ${RECORD_COLUMNS} FROM json_each(?1) j CROSS JOIN client c ON c.client_id = j.value
  WHERE ${IS_NOT_DELETED} ORDER BY j.key`
const HAS_REQUESTS = PERMISSION_TABLES.map(
  ({ table }) =>
    `EXISTS (SELECT 1 FROM ${table} q WHERE q.client_id = c.client_id AND q.authorized_at IS NULL)`,
).join(' OR ')
const KIND = `coalesce((SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id), 'operator') AS kind`
const LISTING = `(SELECT CASE WHEN l.declined_at IS NOT NULL THEN 'declined' WHEN l.listed_at IS NOT NULL THEN 'listed'
    ELSE 'requested' END FROM listing l WHERE l.client_id = c.client_id) AS listing`
const NAMES = `SELECT c.client_id AS id, c.name, ${KIND}, ${LISTING},
    ${HAS_REQUESTS} AS hasRequests
  FROM client c WHERE ${IS_NOT_DELETED}`
export const NAMES_OF_CLIENTS = `${NAMES} AND c.client_id > ?1 ORDER BY c.client_id LIMIT ?2`
export const NAMES_OF_CLIENTS_OF_OWNER = `${NAMES} AND c.owner_id = ?3 AND c.client_id > ?1
  ORDER BY c.client_id LIMIT ?2`

/** Clients that wait for a decision. The client with the oldest request comes first. */
export const NAMES_OF_WAITING_CLIENTS = `SELECT c.client_id AS id, c.name, c.owner_id AS ownerId,
    slice.requested_at AS requestedAt, ${KIND}, ${LISTING}
  FROM (${WAITING_CLIENTS}) slice CROSS JOIN client c ON c.client_id = slice.client_id
  ORDER BY slice.requested_at, c.client_id`

export const readClientRecord = rowReader<ClientRecord>({
  ...CLIENT_ROW,
  contacts: 'json',
  hasRegistrationToken: 'flag',
  permissions: 'json',
  decisions: 'json',
  approval: 'json',
  furtherOwners: 'json',
  offers: 'json',
  formerOwners: 'json',
  isDisabledByOwner: 'flag',
  listing: 'json',
  undeclaredScopes: 'json',
})

/** Null if there is no such client. */
export const clientRecordIn = (result: D1Result | undefined) => firstIn(result, readClientRecord)
