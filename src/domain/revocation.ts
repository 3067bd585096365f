/** Revocations: which sessions are over before their time, and how soon everybody knows. */

import type { SessionRecord } from './session.ts'

/** `consent` is one user's authorization of one client. */
export type RevocationKind = 'client' | 'user' | 'consent'

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

/** What a session falls under, by kind. */
export function subjectsOf({ user, client }: SessionRecord): [RevocationKind, string][] {
  return [
    ...(client ? [['client', client.client_id] as [RevocationKind, string]] : []),
    ...(user ? [['user', user.user_id] as [RevocationKind, string]] : []),
    ...(user && client
      ? [['consent', consentSubject(user.user_id, client.client_id)] as [RevocationKind, string]]
      : []),
  ]
}

/** Subjects by kind, each with the moment (epoch milliseconds) up to which its sessions are over. */
export type RevocationDocument = Readonly<
  Record<RevocationKind, Readonly<Record<string, number>>> & { lifetimeSeconds: number }
>

export const emptyDocument: RevocationDocument = {
  client: {},
  user: {},
  consent: {},
  lifetimeSeconds: 0,
}

export const isRevokedBy = (document: RevocationDocument, session: SessionRecord): boolean => {
  const startMs = Date.parse(session.start_time)
  return subjectsOf(session).some(([kind, subject]) => {
    const moments = document[kind]
    return Object.hasOwn(moments, subject) && startMs <= (moments[subject] ?? 0)
  })
}
