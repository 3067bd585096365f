/** What the portal shows of clients, in D1. Every statement asks for the clients of one user alone. */

import type { ClientRecord, OwnershipOffer } from '../domain/client.ts'
import type { Resource } from '../domain/resource.ts'
import { type Category, MAX_DECLARED, type ScopeFields } from '../domain/scope-catalogue.ts'
import { type HistoryEntry, type HistoryRow, historyOf, readEntry } from './client-history.ts'
import { type ClientRecordRow, RECORD_COLUMNS, readClientRecord } from './client-record.ts'
import type { Database } from './database.ts'
import { IS_KEPT } from './owner-statements.ts'
import { FIND_REFUSAL_OF_CLIENT, KEEP_REFUSALS_SECONDS, type Refused } from './refusals.ts'
import { ALL_TITLES } from './scope-catalogue.ts'
import { type Visited, type Visitor, visit } from './visit.ts'

/** SQL: ids of the clients that the user `?1` owns. */
const OWN = `SELECT client_id FROM client WHERE owner_id = ?1 AND ?1 <> ''
  UNION SELECT client_id FROM client_owner WHERE user_id = ?1`
/** How many offers a page shows. */
const SHOWN_OFFERS = 20
/**
 * The clients that were offered to the user `?1`. The first offer of each owner comes before the second of any, so that no
 * number of offers by one user hides that of another.
 */
export const OWN_OFFERS = `SELECT c.client_id, c.name, c.version, c.disabled_at, slice.offered_at, slice.offered_by AS user_id,
    u.username, e.username_key AS seen_name
  FROM (SELECT client_id, offered_by, offered_at,
      row_number() OVER (PARTITION BY offered_by ORDER BY offered_at, client_id) AS place
    FROM client_owner_offer o WHERE user_id = ?1 AND declined_at IS NULL AND ${IS_KEPT}) slice
    CROSS JOIN client c ON c.client_id = slice.client_id
    LEFT JOIN user u ON u.user_id = slice.offered_by LEFT JOIN external_user e ON e.user_id = slice.offered_by
  ORDER BY slice.place, slice.offered_at, c.client_id LIMIT ${SHOWN_OFFERS}`
/** Few enough to be sorted: `CLIENTS_PER_USER`, and those that others share. */
export const OWN_CLIENTS = `SELECT c.client_id, c.name, c.disabled_at, c.created_at,
    (SELECT count(*) FROM client_authorization p WHERE p.client_id = c.client_id AND p.authorized_at IS NULL)
    + (SELECT count(*) FROM client_grant_type p WHERE p.client_id = c.client_id AND p.authorized_at IS NULL)
    + (SELECT count(*) FROM client_endorsement p WHERE p.client_id = c.client_id AND p.authorized_at IS NULL) AS waiting
  FROM (${OWN}) slice CROSS JOIN client c ON c.client_id = slice.client_id
  ORDER BY c.name COLLATE NOCASE, c.client_id LIMIT ?2 OFFSET ?3`
export const COUNT_OWN_CLIENTS = `SELECT (SELECT count(*) FROM (${OWN})) AS owned,
  (SELECT count(*) FROM client WHERE owner_id = ?1) AS first_owned`
const IS_OWN = `c.client_id = ?1 AND ?2 <> '' AND (c.owner_id = ?2 OR EXISTS (SELECT 1 FROM client_owner o
  WHERE o.client_id = c.client_id AND o.user_id = ?2))`
/** What `readOwnClient` reads. */
export const SHOWN_COLUMNS = `${RECORD_COLUMNS},
    (SELECT g.digest FROM logo g WHERE g.logo_uri = c.logo_uri) AS logo`
export const FIND_OWN_CLIENT = `SELECT ${SHOWN_COLUMNS} FROM client c WHERE ${IS_OWN}`
/** The first owner first, and those to whom it was offered last. `which`: SQL about the client `c`, which is `?1`. */
export const ownersOf = (
  which: string,
) => `SELECT slice.user_id, slice.added_at, slice.declined_at, slice.place, u.username, e.username_key AS seen_name
  FROM client c CROSS JOIN (
    SELECT owner_id AS user_id, 0 AS added_at, NULL AS declined_at, 0 AS place FROM client WHERE client_id = ?1
    UNION ALL SELECT user_id, added_at, NULL, 1 FROM client_owner WHERE client_id = ?1
    UNION ALL SELECT user_id, offered_at, declined_at, 2 FROM client_owner_offer o WHERE client_id = ?1 AND ${IS_KEPT}) slice
  LEFT JOIN user u ON u.user_id = slice.user_id LEFT JOIN external_user e ON e.user_id = slice.user_id
  WHERE ${which} ORDER BY slice.place, slice.added_at, slice.user_id`
