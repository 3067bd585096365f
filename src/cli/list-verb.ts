/** Lists, read and printed page by page: however long a list is, one page of it is in memory. */

import type { Command } from 'commander'
import type { Database } from '../stores/database.ts'
import { checkCount } from './checks.ts'
import { withStorage } from './open-storage.ts'
import { printable, type Row, tableOf, textForm } from './text-form.ts'
import { type Form, type Io, verb, writeOut } from './verb.ts'

/** What one response of D1 carries well: a client may be 12 KiB. */
const PAGE_ROWS = 200

type Printed<Kept> = Readonly<{
  documentOf: (kept: Kept) => object
  /** The lines of one page, for people. Without it each document is a block. */
  table?: (page: readonly Kept[]) => string
}>

/** `readNext` returns what follows the page before, at most `rows`. A shorter page is the last. */
export async function printPages<Kept>(
  io: Io,
  { json = false, remote = false, limit }: Form & Readonly<{ limit?: string }>,
  readNext: (db: Database, rows: number) => Promise<readonly Kept[]>,
  { documentOf, table }: Printed<Kept>,
) {
  const textOf = (page: readonly Kept[]) => {
    if (table && !json) return table(page)
    const documents = page.map(documentOf)
    return json
      ? documents.map((one) => printable(JSON.stringify(one))).join(',\n')
      : documents.map(textForm).join('\n\n')
  }
  const between = json ? ',\n' : table ? '\n' : '\n\n'
  const [open, close, none] = json ? ['[', ']\n', '[]\n'] : ['', '\n', 'none\n']
  let left = limit === undefined ? Infinity : checkCount(limit, '--limit')
  let isBegun = false
  // When a lock makes it run again, it continues where it was.
  await withStorage({ remote, env: io.env }, async ({ db }) => {
    while (left > 0) {
      const rows = Math.min(left, PAGE_ROWS)
      const page = await readNext(db, rows)
      if (page.length > 0) await writeOut(io, (isBegun ? between : open) + textOf(page))
      isBegun ||= page.length > 0
      left = page.length < rows ? 0 : left - rows
    }
  })
  await writeOut(io, isBegun ? close : none)
}

type Listing<Kept, Filter> = Readonly<{
  description: string
  example: string
  documentOf: (kept: Kept) => object
  /** The first column is the id: `--after` takes it. */
  heads: Row
  row: (kept: Kept) => Row
  /** At most `rows`, in the order of their ids, which are greater than `after`. */
  readPage: (db: Database, after: string, rows: number, filter: Filter) => Promise<readonly Kept[]>
}>

/** `client list`, `user list`: for people a table. */
export function listVerb<Kept, Filter extends object>(
  noun: Command,
  io: Io,
  { description, example, documentOf, heads, row, readPage }: Listing<Kept, Filter>,
): Command {
  return verb(noun, 'list', description, `list ${example}`)
    .option('--limit <n>', 'print at most n')
    .option('--after <id>', 'begin after this id: where a list before this one ended')
    .action(async (options: Form & Filter & { limit?: string; after?: string }) => {
      let after = options.after ?? ''
      const tableLines = tableOf(heads)
      const readNext = async (db: Database, rows: number) => {
        const page = await readPage(db, after, rows, options)
        after = page.map(row).at(-1)?.[0] ?? after
        return page
      }
      const table = (page: readonly Kept[]) => tableLines(page.map(row))
      await printPages(io, options, readNext, { documentOf, table })
    })
}

export const stateOf = ({ disabledAt }: Readonly<{ disabledAt: number | null }>) =>
  disabledAt === null ? 'enabled' : 'disabled'
