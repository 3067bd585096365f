/** The storage operations of the management API: a read is one round trip to D1, a change one batch. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Administrator, call, newAdministrator } from './administration.ts'
import { countedBindings, nothing, over } from './counting.ts'
import { newClient, newUser, serve } from './registry.ts'

let admin: Administrator
let client: string
let user: string
const { bindings, costOf } = countedBindings()
const fetch = serve(bindings)
beforeAll(async () => {
  admin = await newAdministrator()
  client = (await newClient()).id
  user = (await newUser()).id
  await call(admin, 'POST /scopes', { body: { name: 'counted', sentence: 'See the count' } })
})

type What = `${string} /${string}`
const filled = (what: What) =>
  what.replace('CLIENT', client).replace('USER', user).replace('ID', '0123456789') as What

const READS: readonly [What, number][] = [
  ['GET /clients', 200],
  ['GET /clients/CLIENT', 200],
  ['GET /clients/nowhere', 404],
  ['GET /clients/CLIENT/permissions', 200],
  ['GET /users', 200],
  ['GET /users/USER', 200],
  ['GET /scopes', 200],
  ['GET /scopes/counted', 200],
  ['GET /categories', 200],
  ['GET /audit', 200],
  ['GET /status', 200],
]

/** D1 whose statements wait until this many have begun, and forever if fewer run at the same time. */
function whenAllBegun(count: number) {
  let begun = 0
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const wait = async <T>(run: () => Promise<T>): Promise<T> => {
    begun += 1
    if (begun === count) open()
    await opened
    return run()
  }
  const statement = (real: D1PreparedStatement): D1PreparedStatement =>
    over(real, {
      bind: (...values: unknown[]) => statement(real.bind(...values)),
      first: () => wait(() => real.first()),
      all: () => wait(() => real.all()),
      run: () => wait(() => real.run()),
    } as Partial<D1PreparedStatement>)
  return over(env.DB, {
    prepare: (sql: string) => statement(env.DB.prepare(sql)),
    batch: (all: D1PreparedStatement[]) => wait(() => env.DB.batch(all)),
  } as Partial<D1Database>)
}

describe('a read of the management API', () => {
  it.each(READS)(
    '%s costs one KV read, the check of the token in D1, and one D1 read (status %i)',
    async (what, status) => {
      const ask = () => call(admin, filled(what), { fetch })
      const refused = status >= 400 ? 1 : 0
      expect(await costOf(ask, status)).toEqual({ ...nothing(), kvRead: 1, d1: 2 + refused })
    },
  )

  it('a search by a part of a name costs one more D1 read: first the names, then the records', async () => {
    const ask = () => call(admin, 'GET /clients?owner_id=owner-1&name=example', { fetch })
    expect(await costOf(ask, 200)).toEqual({ ...nothing(), kvRead: 1, d1: 3 })
  })

  it('a read of the management API runs at the same time as the check of the token in D1', async () => {
    const DB = whenAllBegun(2)
    const response = await call(admin, filled('GET /clients/CLIENT'), { fetch: serve({ DB }) })
    expect(response.status).toBe(200)
  })
})

/** The last value says whether the change ends sessions. */
const CHANGES: readonly [What, object | undefined, number, boolean][] = [
  ['PATCH /clients/CLIENT', { name: 'Counted' }, 200, false],
  ['PATCH /clients/CLIENT', { disabled: true }, 200, true],
  ['POST /clients/CLIENT/secrets', {}, 201, true],
  ['POST /clients/CLIENT/permissions', { authorize: { scopes: ['a:b'] } }, 200, false],
  ['PATCH /users/USER', { email: 'counted@example.org' }, 200, true],
  ['POST /users/USER/permissions', { withdraw: { scopes: ['public:read'] } }, 200, true],
  ['PATCH /scopes/counted', { sensitive: true }, 200, false],
  ['DELETE /scopes/counted', undefined, 200, false],
  ['DELETE /clients/CLIENT', undefined, 200, true],
]

describe('a change by the management API', () => {
  it.each(CHANGES)(
    '%s with %j costs the check of the token, one read of the record and one batch, and writes to KV if it ends sessions',
    async (what, body, status, ends) => {
      const ask = () => call(admin, filled(what), { body, ifMatch: '*', fetch })
      // The revocation document is read from D1 and written to KV, and its version is read again.
      const shown = ends ? { d1: 5, kvWrite: 1 } : { d1: 3 }
      expect(await costOf(ask, status)).toEqual({ ...nothing(), kvRead: 1, ...shown })
    },
  )

  it('the deletion of a user first reads the user and their clients, to name the clients that lose their owner', async () => {
    const ask = () => call(admin, filled('DELETE /users/USER'), { ifMatch: '*', fetch })
    const before = { d1: 2 }
    expect(await costOf(ask, 200)).toEqual({
      ...{ ...nothing(), kvRead: 1, kvWrite: 1 },
      d1: 5 + before.d1,
    })
  })

  it('the registration of a client costs the check of the token and one batch', async () => {
    const body = { name: 'Counted', owner_id: 'counted' }
    const ask = () => call(admin, 'POST /clients', { body, fetch })
    expect(await costOf(ask, 201)).toEqual({ ...nothing(), kvRead: 1, d1: 2 })
  })
})
