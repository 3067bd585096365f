/** The list of hosts of client metadata documents in D1. `?1` is the canonical host. */

import type { DocumentHostRecord, HostRule } from '../domain/document-host.ts'
import { coveringHosts } from '../domain/document-host.ts'
import { auditStatement, NEXT_VERSION, type Part, runChange } from './change-batch.ts'
import { D1_NOW_MS } from './d1-clock.ts'
import type { Database } from './database.ts'
import type { DocumentHostReader, DocumentHostRegistry } from './registration-ports.ts'
import { isTooMany } from './scope-registry.ts'

type DocumentHostRow = {
  host: string
  rule: HostRule
  version: number
  created_at: number
  updated_at: number
}

const COLUMNS = 'host, rule, version, created_at, updated_at'
export const FIND_DOCUMENT_HOST = `SELECT ${COLUMNS} FROM document_host WHERE host = ?1`
export const PAGE_OF_DOCUMENT_HOSTS = `SELECT ${COLUMNS} FROM document_host WHERE host > ?1 ORDER BY host LIMIT ?2`
/** `block` is the greater word, so it wins. */
export const RULE_FOR_HOST = `SELECT max(rule) AS rule FROM document_host WHERE host IN (SELECT value FROM json_each(?1))`
export const INSERT_DOCUMENT_HOST = `INSERT INTO document_host (${COLUMNS})
  VALUES (?1, ?2, ${D1_NOW_MS}, ?3, ?3) ON CONFLICT DO NOTHING RETURNING host`
export const UPDATE_DOCUMENT_HOST = `UPDATE document_host SET rule = coalesce(?2, rule), updated_at = ?3, version = ${NEXT_VERSION}
  WHERE host = ?1`
export const DELETE_DOCUMENT_HOST = 'DELETE FROM document_host WHERE host = ?1'

const readRow = (row: DocumentHostRow): DocumentHostRecord => ({
  host: row.host,
  rule: row.rule,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
const read = (result: D1Result | undefined): DocumentHostRecord | null => {
  const row = result?.results[0] as DocumentHostRow | undefined
  return row ? readRow(row) : null
}

export const documentHostReader = (db: Database): DocumentHostReader => ({
  async ruleFor(host) {
    const covering = JSON.stringify(coveringHosts(host))
    return (await db.prepare(RULE_FOR_HOST).bind(covering).first<HostRule>('rule')) ?? null
  },
})

export function documentHostRegistry(db: Database): DocumentHostRegistry {
  const find = (host: string) => db.prepare(FIND_DOCUMENT_HOST).bind(host)
  return {
    ...documentHostReader(db),

    find: async (host) => read(await find(host).all()),

    async page(after, rows) {
      const { results } = await db
        .prepare(PAGE_OF_DOCUMENT_HOSTS)
        .bind(after, rows)
        .all<DocumentHostRow>()
      return results.map(readRow)
    },

    async create({ host, rule }, by) {
      try {
        const [inserted, , found] = await db.batch([
          db.prepare(INSERT_DOCUMENT_HOST).bind(host, rule, by.now),
          auditStatement(db, by, {
            event: 'document_host.create',
            about: {},
            detail: { host, rule },
          }),
          find(host),
        ])
        return inserted?.results.length ? read(found) : null
      } catch (fault) {
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },

    async update({ host, version }, { rule }, by) {
      const part: Part = {
        event: 'document_host.update',
        about: {},
        detail: { host, ...(rule && { rule }) },
        change: db.prepare(UPDATE_DOCUMENT_HOST).bind(host, rule ?? null, by.now),
      }
      const expected = { kind: 'document_host', id: host, version } as const
      const done = await runChange(db, expected, [part], { by, read: find(host) })
      return done.kind === 'stale' ? done : { ...done, record: read(done.result) }
    },

    async delete({ host, rule, version }, by) {
      const part: Part = {
        event: 'document_host.delete',
        about: {},
        detail: { host, rule },
        change: db.prepare(DELETE_DOCUMENT_HOST).bind(host),
      }
      const expected = { kind: 'document_host', id: host, version } as const
      const done = await runChange(db, expected, [part], { by, read: find(host) })
      return done.kind === 'stale' ? done : { ...done, record: null }
    },
  }
}
