/** Who owns a client: an owner names further owners, and leaves. The first owner alone removes another. */

import { type ClientRecord, isOwnedBy, MAX_FURTHER_OWNERS } from '../../domain/client.ts'
import { quote, RegistrationError } from '../../protocol/registration/errors.ts'
import type { RegistrationPorts } from '../../stores/registration-ports.ts'
import type { ExpectedVersion, Outcome } from './change.ts'
import { changeClient } from './clients.ts'
import type { OwnerAct } from './own-clients.ts'
import { findUserId } from './sessions.ts'

type Act = Omit<OwnerAct, 'ports'> &
  Readonly<{ ports: Pick<RegistrationPorts, 'clients' | 'revocations' | 'users'> }>

const conflict = (sentence: string, field: string | null = null) =>
  new RegistrationError('conflict', sentence, field)

const step = (ownerId: string | null, furtherOwners: readonly string[], ownedAtMost?: number) => ({
  kind: 'update' as const,
  mode: 'authorize' as const,
  fields: ownerId === null ? {} : { ownerId },
  lists: { furtherOwners },
  ...(ownedAtMost !== undefined && { ownedAtMost }),
  detail: { ...(ownerId !== null && { owner_id: ownerId }), further_owners: furtherOwners },
})

/** One sentence for a name that no user has and for one that several have: ids are for administrators. */
async function ownerNamed(act: Act, name: string): Promise<string> {
  const unknown = () =>
    new RegistrationError('invalid', `no user is known by the name ${quote(name)}`, 'owner')
  const found = await findUserId(act, name).catch((cause: unknown) => {
    if (cause instanceof RegistrationError) throw unknown()
    throw cause
  })
  if (found === null) throw unknown()
  return found
}

/** `name`: a username, or a user's id. */
export async function addOwner(
  act: Act,
  clientId: string,
  name: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> {
  const userId = await ownerNamed(act, name)
  return changeClient(act, clientId, expected, (before) => {
    if (isOwnedBy(before, userId)) throw conflict('{field} is an owner already', 'owner')
    if (before.furtherOwners.length >= MAX_FURTHER_OWNERS) {
      throw conflict(`a client has at most ${MAX_FURTHER_OWNERS} owners beside the first`, 'owner')
    }
    return [step(null, [...before.furtherOwners, userId])]
  })
}

/** Someone who was named by mistake. No further owner can take the client from the first. */
export const removeOwner = (
  act: Act,
  clientId: string,
  userId: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> =>
  changeClient(act, clientId, expected, (before) => {
    if (before.ownerId !== act.actor.ownerId) {
      throw new RegistrationError('forbidden', 'only the first owner removes another owner')
    }
    const left = before.furtherOwners.filter((one) => one !== userId)
    return left.length === before.furtherOwners.length ? [] : [step(null, left)]
  })

/** The owner who was named first follows the first owner, within the limit of every user. */
export const leaveClient = (
  act: Act,
  clientId: string,
  ownedAtMost: number,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> => {
  const left = changeClient(act, clientId, expected, (before) => {
    const { ownerId: leaving } = act.actor
    const others = before.furtherOwners.filter((one) => one !== leaving)
    if (before.ownerId !== leaving) return [step(null, others)]
    const [next, ...rest] = others
    if (next === undefined) {
      throw conflict('the last owner cannot leave: name another owner first, or delete the client')
    }
    return [step(next, rest, ownedAtMost)]
  })
  return left.catch((cause: unknown) => {
    if (!(cause instanceof RegistrationError && cause.field === 'owner_id')) throw cause
    throw conflict('the owner who would become the first has as many clients as a user may have')
  })
}
