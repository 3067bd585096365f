/** Prints what is read page by page as one document: however much there is, one page is in memory. */

import type { Database } from '../stores/database.ts'
import { checkCount } from './checks.ts'
import { withStorage } from './open-storage.ts'
import { printable } from './printable.ts'
import { textForm } from './text-form.ts'
import { type Form, type Io, writeOut } from './verb.ts'

/** What one answer of D1 carries well: a client may be 12 KiB. */
const PAGE_ROWS = 200

type Pages = Readonly<{
  open: string
  page: (documents: readonly object[]) => string
  between: string
  close: string
  none: string
}>

/** The whole is one JSON document. */
const JSON_PAGES: Pages = {
  open: '[',
  page: (documents) => documents.map((one) => printable(JSON.stringify(one))).join(',\n'),
  between: ',\n',
  close: ']\n',
  none: '[]\n',
}
const blocks = (documents: readonly object[]) => documents.map(textForm).join('\n\n')
const textPages = (page: Pages['page'], between: string): Pages => ({
  open: '',
  page,
  between,
  close: '\n',
  none: 'none\n',
})

/**
 * `readNext` answers the next documents, at most `rows`; fewer are the last. What it was asked for is not asked again.
 * For people `table` makes lines of the documents of one page; without it each is a block.
 */
export async function printPages(
  io: Io,
  { json = false, remote = false, limit }: Form & Readonly<{ limit?: string }>,
  readNext: (db: Database, rows: number) => Promise<readonly object[]>,
  table?: Pages['page'],
) {
  const text = table ? textPages(table, '\n') : textPages(blocks, '\n\n')
  const { open, page: print, between, close, none } = json ? JSON_PAGES : text
  let left = limit === undefined ? Infinity : checkCount('--limit', limit)
  let isBegun = false
  // Repeated after it met a lock, it goes on where it was.
  await withStorage({ remote, env: io.env }, async ({ db }) => {
    while (left > 0) {
      const rows = Math.min(left, PAGE_ROWS)
      const page = await readNext(db, rows)
      if (page.length > 0) {
        await writeOut(io, (isBegun ? between : open) + print(page))
      }
      isBegun ||= page.length > 0
      left = page.length < rows ? 0 : left - rows
    }
  })
  await writeOut(io, isBegun ? close : none)
}
