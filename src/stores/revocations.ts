/** Revocations: the truth in D1, projected into KV for whoever checks tokens. */

import {
  consentSubject,
  emptyDocument,
  type RevocationDocument,
  type RevocationKind,
} from '../domain/revocation.ts'
import type { Database } from './database.ts'
import type { RevocationStore } from './ports.ts'

/** Beside the sessions, whose keys are digests of 43 characters. */
export const DOCUMENT_KEY = 'revocations'
/** What a revoked session's key holds until it would have ended: unlike a missing key, never a lag of KV. */
export const TOMBSTONE = '{"revoked":true}'

export const REVOKE = `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
  SELECT ?1, value, ?3, ?4 FROM json_each(?2) WHERE true
  ON CONFLICT DO UPDATE SET revoked_at_ms = max(revoked_at_ms, excluded.revoked_at_ms),
    expires_at = max(expires_at, excluded.expires_at)`
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
export const LIVE_REVOCATIONS = `SELECT kind, subject, revoked_at_ms FROM revocation
  WHERE expires_at > ?1 AND kind <> 'session'`
export const UNSHOWN_SESSIONS = `SELECT subject, expires_at FROM revocation
  WHERE kind = 'session' AND is_shown = 0 LIMIT ?1`
export const MARK_SHOWN = `UPDATE revocation SET is_shown = 1 WHERE kind = 'session' AND subject = ?1`
export const IS_REVOKED = `SELECT 1 AS revoked FROM revocation WHERE kind = 'session' AND subject = ?1
  UNION ALL SELECT 1 FROM json_each(?2) j CROSS JOIN revocation r
    ON r.kind = j.value ->> 0 AND r.subject = j.value ->> 1 WHERE r.revoked_at_ms >= ?3 LIMIT 1`
export const SWEEP_REVOCATIONS = `DELETE FROM revocation WHERE (kind, subject) IN
  (SELECT kind, subject FROM revocation WHERE expires_at <= ?1 LIMIT ?2)`

const UNSHOWN_AT_ONCE = 300
const SWEEP_ROWS = 1000
/** KV refuses less. */
const MIN_TTL_SECONDS = 60

/** What a bulk revocation writes: sessions, refresh families and codes, in the caller's own batch. */
export function revocationStatements(
  db: Database,
  kind: RevocationKind,
  ids: Readonly<{ userId?: string; clientId?: string }>,
  nowMs: number,
  lifetimeSeconds: number,
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
  return [
    revokeStatement(db, kind, [subject], nowMs, lifetimeSeconds),
    db.prepare(endFamilies).bind(...whose, now),
    db.prepare(voidCodes).bind(...whose, now),
  ]
}

export const revokeStatement = (
  db: Database,
  kind: RevocationKind | 'session',
  subjects: readonly string[],
  nowMs: number,
  lifetimeSeconds: number,
) =>
  db
    .prepare(REVOKE)
    .bind(kind, JSON.stringify(subjects), nowMs, Math.floor(nowMs / 1000) + lifetimeSeconds)

/** `lifetimeSeconds`: the longest that a session lives. */
export function revocationStore(
  db: Database,
  sessions: Pick<KVNamespace, 'put'>,
  lifetimeSeconds: number,
): RevocationStore {
  const bury = async (key: string, secondsLeft: number) => {
    const expirationTtl = Math.max(MIN_TTL_SECONDS, secondsLeft)
    await sessions.put(key, TOMBSTONE, { expirationTtl })
    await db.prepare(MARK_SHOWN).bind(key).run()
  }

  return {
    async endSessions(keys, nowMs) {
      if (keys.length === 0) return
      await revokeStatement(db, 'session', keys, nowMs, lifetimeSeconds).run()
      // D1 has it: if KV fails now, cron shows it later.
      await Promise.allSettled(keys.map((key) => bury(key, lifetimeSeconds)))
    },
    async endFamily(familyId, nowMs) {
      const now = Math.floor(nowMs / 1000)
      const [, live] = await db.batch<{ session_key: string }>([
        db.prepare(END_FAMILY).bind(familyId, now),
        db.prepare(SESSIONS_OF_FAMILY).bind(familyId, now - lifetimeSeconds),
      ])
      await this.endSessions(
        (live?.results ?? []).map((row) => row.session_key),
        nowMs,
      )
    },
    async removeConsent(userId, clientId, nowMs) {
      await db.batch([
        ...revocationStatements(db, 'consent', { userId, clientId }, nowMs, lifetimeSeconds),
        db.prepare(FORGET_CONSENT).bind(userId, clientId),
      ])
    },
    project: (nowMs) => projectRevocations(db, sessions, nowMs, lifetimeSeconds),
    async heal(nowMs) {
      const unshown = await db
        .prepare(UNSHOWN_SESSIONS)
        .bind(UNSHOWN_AT_ONCE)
        .all<{ subject: string; expires_at: number }>()
      const now = Math.floor(nowMs / 1000)
      for (const { subject, expires_at } of unshown.results) await bury(subject, expires_at - now)
      await this.project(nowMs)
    },
    async sweep(now) {
      return (await db.prepare(SWEEP_REVOCATIONS).bind(now, SWEEP_ROWS).run()).meta.changes
    },
  }
}

/** Rebuilds the document from D1 and writes it. Repeating it does no harm; a lost write is made good by the next. */
export async function projectRevocations(
  db: Database,
  sessions: Pick<KVNamespace, 'put'>,
  nowMs: number,
  lifetimeSeconds: number,
): Promise<void> {
  const live = await db
    .prepare(LIVE_REVOCATIONS)
    .bind(Math.floor(nowMs / 1000))
    .all<{ kind: RevocationKind; subject: string; revoked_at_ms: number }>()
  const document: Record<RevocationKind, Record<string, number>> = {
    client: {},
    user: {},
    consent: {},
  }
  for (const { kind, subject, revoked_at_ms } of live.results) {
    document[kind][subject] = revoked_at_ms
  }
  const written: RevocationDocument = { ...emptyDocument, ...document, lifetimeSeconds }
  await sessions.put(DOCUMENT_KEY, JSON.stringify(written))
}
