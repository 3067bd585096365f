/**
 * What an administrator does to clients, in D1. The batch of a change includes the audit row and what ends with the change.
 */

import type { ClientRecord, ImportedClient } from '../domain/client.ts'
import type { ListingState } from '../domain/directory.ts'
import { foldText } from '../domain/fold-text.ts'
import { auditStatement, type Part, runChange } from './change-batch.ts'
import { approvalStatements } from './client-approval.ts'
import { importStatements } from './client-import.ts'
import {
  CLIENTS_BY_ID,
  clientRecordIn,
  FIND_CLIENT_RECORD,
  NAMES_OF_CLIENTS,
  NAMES_OF_CLIENTS_OF_OWNER,
  NAMES_OF_WAITING_CLIENTS,
  PAGE_OF_CLIENTS,
  readClientRecord,
} from './client-record.ts'
import { clientChangeStatements, insertClient } from './client-statements.ts'
import { bound, type Database, type RowOf } from './database.ts'
import { runDeletion } from './deletions.ts'
import { pageOfAll, pageOfMatching } from './matching-page.ts'
import { clientNarrowing, secretNarrowing } from './narrowing.ts'
import { countStatement, isOverLimit } from './registration-count.ts'
import type {
  Authorship,
  Changed,
  ClientChange,
  ClientFilter,
  Detail,
  Lifetimes,
  NewClient,
  Page,
} from './registration-ports.ts'
import { revocationStatements } from './revocation-statements.ts'
import { FIRST_PLACE, placeOf } from './waiting-clients.ts'

/** Only the insertion of the client can fail with this error: a new client has no other rows yet. */
const isIdTaken = (fault: unknown) =>
  /UNIQUE constraint failed: client\.client_id/.test(String(fault))

const isTooMany = (fault: unknown) => /too many clients/.test(String(fault))

/** The key set of a client whose keys are at an address that was not read yet. */
const NO_KEYS = '{"keys":[]}'

/** `lifetimeSeconds`: the longest life of a session that is opened on an isolate's copy of the record. */
function endingOf(
  db: Database,
  { clientId, jwksUri }: Pick<ClientRecord, 'clientId' | 'jwksUri'>,
  change: ClientChange,
  lifetimeSeconds: number,
): Pick<Part, 'narrowing' | 'ending'> {
  const revoked = { kind: 'client_record', clientId } as const
  switch (change.kind) {
    case 'update': {
      const { redirectUris, defaultResources: _, furtherOwners: __, ...permissions } = change.lists
      const { authMethod, jwks, jwksUri: moved = '' } = change.fields
      const isMoved = moved !== '' && moved !== jwksUri
      const replaced = {
        how: 'replace' as const,
        ...(authMethod && { authMethod }),
        ...((jwks || isMoved) && { jwks: jwks ?? NO_KEYS }),
        ...(redirectUris && { redirectUris }),
        // A permission that was only requested cannot be lost.
        ...(change.mode !== 'request' && permissions),
      }
      return { narrowing: clientNarrowing(db, clientId, replaced, lifetimeSeconds) }
    }
    case 'withdraw': {
      const withdrawn = { how: 'withdraw' as const, ...change.lists }
      return { narrowing: clientNarrowing(db, clientId, withdrawn, lifetimeSeconds) }
    }
    // With an overlap both secrets are valid. Refresh families stay, because they cannot be renewed without the new secret.
    case 'rotate_secret':
      return change.overlapSeconds === 0
        ? { narrowing: secretNarrowing(db, clientId, lifetimeSeconds) }
        : {}
    // Also ends sessions that a request under way, or a request on an isolate's copy, opens later. `enable` restores none of
    // them.
    case 'disable':
      return { ending: revocationStatements(db, revoked, lifetimeSeconds) }
    // Codes and refresh tokens end with the client.
    case 'delete':
      return { ending: revocationStatements(db, revoked, lifetimeSeconds, ['sessions']) }
    default:
      return {}
  }
}

/** The batch fails if a client has the id already. */
export function creationStatements(
  db: Database,
  client: NewClient,
  by: Authorship,
  detail: Detail,
): D1PreparedStatement[] {
  const { clientId } = client
  const [insert, ...more] = insertClient(db, client, by.now)
  const audit = auditStatement(db, by, { event: 'client.create', about: { clientId }, detail })
  return [insert, audit, ...more, ...approvalStatements(db, clientId, client, by)]
}

type Named = Readonly<{
  id: string
  name: string
  kind: NonNullable<ClientFilter['kind']>
  listing: ListingState | null
}>
type NamesRow = Named & Readonly<{ hasRequests: number }>
type WaitingRow = Named & Readonly<{ ownerId: string; requestedAt: number }>

export type ClientReader = ReturnType<typeof clientReader>

