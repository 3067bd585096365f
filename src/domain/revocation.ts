/** Revocations: which sessions end early, and how soon every authenticator refuses them. */

import type { SessionKey } from './ids.ts'
import { isObject } from './json-object.ts'
import type { SessionRecord } from './session.ts'

export const REVOCATION_KINDS = ['client', 'client_record', 'user', 'consent', 'resource'] as const
/**
 * `client`: a client's sessions. `client_record`: the sessions that were opened on the client's earlier record, including
 * those that an isolate opens later on its kept copy. `consent`: one user's authorization of one client. `resource`: the
 * sessions for the resource.
 */
export type RevocationKind = (typeof REVOCATION_KINDS)[number]

/** A single session, by its key: `session` for that of an opaque token in KV, `token` for a signed token. */
export type SingleKind = 'session' | 'token'
/** The length of 16 bytes in base64url. The key of an opaque token has 32 bytes. */
export const SIGNED_KEY_LENGTH = 22

/** The limit bounds the document, which every isolate reads: each key has 25 bytes, and all together half a mebibyte. */
export const MAX_REVOKED_TOKENS = 20_000

export const isOfSignedToken = (key: string) => key.length === SIGNED_KEY_LENGTH

/** What a revocation may end: sessions, refresh families, codes that were not redeemed. */
export type Ended = 'sessions' | 'families' | 'codes'

/** Cloudflare's figure for how long a KV read may lag a write. */
export const KV_STALENESS_SECONDS = 60
/** How long an isolate trusts its copy of the document. */
export const DOCUMENT_REFRESH_SECONDS = 10
/** How often cron runs. Cron writes to KV the revocations whose write was lost. */
export const CRON_INTERVAL_SECONDS = 60
/** How long after a revocation a request that began before the revocation may still write its session. */
export const UNDER_WAY_SECONDS = 5
/** The most by which workers' clocks may differ from D1's. A revocation is kept this much longer than a session lives. */
export const CLOCKS_DIFFER_SECONDS = 60

/** The bound for a single session, through its record in KV. The revocation of a single signed token is in the document. */
export const SESSION_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS
/** The bound for all sessions of a client, a user or a consent, and for a signed token, through the document. */
export const ALL_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS + DOCUMENT_REFRESH_SECONDS

export const consentSubject = (userId: string, clientId: string) => `${userId} ${clientId}`

/** `sinceMs`: a revocation at this moment or later ends the session. */
type Subject = readonly [kind: RevocationKind, subject: string, sinceMs: number]

/**
 * The subjects whose revocation ends a session, each with the moment, by D1's clock, when the session's records were read. A
 * revocation therefore also ends a session whose request read before it and stored the session after it. `start_time`
 * replaces `as_of` in sessions of an external accounts service and in sessions that are older than `as_of`.
 */
export function subjectsOf(session: SessionRecord): Subject[] {
  const { user, client, start_time, as_of = start_time, client_as_of = as_of } = session
  const sinceMs = Date.parse(as_of)
  const recordReadAtMs = Date.parse(client_as_of)
  const subjects: Subject[] = []
  if (client) {
    subjects.push(['client', client.client_id, sinceMs])
    subjects.push(['client_record', client.client_id, recordReadAtMs])
  }
  // Resources are read with the client's record.
  for (const uri of session.audience) subjects.push(['resource', uri, recordReadAtMs])
  if (user) subjects.push(['user', user.user_id, sinceMs])
  if (user && client) {
    subjects.push(['consent', consentSubject(user.user_id, client.client_id), sinceMs])
  }
  return subjects
}

type Moments = Readonly<Record<string, number>>
/** Subjects by kind, each with the moment (epoch milliseconds) up to which its sessions are revoked. */
export type RevocationDocument = Readonly<
  Record<RevocationKind, Moments> & {
    /** The keys of signed tokens that were revoked singly. */
    token: ReadonlySet<string>
    /** From D1. A greater version has all revocations of a smaller one; 0 in documents that are older than versions. */
    version: number
  }
>

export const emptyDocument: RevocationDocument = {
  client: {},
  client_record: {},
  user: {},
  consent: {},
  resource: {},
  token: new Set(),
  version: -1,
}

const isMoment = (value: unknown): value is number => Number.isSafeInteger(value)

/** Null if any part is missing or malformed: half a document would accept sessions that the other half revokes. */
export function readDocument(value: unknown): RevocationDocument | null {
  if (!isObject(value)) return null
  // A registry that is older than resources, or than signed tokens, does not write these members.
  const document = { version: 0, resource: {}, token: [], ...value }
  const isWhole = REVOCATION_KINDS.every((kind) => {
    const moments: unknown = document[kind as 'resource']
    return isObject(moments) && Object.values(moments).every(isMoment)
  })
  const { token, version } = document
  const isList = Array.isArray(token) && token.every((key) => typeof key === 'string')
  if (!isWhole || !isList || !isMoment(version) || version < 0) return null
  return { ...(document as unknown as RevocationDocument), token: new Set(token) }
}

export const writtenDocument = (document: RevocationDocument) => ({
  ...document,
  token: [...document.token],
})

/** The document with the greater version. If the versions are equal, the result has the revocations of both. */
export function newerDocument(
  known: RevocationDocument,
  read: RevocationDocument,
): RevocationDocument {
  if (read.version !== known.version) return read.version > known.version ? read : known
  const join = (kind: RevocationKind) => {
    const moments = new Map(Object.entries(known[kind]))
    for (const [subject, moment] of Object.entries(read[kind])) {
      moments.set(subject, Math.max(moment, moments.get(subject) ?? moment))
    }
    return [kind, Object.fromEntries(moments)] as const
  }
  const token = new Set([...known.token, ...read.token])
  return { ...read, ...Object.fromEntries(REVOCATION_KINDS.map(join)), token }
}

export const isRevokedBy = (
  document: RevocationDocument,
  key: SessionKey,
  session: SessionRecord,
): boolean =>
  document.token.has(key) ||
  subjectsOf(session).some(([kind, subject, sinceMs]) => {
    const moments = document[kind]
    return Object.hasOwn(moments, subject) && sinceMs <= (moments[subject] as number)
  })
