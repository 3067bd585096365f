/** Is there a live session under this key? The one function that answers it, for whoever checks tokens. */

import {
  DOCUMENT_REFRESH_SECONDS,
  emptyDocument,
  isRevokedBy,
  newerDocument,
  subjectsOf,
} from '../domain/revocation.ts'
import { endOf, type SessionRecord } from '../domain/session.ts'
import { readSession } from '../domain/session-shape.ts'
import type { Database, Namespace } from './database.ts'
import { evictOldest } from './evict-oldest.ts'
import type { LiveSessions, SessionStore } from './ports.ts'
import { DOCUMENT_KEY, parseDocument } from './revocation-document.ts'
import { IS_REVOKED } from './revocations.ts'
import { SharedRead } from './shared-read.ts'

/** Bounds the memory of what was seen revoked: about 100 bytes a key. */
const MAX_REMEMBERED = 10_000
/** Of records as they were parsed: about 2 KiB each, with its text. */
const MAX_RECORDS = 1000

/** What KV holds, and what it says. `endsAt` in epoch seconds. */
type Kept = Readonly<{ text: string; found: ReturnType<typeof parse>; endsAt: number }>

/** What an isolate knows of sessions from earlier requests. */
export class KnownSessions {
  readonly revokedKeys = new Set<string>()
  readonly records = new Map<string, Kept>()
  document = emptyDocument
  documentReadAtMs = Number.NEGATIVE_INFINITY
  readonly documentRead = new SharedRead()
}

/**
 * `db` null: nobody can be told at once, and whoever asks for that is refused. What an isolate once saw
 * revoked it never accepts again, though KV may show it older and newer data in turn.
 */
export function liveSessions(
  sessions: Namespace,
  db: Database | null,
  known = new KnownSessions(),
): LiveSessions {
  const { revokedKeys, records } = known

  const remember = (key: string) => {
    evictOldest(revokedKeys, MAX_REMEMBERED)
    revokedKeys.add(key)
  }

  /** The same text is the same record: whoever is told of it can keep what follows from it. */
  function read(key: string, text: string): Kept {
    const last = records.get(key)
    if (last?.text === text) return last
    const found = parse(text)
    const endsAt = found === null || found === 'tombstone' ? 0 : endOf(found)
    const kept = { text, found, endsAt }
    records.delete(key)
    evictOldest(records, MAX_RECORDS)
    records.set(key, kept)
    return kept
  }

  /**
   * Throws for a document that cannot be read: what it should say is not known then. What was known stays known. No
   * document says nothing: KV may show it late, or nothing was revoked for as long as a session lives.
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

  async function isRevokedInTruth(key: string, session: SessionRecord): Promise<boolean> {
    if (!db) throw new Error('revocation: immediate needs the database DB bound')
    const subjects = JSON.stringify(subjectsOf(session))
    return (await db.prepare(IS_REVOKED).bind(key, subjects).first()) !== null
  }

  async function findShown(key: string, nowMs: number) {
    if (revokedKeys.has(key)) return null
    const value = await sessions.get(key)
    if (value === null) return null
    const { found, endsAt } = read(key, value)
    if (found === 'tombstone') remember(key)
    if (found === null || found === 'tombstone' || Math.floor(nowMs / 1000) >= endsAt) return null
    return found
  }

  async function isRevoked(key: string, session: SessionRecord, immediate: boolean) {
    const isOver =
      isRevokedBy(known.document, session) || (immediate && (await isRevokedInTruth(key, session)))
    if (isOver) remember(key)
    return isOver
  }

  return {
    findShown,
    holds: async (key, session) => !(await isRevoked(key, session, true)),
    async find(key, nowMs, immediate) {
      if (revokedKeys.has(key)) return null
      // D1 knows all that the document says.
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

export const sessionStore = (sessions: Pick<KVNamespace, 'put'>): SessionStore => ({
  put: (key, session, lifetimeSeconds) =>
    sessions.put(key, JSON.stringify(session), { expirationTtl: lifetimeSeconds }),
})
