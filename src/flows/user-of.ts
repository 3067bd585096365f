/** Who the person behind a browser session is, as the registry stands now. */

import { isEnabled } from '../domain/client.ts'
import type { SessionRecord } from '../domain/session.ts'
import type { User } from '../domain/user.ts'
import type { Standing } from '../stores/ports.ts'

/**
 * The registry's word on a user it knows; of others, with an external accounts service, what that service wrote.
 * Null when nobody is known here by that id.
 */
export function userOf(
  session: SessionRecord,
  { user }: Pick<Standing, 'user'>,
  usersAreExternal: boolean,
): User | 'disabled' | null {
  if (user) return isEnabled(user) ? user : 'disabled'
  if (!usersAreExternal || !session.user) return null
  return {
    userId: session.user.user_id,
    username: session.user.username,
    email: session.user.email,
    scopes: session.authorizations.scopes,
    endorsements: session.authorizations.endorsements,
  }
}
