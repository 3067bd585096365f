/** What the portal shows of clients, in D1. Every statement reads the clients of one user alone. */

import type { ClientRecord } from '../domain/client.ts'
import type { ListedClient } from '../domain/shown-client.ts'
import { type HistoryEntry, historyOf, readEntry } from './client-history.ts'
import { bound, type Database, type RowOf, rowReader } from './database.ts'
import { IS_KEPT } from './owner-statements.ts'
import { FIND_REFUSAL_OF_CLIENT, KEEP_REFUSALS_SECONDS, type Refused } from './refusals.ts'
import {
  declaredStatements,
  named,
  type Owner,
  ownerJson,
  ownersOf,
  readDeclared,
  readOwnClient,
  SHOWN_COLUMNS,
} from './shown-client.ts'
import { type Visitor, visit } from './visit.ts'
import { COUNT_REQUESTS } from './waiting-clients.ts'

/** SQL: ids of the clients that the user `?1` owns. */
const OWN = `SELECT client_id FROM client WHERE owner_id = ?1 AND ?1 <> ''
  UNION SELECT client_id FROM client_owner WHERE user_id = ?1`
/** The most offers that a page shows. */
const SHOWN_OFFERS = 20
/** Clients offered to the user `?1`. Each owner's first offer comes before second offers, so that none hides another's. */
export const OWN_OFFERS = `SELECT c.client_id AS clientId, c.name, c.version, c.disabled_at IS NULL AS isEnabled,
    slice.offered_at AS offeredAt, ${ownerJson('slice.offered_by')} AS offeredBy
  FROM (SELECT client_id, offered_by, offered_at,
      row_number() OVER (PARTITION BY offered_by ORDER BY offered_at, client_id) AS place
    FROM client_owner_offer o WHERE user_id = ?1 AND declined_at IS NULL AND ${IS_KEPT}) slice
    CROSS JOIN client c ON c.client_id = slice.client_id
    ${named('slice.offered_by')}
  ORDER BY slice.place, slice.offered_at, c.client_id LIMIT ${SHOWN_OFFERS}`
/** The clients are few enough to be sorted: at most `CLIENTS_PER_USER`, and those that other users share with this user. */
export const OWN_CLIENTS = `SELECT c.client_id AS clientId, c.name, c.disabled_at IS NULL AS isEnabled,
    c.created_at AS createdAt, ${COUNT_REQUESTS} AS waiting
  FROM (${OWN}) slice CROSS JOIN client c ON c.client_id = slice.client_id
  ORDER BY c.name COLLATE NOCASE, c.client_id LIMIT ?2 OFFSET ?3`
export const COUNT_OWN_CLIENTS = `SELECT (SELECT count(*) FROM (${OWN})) AS owned,
  (SELECT count(*) FROM client WHERE owner_id = ?1) AS firstOwned`
const IS_OWN = `c.client_id = ?1 AND ?2 <> '' AND (c.owner_id = ?2 OR EXISTS (SELECT 1 FROM client_owner o
  WHERE o.client_id = c.client_id AND o.user_id = ?2))`
export const FIND_OWN_CLIENT = `SELECT ${SHOWN_COLUMNS} FROM client c WHERE ${IS_OWN}`
export const OWNERS_OF_OWN_CLIENT = ownersOf(IS_OWN)
/** A deleted client may have had the same id, and this owner must not see its history. */
export const HISTORY_OF_OWN_CLIENT = historyOf(
  `audit_id > coalesce((SELECT max(d.audit_id) FROM audit d
      WHERE d.client_id = ?1 AND d.event GLOB 'client.*' AND d.event = 'client.delete'), 0)
    AND EXISTS (SELECT 1 FROM client c WHERE ${IS_OWN})`,
  'LIMIT ?3 OFFSET ?4',
)

export type OfferedClient = Pick<ClientRecord, 'name' | 'version'> &
  Readonly<{
    clientId: string
    isEnabled: boolean
    /** Epoch seconds. */
    offeredAt: number
    offeredBy: Owner
  }>

/** `firstOwned`: how many of the clients count for `CLIENTS_PER_USER`. */
export type OwnClients = Readonly<{
  clients: readonly ListedClient[]
  offers: readonly OfferedClient[]
  owned: number
  firstOwned: number
}>

const readListed = rowReader<ListedClient>({ isEnabled: 'flag' })
const readOffer = rowReader<OfferedClient>({ isEnabled: 'flag', offeredBy: 'json' })

function readOwnAndDeclared(results: readonly unknown[][]) {
  const found = readOwnClient(results)
  return found && { ...found, ...readDeclared(results.slice(2)) }
}

export type PortalReader = ReturnType<typeof portalReader>

export function portalReader(db: Database) {
  const own = (clientId: string, userId: string) => [
    bound(db, FIND_OWN_CLIENT, clientId, userId),
    bound(db, OWNERS_OF_OWN_CLIENT, clientId, userId),
  ]
  const ownAndDeclared = (clientId: string, userId: string) => [
    ...own(clientId, userId),
    ...declaredStatements(db),
  ]
  return {
    /** At most `rows` of the user's clients, ordered by name, after the first `skipped`. */
    list(visitor: Visitor, rows: number, skipped: number) {
      const { userId } = visitor
      const statements = [
        bound(db, OWN_CLIENTS, userId, rows, skipped),
        bound(db, COUNT_OWN_CLIENTS, userId),
        bound(db, OWN_OFFERS, userId),
      ]
      return visit(db, visitor, statements, (results): OwnClients => {
        const [clients, counted, offers] = results as [
          RowOf<ListedClient>[],
          Pick<OwnClients, 'owned' | 'firstOwned'>[],
          RowOf<OfferedClient>[],
        ]
        const { owned = 0, firstOwned = 0 } = counted[0] ?? {}
        return {
          clients: clients.map(readListed),
          offers: offers.map(readOffer),
          owned,
          firstOwned,
        }
      })
    },
    /** `found` is null for a client of other users, as for a client that does not exist. */
    client: (visitor: Visitor, clientId: string) =>
      visit(db, visitor, own(clientId, visitor.userId), readOwnClient),
    /** At most `rows` entries of the client's history after the first `skipped`. The newest entry comes first. */
    clientAndHistory(
      visitor: Visitor,
      clientId: string,
      { rows, skipped }: Readonly<{ rows: number; skipped: number }>,
    ) {
      const { userId } = visitor
      const history = bound(db, HISTORY_OF_OWN_CLIENT, clientId, userId, rows, skipped)
      return visit(db, visitor, [...own(clientId, userId), history], (results) => {
        const found = readOwnClient(results)
        return (
          found && {
            ...found,
            history: ((results[2] ?? []) as RowOf<HistoryEntry>[]).map(readEntry),
          }
        )
      })
    },
    clientAndDeclared: (visitor: Visitor, clientId: string) =>
      visit(db, visitor, ownAndDeclared(clientId, visitor.userId), readOwnAndDeclared),
    /** `correlationId`: the id of a refusal of the client, which is shown until it is a day old. `now` in epoch seconds. */
    clientAndRefusal(visitor: Visitor, clientId: string, correlationId: string, now: number) {
      const since = now - KEEP_REFUSALS_SECONDS
      const refusal = bound(db, FIND_REFUSAL_OF_CLIENT, correlationId, since, clientId)
      const statements = [refusal, ...ownAndDeclared(clientId, visitor.userId)]
      return visit(db, visitor, statements, ([refusals, ...results]) => {
        const found = readOwnAndDeclared(results)
        const [refusal = null] = (refusals ?? []) as Refused[]
        return found && { ...found, refusal }
      })
    },
  }
}
