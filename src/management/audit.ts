/** `audit`: what administrators did, and what users agreed to or withdrew. */

import * as z from 'zod/mini'
import { AUDIT_EVENTS } from '../domain/audit.ts'
import { findUserId } from '../flows/registration/sessions.ts'
import { isoTime } from '../protocol/registration/field.ts'
import type { StoredEntry } from '../stores/audit.ts'
import { Instant, maybe, named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { nextOf, PAGE, pageResponse } from './paging.ts'

const Entry = named(
  'AuditEntry',
  z.strictObject({
    happened_at: Instant,
    actor: z.string(),
    event: z.enum(AUDIT_EVENTS),
    client_id: z.nullable(z.string()),
    user_id: z.nullable(z.string()),
    detail: z.record(z.string(), z.unknown()),
  }),
)

const CURSOR = '{field} must be what a list gave as next'
const Cursor = z.pipe(
  z.string().check(z.regex(/^\d{1,12}-\d{1,15}$/, CURSOR)),
  z.transform((text) => {
    const [happenedAt, auditId] = text.split('-').map(Number)
    return { happenedAt: happenedAt as number, auditId: auditId as number }
  }),
)

const Query = z.strictObject({
  ...PAGE,
  after: z.optional(Cursor),
  client_id: z.optional(z.string()),
  user_id: z.optional(z.string()),
  user: maybe('an id or a username'),
  event: z.optional(z.enum(AUDIT_EVENTS)),
  since: z.optional(
    z.iso.datetime({ offset: true, error: '{field} must be a moment as in 2026-10-01T12:00:00Z' }),
  ),
})

const documentOf = (entry: StoredEntry) => ({
  happened_at: isoTime(entry.happenedAt),
  actor: entry.actor,
  event: entry.event,
  client_id: entry.clientId,
  user_id: entry.userId,
  detail: entry.detail,
})

const EXAMPLE = {
  happened_at: '2026-10-01T12:00:00.000Z',
  actor: 'client:registry-operator',
  event: 'client.disable',
  client_id: 'Z5sV2mXkq0',
  user_id: null,
  detail: {},
}

export const auditOperations = [
  operation({
    method: 'GET',
    path: '/audit',
    name: 'listAudit',
    summary: 'List the audit, newest first',
    description:
      'What administrators did, and what users agreed to or took back. Kept for AUDIT_KEEP_DAYS.',
    scopes: ['registry:read'],
    query: Query,
    responses: pageResponse('A page of the audit.', Entry, EXAMPLE, '1790856000-17'),
    async handle({ query: { limit, after, since, user, ...asked }, act }, { audit }) {
      // The audit also has users whom the registry no longer knows, or has never known.
      const named = user === undefined ? undefined : ((await findUserId(act, user)) ?? user)
      const filter = {
        clientId: asked.client_id,
        userId: named ?? asked.user_id,
        event: asked.event,
        since: since === undefined ? undefined : Math.floor(Date.parse(since) / 1000),
      }
      const rows = await audit.page(filter, after, limit)
      const next = nextOf(rows, limit, ({ happenedAt, auditId }) => `${happenedAt}-${auditId}`)
      return { body: { items: rows.map(documentOf), next } }
    },
  }),
]
