/** A storage operation whose response may have been lost is repeated before its deadline only. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { withDeadline } from '../../src/deadline.ts'

const SECONDS = 5
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** An operation that fails the first time, after this many seconds. */
function failingAfter(seconds: number) {
  const spend = vi.fn(async () => 'won')
  spend.mockImplementationOnce(
    () =>
      new Promise((_, reject) => {
        setTimeout(() => reject(new Error('lost')), seconds * 1000)
      }),
  )
  return { spend, bounded: withDeadline({ spend }, SECONDS, ['spend']) }
}

it('a storage operation that fails before the deadline is repeated once', async () => {
  const { spend, bounded } = failingAfter(SECONDS - 1)
  const answer = bounded.spend()
  await vi.advanceTimersByTimeAsync((SECONDS - 1) * 1000)
  expect(await answer).toBe('won')
  expect(spend).toHaveBeenCalledTimes(2)
})

it('a storage operation that fails after the deadline is not repeated, because its effect may have been undone', async () => {
  const { spend, bounded } = failingAfter(SECONDS + 1)
  const answer = bounded.spend().catch((fault: Error) => fault.name)
  await vi.advanceTimersByTimeAsync((SECONDS + 2) * 1000)
  expect(await answer).toBe('DeadlineError')
  expect(spend).toHaveBeenCalledTimes(1)
})
