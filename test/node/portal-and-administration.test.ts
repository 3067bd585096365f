/** The portal and the command line, which calls the management API, read and change the same records. */

import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formsOf, type Pair } from './forms.ts'
import { demoUser } from './person.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

type Fields = Readonly<Record<string, string>>
type Shown = Readonly<{
  client_id: string
  owner_id: string
  further_owners: string[]
  credentials: Readonly<{ expires_at: string | null }>[]
  decisions: Readonly<{ value: string; decision: string; reason: string }>[]
}> &
  Readonly<Record<string, unknown>>

let running: RunningRegistry
let cookie: string
let userId: string
beforeAll(async () => {
  running = await startRegistry()
  cookie = await demoUser(running).signIn()
  const user = (await running.administer('user', 'show', running.demo.username)) as {
    user_id: string
  }
  userId = user.user_id
  const scope = (name: string) =>
    running.administer('scope', 'create', name, '--sentence', `Use ${name}`)
  await Promise.all(['shelf:read', 'shelf:write', 'shelf:lend'].map(scope))
  const friend = ['--username', 'friend', '--email', 'friend@example.org']
  await running.administer('user', 'create', ...friend, '--password', 'correct horse battery')
})
afterAll(() => running.end())

const open = (path: string) =>
  fetch(running.registry + path, { headers: { Cookie: cookie }, redirect: 'manual' })
const page = async (path: string) => (await open(path)).text()

/** Fills in the form with this act on a page, and sends it. */
async function submit(path: string, changed: Fields = {}, act?: string): Promise<Response> {
  const isMeant = (fields: Pair[]) =>
    act === undefined || fields.some(([name, value]) => name === 'act' && value === act)
  const fields = formsOf(await page(path), path).find(isMeant) ?? []
  const kept = fields.filter(([name]) => !(name in changed))
  return fetch(running.registry + path, {
    method: 'POST',
    headers: { Cookie: cookie },
    redirect: 'manual',
    body: new URLSearchParams([...kept, ...Object.entries(changed)]),
  })
}

const APPLICATION: Fields = {
  name: 'Reading list',
  url: 'https://reading.example',
  redirect_uris: 'https://reading.example/callback',
  kind: 'server',
}

async function register(changed: Fields = {}): Promise<string> {
  const answer = await submit('/new-client', { ...APPLICATION, ...changed })
  const [, id = ''] = /<code class="reference">([^<]*)</.exec(await answer.text()) ?? []
  expect(id).not.toBe('')
  return id
}

const shown = async (id: string) => (await running.administer('client', 'show', id)) as Shown
const keySet = async () => {
  const { publicKey } = await generateKeyPair('ES256')
  return JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'the-key' }] })
}

describe('changes by an owner in the portal', () => {
  it('the command line shows a client that was registered in the portal with its owner, its kind and its permissions', async () => {
    const id = await register()
    expect(await shown(id)).toMatchObject({
      name: 'Reading list',
      owner_id: userId,
      url: 'https://reading.example',
      redirect_uris: ['https://reading.example/callback'],
      auth_method: 'client_secret',
      require_pkce: true,
      grant_types: ['authorization_code', 'refresh_token'],
      disabled_at: null,
    })
    const listed = (await running.administer('client', 'list', '--owner', userId)) as Shown[]
    expect(listed.map(({ client_id }) => client_id)).toContain(id)
  })

  it('the command line shows edits, new secrets, keys and their replacement by a secret from the portal', async () => {
    const id = await register()
    await submit(`/clients/${id}/edit`, { name: 'Renamed', redirect_uris: 'https://b.example/cb' })
    expect(await shown(id)).toMatchObject({
      name: 'Renamed',
      redirect_uris: ['https://b.example/cb'],
    })
    await submit(`/clients/${id}/secrets`, { overlap: '3600' })
    const { credentials } = await shown(id)
    expect(credentials.map(({ expires_at }) => expires_at === null).sort()).toEqual([false, true])
    const jwks = await keySet()
    await submit(`/clients/${id}/keys`, { jwks })
    expect(await shown(id)).toMatchObject({
      auth_method: 'private_key_jwt',
      jwks: JSON.parse(jwks),
      credentials: [],
    })
    await submit(`/clients/${id}/secrets`, {}, 'use_secret')
    const back = await shown(id)
    expect([back.auth_method, back.jwks, back.credentials.length]).toEqual([
      'client_secret',
      null,
      1,
    ])
  })

  it('the command line shows the requests that an owner makes and takes back in the portal', async () => {
    const id = await register()
    await submit(`/clients/${id}/permissions`, { scopes: 'shelf:read' }, 'ask')
    expect(await shown(id)).toMatchObject({ requested_scopes: ['shelf:read'] })
    await submit(`/clients/${id}/permissions`, { take: 'grant_type refresh_token' }, 'take_back')
    expect(await shown(id)).toMatchObject({
      grant_types: ['authorization_code'],
      decisions: [{ value: 'refresh_token', decision: 'taken_back', reason: '' }],
    })
  })

  it('the command line shows the owners, disabling, enabling, leaving and deletion of a client in the portal, each with an audit row', async () => {
    const id = await register()
    await submit(`/clients/${id}/owners`, { owner: 'friend' }, 'offer_ownership')
    expect((await shown(id)).further_owners).toEqual([])
    const demo = { ...running.demo, username: 'friend', password: 'correct horse battery' }
    const headers = { Cookie: await demoUser({ ...running, demo }).signIn() }
    const offers = await fetch(`${running.registry}/clients`, { headers })
    const [fields = []] = formsOf(await offers.text(), '/clients')
    const body = new URLSearchParams([...fields, ['act', 'accept']])
    await fetch(`${running.registry}/clients`, { method: 'POST', headers, body })
    const [friend] = (await shown(id)).further_owners
    await submit(`/clients/${id}/disable`)
    expect((await shown(id)).disabled_at).not.toBe(null)
    expect((await shown(id)).disabled_by_owner).toBe(true)
    await submit(`/clients/${id}/enable`)
    expect((await shown(id)).disabled_at).toBe(null)
    await submit(`/clients/${id}/leave`)
    expect(await shown(id)).toMatchObject({ owner_id: friend, further_owners: [] })
    const gone = await register({ name: 'Gone' })
    await submit(`/clients/${gone}/delete`)
    await expect(shown(gone)).rejects.toThrow('there is no client')
    const events = async (client: string) => {
      const audit = await running.administer('audit', '--client', client)
      return (audit as { event: string }[]).map(({ event }) => event).reverse()
    }
    expect(await events(id)).toEqual([
      ...['client.create', 'client.offer_ownership', 'client.accept_offer'],
      ...['client.disable', 'client.enable', 'client.leave'],
    ])
    expect(await events(gone)).toEqual(['client.create', 'client.delete'])
  })
})

