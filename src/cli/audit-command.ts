/** `audit`: who did what, newest first, printed page by page. */

import type { Command } from 'commander'
import { AUDIT_EVENTS } from '../domain/audit.ts'
import { Refusal } from '../local/refusal.ts'
import { pageOfAudit, type StoredEntry } from '../stores/audit.ts'
import type { Database } from '../stores/database.ts'
import { checkSince } from './checks.ts'
import { auditDocument } from './documents.ts'
import { findUserId } from './known-user.ts'
import { printPages } from './print-pages.ts'
import { type Form, type Io, verb } from './verb.ts'

type Options = Form &
  Readonly<{ client?: string; user?: string; event?: string; since?: string; limit?: string }>

function checkEvent(text: string) {
  if (AUDIT_EVENTS.some((event) => event === text)) return
  throw new Refusal(
    `unknown event ${JSON.stringify(text)}: it is one of ${AUDIT_EVENTS.join(', ')}`,
  )
}

/** As elsewhere by id or username; also one whom the registry does not know any more, or never knew. */
const userIdOf = async (db: Database, idOrName: string) =>
  (await findUserId(db, idOrName)) ?? idOrName

async function printAudit(io: Io, options: Options) {
  const { client: clientId, user, event, since } = options
  if (event !== undefined) checkEvent(event)
  const now = Math.floor(Date.now() / 1000)
  const asked = { clientId, event, since: since === undefined ? undefined : checkSince(since, now) }
  let userId: string | undefined
  let last: StoredEntry | undefined
  await printPages(io, options, async (db, rows) => {
    userId ??= user === undefined ? undefined : await userIdOf(db, user)
    const page = await pageOfAudit(db, { ...asked, userId }, last, rows)
    last = page.at(-1) ?? last
    return page.map(auditDocument)
  })
}

export function addAuditCommand(program: Command, io: Io) {
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
    .option('--limit <n>', 'no more than so many')
    .action((options: Options) => printAudit(io, options))
}
