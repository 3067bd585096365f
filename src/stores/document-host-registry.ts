/** The list of hosts of client metadata documents in D1. `?1` is the canonical host. */

import type { DocumentHostRecord, HostRule } from '../domain/document-host.ts'
import { coveringHosts } from '../domain/document-host.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { D1_NOW_MS } from './d1-clock.ts'
import type { Database } from './database.ts'
import { declaredRows } from './declared.ts'
import type { DocumentHostReader, DocumentHostRegistry } from './registration-ports.ts'

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

const read = (row: DocumentHostRow): DocumentHostRecord => ({
  host: row.host,
  rule: row.rule,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const documentHostReader = (db: Database): DocumentHostReader => ({
  async ruleFor(host) {
    const covering = JSON.stringify(coveringHosts(host))
    return (await db.prepare(RULE_FOR_HOST).bind(covering).first<HostRule>('rule')) ?? null
  },
})

export function documentHostRegistry(db: Database): DocumentHostRegistry {
  const rows = declaredRows(db, {
    kind: 'document_host',
    find: FIND_DOCUMENT_HOST,
    page: PAGE_OF_DOCUMENT_HOSTS,
    read,
  })
  return {
    ...documentHostReader(db),
    find: rows.find,
    page: rows.page,
    create: ({ host, rule }, by, detail) =>
      rows.create(host, db.prepare(INSERT_DOCUMENT_HOST).bind(host, rule, by.now), by, detail),
    update({ host, version }, { rule }, by, detail) {
      const change = db.prepare(UPDATE_DOCUMENT_HOST).bind(host, rule ?? null, by.now)
      return rows.change('update', { key: host, version, by, detail, change })
    },
    delete({ host, version }, by, detail) {
      const change = db.prepare(DELETE_DOCUMENT_HOST).bind(host)
      return rows.change('delete', { key: host, version, by, detail, change })
    },
  }
}
