/** Ends sessions for an administrator, in D1 and KV, and writes an audit row for each. Settles when D1 has the revocation. */

import type { SessionKey } from '../domain/ids.ts'
import { isOfSignedToken } from '../domain/revocation.ts'
import { auditStatement } from './change-batch.ts'
import type { Database, TextNamespace } from './database.ts'
import type { Authorship, Detail, Lifetimes } from './registration-ports.ts'
import { projectRevocations } from './revocation-document.ts'
import { revocationStatements } from './revocation-statements.ts'
import { revocationStore } from './revocations.ts'

type About = Readonly<{ clientId?: string; userId?: string }>

export function administratorRevocations(
  db: Database,
  sessions: Pick<TextNamespace, 'get' | 'put'>,
  { sessionLifetimeSeconds, longestSessionSeconds }: Lifetimes,
) {
  const storeFor = ({ actor, now }: Authorship, about: About, detail: Detail) =>
    revocationStore(db, sessions, longestSessionSeconds, {
      happenedAt: now,
      actor,
      event: 'session.revoke',
      clientId: about.clientId ?? null,
      userId: about.userId ?? null,
      detail,
    })
  return {
    /** Ends the session of one access token or browser session. Returns whether KV shows the revocation. */
    async endSession(key: SessionKey, kind: string, by: Authorship): Promise<boolean> {
      const store = storeFor(by, {}, { kind })
      const isShown = await store.endSessions([key])
      // If this fails, cron writes the revocation to KV once more.
      if (isShown && !isOfSignedToken(key)) await store.markShown([key]).catch(() => {})
      return isShown
    },
    /** Ends a refresh token's family and its sessions. Returns whether KV shows the revocation. */
    endFamily: (
      { familyId, ...about }: Readonly<{ familyId: string; clientId: string; userId: string }>,
      by: Authorship,
    ): Promise<boolean> => storeFor(by, about, { kind: 'refresh token' }).endFamily(familyId),
    /** Ends all sessions of a client or of a user. KV shows the revocation after `showInKv`. */
    async endAll(
      of: Readonly<{ clientId: string }> | Readonly<{ userId: string }>,
      by: Authorship,
    ): Promise<void> {
      const ending =
        'clientId' in of
          ? revocationStatements(db, { kind: 'client', ...of }, sessionLifetimeSeconds)
          : revocationStatements(db, { kind: 'user', ...of }, longestSessionSeconds)
      // The audit row is written only if the last of these statements adds a revocation.
      await db.batch([...ending, auditStatement(db, by, { event: 'session.revoke', about: of })])
    },
    /** Writes the document of bulk revocations to KV. If this fails, cron writes it. */
    async showInKv(): Promise<void> {
      await projectRevocations(db, sessions)
    },
  }
}
