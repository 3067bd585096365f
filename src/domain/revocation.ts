/** Revocations: which sessions are over before their time, and how soon everybody knows. */

import type { SessionRecord } from './session.ts'

/**
 * `client`: what it has so far. `client_record`: what rests on what the registry knew of it so far, also when it is
 * issued later, on a copy that an isolate has kept. `consent`: one user's authorization of one client.
 */
export type RevocationKind = 'client' | 'client_record' | 'user' | 'consent'

/** What may end of all that was issued: sessions, refresh families, codes not yet redeemed. */
export type Ended = 'sessions' | 'families' | 'codes'

/** Cloudflare's figure for how long a KV read may lag a write. */
export const KV_STALENESS_SECONDS = 60
/** How long an isolate trusts its copy of the document. */
export const DOCUMENT_REFRESH_SECONDS = 10
/** How often cron projects again what a lost write did not. */
export const HEAL_SECONDS = 60
/** For so long after a revocation a request that was under way before it may still write what it opened. */
export const UNDER_WAY_SECONDS = 5

/** A single session: its record in KV says so itself. */
export const SESSION_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS
/** All sessions of a client, a user or a consent: the document says so. */
export const ALL_REVOKED_WITHIN_SECONDS = KV_STALENESS_SECONDS + DOCUMENT_REFRESH_SECONDS

export const consentSubject = (userId: string, clientId: string) => `${userId} ${clientId}`

/** `sinceMs`: a revocation at this moment or later ends the session. */
type Subject = readonly [kind: RevocationKind, subject: string, sinceMs: number]

/** What a session falls under. */
export function subjectsOf({ user, client, start_time, client_as_of }: SessionRecord): Subject[] {
  const startMs = Date.parse(start_time)
  const subjects: Subject[] = []
  if (client) {
    subjects.push(['client', client.client_id, startMs])
    subjects.push(['client_record', client.client_id, Date.parse(client_as_of ?? start_time)])
  }
  if (user) subjects.push(['user', user.user_id, startMs])
  if (user && client) {
    subjects.push(['consent', consentSubject(user.user_id, client.client_id), startMs])
  }
  return subjects
}

/** Subjects by kind, each with the moment (epoch milliseconds) up to which its sessions are over. */
export type RevocationDocument = Readonly<
  Record<RevocationKind, Readonly<Record<string, number>>> & { lifetimeSeconds: number }
>

export const emptyDocument: RevocationDocument = {
  client: {},
  client_record: {},
  user: {},
  consent: {},
  lifetimeSeconds: 0,
}

export const isRevokedBy = (document: RevocationDocument, session: SessionRecord): boolean =>
  subjectsOf(session).some(([kind, subject, sinceMs]) => {
    const moments = document[kind]
    return Object.hasOwn(moments, subject) && sinceMs <= (moments[subject] as number)
  })
