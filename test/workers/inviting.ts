/** Invitations for the tests: how an invitation is made, and the page on which it is accepted. */

import { inviteUser } from '../../src/flows/registration/invitations.ts'
import { admin } from './registering.ts'
import { cookiesOf, type Fetch, fieldsOf, post, registry } from './registry.ts'

export const newInvitation = async (userId: string): Promise<string> =>
  (await inviteUser(admin(), { userId }, false)).invitation

export const NEW_PASSWORD = 'a new and long password'

type Posting = Partial<{
  password: string
  again: string
  /** Fields to change in the form. */
  change: Record<string, string>
  headers: Record<string, string>
  fetch: Fetch
}>

/** Opens the page, fills in its form and posts it. */
export async function setPassword(invitation: string, how: Posting = {}): Promise<Response> {
  const { password = NEW_PASSWORD, fetch = registry } = how
  const opened = await fetch('/invitation')
  const shown = Object.fromEntries(fieldsOf(await opened.text(), '/invitation'))
  const again = how.again ?? password
  const fields = { ...shown, invitation, password, password_again: again, ...how.change }
  return post('/invitation', fields, { Cookie: cookiesOf(opened), ...how.headers }, fetch)
}
