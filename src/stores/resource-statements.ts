/** The statements that change resources. `?1` is the URI. Instants in epoch seconds. */

import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW_MS } from './d1-clock.ts'
import { keptFor, OR_LATER } from './revocation-statements.ts'

const COLUMNS = `uri, name, scopes, access_token_lifetime_seconds, require_dpop, require_pkce, self_registered,
  token_format, declared_at_ms, version, created_at, updated_at`
export const FIND_RESOURCE = `SELECT ${COLUMNS} FROM resource WHERE uri = ?1`
export const PAGE_OF_RESOURCES = `SELECT ${COLUMNS} FROM resource WHERE uri > ?1 ORDER BY uri LIMIT ?2`
/** The URIs of a JSON list that no resource has. */
export const MISSING_RESOURCES = `SELECT j.value AS uri FROM json_each(?1) j
  WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.uri = j.value)`
export const INSERT_RESOURCE = `INSERT INTO resource (${COLUMNS})
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ${D1_NOW_MS}, ${D1_NOW_MS}, ?9, ?9) ON CONFLICT DO NOTHING RETURNING uri`
/** `?2` is a JSON object of the fields to change. */
export const UPDATE_RESOURCE = `UPDATE resource SET name = coalesce(?2 ->> 'name', name),
    scopes = coalesce(?2 -> 'scopes', scopes),
    access_token_lifetime_seconds = coalesce(?2 ->> 'accessTokenLifetimeSeconds', access_token_lifetime_seconds),
    require_dpop = coalesce(?2 ->> 'requireDpop', require_dpop),
    require_pkce = coalesce(?2 ->> 'requirePkce', require_pkce),
    self_registered = coalesce(?2 ->> 'selfRegistered', self_registered),
    token_format = coalesce(?2 ->> 'tokenFormat', token_format), updated_at = ?3, version = ${NEXT_VERSION}
  WHERE uri = ?1`
const DEFAULT_OF = `SELECT d.client_id FROM client_default_resource d WHERE d.uri = ?1`
export const COUNT_DEFAULTS = `SELECT count(*) AS clients FROM (${DEFAULT_OF})`
/** Does nothing while it is a client's default. */
export const DELETE_RESOURCE = `DELETE FROM resource WHERE uri = ?1 AND NOT EXISTS (${DEFAULT_OF})`
/** Before `DELETE_RESOURCE`, and only if that deletes. `?2`: how long the revocation is kept, in seconds. */
export const REVOKE_DELETED_RESOURCE = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT 'resource', uri, ${D1_NOW_MS}, ${keptFor('?2')} FROM resource
  WHERE uri = ?1 AND NOT EXISTS (${DEFAULT_OF}) ${OR_LATER} RETURNING subject`
