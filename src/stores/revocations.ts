/** Revocations: the truth in D1, projected into KV for whoever checks tokens. */

import {
  consentSubject,
  type Ended,
  emptyDocument,
  type RevocationDocument,
  type RevocationKind,
  UNDER_WAY_SECONDS,
} from '../domain/revocation.ts'
import { removalStatement } from './audit.ts'
import type { Database, TextWriter } from './database.ts'
import type { RevocationStore } from './ports.ts'

/** Beside the sessions, whose keys are digests of 43 characters. */
export const DOCUMENT_KEY = 'revocations'
/** What a revoked session's key holds until it would have ended: unlike a missing key, never a lag of KV. */
export const TOMBSTONE = '{"revoked":true}'

const OR_LATER = `ON CONFLICT DO UPDATE SET revoked_at_ms = max(revoked_at_ms, excluded.revoked_at_ms),
    expires_at = max(expires_at, excluded.expires_at)`
export const REVOKE = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT ?1, value, ?3, ?4 FROM json_each(?2) WHERE true ${OR_LATER}`
/** Over HTTP every parameter is text. */
const COMMITTED_AT_MS = `max(CAST(?3 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER))`
/**
 * Of records: the moment is D1's own, in the transaction that makes them untrue, since until then an isolate may have
 * read one anew. Not before the act's.
 */
export const REVOKE_RECORDS = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT ?1, value, ${COMMITTED_AT_MS}, ${COMMITTED_AT_MS} / 1000 + CAST(?4 AS INTEGER)
  FROM json_each(?2) WHERE true ${OR_LATER}`