export const OWNERS_OF_OWN_CLIENT = ownersOf(IS_OWN)
export const ALL_DECLARED = `SELECT name, sentence, self_registered, sensitive FROM scope
  WHERE name > '' ORDER BY name LIMIT ${MAX_DECLARED}`
export const ALL_RESOURCES = `SELECT uri, name, scopes FROM resource WHERE uri > '' ORDER BY uri LIMIT ${MAX_DECLARED}`

/** An id may have been that of another client, which was deleted: its history is not this owner's. */
export const HISTORY_OF_OWN_CLIENT = historyOf(
  `audit_id > coalesce((SELECT max(d.audit_id) FROM audit d
      WHERE d.client_id = ?1 AND d.event GLOB 'client.*' AND d.event = 'client.delete'), 0)
    AND EXISTS (SELECT 1 FROM client c WHERE ${IS_OWN})`,
  'LIMIT ?3 OFFSET ?4',
)

export type ListedClient = Readonly<{
  clientId: string
  name: string
  isEnabled: boolean
  /** Epoch seconds. */
  createdAt: number
  /** Requests that wait for approval. */
  waiting: number
}>

/** A client that was offered to the user. */
export type OfferedClient = Pick<ClientRecord, 'name' | 'version'> &
  Readonly<{
    clientId: string
    isEnabled: boolean
    /** Epoch seconds. */
    offeredAt: number
    offeredBy: Owner
  }>

/** `firstOwned`: those that count for `CLIENTS_PER_USER`. */
export type OwnClients = Readonly<{
  clients: readonly ListedClient[]
  offers: readonly OfferedClient[]
  owned: number
  firstOwned: number
}>

export type Owner = Readonly<{
  userId: string
  /** Null for a user of an external accounts service, and for one who is gone. */
  username: string | null
  /** How a user of an external accounts service was called when last seen, folded; null if that is not known. */
  seenName: string | null
}>

/** A user to whom a client was offered. Instants in epoch seconds. */
export type OfferedOwner = Owner & Pick<OwnershipOffer, 'offeredAt' | 'declinedAt'>

export type OwnClient = Readonly<{
  client: ClientRecord
  owners: readonly Owner[]
  offers: readonly OfferedOwner[]
  /** The digest of its logo, by which we serve it; null if we have none. */
  logo: string | null
}>

/** What can be asked for. */
export type Declared = Readonly<{
  scopes: readonly (ScopeFields & Readonly<{ name: string }>)[]
  categories: readonly Category[]
  resources: readonly Pick<Resource, 'uri' | 'name' | 'scopes'>[]
}>

export interface PortalReader {
  /** At most `rows` of the user's clients, ordered by name, after the first `skipped`. */
  list(visitor: Visitor, rows: number, skipped: number): Promise<Visited<OwnClients>>
  /** `found` is null for a client of others, as for one that does not exist. */
  client(visitor: Visitor, clientId: string): Promise<Visited<OwnClient | null>>
  /** At most `rows` entries of its history after the first `skipped`, the newest first. */
  clientAndHistory(
    visitor: Visitor,
    clientId: string,
    slice: Readonly<{ rows: number; skipped: number }>,
  ): Promise<Visited<(OwnClient & Readonly<{ history: readonly HistoryEntry[] }>) | null>>
  clientAndDeclared(
    visitor: Visitor,
    clientId: string,
  ): Promise<Visited<(OwnClient & Declared) | null>>
  /** `correlationId`: of a refusal of the client, kept until `now`, in epoch seconds, is a day later. */
  clientAndRefusal(
    visitor: Visitor,
    clientId: string,
    correlationId: string,
    now: number,
  ): Promise<Visited<(OwnClient & Declared & Readonly<{ refusal: Refused | null }>) | null>>
}

type ListedRow = {
  client_id: string
  name: string
  disabled_at: number | null
  created_at: number
  waiting: number
}
type NamedRow = { user_id: string; username: string | null; seen_name: string | null }
type OwnerRow = NamedRow & { added_at: number; declined_at: number | null; place: number }
/** The place of those to whom it was offered. */
const OFFERED = 2
type OfferRow = NamedRow & {
  client_id: string
  name: string
  version: number
  disabled_at: number | null
  offered_at: number
}
type ScopeRow = { name: string; sentence: string; self_registered: number; sensitive: number }

