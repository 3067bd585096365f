/** `/clients/{id}/owners`: who owns a client. */

import { addOwner, removeOwner } from '../../flows/registration/owners.ts'
import { refuseFlood } from '../../http/flood.ts'
import { clientPath } from '../../pages/portal/frame.tsx'
import { OwnersPage } from '../../pages/portal/owners-page.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { OwnClient, Owner } from '../../stores/portal.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import { nameOf } from './clients.tsx'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const LABELS = { owner: 'Username' }

async function show(visit: Visit<OwnClient>, typed: string, refused?: Refused) {
  const { found, user } = visit
  const { clientId, name, ownerId } = found.client
  const hiddenOf = (form: string) => clientFormFields(visit, form, found.client)
  const removalOf = async ({ userId }: Owner) =>
    ownerId !== user.userId || userId === ownerId
      ? null
      : ([...(await hiddenOf('remove_owner')), ['act', 'remove'], ['user', userId]] as const)
  const page = (
    <OwnersPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      clientId={clientId}
      name={name}
      owners={
        await Promise.all(
          found.owners.map(async (owner) => ({
            userId: owner.userId,
            name: nameOf(owner, user),
            isYou: owner.userId === user.userId,
            removal: await removalOf(owner),
          })),
        )
      }
      hidden={await hiddenOf('add_owner')}
      typed={typed}
      label={LABELS.owner}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

async function add(visit: Visit<OwnClient>, name: string, version: number) {
  if (name === '') throw new RegistrationError('invalid', '{field} must not be empty', 'owner')
  // The answer tells which usernames exist, so the number of tries is limited.
  await refuseFlood(visit.c, visit.deps.loginLimit)
  return addOwner(actOf(visit), visit.found.client.clientId, name, version)
}

export const ownersPage = portalPage<OwnClient>({
  path: '/clients/:client_id/owners',
  read: ({ reader, visitor, c }) => reader.client(visitor, c.req.param('client_id') ?? ''),
  get: (visit) => show(visit, ''),
  async post(visit, form) {
    const { clientId } = visit.found.client
    const typed = (form.get('owner') ?? '').trim()
    const isRemoval = form.get('act') === 'remove'
    const asked = {
      form: isRemoval ? 'remove_owner' : 'add_owner',
      id: clientId,
      labels: LABELS,
    }
    const attempted = await attempt(visit, form, asked, (version) =>
      isRemoval
        ? removeOwner(actOf(visit), clientId, form.get('user') ?? '', version)
        : add(visit, typed, version),
    )
    if (attempted.kind === 'refused') return show(visit, typed, attempted)
    return visit.c.redirect(`${clientPath(clientId)}?done=owners`, 303)
  },
})
