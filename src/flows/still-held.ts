/** What was granted, less what the client or the user has lost since: asked again whenever a token is issued. */

import { meetEndorsements } from '../domain/category.ts'
import { type Client, isEnabled } from '../domain/client.ts'
import { meetScopes } from '../domain/scope.ts'
import type { RegisteredUser, User } from '../domain/user.ts'

export type StillHeld = Readonly<{
  user: User
  scopes: readonly string[]
  endorsements: readonly string[]
}>

/** `granted` is the user with the granted scopes and endorsements. A string says why nothing is left. */
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
