/** `/clients/{id}/listing`: whether a client is in the public directory. */

import { pageHost } from '../../domain/directory.ts'
import { describeScope } from '../../domain/scope-catalogue.ts'
import { logoPath } from '../../domain/shown-client.ts'
import { requestListing, takeBackListing } from '../../flows/registration/listings.ts'
import { ListingPage } from '../../pages/portal/listing-page.tsx'
import { notFound } from '../page.ts'
import { actOf } from './attempt.ts'
import { clientDone, ownClientPage, readClientAndDeclared } from './own-client.tsx'
import { catalogueOf } from './permission-view.ts'
import type { Visit } from './portal-page.tsx'

const ASK = 'ask_listing'
const TAKE_BACK = 'take_back_listing'

function requireDirectory({ deps }: Pick<Visit<unknown>, 'deps'>) {
  if (!deps.settings.hasDirectory) throw notFound()
}

export const listingPage = ownClientPage({
  page: 'listing',
  read: readClientAndDeclared,
  async show(visit, { shared, hiddenOf }) {
    requireDirectory(visit)
    const { client, owners, logo } = visit.found
    return (
      <ListingPage
        frame={shared.frame}
        client={client}
        page={pageHost(client.url) === null ? '' : client.url}
        logoPath={logoPath(logo)}
        ownerName={owners[0]?.username ?? null}
        scopes={client.scopes.map((scope) => describeScope(scope, catalogueOf(visit.found)))}
        hidden={{ ask: await hiddenOf(ASK), takeBack: await hiddenOf(TAKE_BACK) }}
      />
    )
  },
  formIn(visit, posted) {
    requireDirectory(visit)
    const { clientId } = visit.found.client
    const isTakenBack = posted.get('act') === 'take_back'
    const change = isTakenBack ? takeBackListing : requestListing
    return {
      name: isTakenBack ? TAKE_BACK : ASK,
      async act(version) {
        await change(actOf(visit), clientId, version)
        return clientDone(clientId, isTakenBack ? 'listing_taken_back' : 'listing_asked')
      },
    }
  },
})
