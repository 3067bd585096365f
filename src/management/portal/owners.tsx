/** `/clients/{id}/owners`: the owners of a client, and the users to whom it was offered. */

import { offerOwnership, removeOwner, takeBackOffer } from '../../flows/registration/owners.ts'
import { refuseFlood } from '../../http/flood.ts'
import type { FormHead } from '../../pages/parts.tsx'
import { OWNER_LABELS, OwnersPage } from '../../pages/portal/owners-page.tsx'
import { invalid } from '../../protocol/registration/errors.ts'
import type { OwnClient } from '../../stores/shown-client.ts'
import { nameOf } from './clients.tsx'
import type { Done } from './done.ts'
import { type Form, ownClientPage, readClient } from './own-client.tsx'

const typedIn = (posted: URLSearchParams | null) => (posted?.get('owner') ?? '').trim()

/** The field `user` names the user whom the form is about. */
const aboutUser = ({ action, hidden }: FormHead, userId: string): FormHead => ({
  action,
  hidden: [...hidden, ['user', userId]],
})
const userForm = (change: typeof removeOwner, done: Done): Form<OwnClient> => ({
  perform: ({ act, clientId, posted, version }) =>
    change(act, clientId, posted.get('user') ?? '', version),
  done,
})

export const ownersPage = ownClientPage({
  page: 'owners',
  read: readClient,
  async show({ found, user }, { shared, posted, headOf }) {
    const { ownerId } = found.client
    const [removal, takeBack] = [await headOf('remove_owner'), await headOf('take_back_offer')]
    return (
      <OwnersPage
        {...shared}
        owners={found.owners.map((owner) => ({
          name: nameOf(owner, user),
          isYou: owner.userId === user.userId,
          removal:
            ownerId !== user.userId || owner.userId === ownerId
              ? null
              : aboutUser(removal, owner.userId),
        }))}
        offers={found.offers.map((offer) => ({
          ...offer,
          name: nameOf(offer, user),
          takeBack: offer.declinedAt === null ? aboutUser(takeBack, offer.userId) : null,
        }))}
        form={await headOf('offer_ownership')}
        typed={{ owner: typedIn(posted) }}
      />
    )
  },
  words: { labels: OWNER_LABELS },
  forms: {
    offer_ownership: {
      async perform({ visit: { c, deps }, posted, act, clientId, version }) {
        const name = typedIn(posted)
        if (name === '') throw invalid('{field} must not be empty', 'owner')
        // The response shows which usernames exist, so the number of attempts is limited.
        await refuseFlood(c, deps.loginLimit)
        return offerOwnership(act, clientId, name, version)
      },
      done: 'offered',
    },
    take_back_offer: userForm(takeBackOffer, 'taken_back'),
    remove_owner: userForm(removeOwner, 'owners'),
  },
})