const readListed = (row: ListedRow): ListedClient => ({
  clientId: row.client_id,
  name: row.name,
  isEnabled: row.disabled_at === null,
  createdAt: row.created_at,
  waiting: row.waiting,
})

const readOwner = ({ user_id, username, seen_name }: NamedRow): Owner => ({
  userId: user_id,
  username,
  seenName: seen_name,
})

const readOffer = (row: OfferRow): OfferedClient => ({
  clientId: row.client_id,
  name: row.name,
  version: row.version,
  isEnabled: row.disabled_at === null,
  offeredAt: row.offered_at,
  offeredBy: readOwner(row),
})

export function readOwnClient([clients = [], owners = []]: readonly unknown[][]): OwnClient | null {
  const [found] = clients as (ClientRecordRow & { logo: string | null })[]
  if (found === undefined) return null
  const { logo, ...row } = found
  const named = owners as OwnerRow[]
  return {
    client: readClientRecord(row),
    logo,
    owners: named.filter(({ place }) => place !== OFFERED).map(readOwner),
    offers: named
      .filter(({ place }) => place === OFFERED)
      .map((one) => ({
        ...readOwner(one),
        offeredAt: one.added_at,
        declinedAt: one.declined_at,
      })),
  }
}

export const readDeclared = ([
  scopes = [],
  titles = [],
  resources = [],
]: readonly unknown[][]): Declared => ({
  scopes: (scopes as ScopeRow[]).map(({ name, sentence, self_registered, sensitive }) => ({
    name,
    sentence,
    selfRegistered: self_registered === 1,
    sensitive: sensitive === 1,
  })),
  categories: titles as Category[],
  resources: (resources as { uri: string; name: string; scopes: string }[]).map((row) => ({
    ...row,
    scopes: JSON.parse(row.scopes) as string[],
  })),
})

function readOwnAndDeclared(results: readonly unknown[][]) {
  const found = readOwnClient(results)
  return found && { ...found, ...readDeclared(results.slice(2)) }
}

export function portalReader(db: Database): PortalReader {
  const own = (clientId: string, userId: string) => [
    db.prepare(FIND_OWN_CLIENT).bind(clientId, userId),
    db.prepare(OWNERS_OF_OWN_CLIENT).bind(clientId, userId),
  ]
  const ownAndDeclared = (clientId: string, userId: string) => [
    ...own(clientId, userId),
    ...[ALL_DECLARED, ALL_TITLES, ALL_RESOURCES].map((sql) => db.prepare(sql)),
  ]
  return {
    list: (visitor, rows, skipped) =>
      visit(
        db,
        visitor,
        [
          db.prepare(OWN_CLIENTS).bind(visitor.userId, rows, skipped),
          db.prepare(COUNT_OWN_CLIENTS).bind(visitor.userId),
          db.prepare(OWN_OFFERS).bind(visitor.userId),
        ],
        ([listed = [], counted = [], offered = []]) => {
          const [count] = counted as { owned: number; first_owned: number }[]
          const { owned = 0, first_owned = 0 } = count ?? {}
          const clients = (listed as ListedRow[]).map(readListed)
          const offers = (offered as OfferRow[]).map(readOffer)
          return { clients, offers, owned, firstOwned: first_owned }
        },
      ),
    client: (visitor, clientId) => visit(db, visitor, own(clientId, visitor.userId), readOwnClient),
    clientAndHistory: (visitor, clientId, { rows, skipped }) =>
      visit(
        db,
        visitor,
        [
          ...own(clientId, visitor.userId),
          db.prepare(HISTORY_OF_OWN_CLIENT).bind(clientId, visitor.userId, rows, skipped),
        ],
        (results) => {
          const found = readOwnClient(results)
          return found && { ...found, history: ((results[2] ?? []) as HistoryRow[]).map(readEntry) }
        },
      ),
    clientAndDeclared: (visitor, clientId) =>
      visit(db, visitor, ownAndDeclared(clientId, visitor.userId), readOwnAndDeclared),
    clientAndRefusal: (visitor, clientId, correlationId, now) =>
      visit(
        db,
        visitor,
        [
          db
            .prepare(FIND_REFUSAL_OF_CLIENT)
            .bind(correlationId, now - KEEP_REFUSALS_SECONDS, clientId),
          ...ownAndDeclared(clientId, visitor.userId),
        ],
        ([refusals, ...results]) => {
          const found = readOwnAndDeclared(results)
          const [refusal = null] = (refusals ?? []) as Refused[]
          return found && { ...found, refusal }
        },
      ),
  }
}
