/** Images of clients in D1, one for each address. Triggers delete an image that no client names or whose host is blocked. */

import { coveringHosts } from '../domain/document-host.ts'
import { bound, type Database } from './database.ts'

/** A failed attempt is repeated after this time. */
const RETRY_SECONDS = 3600
/** The shortest time between two attempts at one host, also for different addresses. */
const HOST_SECONDS = 10
/** SQL: the key of attempts to fetch logos. No host contains a space, so it is no key of attempts to read documents. */
const ATTEMPT_OF = `'logo ' || ?2`

/** SQL: a row if an operator has blocked a host of this list. */
const BLOCKED_AMONG = (hosts: string) =>
  `SELECT 1 AS blocked FROM document_host WHERE rule = 'block' AND host IN (SELECT value FROM json_each(${hosts}))`
export const FIND_BLOCKED = `${BLOCKED_AMONG('?1')} LIMIT 1`

/**
 * `?2` is the host, `?3` the moment in epoch seconds. Only one of several simultaneous statements gets the row. The row is
 * deleted when no client names the address, so the host's last attempt is kept in another table. `?4` lists the names that
 * cover the host.
 */
export const CLAIM_LOGO = `INSERT INTO logo (logo_uri, host, tried_at)
  SELECT ?1, ?2, CAST(?3 AS INTEGER) WHERE EXISTS (SELECT 1 FROM client WHERE logo_uri = ?1 AND logo_uri <> '')
    AND NOT EXISTS (SELECT 1 FROM document_attempt WHERE host = ${ATTEMPT_OF} AND attempted_at_ms > (?3 - ${HOST_SECONDS}) * 1000)
    AND NOT EXISTS (${BLOCKED_AMONG('?4')})
  ON CONFLICT (logo_uri) DO UPDATE SET tried_at = excluded.tried_at
    WHERE logo.digest IS NULL AND logo.tried_at <= excluded.tried_at - ${RETRY_SECONDS}
  RETURNING logo_uri`
/** Runs in the batch of `CLAIM_LOGO`. Does nothing if no attempt begins. */
export const NOTE_ATTEMPT = `INSERT INTO document_attempt (host, attempted_at_ms)
  SELECT ${ATTEMPT_OF}, ?3 * 1000 FROM logo WHERE logo_uri = ?1 AND tried_at = CAST(?3 AS INTEGER) AND digest IS NULL
  ON CONFLICT DO UPDATE SET attempted_at_ms = excluded.attempted_at_ms`
export const KEEP_LOGO = `UPDATE logo SET digest = ?2, media_type = ?3, image = ?4 WHERE logo_uri = ?1`
export const FIND_LOGO = `SELECT media_type, image FROM logo WHERE digest = ?1 LIMIT 1`
export const LOGO_OF_CLIENT = `SELECT c.logo_uri FROM client c LEFT JOIN logo g ON g.logo_uri = c.logo_uri
  WHERE c.client_id = ?1 AND c.logo_uri <> '' AND g.digest IS NULL`

type Logo = Readonly<{ mediaType: string; bytes: Uint8Array<ArrayBuffer> }>

/** D1 returns a blob as a list of numbers. */
type LogoRow = { media_type: string; image: number[] }

export type LogoStore = ReturnType<typeof logoStore>

export const logoStore = (db: Database) => ({
  /** The address of the client's logo if its image is not stored yet; otherwise null. */
  missingOf: async (clientId: string) =>
    (await bound(db, LOGO_OF_CLIENT, clientId).first<string>('logo_uri')) ?? null,
  /**
   * May the address be fetched now? One of several simultaneous calls gets `claimed`, and so does a call an hour after a
   * failed attempt. A call gets `later` if another address at the host was tried within 10 s, if no client names the address,
   * or if the store is full.
   */
  async claim(logoUri: string, now: number): Promise<'claimed' | 'later' | 'blocked'> {
    const { host, hostname } = new URL(logoUri)
    const covering = JSON.stringify(coveringHosts(hostname))
    const [claimed, , blocked] = await db.batch([
      bound(db, CLAIM_LOGO, logoUri, host, now, covering),
      bound(db, NOTE_ATTEMPT, logoUri, host, now),
      bound(db, FIND_BLOCKED, covering),
    ])
    if ((claimed?.results.length ?? 0) > 0) return 'claimed'
    return (blocked?.results.length ?? 0) > 0 ? 'blocked' : 'later'
  },
  /** Writes nothing if no client names the address any more. `digest`: base64url SHA-256 of the bytes. */
  async keep(logoUri: string, logo: Logo & Readonly<{ digest: string }>): Promise<void> {
    const { digest, mediaType, bytes } = logo
    await bound(db, KEEP_LOGO, logoUri, digest, mediaType, bytes).run()
  },
  /** Null if there is no such image. */
  async find(digest: string): Promise<Logo | null> {
    const row = await bound(db, FIND_LOGO, digest).first<LogoRow>()
    return row && { mediaType: row.media_type, bytes: Uint8Array.from(row.image) }
  },
})
