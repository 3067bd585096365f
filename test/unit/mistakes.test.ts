/** The list of mistakes for `npm run test:mutants`. */

import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { MISTAKES, parseMistakes } from '../mistakes.ts'

it('every mistake matches one place of the source, and its test file exists', () => {
  expect(MISTAKES.length).toBeGreaterThan(150)
  // More would take longer than fifteen minutes on two cores.
  expect(MISTAKES.length).toBeLessThan(360)
  for (const { file, original, replacement, killer } of MISTAKES) {
    expect(readFileSync(file, 'utf8').split(original), `${file}: ${original}`).toHaveLength(2)
    expect(replacement).not.toBe(original)
    expect(existsSync(killer), killer).toBe(true)
  }
})

it('a line of the list that is neither a mistake nor a test file is refused', () => {
  const list = (line: string) => `About it.\n\ntest/a.test.ts\n${line}\n`
  expect(parseMistakes(list('  src/a.ts: if (a)⏎ b → c'))).toEqual([
    { file: 'src/a.ts', original: 'if (a)\n b', replacement: 'c', killer: 'test/a.test.ts' },
  ])
  expect(parseMistakes(list('  src/a.ts: if (a) →'))).toMatchObject([{ replacement: '' }])
  expect(() => parseMistakes(list('  src/a.ts: if (a)'))).toThrow('not a mistake')
  expect(() => parseMistakes('About it.\n\na.test.ts\n')).toThrow('not a test file')
})
