/** The batch of one change by an administrator. It works for any record with a version. */

import type { AuditEvent } from '../domain/audit.ts'
import { recordStatement } from './audit.ts'
import { bound, D1_NOW_MS, type Database } from './database.ts'
import { hasEnded } from './narrowing.ts'
import type { Authorship, Changed, Detail } from './registration-ports.ts'

/** SQL: the version that a change gives to its record. */
export const NEXT_VERSION = `max(version + 1, ${D1_NOW_MS})`
/** Fails the batch if the record has another version, or if there is no such record. */
export const EXPECT_VERSION = `INSERT INTO expected_version (kind, id, version) VALUES (?1, ?2, ?3)`

/** The record to change, as the view `expected_version` names it. */
export type Expected = Readonly<{
  kind: 'client' | 'user' | 'scope' | 'resource' | 'document_host'
  id: string
  version: number
}>

export type Part = Readonly<{
  event: AuditEvent
  about: Readonly<{ clientId?: string; userId?: string }>
  detail?: Detail
  /** Statements of `narrowing.ts`: they run on the rows before the change, and return a row if anything ends. */
  narrowing?: readonly D1PreparedStatement[]
  /** Decides whether the change has an effect; without one the audit gets no row. Must set the version to `NEXT_VERSION`. */
  change: D1PreparedStatement
  more?: readonly D1PreparedStatement[]
  /** Statements that end sessions, codes or tokens without a condition. */
  ending?: readonly D1PreparedStatement[]
}>

/** The audit row must follow the statement that decides whether the act has an effect. */
export const auditStatement = (
  db: Database,
  { actor, now }: Authorship,
  { event, about, detail = {} }: Pick<Part, 'event' | 'about' | 'detail'>,
) =>
  recordStatement(db, {
    happenedAt: now,
    actor,
    event,
    clientId: about.clientId ?? null,
    userId: about.userId ?? null,
    detail,
  })

export const isStale = (fault: unknown) => /stale version/.test(String(fault))

/** What the batch of a change reads at its end, for example the record. */
export type ReadAfter<Read> = Readonly<{
  last: D1PreparedStatement
  recordIn: (result: D1Result | undefined) => Read | null
}>

export async function runChange<Read>(
  db: Database,
  expected: Expected,
  parts: readonly Part[],
  { by, last, recordIn }: ReadAfter<Read> & Readonly<{ by: Authorship }>,
): Promise<Changed<Read>> {
  const { kind, id, version } = expected
  const batch = [bound(db, EXPECT_VERSION, kind, id, version)]
  if (by.as) batch.push(bound(db, EXPECT_VERSION, 'user', by.as.userId, by.as.version))
  const narrowings: number[] = []
  for (const part of parts) {
    for (const statement of part.narrowing ?? []) narrowings.push(batch.push(statement) - 1)
    batch.push(part.change, auditStatement(db, by, part))
    batch.push(...(part.more ?? []), ...(part.ending ?? []))
  }
  batch.push(last)
  try {
    const outcomes = await db.batch(batch)
    const narrowed = narrowings.flatMap((index) => outcomes[index] ?? [])
    const endsAll = parts.some(({ ending = [] }) => ending.length > 0)
    const record = recordIn(outcomes.at(-1))
    return { kind: 'changed', record, hasEnded: endsAll || hasEnded(narrowed) }
  } catch (fault) {
    if (isStale(fault)) return { kind: 'stale' }
    throw fault
  }
}
