/**
 * The statements that write a client, for the batch of a change (`client-registry.ts`) or of an import. Each list begins
 * with the statement that decides whether anything happens. Instants in epoch seconds.
 */

import { type ClientDetails, NO_DETAILS } from '../domain/client.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW, D1_NOW_MS, type Database } from './database.ts'
import { rememberExternalUser } from './external-users.ts'
import { listingStatements } from './listing-statements.ts'
import { allowedClients, furtherOwners, ownerStatements } from './owner-statements.ts'
import { permissionStatements } from './permission-rows.ts'
import type { ClientChange, NewClient } from './registration-ports.ts'

/** What a client says of itself: `ClientDetails`. */
export const DETAIL_COLUMNS =
  'logo_uri, tos_uri, policy_uri, contacts, software_id, software_version, application_type, jwks_uri'
/** SQL: their values in a JSON object. */
export const detailsIn = (
  json: string,
) => `${json} ->> 'logoUri', ${json} ->> 'tosUri', ${json} ->> 'policyUri',
    ${json} -> 'contacts', ${json} ->> 'softwareId', ${json} ->> 'softwareVersion', ${json} ->> 'applicationType',
    ${json} ->> 'jwksUri'`

export const INSERT_CLIENT = `INSERT INTO client (client_id, name, owner_id, url, description, auth_method,
    jwks, access_token_lifetime_seconds, require_pkce, require_dpop, may_introspect, created_at, updated_at, version,
    ${DETAIL_COLUMNS})
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ${D1_NOW_MS}, ${detailsIn('?13')})`
/** `?2` is a JSON object of the fields to change. Null is a value for the lifetime only. */
export const UPDATE_CLIENT = `UPDATE client SET
    name = coalesce(?2 ->> 'name', name),
    owner_id = coalesce(?2 ->> 'ownerId', owner_id),
    url = coalesce(?2 ->> 'url', url),
    description = coalesce(?2 ->> 'description', description),
    auth_method = coalesce(?2 ->> 'authMethod', auth_method),
    jwks = CASE coalesce(?2 ->> 'authMethod', auth_method)
      WHEN 'private_key_jwt' THEN coalesce(?2 ->> 'jwks',
        iif(coalesce(?2 ->> 'jwksUri', jwks_uri) IN ('', jwks_uri), jwks, NULL)) END,
    jwks_uri = CASE coalesce(?2 ->> 'authMethod', auth_method)
      WHEN 'private_key_jwt' THEN coalesce(?2 ->> 'jwksUri', jwks_uri) ELSE '' END,
    logo_uri = coalesce(?2 ->> 'logoUri', logo_uri),
    tos_uri = coalesce(?2 ->> 'tosUri', tos_uri),
    policy_uri = coalesce(?2 ->> 'policyUri', policy_uri),
    contacts = coalesce(?2 -> 'contacts', contacts),
    software_id = coalesce(?2 ->> 'softwareId', software_id),
    software_version = coalesce(?2 ->> 'softwareVersion', software_version),
    application_type = coalesce(?2 ->> 'applicationType', application_type),
    require_pkce = coalesce(?2 ->> 'requirePkce', require_pkce),
    require_dpop = coalesce(?2 ->> 'requireDpop', require_dpop),
    may_introspect = coalesce(?2 ->> 'mayIntrospect', may_introspect),
    access_token_lifetime_seconds = CASE WHEN json_type(?2, '$.accessTokenLifetimeSeconds') IS NULL
      THEN access_token_lifetime_seconds ELSE ?2 ->> 'accessTokenLifetimeSeconds' END,
    updated_at = ?3, version = ${NEXT_VERSION}
  WHERE client_id = ?1`
