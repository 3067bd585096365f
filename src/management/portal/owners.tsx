/** `/clients/{id}/owners`: who owns a client, and to whom it was offered. */

import { offerOwnership, removeOwner, takeBackOffer } from '../../flows/registration/owners.ts'
import { refuseFlood } from '../../http/flood.ts'
import { OwnersPage } from '../../pages/portal/owners-page.tsx'
import type { OwnClient } from '../../stores/shown-client.ts'
import { actOf, invalid } from './attempt.ts'
import { nameOf } from './clients.tsx'
import type { Done } from './done.ts'
import { clientDone, ownClientPage, readClient } from './own-client.tsx'
import type { Visit } from './portal-page.tsx'

const LABELS = { owner: 'Username' }

const typedIn = (posted: URLSearchParams | null) => (posted?.get('owner') ?? '').trim()

type Form = Readonly<{
  name: string
  done: Done
  act: (visit: Visit<OwnClient>, posted: URLSearchParams, version: number) => Promise<unknown>
}>

const OFFER: Form = {
  name: 'offer_ownership',
  done: 'offered',
  async act(visit, posted, version) {
    const name = typedIn(posted)
    if (name === '') throw invalid('{field} must not be empty', 'owner')
    // The answer shows which usernames exist, so the number of attempts is limited.
    await refuseFlood(visit.c, visit.deps.loginLimit)
    return offerOwnership(actOf(visit), visit.found.client.clientId, name, version)
  },
}

/** The field `user` names whom the form is about. */
const aboutUser = (name: string, done: Done, change: typeof removeOwner): Form => ({
  name,
  done,
  act: (visit, posted, version) =>
    change(actOf(visit), visit.found.client.clientId, posted.get('user') ?? '', version),
})
const TAKE_BACK = aboutUser('take_back_offer', 'taken_back', takeBackOffer)
const REMOVE = aboutUser('remove_owner', 'owners', removeOwner)

/** By the field `act`. */
const FORMS: Readonly<Record<string, Form>> = { take_back: TAKE_BACK, remove: REMOVE }

export const ownersPage = ownClientPage({
  page: 'owners',
  read: readClient,
  async show({ found, user }, { shared, posted, hiddenOf }) {
    const { ownerId } = found.client
    const [removal, takeBack] = [await hiddenOf(REMOVE.name), await hiddenOf(TAKE_BACK.name)]
    return (
      <OwnersPage
        {...shared}
        owners={found.owners.map((owner) => ({
          name: nameOf(owner, user),
          isYou: owner.userId === user.userId,
          removal:
            ownerId !== user.userId || owner.userId === ownerId
              ? null
              : [...removal, ['act', 'remove'], ['user', owner.userId]],
        }))}
        offers={found.offers.map((offer) => ({
          ...offer,
          name: nameOf(offer, user),
          takeBack:
            offer.declinedAt === null
              ? [...takeBack, ['act', 'take_back'], ['user', offer.userId]]
              : null,
        }))}
        hidden={await hiddenOf(OFFER.name)}
        typed={typedIn(posted)}
        label={LABELS.owner}
      />
    )
  },
  formIn(visit, posted) {
    const { name, done, act } = FORMS[posted.get('act') ?? ''] ?? OFFER
    return {
      name,
      labels: LABELS,
      async act(version) {
        await act(visit, posted, version)
        return clientDone(visit.found.client.clientId, done)
      },
    }
  },
})
