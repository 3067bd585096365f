/** A secret that is shown once is not lost when storage fails in the fetches after the registration. */

import { env } from 'cloudflare:workers'
import { beforeAll, expect, it } from 'vitest'
import { API, newAdministrator } from './administration.ts'
import { watchedBindings } from './counting.ts'
import { CLIENT, filled, newOwner, ownerWith } from './portal.ts'
import { type Fetch, serve } from './registry.ts'
import { declareScopes } from './self-registering.ts'
import { newHost, publish, served } from './world.ts'

beforeAll(declareScopes)

type Send = (fetch: Fetch) => Promise<Response>

/** The request that registers a client of this name, and the form of the secret in its answer. */
const REGISTRATIONS: Readonly<Record<string, (name: string) => Promise<Send>>> = {
  'POST /new-client with a logo': async (name) => {
    const { user, cookie, form } = await newOwner()
    const logo_uri = `https://${newHost()}/logo.png`
    const fields = filled(await form('/new-client'), { ...CLIENT, name, logo_uri })
    return (fetch) => ownerWith(user, cookie, fetch).send('/new-client', fields)
  },
  'POST /clients of the management API with a logo': async (name) => {
    const { token } = await newAdministrator()
    const logo_uri = `https://${newHost()}/logo.png`
    const body = JSON.stringify({ name, owner_id: 'o', logo_uri })
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    return (fetch) => fetch(`${API}/clients`, { method: 'POST', headers, body })
  },
  'POST /register with the address of its keys': async (client_name) => {
    const { token } = await newAdministrator('registry:register')
    const jwks_uri = `https://${newHost()}/keys`
    await publish(jwks_uri, served({ keys: [] }))
    const body = JSON.stringify({
      ...{ client_name, jwks_uri, token_endpoint_auth_method: 'private_key_jwt' },
      ...{ grant_types: ['client_credentials'], response_types: [] },
    })
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    return (fetch) => fetch('/register', { method: 'POST', headers, body })
  },
}

const isRegistered = async (name: string) =>
  (await env.DB.prepare('SELECT 1 FROM client WHERE name = ?1').bind(name).first()) !== null

/** Sends the request while D1 fails from its nth operation on, and returns the outcome. */
async function failingFrom(title: string, n: number) {
  const name = `Client ${n} ${crypto.randomUUID()}`
  const send = await REGISTRATIONS[title]?.(name)
  let seen = 0
  const bindings = watchedBindings((operation) => {
    if (operation === 'd1') seen += 1
    if (operation === 'd1' && seen >= n) throw new Error('storage is out of reach')
  })
  const answer = await send?.(serve({ ...bindings, REGISTRATION: 'token' }))
  const isShown = /\breg[sm]_[\w-]/.test((await answer?.text()) ?? '')
  const outcome = { status: answer?.status, isShown, isRegistered: await isRegistered(name) }
  return { outcome, isWhole: seen < n }
}

it.each(Object.keys(REGISTRATIONS))(
  '%s answers with the secret, or with 503 and registers nothing, at whichever operation D1 begins to fail',
  async (title) => {
    const outcomes = []
    for (let n = 1, isWhole = false; !isWhole; n += 1) {
      const failed = await failingFrom(title, n)
      isWhole = failed.isWhole
      outcomes.push(failed.outcome)
    }
    const done = { status: expect.toBeOneOf([200, 201]), isShown: true, isRegistered: true }
    const failed = { status: 503, isShown: false, isRegistered: false }
    expect(outcomes).toEqual(outcomes.map((one) => (one.isRegistered ? done : failed)))
    // Control: some operations fail before the registration, and some after it.
    expect(outcomes.filter((one) => one.isRegistered).length).toBeGreaterThan(1)
    expect(outcomes[0]).toEqual(failed)
  },
)
