/** Revocations: which sessions are over before their time, and how soon everybody knows. */

import type { SessionRecord } from './session.ts'

export const REVOCATION_KINDS = ['client', 'client_record', 'user', 'consent'] as const
/**
 * `client`: the sessions that a client has. `client_record`: the sessions that rest on the client's record as it was,
 * also one that an isolate opens later on the copy that it has kept. `consent`: one user's authorization of one client.
 */
export type RevocationKind = (typeof REVOCATION_KINDS)[number]

/** What may end of all that was issued: sessions, refresh families, codes not yet redeemed. */
export type Ended = 'sessions' | 'families' | 'codes'

/** Cloudflare's figure for how long a KV read may lag a write. */
export const KV_STALENESS_SECONDS = 60
/** How long an isolate trusts its copy of the document. */
export const DOCUMENT_REFRESH_SECONDS = 10
/** How often cron projects again what a lost write did not. */
export const CRON_INTERVAL_SECONDS = 60
/** For so long after a revocation a request that was under way before it may still write what it opened. */
export const UNDER_WAY_SECONDS = 5
/** How far the clocks that end sessions may be from D1's. A revocation is kept for so much longer than a session lives. */
export const CLOCKS_DIFFER_SECONDS = 60

/** A single session: its record in KV says so itself. */
export const SESSION_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS
/** All sessions of a client, a user or a consent: the document says so. */
export const ALL_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS + DOCUMENT_REFRESH_SECONDS

export const consentSubject = (userId: string, clientId: string) => `${userId} ${clientId}`

/** `sinceMs`: a revocation at this moment or later ends the session. */
type Subject = readonly [kind: RevocationKind, subject: string, sinceMs: number]

/**
 * What a session falls under, and since when: by D1's clock, since everything that the session rests on was read. So a
 * session whose request read first and stored it after the revocation is over as well. A session that does not say so is
 * of an external accounts service, or from before there was `as_of`: of it there is only `start_time`.
 */
export function subjectsOf(session: SessionRecord): Subject[] {
  const { user, client, start_time, as_of = start_time, client_as_of = as_of } = session
  const sinceMs = Date.parse(as_of)
  const subjects: Subject[] = []
  if (client) {
    subjects.push(['client', client.client_id, sinceMs])
    subjects.push(['client_record', client.client_id, Date.parse(client_as_of)])
  }
  if (user) subjects.push(['user', user.user_id, sinceMs])
  if (user && client) {
    subjects.push(['consent', consentSubject(user.user_id, client.client_id), sinceMs])
  }
  return subjects
}

type Moments = Readonly<Record<string, number>>
/** Subjects by kind, each with the moment (epoch milliseconds) up to which its sessions are over. */
export type RevocationDocument = Readonly<
  Record<RevocationKind, Moments> & {
    /** D1's. A greater one knows all that a smaller one does; 0 before there were versions. */
    version: number
  }
>

export const emptyDocument: RevocationDocument = {
  client: {},
  client_record: {},
  user: {},
  consent: {},
  version: -1,
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isMoment = (value: unknown): value is number => Number.isSafeInteger(value)

/** Null if any of it is missing or of the wrong form: half a document would let in what the other half revokes. */
export function readDocument(value: unknown): RevocationDocument | null {
  if (!isRecord(value)) return null
  const { version = 0 } = value
  const isWhole = REVOCATION_KINDS.every((kind) => {
    const moments = value[kind]
    return isRecord(moments) && Object.values(moments).every(isMoment)
  })
  return isWhole && isMoment(version) && version >= 0
    ? ({ ...value, version } as RevocationDocument)
    : null
}

/** The newer of two by D1's version, whichever arrived later. Of two of one version, all that either knows. */
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
  return { ...read, ...Object.fromEntries(REVOCATION_KINDS.map(join)) }
}

export const isRevokedBy = (document: RevocationDocument, session: SessionRecord): boolean =>
  subjectsOf(session).some(([kind, subject, sinceMs]) => {
    const moments = document[kind]
    return Object.hasOwn(moments, subject) && sinceMs <= (moments[subject] as number)
  })
