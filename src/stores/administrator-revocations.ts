/** Ends sessions for an administrator, in D1 and KV, each with its audit row. */

import { isOfSignedToken } from '../domain/revocation.ts'
import { auditStatement } from './change-batch.ts'
import type { Database, TextNamespace } from './database.ts'
import type {
  AdministratorRevocations,
  Authorship,
  Detail,
  Lifetimes,
} from './registration-ports.ts'
import { projectRevocations } from './revocation-document.ts'
import { revocationStatements } from './revocation-statements.ts'
import { revocationStore } from './revocations.ts'

type About = Readonly<{ clientId?: string; userId?: string }>

export function administratorRevocations(
  db: Database,
  sessions: Pick<TextNamespace, 'get' | 'put'>,
  { sessionLifetimeSeconds, longestSessionSeconds }: Lifetimes,
): AdministratorRevocations {
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
    async endSession(key, kind, by) {
      const store = storeFor(by, {}, { kind })
      const isShown = await store.endSessions([key])
      // If this fails, cron shows it once more.
      if (isShown && !isOfSignedToken(key)) await store.markShown([key]).catch(() => {})
      return isShown
    },
    endFamily: ({ familyId, ...about }, by) =>
      storeFor(by, about, { kind: 'refresh token' }).endFamily(familyId),
    async endAll(of, by) {
      const ending =
        'clientId' in of
          ? revocationStatements(db, { kind: 'client', ...of }, sessionLifetimeSeconds)
          : revocationStatements(db, { kind: 'user', ...of }, longestSessionSeconds)
      // The last of these statements adds the revocation: the audit's row depends on it.
      await db.batch([...ending, auditStatement(db, by, { event: 'session.revoke', about: of })])
    },
    async showInKv() {
      await projectRevocations(db, sessions)
    },
  }
}
