/**
 * Every flow with every fault in each of its storage operations. The response is right or 503, no grant is redeemed
 * twice, no token lives without a session or beyond its end, and a retry succeeds. Vitest fails the run for an
 * unhandled rejection.
 */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { withDeadline } from '../../src/deadline.ts'
import { revocationStatements, revokeStatement } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { clockedDatabase } from './d1-clock.ts'
import { flows } from './hostile-flows.ts'
import {
  faultsOf,
  holdDeadlines,
  hostilePlatform,
  type Injection,
  isLasting,
} from './hostile-platform.ts'
import { expectEnded, type Flow, fixtures, prepareFixtures, runFlow } from './hostile-story.ts'
import { machineToken } from './obtaining.ts'
import { newClient } from './registry.ts'

holdDeadlines()

await prepareFixtures()
/** A first run without faults lists the operations. */
const counted: { flow: Flow; operations: readonly string[] }[] = []
for (const flow of flows) counted.push({ flow, operations: (await runFlow(flow, [])).operations })

/**
 * docs/promises.md, Faults: the code, or the key-bound refresh token, is spent and gave no token, because D1 failed
 * when the spending was to be undone, or spent the grant only after that. In all other cases a retry succeeds.
 */
const LOST = ['authorization_code', 'refresh_token'].flatMap((table) => [
  `D1 batch UPDATE ${table}: does it late, before the retry`,
  `KV put SESSIONS after D1 batch UPDATE ${table}: fails from here on`,
])
/** A retry of these flows gets the same tokens. */
const isRepeatable = ({ name }: Flow) => name.startsWith('refresh') && !name.includes('DPoP')

const casesOf = (operations: readonly string[]) =>
  operations.flatMap((operation, index) =>
    faultsOf(operation).map((fault) => ({ at: index + 1, operation, fault })),
  )

describe.each(counted)('$flow.name', ({ flow, operations }) => {
  it.each(casesOf(operations))(
    `${flow.name}: the response is right or 503 when $operation (operation $at) $fault`,
    async ({ at, operation, fault }) => {
      const { isLost, isUnavailable } = await runFlow(flow, [{ at, fault }])
      // A rate limit that fails neither delays nor refuses a request.
      if (operation.startsWith('limit') && !isLasting(fault)) expect(isUnavailable).toBe(false)
      const before = operations[at - 2]
      const losing = [`${operation}: ${fault}`, `${operation} after ${before}: ${fault}`]
      const isRedeeming = flow.expected === '200' && !isRepeatable(flow)
      expect(isLost).toBe(isRedeeming && losing.some((one) => LOST.includes(one)))
    },
  )
})

describe('revocations that an interrupted run of cron writes to KV', () => {
  /**
   * One token and all tokens of a client, revoked without a write to KV, long enough ago for one run of cron to write
   * everything.
   */
  async function revokedUnseen() {
    const client = await newClient()
    const tokens = [await machineToken(fixtures.client), await machineToken(client)]
    const then = clockedDatabase(() => Date.now() - 10_000)
    await env.DB.batch([
      env.DB.prepare('DELETE FROM revocation'),
      revokeStatement(then, 'session', [await digest(tokens[0] ?? '')], 7200),
      ...revocationStatements(env.DB, { kind: 'client', clientId: client.id }, 7200),
    ])
    return tokens
  }

  async function repairKv(injections: readonly Injection[]) {
    const platform = hostilePlatform(injections)
    const { DB, SESSIONS, STORAGE_TIMEOUT_SECONDS } = platform.bindings
    const store = revocationStore(DB, SESSIONS, 7200)
    await withDeadline(store, STORAGE_TIMEOUT_SECONDS)
      .repairKv()
      .catch(() => {})
    await platform.catchUp()
    return platform
  }

  const STEPS = [
    'D1 SELECT revocation',
    'KV put SESSIONS',
    'D1 SELECT revocation_version',
    'D1 SELECT revocation',
    'KV put SESSIONS',
    'D1 UPDATE revocation',
  ]

  it('cron writes revocations to KV in the expected steps', async () => {
    await revokedUnseen()
    expect((await repairKv([])).operations).toEqual(STEPS)
  })

  it.each(casesOf(STEPS))(
    'the next run of cron writes the revocations to KV when $operation (step $at) $fault',
    async ({ at, fault }) => {
      const tokens = await revokedUnseen()
      const platform = await repairKv([{ at, fault }])
      await repairKv([])
      await platform.catchUp(true)
      await expectEnded(...tokens)
    },
  )
})
