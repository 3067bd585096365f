/** `/clients/{id}/listing`: whether a client is in the public directory. */

import { pageHost } from '../../domain/directory.ts'
import { describeScope } from '../../domain/scope-catalogue.ts'
import { logoPath } from '../../domain/shown-client.ts'
import { requestListing, takeBackListing } from '../../flows/registration/listings.ts'
import { ListingPage } from '../../pages/portal/listing-page.tsx'
import { ownClientPage, readClientAndDeclared } from './own-client.tsx'
import { catalogueOf } from './permission-view.ts'

export const listingPage = ownClientPage({
  page: 'listing',
  read: readClientAndDeclared,
  isServed: ({ hasDirectory }) => hasDirectory,
  async show({ found }, { shared, headOf }) {
    const { client, owners, logo } = found
    return (
      <ListingPage
        frame={shared.frame}
        client={client}
        page={pageHost(client.url) === null ? '' : client.url}
        logoPath={logoPath(logo)}
        ownerName={owners[0]?.username ?? null}
        scopes={client.scopes.map((scope) => describeScope(scope, catalogueOf(found)))}
        forms={{
          ask: await headOf('ask_listing'),
          takeBack: await headOf('take_back_listing'),
        }}
      />
    )
  },
  forms: {
    ask_listing: {
      perform: ({ act, clientId, version }) => requestListing(act, clientId, version),
      done: 'listing_asked',
    },
    take_back_listing: {
      perform: ({ act, clientId, version }) => takeBackListing(act, clientId, version),
      done: 'listing_taken_back',
    },
  },
})
