/** The directory with very many entries. */

import { describe } from 'vitest'
import { readsFewRows } from './rows-read.ts'

describe('very many listed clients', { timeout: 120_000 }, () => {
  readsFewRows(100_000)
})
