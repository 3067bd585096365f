/**
 * Every flow, every operation of storage in it, every way in which that operation can go wrong. The answer is the
 * truth or 503; nothing is good twice, nothing lives without a session or beyond its end, and a retry ends well. A rejection that
 * nobody hears fails the run: Vitest sees to that.
 */

import { afterAll, describe, expect, it, vi } from 'vitest'
import { flows } from './hostile-flows.ts'
import { faultsOf, holdDeadlines } from './hostile-platform.ts'
import { type Flow, meet, tell } from './hostile-story.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})
vi.spyOn(console, 'error').mockImplementation(() => {})
holdDeadlines()
afterAll(() => vi.unstubAllGlobals())

await meet()
/** The first run counts. */
const counted: { flow: Flow; operations: readonly string[] }[] = []
for (const flow of flows) counted.push({ flow, operations: (await tell(flow, [])).operations })

/**
 * README, Faults: the code or refresh token is spent and nothing came of it. D1 was gone when it was to be given
 * back; or D1 spent it only after it had been given back. Everywhere else a retry succeeds.
 */
const BURNED = ['authorization_code', 'refresh_token'].flatMap((table) => [
  `D1 batch UPDATE ${table}: does it late, before the retry`,
  `KV put SESSIONS after D1 batch UPDATE ${table}: fails from here on`,
])

describe.each(counted)('$flow.name', ({ flow, operations }) => {
  const cases = operations.flatMap((operation, index) =>
    faultsOf(operation).map((fault) => ({ at: index + 1, operation, fault })),
  )
  it.each(cases)('$at, $operation: $fault', async ({ at, operation, fault }) => {
    const { isBurned } = await tell(flow, [{ at, fault }])
    const before = operations[at - 2]
    const burning = [`${operation}: ${fault}`, `${operation} after ${before}: ${fault}`]
    expect(isBurned).toBe(burning.some((one) => BURNED.includes(one)))
  })
})
