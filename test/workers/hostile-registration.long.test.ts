/**
 * Registration and its management with every fault in each of their storage operations. The response is right or 503, a
 * client is registered completely or not at all, and a client without a response can repeat its request and continue.
 */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { faultsOf, holdDeadlines, hostilePlatform, type Injection } from './hostile-platform.ts'
import { type Fetch, serve } from './registry.ts'
import {
  askToRegister,
  hostMetadata,
  type Information,
  manage,
  newNetwork,
  registered,
} from './self-registering.ts'

holdDeadlines()

const OPEN = { REGISTRATION: 'open', REGISTRATIONS_PER_DAY: '1000000' }
const healthy = serve(OPEN)

type Flow = Readonly<{
  name: string
  expected: number
  /** The response to a repeated request. */
  again: readonly number[]
  begin: () => Promise<(fetch: Fetch) => Promise<Response>>
}>

const managing =
  (method: 'GET' | 'PUT' | 'DELETE'): Flow['begin'] =>
  async () => {
    const client = await registered(hostMetadata(), { fetch: healthy })
    const { client_id, redirect_uris } = client
    const body = method === 'PUT' ? { client_id, client_name: 'New', redirect_uris } : undefined
    return (fetch) => manage(method, client, { fetch, body })
  }

const FLOWS: readonly Flow[] = [
  {
    name: 'a registration',
    expected: 201,
    again: [201],
    async begin() {
      const [metadata, network] = [hostMetadata(), newNetwork()]
      return (fetch) => askToRegister(metadata, { network, fetch })
    },
  },
  {
    name: 'a duplicate of a registration',
    expected: 201,
    again: [201],
    async begin() {
      const [metadata, network] = [hostMetadata(), newNetwork()]
      await registered(metadata, { network, fetch: healthy })
      return (fetch) => askToRegister(metadata, { network, fetch })
    },
  },
  { name: 'a read', expected: 200, again: [200], begin: managing('GET') },
  { name: 'an update', expected: 200, again: [200], begin: managing('PUT') },
  // The first request may have deleted it.
  { name: 'a deletion', expected: 204, again: [204, 401], begin: managing('DELETE') },
]

/** Clients without a redirect URI, a grant type or a token, or with a token of no client. */
const incompleteClients = async () =>
  (
    await env.DB.prepare(
      `SELECT s.client_id FROM self_registered_client s WHERE s.kind = 'registration' AND NOT (
        EXISTS (SELECT 1 FROM client_redirect_uri r WHERE r.client_id = s.client_id)
        AND EXISTS (SELECT 1 FROM client_grant_type g WHERE g.client_id = s.client_id)
        AND EXISTS (SELECT 1 FROM client_registration k WHERE k.client_id = s.client_id)
        AND EXISTS (SELECT 1 FROM audit a WHERE a.client_id = s.client_id AND a.event = 'client.create'))`,
    ).all()
  ).results

async function run({ expected, again, begin }: Flow, injections: readonly Injection[]) {
  const ask = await begin()
  const platform = hostilePlatform(injections)
  const response = await ask(serve({ ...platform.bindings, ...OPEN }))
  const { operations } = platform
  const tried = operations.length
  expect([expected, 503]).toContain(response.status)
  if (response.status === 503) {
    expect(response.headers.get('Retry-After')).not.toBeNull()
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  }
  const answer = response.status === expected && expected !== 204 ? await response.json() : null
  await platform.catchUp()
  const repeated = await ask(healthy)
  await platform.catchUp(true)
  // After a successful response the client has the next token, so a repetition proves nothing.
  if (response.status === 503) expect(again).toContain(repeated.status)
  const { registration_access_token: token } = (answer ?? {}) as Partial<Information>
  if (token !== undefined && !again.includes(401)) {
    const client = answer as Information
    // A duplicate may have come meanwhile: it ends the token, as docs/self-registration.md says.
    const asked = await manage('GET', client, { fetch: healthy })
    expect(expected === 200 ? [200] : [200, 401]).toContain(asked.status)
  }
  expect(await incompleteClients()).toEqual([])
  return { operations: operations.slice(0, tried), isUnavailable: response.status === 503 }
}

describe.each(FLOWS)('$name', (flow) => {
  it(`${flow.name}: the response is right or 503 for every failure of every operation, and the client can continue`, async () => {
    const { operations } = await run(flow, [])
    let unavailable = 0
    expect(operations.length).toBeGreaterThan(1)
    for (const [index, operation] of operations.entries()) {
      for (const fault of faultsOf(operation)) {
        if ((await run(flow, [{ at: index + 1, fault }])).isUnavailable) unavailable += 1
      }
    }
    // Control: faults did happen.
    expect(unavailable).toBeGreaterThan(operations.length)
  }, 300_000)
})
