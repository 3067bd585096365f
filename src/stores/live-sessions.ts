/** Sessions in KV, under the digest of their token: how a session is written, and the one check whether a session is live. */

import type { SessionKey } from '../domain/ids.ts'
import {
  DOCUMENT_REFRESH_SECONDS,
  emptyDocument,
  isRevokedBy,
  newerDocument,
  subjectsOf,
} from '../domain/revocation.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import { readSession } from '../domain/session-shape.ts'
import { bound, type Database, type Namespace } from './database.ts'
import { evictOldest, keepIn, SharedRead } from './isolate-memory.ts'
import { DOCUMENT_KEY, parseDocument } from './revocation-document.ts'
import { IS_REVOKED } from './revocations.ts'

/** The most revoked keys, which bounds the memory: each has about 100 bytes. */
const MAX_REMEMBERED = 10_000
/** The most parsed records, which bounds the memory: each has about 2 KiB. */
const MAX_RECORDS = 1000

/** A text from KV and the record parsed from it. `endsAt` in epoch seconds. */
type Kept = Readonly<{ text: string; found: ReturnType<typeof parse>; endsAt: number }>

export class KnownSessions {
  readonly revokedKeys = new Set<string>()
  readonly records = new Map<string, Kept>()
  document = emptyDocument
  documentReadAtMs = Number.NEGATIVE_INFINITY
  readonly documentRead = new SharedRead()
}

export type LiveSessions = ReturnType<typeof liveSessions>

/** If `db` is null, a check with `immediate` throws. A session seen revoked stays revoked: KV may return older data later. */
export function liveSessions(
  sessions: Namespace,
  db: Database | null,
  known = new KnownSessions(),
) {
  const { revokedKeys, records } = known

  const remember = (key: string) => {
    evictOldest(revokedKeys, MAX_REMEMBERED)
    revokedKeys.add(key)
  }

  /** Returns the same object for the same text, so that a caller can cache what it derives from a record. */
  function read(key: string, text: string): Kept {
    const last = records.get(key)
    if (last?.text === text) return last
    const found = parse(text)
    const endsAt = found === null || found === 'tombstone' ? 0 : endOf(found)
    const kept = { text, found, endsAt }
    keepIn(records, key, kept, MAX_RECORDS)
    return kept
  }

  /**
   * Throws for a malformed document, because its revocations are unknown. A missing document revokes nothing, and revocations
   * that are known already stay: KV may return the document late, or no revocation is younger than a session's lifetime.
   */
  async function readDocument(nowMs: number) {
    const text = await sessions.get(DOCUMENT_KEY)
    const read = text === null ? emptyDocument : parseDocument(text)
    if (!read) throw new Error('the document of revocations in KV is malformed')
    known.document = newerDocument(known.document, read)
    known.documentReadAtMs = Math.max(known.documentReadAtMs, nowMs)
  }

  async function refreshDocument(nowMs: number) {
    const isFresh = () => nowMs - known.documentReadAtMs < DOCUMENT_REFRESH_SECONDS * 1000
    if (!isFresh()) await known.documentRead.share(isFresh, () => readDocument(nowMs))
  }

  async function isRevokedInD1(key: string, session: SessionRecord): Promise<boolean> {
    if (!db) throw new Error('revocation: immediate needs the database DB bound')
    const subjects = JSON.stringify(subjectsOf(session))
    return (await bound(db, IS_REVOKED, key, subjects).first()) !== null
  }

  async function findShown(key: SessionKey, nowMs: number): Promise<SessionRecord | null> {
    if (revokedKeys.has(key)) return null
    const value = await sessions.get(key)
    if (value === null) return null
    const { found, endsAt } = read(key, value)
    if (found === 'tombstone') remember(key)
    if (found === null || found === 'tombstone' || Math.floor(nowMs / 1000) >= endsAt) return null
    return found
  }

  async function isRevoked(key: SessionKey, session: SessionRecord, immediate: boolean) {
    const isOver =
      isRevokedBy(known.document, key, session) ||
      (immediate && (await isRevokedInD1(key, session)))
    if (isOver) remember(key)
    return isOver
  }

  return {
    /**
     * The method `find` with `immediate` in two parts: what KV shows, and then whether D1 has no revocation. In between, a
     * caller may begin reads, but must not respond before `holds` has returned true.
     */
    findShown,
    holds: async (key: SessionKey, session: SessionRecord) =>
      !(await isRevoked(key, session, true)),
    /** For a signed token, whose session is not in KV. Sees the same revocations as `find`, and those of the single token. */
    async accepts(
      key: SessionKey,
      session: SessionRecord,
      nowMs: number,
      immediate: boolean,
    ): Promise<boolean> {
      if (revokedKeys.has(key)) return false
      if (!immediate) await refreshDocument(nowMs)
      return !(await isRevoked(key, session, immediate))
    },
    /**
     * Null if the session is unknown, not yet visible, ended or revoked. A revocation is seen within its stated bound, or at
     * once with `immediate`, which also asks D1 and throws if there is no D1.
     */
    async find(key: SessionKey, nowMs: number, immediate: boolean): Promise<SessionRecord | null> {
      if (revokedKeys.has(key)) return null
      // D1 has every revocation that the document has.
      const [found] = await Promise.all([
        findShown(key, nowMs),
        immediate || refreshDocument(nowMs),
      ])
      return found && !(await isRevoked(key, found, immediate)) ? found : null
    },
  }
}

function parse(text: string): SessionRecord | 'tombstone' | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'revoked' in value) return 'tombstone'
    return readSession(value)
  } catch {
    return null
  }
}

export type SessionStore = ReturnType<typeof sessionStore>

export const sessionStore = (sessions: Pick<KVNamespace, 'get' | 'put'>) => ({
  /** Does KV show anything under the key, a session or a tombstone? */
  isStored: async (key: SessionKey) => (await sessions.get(key)) !== null,
  /** The session is visible at once where it was written, and elsewhere within a minute. */
  put: (key: SessionKey, session: SessionRecord, lifetimeSeconds: number) =>
    sessions.put(key, JSON.stringify(session), { expirationTtl: lifetimeSeconds }),
})
