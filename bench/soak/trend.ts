/** Does it grow? A line through samples of memory, and how far they lie from it. */

export type Sample = Readonly<{ atMs: number; mib: number }>

export type Trend = Readonly<{
  minutes: number
  meanMib: number
  /** What the fitted line rises by from the first sample to the last. */
  riseMib: number
  /** Standard deviation of the samples about the line. */
  scatterMib: number
  isFlat: boolean
}>

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** What the memory may rise by for other reasons than a leak: garbage not yet collected, caches that fill. */
const NOISE_SHARE = 0.05

/** Of the last half: until then caches fill, and V8's heaps reach the size at which it collects. NaN of nothing, and then not flat. */
export function trendOf(samples: readonly Sample[]): Trend {
  const late = samples.slice(Math.floor(samples.length / 2))
  const minutes = late.map(({ atMs }) => (atMs - (late[0]?.atMs ?? 0)) / 60_000)
  const mibs = late.map(({ mib }) => mib)
  const [middle, meanMib] = [mean(minutes), mean(mibs)]
  const square = (value: number) => value * value
  const covariance = mean(minutes.map((x, i) => (x - middle) * ((mibs[i] ?? 0) - meanMib)))
  const slope = covariance / mean(minutes.map((x) => square(x - middle)))
  const lasted = minutes.at(-1) ?? 0
  const scatterMib = Math.sqrt(
    mean(minutes.map((x, i) => square((mibs[i] ?? 0) - meanMib - slope * (x - middle)))),
  )
  const riseMib = slope * lasted
  const isFlat = riseMib <= Math.max(NOISE_SHARE * meanMib, 2 * scatterMib)
  return { minutes: lasted, meanMib, riseMib, scatterMib, isFlat }
}
