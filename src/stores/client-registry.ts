/**
 * The administrator's side of the clients on D1. Each verb is one batch, so it happens wholly or not at all;
 * `also` goes into the same batch, right after the statement that finds the client or does not: the audit's row, which
 * asks whether it did, then what the act revokes. Instants in epoch seconds.
 */

import { randomId } from '../crypto/random.ts'
import type { AuthMethod } from '../domain/client.ts'
import type { ClientId, SecretDigest } from '../domain/ids.ts'
import { CLOCKS_DIFFER_SECONDS } from '../domain/revocation.ts'
import { type ClientRecordRow, FIND_CLIENT_RECORD, readClientRecord } from './client-record.ts'
import { D1_NOW } from './d1-clock.ts'
import type { Database } from './database.ts'
import { hasEnded } from './narrowing.ts'
import { type PermissionLists, permissionStatements } from './permission-rows.ts'

export type ClientFields = Readonly<{
  name: string
  ownerId: string
  url: string
  description: string
  authMethod: AuthMethod
  requirePkce: boolean
  requireDpop: boolean
  jwks: string | null
  mayIntrospect: boolean
  accessTokenLifetimeSeconds: number | null
}>
export type ClientLists = PermissionLists & Readonly<{ redirectUris?: readonly string[] }>
export type ClientChanges = Readonly<{ [field in keyof ClientFields]?: ClientFields[field] }>

export const INSERT_CLIENT = `INSERT INTO client (client_id, name, owner_id, url, description, auth_method,
    jwks, access_token_lifetime_seconds, require_pkce, require_dpop, may_introspect, created_at, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)`
/** `?2` is a JSON object of the fields to change; the others stay. Null is a value of the lifetime alone. */
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
/** Not for a client that keeps no secret. */
export const ADD_CREDENTIAL = `INSERT INTO client_credential (client_id, secret_digest, created_at)
  SELECT client_id, ?2, ?3 FROM client WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'`
export const DROP_NEEDLESS_CREDENTIALS = `DELETE FROM client_credential WHERE client_id =
  (SELECT client_id FROM client WHERE client_id = ?1 AND auth_method NOT LIKE 'client_secret%')`
export const DROP_EXPIRED_CREDENTIALS = `DELETE FROM client_credential WHERE client_id = ?1 AND expires_at <= ${D1_NOW}`
/** `?2` is the overlap in seconds. Without one the end lies so far back that no worker's clock holds it to come. */
const OVERLAP_ENDS = `${D1_NOW} + iif(CAST(?2 AS INTEGER) = 0, -${CLOCKS_DIFFER_SECONDS}, CAST(?2 AS INTEGER))`
export const EXPIRE_CREDENTIALS = `UPDATE client_credential SET expires_at = ${OVERLAP_ENDS}
  WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ${OVERLAP_ENDS})`
/** The first moment stays. */
export const DISABLE_CLIENT = `UPDATE client SET disabled_at = coalesce(disabled_at, ?2), updated_at = ?2
  WHERE client_id = ?1`
export const ENABLE_CLIENT = `UPDATE client SET disabled_at = NULL, updated_at = ?2
  WHERE client_id = ?1 AND disabled_at IS NOT NULL`
/** Its rows in the other tables follow by ON DELETE CASCADE. */
export const DELETE_CLIENT = `DELETE FROM client WHERE client_id = ?1`

const read = (result: D1Result | undefined) => {
  const row = result?.results[0] as ClientRecordRow | undefined
  return row ? readClientRecord(row) : null
}

/** The client as it stands after the statements; null if there is no such client, and then nothing was done. */
async function change(db: Database, clientId: string, statements: readonly D1PreparedStatement[]) {
  const find = db.prepare(FIND_CLIENT_RECORD).bind(clientId)
  return read((await db.batch([...statements, find])).at(-1))
}

/** What goes into the batch besides: `before` is of `narrowing.ts`, and sees the rows as they were. */
export type Around = Readonly<{
  before?: readonly D1PreparedStatement[]
  also?: readonly D1PreparedStatement[]
}>

/** As `change`, of an act that may take something away. `hasEnded`: KV must be told. */
async function narrow(
  db: Database,
  clientId: string,
  before: readonly D1PreparedStatement[],
  statements: readonly D1PreparedStatement[],
) {
  const find = db.prepare(FIND_CLIENT_RECORD).bind(clientId)
  const outcomes = await db.batch([...before, ...statements, find])
  return { client: read(outcomes.at(-1)), hasEnded: hasEnded(outcomes.slice(0, before.length)) }
}

