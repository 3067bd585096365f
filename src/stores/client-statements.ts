/**
 * The statements that write a client, for the batch of a change (`client-registry.ts`) or of an import. The first statement
 * of each list decides whether the change has an effect. Instants in epoch seconds.
 */

import type { ImportedClient } from '../domain/client.ts'
import { CLIENT_FIELD_NAMES } from '../domain/registration.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { changedBy, columnsOf, valuesIn } from './columns.ts'
import { bound, D1_NOW, D1_NOW_MS, type Database } from './database.ts'
import { DELETE_CLIENT } from './deletions.ts'
import { rememberExternalUser } from './external-users.ts'
import { listingStatements } from './listing-statements.ts'
import { allowedClients, furtherOwners, ownerStatements } from './owner-statements.ts'
import { permissionStatements } from './permission-rows.ts'
import type { ClientChange, NewClient } from './registration-ports.ts'

/** `?1` is a JSON list. Fails if a client has one of the ids, so that the statements after it write to new clients only. */
export const INSERT_CLIENTS = `INSERT INTO client (client_id, ${columnsOf(CLIENT_FIELD_NAMES)},
    created_at, disabled_at, updated_at, version)
  SELECT r.value ->> 'clientId', ${valuesIn('r.value', CLIENT_FIELD_NAMES, '$.fields')},
    r.value ->> 'createdAt', r.value ->> 'disabledAt', ?2, ${D1_NOW_MS} FROM json_each(?1) r`
const METHOD_AFTER = `coalesce(?2 ->> 'authMethod', auth_method)`
/** `?2` is a JSON object of the fields to change. Null is a value for the lifetime only. */
export const UPDATE_CLIENT = `UPDATE client SET ${changedBy(CLIENT_FIELD_NAMES, {
  jwks: `CASE ${METHOD_AFTER} WHEN 'private_key_jwt' THEN coalesce(?2 ->> 'jwks',
      iif(coalesce(?2 ->> 'jwksUri', jwks_uri) IN ('', jwks_uri), jwks, NULL)) END`,
  jwksUri: `CASE ${METHOD_AFTER} WHEN 'private_key_jwt' THEN coalesce(?2 ->> 'jwksUri', jwks_uri) ELSE '' END`,
  accessTokenLifetimeSeconds: `CASE WHEN json_type(?2, '$.accessTokenLifetimeSeconds') IS NULL
      THEN access_token_lifetime_seconds ELSE ?2 ->> 'accessTokenLifetimeSeconds' END`,
})}, updated_at = ?3, version = ${NEXT_VERSION}
  WHERE client_id = ?1`
export const TOUCH_CLIENT = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION} WHERE client_id = ?1`
export const TOUCH_CONFIDENTIAL_CLIENT = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
export const TOUCH_CLIENT_WITH_TOKEN = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION} WHERE client_id =
  (SELECT client_id FROM client_registration WHERE client_id = ?1 AND token_digest IS NOT NULL)`
export const REVOKE_REGISTRATION_TOKEN = `UPDATE client_registration
  SET token_digest = NULL, token_salt = NULL, previous_digest = NULL WHERE client_id = ?1`
/** A changed client differs from the request that registered it, so the same request must then register another client. */
export const FORGET_REQUEST = `UPDATE client_registration SET request_digest = NULL
  WHERE client_id = ?1 AND request_digest IS NOT NULL`
export const ADD_REDIRECT_URIS = `INSERT INTO client_redirect_uri (client_id, redirect_uri)
  SELECT c.client_id, j.value FROM client c, json_each(?2) j WHERE c.client_id = ?1 ON CONFLICT DO NOTHING`
/** Fails if there is no such resource: the client would get tokens that are bound to no resource. */
export const ADD_DEFAULT_RESOURCES = `INSERT INTO client_default_resource (client_id, uri)
  SELECT c.client_id, j.value FROM client c, json_each(?2) j WHERE c.client_id = ?1 ON CONFLICT DO NOTHING`
export const KEEP_DEFAULT_RESOURCES = `DELETE FROM client_default_resource
  WHERE client_id = ?1 AND uri NOT IN (SELECT value FROM json_each(?2))`
