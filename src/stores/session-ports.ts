/** What the stores of sessions and of revocations promise. Import it from `ports.ts`. */

import type { ClientId, SessionKey } from '../domain/ids.ts'
import type { SessionRecord } from '../domain/session.ts'

export interface SessionStore {
  /** Visible at once where it was written, elsewhere within a minute. */
  put(key: SessionKey, session: SessionRecord, lifetimeSeconds: number): Promise<void>
  /** Does KV show anything under the key, a session or a tombstone? */
  isStored(key: SessionKey): Promise<boolean>
}

export interface LiveSessions {
  /**
   * Null if unknown, not yet visible, ended or revoked. A revocation is seen within its stated bound, or at once with
   * `immediate`, which also asks D1 and throws without a D1.
   */
  find(key: SessionKey, nowMs: number, immediate: boolean): Promise<SessionRecord | null>
  /**
   * `find` with `immediate` in two parts: what KV shows, then whether D1 has no revocation. In between, a caller may begin
   * reads, but must not respond before `holds` has returned true.
   */
  findShown(key: SessionKey, nowMs: number): Promise<SessionRecord | null>
  holds(key: SessionKey, session: SessionRecord): Promise<boolean>
  /**
   * For the session of a signed token, which is not in KV: is there no revocation of it? Sees them as `find` does, also
   * those of the single token.
   */
  accepts(
    key: SessionKey,
    session: SessionRecord,
    nowMs: number,
    immediate: boolean,
  ): Promise<boolean>
}

/** Whose access token it is. `userId` null: the client's own. */
export type TokenHolder = Readonly<{ clientId: ClientId; userId: string | null }>

/** D1 dates every revocation in its own transaction. */
export interface RevocationStore {
  /**
   * Settles when D1 has the revocations: from then on checks with `immediate` refuse the sessions, others within the
   * stated bound. Returns whether KV took them all. Cron writes them to KV too, unless `markShown` records that KV has
   * them. A key may be that of a signed token, of `holder`: where `MAX_REVOKED_TOKENS` are revoked already, all access
   * tokens of that holder end.
   */
  endSessions(keys: readonly SessionKey[], holder?: TokenHolder): Promise<boolean>
  /**
   * Records that KV shows these revocations, so that cron need not write them. A lost write is harmless. Not for a session
   * that may still be written to KV: it would overwrite its tombstone.
   */
  markShown(keys: readonly SessionKey[]): Promise<void>
  /** Ends the family's refresh tokens and the sessions issued with them, in one transaction. Returns as `endSessions`. */
  endFamily(familyId: string): Promise<boolean>
  /** Ends what one user granted one client: remembered consent, families, codes, sessions. */
  removeConsent(userId: string, clientId: ClientId): Promise<void>
  /** Writes the document of bulk revocations to KV, which every authenticator reads. */
  project(): Promise<void>
  /** For cron: writes to KV the revocations whose write was lost. */
  repairKv(): Promise<void>
}
