/** The list of hosts of client metadata documents in D1. `?1` is the canonical host. */

import type { DocumentHostFields, DocumentHostRecord } from '../domain/document-host.ts'
import { bound, type Database, rowReader } from './database.ts'
import { declaredRows, declaredSql } from './declared.ts'
import type { Authorship, Detail } from './registration-ports.ts'

export const DOCUMENT_HOSTS = declaredSql('document_host', 'host', ['rule'])
export const DELETE_DOCUMENT_HOST = 'DELETE FROM document_host WHERE host = ?1'

export function documentHostRegistry(db: Database) {
  const { registry, change } = declaredRows<'host', DocumentHostRecord, DocumentHostFields>(
    db,
    DOCUMENT_HOSTS,
    rowReader({}),
  )
  return {
    ...registry,
    delete: (before: DocumentHostRecord, by: Authorship, detail: Detail) =>
      change('delete', {
        before,
        by,
        detail,
        change: bound(db, DELETE_DOCUMENT_HOST, before.host),
      }),
  }
}
