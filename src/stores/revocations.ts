/** Revocations: D1 records and decides them, and KV shows them to everyone who checks tokens. */

import type { AuditEntry } from '../domain/audit.ts'
import type { ClientId, SessionKey } from '../domain/ids.ts'
import { MAX_SIGNED_TOKEN_SECONDS } from '../domain/resource.ts'
import { consentSubject, isOfSignedToken, UNDER_WAY_SECONDS } from '../domain/revocation.ts'
import { recordStatement, removalStatement } from './audit.ts'
import { bound, D1_NOW, D1_NOW_MS, type Database, type TextNamespace } from './database.ts'
import { MIN_TTL_SECONDS, projectRevocations, repairDocument } from './revocation-document.ts'
import {
  END_FAMILY,
  keptSeconds,
  REVOKE_SESSIONS_OF_FAMILY,
  REVOKE_TOKENS,
  revocationStatements,
  revokeStatement,
  SESSIONS_OF_FAMILY,
} from './revocation-statements.ts'

/** Replaces a revoked session in KV. A deleted key would not do: KV may lag, so a missing key proves nothing. */
export const TOMBSTONE = '{"revoked":true}'

export const FORGET_CONSENT = `DELETE FROM consent WHERE user_id = ?1 AND client_id = ?2`
export const UNSHOWN_SESSIONS = `SELECT subject AS key, expires_at - ${D1_NOW} AS secondsLeft,
    revoked_at_ms <= ${D1_NOW_MS} - ${UNDER_WAY_SECONDS * 1000} AS isSettled
  FROM revocation WHERE kind = 'session' AND is_shown = 0 LIMIT ?1`
export const MARK_SHOWN = `UPDATE revocation SET is_shown = 1
  WHERE kind = 'session' AND subject IN (SELECT value FROM json_each(?1))`
export const IS_REVOKED = `SELECT 1 AS revoked FROM revocation WHERE kind IN ('session', 'token') AND subject = ?1
  UNION ALL SELECT 1 FROM json_each(?2) j CROSS JOIN revocation r
    ON r.kind = j.value ->> 0 AND r.subject = j.value ->> 1 WHERE r.revoked_at_ms >= j.value ->> 2 LIMIT 1`

const UNSHOWN_AT_ONCE = 300

/** The holder of an access token. `userId` is null for a token of the client itself. */
type TokenHolder = Readonly<{ clientId: ClientId; userId: string | null }>

/** The kind and subject that end if too many single tokens are revoked. */
const wider = (holder: TokenHolder | undefined) => {
  if (!holder) return [null, null]
  const { userId, clientId } = holder
  return userId === null ? ['client', clientId] : ['consent', consentSubject(userId, clientId)]
}

export type RevocationStore = ReturnType<typeof revocationStore>