export const clientReader = (db: Database) => ({
  /** Null if the client is unknown. Makes one read of the primary. */
  async find(clientId: string): Promise<ClientRecord | null> {
    const row = await bound(db, FIND_CLIENT_RECORD, clientId).first<RowOf<ClientRecord>>()
    return row && readClientRecord(row)
  },

  /** Ordered by id. With `hasRequests` the oldest request comes first, and `after` is the `next` of a page. */
  async page(after: string, rows: number, filter: ClientFilter = {}): Promise<Page<ClientRecord>> {
    const { name, owner, kind, hasRequests, listing } = filter
    if (Object.keys(filter).length === 0) {
      const page = await bound(db, PAGE_OF_CLIENTS, after, rows).all<RowOf<ClientRecord>>()
      return pageOfAll(page.results.map(readClientRecord), rows, ({ clientId }) => clientId)
    }
    const part = foldText(name ?? '')
    const matching = {
      matches: (row: Named) =>
        foldText(row.name).includes(part) &&
        (kind === undefined || row.kind === kind) &&
        (listing === undefined || row.listing === listing),
      records: CLIENTS_BY_ID,
      read: readClientRecord,
    }
    if (hasRequests) {
      const waiting = {
        ...matching,
        keys: NAMES_OF_WAITING_CLIENTS,
        cursorOf: (row: WaitingRow) => placeOf(row.requestedAt, row.id),
        matches: (row: WaitingRow) =>
          matching.matches(row) && (owner === undefined || row.ownerId === owner),
      }
      return pageOfMatching(db, waiting, after === '' ? FIRST_PLACE : after, rows)
    }
    const named = {
      ...matching,
      keys: owner === undefined ? NAMES_OF_CLIENTS : NAMES_OF_CLIENTS_OF_OWNER,
      parameters: owner === undefined ? [] : [owner],
      matches: (row: NamesRow) =>
        matching.matches(row) && (hasRequests === undefined || row.hasRequests === 0),
    }
    return pageOfMatching(db, named, after, rows)
  },
})

export function clientRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
) {
  const lifetimeSeconds = sessionLifetimeSeconds + oldestClientSeconds
  const find = (clientId: string) => bound(db, FIND_CLIENT_RECORD, clientId)
  return {
    ...clientReader(db),

    /** Null if a client has the id. `too_many`: the owner has `ownedAtMost` clients. In both cases nothing was written. */
    async create(
      client: NewClient,
      by: Authorship,
      detail: Detail,
    ): Promise<ClientRecord | 'too_many' | null> {
      const batch = [...creationStatements(db, client, by, detail), find(client.clientId)]
      try {
        return clientRecordIn((await db.batch(batch)).at(-1))
      } catch (fault) {
        if (isIdTaken(fault)) return null
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },

    /** The clients with these ids that exist, in the order of the ids. Makes one read of the primary. */
    async findAll(clientIds: readonly string[]): Promise<readonly ClientRecord[]> {
      const ids = JSON.stringify(clientIds)
      const { results } = await bound(db, CLIENTS_BY_ID, ids).all<RowOf<ClientRecord>>()
      return results.map(readClientRecord)
    },

    /** Writes all clients or none, each with its audit row. Returns false if a client has one of the ids. */
    async importAll(
      clients: readonly (ImportedClient & Readonly<{ detail: Detail }>)[],
      by: Authorship,
    ): Promise<boolean> {
      try {
        await db.batch(importStatements(db, clients, by))
        return true
      } catch (fault) {
        if (isIdTaken(fault)) return false
        throw fault
      }
    },

    /** All changes or none. `too_many`: as for `create`. `too_often`: the actor reached `mostInAnHour` within an hour. */
    async change(
      before: ClientRecord,
      changes: readonly (ClientChange & Readonly<{ detail?: Detail; mostInAnHour?: number }>)[],
      by: Authorship,
    ): Promise<Changed<ClientRecord> | Readonly<{ kind: 'too_many' | 'too_often' }>> {
      const { clientId, version } = before
      const parts = changes.map((one): Part => {
        const [change, ...more] = clientChangeStatements(db, clientId, one, by.now)
        const { detail = {}, mostInAnHour } = one
        const ending = endingOf(db, before, one, lifetimeSeconds)
        const counted = mostInAnHour ? [countStatement(db, [[by.actor, mostInAnHour]])] : []
        const all = [...counted, ...more, ...approvalStatements(db, clientId, one, by)]
        const about = { clientId }
        return { event: `client.${one.kind}`, about, detail, change, more: all, ...ending }
      })
      const expected = { kind: 'client', id: clientId, version } as const
      const isDeletion = changes.some(({ kind }) => kind === 'delete')
      try {
        if (isDeletion) return await runDeletion(db, expected, parts, by)
        return await runChange(db, expected, parts, {
          by,
          last: find(clientId),
          recordIn: clientRecordIn,
        })
      } catch (fault) {
        if (isTooMany(fault)) return { kind: 'too_many' }
        if (isOverLimit(fault)) return { kind: 'too_often' }
        throw fault
      }
    },
  }
}
