/** Ends sessions for an administrator, in D1 and KV, each with its audit row. Settles when D1 has the revocation. */

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
    /** The session of one access token or browser session. `kind` is for the audit. Returns whether KV shows it. */
    async endSession(key: SessionKey, kind: string, by: Authorship): Promise<boolean> {
      const store = storeFor(by, {}, { kind })
      const isShown = await store.endSessions([key])
      // If this fails, cron shows it once more.
      if (isShown && !isOfSignedToken(key)) await store.markShown([key]).catch(() => {})
      return isShown
    },
    /** A refresh token's family with its sessions. Returns whether KV shows it. */
    endFamily: (
      { familyId, ...about }: Readonly<{ familyId: string; clientId: string; userId: string }>,
      by: Authorship,
    ): Promise<boolean> => storeFor(by, about, { kind: 'refresh token' }).endFamily(familyId),
    /** All sessions of a client or of a user. KV shows the revocation after `showInKv`. */
    async endAll(
      of: Readonly<{ clientId: string }> | Readonly<{ userId: string }>,
      by: Authorship,
    ): Promise<void> {
      const ending =
        'clientId' in of
          ? revocationStatements(db, { kind: 'client', ...of }, sessionLifetimeSeconds)
          : revocationStatements(db, { kind: 'user', ...of }, longestSessionSeconds)
      // The last of these statements adds the revocation: the audit's row depends on it.
      await db.batch([...ending, auditStatement(db, by, { event: 'session.revoke', about: of })])
    },
    /** Writes the document of bulk revocations to KV. If this fails, cron writes it. */
    async showInKv(): Promise<void> {
      await projectRevocations(db, sessions)
    },
  }
}