export const TOUCH_CLIENT = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION} WHERE client_id = ?1`
export const TOUCH_CONFIDENTIAL_CLIENT = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
/** Changes nothing for a client without the token. */
export const TOUCH_CLIENT_WITH_TOKEN = `UPDATE client SET updated_at = ?2, version = ${NEXT_VERSION} WHERE client_id =
  (SELECT client_id FROM client_registration WHERE client_id = ?1 AND token_digest IS NOT NULL)`
export const REVOKE_REGISTRATION_TOKEN = `UPDATE client_registration
  SET token_digest = NULL, token_salt = NULL, previous_digest = NULL WHERE client_id = ?1`
/** A changed client differs from its request, so the same request registers another client. */
export const FORGET_REQUEST = `UPDATE client_registration SET request_digest = NULL
  WHERE client_id = ?1 AND request_digest IS NOT NULL`
export const ADD_REDIRECT_URIS = `INSERT INTO client_redirect_uri (client_id, redirect_uri)
  SELECT c.client_id, j.value FROM client c, json_each(?2) j WHERE c.client_id = ?1 ON CONFLICT DO NOTHING`
/** Fails if there is no such resource: the client would get tokens that are bound to none. */
export const ADD_DEFAULT_RESOURCES = `INSERT INTO client_default_resource (client_id, uri)
  SELECT c.client_id, j.value FROM client c, json_each(?2) j WHERE c.client_id = ?1 ON CONFLICT DO NOTHING`
export const KEEP_DEFAULT_RESOURCES = `DELETE FROM client_default_resource
  WHERE client_id = ?1 AND uri NOT IN (SELECT value FROM json_each(?2))`
export const KEEP_REDIRECT_URIS = `DELETE FROM client_redirect_uri
  WHERE client_id = ?1 AND redirect_uri NOT IN (SELECT value FROM json_each(?2))`
export const ADD_SELF_REGISTERED = `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, ?2, ?3)`
/** Does nothing for a client that keeps no secret. */
export const ADD_CREDENTIAL = `INSERT INTO client_credential (client_id, secret_digest, created_at)
  SELECT client_id, ?2, ?3 FROM client WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
export const DROP_NEEDLESS_CREDENTIALS = `DELETE FROM client_credential WHERE client_id =
  (SELECT client_id FROM client WHERE client_id = ?1 AND auth_method NOT LIKE 'client_secret%')`
export const DROP_EXPIRED_CREDENTIALS = `DELETE FROM client_credential WHERE client_id = ?1 AND expires_at <= ${D1_NOW}`
/** `?2` is the overlap in seconds. For 0 the secret expires so far in the past that it has expired by every worker's clock. */
const OVERLAP_ENDS = `${D1_NOW} + iif(CAST(?2 AS INTEGER) = 0, -${CLOCKS_DIFFER_SECONDS}, CAST(?2 AS INTEGER))`
export const EXPIRE_CREDENTIALS = `UPDATE client_credential SET expires_at = ${OVERLAP_ENDS}
  WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ${OVERLAP_ENDS})`
/** A second call keeps the first `disabled_at`. `?3` is 1 for an owner, who does not change what an administrator did. */
export const DISABLE_CLIENT = `UPDATE client SET disabled_by_owner = iif(disabled_at IS NOT NULL AND ?3, disabled_by_owner, ?3),
    disabled_at = coalesce(disabled_at, ?2), updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1`
export const ENABLE_CLIENT = `UPDATE client SET disabled_at = NULL, disabled_by_owner = 0, updated_at = ?2, version = ${NEXT_VERSION}
  WHERE client_id = ?1 AND disabled_at IS NOT NULL`
/** A client that was disabled because it was unused gets the same time again. */
export const RENEW_UNUSED_CLIENT = `UPDATE self_registered_client SET unused_at = NULL, used_at = ${D1_NOW} / 86400 * 86400
  WHERE client_id = ?1 AND unused_at IS NOT NULL`
/** ON DELETE CASCADE removes its rows in the other tables. */
export const DELETE_CLIENT = `DELETE FROM client WHERE client_id = ?1`

type Statements = [change: D1PreparedStatement, ...more: D1PreparedStatement[]]

/** For `detailsIn`. */
export const detailsJson = (fields: ClientDetails) =>
  JSON.stringify(
    Object.fromEntries(
      Object.keys(NO_DETAILS).map((name) => [name, fields[name as keyof ClientDetails]]),
    ),
  )

