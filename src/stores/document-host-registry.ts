/** The list of hosts of client metadata documents in D1. `?1` is the canonical host. */

import type {
  DocumentHostFields,
  DocumentHostRecord,
  NewDocumentHost,
} from '../domain/document-host.ts'
import { NEXT_VERSION } from './change-batch.ts'
import { columnsOf, selected } from './columns.ts'
import { bound, D1_NOW_MS, type Database } from './database.ts'
import { declaredRows } from './declared.ts'
import type { Authorship, Detail } from './registration-ports.ts'

const MEMBERS = ['host', 'rule', 'version', 'createdAt', 'updatedAt']
const RECORD = selected(MEMBERS)
export const FIND_DOCUMENT_HOST = `SELECT ${RECORD} FROM document_host WHERE host = ?1`
export const PAGE_OF_DOCUMENT_HOSTS = `SELECT ${RECORD} FROM document_host WHERE host > ?1 ORDER BY host LIMIT ?2`
export const INSERT_DOCUMENT_HOST = `INSERT INTO document_host (${columnsOf(MEMBERS)})
  VALUES (?1, ?2, ${D1_NOW_MS}, ?3, ?3) ON CONFLICT DO NOTHING RETURNING host`
export const UPDATE_DOCUMENT_HOST = `UPDATE document_host SET rule = coalesce(?2, rule), updated_at = ?3, version = ${NEXT_VERSION}
  WHERE host = ?1`
export const DELETE_DOCUMENT_HOST = 'DELETE FROM document_host WHERE host = ?1'

export function documentHostRegistry(db: Database) {
  const rows = declaredRows(db, {
    kind: 'document_host',
    find: FIND_DOCUMENT_HOST,
    page: PAGE_OF_DOCUMENT_HOSTS,
    read: (record: DocumentHostRecord) => record,
  })
  return {
    find: rows.find,
    page: rows.page,
    create: ({ host, rule }: NewDocumentHost, by: Authorship, detail: Detail) =>
      rows.create(host, bound(db, INSERT_DOCUMENT_HOST, host, rule, by.now), by, detail),
    update(
      { host, version }: DocumentHostRecord,
      { rule }: Partial<DocumentHostFields>,
      by: Authorship,
      detail: Detail,
    ) {
      const change = bound(db, UPDATE_DOCUMENT_HOST, host, rule ?? null, by.now)
      return rows.change('update', { key: host, version, by, detail, change })
    },
    delete({ host, version }: DocumentHostRecord, by: Authorship, detail: Detail) {
      const change = bound(db, DELETE_DOCUMENT_HOST, host)
      return rows.change('delete', { key: host, version, by, detail, change })
    },
  }
}
