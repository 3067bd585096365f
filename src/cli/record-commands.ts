/** `why` and `audit`: what D1 has recorded of refused requests and of acts. */

import type { Command } from 'commander'
import { readCorrelationId } from '../crypto/random.ts'
import { AUDIT_EVENTS } from '../domain/audit.ts'
import { Refusal } from '../local/refusal.ts'
import { isoTime } from '../protocol/registration/field.ts'
import { type ManagementApi, ProblemRefusal, pathOf } from './api.ts'
import { checkEvent, checkSince } from './input.ts'
import { printPages } from './list-verb.ts'
import { epochSeconds } from './tokens.ts'
import { type Form, type Io, plainOptions, printFrom, verb } from './verb.ts'

const unknown = (text: string) =>
  new Refusal(
    `no refusal is recorded under ${JSON.stringify(text)}: a record is kept for a day. Only the log has storage faults, ` +
      'requests over a rate limit, and refusals of an authenticator without DB and REFUSAL_LIMIT',
  )

async function why(api: ManagementApi, text: string): Promise<object> {
  const id = readCorrelationId(text)
  if (id === null) throw unknown(text)
  try {
    return (await api.call<object>({ method: 'GET', path: pathOf`/refusals/${id}` })).body
  } catch (fault) {
    if (fault instanceof ProblemRefusal && fault.status === 404) throw unknown(text)
    throw fault
  }
}

type AuditOptions = Form &
  Readonly<{ client?: string; user?: string; event?: string; since?: string; limit?: string }>

async function printAudit(io: Io, options: AuditOptions) {
  const { client, user, event, since } = options
  if (event !== undefined) checkEvent(event)
  const moment = since === undefined ? undefined : isoTime(checkSince(since, epochSeconds()))
  const query = { client_id: client, user, event, since: moment ?? undefined }
  await printPages(io, options, { path: '/audit', query })
}

export function addRecordCommands(program: Command, io: Io) {
  verb(program, {
    usage: 'why <id>',
    description:
      'Say why a request was refused, by the correlation id of its answer (X-Correlation-Id). Kept for one day.',
    example: '7Q2K9D4M1X',
  }).action((id: string, _options, command: Command) =>
    printFrom(command, io, (api) => why(api, id)),
  )
  verb(program, {
    usage: 'audit',
    description:
      'Print what administrators did and what users agreed to or took back, newest first. Kept for AUDIT_KEEP_DAYS. ' +
      'A row must match every option.',
    example: '--event client.rotate_secret --since 30d --json',
    options: plainOptions({
      '--client <id>': 'only rows about this client',
      '--user <id>': 'only rows about this user, by id or username',
      '--event <event>': `one of ${AUDIT_EVENTS.join(', ')}`,
      '--since <when>': 'a date (2026-10-01, 2026-10-01T12:00Z) or how long ago: 90m, 12h, 30d',
      '--limit <n>': 'print at most n',
    }),
  }).action((options: AuditOptions) => printAudit(io, options))
}
