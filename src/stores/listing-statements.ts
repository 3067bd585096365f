/** The statements that change the listing of a client, for the batch of a change. Instants in epoch seconds. */

import { bound, type Database } from './database.ts'
import type { ClientChange } from './registration-ports.ts'

/** A declined listing is requested again. A listed client stays listed. */
export const REQUEST_LISTING = `INSERT INTO listing (client_id, requested_at) VALUES (?1, ?2)
  ON CONFLICT DO UPDATE SET requested_at = excluded.requested_at, declined_at = NULL, reason = '' WHERE declined_at IS NOT NULL`
export const TAKE_BACK_LISTING = `DELETE FROM listing WHERE client_id = ?1`
export const LIST_CLIENT = `UPDATE listing SET listed_at = ?2, declined_at = NULL, reason = '', name_key = ?3 WHERE client_id = ?1`
export const DROP_LISTING_KEYS = `DELETE FROM listing_key WHERE client_id = ?1`
export const ADD_LISTING_KEYS = `INSERT INTO listing_key (key, client_id) SELECT value, ?1 FROM json_each(?2)`
export const DECLINE_LISTING = `UPDATE listing SET listed_at = NULL, declined_at = ?2, reason = ?3 WHERE client_id = ?1`

type ListingChange = Extract<
  ClientChange,
  { kind: 'request_listing' | 'take_back_listing' | 'list' | 'decline_listing' }
>

export function listingStatements(
  db: Database,
  clientId: string,
  change: ListingChange,
  now: number,
): D1PreparedStatement[] {
  switch (change.kind) {
    case 'request_listing':
      return [bound(db, REQUEST_LISTING, clientId, now)]
    case 'take_back_listing':
      return [bound(db, TAKE_BACK_LISTING, clientId)]
    case 'list':
      return [
        bound(db, LIST_CLIENT, clientId, now, change.nameKey),
        bound(db, DROP_LISTING_KEYS, clientId),
        bound(db, ADD_LISTING_KEYS, clientId, JSON.stringify(change.keys)),
      ]
    case 'decline_listing':
      return [bound(db, DECLINE_LISTING, clientId, now, change.reason)]
  }
}
