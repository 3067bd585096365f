/**
 * What an administrator does to resources, in D1. The batch of a change includes the audit row and what ends with the change.
 * `?1` of the statements is the URI. Instants in epoch seconds.
 */

import { isNarrowed, type ResourceFields, type ResourceRecord } from '../domain/resource.ts'
import { bound, type Database, firstIn, rowReader } from './database.ts'
import { declaredRows, declaredSql } from './declared.ts'
import type { Authorship, Changed, Detail, Lifetimes } from './registration-ports.ts'
import { keptFor, keptSeconds, revokeSql, revokeStatement } from './revocation-statements.ts'

const FIELDS = [
  ...['name', 'scopes', 'accessTokenLifetimeSeconds', 'requireDpop', 'requirePkce'],
  ...['selfRegistered', 'tokenFormat'],
]
export const RESOURCES = declaredSql('resource', 'uri', FIELDS, ['declaredAtMs'])
/** The URIs of a JSON list that no resource has. */
export const MISSING_RESOURCES = `SELECT j.value AS uri FROM json_each(?1) j
  WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.uri = j.value)`
const DEFAULT_OF = `SELECT d.client_id FROM client_default_resource d WHERE d.uri = ?1`
export const COUNT_DEFAULTS = `SELECT count(*) AS clients FROM (${DEFAULT_OF})`
const DELETED = `resource WHERE uri = ?1 AND NOT EXISTS (${DEFAULT_OF})`
/** Does nothing while the resource is a client's default. */
export const DELETE_RESOURCE = `DELETE FROM ${DELETED}`
/** Comes before `DELETE_RESOURCE`, and has an effect only if that deletes. `?2`: how long the row is kept, in seconds. */
export const REVOKE_DELETED_RESOURCE = `${revokeSql("'resource'", 'uri', keptFor('?2'), DELETED)} RETURNING subject`

const read = rowReader<ResourceRecord>({
  scopes: 'json',
  requireDpop: 'flag',
  requirePkce: 'flag',
  selfRegistered: 'flag',
})

export type ResourceRegistry = ReturnType<typeof resourceRegistry>

export function resourceRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
) {
  const lifetimeSeconds = sessionLifetimeSeconds + oldestClientSeconds
  /** Access tokens end if a scope is removed or DPoP is now required. Refresh tokens and codes stay, for narrower tokens. */
  const endingOf = (before: ResourceRecord, fields: Partial<ResourceFields>) =>
    isNarrowed(before, fields)
      ? [revokeStatement(db, 'resource', [before.uri], lifetimeSeconds)]
      : []
  const { registry, run } = declaredRows<'uri', ResourceRecord, ResourceFields>(
    db,
    RESOURCES,
    read,
    endingOf,
  )
  return {
    ...registry,

    async missing(uris: readonly string[]): Promise<readonly string[]> {
      const { results } = await bound(db, MISSING_RESOURCES, JSON.stringify(uris)).all<{
        uri: string
      }>()
      return results.map(({ uri }) => uri)
    },

    /** Ends every session for the resource. `is_default`: the number of clients whose default it is; nothing was written. */
    async delete(
      before: ResourceRecord,
      by: Authorship,
      detail: Detail,
    ): Promise<Changed<ResourceRecord> | Readonly<{ kind: 'is_default'; clients: number }>> {
      const { uri } = before
      const change = bound(db, DELETE_RESOURCE, uri)
      const narrowing = [bound(db, REVOKE_DELETED_RESOURCE, uri, keptSeconds(lifetimeSeconds))]
      const part = { before, by, detail, change, narrowing }
      const recordIn = (result?: D1Result) => firstIn(result, (row: { clients: number }) => row)
      const done = await run('delete', part, { last: bound(db, COUNT_DEFAULTS, uri), recordIn })
      if (done.kind === 'stale') return done
      const clients = done.record?.clients ?? 0
      return clients > 0 ? { kind: 'is_default', clients } : { ...done, record: null }
    },
  }
}
