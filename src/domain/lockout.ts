/** How long to wait after so many failures in a row: longer and longer, and never for good. */

/** What a person may get wrong before waiting at all. */
const FREE_FAILURES = 5
/** Of a name as a whole, whoever tries: a stranger must not lock the user out. */
const FREE_FAILURES_OF_NAME = 100

const LONGEST_WAIT_SECONDS = 900
const LONGEST_WAIT_OF_NAME_SECONDS = 60
/** After this long without a failure all is forgotten. */
export const FORGET_FAILURES_SECONDS = 86_400
/** `period` of the rate limit bindings in wrangler.toml. */
export const FLOOD_PERIOD_SECONDS = 60

/** What failed sign-ins are counted for. */
export type LockoutKind = 'name_from_network' | 'name' | 'name_from_known_browser'

const RULES = {
  name_from_network: { free: FREE_FAILURES, longestSeconds: LONGEST_WAIT_SECONDS },
  // In place of the two others: with a stolen cookie, a stranger has the guesses of one network more.
  name_from_known_browser: { free: FREE_FAILURES, longestSeconds: LONGEST_WAIT_SECONDS },
  name: { free: FREE_FAILURES_OF_NAME, longestSeconds: LONGEST_WAIT_OF_NAME_SECONDS },
} satisfies Record<LockoutKind, unknown>

/** Seconds from the last failure until the next attempt is looked at. Doubles with every failure. */
export function waitSeconds(kind: LockoutKind, failures: number): number {
  const { free, longestSeconds } = RULES[kind]
  return failures < free ? 0 : Math.min(2 ** (failures - free), longestSeconds)
}
