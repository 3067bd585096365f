/** What an administrator does to resources, in D1: the audit's row and what ends are in the batch of the change. */

import type { ResourceRecord, TokenFormat } from '../domain/resource.ts'
import { auditStatement, type Part, runChange } from './change-batch.ts'
import type { Database } from './database.ts'
import type { Lifetimes, ResourceReader, ResourceRegistry } from './registration-ports.ts'
import * as sql from './resource-statements.ts'
import { KEPT_LONGER_SECONDS, revokeStatement } from './revocation-statements.ts'
import { isTooMany } from './scope-registry.ts'

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

const readRow = (row: ResourceRow): ResourceRecord => ({
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
const read = (result: D1Result | undefined): ResourceRecord | null => {
  const row = result?.results[0] as ResourceRow | undefined
  return row ? readRow(row) : null
}

export const resourceReader = (db: Database): ResourceReader => ({
  find: async (uri) => read(await db.prepare(sql.FIND_RESOURCE).bind(uri).all()),
  async page(after, rows) {
    const { results } = await db.prepare(sql.PAGE_OF_RESOURCES).bind(after, rows).all<ResourceRow>()
    return results.map(readRow)
  },
  async missing(uris) {
    const { results } = await db
      .prepare(sql.MISSING_RESOURCES)
      .bind(JSON.stringify(uris))
      .all<{ uri: string }>()
    return results.map(({ uri }) => uri)
  },
})

export function resourceRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
): ResourceRegistry {
  const lifetimeSeconds = sessionLifetimeSeconds + oldestClientSeconds
  const find = (uri: string) => db.prepare(sql.FIND_RESOURCE).bind(uri)
  const endSessions = (uri: string) => revokeStatement(db, 'resource', [uri], lifetimeSeconds)
  return {
    ...resourceReader(db),

    async create(resource, by, detail) {
      const { uri, name, scopes, accessTokenLifetimeSeconds, tokenFormat } = resource
      const { requireDpop, requirePkce, selfRegistered } = resource
      const flags = [requireDpop, requirePkce, selfRegistered].map(Number)
      const insert = db
        .prepare(sql.INSERT_RESOURCE)
        .bind(
          uri,
          name,
          JSON.stringify(scopes),
          accessTokenLifetimeSeconds,
          ...flags,
          tokenFormat,
          by.now,
        )
      try {
        const [inserted, , found] = await db.batch([
          insert,
          auditStatement(db, by, { event: 'resource.create', about: {}, detail }),
          find(uri),
        ])
        return inserted?.results.length ? read(found) : null
      } catch (fault) {
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },

    async update({ uri, version }, { fields, endsSessions }, by, detail) {
      const change = db.prepare(sql.UPDATE_RESOURCE).bind(uri, JSON.stringify(fields), by.now)
      const part: Part = {
        event: 'resource.update',
        about: {},
        detail,
        change,
        ending: endsSessions ? [endSessions(uri)] : [],
      }
      const expected = { kind: 'resource', id: uri, version } as const
      const done = await runChange(db, expected, [part], { by, read: find(uri) })
      return done.kind === 'stale' ? done : { ...done, record: read(done.result) }
    },

    async delete({ uri, version }, by, detail) {
      const change = db.prepare(sql.DELETE_RESOURCE).bind(uri)
      const part: Part = {
        event: 'resource.delete',
        about: {},
        detail,
        narrowing: [
          db.prepare(sql.REVOKE_DELETED_RESOURCE).bind(uri, lifetimeSeconds + KEPT_LONGER_SECONDS),
        ],
        change,
      }
      const expected = { kind: 'resource', id: uri, version } as const
      const count = db.prepare(sql.COUNT_DEFAULTS).bind(uri)
      const done = await runChange(db, expected, [part], { by, read: count })
      if (done.kind === 'stale') return done
      const [kept] = (done.result?.results ?? []) as { clients: number }[]
      return kept && kept.clients > 0
        ? { kind: 'is_default', clients: kept.clients }
        : { ...done, record: null }
    },
  }
}