export const REVOKE_SESSIONS_OF_FAMILY = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT 'session', session_key, ?3, ?4 FROM refresh_token WHERE family_id = ?1 AND issued_at > ?2 ${OR_LATER}`
/** Over HTTP every parameter is text, which `min` alone would not take for a number. */
export const SPARE_FROM = `UPDATE revocation SET revoked_at_ms = min(revoked_at_ms, CAST(?3 AS INTEGER))
  WHERE kind = ?1 AND subject = ?2`
export const END_FAMILIES_OF_CLIENT = `UPDATE refresh_family SET ended_at = ?2
  WHERE client_id = ?1 AND ended_at IS NULL`
export const END_FAMILIES_OF_USER = `UPDATE refresh_family SET ended_at = ?2
  WHERE user_id = ?1 AND ended_at IS NULL`
export const END_FAMILIES_OF_CONSENT = `UPDATE refresh_family SET ended_at = ?3
  WHERE user_id = ?1 AND client_id = ?2 AND ended_at IS NULL`
/** A code not yet redeemed is spent for nothing. */
export const VOID_CODES_OF_CLIENT = `UPDATE authorization_code SET spent_at = ?2, session_key = ''
  WHERE client_id = ?1 AND spent_at IS NULL`
export const VOID_CODES_OF_USER = `UPDATE authorization_code SET spent_at = ?2, session_key = ''
  WHERE user_id = ?1 AND spent_at IS NULL`
export const VOID_CODES_OF_CONSENT = `UPDATE authorization_code SET spent_at = ?3, session_key = ''
  WHERE user_id = ?1 AND client_id = ?2 AND spent_at IS NULL`
export const FORGET_CONSENT = `DELETE FROM consent WHERE user_id = ?1 AND client_id = ?2`
export const END_FAMILY = `UPDATE refresh_family SET ended_at = ?2 WHERE family_id = ?1 AND ended_at IS NULL`
export const SESSIONS_OF_FAMILY = `SELECT session_key FROM refresh_token
  WHERE family_id = ?1 AND issued_at > ?2`
export const LIVE_REVOCATIONS = `SELECT kind, subject, revoked_at_ms, expires_at FROM revocation
  WHERE expires_at > ?1 AND kind <> 'session'`
export const UNSHOWN_SESSIONS = `SELECT subject, revoked_at_ms, expires_at FROM revocation
  WHERE kind = 'session' AND is_shown = 0 LIMIT ?1`
export const MARK_SHOWN = `UPDATE revocation SET is_shown = 1
  WHERE kind = 'session' AND subject IN (SELECT value FROM json_each(?1))`
export const IS_REVOKED = `SELECT 1 AS revoked FROM revocation WHERE kind = 'session' AND subject = ?1
  UNION ALL SELECT 1 FROM json_each(?2) j CROSS JOIN revocation r
    ON r.kind = j.value ->> 0 AND r.subject = j.value ->> 1 WHERE r.revoked_at_ms >= j.value ->> 2 LIMIT 1`

const UNSHOWN_AT_ONCE = 300
/** KV refuses less. */
const MIN_TTL_SECONDS = 60

const EVERYTHING: readonly Ended[] = ['sessions', 'families', 'codes']

/** What a bulk revocation writes, in the caller's own batch. */
export function revocationStatements(
  db: Database,
  kind: Exclude<RevocationKind, 'client_record'>,
  ids: Readonly<{ userId?: string; clientId?: string }>,
  nowMs: number,
  lifetimeSeconds: number,
  ended: readonly Ended[] = EVERYTHING,
): D1PreparedStatement[] {
  const { userId = '', clientId = '' } = ids
  const now = Math.floor(nowMs / 1000)
  const end = {
    client: [clientId, END_FAMILIES_OF_CLIENT, VOID_CODES_OF_CLIENT],
    user: [userId, END_FAMILIES_OF_USER, VOID_CODES_OF_USER],
    consent: [consentSubject(userId, clientId), END_FAMILIES_OF_CONSENT, VOID_CODES_OF_CONSENT],
  } as const
  const [subject, endFamilies, voidCodes] = end[kind]
  const whose = kind === 'consent' ? [userId, clientId] : [subject]
  const statements = {
    sessions: revokeStatement(db, kind, [subject], nowMs, lifetimeSeconds),
    families: db.prepare(endFamilies).bind(...whose, now),
    codes: db.prepare(voidCodes).bind(...whose, now),
  }
  return ended.map((one) => statements[one])
}

/** Sessions opened from now on are good, though a revocation was written to reach further. */
export const spareStatement = (
  db: Database,
  kind: RevocationKind,
  subject: string,
  nowMs: number,
) => db.prepare(SPARE_FROM).bind(kind, subject, nowMs)

export function revokeStatement(
  db: Database,
  kind: RevocationKind | 'session',
  subjects: readonly string[],
  nowMs: number,
  lifetimeSeconds: number,
) {
  const all = JSON.stringify(subjects)
  if (kind === 'client_record') {
    return db.prepare(REVOKE_RECORDS).bind(kind, all, nowMs, lifetimeSeconds)
  }
  return db.prepare(REVOKE).bind(kind, all, nowMs, Math.floor(nowMs / 1000) + lifetimeSeconds)
}

/**
 * `lifetimeSeconds`: the longest that a session lives. `also` goes into the batch of an act, right after the statement
 * that decides whether it does anything.
 */
export function revocationStore(
  db: Database,
  sessions: TextWriter,
  lifetimeSeconds: number,
  also: readonly D1PreparedStatement[] = [],
): RevocationStore {
  /** Answers the keys that KV took. One that it did not take is for cron. */
  const bury = async (graves: readonly Readonly<{ key: string; secondsLeft: number }>[]) => {
    const outcomes = await Promise.allSettled(
      graves.map(async ({ key, secondsLeft }) => {
        const expirationTtl = Math.max(MIN_TTL_SECONDS, secondsLeft)
        await sessions.put(key, TOMBSTONE, { expirationTtl })
        return key
      }),
    )
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  }
  const buryFresh = (keys: readonly string[]) =>
    bury(keys.map((key) => ({ key, secondsLeft: lifetimeSeconds })))
  const markShown = async (keys: readonly string[]) => {
    if (keys.length > 0) await db.prepare(MARK_SHOWN).bind(JSON.stringify(keys)).run()
  }

  return {
    async endSessions(keys, nowMs) {
      if (keys.length === 0) return true
      const revoking = revokeStatement(db, 'session', keys, nowMs, lifetimeSeconds)
      await db.batch([revoking, ...also])
      return (await buryFresh(keys)).length === keys.length
    },
    markShown,
    async endFamily(familyId, nowMs) {
      const now = Math.floor(nowMs / 1000)
      const oldest = now - lifetimeSeconds
      // Together: once the family has ended, nobody would come back for its sessions.
      const outcomes = await db.batch<{ session_key: string }>([
        db.prepare(END_FAMILY).bind(familyId, now),
        ...also,
        db.prepare(REVOKE_SESSIONS_OF_FAMILY).bind(familyId, oldest, nowMs, now + lifetimeSeconds),
        db.prepare(SESSIONS_OF_FAMILY).bind(familyId, oldest),
      ])
      const keys = (outcomes.at(-1)?.results ?? []).map((row) => row.session_key)
      // The last of them may be opening at this moment, so none is marked as shown.
      return (await buryFresh(keys)).length === keys.length
    },
    async removeConsent(userId, clientId, nowMs) {
      await db.batch([
        ...revocationStatements(db, 'consent', { userId, clientId }, nowMs, lifetimeSeconds),
        removalStatement(db, userId, clientId, Math.floor(nowMs / 1000)),
        db.prepare(FORGET_CONSENT).bind(userId, clientId),
      ])
    },
    project: (nowMs) => projectRevocations(db, sessions, nowMs, lifetimeSeconds),
    async heal(nowMs) {
      await this.project(nowMs)
      const { results } = await db
        .prepare(UNSHOWN_SESSIONS)
        .bind(UNSHOWN_AT_ONCE)
        .all<{ subject: string; revoked_at_ms: number; expires_at: number }>()
      const now = Math.floor(nowMs / 1000)
      const shown = await bury(
        results.map((row) => ({ key: row.subject, secondsLeft: row.expires_at - now })),
      )
      // What may have been written over is shown once more the next time.
      const settled = new Set(
        results
          .filter((row) => row.revoked_at_ms <= nowMs - UNDER_WAY_SECONDS * 1000)
          .map((row) => row.subject),
      )
      await markShown(shown.filter((key) => settled.has(key)))
    },
  }
}

/**
 * Rebuilds the document from D1 and writes it. Repeating it does no harm; a lost write is made good by the next. While
 * nothing is revoked there is nothing to write, and what was written goes by itself once no session falls under it.
 */
export async function projectRevocations(
  db: Database,
  sessions: TextWriter,
  nowMs: number,
  lifetimeSeconds: number,
): Promise<void> {
  const now = Math.floor(nowMs / 1000)
  const live = await db
    .prepare(LIVE_REVOCATIONS)
    .bind(now)
    .all<{ kind: RevocationKind; subject: string; revoked_at_ms: number; expires_at: number }>()
  if (live.results.length === 0) return
  const document: Record<RevocationKind, Record<string, number>> = {
    client: {},
    client_record: {},
    user: {},
    consent: {},
  }
  let lastEnd = now + MIN_TTL_SECONDS
  for (const { kind, subject, revoked_at_ms, expires_at } of live.results) {
    document[kind][subject] = revoked_at_ms
    lastEnd = Math.max(lastEnd, expires_at)
  }
  const written: RevocationDocument = { ...emptyDocument, ...document, lifetimeSeconds }
  await sessions.put(DOCUMENT_KEY, JSON.stringify(written), { expirationTtl: lastEnd - now })
}
