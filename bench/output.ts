/** What a run prints and keeps. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Spread } from './statistics.ts'

export const spreadText = ({ median, low, high }: Spread, digits: number) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`

/** Keeps a run below results/; with a name for `save` also here, to be committed. */
export function keep(file: string, run: object, save: string | null): void {
  const results = resolve(import.meta.dirname, 'results')
  const document = `${JSON.stringify(run, null, 2)}\n`
  mkdirSync(results, { recursive: true })
  writeFileSync(join(results, file), document)
  if (save !== null) writeFileSync(resolve(import.meta.dirname, save), document)
}

/** Columns as wide as their widest cell; all but the first are set to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((text, column) =>
    Math.max(text.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) =>
        column === 0 ? (cells[column] ?? '').padEnd(width) : (cells[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd()
  return [
    line(heading),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n')
}
