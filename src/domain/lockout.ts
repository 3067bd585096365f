/** How long a sign-in must wait after failures in a row: the wait doubles up to a limit. */

const FREE_FAILURES = 5
/** The number of failures of a name, from all networks, that cause no wait: strangers must not lock the user out. */
const FREE_FAILURES_OF_NAME = 100

const LONGEST_WAIT_SECONDS = 900
const LONGEST_WAIT_OF_NAME_SECONDS = 60
/** Failures are deleted if no other failure follows within this time. */
export const FORGET_FAILURES_SECONDS = 86_400

export type LockoutKind = 'name_from_network' | 'name' | 'name_from_known_browser'

const RULES = {
  name_from_network: { free: FREE_FAILURES, longestSeconds: LONGEST_WAIT_SECONDS },
  // This rule replaces the two others. A stolen cookie gives a stranger as many guesses as one more network.
  name_from_known_browser: { free: FREE_FAILURES, longestSeconds: LONGEST_WAIT_SECONDS },
  name: { free: FREE_FAILURES_OF_NAME, longestSeconds: LONGEST_WAIT_OF_NAME_SECONDS },
} satisfies Record<LockoutKind, unknown>

/** Seconds from the last failure until the next attempt is checked. They double with every failure. */
export function waitSeconds(kind: LockoutKind, failures: number): number {
  const { free, longestSeconds } = RULES[kind]
  return failures < free ? 0 : Math.min(2 ** (failures - free), longestSeconds)
}