export const KEEP_REDIRECT_URIS = `DELETE FROM client_redirect_uri
  WHERE client_id = ?1 AND redirect_uri NOT IN (SELECT value FROM json_each(?2))`
export const ADD_SELF_REGISTERED = `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, ?2, ?3)`
export const ADD_CREDENTIAL = `INSERT INTO client_credential (client_id, secret_digest, created_at)
  SELECT client_id, ?2, ?3 FROM client WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
export const DROP_NEEDLESS_CREDENTIALS = `DELETE FROM client_credential WHERE client_id =
  (SELECT client_id FROM client WHERE client_id = ?1 AND auth_method NOT LIKE 'client_secret%')`
export const DROP_EXPIRED_CREDENTIALS = `DELETE FROM client_credential WHERE client_id = ?1 AND expires_at <= ${D1_NOW}`
/** `?2`: seconds of overlap. With 0 the expiry is so far in the past that the secret has expired by every worker's clock. */
const OVERLAP_ENDS = `${D1_NOW} + iif(CAST(?2 AS INTEGER) = 0, -${CLOCKS_DIFFER_SECONDS}, CAST(?2 AS INTEGER))`
export const EXPIRE_CREDENTIALS = `UPDATE client_credential SET expires_at = ${OVERLAP_ENDS}
  WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ${OVERLAP_ENDS})`
/** A second call does not change `disabled_at`. `?3` is 1 for an owner, who does not change what an administrator did. */
export const DISABLE_CLIENT = `UPDATE client SET disabled_by_owner = iif(disabled_at IS NOT NULL AND ?3, disabled_by_owner, ?3),
    disabled_at = coalesce(disabled_at, ?2), updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1`
export const ENABLE_CLIENT = `UPDATE client SET disabled_at = NULL, disabled_by_owner = 0, updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1 AND disabled_at IS NOT NULL`
/** Restarts the time after which an unused client is disabled. */
export const RENEW_UNUSED_CLIENT = `UPDATE self_registered_client SET unused_at = NULL, used_at = ${D1_NOW} / 86400 * 86400
  WHERE client_id = ?1 AND unused_at IS NOT NULL`

type Statements = [change: D1PreparedStatement, ...more: D1PreparedStatement[]]

/** `now`: the moment at which the clients count as changed. */
export function insertClients(
  db: Database,
  clients: readonly Pick<ImportedClient, 'clientId' | 'fields' | 'createdAt' | 'disabledAt'>[],
  now: number,
): D1PreparedStatement {
  const rows = clients.map(({ clientId, fields, createdAt, disabledAt }) => ({
    ...{ clientId, fields, createdAt, disabledAt },
  }))
  return bound(db, INSERT_CLIENTS, JSON.stringify(rows), now)
}

export function insertClient(db: Database, client: NewClient, now: number): Statements {
  const { clientId, fields, lists, mode, ownedAtMost = null, ownerName, secretDigest } = client
  const { selfRegistered } = client
  const { ownerId } = fields
  const redirectUris = JSON.stringify(lists.redirectUris ?? [])
  const resources = JSON.stringify(lists.defaultResources ?? [])
  return [
    insertClients(db, [{ clientId, fields, createdAt: now, disabledAt: null }], now),
    bound(db, ADD_REDIRECT_URIS, clientId, redirectUris),
    bound(db, ADD_DEFAULT_RESOURCES, clientId, resources),
    ...furtherOwners(db, clientId, lists, now),
    ...permissionStatements(db, [mode], { clientId, lists, now }),
    ...(secretDigest ? [bound(db, ADD_CREDENTIAL, clientId, secretDigest, now)] : []),
    ...(selfRegistered
      ? [
          bound(db, ADD_SELF_REGISTERED, clientId, selfRegistered.kind, now),
          ...permissionStatements(db, ['request'], {
            clientId,
            lists: selfRegistered.requested,
            now,
          }),
        ]
      : []),
    ...allowedClients(db, ownerId, ownedAtMost),
    ...(ownerName === undefined
      ? []
      : [rememberExternalUser(db, { userId: ownerId, username: ownerName }, now)]),
  ]
}

type Update = Extract<ClientChange, { kind: 'update' }>

function updateClient(db: Database, clientId: string, change: Update, now: number): Statements {
  const { fields, lists, mode, more, byOwner = false } = change
  const given = { clientId, lists, now, decision: { reason: '', byOwner } }
  const keep =
    mode === 'request'
      ? (['decideOnRequested', 'keepRequested'] as const)
      : (['decideOnAuthorized', 'keepAuthorized'] as const)
  const replaced = (list: readonly string[] | undefined, ...statements: readonly string[]) =>
    list === undefined
      ? []
      : statements.map((sql) => bound(db, sql, clientId, JSON.stringify(list)))
  return [
    bound(db, UPDATE_CLIENT, clientId, JSON.stringify(fields), now),
    bound(db, DROP_NEEDLESS_CREDENTIALS, clientId),
    bound(db, FORGET_REQUEST, clientId),
    ...replaced(lists.redirectUris, KEEP_REDIRECT_URIS, ADD_REDIRECT_URIS),
    ...replaced(lists.defaultResources, KEEP_DEFAULT_RESOURCES, ADD_DEFAULT_RESOURCES),
    ...furtherOwners(db, clientId, lists, now),
    ...permissionStatements(db, [...keep, mode], given),
    ...(more
      ? [
          ...permissionStatements(db, ['allow'], { clientId, lists: more.allowed, now }),
          ...permissionStatements(db, ['request'], { clientId, lists: more.requested, now }),
        ]
      : []),
  ]
}

export function clientChangeStatements(
  db: Database,
  clientId: string,
  change: ClientChange,
  now: number,
): Statements {
  switch (change.kind) {
    case 'update':
      return updateClient(db, clientId, change, now)
    case 'authorize':
      return [
        bound(db, TOUCH_CLIENT, clientId, now),
        ...permissionStatements(db, ['authorize'], { clientId, lists: change.lists, now }),
      ]
    case 'request': {
      const { lists, allowed } = change
      return [
        bound(db, TOUCH_CLIENT, clientId, now),
        ...permissionStatements(db, ['allow'], { clientId, lists: { scopes: allowed }, now }),
        ...permissionStatements(db, ['request'], { clientId, lists, now }),
      ]
    }
    // Also withdraws permissions that were only requested.
    case 'withdraw': {
      const { lists, reason = '', byOwner = false } = change
      const given = { clientId, lists, now, decision: { reason, byOwner } }
      return [
        bound(db, TOUCH_CLIENT, clientId, now),
        ...permissionStatements(db, ['decideOn', 'withdraw'], given),
      ]
    }
    case 'rotate_secret':
      return [
        bound(db, TOUCH_CONFIDENTIAL_CLIENT, clientId, now),
        bound(db, DROP_EXPIRED_CREDENTIALS, clientId),
        bound(db, EXPIRE_CREDENTIALS, clientId, change.overlapSeconds),
        bound(db, ADD_CREDENTIAL, clientId, change.secretDigest, now),
      ]
    case 'offer_ownership':
    case 'take_back_offer':
    case 'accept_offer':
    case 'decline_offer':
    case 'remove_owner':
      return [bound(db, TOUCH_CLIENT, clientId, now), ...ownerStatements(db, clientId, change, now)]
    case 'leave':
      return [
        bound(db, UPDATE_CLIENT, clientId, JSON.stringify({ ownerId: change.next }), now),
        ...ownerStatements(db, clientId, change, now),
      ]
    case 'request_listing':
    case 'take_back_listing':
    case 'list':
    case 'decline_listing':
      return [
        bound(db, TOUCH_CLIENT, clientId, now),
        ...listingStatements(db, clientId, change, now),
      ]
    case 'revoke_registration_token':
      return [
        bound(db, TOUCH_CLIENT_WITH_TOKEN, clientId, now),
        bound(db, REVOKE_REGISTRATION_TOKEN, clientId),
      ]
    case 'disable':
      return [bound(db, DISABLE_CLIENT, clientId, now, Number(change.byOwner ?? false))]
    case 'enable':
      return [bound(db, ENABLE_CLIENT, clientId, now), bound(db, RENEW_UNUSED_CLIENT, clientId)]
    // The first statement has an effect for every client, so the audit gets its row. ON DELETE CASCADE removes the rows in
    // other tables.
    case 'delete':
      return [bound(db, TOUCH_CLIENT, clientId, now), bound(db, DELETE_CLIENT, clientId)]
  }
}
