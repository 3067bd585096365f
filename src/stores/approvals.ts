/** What approvers see, in D1: the queue of clients that wait, and one client with its history. */

import type { Permission, SelfRegistered } from '../domain/client.ts'
import {
  type HistoryEntry,
  type HistoryRow,
  historyOf,
  readEntry,
  readPerson,
} from './client-history.ts'
import type { Database } from './database.ts'
import {
  ALL_DECLARED,
  ALL_RESOURCES,
  type Declared,
  type OwnClient,
  type Owner,
  ownersOf,
  readDeclared,
  readOwnClient,
  SHOWN_COLUMNS,
} from './portal.ts'
import { ALL_TITLES } from './scope-catalogue.ts'
import { type Visited, type Visitor, visit } from './visit.ts'
import { COUNT_REQUESTS, FIRST_PLACE, firstRequests, WAITING_CLIENTS } from './waiting-clients.ts'

/** How many requests of a client the queue names. */
const NAMED = 3
/** How much of the history a page shows. */
const ENTRIES = 100

/** `slice`: the clients of this page. */
export const QUEUE = `SELECT c.client_id, c.name, c.owner_id, c.disabled_at, slice.requested_at, u.username,
    e.username_key AS seen_name,
    (SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id) AS kind,
    EXISTS (SELECT 1 FROM client_owner o WHERE o.client_id = c.client_id AND o.user_id = ?3) AS shared,
    ${COUNT_REQUESTS} AS requests, ${firstRequests(NAMED)} AS first
  FROM (${WAITING_CLIENTS}) slice CROSS JOIN client c ON c.client_id = slice.client_id
    LEFT JOIN user u ON u.user_id = c.owner_id LEFT JOIN external_user e ON e.user_id = c.owner_id
  ORDER BY slice.requested_at, c.client_id`
/** At most `?2` of the clients that wait to be listed in the directory after the place `?1`, the oldest request first. */
export const WAITING_LISTINGS = `SELECT l.client_id, l.requested_at, c.name, c.owner_id, c.disabled_at, u.username,
    e.username_key AS seen_name
  FROM listing l CROSS JOIN client c ON c.client_id = l.client_id
    LEFT JOIN user u ON u.user_id = c.owner_id LEFT JOIN external_user e ON e.user_id = c.owner_id
  WHERE l.listed_at IS NULL AND l.declined_at IS NULL AND (l.requested_at, l.client_id) > (?1 ->> 0, ?1 ->> 1)
  ORDER BY l.requested_at, l.client_id LIMIT ?2`
export const FIND_SHOWN_CLIENT = `SELECT ${SHOWN_COLUMNS} FROM client c WHERE c.client_id = ?1`
export const OWNERS_OF_CLIENT = ownersOf('c.client_id = ?1')
export const VERSION_OF_USER = 'SELECT version FROM user WHERE user_id = ?1'
export const HISTORY = historyOf('true', `LIMIT ${ENTRIES}`)

export type WaitingClient = Readonly<{
  clientId: string
  name: string
  /** Null for a client that registered itself. */
  owner: Owner | null
  /** Does the visitor own it? */
  isOwn: boolean
  isEnabled: boolean
  /** Null for a client that an operator or an owner registered. */
  selfRegistered: SelfRegistered['kind'] | null
  /** Epoch seconds, of the oldest request. */
  requestedAt: number
  requests: number
  /** The oldest of them. */
  first: readonly Pick<Permission, 'kind' | 'value'>[]
}>

/** `approverVersion`: of the visitor's record; null for a user of an external accounts service. */
export type ShownClient = Declared &
  Readonly<{
    /** Null if there is none: its history may say what became of it. */
    client: OwnClient | null
    /** Newest first. */
    history: readonly HistoryEntry[]
    approverVersion: number | null
  }>

/** A client that waits to be listed in the directory. */
export type WaitingListing = Pick<
  WaitingClient,
  'clientId' | 'name' | 'owner' | 'isEnabled' | 'requestedAt'
>

export type Queue = Declared &
  Readonly<{ waiting: readonly WaitingClient[]; listings: readonly WaitingListing[] }>

/** Where a page of each list begins. */
export type QueuePlaces = Readonly<{ waiting: string | null; listings: string | null }>

/** Only for an approver: ask that of the user who is returned, before anything else is used. */
export interface ApprovalsReader {
  /** At most `rows` clients after the place (`placeOf`), and as many that wait for the directory. A list without a place is empty. */
  queue(visitor: Visitor, rows: number, after: QueuePlaces): Promise<Visited<Queue>>
  client(visitor: Visitor, clientId: string): Promise<Visited<ShownClient>>
}

type QueueRow = {
  client_id: string
  name: string
  owner_id: string
  username: string | null
  seen_name: string | null
  disabled_at: number | null
  kind: SelfRegistered['kind'] | null
  shared: number
  requested_at: number
  requests: number
  first: string
}
const readWaiting = (row: QueueRow, userId: string): WaitingClient => ({
  clientId: row.client_id,
  name: row.name,
  owner: readPerson(row.owner_id, row),
  isOwn: row.owner_id === userId || row.shared === 1,
  isEnabled: row.disabled_at === null,
  selfRegistered: row.kind,
  requestedAt: row.requested_at,
  requests: row.requests,
  first: JSON.parse(row.first) as WaitingClient['first'],
})

const readListing = (row: QueueRow): WaitingListing => ({
  clientId: row.client_id,
  name: row.name,
  owner: readPerson(row.owner_id, row),
  isEnabled: row.disabled_at === null,
  requestedAt: row.requested_at,
})

export function approvalsReader(db: Database): ApprovalsReader {
  const declared = () => [ALL_DECLARED, ALL_TITLES, ALL_RESOURCES].map((sql) => db.prepare(sql))
  return {
    queue: (visitor, rows, after) =>
      visit(
        db,
        visitor,
        [
          ...declared(),
          db
            .prepare(QUEUE)
            .bind(after.waiting ?? FIRST_PLACE, after.waiting === null ? 0 : rows, visitor.userId),
          db
            .prepare(WAITING_LISTINGS)
            .bind(after.listings ?? FIRST_PLACE, after.listings === null ? 0 : rows),
        ],
        (results) => ({
          ...readDeclared(results),
          waiting: ((results[3] ?? []) as QueueRow[]).map((row) =>
            readWaiting(row, visitor.userId),
          ),
          listings: ((results[4] ?? []) as QueueRow[]).map(readListing),
        }),
      ),
    client: (visitor, clientId) =>
      visit(
        db,
        visitor,
        [
          ...declared(),
          db.prepare(FIND_SHOWN_CLIENT).bind(clientId),
          db.prepare(OWNERS_OF_CLIENT).bind(clientId),
          db.prepare(HISTORY).bind(clientId),
          db.prepare(VERSION_OF_USER).bind(visitor.userId),
        ],
        (results) => {
          const [history = [], versions = []] = results.slice(5) as [
            HistoryRow[],
            { version: number }[],
          ]
          return {
            ...readDeclared(results),
            client: readOwnClient(results.slice(3, 5)),
            history: history.map(readEntry),
            approverVersion: versions[0]?.version ?? null,
          }
        },
      ),
  }
}
