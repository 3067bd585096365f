/** Rows for people: one line each, in columns. */

import { printable } from './printable.ts'

/** Longer texts end in `…`; ids are never cut. */
const MAX_WIDTH = 40

export type Row = readonly string[]

const lengthOf = (text: string) => [...text].length
const shorten = (text: string) =>
  lengthOf(text) > MAX_WIDTH ? `${[...text].slice(0, MAX_WIDTH - 1).join('')}…` : text

/**
 * Prints rows that come page by page: the first page sets the widths. The first column is an id, which is printed whole.
 */
export function tableOf(heads: Row) {
  let widths: readonly number[] | undefined
  return (rows: readonly Row[]): string => {
    const cells = rows.map(([id = '', ...rest]) => [
      printable(id),
      ...rest.map((text) => shorten(printable(text)) || '-'),
    ])
    const isFirst = widths === undefined
    widths ??= heads.map((head, column) =>
      Math.max(lengthOf(head), ...cells.map((row) => lengthOf(row[column] ?? ''))),
    )
    const pad = (text: string, column: number) =>
      text + ' '.repeat(Math.max(0, (widths?.[column] ?? 0) - lengthOf(text)))
    const line = (row: Row) => row.map(pad).join('  ').trimEnd()
    return (isFirst ? [heads, ...cells] : cells).map(line).join('\n')
  }
}
