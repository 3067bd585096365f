/** The document of bulk revocations in KV, which every authenticator reads: a projection of D1's table. */

import {
  emptyDocument,
  REVOCATION_KINDS,
  type RevocationKind,
  readDocument,
  writtenDocument,
} from '../domain/revocation.ts'
import { D1_NOW, type Database, type TextNamespace, type TextWriter } from './database.ts'

/** The key is in the namespace of the sessions, whose own keys are digests of 43 characters. */
export const DOCUMENT_KEY = 'revocations'
/** KV refuses a shorter TTL. */
export const MIN_TTL_SECONDS = 60

/** The version, which triggers raise with each bulk revocation. */
export const FIND_VERSION = `SELECT version FROM revocation_version WHERE one = 1`
/** One statement reads the revocations and their version, so that both belong to one state. */
export const LIVE_REVOCATIONS = `SELECT kind, subject, revoked_at_ms, expires_at - ${D1_NOW} AS seconds_left,
    (${FIND_VERSION}) AS version
  FROM revocation WHERE expires_at > ${D1_NOW} AND kind <> 'session'`

/** How many times the document is written again if something is revoked meanwhile. */
const MAX_ROUNDS = 3
/** KV accepts one write a second for a key. */
const KV_WRITE_INTERVAL_MS = 1100

type LiveRow = {
  kind: RevocationKind | 'token'
  subject: string
  revoked_at_ms: number
  seconds_left: number
  version: number
}

const findVersion = (db: Database) => db.prepare(FIND_VERSION).first<number>('version')

function documentOf(rows: readonly LiveRow[], version: number): string {
  const of = (wanted: LiveRow['kind']) => rows.filter(({ kind }) => kind === wanted)
  const momentsOf = (kind: RevocationKind) =>
    Object.fromEntries(of(kind).map((row) => [row.subject, row.revoked_at_ms]))
  const byKind = REVOCATION_KINDS.map((kind) => [kind, momentsOf(kind)])
  const token = new Set(of('token').map(({ subject }) => subject))
  const document = { ...emptyDocument, ...Object.fromEntries(byKind), token, version }
  return JSON.stringify(writtenDocument(document))
}

/**
 * Builds the document from D1 and writes it to KV. Throws if KV did not store the document; then cron writes it. KV keeps the
 * last write and not the newest document, so the version is read again afterwards: a writer that overwrote a newer document
 * writes once more. Returns false, without a write, if nothing is revoked; the document's TTL then removes it.
 */
export async function projectRevocations(db: Database, sessions: TextWriter): Promise<boolean> {
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    if (round > 1) await new Promise((resolve) => setTimeout(resolve, KV_WRITE_INTERVAL_MS))
    const { results: rows } = await db.prepare(LIVE_REVOCATIONS).all<LiveRow>()
    const [first] = rows
    if (!first) return false
    const expirationTtl = rows.reduce(
      (longest, { seconds_left }) => Math.max(longest, seconds_left),
      MIN_TTL_SECONDS,
    )
    await sessions.put(DOCUMENT_KEY, documentOf(rows, first.version), { expirationTtl })
    if ((await findVersion(db)) === first.version) return true
  }
  throw new Error('revocations were made faster than KV could be written')
}

/**
 * For cron. Replaces a malformed document, which makes every check fail. If nothing is revoked, the new document is empty.
 */
export async function repairDocument(
  db: Database,
  sessions: Pick<TextNamespace, 'get' | 'put'>,
): Promise<void> {
  if (await projectRevocations(db, sessions)) return
  const text = await sessions.get(DOCUMENT_KEY)
  if (text === null || parseDocument(text)) return
  const empty = documentOf([], (await findVersion(db)) ?? 0)
  await sessions.put(DOCUMENT_KEY, empty, { expirationTtl: MIN_TTL_SECONDS })
}

/** Null if the text is no such document. */
export function parseDocument(text: string) {
  try {
    return readDocument(JSON.parse(text))
  } catch {
    return null
  }
}
