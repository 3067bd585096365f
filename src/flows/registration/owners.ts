/**
 * Who owns a client. An owner offers the client to a user, who owns it after accepting. Any owner can take an open offer
 * back, and any owner can leave. Only the first owner can remove another owner.
 */

import {
  type ClientRecord,
  isOffered,
  isOwnedBy,
  KEEP_OFFERS_SECONDS,
  MAX_FURTHER_OWNERS,
} from '../../domain/client.ts'
import { inWords } from '../../domain/duration.ts'
import {
  conflict,
  forbidden,
  invalid,
  quote,
  RegistrationError,
  stale,
} from '../../protocol/registration/errors.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import { authorOf, changeRecord, type ExpectedVersion, type Outcome } from './change.ts'
import { changeClient } from './clients.ts'
import { notTooMany, REQUESTS_IN_AN_HOUR } from './create-client.ts'
import type { OwnerAct } from './own-clients.ts'
import { requireMayChange } from './privileged.ts'
import { findUserId } from './sessions.ts'

type Act = Omit<OwnerAct, 'ports'> &
  Readonly<{ ports: Pick<RegistrationPorts, 'clients' | 'revocations' | 'users'> }>

/**
 * The refusal is one sentence, whether no user has the name or several users have it: ids are for administrators. An owner
 * types names, so a name counts before an id with the same text, which may be another user's.
 */
async function userNamed(act: Act, name: string): Promise<string> {
  const unknown = () => invalid(`no user is known by the name ${quote(name)}`, 'owner')
  const named = await act.ports.users.find({ username: name })
  if (named) return named.userId
  const found = await findUserId(act, name).catch((cause: unknown) => {
    if (cause instanceof RegistrationError) throw unknown()
    throw cause
  })
  if (found === null) throw unknown()
  return found
}

const forUser = (userId: string) => ({ userId, detail: { user_id: userId } })

/** `name`: a username, or a user's id. */
export async function offerOwnership(
  act: Act,
  clientId: string,
  name: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> {
  const userId = await userNamed(act, name)
  return changeClient(act, clientId, expected, (before) => {
    if (isOwnedBy(before, userId)) throw conflict('this user is an owner already', 'owner')
    if (isOffered(before, userId))
      throw conflict('the client was offered to this user already', 'owner')
    if (before.offers.some((offer) => offer.userId === userId)) {
      const sentence = `this user has declined: the client can be offered again ${inWords(KEEP_OFFERS_SECONDS)} after the last offer`
      throw conflict(sentence, 'owner')
    }
    if (before.furtherOwners.length + before.offers.length >= MAX_FURTHER_OWNERS) {
      const sentence = `a client has at most ${MAX_FURTHER_OWNERS} owners and offers beside the first owner`
      throw conflict(sentence, 'owner')
    }
    const step = {
      kind: 'offer_ownership' as const,
      ...forUser(userId),
      offeredBy: act.actor.ownerId,
    }
    return [{ ...step, mostInAnHour: REQUESTS_IN_AN_HOUR }]
  })
}

export const takeBackOffer = (
  act: Act,
  clientId: string,
  userId: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> =>
  changeClient(act, clientId, expected, (before) =>
    isOffered(before, userId) ? [{ kind: 'take_back_offer', ...forUser(userId) }] : [],
  )

/** One sentence for an offer that was taken back or has expired, a deleted client, and a client that was never offered. */
const noOffer = () => conflict('there is no such offer: it may have been taken back, or be too old')

type Steps = Parameters<RegistrationPorts['clients']['change']>[1]

/** For the user to whom the client was offered, who may see nothing else of it. `decide` throws if the answer is refused. */
const answerOffer = (
  act: Act,
  clientId: string,
  decide: (before: ClientRecord) => Steps,
): Promise<Outcome<ClientRecord>> =>
  changeRecord(act, null, {
    find: () => act.ports.clients.find(clientId),
    unknown: noOffer,
    change: async (before) =>
      notTooMany(await act.ports.clients.change(before, decide(before), authorOf(act))),
  })

/** `expected`: the version that the user has seen. A user who owns the client already has sent the form twice. */
export const acceptOffer = (act: Act, clientId: string, expected: ExpectedVersion) =>
  answerOffer(act, clientId, (before) => {
    const { ownerId: userId } = act.actor
    if (isOwnedBy(before, userId)) return []
    if (!isOffered(before, userId)) throw noOffer()
    requireMayChange(
      act.actor,
      before.permissions.map(({ value }) => value),
    )
    if (before.version !== expected) {
      throw stale('the client has changed since the offer was read')
    }
    if (before.furtherOwners.length >= MAX_FURTHER_OWNERS) {
      throw conflict(`a client has at most ${MAX_FURTHER_OWNERS} owners beside the first`)
    }
    return [{ kind: 'accept_offer', ...forUser(userId) }]
  })

/** The change accepts any version, so that no change by the owners prevents it. */
export const declineOffer = (act: Act, clientId: string) =>
  answerOffer(act, clientId, (before) => {
    const { ownerId: userId } = act.actor
    if (!isOffered(before, userId)) throw noOffer()
    return [{ kind: 'decline_offer', ...forUser(userId) }]
  })

/** For a user who was named by mistake. Only a first owner can do this, so nobody can take the client from a first owner. */
export const removeOwner = (
  act: Act,
  clientId: string,
  userId: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> =>
  changeClient(act, clientId, expected, (before) => {
    if (before.ownerId !== act.actor.ownerId) {
      throw forbidden('only the first owner removes another owner')
    }
    return before.furtherOwners.includes(userId)
      ? [{ kind: 'remove_owner', ...forUser(userId) }]
      : []
  })

/**
 * If the first owner leaves, the further owner who accepted first becomes the first owner, within the limit for each user.
 */
export const leaveClient = (
  act: Act,
  clientId: string,
  ownedAtMost: number,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> => {
  const left = changeClient(act, clientId, expected, (before) => {
    const { ownerId: userId } = act.actor
    const isFirst = before.ownerId === userId
    const next = isFirst ? (before.furtherOwners.find((one) => one !== userId) ?? null) : null
    if (isFirst && next === null) {
      throw conflict(
        'the last owner cannot leave before another user has accepted to own the client',
      )
    }
    const detail = next === null ? {} : { owner_id: next }
    return [{ kind: 'leave', userId, next, ownedAtMost, detail }]
  })
  return left.catch((cause: unknown) => {
    if (!(cause instanceof RegistrationError && cause.field === 'owner_id')) throw cause
    throw conflict('the owner who would become the first has as many clients as a user may have')
  })
}
