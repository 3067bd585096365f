/** What approvers see, in D1: the queue of clients with requests, and one client with its history. */

import type { Permission, SelfRegistered } from '../domain/client.ts'
import { type HistoryEntry, historyOf, readEntry } from './client-history.ts'
import { bound, type Database, type RowOf, rowReader } from './database.ts'
import { IS_NOT_DELETED } from './deletions.ts'
import {
  type Declared,
  declaredStatements,
  named,
  type OwnClient,
  type Owner,
  ownerJson,
  ownersOf,
  readDeclared,
  readOwnClient,
  SHOWN_COLUMNS,
} from './shown-client.ts'
import { type Visitor, visit } from './visit.ts'
import { COUNT_REQUESTS, FIRST_PLACE, firstRequests, WAITING_CLIENTS } from './waiting-clients.ts'

/** The most requests of a client that the queue names. */
const NAMED = 3
/** The most history entries that a page shows. */
const ENTRIES = 100

/** `slice`: SQL that selects the clients of this page. */
export const QUEUE = `SELECT c.client_id AS clientId, c.name, ${ownerJson('c.owner_id')} AS owner, c.disabled_at IS NULL AS isEnabled,
    slice.requested_at AS requestedAt,
    (SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id) AS selfRegistered,
    c.owner_id = ?3 OR EXISTS (SELECT 1 FROM client_owner o WHERE o.client_id = c.client_id AND o.user_id = ?3) AS isOwn,
    ${COUNT_REQUESTS} AS requests, ${firstRequests(NAMED)} AS first
  FROM (${WAITING_CLIENTS}) slice CROSS JOIN client c ON c.client_id = slice.client_id
    ${named('c.owner_id')}
  ORDER BY slice.requested_at, c.client_id`
/** At most `?2` clients that wait to be listed in the directory, after the place `?1`. The oldest request comes first. */
export const WAITING_LISTINGS = `SELECT l.client_id AS clientId, l.requested_at AS requestedAt, c.name,
    ${ownerJson('c.owner_id')} AS owner, c.disabled_at IS NULL AS isEnabled
  FROM listing l CROSS JOIN client c ON c.client_id = l.client_id
    ${named('c.owner_id')}
  WHERE l.listed_at IS NULL AND l.declined_at IS NULL AND (l.requested_at, l.client_id) > (?1 ->> 0, ?1 ->> 1)
  ORDER BY l.requested_at, l.client_id LIMIT ?2`
export const FIND_SHOWN_CLIENT = `SELECT ${SHOWN_COLUMNS} FROM client c WHERE c.client_id = ?1 AND ${IS_NOT_DELETED}`
export const OWNERS_OF_CLIENT = ownersOf('c.client_id = ?1')
export const VERSION_OF_USER = 'SELECT version FROM user WHERE user_id = ?1'
export const HISTORY = historyOf('true', `LIMIT ${ENTRIES}`)

export type WaitingClient = Readonly<{
  clientId: string
  name: string
  /** Null for a client that registered itself. */
  owner: Owner | null
  isOwn: boolean
  isEnabled: boolean
  /** Null for a client that an operator or an owner registered. */
  selfRegistered: SelfRegistered['kind'] | null
  /** Epoch seconds of the client's oldest request. */
  requestedAt: number
  requests: number
  /** The client's oldest requests. */
  first: readonly Pick<Permission, 'kind' | 'value'>[]
}>

/** `approverVersion`: the version of the visitor's record; null for a user of an external accounts service. */
export type ShownClient = Declared &
  Readonly<{
    /** Null if there is no such client: the history may say what happened to it. */
    client: OwnClient | null
    /** The newest entry comes first. */
    history: readonly HistoryEntry[]
    approverVersion: number | null
  }>

export type WaitingListing = Pick<
  WaitingClient,
  'clientId' | 'name' | 'owner' | 'isEnabled' | 'requestedAt'
>

export type Queue = Declared &
  Readonly<{ waiting: readonly WaitingClient[]; listings: readonly WaitingListing[] }>

/** Where a page of each list begins. */
export type QueuePlaces = Readonly<{ waiting: string | null; listings: string | null }>

const readWaiting = rowReader<WaitingClient>({
  owner: 'json',
  isOwn: 'flag',
  isEnabled: 'flag',
  first: 'json',
})
const readListing = rowReader<WaitingListing>({ owner: 'json', isEnabled: 'flag' })

export type ApprovalsReader = ReturnType<typeof approvalsReader>

/** The returned user must be checked before anything else is used: the results are only for an approver. */
export const approvalsReader = (db: Database) => ({
  /** At most `rows` clients after the place (`placeOf`), of both kinds. A list without a place is empty. */
  queue(visitor: Visitor, rows: number, { waiting, listings }: QueuePlaces) {
    const statements = [
      ...declaredStatements(db),
      bound(db, QUEUE, waiting ?? FIRST_PLACE, waiting === null ? 0 : rows, visitor.userId),
      bound(db, WAITING_LISTINGS, listings ?? FIRST_PLACE, listings === null ? 0 : rows),
    ]
    return visit(db, visitor, statements, (results): Queue => {
      const [clients, listed] = results.slice(3) as [
        RowOf<WaitingClient>[],
        RowOf<WaitingListing>[],
      ]
      return {
        ...readDeclared(results),
        waiting: clients.map(readWaiting),
        listings: listed.map(readListing),
      }
    })
  },
  client(visitor: Visitor, clientId: string) {
    const statements = [
      ...declaredStatements(db),
      bound(db, FIND_SHOWN_CLIENT, clientId),
      bound(db, OWNERS_OF_CLIENT, clientId),
      bound(db, HISTORY, clientId),
      bound(db, VERSION_OF_USER, visitor.userId),
    ]
    return visit(db, visitor, statements, (results): ShownClient => {
      const [history, versions] = results.slice(5) as [RowOf<HistoryEntry>[], { version: number }[]]
      return {
        ...readDeclared(results),
        client: readOwnClient(results.slice(3, 5)),
        history: history.map(readEntry),
        approverVersion: versions[0]?.version ?? null,
      }
    })
  },
})
