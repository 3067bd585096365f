/** Connected applications: what a user has allowed each client, and how the user removes it. */

import { meetEndorsements } from '../domain/category.ts'
import { isEnabled } from '../domain/client.ts'
import type { ClientId } from '../domain/ids.ts'
import { isApprover } from '../domain/registry-scopes.ts'
import { ALL_REVOKED_WITHIN_SECONDS, CRON_INTERVAL_SECONDS } from '../domain/revocation.ts'
import { meetScopes } from '../domain/scope.ts'
import {
  type Catalogue,
  type DescribedScope,
  describeScope,
  endorsementSentence,
} from '../domain/scope-catalogue.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { User } from '../domain/user.ts'
import type { ConnectedApplication } from '../stores/connected-applications.ts'
import type { Deps } from './deps.ts'
import { userOf } from './still-held.ts'

/** What a client may do for a user now. Instants in epoch seconds. */
export type Connection = Omit<
  ConnectedApplication,
  'agreedScopes' | 'agreedEndorsements' | 'disabledAt' | 'scopes'
> &
  Readonly<{
    isEnabled: boolean
    scopes: readonly DescribedScope[]
    /** One sentence for each endorsement. */
    endorsements: readonly string[]
  }>

/** What the user agreed to and both the client and the user still hold: the same as for a token that is issued now. */
function connectionOf(
  application: ConnectedApplication,
  user: User,
  catalogue: Catalogue,
): Connection {
  const { agreedScopes, agreedEndorsements, disabledAt, ...rest } = application
  const scopes = meetScopes(meetScopes(agreedScopes, application.scopes), user.scopes)
  const shared = meetEndorsements(application.endorsements, user.endorsements)
  const endorsements = agreedEndorsements ? meetEndorsements(shared, agreedEndorsements) : shared
  return {
    ...rest,
    isEnabled: isEnabled({ disabledAt }),
    scopes: scopes.map((scope) => describeScope(scope, catalogue)),
    endorsements: endorsements.map((one) => endorsementSentence(one, catalogue)),
  }
}

/** `connections`: the most recently allowed first. */
export type Connected = Readonly<{ connections: readonly Connection[]; mayApprove: boolean }>

/** Null if the user must sign in. */
export async function connectedOf(
  session: SessionRecord,
  deps: Pick<Deps, 'connectedApplications' | 'usersAreExternal'>,
): Promise<Connected | 'disabled' | null> {
  if (!session.user) return null
  const found = await deps.connectedApplications.of(session.user.user_id)
  const user = userOf(session, found.user, deps.usersAreExternal)
  if (user === null || user === 'disabled') return user
  const connections = found.applications
    .map((application) => connectionOf(application, user, found.catalogue))
    .sort((a, b) => b.grantedAt - a.grantedAt || a.name.localeCompare(b.name))
  return { connections, mayApprove: isApprover(user.scopes) }
}

/**
 * Ends consent, codes, refresh tokens and sessions: in D1 now, and within the returned number of seconds at every
 * authenticator. If KV cannot be written now, cron writes KV later, and the number includes cron's interval.
 */
export async function disconnect(
  userId: string,
  clientId: ClientId,
  deps: Pick<Deps, 'revocations'>,
): Promise<number> {
  await deps.revocations.removeConsent(userId, clientId)
  return deps.revocations.project().then(
    () => ALL_REVOKED_WITHIN_SECONDS,
    () => ALL_REVOKED_WITHIN_SECONDS + CRON_INTERVAL_SECONDS,
  )
}
