/** Long enumerations and fuzzing: `npm test` runs a part of the cases, `npm run test:long` all of them. */

const RUNS_ALL = process.env.CASES === 'all'

/** Every `nth` case, beginning at the index `from`. Test files that begin at different indexes together run all cases. */
export const sampled = <T>(cases: readonly T[], nth: number, from = 0): T[] =>
  cases.filter((_, index) => RUNS_ALL || index % nth === from % nth)

/** The number of random cases. */
export const runs = (part: number, all: number): number => (RUNS_ALL ? all : part)
