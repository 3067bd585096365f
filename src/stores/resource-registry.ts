/**
 * What an administrator does to resources, in D1: the audit's row and what ends are in the batch of the change. `?1` of the
 * statements is the URI. Instants in epoch seconds.
 */

import type { ResourceRecord, TokenFormat } from '../domain/resource.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW_MS } from './d1-clock.ts'
import type { Database } from './database.ts'
import { declaredRows } from './declared.ts'
import type { Lifetimes, ResourceRegistry } from './registration-ports.ts'
import { KEPT_LONGER_SECONDS, keptFor, OR_LATER, revokeStatement } from './revocation-statements.ts'

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

type ResourceRow = {
  uri: string
  name: string
  scopes: string
  access_token_lifetime_seconds: number
  require_dpop: number
  require_pkce: number
  self_registered: number
  token_format: TokenFormat
  declared_at_ms: number
  version: number
  created_at: number
  updated_at: number
}

const read = (row: ResourceRow): ResourceRecord => ({
  uri: row.uri,
  name: row.name,
  scopes: JSON.parse(row.scopes) as string[],
  accessTokenLifetimeSeconds: row.access_token_lifetime_seconds,
  requireDpop: row.require_dpop === 1,
  requirePkce: row.require_pkce === 1,
  selfRegistered: row.self_registered === 1,
  tokenFormat: row.token_format,
  declaredAtMs: row.declared_at_ms,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
export function resourceRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
): ResourceRegistry {
  const lifetimeSeconds = sessionLifetimeSeconds + oldestClientSeconds
  const on = (statement: string, ...values: unknown[]) => db.prepare(statement).bind(...values)
  const rows = declaredRows(db, {
    kind: 'resource',
    find: FIND_RESOURCE,
    page: PAGE_OF_RESOURCES,
    read,
  })
  return {
    find: rows.find,
    page: rows.page,

    async missing(uris) {
      const { results } = await on(MISSING_RESOURCES, JSON.stringify(uris)).all<{ uri: string }>()
      return results.map(({ uri }) => uri)
    },

    create(resource, by, detail) {
      const { uri, name, accessTokenLifetimeSeconds, tokenFormat } = resource
      const scopes = JSON.stringify(resource.scopes)
      const { requireDpop, requirePkce, selfRegistered } = resource
      const flags = [requireDpop, requirePkce, selfRegistered].map(Number)
      const fields = [name, scopes, accessTokenLifetimeSeconds, ...flags, tokenFormat]
      return rows.create(uri, on(INSERT_RESOURCE, uri, ...fields, by.now), by, detail)
    },

    update({ uri, version }, { fields, endsSessions }, by, detail) {
      const change = on(UPDATE_RESOURCE, uri, JSON.stringify(fields), by.now)
      const ending = endsSessions ? [revokeStatement(db, 'resource', [uri], lifetimeSeconds)] : []
      return rows.change('update', { key: uri, version, by, detail, change, ending })
    },

    async delete({ uri, version }, by, detail) {
      const change = on(DELETE_RESOURCE, uri)
      const narrowing = [on(REVOKE_DELETED_RESOURCE, uri, lifetimeSeconds + KEPT_LONGER_SECONDS)]
      const part = { key: uri, version, by, detail, change, narrowing }
      const done = await rows.run('delete', part, on(COUNT_DEFAULTS, uri))
      if (done.kind === 'stale') return done
      const [kept] = (done.result?.results ?? []) as { clients: number }[]
      return kept && kept.clients > 0
        ? { kind: 'is_default', clients: kept.clients }
        : { ...done, record: null }
    },
  }
}
