/** `npm run bench -- start`, once. */

import { expect, it } from 'vitest'
import { measureStart } from '../../bench/startup.ts'

it('npm run bench -- start measures the start of both Workers with a page that needs no storage', async () => {
  const started = await measureStart(1, ['registry', 'authenticator'])
  expect(started.map(({ name }) => name)).toEqual(['registry', 'authenticator'])
  for (const { evaluateMs, firstAnswerMs } of started) {
    expect(evaluateMs.median).toBeGreaterThan(0)
    // The difference to an empty isolate, which may be negative on a busy machine.
    expect(Number.isFinite(firstAnswerMs.median)).toBe(true)
  }
})
