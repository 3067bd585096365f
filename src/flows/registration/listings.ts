/**
 * The listing of a client in the public directory: an owner asks for the listing and takes the request back, an approver
 * decides. Each verb throws a RegistrationError if it is refused.
 */

import type { ClientRecord } from '../../domain/client.ts'
import { searchKey, searchKeysOf } from '../../domain/directory.ts'
import { conflict } from '../../protocol/registration/errors.ts'
import type { ExpectedVersion, Outcome } from './change.ts'
import { changeClient, verb } from './clients.ts'
import { REQUESTS_IN_AN_HOUR } from './create-client.ts'
import { requireMayWish, requireNeutral } from './deciding.ts'
import { requireMayGive } from './privileged.ts'

/** An owner can ask again for a listing that was declined. */
export const requestListing = verb(({ ownerId, listing }, actor) => {
  if (ownerId === '') {
    throw conflict('a client that registered itself has no owner who could want it listed')
  }
  const limit = actor.ownerId !== undefined && { mostInAnHour: REQUESTS_IN_AN_HOUR }
  const isAsked = listing === null || listing.declinedAt !== null
  return isAsked ? [{ kind: 'request_listing', ...limit }] : []
}, requireMayWish)

export const takeBackListing = verb(
  ({ listing }) => (listing === null ? [] : [{ kind: 'take_back_listing' }]),
  requireMayWish,
)

function requireRequested({ listing }: ClientRecord) {
  if (listing === null) throw conflict('no owner wants the client listed')
  return listing
}

/** Lists the client as the record describes it now. A later change of what the directory shows ends the listing. */
export const listClient = verb(
  (before, actor) => {
    requireNeutral(actor, before, true)
    if (requireRequested(before).listedAt !== null) return []
    const { name, url } = before
    const keys = { nameKey: searchKey(name), keys: searchKeysOf(before) }
    return [{ kind: 'list', ...keys, detail: { name, url } }]
  },
  (actor) => requireMayGive(actor),
)

/** Declines a request, or ends a listing. `reason`: the text that the owners see. */
export async function declineListing(
  act: Parameters<typeof changeClient>[0],
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
