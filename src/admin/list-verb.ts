/** `client list`, `user list`: page by page, in the order of ids. However many there are, one page is in memory. */

import type { Command } from 'commander'
import type { Database } from '../stores/database.ts'
import { checkCount } from './checks.ts'
import { withStorage } from './open-storage.ts'
import { textForm } from './text-form.ts'
import { type Form, type Io, verb, writeOut } from './verb.ts'

/** What one answer of D1 carries well: a client may be 12 KiB. */
const PAGE_ROWS = 200

/** At most `rows` documents in the order of their ids, which are greater than `after`. */
export type ReadPage<Id extends string> = (
  db: Database,
  after: string,
  rows: number,
) => Promise<readonly (Readonly<Record<Id, string>> & object)[]>

/** The whole is one JSON document, or one text. */
const FORMS = {
  json: {
    open: '[',
    one: (document: object) => JSON.stringify(document),
    between: ',\n',
    close: ']\n',
    none: '[]\n',
  },
  text: { open: '', one: textForm, between: '\n\n', close: '\n', none: 'none\n' },
} as const

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
      const { json = false, remote = false } = options
      const { open, one, between, close, none } = FORMS[json ? 'json' : 'text']
      let left = options.limit === undefined ? Infinity : checkCount('--limit', options.limit)
      let after = options.after ?? ''
      let isBegun = false
      // Repeated after it met a lock, it goes on where it was.
      await withStorage({ remote, env: io.env }, async ({ db }) => {
        while (left > 0) {
          const rows = Math.min(left, PAGE_ROWS)
          const page = await readPage(db, after, rows)
          if (page.length > 0) {
            await writeOut(io, (isBegun ? between : open) + page.map(one).join(between))
          }
          isBegun ||= page.length > 0
          after = page.at(-1)?.[idName] ?? after
          left = page.length < rows ? 0 : left - rows
        }
      })
      await writeOut(io, isBegun ? close : none)
    })
}
