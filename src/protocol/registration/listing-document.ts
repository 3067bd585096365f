/** What the document of a client says of its listing in the directory. */

import { type Listing, listingStateOf } from '../../domain/directory.ts'
import { isoTime } from './field.ts'

export const listingDocument = (listing: Listing | null) =>
  listing && {
    state: listingStateOf(listing),
    requested_at: isoTime(listing.requestedAt),
    listed_at: isoTime(listing.listedAt),
    declined_at: isoTime(listing.declinedAt),
    reason: listing.reason,
  }
