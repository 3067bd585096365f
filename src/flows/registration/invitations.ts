/** Invitations: an administrator makes an invitation, and its user sets a password with it, once. */

import { tokenDigestOf } from '../../crypto/digest.ts'
import { hashPassword } from '../../crypto/password.ts'
import { isWellFormed, mintToken } from '../../crypto/token.ts'
import { isEnabled } from '../../domain/client.ts'
import type { UserRecord } from '../../domain/user.ts'
import { conflict, quote } from '../../protocol/registration/errors.ts'
import type { InvitationStore, Invited } from '../../stores/invitations.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { UserReference } from '../../stores/registration-ports.ts'
import type { RequestContext } from '../deps.ts'
import type { ExpectedVersion, Outcome } from './change.ts'
import { changeUser, type UserAct } from './users.ts'

/**
 * Returns the invitation, which is shown only once. An earlier invitation of the user ends. Throws a RegistrationError.
 * With `usersAreExternal` the registry keeps no passwords.
 */
export async function inviteUser(
  act: UserAct,
  who: UserReference,
  usersAreExternal: boolean,
  expected: ExpectedVersion = null,
): Promise<Outcome<UserRecord> & Readonly<{ invitation: string }>> {
  if (usersAreExternal) {
    throw conflict('users sign in at LOGIN_URL, so the registry has no passwords')
  }
  const invitation = mintToken('invitation')
  const invitationDigest = await tokenDigestOf(invitation)
  const outcome = await changeUser(act, who, expected, (user) => {
    if (isEnabled(user)) return [{ kind: 'invite', invitationDigest }]
    throw conflict(`user ${quote(user.username)} is disabled`, 'user_id')
  })
  return { ...outcome, invitation }
}

export type InvitationPorts = Readonly<{
  invitations: InvitationStore
  revocations: Pick<RegistrationPorts['revocations'], 'showInKv'>
}>

/**
 * Returns a string with the reason, for the operator alone, if the invitation is not accepted. Everything that the user had
 * ends, as after `user set-password`. The password is hashed only for an open invitation, because a hash takes a quarter of a
 * second.
 */
export async function acceptInvitation(
  { invitation, password }: Readonly<{ invitation: string; password: string }>,
  { invitations, revocations }: InvitationPorts,
  { now, log }: Pick<RequestContext, 'now' | 'log'>,
): Promise<Invited | string> {
  if (!isWellFormed('invitation', invitation)) return 'malformed invitation'
  const digest = await tokenDigestOf(invitation)
  const invited = await invitations.find(digest)
  if (!invited) return 'the invitation is unknown, used, ended or expired'
  const isFirst = await invitations.accept(
    digest,
    invited.userId,
    await hashPassword(password),
    now,
  )
  if (!isFirst) return 'the invitation was used or ended meanwhile'
  // D1 has the revocation, and cron writes to KV what KV does not have.
  await revocations.showInKv().catch((fault: unknown) => log('kv_not_written', { fault }))
  return invited
}
