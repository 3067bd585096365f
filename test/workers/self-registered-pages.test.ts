/** What people see of a client that registered itself, and when they are asked again. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { clientRegistry } from '../rows.ts'
import { keySetOf, newKey } from './keys.ts'
import {
  authorizePath,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  type RegisteredClient,
  registry,
  requestOf,
  signIn,
} from './registry.ts'

let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

const textOf = async (response: Response) =>
  (await response.text()).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
const open = (client: RegisteredClient) =>
  registry(authorizePath(requestOf(client)), { headers: { Cookie: cookie } })
const isAsked = async (client: RegisteredClient) => (await open(client)).status === 200

async function dynamicClient(asked: Parameters<typeof newClient>[0] = {}) {
  const client = await newClient({ ownerId: '', ...asked })
  await env.DB.prepare(
    `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'registration', unixepoch())`,
  )
    .bind(client.id)
    .run()
  return client
}

const withKeys = async () => ({
  authMethod: 'private_key_jwt' as const,
  jwks: keySetOf((await newKey()).jwk),
})
const changeKeys = async ({ id }: RegisteredClient) =>
  clientRegistry(env.DB).update(id, await withKeys(), {}, { mode: 'authorize', now: nowSeconds() })

describe('a client that registered itself by a request', () => {
  it('the consent page says that it chose its name, and names no owner', async () => {
    const text = await textOf(await open(await dynamicClient({ name: 'Notes' })))
    expect(text).toContain('Allow an application that calls itself “ Notes ” to use your account?')
    expect(text).toContain('nobody at Registry has checked it or vouches for it')
    expect(text).not.toContain('Registered by')
  })

  it('control: the consent page of an operator’s client says nothing of the kind', async () => {
    const text = await textOf(await open(await newClient({ name: 'Notes' })))
    expect(text).toContain('Allow Notes to use your account?')
    expect(text).not.toMatch(/calls itself|vouches/)
  })

  it('the account page says that nobody has checked it', async () => {
    const own = await signIn(await newUser())
    const client = await dynamicClient({ name: 'Notes' })
    await obtainCode(own, requestOf(client))
    const text = await textOf(await registry('/account', { headers: { Cookie: own } }))
    expect(text).toContain('It chose this name. It registered itself: nobody here has checked it.')
  })

  it('the sign-in page says that it calls itself so', async () => {
    const path = authorizePath(requestOf(await dynamicClient({ name: 'Notes' })))
    const text = await textOf(await registry(`/login?next_page=${encodeURIComponent(path)}`))
    expect(text).toContain('to continue to an application that calls itself Notes')
  })

  it('a remembered consent no longer answers after a change of its keys', async () => {
    const client = await dynamicClient(await withKeys())
    await obtainCode(cookie, requestOf(client))
    expect(await isAsked(client)).toBe(false)
    await changeKeys(client)
    expect(await isAsked(client)).toBe(true)
  })

  it('control: a remembered consent answers for an operator’s client whose keys the operator has changed', async () => {
    const client = await newClient(await withKeys())
    await obtainCode(cookie, requestOf(client))
    await changeKeys(client)
    expect(await isAsked(client)).toBe(false)
  })

  it('a consent to an operator’s client does not answer for one that registered itself', async () => {
    const client = await newClient()
    await obtainCode(cookie, requestOf(client))
    await env.DB.prepare(
      `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'registration', 1)`,
    )
      .bind(client.id)
      .run()
    expect(await isAsked(client)).toBe(true)
  })
})
