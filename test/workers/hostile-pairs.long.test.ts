/** Two faults in one request; KV that accepts one write a second; and KV that shows old values. */

import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { KV_STALENESS_SECONDS } from '../../src/domain/revocation.ts'
import { over } from './counting.ts'
import { clientCredentials } from './hostile-client-flows.ts'
import { flows } from './hostile-flows.ts'
import {
  busyKv,
  FAULTS,
  type Fault,
  holdDeadlines,
  hostilePlatform,
  NOT_YET_VISIBLE,
} from './hostile-platform.ts'
import {
  authenticatorOn,
  cron,
  expectRight,
  type Flow,
  prepareFixtures,
  read,
  runFlow,
  serviceOn,
} from './hostile-story.ts'
import { newRefreshingClient } from './obtaining.ts'
import { authorizePath, newUser, post, requestOf, signIn } from './registry.ts'
import { location } from './stale-kv.ts'

holdDeadlines()

await prepareFixtures()
const healthy = serviceOn({})

const CODE = 'code exchange with refresh'
const REDEEMING = [CODE, 'refresh', 'refresh by a public client']
const redeeming: { flow: Flow; operations: readonly string[] }[] = []
for (const flow of flows.filter(({ name }) => REDEEMING.includes(name)))
  redeeming.push({ flow, operations: (await runFlow(flow, [])).operations })

/** The operations that follow a fault of spending the grant, or of storing the session. */
const following = (operation: string) =>
  operation.startsWith('D1') ? ['spending again', 'storing'] : ['giving back']
/**
 * docs/promises.md, Faults: a spent code is lost. If the undoing of the spending comes late, the code can be redeemed
 * once more. A retried refresh gets the same tokens.
 */
const LOST: Record<string, readonly Fault[]> = {
  'spending again': ['does it late, before the retry'],
  storing: ['fails from here on'],
  'giving back': ['fails', 'never answers', 'fails late', 'fails from here on'],
}

describe.each(redeeming)('$flow.name with two faults', ({ flow, operations }) => {
  const cases = operations
    .map((operation, index) => ({ operation, at: index + 1 }))
    .filter(({ operation }) => /^D1 batch UPDATE|^KV put/.test(operation))
    .flatMap(({ operation, at }) =>
      following(operation).flatMap((next, index) =>
        FAULTS.map((fault) => ({ operation, at, next, second: at + 1 + index, fault })),
      ),
    )
  it.each(cases)(
    `${flow.name} loses its grant only in the documented cases: $operation fails, then $next $fault`,
    async ({ at, next, second, fault }) => {
      const injections = [{ at, fault: 'fails' } as const, { at: second, fault }]
      const { isLost } = await runFlow(flow, injections)
      expect(isLost).toBe(flow.name === CODE && LOST[next]?.includes(fault))
    },
  )
})

const KV_STALENESS_MS = KV_STALENESS_SECONDS * 1000
const NOTHING_MORE = { afterRetry: async () => {}, lost: () => {} }

describe('KV that accepts one write a second for a key', () => {
  it.each(flows)('$name succeeds without a second write to a key within a second', async (flow) => {
    const busy = serviceOn({
      SESSIONS: busyKv(env.SESSIONS),
      CODES: busyKv(env.CODES),
    })
    const run = await flow.begin(busy)
    const answer = await read(await run.ask(busy))
    // Cron writes the key, which was just written and must not be overwritten within the second.
    expectRight(answer, flow.format, [flow.whileStale ?? flow.expected])
    await cron()
    await run.check({ answer, again: busy, ...NOTHING_MORE })
  })
})

/**
 * A location `here` that does not see writes from `elsewhere` for a minute. KV shows no key there, as if every key had
 * been read too early, or the value of each key before its last write.
 */
