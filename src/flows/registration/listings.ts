/**
 * The listing of a client in the public directory: an owner asks for it and takes it back, an approver decides. Each verb
 * throws a RegistrationError for what is refused.
 */

import type { ClientRecord } from '../../domain/client.ts'
import { searchKey, searchKeysOf } from '../../domain/directory.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { ExpectedVersion, Outcome } from './change.ts'
import { type ClientAct, changeClient } from './clients.ts'
import { REQUESTS_IN_AN_HOUR } from './create-client.ts'
import { requireMayWish, requireNeutral } from './deciding.ts'
import { requireMayGive } from './privileged.ts'

type Act = Pick<ClientAct, 'actor' | 'now'> &
  Readonly<{ ports: Pick<ClientAct['ports'], 'clients' | 'revocations'> }>

const conflict = (sentence: string) => new RegistrationError('conflict', sentence)

/** What was declined can be asked for again. */
export async function requestListing(
  act: Act,
  clientId: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayWish(act.actor)
  return changeClient(act, clientId, expected, ({ ownerId, listing }) => {
    if (ownerId === '') {
      throw conflict('a client that registered itself has no owner who could want it listed')
    }
    const limit = act.actor.ownerId !== undefined && { mostInAnHour: REQUESTS_IN_AN_HOUR }
    const isAsked = listing === null || listing.declinedAt !== null
    return isAsked ? [{ kind: 'request_listing', ...limit }] : []
  })
}

export async function takeBackListing(
  act: Act,
  clientId: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayWish(act.actor)
  return changeClient(act, clientId, expected, ({ listing }) =>
    listing === null ? [] : [{ kind: 'take_back_listing' }],
  )
}

function requireRequested({ listing }: ClientRecord) {
  if (listing === null) throw conflict('no owner wants the client listed')
  return listing
}

/** Lists what the record says now: a later change of what the directory shows ends the listing. */
export async function listClient(
  act: Act,
  clientId: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayGive(act.actor)
  return changeClient(act, clientId, expected, (before) => {
    requireNeutral(act.actor, before, true)
    if (requireRequested(before).listedAt !== null) return []
    const { name, url } = before
    return [
      { kind: 'list', nameKey: searchKey(name), keys: searchKeysOf(before), detail: { name, url } },
    ]
  })
}

/** Also ends a listing. `reason`: for the owners. */
export async function declineListing(
  act: Act,
  clientId: string,
  reason: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<ClientRecord>> {
  requireMayGive(act.actor)
  return changeClient(act, clientId, expected, (before) => {
    requireNeutral(act.actor, before, false)
    requireRequested(before)
    return [{ kind: 'decline_listing', reason, detail: reason === '' ? {} : { reason } }]
  })
}
