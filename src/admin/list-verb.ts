/** `client list`, `user list`: page by page, in the order of ids. */

import type { Command } from 'commander'
import type { Database } from '../stores/database.ts'
import { printPages } from './print-pages.ts'
import { type Form, type Io, verb } from './verb.ts'

/** At most `rows` documents in the order of their ids, which are greater than `after`. */
export type ReadPage<Id extends string> = (
  db: Database,
  after: string,
  rows: number,
) => Promise<readonly (Readonly<Record<Id, string>> & object)[]>

export function listVerb<Id extends string>(
  noun: Command,
  io: Io,
  description: string,
  idName: Id,
  readPage: ReadPage<Id>,
) {
  verb(noun, 'list', description, 'list --limit 50 --json')
    .option('--limit <n>', 'print so many at most')
    .option('--after <id>', 'begin after this id: where a list before this one ended')
    .action(async (options: Form & { limit?: string; after?: string }) => {
      let after = options.after ?? ''
      await printPages(io, options, async (db, rows) => {
        const page = await readPage(db, after, rows)
        after = page.at(-1)?.[idName] ?? after
        return page
      })
    })
}