function stale(showsNothing: boolean) {
  const begunMs = Date.now()
  const isHidden = () => showsNothing && Date.now() < begunMs + KV_STALENESS_MS
  const pairs = (['SESSIONS', 'CODES'] as const).map((name) => {
    const kv = env[name]
    const shown = { get: async (key: string) => (isHidden() ? null : kv.get(key)) }
    const place = location(shown as KVNamespace)
    const write =
      (verb: 'put' | 'delete') =>
      async (key: string, ...words: unknown[]) => {
        await place.look(key)
        return Reflect.apply(kv[verb], kv, [key, ...words])
      }
    return {
      here: [name, over(kv, { get: place.kv.get })],
      elsewhere: [name, over(kv, { put: write('put'), delete: write('delete') })],
    }
  })
  const on = (where: 'here' | 'elsewhere') =>
    serviceOn({
      ...Object.fromEntries(pairs.map((pair) => pair[where])),
    })
  return { here: on('here'), elsewhere: on('elsewhere') }
}

describe.each([
  ['no key', true],
  ['old values', false],
] as const)('a location where KV shows %s for a minute', (shown, showsNothing) => {
  afterEach(() => void vi.useRealTimers())

  it.each(flows)(
    `$name has the documented result while KV shows ${shown} for a minute`,
    async (flow) => {
      const { here, elsewhere } = stale(showsNothing)
      const run = await flow.begin(elsewhere)
      const answer = await read(await run.ask(here))
      const { format, expected, whileNotShown = expected, whileStale } = flow
      const allowed = whileStale ? [whileStale] : [expected, whileNotShown]
      expectRight(answer, format, showsNothing ? [whileNotShown] : allowed)
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + KV_STALENESS_MS })
      await run.check({ answer, again: here, ...NOTHING_MORE })
    },
  )
})

describe('a location where KV shows old values', () => {
  it('a browser that has signed out is signed out even while KV still shows its session', async () => {
    const { here: there } = stale(false)
    const client = await newRefreshingClient()
    const user = await newUser()
    const Cookie = await signIn(user)
    const status = async (path: string) => (await there.fetch(path, { headers: { Cookie } })).status
    const paths = ['/account', authorizePath(requestOf(client))]
    expect(await Promise.all(paths.map(status))).toEqual([200, 200])
    const page = await (await healthy.fetch('/account', { headers: { Cookie } })).text()
    const formToken = /action="\/logout"[\s\S]*?name="form_token" value="([^"]+)"/.exec(page)?.[1]
    await post('/logout', { form_token: formToken ?? '' }, { Cookie }, healthy.fetch)
    expect(await Promise.all(paths.map(status))).toEqual([303, 303])
  })
})

describe('the hostile platform', () => {
  it('control: a well-formed but wrong response fails a flow', async () => {
    const denied = [1, 2].map((at) => ({ at, fault: NOT_YET_VISIBLE }) as const)
    await expect(runFlow(clientCredentials, denied)).rejects.toThrow(
      "expected [ '200', '200' ] to include '401 invalid_client'",
    )
  })

  it('control: storage that never answers is ended by the deadline', async () => {
    const platform = hostilePlatform([{ at: 1, fault: 'never answers' }])
    const response = await serviceOn(platform.bindings).fetch('/healthz')
    expect([response.status, platform.operations]).toEqual([503, ['D1 SELECT client']])
  })
})

describe('STORAGE_TIMEOUT_SECONDS of the authenticator', () => {
  const status = async (value: unknown) =>
    (await authenticatorOn({ STORAGE_TIMEOUT_SECONDS: value }).auth('/auth')).status
  it.each(['1', '30', '', undefined])(
    'the authenticator starts with STORAGE_TIMEOUT_SECONDS=%j',
    async (value) => {
      expect(await status(value)).toBe(200)
    },
  )
  it.each(['0', '31', '1.5', 'soon'])(
    'the authenticator answers 503 with STORAGE_TIMEOUT_SECONDS=%j',
    async (value) => {
      expect(await status(value)).toBe(503)
    },
  )
})