/** `lifetimeSeconds`: the longest life of a session. `entry`: the audit row if the revocation is an administrator's act. */
export function revocationStore(
  db: Database,
  sessions: Pick<TextNamespace, 'get' | 'put'>,
  lifetimeSeconds: number,
  entry: AuditEntry | null = null,
) {
  // The audit row follows the statement that decides whether the act has an effect.
  const audited = entry ? [recordStatement(db, entry)] : []
  /** Returns the keys that KV stored. Cron writes the other keys. */
  const writeTombstones = async (
    ended: readonly Readonly<{ key: string; secondsLeft: number }>[],
  ) => {
    const outcomes = await Promise.allSettled(
      ended.map(async ({ key, secondsLeft }) => {
        const expirationTtl = Math.max(MIN_TTL_SECONDS, secondsLeft)
        await sessions.put(key, TOMBSTONE, { expirationTtl })
        return key
      }),
    )
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  }
  /** How long the revocation of a session and of a signed token is kept, in seconds. */
  const kept = [keptSeconds(lifetimeSeconds), keptSeconds(MAX_SIGNED_TOKEN_SECONDS)]
  /** Returns whether KV stored all of the keys. Revocations of signed tokens are in the document. */
  const showEnded = async (keys: readonly SessionKey[]) => {
    const inKv = keys.filter((key) => !isOfSignedToken(key))
    const [shown, isProjected] = await Promise.all([
      writeTombstones(inKv.map((key) => ({ key, secondsLeft: lifetimeSeconds }))),
      keys.length === inKv.length ||
        projectRevocations(db, sessions).then(
          () => true,
          () => false,
        ),
    ])
    return isProjected && shown.length === inKv.length
  }
  /**
   * Records that KV shows these revocations, so that cron need not write them. A lost write is harmless. A session that a
   * request may still write to KV must not be marked: the write would replace the tombstone.
   */
  const markShown = async (keys: readonly string[]) => {
    if (keys.length > 0) await bound(db, MARK_SHOWN, JSON.stringify(keys)).run()
  }

  return {
    /**
     * Settles when D1 has the revocations: from then on checks with `immediate` refuse the sessions, and other checks refuse
     * them within the stated bound. Returns whether KV stored them all. Cron writes them to KV too, unless `markShown`
     * records that KV has them. A key may be that of a signed token of `holder`: if `MAX_REVOKED_TOKENS` are revoked already,
     * all access tokens of that holder end.
     */
    async endSessions(keys: readonly SessionKey[], holder?: TokenHolder): Promise<boolean> {
      if (keys.length === 0) return true
      const signed = keys.filter(isOfSignedToken)
      const inKv = keys.filter((key) => !isOfSignedToken(key))
      await db.batch([
        ...(inKv.length > 0 ? [revokeStatement(db, 'session', inKv, lifetimeSeconds)] : []),
        ...(signed.length > 0
          ? [bound(db, REVOKE_TOKENS, JSON.stringify(signed), ...kept, ...wider(holder))]
          : []),
        ...audited,
      ])
      return showEnded(keys)
    },
    markShown,
    /** Ends the family's refresh tokens and their sessions, in one transaction. Returns the same as `endSessions`. */
    async endFamily(familyId: string): Promise<boolean> {
      // One transaction is needed: a call that is repeated after a partial failure finds the family ended and would not
      // revoke its sessions.
      const outcomes = await db.batch<{ session_key: SessionKey }>([
        bound(db, END_FAMILY, familyId),
        ...audited,
        bound(db, REVOKE_SESSIONS_OF_FAMILY, familyId, ...kept),
        bound(db, SESSIONS_OF_FAMILY, familyId, ...kept),
      ])
      const keys = (outcomes.at(-1)?.results ?? []).map((row) => row.session_key)
      // A request under way may still replace the tombstone of the last session, so no session is marked as shown.
      return showEnded(keys)
    },
    /** Ends what one user granted to one client: remembered consent, families, codes, sessions. */
    async removeConsent(userId: string, clientId: ClientId): Promise<void> {
      await db.batch([
        removalStatement(db, userId, clientId),
        bound(db, FORGET_CONSENT, userId, clientId),
        ...revocationStatements(db, { kind: 'consent', userId, clientId }, lifetimeSeconds),
      ])
    },
    async project(): Promise<void> {
      await projectRevocations(db, sessions)
    },
    /** For cron: writes to KV the revocations whose write was lost. */
    async repairKv(): Promise<void> {
      await repairDocument(db, sessions)
      type Unshown = Readonly<{ key: string; secondsLeft: number; isSettled: number }>
      const { results } = await bound(db, UNSHOWN_SESSIONS, UNSHOWN_AT_ONCE).all<Unshown>()
      const shown = await writeTombstones(results)
      // A request may have replaced a recent tombstone, so the next run writes it again.
      const settled = results.filter(({ isSettled }) => isSettled === 1).map(({ key }) => key)
      await markShown(settled.filter((key) => shown.includes(key)))
    },
  }
}
