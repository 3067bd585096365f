/** `npm run bench -- start`, once. */

import { expect, it } from 'vitest'
import { measureStart } from '../../bench/startup.ts'

it('the benchmark measures the start of both Workers at a page that needs no storage', async () => {
  const started = await measureStart(1, ['registry', 'authenticator'])
  expect(started.map(({ name }) => name)).toEqual(['registry', 'authenticator'])
  for (const { evaluateMs, firstAnswerMs } of started) {
    expect(evaluateMs.median).toBeGreaterThan(0)
    // Over that of an empty isolate: on a busy machine it may be less.
    expect(Number.isFinite(firstAnswerMs.median)).toBe(true)
  }
})
