/** `/clients/{id}/owners`: who owns a client, and to whom it was offered. */

import { offerOwnership, removeOwner, takeBackOffer } from '../../flows/registration/owners.ts'
import { refuseFlood } from '../../http/flood.ts'
import { clientPath } from '../../pages/portal/frame.tsx'
import { OwnersPage } from '../../pages/portal/owners-page.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { OwnClient } from '../../stores/portal.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import { nameOf } from './clients.tsx'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const LABELS = { owner: 'Username' }

async function show(visit: Visit<OwnClient>, typed: string, refused?: Refused) {
  const { found, user } = visit
  const { clientId, name, ownerId } = found.client
  const hiddenOf = (form: string) => clientFormFields(visit, form, found.client)
  const [removal, takeBack] = [await hiddenOf('remove_owner'), await hiddenOf('take_back_offer')]
  const page = (
    <OwnersPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      clientId={clientId}
      name={name}
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
      hidden={await hiddenOf('offer_ownership')}
      typed={typed}
      label={LABELS.owner}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

async function offer(visit: Visit<OwnClient>, name: string, version: number) {
  if (name === '') throw new RegistrationError('invalid', '{field} must not be empty', 'owner')
  // The answer tells which usernames exist, so the number of tries is limited.
  await refuseFlood(visit.c, visit.deps.loginLimit)
  return offerOwnership(actOf(visit), visit.found.client.clientId, name, version)
}

export const ownersPage = portalPage<OwnClient>({
  path: '/clients/:client_id/owners',
  read: ({ reader, visitor, c }) => reader.client(visitor, c.req.param('client_id') ?? ''),
  get: (visit) => show(visit, ''),
  async post(visit, form) {
    const { clientId } = visit.found.client
    const typed = (form.get('owner') ?? '').trim()
    const user = form.get('user') ?? ''
    const acts = {
      offer: {
        form: 'offer_ownership',
        done: 'offered',
        run: (version: number) => offer(visit, typed, version),
      },
      take_back: {
        form: 'take_back_offer',
        done: 'taken_back',
        run: (version: number) => takeBackOffer(actOf(visit), clientId, user, version),
      },
      remove: {
        form: 'remove_owner',
        done: 'owners',
        run: (version: number) => removeOwner(actOf(visit), clientId, user, version),
      },
    }
    const given = form.get('act')
    const act = acts[given === 'remove' || given === 'take_back' ? given : 'offer']
    const asked = { form: act.form, id: clientId, labels: LABELS }
    const attempted = await attempt(visit, form, asked, act.run)
    if (attempted.kind === 'refused') return show(visit, typed, attempted)
    return visit.c.redirect(`${clientPath(clientId)}?done=${act.done}`, 303)
  },
})
