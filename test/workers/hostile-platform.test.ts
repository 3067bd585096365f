/**
 * Every flow, every operation of storage in it, every way in which that operation can go wrong. The answer is the
 * truth or 503; nothing is good twice, nothing lives without a session or beyond its end, and a retry ends well.
 */

import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { expectWellFormed, type Flow, flows, meet, serviceOn } from './hostile-flows.ts'
import {
  faultsOf,
  holdDeadlines,
  hostilePlatform,
  type Mishap,
  watchRejections,
} from './hostile-platform.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})
vi.spyOn(console, 'error').mockImplementation(() => {})
holdDeadlines()
const unheard = watchRejections()
afterEach(() => expect(unheard).toEqual([]))
afterAll(() => vi.unstubAllGlobals())

await meet()
const healthy = serviceOn({})

async function tell(flow: Flow, mishaps: readonly Mishap[]) {
  const story = await flow.begin(healthy)
  const platform = hostilePlatform(mishaps)
  const response = await story.ask(serviceOn(platform.bindings))
  const { status, headers } = response
  const answer = { status, headers, text: await response.text() }
  expectWellFormed(answer, flow.speaks)
  await platform.catchUp()
  const fault = mishaps[0]?.fault ?? null
  let isBurned = false
  const burned = () => {
    isBurned = true
  }
  await story.judge({ answer, fault, afterRetry: () => platform.catchUp(true), burned })
  return { operations: platform.operations, isBurned }
}

/** The first run counts. */
const counted = await Promise.all(
  flows.map(async (flow) => ({ flow, operations: [] as readonly string[] })),
)
for (const one of counted) one.operations = (await tell(one.flow, [])).operations

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
