/** The directory with very many entries. */

import { describe } from 'vitest'
import { readsFewRows } from './rows-read.ts'

describe('very many listed clients', () => {
  readsFewRows(100_000)
})
