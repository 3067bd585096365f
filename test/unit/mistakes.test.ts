/** The list of mistakes for `npm run test:mutants`, which takes an hour: here that it still fits the source. */

import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { MUTANTS } from '../mistakes.ts'

it('every mistake can be made in one place, and there is a test to notice it', () => {
  for (const { file, original, mistake, killer } of MUTANTS) {
    expect(readFileSync(file, 'utf8').split(original), `${file}: ${original}`).toHaveLength(2)
    expect(mistake).not.toBe(original)
    expect(existsSync(killer), killer).toBe(true)
  }
})
