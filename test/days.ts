/** Days of UTC. */

export const DAY_SECONDS = 86_400

/** Whether this time, in epoch seconds, is the beginning of today. Within a minute after midnight the beginning of yesterday counts too. */
export const isToday = (at: unknown) => {
  const since = Date.now() / 1000 - Number(at)
  return Number(at) % DAY_SECONDS === 0 && since >= 0 && since < DAY_SECONDS + 60
}