/** Fails if a client has the id. */
export function insertClient(db: Database, client: NewClient, now: number): Statements {
  const { clientId, fields, lists, mode, ownedAtMost = null, ownerName, secretDigest } = client
  const { selfRegistered } = client
  const { name, ownerId, url, description, authMethod, jwks } = fields
  const texts = [name, ownerId, url, description, authMethod, jwks]
  const flags = [fields.requirePkce, fields.requireDpop, fields.mayIntrospect].map(Number)
  const redirectUris = JSON.stringify(lists.redirectUris ?? [])
  const resources = JSON.stringify(lists.defaultResources ?? [])
  return [
    db
      .prepare(INSERT_CLIENT)
      .bind(
        clientId,
        ...texts,
        fields.accessTokenLifetimeSeconds,
        ...flags,
        now,
        detailsJson(fields),
      ),
    db.prepare(ADD_REDIRECT_URIS).bind(clientId, redirectUris),
    db.prepare(ADD_DEFAULT_RESOURCES).bind(clientId, resources),
    ...furtherOwners(db, clientId, lists, now),
    ...permissionStatements(db, [mode], { clientId, lists, now }),
    ...(secretDigest ? [db.prepare(ADD_CREDENTIAL).bind(clientId, secretDigest, now)] : []),
    ...(selfRegistered
      ? [
          db.prepare(ADD_SELF_REGISTERED).bind(clientId, selfRegistered.kind, now),
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

/** A client that no longer authenticates with a secret loses its secrets. */
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
      : statements.map((sql) => db.prepare(sql).bind(clientId, JSON.stringify(list)))
  return [
    db.prepare(UPDATE_CLIENT).bind(clientId, JSON.stringify(fields), now),
    db.prepare(DROP_NEEDLESS_CREDENTIALS).bind(clientId),
    db.prepare(FORGET_REQUEST).bind(clientId),
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

export function changeClient(
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
        db.prepare(TOUCH_CLIENT).bind(clientId, now),
        ...permissionStatements(db, ['authorize'], { clientId, lists: change.lists, now }),
      ]
    case 'request': {
      const { lists, allowed } = change
      return [
        db.prepare(TOUCH_CLIENT).bind(clientId, now),
        ...permissionStatements(db, ['allow'], { clientId, lists: { scopes: allowed }, now }),
        ...permissionStatements(db, ['request'], { clientId, lists, now }),
      ]
    }
    // Also takes permissions that were only requested.
    case 'withdraw': {
      const { lists, reason = '', byOwner = false } = change
      const given = { clientId, lists, now, decision: { reason, byOwner } }
      return [
        db.prepare(TOUCH_CLIENT).bind(clientId, now),
        ...permissionStatements(db, ['decideOn', 'withdraw'], given),
      ]
    }
    case 'rotate_secret':
      return [
        db.prepare(TOUCH_CONFIDENTIAL_CLIENT).bind(clientId, now),
        db.prepare(DROP_EXPIRED_CREDENTIALS).bind(clientId),
        db.prepare(EXPIRE_CREDENTIALS).bind(clientId, change.overlapSeconds),
        db.prepare(ADD_CREDENTIAL).bind(clientId, change.secretDigest, now),
      ]
    case 'offer_ownership':
    case 'take_back_offer':
    case 'accept_offer':
    case 'decline_offer':
    case 'remove_owner':
      return [
        db.prepare(TOUCH_CLIENT).bind(clientId, now),
        ...ownerStatements(db, clientId, change, now),
      ]
    case 'leave':
      return [
        db.prepare(UPDATE_CLIENT).bind(clientId, JSON.stringify({ ownerId: change.next }), now),
        ...ownerStatements(db, clientId, change, now),
      ]
    case 'request_listing':
    case 'take_back_listing':
    case 'list':
    case 'decline_listing':
      return [
        db.prepare(TOUCH_CLIENT).bind(clientId, now),
        ...listingStatements(db, clientId, change, now),
      ]
    case 'revoke_registration_token':
      return [
        db.prepare(TOUCH_CLIENT_WITH_TOKEN).bind(clientId, now),
        db.prepare(REVOKE_REGISTRATION_TOKEN).bind(clientId),
      ]
    case 'disable':
      return [db.prepare(DISABLE_CLIENT).bind(clientId, now, Number(change.byOwner ?? false))]
    case 'enable':
      return [
        db.prepare(ENABLE_CLIENT).bind(clientId, now),
        db.prepare(RENEW_UNUSED_CLIENT).bind(clientId),
      ]
    case 'delete':
      return [db.prepare(DELETE_CLIENT).bind(clientId)]
  }
}
