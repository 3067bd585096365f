/** Runs before each test file: fast-check draws all its cases from the seed of the run, and prints it with a failure. */

import fc from 'fast-check'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    seed: number
  }
}

fc.configureGlobal({ seed: inject('seed') })
