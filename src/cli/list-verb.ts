/** Lists, which are read and printed page by page: only one page is in memory, however long a list is. */

import type { Command } from 'commander'
import type { Call, Document, ManagementApi } from './api.ts'
import { checkLimit } from './input.ts'
import { withApi } from './reach.ts'
import { printable, tableOf, textForm } from './text-form.ts'
import { type Form, type Io, plainOptions, type Usage, verb, writeOut } from './verb.ts'

/** The most rows that a page of the API has. */
const PAGE_ROWS = 200

type Page = Readonly<{ items: readonly Document[]; next: string | null }>
type List = Readonly<{ path: Call['path']; query?: Call['query'] }>

/** At most this many rows. A page is read when all rows of the page before it have been taken. */
export async function* pagesOf(
  api: ManagementApi,
  { path, query = {} }: List,
  rows = Infinity,
): AsyncGenerator<readonly Document[]> {
  let left = rows
  let after = query.after
  while (left > 0) {
    const limit = Math.min(left, PAGE_ROWS)
    const call = { method: 'GET' as const, path, query: { ...query, limit, after } }
    const { items, next } = (await api.call<Page>(call)).body
    yield items
    if (next === null) return
    left -= items.length
    after = next
  }
}

export const allOf = async (api: ManagementApi, list: List): Promise<readonly Document[]> =>
  (await Array.fromAsync(pagesOf(api, list))).flat()

/** `table`: the lines of one page, for people. Without `table` each document is a block of lines. */
export async function printPages(
  io: Io,
  { json = false, remote = false, limit }: Form & Readonly<{ limit?: string }>,
  list: List,
  table?: (page: readonly Document[]) => string,
) {
  const textOf = (page: readonly Document[]) => {
    if (table && !json) return table(page)
    return json
      ? page.map((one) => printable(JSON.stringify(one))).join(',\n')
      : page.map(textForm).join('\n\n')
  }
  const between = json ? ',\n' : table ? '\n' : '\n\n'
  const [open, close, none] = json ? ['[', ']\n', '[]\n'] : ['', '\n', 'none\n']
  const rows = limit === undefined ? Infinity : checkLimit(limit)
  let isBegun = false
  await withApi({ ...io, remote }, async (api) => {
    for await (const page of pagesOf(api, list, rows)) {
      if (page.length > 0) await writeOut(io, (isBegun ? between : open) + textOf(page))
      isBegun ||= page.length > 0
    }
  })
  await writeOut(io, isBegun ? close : none)
}

type ListUsage<Filter> = Omit<Usage, 'usage'> &
  Readonly<{
    path: Call['path']
    queryOf?: (filter: Filter) => Call['query']
    /** The first column is the id, which `--after` takes. A column is a member of the documents, or is in `valuesOf`. */
    columns: readonly string[] | ((filter: Filter) => readonly string[])
    valuesOf?: Readonly<Record<string, (document: Document) => string>>
  }>

/** The verbs `client list`, `user list`, `scope list`, which print a table for people. */
export function listVerb<Filter extends object>(
  noun: Command,
  io: Io,
  { path, queryOf, columns, valuesOf = {}, ...words }: ListUsage<Filter>,
) {
  const cellOf = (document: Document) => (column: string) =>
    valuesOf[column]?.(document) ?? String(document[column])
  const options = [
    ...plainOptions({
      '--limit <n>': 'print at most n',
      '--after <id>': 'begin after this id: where a list before this one ended',
    }),
    ...(words.options ?? []),
  ]
  verb(noun, { ...words, usage: 'list', options }).action(
    async (given: Form & Filter & { limit?: string; after?: string }) => {
      const query = { ...queryOf?.(given), after: given.after || undefined }
      const shown = typeof columns === 'function' ? columns(given) : columns
      const tableLines = tableOf(shown)
      await printPages(io, given, { path, query }, (page) =>
        tableLines(page.map((document) => shown.map(cellOf(document)))),
      )
    },
  )
}

export const stateOf = ({ disabled_at }: Document) =>
  disabled_at === null ? 'enabled' : 'disabled'
