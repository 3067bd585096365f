/**
 * What an administrator does to resources, in D1: the audit's row and what ends are in the batch of the change. `?1` of the
 * statements is the URI. Instants in epoch seconds.
 */

import {
  isNarrowed,
  type NewResource,
  type ResourceFields,
  type ResourceRecord,
} from '../domain/resource.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW_MS, type Database, rowsIn } from './database.ts'
import { declaredRows } from './declared.ts'
import type { Authorship, Changed, Detail, Lifetimes } from './registration-ports.ts'
import {
  KEPT_LONGER_SECONDS,
  keptFor,
  revokeSql,
  revokeStatement,
} from './revocation-statements.ts'

const COLUMNS = `uri, name, scopes, access_token_lifetime_seconds, require_dpop, require_pkce, self_registered,
  token_format, declared_at_ms, version, created_at, updated_at`
const RECORD = `uri, name, scopes, access_token_lifetime_seconds AS accessTokenLifetimeSeconds, require_dpop AS requireDpop,
  require_pkce AS requirePkce, self_registered AS selfRegistered, token_format AS tokenFormat,
  declared_at_ms AS declaredAtMs, version, created_at AS createdAt, updated_at AS updatedAt`
export const FIND_RESOURCE = `SELECT ${RECORD} FROM resource WHERE uri = ?1`
export const PAGE_OF_RESOURCES = `SELECT ${RECORD} FROM resource WHERE uri > ?1 ORDER BY uri LIMIT ?2`
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
const DELETED = `resource WHERE uri = ?1 AND NOT EXISTS (${DEFAULT_OF})`
/** Does nothing while it is a client's default. */
export const DELETE_RESOURCE = `DELETE FROM ${DELETED}`
/** Before `DELETE_RESOURCE`, and only if that deletes. `?2`: how long the revocation is kept, in seconds. */
export const REVOKE_DELETED_RESOURCE = `${revokeSql("'resource'", 'uri', keptFor('?2'), DELETED)} RETURNING subject`

type Flags = 'requireDpop' | 'requirePkce' | 'selfRegistered'
type ResourceRow = Omit<ResourceRecord, Flags | 'scopes'> &
  Readonly<Record<Flags, number> & { scopes: string }>

const read = (row: ResourceRow): ResourceRecord => ({
  ...row,
  scopes: JSON.parse(row.scopes) as string[],
  requireDpop: row.requireDpop === 1,
  requirePkce: row.requirePkce === 1,
  selfRegistered: row.selfRegistered === 1,
})

export type ResourceRegistry = ReturnType<typeof resourceRegistry>

export function resourceRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
) {
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

    /** Those of the URIs that are of no resource. */
    async missing(uris: readonly string[]): Promise<readonly string[]> {
      const { results } = await on(MISSING_RESOURCES, JSON.stringify(uris)).all<{ uri: string }>()
      return results.map(({ uri }) => uri)
    },

    create(resource: NewResource, by: Authorship, detail: Detail) {
      const { uri, name, accessTokenLifetimeSeconds, tokenFormat } = resource
      const scopes = JSON.stringify(resource.scopes)
      const { requireDpop, requirePkce, selfRegistered } = resource
      const flags = [requireDpop, requirePkce, selfRegistered].map(Number)
      const fields = [name, scopes, accessTokenLifetimeSeconds, ...flags, tokenFormat]
      return rows.create(uri, on(INSERT_RESOURCE, uri, ...fields, by.now), by, detail)
    },

    /**
     * The removal of a scope, and a new demand for DPoP, end the access tokens for the resource. Refresh tokens and codes stay:
     * they give narrower tokens from now on.
     */
    update(
      before: ResourceRecord,
      fields: Partial<ResourceFields>,
      by: Authorship,
      detail: Detail,
    ) {
      const { uri, version } = before
      const change = on(UPDATE_RESOURCE, uri, JSON.stringify(fields), by.now)
      const ending = isNarrowed(before, fields)
        ? [revokeStatement(db, 'resource', [uri], lifetimeSeconds)]
        : []
      return rows.change('update', { key: uri, version, by, detail, change, ending })
    },

    /** Ends every session that is for it. `is_default`: of so many clients; nothing was written. */
    async delete(
      { uri, version }: ResourceRecord,
      by: Authorship,
      detail: Detail,
    ): Promise<Changed<ResourceRecord> | Readonly<{ kind: 'is_default'; clients: number }>> {
      const change = on(DELETE_RESOURCE, uri)
      const narrowing = [on(REVOKE_DELETED_RESOURCE, uri, lifetimeSeconds + KEPT_LONGER_SECONDS)]
      const part = { key: uri, version, by, detail, change, narrowing }
      const done = await rows.run('delete', part, on(COUNT_DEFAULTS, uri))
      if (done.kind === 'stale') return done
      const [kept] = rowsIn<{ clients: number }>(done.result)
      return kept && kept.clients > 0
        ? { kind: 'is_default', clients: kept.clients }
        : { ...done, record: null }
    },
  }
}
