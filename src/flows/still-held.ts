/** What a user and a client hold now. This is asked again whenever a token is issued or a page is shown. */

import { meetEndorsements } from '../domain/category.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { meetScopes } from '../domain/scope.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { RegisteredUser, User } from '../domain/user.ts'

/**
 * The user behind a browser session. A registered user is read from the registry. A user of an external accounts service is
 * as the session says, where that service wrote it. Null if no registered user has the id.
 */
export function userOf(
  session: SessionRecord,
  registered: RegisteredUser | null,
  usersAreExternal: boolean,
): User | 'disabled' | null {
  if (registered) return isEnabled(registered) ? registered : 'disabled'
  if (!usersAreExternal || !session.user) return null
  return {
    userId: session.user.user_id,
    username: session.user.username,
    email: session.user.email,
    scopes: session.authorizations.scopes,
    endorsements: session.authorizations.endorsements,
  }
}

type StillHeld = Readonly<{
  user: User
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/**
 * The grant without what the client or the user has lost since. `granted` is the user with the granted scopes and
 * endorsements. A string says why nothing is left.
 */
export function stillHeld(
  granted: User,
  client: Client,
  registered: RegisteredUser | null,
  usersAreExternal: boolean,
): StillHeld | string {
  if (!registered && !usersAreExternal) return 'the user is gone'
  if (registered && !isEnabled(registered)) return 'the user is disabled'
  const user = registered ?? granted
  const scopes = meetScopes(meetScopes(granted.scopes, client.scopes), user.scopes)
  if (scopes.length === 0) return 'every granted scope has been withdrawn'
  const shared = meetEndorsements(granted.endorsements, client.endorsements)
  return { user, scopes, endorsements: meetEndorsements(shared, user.endorsements) }
}
