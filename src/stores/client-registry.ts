/**
 * What an administrator does to clients in D1. Each act is one batch, all or nothing. `also` follows the statement that
 * changes the client: the audit's row, which is written only if that statement changed a row, then the revocations.
 * Instants in epoch seconds.
 */

import { randomId } from '../crypto/random.ts'
import type { Client } from '../domain/client.ts'
import type { ClientId, SecretDigest } from '../domain/ids.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { type ClientRecordRow, FIND_CLIENT_RECORD, readClientRecord } from './client-record.ts'
import { D1_NOW } from './d1-clock.ts'
import type { Database } from './database.ts'
import { type Around, hasEnded } from './narrowing.ts'
import { type PermissionLists, permissionStatements } from './permission-rows.ts'

export type ClientFields = Pick<
  Client,
  | 'name'
  | 'ownerId'
  | 'url'
  | 'description'
  | 'authMethod'
  | 'requirePkce'
  | 'requireDpop'
  | 'jwks'
  | 'mayIntrospect'
  | 'accessTokenLifetimeSeconds'
>
export type ClientLists = PermissionLists & Readonly<{ redirectUris?: readonly string[] }>
export type ClientChanges = Partial<ClientFields>

export const INSERT_CLIENT = `INSERT INTO client (client_id, name, owner_id, url, description, auth_method,
    jwks, access_token_lifetime_seconds, require_pkce, require_dpop, may_introspect, created_at, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)`
/** `?2` is a JSON object of the fields to change. Null is a value for the lifetime only. */
export const UPDATE_CLIENT = `UPDATE client SET
    name = coalesce(?2 ->> 'name', name),
    owner_id = coalesce(?2 ->> 'ownerId', owner_id),
    url = coalesce(?2 ->> 'url', url),
    description = coalesce(?2 ->> 'description', description),
    auth_method = coalesce(?2 ->> 'authMethod', auth_method),
    jwks = CASE coalesce(?2 ->> 'authMethod', auth_method)
      WHEN 'private_key_jwt' THEN coalesce(?2 ->> 'jwks', jwks) END,
    require_pkce = coalesce(?2 ->> 'requirePkce', require_pkce),
    require_dpop = coalesce(?2 ->> 'requireDpop', require_dpop),
    may_introspect = coalesce(?2 ->> 'mayIntrospect', may_introspect),
    access_token_lifetime_seconds = CASE WHEN json_type(?2, '$.accessTokenLifetimeSeconds') IS NULL
      THEN access_token_lifetime_seconds ELSE ?2 ->> 'accessTokenLifetimeSeconds' END,
    updated_at = ?3
  WHERE client_id = ?1`
