/** Prints what is read page by page as one document: however much there is, one page is in memory. */

import type { Database } from '../stores/database.ts'
import { checkCount } from './checks.ts'
import { withStorage } from './open-storage.ts'
import { textForm } from './text-form.ts'
import { type Form, type Io, writeOut } from './verb.ts'

/** What one answer of D1 carries well: a client may be 12 KiB. */
const PAGE_ROWS = 200

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

/** `readNext` answers the next documents, at most `rows`; fewer are the last. What it was asked for is not asked again. */
export async function printPages(
  io: Io,
  { json = false, remote = false, limit }: Form & Readonly<{ limit?: string }>,
  readNext: (db: Database, rows: number) => Promise<readonly object[]>,
) {
  const { open, one, between, close, none } = FORMS[json ? 'json' : 'text']
  let left = limit === undefined ? Infinity : checkCount('--limit', limit)
  let isBegun = false
  // Repeated after it met a lock, it goes on where it was.
  await withStorage({ remote, env: io.env }, async ({ db }) => {
    while (left > 0) {
      const rows = Math.min(left, PAGE_ROWS)
      const page = await readNext(db, rows)
      if (page.length > 0) {
        await writeOut(io, (isBegun ? between : open) + page.map(one).join(between))
      }
      isBegun ||= page.length > 0
      left = page.length < rows ? 0 : left - rows
    }
  })
  await writeOut(io, isBegun ? close : none)
}
