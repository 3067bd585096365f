/** `why` and `audit`: what D1 has on record of refused requests and of acts. */

import type { Command } from 'commander'
import { readCorrelationId } from '../crypto/correlation-id.ts'
import { AUDIT_EVENTS, type AuditEntry } from '../domain/audit.ts'
import { findUserId } from '../flows/registration/sessions.ts'
import { Refusal } from '../local/refusal.ts'
import { isoTime } from '../protocol/registration/field.ts'
import { pageOfAudit, type StoredEntry } from '../stores/audit.ts'
import type { Database } from '../stores/database.ts'
import { refusalStore } from '../stores/refusals.ts'
import { userReader } from '../stores/user-registry.ts'
import { checkEvent, checkSince } from './checks.ts'
import { printPages } from './list-verb.ts'
import { type Form, type Io, printRead, verb } from './verb.ts'

async function why(db: Database, text: string, now: number) {
  const id = readCorrelationId(text)
  const refused = id === null ? null : await refusalStore(db).find(id, now)
  if (!refused) {
    throw new Refusal(
      `nothing is recorded under ${JSON.stringify(text)}: it is older than a day, or no answer carried it. Storage ` +
        'faults, floods, and refusals of an authenticator that does not bind DB and REFUSAL_LIMIT are in the log alone',
    )
  }
  return {
    correlation_id: refused.correlationId,
    refused_at: isoTime(refused.refusedAt),
    endpoint: refused.endpoint,
    error: refused.error,
    detail: refused.detail,
    client_id: refused.clientId,
  }
}

type AuditOptions = Form &
  Readonly<{ client?: string; user?: string; event?: string; since?: string; limit?: string }>

const auditDocument = (entry: AuditEntry) => ({
  happened_at: isoTime(entry.happenedAt),
  actor: entry.actor,
  event: entry.event,
  client_id: entry.clientId,
  user_id: entry.userId,
  detail: entry.detail,
})

async function printAudit(io: Io, options: AuditOptions) {
  const { client: clientId, user, event, since } = options
  if (event !== undefined) checkEvent(event)
  const now = Math.floor(Date.now() / 1000)
  const asked = { clientId, event, since: since === undefined ? undefined : checkSince(since, now) }
  let userId: string | undefined
  let last: StoredEntry | undefined
  const readNext = async (db: Database, rows: number) => {
    // The audit also has users whom the registry no longer knows, or never knew.
    const ports = { users: userReader(db) }
    if (user !== undefined) userId ??= (await findUserId({ ports }, user)) ?? user
    const page = await pageOfAudit(db, { ...asked, userId }, last, rows)
    last = page.at(-1) ?? last
    return page
  }
  await printPages(io, options, readNext, { documentOf: auditDocument })
}

export function addRecordCommands(program: Command, io: Io) {
  verb(
    program,
    'why <id>',
    'Say why a request was refused, by the correlation id of its answer (X-Correlation-Id). Kept for one day.',
    'why 7Q2K9D4M1X',
  ).action((id: string, _options, command: Command) =>
    printRead(command, io, (db, now) => why(db, id, now)),
  )
  verb(
    program,
    'audit',
    'Print what administrators did and what users agreed to or took back, newest first. Kept for AUDIT_KEEP_DAYS. ' +
      'Several options narrow it down together.',
    'audit --event client.rotate_secret --since 30d --json',
  )
    .option('--client <id>', 'what concerns this client')
    .option('--user <id>', 'what concerns this user, by id or username')
    .option('--event <event>', `one of ${AUDIT_EVENTS.join(', ')}`)
    .option(
      '--since <when>',
      'a date (2026-10-01, 2026-10-01T12:00Z) or how long ago: 90m, 12h, 30d',
    )
    .option('--limit <n>', 'print at most n')
    .action((options: AuditOptions) => printAudit(io, options))
}