export const TOUCH_CLIENT = `UPDATE client SET updated_at = ?2 WHERE client_id = ?1`
export const TOUCH_CONFIDENTIAL_CLIENT = `UPDATE client SET updated_at = ?2
  WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
export const ADD_REDIRECT_URIS = `INSERT INTO client_redirect_uri (client_id, redirect_uri)
  SELECT c.client_id, j.value FROM client c, json_each(?2) j WHERE c.client_id = ?1 ON CONFLICT DO NOTHING`
export const KEEP_REDIRECT_URIS = `DELETE FROM client_redirect_uri
  WHERE client_id = ?1 AND redirect_uri NOT IN (SELECT value FROM json_each(?2))`
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
/** A second call keeps the first `disabled_at`. */
export const DISABLE_CLIENT = `UPDATE client SET disabled_at = coalesce(disabled_at, ?2), updated_at = ?2
  WHERE client_id = ?1`
export const ENABLE_CLIENT = `UPDATE client SET disabled_at = NULL, updated_at = ?2
  WHERE client_id = ?1 AND disabled_at IS NOT NULL`
/** ON DELETE CASCADE removes its rows in the other tables. */
export const DELETE_CLIENT = `DELETE FROM client WHERE client_id = ?1`

const read = (result: D1Result | undefined) => {
  const row = result?.results[0] as ClientRecordRow | undefined
  return row ? readClientRecord(row) : null
}

/** In which mode the lists of a registration are written: as authorized or as merely requested. */
type Mode = 'authorize' | 'request'

/** The client as the batch left it, null if there is none; `hasEnded`: KV must be written. */
async function change(
  db: Database,
  clientId: string,
  statements: readonly D1PreparedStatement[],
  before: readonly D1PreparedStatement[] = [],
) {
  const find = db.prepare(FIND_CLIENT_RECORD).bind(clientId)
  const outcomes = await db.batch([...before, ...statements, find])
  return { client: read(outcomes.at(-1)), hasEnded: hasEnded(outcomes.slice(0, before.length)) }
}

const setState =
  (db: Database, sql: string) =>
  async (clientId: string, now: number, also: readonly D1PreparedStatement[] = []) =>
    (await change(db, clientId, [db.prepare(sql).bind(clientId, now), ...also])).client

const changePermissions =
  (db: Database, how: 'authorize' | 'withdraw') =>
  (clientId: string, lists: PermissionLists, now: number, { before, also = [] }: Around = {}) => {
    const statements = [
      db.prepare(TOUCH_CLIENT).bind(clientId, now),
      ...also,
      ...permissionStatements(db, [how], { clientId, lists, now }),
    ]
    return change(db, clientId, statements, before)
  }

export const clientRegistry = (db: Database) => ({
  /** Returns the new client's id. `secretDigest` is null for a client that keeps no secret. */
  async create(
    client: ClientFields & ClientLists,
    secretDigest: SecretDigest | null,
    {
      mode,
      now,
      also,
    }: Readonly<{
      mode: Mode
      now: number
      also?: (clientId: string) => readonly D1PreparedStatement[]
    }>,
  ): Promise<ClientId> {
    const clientId = randomId() as ClientId
    const { name, ownerId, url, description, authMethod, jwks } = client
    const lifetime = client.accessTokenLifetimeSeconds
    const fields = [name, ownerId, url, description, authMethod, jwks, lifetime]
    const flags = [client.requirePkce, client.requireDpop, client.mayIntrospect].map(Number)
    const redirectUris = JSON.stringify(client.redirectUris ?? [])
    await db.batch([
      db.prepare(INSERT_CLIENT).bind(clientId, ...fields, ...flags, now),
      ...(also?.(clientId) ?? []),
      db.prepare(ADD_REDIRECT_URIS).bind(clientId, redirectUris),
      ...permissionStatements(db, [mode], { clientId, lists: client, now }),
      ...(secretDigest ? [db.prepare(ADD_CREDENTIAL).bind(clientId, secretDigest, now)] : []),
    ])
    return clientId
  },

  /**
   * A given list replaces the old list of what is authorized or, in the mode `request`, of what is merely requested. A
   * client that no longer authenticates with a secret loses its secrets.
   */
  update(
    clientId: string,
    fields: ClientChanges,
    lists: ClientLists,
    { mode, now, before, also = [] }: Around & Readonly<{ mode: Mode; now: number }>,
  ) {
    const keep = mode === 'authorize' ? 'keepAuthorized' : 'keepRequested'
    const uris = lists.redirectUris && JSON.stringify(lists.redirectUris)
    const replaceUris = [KEEP_REDIRECT_URIS, ADD_REDIRECT_URIS].map((sql) => db.prepare(sql))
    const statements = [
      db.prepare(UPDATE_CLIENT).bind(clientId, JSON.stringify(fields), now),
      ...also,
      db.prepare(DROP_NEEDLESS_CREDENTIALS).bind(clientId),
      ...(uris === undefined ? [] : replaceUris.map((one) => one.bind(clientId, uris))),
      ...permissionStatements(db, [keep, mode], { clientId, lists, now }),
    ]
    return change(db, clientId, statements, before)
  },

  authorize: changePermissions(db, 'authorize'),
  /** Also what was merely requested. */
  withdraw: changePermissions(db, 'withdraw'),

  /** By D1's clock the old secrets stay good for `overlapSeconds` more. Does nothing to a client that keeps no secret. */
  rotateSecret(
    clientId: string,
    secretDigest: SecretDigest,
    overlapSeconds: number,
    { now, before, also = [] }: Around & Readonly<{ now: number }>,
  ) {
    const statements = [
      db.prepare(TOUCH_CONFIDENTIAL_CLIENT).bind(clientId, now),
      ...also,
      db.prepare(DROP_EXPIRED_CREDENTIALS).bind(clientId),
      db.prepare(EXPIRE_CREDENTIALS).bind(clientId, overlapSeconds),
      db.prepare(ADD_CREDENTIAL).bind(clientId, secretDigest, now),
    ]
    return change(db, clientId, statements, before)
  },

  disable: setState(db, DISABLE_CLIENT),
  enable: setState(db, ENABLE_CLIENT),

  /** Returns the client as it was. */
  async delete(clientId: string, also: readonly D1PreparedStatement[] = []) {
    const [found] = await db.batch([
      db.prepare(FIND_CLIENT_RECORD).bind(clientId),
      db.prepare(DELETE_CLIENT).bind(clientId),
      ...also,
    ])
    return read(found)
  },
})