export const clientRegistry = (db: Database) => ({
  /** Answers the new client's id. `secretDigest` is null for a client that keeps no secret. */
  async create(
    client: ClientFields & ClientLists,
    secretDigest: SecretDigest | null,
    mode: 'authorize' | 'request',
    now: number,
    also: (clientId: string) => readonly D1PreparedStatement[] = () => [],
  ): Promise<ClientId> {
    const clientId = randomId() as ClientId
    const { name, ownerId, url, description, authMethod, jwks } = client
    const lifetime = client.accessTokenLifetimeSeconds
    const fields = [name, ownerId, url, description, authMethod, jwks, lifetime]
    const flags = [client.requirePkce, client.requireDpop, client.mayIntrospect].map(Number)
    const redirectUris = JSON.stringify(client.redirectUris ?? [])
    await db.batch([
      db.prepare(INSERT_CLIENT).bind(clientId, ...fields, ...flags, now),
      ...also(clientId),
      db.prepare(ADD_REDIRECT_URIS).bind(clientId, redirectUris),
      ...permissionStatements(db, [mode], clientId, client, now),
      ...(secretDigest ? [db.prepare(ADD_CREDENTIAL).bind(clientId, secretDigest, now)] : []),
    ])
    return clientId
  },

  /**
   * A list that is given replaces the old one: of what is authorized or, when the mode is `request`, of what is
   * merely requested. A client that no longer authenticates with a secret loses its secrets.
   */
  async update(
    clientId: string,
    fields: ClientChanges,
    lists: ClientLists,
    mode: 'authorize' | 'request',
    now: number,
    { before = [], also = [] }: Around = {},
  ) {
    const keep = mode === 'authorize' ? 'keepAuthorized' : 'keepRequested'
    const uris = lists.redirectUris && JSON.stringify(lists.redirectUris)
    return narrow(db, clientId, before, [
      db.prepare(UPDATE_CLIENT).bind(clientId, JSON.stringify(fields), now),
      ...also,
      db.prepare(DROP_NEEDLESS_CREDENTIALS).bind(clientId),
      ...(uris === undefined
        ? []
        : [KEEP_REDIRECT_URIS, ADD_REDIRECT_URIS].map((sql) =>
            db.prepare(sql).bind(clientId, uris),
          )),
      ...permissionStatements(db, [keep, mode], clientId, lists, now),
    ])
  },

  async authorize(
    clientId: string,
    lists: PermissionLists,
    now: number,
    also: readonly D1PreparedStatement[] = [],
  ) {
    return change(db, clientId, [
      db.prepare(TOUCH_CLIENT).bind(clientId, now),
      ...also,
      ...permissionStatements(db, ['authorize'], clientId, lists, now),
    ])
  },

  /** Also what was merely requested. */
  async withdraw(
    clientId: string,
    lists: PermissionLists,
    now: number,
    { before = [], also = [] }: Around = {},
  ) {
    return narrow(db, clientId, before, [
      db.prepare(TOUCH_CLIENT).bind(clientId, now),
      ...also,
      ...permissionStatements(db, ['withdraw'], clientId, lists, now),
    ])
  },

  /**
   * The old secrets stay good for `overlapSeconds` more, by D1's clock. Does nothing to a client that keeps no
   * secret.
   */
  async rotateSecret(
    clientId: string,
    secretDigest: SecretDigest,
    overlapSeconds: number,
    now: number,
    { before = [], also = [] }: Around = {},
  ) {
    return narrow(db, clientId, before, [
      db.prepare(TOUCH_CONFIDENTIAL_CLIENT).bind(clientId, now),
      ...also,
      db.prepare(DROP_EXPIRED_CREDENTIALS).bind(clientId),
      db.prepare(EXPIRE_CREDENTIALS).bind(clientId, overlapSeconds),
      db.prepare(ADD_CREDENTIAL).bind(clientId, secretDigest, now),
    ])
  },

  async disable(clientId: string, now: number, also: readonly D1PreparedStatement[] = []) {
    return change(db, clientId, [db.prepare(DISABLE_CLIENT).bind(clientId, now), ...also])
  },

  async enable(clientId: string, now: number, also: readonly D1PreparedStatement[] = []) {
    return change(db, clientId, [db.prepare(ENABLE_CLIENT).bind(clientId, now), ...also])
  },

  /** The client as it was. */
  async delete(clientId: string, also: readonly D1PreparedStatement[] = []) {
    const [found] = await db.batch([
      db.prepare(FIND_CLIENT_RECORD).bind(clientId),
      db.prepare(DELETE_CLIENT).bind(clientId),
      ...also,
    ])
    return read(found)
  },
})
