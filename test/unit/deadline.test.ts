/** A storage operation that fails is repeated only before its deadline. */

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

it('a method that does not settle rejects with DeadlineError after its own deadline, even if another method began earlier', async () => {
  const never = () => new Promise<never>(() => {})
  const port = withDeadline({ never }, SECONDS)
  const failures: string[] = []
  const ask = (name: string) =>
    port.never().catch((fault: Error) => failures.push(`${name} ${fault.name}`))
  void ask('first')
  await vi.advanceTimersByTimeAsync(2000)
  void ask('second')
  await vi.advanceTimersByTimeAsync((SECONDS - 2) * 1000)
  expect(failures).toEqual(['first DeadlineError'])
  await vi.advanceTimersByTimeAsync(2000)
  expect(failures).toEqual(['first DeadlineError', 'second DeadlineError'])
})

it('no timer is left once a method has returned, failed or thrown', async () => {
  const failing = () => Promise.reject(new Error('away'))
  const throwing = (): Promise<never> => {
    throw new Error('away')
  }
  const port = withDeadline({ spend: async () => 'won', failing, throwing }, SECONDS)
  expect(await port.spend()).toBe('won')
  await expect(port.failing()).rejects.toThrow('away')
  await expect(port.throwing()).rejects.toThrow('away')
  expect(vi.getTimerCount()).toBe(0)
})
