/** `/clients/{id}/listing`: whether a client is in the public directory. */

import { pageHost } from '../../domain/directory.ts'
import { describeScope } from '../../domain/scope-catalogue.ts'
import { logoPath } from '../../domain/shown-client.ts'
import { requestListing, takeBackListing } from '../../flows/registration/listings.ts'
import { clientPath } from '../../pages/portal/frame.tsx'
import { ListingPage } from '../../pages/portal/listing-page.tsx'
import type { Declared, OwnClient } from '../../stores/portal.ts'
import { notFound } from '../page.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import { catalogueOf } from './permission-view.ts'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

type Found = OwnClient & Declared

function requireDirectory({ deps }: Visit<Found>) {
  if (!deps.settings.hasDirectory) throw notFound()
}

async function show(visit: Visit<Found>, refused?: Refused) {
  const { client, owners, logo } = visit.found
  const hiddenOf = (form: string) => clientFormFields(visit, form, client)
  const [first] = owners
  const page = (
    <ListingPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      client={client}
      page={pageHost(client.url) === null ? '' : client.url}
      logoPath={logoPath(logo)}
      ownerName={first?.username ?? null}
      scopes={client.scopes.map((scope) => describeScope(scope, catalogueOf(visit.found)))}
      hidden={{ ask: await hiddenOf('ask_listing'), takeBack: await hiddenOf('take_back_listing') }}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

export const listingPage = portalPage<Found>({
  path: '/clients/:client_id/listing',
  read: ({ reader, visitor, c }) =>
    reader.clientAndDeclared(visitor, c.req.param('client_id') ?? ''),
  get(visit) {
    requireDirectory(visit)
    return show(visit)
  },
  async post(visit, form) {
    requireDirectory(visit)
    const { clientId } = visit.found.client
    const isTakenBack = form.get('act') === 'take_back'
    const asked = { form: isTakenBack ? 'take_back_listing' : 'ask_listing', id: clientId }
    const change = isTakenBack ? takeBackListing : requestListing
    const attempted = await attempt(visit, form, asked, (version) =>
      change(actOf(visit), clientId, version),
    )
    if (attempted.kind === 'refused') return show(visit, attempted)
    const done = isTakenBack ? 'listing_taken_back' : 'listing_asked'
    return visit.c.redirect(`${clientPath(clientId)}?done=${done}`, 303)
  },
})
