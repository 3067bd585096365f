/** The figures of a run: medians and quartiles, and how they are printed and saved. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export type Spread = Readonly<{ median: number; low: number; high: number }>

/** Interpolates linearly. NaN if there are no values. */
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

/** The quotients of two series, cycle by cycle. */
export const quotients = (upper: readonly number[], lower: readonly number[]) =>
  upper.map((value, cycle) => value / (lower[cycle] ?? Number.NaN))

export const spreadText = ({ median, low, high }: Spread, digits: number) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`

/** Writes a run to results/, and with a name in `save` also to this folder, to be committed. */
export function keep(file: string, run: object, save: string | null): void {
  const results = resolve(import.meta.dirname, 'results')
  const document = `${JSON.stringify(run, null, 2)}\n`
  mkdirSync(results, { recursive: true })
  writeFileSync(join(results, file), document)
  if (save !== null) writeFileSync(resolve(import.meta.dirname, save), document)
}

/** Columns are as wide as their widest cell. All except the first are aligned to the right. */
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
