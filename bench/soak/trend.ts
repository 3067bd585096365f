/** Whether memory grows: fits a line to samples of memory. */

export type Sample = Readonly<{ atMs: number; mib: number }>

export type Trend = Readonly<{
  minutes: number
  meanMib: number
  /** The rise of the fitted line from the first sample to the last. */
  riseMib: number
  /** The standard deviation of the samples from the line. */
  scatterMib: number
  isFlat: boolean
}>

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** The share by which memory may rise without a leak: uncollected garbage and filling caches. */
const NOISE_SHARE = 0.05

/**
 * The trend of the second half of the samples. In the first half caches fill, and V8's heaps grow to the size at which it
 * collects garbage. Without samples the values are NaN, and the trend is not flat.
 */
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
