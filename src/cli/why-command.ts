/** `why ID`: what a correlation id stands for. */

import type { Command } from 'commander'
import { readCorrelationId } from '../crypto/correlation-id.ts'
import { Refusal } from '../local/refusal.ts'
import type { Database } from '../stores/database.ts'
import { refusalStore } from '../stores/refusals.ts'
import { refusalDocument } from './documents.ts'
import { answer, type Io, verb } from './verb.ts'

async function why(db: Database, text: string, now: number) {
  const id = readCorrelationId(text)
  const refused = id === null ? null : await refusalStore(db).find(id, now)
  if (refused) return refusalDocument(refused)
  throw new Refusal(
    `nothing is recorded under ${JSON.stringify(text)}: it is older than a day, was never given, or is of a ` +
      'storage fault, of a flood, or of an authenticator that does not bind DB and REFUSAL_LIMIT. Only the log tells of these',
  )
}

export function addWhyCommand(program: Command, io: Io) {
  verb(
    program,
    'why <id>',
    'Say why a request was refused, by the correlation id that the answer carried (X-Correlation-Id). For one day.',
    'why 7Q2K9D4M1X',
  ).action((id: string, _options, command: Command) =>
    answer(command, io, (db, now) => why(db, id, now)),
  )
}
