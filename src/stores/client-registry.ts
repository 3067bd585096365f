/** What an administrator does to clients, in D1: the audit's row and what ends are in the batch of the change. */

import type { ClientRecord } from '../domain/client.ts'
import { auditStatement, type Part, runChange } from './change-batch.ts'
import { approvalStatements } from './client-approval.ts'
import { importStatements } from './client-import.ts'
import {
  type ClientRecordRow,
  FIND_CLIENT_RECORD,
  findClientRecord,
  findClientRecords,
  pageOfClientRecords,
  readClientRecord,
} from './client-record.ts'
import { changeClient, insertClient } from './client-statements.ts'
import type { Database } from './database.ts'
import { clientNarrowing, secretNarrowing } from './narrowing.ts'
import { countStatement, isOverLimit } from './registration-count.ts'
import type {
  Authorship,
  ClientChange,
  ClientReader,
  ClientRegistry,
  Detail,
  Lifetimes,
  NewClient,
} from './registration-ports.ts'
import { revocationStatements } from './revocation-statements.ts'

const read = (result: D1Result | undefined): ClientRecord | null => {
  const row = result?.results[0] as ClientRecordRow | undefined
  return row ? readClientRecord(row) : null
}

/** Only the insertion of the client can fail so: the other rows of a new client cannot be there. */
const isIdTaken = (fault: unknown) =>
  /UNIQUE constraint failed: client\.client_id/.test(String(fault))

const isTooMany = (fault: unknown) => /too many clients/.test(String(fault))

/** The keys are published elsewhere from now on, and nothing was read there yet. */
const NO_KEYS = '{"keys":[]}'

/** What the change ends. `lifetimeSeconds`: how long a session may still live that is opened on an isolate's copy of the record. */
function endingOf(
  db: Database,
  { clientId, jwksUri }: Pick<ClientRecord, 'clientId' | 'jwksUri'>,
  change: ClientChange,
  lifetimeSeconds: number,
): Pick<Part, 'narrowing' | 'ending'> {
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
        // What was merely requested cannot be lost.
        ...(change.mode !== 'request' && permissions),
      }
      return { narrowing: clientNarrowing(db, clientId, replaced, lifetimeSeconds) }
    }
    case 'withdraw': {
      const withdrawn = { how: 'withdraw' as const, ...change.lists }
      return { narrowing: clientNarrowing(db, clientId, withdrawn, lifetimeSeconds) }
    }
    // With an overlap both secrets are good. Refresh families stay: they cannot be renewed without the new secret.
    case 'rotate_secret':
      return change.overlapSeconds === 0
        ? { narrowing: secretNarrowing(db, clientId, lifetimeSeconds) }
        : {}
    // Also what is opened later, by a request under way or on an isolate's copy. `enable` takes none of it back.
    case 'disable':
    case 'delete':
      return {
        ending: revocationStatements(db, { kind: 'client_record', clientId }, lifetimeSeconds),
      }
    default:
      return {}
  }
}

/** Fails if a client has the id. */
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

export const clientReader = (db: Database): ClientReader => ({
  find: (clientId) => findClientRecord(db, clientId),
  page: (after, rows, filter) => pageOfClientRecords(db, after, rows, filter),
})

export function clientRegistry(
  db: Database,
  { sessionLifetimeSeconds, oldestClientSeconds }: Lifetimes,
): ClientRegistry {
  const lifetimeSeconds = sessionLifetimeSeconds + oldestClientSeconds
  const find = (clientId: string) => db.prepare(FIND_CLIENT_RECORD).bind(clientId)
  return {
    ...clientReader(db),

    async create(client, by, detail) {
      const batch = [...creationStatements(db, client, by, detail), find(client.clientId)]
      try {
        return read((await db.batch(batch)).at(-1))
      } catch (fault) {
        if (isIdTaken(fault)) return null
        if (isTooMany(fault)) return 'too_many'
        throw fault
      }
    },

    findAll: (clientIds) => findClientRecords(db, clientIds),

    async importAll(clients, by) {
      try {
        await db.batch(importStatements(db, clients, by))
        return true
      } catch (fault) {
        if (isIdTaken(fault)) return false
        throw fault
      }
    },

    async change(before, changes, by) {
      const { clientId, version } = before
      const parts = changes.map((one): Part => {
        const [change, ...more] = changeClient(db, clientId, one, by.now)
        const { detail = {}, mostInAnHour } = one
        const ending = endingOf(db, before, one, lifetimeSeconds)
        const counted = mostInAnHour ? [countStatement(db, [[by.actor, mostInAnHour]])] : []
        const all = [...counted, ...more, ...approvalStatements(db, clientId, one, by)]
        const about = { clientId }
        return { event: `client.${one.kind}`, about, detail, change, more: all, ...ending }
      })
      const expected = { kind: 'client', id: clientId, version } as const
      try {
        const done = await runChange(db, expected, parts, { by, read: find(clientId) })
        if (done.kind === 'stale') return done
        return { kind: 'changed', record: read(done.result), hasEnded: done.hasEnded }
      } catch (fault) {
        if (isTooMany(fault)) return { kind: 'too_many' }
        if (isOverLimit(fault)) return { kind: 'too_often' }
        throw fault
      }
    },
  }
}
