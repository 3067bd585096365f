/** Clients in D1: one statement reads a whole client. */

import type { Client } from '../domain/client.ts'
import type { ClientId, SecretDigest, TokenDigest } from '../domain/ids.ts'
import { bound, D1_NOW_MS, type Database, type RowOf, rowReader } from './database.ts'

/** All of a client except its resources, in one row with the names of `Client`. The lists are ordered by primary key. */
export const CLIENT_COLUMNS = `
  c.client_id AS clientId, c.name, c.owner_id AS ownerId, c.url, c.description, c.auth_method AS authMethod, c.jwks,
  c.jwks_uri <> '' AS publishesKeys, c.require_pkce AS requirePkce, c.require_dpop AS requireDpop,
  c.may_introspect AS mayIntrospect, c.access_token_lifetime_seconds AS accessTokenLifetimeSeconds,
  c.disabled_at AS disabledAt,
  (SELECT json_group_array(redirect_uri) FROM client_redirect_uri r
    WHERE r.client_id = c.client_id) AS redirectUris,
  (SELECT json_group_array(json_object('secretDigest', secret_digest, 'createdAt', created_at,
      'expiresAt', expires_at, 'lastUsedAt', last_used_at)) FROM client_credential k
    WHERE k.client_id = c.client_id) AS credentials,
  (SELECT json_group_array(scope) FROM client_authorization a
    WHERE a.client_id = c.client_id AND a.authorized_at IS NOT NULL) AS scopes,
  (SELECT json_group_array(grant_type) FROM client_grant_type g
    WHERE g.client_id = c.client_id AND g.authorized_at IS NOT NULL) AS grantTypes,
  (SELECT json_group_array(category) FROM client_endorsement e
    WHERE e.client_id = c.client_id AND e.authorized_at IS NOT NULL) AS endorsements,
  (SELECT json_group_array(uri) FROM client_default_resource d
    WHERE d.client_id = c.client_id) AS defaultResources,
  (SELECT json_object('kind', s.kind, 'usedAt', s.used_at, 'approvedScopes',
      (SELECT json_group_array(scope) FROM client_authorization p
        WHERE p.client_id = s.client_id AND p.authorized_at IS NOT NULL AND p.self_registered = 0))
    FROM self_registered_client s WHERE s.client_id = c.client_id) AS selfRegistered,
  (SELECT json_object('freshUntil', d.fresh_until, 'rule', (SELECT max(h.rule) FROM document_host h
      WHERE h.host IN (SELECT value FROM json_each(d.hosts))))
    FROM client_document d WHERE d.client_id = c.client_id) AS document,
  ${D1_NOW_MS} AS readAtMs`

/** `?2` is a JSON list of URIs, `?3` the digest of a code or a refresh token, or NULL: as `findParameters` has them. */
export const FIND_CLIENT = `SELECT ${CLIENT_COLUMNS},
  (SELECT json_group_array(json_object('uri', r.uri, 'name', r.name, 'scopes', json(r.scopes),
      'accessTokenLifetimeSeconds', r.access_token_lifetime_seconds,
      'requireDpop', json(iif(r.require_dpop, 'true', 'false')),
      'requirePkce', json(iif(r.require_pkce, 'true', 'false')),
      'selfRegistered', json(iif(r.self_registered, 'true', 'false')),
      'tokenFormat', r.token_format, 'declaredAtMs', r.declared_at_ms))
    FROM (SELECT value FROM json_each(?2)
      UNION SELECT d.uri FROM client_default_resource d WHERE d.client_id = ?1
      UNION SELECT g.value FROM authorization_code a, json_each(a.record, '$.audience') g
        WHERE a.code_digest = ?3
      UNION SELECT g.value FROM refresh_token t JOIN refresh_family f ON f.family_id = t.family_id,
        json_each(f.record, '$.audience') g WHERE t.token_digest = ?3)
    CROSS JOIN resource r ON r.uri = value) AS resources
  FROM client c WHERE c.client_id = ?1`

export const findParameters = (
  clientId: string,
  { resources = [], allowedWith = null }: ReadWithClient = {},
) => [clientId, JSON.stringify(resources), allowedWith]

const DAY_SECONDS = 86_400

/** Runs once a day for each secret: a write for every token would halve the rate at which tokens can be issued. */
export const TOUCH_CREDENTIAL = `UPDATE client_credential SET last_used_at = ?3
  WHERE client_id = ?1 AND secret_digest = ?2`

/** The moment has the precision of a day. */
export const TOUCH_SELF_REGISTERED = `UPDATE self_registered_client SET used_at = CAST(?2 AS INTEGER) / ${DAY_SECONDS} * ${DAY_SECONDS}
  WHERE client_id = ?1`

export const CLIENT_ROW = {
  publishesKeys: 'flag',
  requirePkce: 'flag',
  requireDpop: 'flag',
  mayIntrospect: 'flag',
  redirectUris: 'json',
  credentials: 'json',
  scopes: 'json',
  grantTypes: 'json',
  endorsements: 'json',
  defaultResources: 'json',
  selfRegistered: 'json',
  document: 'json',
  resources: 'json',
} as const
export const readClientRow = rowReader<Client>(CLIENT_ROW)

/** The resources to read with a client, besides its default resources. */
export type ReadWithClient = Readonly<{
  /** The resources with these canonical URIs. */
  resources?: readonly string[]
  /** The resources that the user allowed with this code or refresh token. */
  allowedWith?: TokenDigest | null
}>

async function findIn(
  db: Pick<Database, 'prepare'>,
  clientId: string,
  alsoRead?: ReadWithClient,
): Promise<Client | null> {
  const statement = bound(db, FIND_CLIENT, ...findParameters(clientId, alsoRead))
  const row = await statement.first<RowOf<Client>>()
  return row && readClientRow(row)
}

export type ClientStore = ReturnType<typeof clientStore>

/** `near` may be a D1 session that reads from a replica. Writes go to `primary`. */
export const clientStore = (primary: Database, near: () => Pick<Database, 'prepare'>) => ({
  /** Null if the client is unknown. The record may come from a replica and be seconds old. */
  find: (clientId: ClientId, alsoRead?: ReadWithClient) => findIn(near(), clientId, alsoRead),
  /** Null if the client is unknown. The record comes from the primary, so it is never stale. */
  findFresh: (clientId: ClientId, alsoRead?: ReadWithClient) => findIn(primary, clientId, alsoRead),
  /** Records the day on which a secret was used. A lost write is harmless. */
  async touchCredential(clientId: ClientId, secretDigest: SecretDigest, now: number) {
    await bound(primary, TOUCH_CREDENTIAL, clientId, secretDigest, now).run()
  },
  /** Records the day of use of a client with keys. Uses of secrets, codes and refresh tokens are recorded elsewhere. */
  async touchSelfRegistered(clientId: ClientId, now: number) {
    await bound(primary, TOUCH_SELF_REGISTERED, clientId, now).run()
  },
})
