/** What D1 has of client metadata documents, and when their hosts last got a request. */

import type { ClientRecord, GrantType } from '../domain/client.ts'
import { ATTEMPT_SECONDS } from '../domain/client-document.ts'
import { coveringHosts, type HostRule } from '../domain/document-host.ts'
import { clientRecordIn, FIND_CLIENT_RECORD } from './client-record.ts'
import {
  bound,
  D1_NOW_MS,
  type Database,
  firstIn,
  type RowOf,
  rowReader,
  rowsIn,
} from './database.ts'

/** What a document asked for when it was last read. Null for a member that the document did not have. */
export type Asked = Readonly<{ scopes: readonly string[] | null; grantTypes: readonly GrantType[] }>

/** What was stored of the document when it was last read, in epoch seconds. */
export type KeptDocument = Readonly<{ asked: Asked; fetchedAt: number }>

/** A declared scope. `isFree`: clients that register themselves get the scope without approval. Instants in epoch seconds. */
export type DeclaredForClients = Readonly<{ name: string; isFree: boolean; updatedAt: number }>

type Claimed = Readonly<{
  /** May the document's host be asked now? True for one call in `ATTEMPT_SECONDS`, by D1's clock. */
  mayAsk: boolean
  /** The operator's rule for the host; null if there is none. */
  rule: HostRule | null
}>
type Begun = Claimed &
  Readonly<{
    record: ClientRecord | null
    kept: KeptDocument | null
    catalogue: readonly DeclaredForClients[]
  }>

/** Returns a row if the host may be asked now: one call gets the row within the time. */
export const CLAIM_ATTEMPT = `INSERT INTO document_attempt (host, attempted_at_ms) VALUES (?1, ${D1_NOW_MS})
  ON CONFLICT DO UPDATE SET attempted_at_ms = excluded.attempted_at_ms
    WHERE attempted_at_ms <= excluded.attempted_at_ms - ${ATTEMPT_SECONDS * 1000}
  RETURNING host`
/** `?1` lists the names that cover a host. `block` sorts after `allow`, so `block` wins. */
const RULE_FOR_HOST = `SELECT max(rule) AS rule FROM document_host WHERE host IN (SELECT value FROM json_each(?1))`
export const FORGET_ATTEMPT = 'DELETE FROM document_attempt WHERE host = ?1'
export const FIND_ASKED = `SELECT asked, fetched_at AS fetchedAt FROM client_document WHERE client_id = ?1`
/** The statement reads all scopes, which are at most `MAX_DECLARED`. */
export const ALL_SCOPES = `SELECT name, self_registered AS isFree, updated_at AS updatedAt FROM scope`
export const KEEP_DOCUMENT = `INSERT INTO client_document (client_id, hosts, asked, fetched_at, fresh_until)
  SELECT client_id, ?2, ?3, ?4, ?5 FROM self_registered_client WHERE client_id = ?1 AND kind = 'document'
  ON CONFLICT DO UPDATE SET hosts = excluded.hosts, asked = excluded.asked, fetched_at = excluded.fetched_at,
    fresh_until = excluded.fresh_until`

const readKept = rowReader<KeptDocument>({ asked: 'json' })
const readScope = rowReader<DeclaredForClients>({ isFree: 'flag' })

export type ClientDocumentStore = ReturnType<typeof clientDocumentStore>

export function clientDocumentStore(db: Database) {
  const claim = (host: string) => [
    bound(db, CLAIM_ATTEMPT, host),
    bound(db, RULE_FOR_HOST, JSON.stringify(coveringHosts(host))),
  ]
  const claimed = (results: readonly D1Result[]): Claimed => ({
    mayAsk: rowsIn(results[0]).length > 0,
    rule: firstIn(results[1], (row: { rule: HostRule | null }) => row.rule),
  })
  return {
    /** Begins an attempt, in one batch. `kept` is null if nothing was stored of a document of this client. */
    async begin(clientId: string, host: string): Promise<Begun> {
      const results = await db.batch([
        ...claim(host),
        bound(db, FIND_CLIENT_RECORD, clientId),
        bound(db, FIND_ASKED, clientId),
        db.prepare(ALL_SCOPES),
      ])
      return {
        ...claimed(results),
        record: clientRecordIn(results[2]),
        kept: firstIn(results[3], readKept),
        catalogue: rowsIn<RowOf<DeclaredForClients>>(results[4]).map(readScope),
      }
    },

    async claim(host: string): Promise<Claimed> {
      return claimed(await db.batch(claim(host)))
    },

    /**
     * Stores a reading for a client that registered itself by a document; for another client nothing is written.
     * `mayAskAgain`: the attempt has succeeded, so that the next document of the host need not wait. Instants in epoch
     * seconds.
     */
    async keep(
      clientId: string,
      document: Readonly<{ host: string; asked: Asked; fetchedAt: number; freshUntil: number }>,
      mayAskAgain: boolean,
    ): Promise<void> {
      const { host, asked, fetchedAt, freshUntil } = document
      const hosts = JSON.stringify(coveringHosts(host))
      await db.batch([
        bound(db, KEEP_DOCUMENT, clientId, hosts, JSON.stringify(asked), fetchedAt, freshUntil),
        ...(mayAskAgain ? [bound(db, FORGET_ATTEMPT, host)] : []),
      ])
    },
  }
}
