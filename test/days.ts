/** Days of UTC. */

export const DAY_SECONDS = 86_400

/** Is this moment, in epoch seconds, the beginning of today? Of yesterday in the first minute of a day, as a test may begin before midnight. */
export const isToday = (at: unknown) => {
  const since = Date.now() / 1000 - Number(at)
  return Number(at) % DAY_SECONDS === 0 && since >= 0 && since < DAY_SECONDS + 60
}
