/** `/clients`: the clients that the visitor owns. `/clients/{id}`: one of them. */

import type { ClientRecord } from '../../domain/client.ts'
import { isListed } from '../../domain/directory.ts'
import { hasRegistryScope } from '../../domain/registry-scopes.ts'
import { logoPath } from '../../domain/shown-client.ts'
import type { User } from '../../domain/user.ts'
import { acceptOffer, declineOffer } from '../../flows/registration/owners.ts'
import { ClientListPage } from '../../pages/portal/client-list-page.tsx'
import { ClientPage } from '../../pages/portal/client-page.tsx'
import { invalid } from '../../protocol/registration/errors.ts'
import type { OwnClients } from '../../stores/portal.ts'
import type { Owner } from '../../stores/shown-client.ts'
import type { ManagementDeps } from '../deps.ts'
import { actOf, attempt, formHead, type Refused } from './attempt.ts'
import { doneIn } from './done.ts'
import { keyAlgorithmOf } from './key-form.ts'
import { clientDone, readClientAndDeclared } from './own-client.tsx'
import { catalogueOf, shownPermissions } from './permission-view.ts'
import { portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const ROWS = 50
const LAST_PAGE = 1000

/** Any other text means the first page. */
export const pageIn = (text: string | undefined) =>
  /^[1-9]\d{0,3}$/.test(text ?? '') ? Math.min(Number(text), LAST_PAGE) : 1

const FORM = 'answer_offer'

async function showList(visit: Visit<OwnClients>, refused?: Refused) {
  const { c, deps, found, user } = visit
  const { clientsPerUser } = deps.settings
  const offers = found.offers.map(async (offer) => {
    const { clientId: id, version, offeredBy } = offer
    const form = await formHead(visit, '/clients', { form: FORM, id, version }, [['client', id]])
    return { ...offer, offeredBy: nameOf(offeredBy, user), form }
  })
  const notice = refused ?? { done: doneIn(c.req.query('done')) }
  return sendPortalPage(visit, notice, async (frame) => (
    <ClientListPage
      frame={frame}
      clients={found.clients}
      offers={await Promise.all(offers)}
      owned={found.owned}
      page={pageIn(c.req.query('page'))}
      pages={Math.ceil(found.owned / ROWS)}
      left={clientsPerUser === 0 ? null : clientsPerUser - found.firstOwned}
    />
  ))
}

export const clientListPage = portalPage<OwnClients>({
  path: '/clients',
  read: ({ reader, visitor, c }) =>
    reader.list(visitor, ROWS, (pageIn(c.req.query('page')) - 1) * ROWS),
  get: (visit) => showList(visit),
  async post(visit, form) {
    const id = form.get('client') ?? ''
    const act = form.get('act')
    const attempted = await attempt(visit, form, { form: FORM, id }, async (version) => {
      if (act === 'accept') return acceptOffer(actOf(visit), id, version)
      if (act === 'decline') return declineOffer(actOf(visit), id)
      throw invalid('accept the offer or decline it')
    })
    if (attempted.kind === 'refused') return showList(visit, attempted)
    const next = act === 'accept' ? clientDone(id, 'accepted') : '/clients?done=offer_declined'
    return visit.c.redirect(next, 303)
  },
})

/** For a user of an accounts service the last known name, if any. Names may repeat, so the id is shown beside the name. */
export function nameOf({ userId, username, seenName }: Owner, visitor: User) {
  if (userId === visitor.userId) return visitor.username
  return username ?? (seenName === null ? userId : `${seenName} (${userId})`)
}

export function stateOf({ disabledAt, isDisabledByOwner }: ClientRecord) {
  if (disabledAt === null) return 'enabled'
  return isDisabledByOwner ? 'disabled_by_owner' : 'disabled_by_operator'
}

export const isInDirectory = (
  { settings }: Pick<ManagementDeps, 'settings'>,
  { listing }: Pick<ClientRecord, 'listing'>,
) => settings.hasDirectory && isListed(listing)

export const clientPage = portalPage({
  path: '/clients/:client_id',
  read: readClientAndDeclared,
  get(visit) {
    const { c, deps, found } = visit
    const { client, owners, logo } = found
    const notice = { done: doneIn(c.req.query('done')), hasCopyScript: true }
    return sendPortalPage(visit, notice, (frame) => (
      <ClientPage
        frame={frame}
        client={{ ...client, issuer: deps.issuer, keyAlgorithm: keyAlgorithmOf(client) }}
        state={stateOf(client)}
        isPrivileged={hasRegistryScope(client.permissions.map(({ value }) => value))}
        permissions={shownPermissions(client, catalogueOf(found))}
        owners={owners.map((owner) => nameOf(owner, visit.user))}
        logoPath={logoPath(logo)}
        hasDirectory={deps.settings.hasDirectory}
      />
    ))
  },
})