describe('changes by the command line', () => {
  const create = async (...words: string[]) => {
    const described = ['--name', 'Made for you', '--owner', userId]
    const made = await running.administer('client', 'create', ...described, ...words)
    return (made as Shown).client_id
  }

  it('the portal lists a client that an operator creates for a user, and no longer lists it after the operator deletes it', async () => {
    const id = await create()
    expect(await page('/clients')).toContain(`/clients/${id}`)
    expect(await page(`/clients/${id}`)).toContain('Made for you')
    await running.administer(
      'client',
      'update',
      id,
      '--name',
      'Renamed',
      '--url',
      'https://a.example/',
    )
    expect(await page(`/clients/${id}`)).toContain('<bdi>Renamed</bdi>')
    await running.administer('client', 'delete', id)
    expect((await open(`/clients/${id}`)).status).toBe(404)
    expect(await page('/clients')).not.toContain(id)
  })

  it('the portal shows the owner what an operator authorizes, declines and withdraws, with the reasons', async () => {
    const id = await create()
    const client = (...words: string[]) => running.administer('client', ...words)
    await submit(`/clients/${id}/permissions`, { other_scopes: 'shelf:write shelf:lend' }, 'ask')
    await client('authorize', id, '--scope', 'shelf:read shelf:lend')
    await client('withdraw', id, '--scope', 'shelf:write', '--reason', 'It only reads.')
    await client('withdraw', id, '--scope', 'shelf:lend', '--reason', 'No more lending.')
    const states = async (value: string) =>
      new RegExp(`(\\w+)</strong><code>${value}<`).exec(await page(`/clients/${id}`))?.[1]
    expect(
      await Promise.all(['read', 'write', 'lend'].map((one) => states(`shelf:${one}`))),
    ).toEqual(['authorized', 'declined', 'withdrawn'])
    expect(await page(`/clients/${id}`)).toContain('It only reads.')
    expect(await page(`/clients/${id}/history`)).toContain('No more lending.')
  })

  it('the portal shows the owner new secrets, keys and owners from the command line, and that the client is disabled', async () => {
    const id = await create()
    await running.administer('client', 'rotate-secret', id, '--overlap-seconds', '3600')
    expect(await page(`/clients/${id}/secrets`)).toContain('An older secret')
    const keys = ['--auth-method', 'private_key_jwt', '--jwks', await keySet()]
    await running.administer('client', 'update', id, ...keys)
    expect(await page(`/clients/${id}/keys`)).toContain('<code>the-key</code>')
    const friend = (await running.administer('user', 'show', 'friend')) as { user_id: string }
    await running.administer('client', 'update', id, '--further-owner', friend.user_id)
    expect(await page(`/clients/${id}/owners`)).toContain('<bdi>friend</bdi>')
    await running.administer('client', 'disable', id)
    expect(await page(`/clients/${id}`)).toContain('The operator has disabled it')
    await running.administer('client', 'enable', id)
    expect(await page(`/clients/${id}`)).not.toContain('disabled it, so it gets no tokens')
  })

  it('a portal form that was opened before the command line changed the client changes nothing', async () => {
    const id = await create()
    const path = `/clients/${id}/edit`
    const [fields = []] = formsOf(await page(path), path)
    await running.administer('client', 'update', id, '--description', 'By the operator')
    const sent = fields.map(([name, value]): Pair => [name, name === 'name' ? 'Late' : value])
    const answer = await fetch(running.registry + path, {
      method: 'POST',
      headers: { Cookie: cookie },
      body: new URLSearchParams(sent),
    })
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('has been changed since you opened the page'),
    ])
    expect(await shown(id)).toMatchObject({ name: 'Made for you', description: 'By the operator' })
  })
})
