/** `client list`, `user list`: page by page, in the order of ids; for people a table. */

import type { Command } from 'commander'
import type { Database } from '../stores/database.ts'
import { printPages } from './print-pages.ts'
import { type Row, tableOf } from './table.ts'
import { type Form, type Io, verb } from './verb.ts'

/** At most `rows` documents in the order of their ids, which are greater than `after`. Fewer are the last. */
export type ReadPage<Document, Filter> = (
  db: Database,
  after: string,
  rows: number,
  filter: Filter,
) => Promise<readonly Document[]>

export type Listing<Document, Filter> = Readonly<{
  description: string
  example: string
  idOf: (document: Document) => string
  /** What `--after` begins with is the first column. */
  heads: Row
  row: (document: Document) => Row
  readPage: ReadPage<Document, Filter>
}>

export function listVerb<Document extends object, Filter extends object>(
  noun: Command,
  io: Io,
  listing: Listing<Document, Filter>,
): Command {
  const { description, example, idOf, heads, row, readPage } = listing
  return verb(noun, 'list', description, `list ${example}`)
    .option('--limit <n>', 'print so many at most')
    .option('--after <id>', 'begin after this id: where a list before this one ended')
    .action(async (options: Form & Filter & { limit?: string; after?: string }) => {
      let after = options.after ?? ''
      const table = tableOf(heads)
      const readNext = async (db: Database, rows: number) => {
        const page = await readPage(db, after, rows, options)
        const last = page.at(-1)
        after = last === undefined ? after : idOf(last)
        return page
      }
      await printPages(io, options, readNext, (page) => table((page as Document[]).map(row)))
    })
}

export const stateOf = ({ disabled_at }: Readonly<{ disabled_at: string | null }>) =>
  disabled_at === null ? 'enabled' : 'disabled'
