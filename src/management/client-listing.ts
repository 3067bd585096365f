/** The listing of a client in the public directory. */

import {
  declineListing,
  listClient,
  requestListing,
  takeBackListing,
} from '../flows/registration/listings.ts'
import { LISTING_CHANGE, readListingChange } from '../protocol/registration/listing-change.ts'
import { MAY_DECIDE } from './client-parts.ts'
import { answerWithClient, changed } from './clients.ts'
import { named } from './openapi/schemas.ts'
import { operation } from './operation.ts'

export const clientListingOperations = [
  operation({
    method: 'POST',
    path: '/clients/{client_id}/listing',
    name: 'changeClientListing',
    noun: 'clients',
    summary: 'Decide whether a client is in the public directory',
    description:
      'request and take_back are for an owner who asked you and does not use the portal. list and decline decide on a request; decline also ends a listing, and the owners see the reason. A client whose name, page, description, logo or first owner changes waits for a decision again. With registry:approve, which is for people who sign in, only list and decline. A person who signed in lists no client that they own.',
    scopes: MAY_DECIDE,
    body: named('ClientListingChange', LISTING_CHANGE),
    bodyExample: { act: 'decline', reason: 'It is not finished yet.' },
    isConditional: true,
    answers: answerWithClient,
    problems: ['not_found', 'conflict'],
    async handle({ act, parameters: { client_id = '' }, body, ifMatch: { version } }) {
      const given = readListingChange(body)
      const decide = {
        request: () => requestListing(act, client_id, version),
        take_back: () => takeBackListing(act, client_id, version),
        list: () => listClient(act, client_id, version),
        decline: () => declineListing(act, client_id, given.reason, version),
      }[given.act]
      return changed(await decide())
    },
  }),
]
