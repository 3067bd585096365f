/** A mistake made on purpose in one file of the source, and the test file that must notice it. */

export type Mutant = Readonly<{
  file: string
  /** Occurs exactly once. */
  original: string
  mistake: string
  /** The test file that must fail. */
  killer: string
}>

export const mutant = (
  file: string,
  killer: string,
  original: string,
  mistake: string,
): Mutant => ({
  file: `src/${file}`,
  killer: `test/${killer}.test.ts`,
  original,
  mistake,
})

/** Several of one file that one test file must notice. */
export const mutants = (
  file: string,
  killer: string,
  ...changes: readonly (readonly [original: string, mistake: string])[]
): Mutant[] => changes.map(([original, mistake]) => mutant(file, killer, original, mistake))
