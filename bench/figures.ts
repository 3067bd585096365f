/** The figures of a run: medians and how far the middle half spreads about them, and how they are printed and kept. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export type Spread = Readonly<{ median: number; low: number; high: number }>

/** Linear between neighbours; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** `low` and `high` are the quartiles. */
export const spreadOf = (values: readonly number[]): Spread => ({
  median: quantile(values, 0.5),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
})

/** Of two series taken in the same cycles: the quotients, cycle by cycle. */
export const quotients = (upper: readonly number[], lower: readonly number[]) =>
  upper.map((value, cycle) => value / (lower[cycle] ?? Number.NaN))

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
