/** What is kept of client metadata documents in D1, and when their hosts were last asked. */

import { ATTEMPT_SECONDS } from '../domain/client-document.ts'
import { coveringHosts, type HostRule } from '../domain/document-host.ts'
import { type ClientRecordRow, FIND_CLIENT_RECORD, readClientRecord } from './client-record.ts'
import { D1_NOW_MS } from './d1-clock.ts'
import type { Database } from './database.ts'
import { RULE_FOR_HOST } from './document-host-registry.ts'
import type { Asked, ClientDocumentStore } from './self-registration-ports.ts'

/** Returns a row if the host may be asked now: one of any number of calls within the time. */
export const CLAIM_ATTEMPT = `INSERT INTO document_attempt (host, attempted_at_ms) VALUES (?1, ${D1_NOW_MS})
  ON CONFLICT DO UPDATE SET attempted_at_ms = excluded.attempted_at_ms
    WHERE attempted_at_ms <= excluded.attempted_at_ms - ${ATTEMPT_SECONDS * 1000}
  RETURNING host`
export const FORGET_ATTEMPT = 'DELETE FROM document_attempt WHERE host = ?1'
export const FIND_ASKED = `SELECT asked, fetched_at FROM client_document WHERE client_id = ?1`
/** All: at most `MAX_DECLARED`. */
export const ALL_SCOPES = `SELECT name, self_registered, updated_at FROM scope`
export const KEEP_DOCUMENT = `INSERT INTO client_document (client_id, hosts, asked, fetched_at, fresh_until)
  SELECT client_id, ?2, ?3, ?4, ?5 FROM self_registered_client WHERE client_id = ?1 AND kind = 'document'
  ON CONFLICT DO UPDATE SET hosts = excluded.hosts, asked = excluded.asked, fetched_at = excluded.fetched_at,
    fresh_until = excluded.fresh_until`

type ScopeRow = { name: string; self_registered: number; updated_at: number }

const firstOf = <Row>(result: D1Result | undefined) => result?.results[0] as Row | undefined

export function clientDocumentStore(db: Database): ClientDocumentStore {
  const claim = (host: string) => [
    db.prepare(CLAIM_ATTEMPT).bind(host),
    db.prepare(RULE_FOR_HOST).bind(JSON.stringify(coveringHosts(host))),
  ]
  const claimed = (results: readonly D1Result[]) => ({
    mayAsk: (results[0]?.results.length ?? 0) > 0,
    rule: firstOf<{ rule: HostRule | null }>(results[1])?.rule ?? null,
  })
  return {
    async begin(clientId, host) {
      const results = await db.batch([
        ...claim(host),
        db.prepare(FIND_CLIENT_RECORD).bind(clientId),
        db.prepare(FIND_ASKED).bind(clientId),
        db.prepare(ALL_SCOPES),
      ])
      const row = firstOf<ClientRecordRow>(results[2])
      const kept = firstOf<{ asked: string; fetched_at: number }>(results[3])
      return {
        ...claimed(results),
        record: row ? readClientRecord(row) : null,
        kept: kept ? { asked: JSON.parse(kept.asked) as Asked, fetchedAt: kept.fetched_at } : null,
        catalogue: ((results[4]?.results ?? []) as ScopeRow[]).map((scope) => ({
          name: scope.name,
          isFree: scope.self_registered === 1,
          updatedAt: scope.updated_at,
        })),
      }
    },

    async claim(host) {
      return claimed(await db.batch(claim(host)))
    },

    async keep(clientId, { host, asked, fetchedAt, freshUntil }, mayAskAgain) {
      const hosts = JSON.stringify(coveringHosts(host))
      await db.batch([
        db
          .prepare(KEEP_DOCUMENT)
          .bind(clientId, hosts, JSON.stringify(asked), fetchedAt, freshUntil),
        ...(mayAskAgain ? [db.prepare(FORGET_ATTEMPT).bind(host)] : []),
      ])
    },
  }
}
