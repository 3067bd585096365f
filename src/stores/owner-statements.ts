/** The statements that change who owns a client, for the batch of a change. Instants in epoch seconds. */

import { type ClientLists, KEEP_OFFERS_SECONDS } from '../domain/client.ts'
import { bound, D1_NOW, type Database } from './database.ts'
import type { OwnerChange } from './registration-ports.ts'

export const ADD_FURTHER_OWNERS = `INSERT INTO client_owner (client_id, user_id, added_at)
  SELECT c.client_id, j.value, ?3 FROM client c, json_each(?2) j
  WHERE c.client_id = ?1 AND j.value <> c.owner_id ON CONFLICT DO NOTHING`
export const KEEP_FURTHER_OWNERS = `DELETE FROM client_owner
  WHERE client_id = ?1 AND user_id NOT IN (SELECT value FROM json_each(?2))`
/** Fails the batch if the user `?1` is the first owner of more than `?2` clients. */
export const EXPECT_ALLOWED_CLIENTS =
  'INSERT INTO clients_per_owner (owner_id, allowed) VALUES (?1, ?2)'

/** SQL: is the offer `o` still valid? */
export const IS_KEPT = `o.offered_at > ${D1_NOW} - ${KEEP_OFFERS_SECONDS}`
export const OFFERS_COLUMN = `(SELECT json_group_array(json_object('userId', user_id, 'offeredBy', offered_by,
      'offeredAt', offered_at, 'declinedAt', declined_at))
    FROM client_owner_offer o WHERE o.client_id = c.client_id AND ${IS_KEPT}) AS offers`

export const DROP_OLD_OFFERS = `DELETE FROM client_owner_offer AS o WHERE client_id = ?1 AND NOT (${IS_KEPT})`
export const ADD_OFFER = `INSERT INTO client_owner_offer (client_id, user_id, offered_by, offered_at)
  VALUES (?1, ?2, ?3, ${D1_NOW})`
export const TAKE_BACK_OFFER = `DELETE FROM client_owner_offer WHERE client_id = ?1 AND user_id = ?2 AND declined_at IS NULL`
export const DECLINE_OFFER = `UPDATE client_owner_offer SET declined_at = ?3
  WHERE client_id = ?1 AND user_id = ?2 AND declined_at IS NULL`
/** Accepts an offer. A trigger deletes the offer. */
export const ACCEPT_OFFER = `INSERT INTO client_owner (client_id, user_id, added_at)
  SELECT client_id, user_id, ?3 FROM client_owner_offer
  WHERE client_id = ?1 AND user_id = ?2 AND declined_at IS NULL`
export const REMOVE_OWNER = `DELETE FROM client_owner WHERE client_id = ?1 AND user_id = ?2`

/** The given list replaces the earlier list. */
export const furtherOwners = (
  db: Database,
  clientId: string,
  { furtherOwners: given }: ClientLists,
  now: number,
) =>
  given === undefined
    ? []
    : [
        bound(db, KEEP_FURTHER_OWNERS, clientId, JSON.stringify(given)),
        bound(db, ADD_FURTHER_OWNERS, clientId, JSON.stringify(given), now),
      ]

export const allowedClients = (db: Database, ownerId: string, atMost: number | null) =>
  atMost === null ? [] : [bound(db, EXPECT_ALLOWED_CLIENTS, ownerId, atMost)]

/** These follow the statement that gives the client its new version and, if the first owner leaves, its new first owner. */
export function ownerStatements(
  db: Database,
  clientId: string,
  change: OwnerChange,
  now: number,
): D1PreparedStatement[] {
  const { userId } = change
  switch (change.kind) {
    case 'offer_ownership':
      return [
        bound(db, DROP_OLD_OFFERS, clientId),
        bound(db, ADD_OFFER, clientId, userId, change.offeredBy),
      ]
    case 'take_back_offer':
      return [bound(db, TAKE_BACK_OFFER, clientId, userId)]
    case 'accept_offer':
      return [bound(db, ACCEPT_OFFER, clientId, userId, now)]
    case 'decline_offer':
      return [bound(db, DECLINE_OFFER, clientId, userId, now)]
    case 'remove_owner':
      return [bound(db, REMOVE_OWNER, clientId, userId)]
    case 'leave':
      return change.next === null
        ? [bound(db, REMOVE_OWNER, clientId, userId)]
        : allowedClients(db, change.next, change.ownedAtMost)
  }
}
