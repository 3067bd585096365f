/** Medians and how far the middle half spreads about them. */

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
