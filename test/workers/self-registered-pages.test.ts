/** What users see of a client that registered itself, and when its consent page is shown again. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { clientRegistry } from '../rows.ts'
import {
  accepting,
  asked,
  consent,
  declareOpenScope,
  newDocument,
  visit,
} from './document-clients.ts'
import { keySetOf, newKey } from './keys.ts'
import {
  authorizePath,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  type RegisteredClient,
  registry,
  removalOf,
  requestOf,
  signIn,
} from './registry.ts'
import { markSelfRegistered } from './self-registering.ts'
import { newHost, publish } from './world.ts'

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
  await markSelfRegistered(client.id)
  return client
}

const withKeys = async () => ({
  authMethod: 'private_key_jwt' as const,
  jwks: keySetOf((await newKey()).jwk),
})
const changeKeys = async ({ id }: RegisteredClient) =>
  clientRegistry(env.DB).update(id, await withKeys(), {}, { mode: 'authorize', now: nowSeconds() })

describe('a client that registered itself by a request', () => {
  it('the consent page says that a client that registered itself chose its name, and names no owner', async () => {
    const text = await textOf(await open(await dynamicClient({ name: 'Notes' })))
    expect(text).toContain('Allow an application that calls itself “ Notes ” to use your account?')
    expect(text).toContain('It registered itself: Registry has not checked it.')
    expect(text).not.toContain('Registered by')
  })

  it('control: the consent page of an operator’s client does not say that the client registered itself', async () => {
    const text = await textOf(await open(await newClient({ name: 'Notes' })))
    expect(text).toContain('Allow Notes to use your account?')
    expect(text).not.toMatch(/calls itself|registered itself/)
  })

  it('the account page says that a client that registered itself is not verified', async () => {
    const own = await signIn(await newUser())
    const client = await dynamicClient({ name: 'Notes' })
    await obtainCode(own, requestOf(client))
    const text = await textOf(await registry('/account', { headers: { Cookie: own } }))
    expect(text).toContain(
      'It chose this name. It registered itself: the operator has not checked it.',
    )
  })

  it('the sign-in page says that a client that registered itself chose its name', async () => {
    const path = authorizePath(requestOf(await dynamicClient({ name: 'Notes' })))
    const text = await textOf(await registry(`/login?next_page=${encodeURIComponent(path)}`))
    expect(text).toContain('to continue to an application that calls itself Notes')
  })

  it('a remembered consent to a client that registered itself no longer answers after a change of its keys', async () => {
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

  it('a consent to an operator’s client does not answer once the client counts as registered by itself', async () => {
    const client = await newClient()
    await obtainCode(cookie, requestOf(client))
    await markSelfRegistered(client.id)
    expect(await isAsked(client)).toBe(true)
  })
})

describe('a client that registered itself by its metadata document', () => {
  beforeAll(() => declareOpenScope())
  const LOGO = { headers: { 'Content-Type': 'image/gif' }, body: 'GIF89a of a document' }

  it('the consent page names the host of a document first, then the name of the client, then where the answer leads, and warns if that is a program on the device', async () => {
    const redirectUris = ['http://localhost/callback']
    const client = await newDocument({ client_name: 'Notes', redirect_uris: redirectUris })
    const callback = 'http://localhost:4711/callback'
    const text = await textOf(await visit(cookie, client, { redirect_uri: callback }))
    const order = [
      `use your account? `,
      'It calls itself “ Notes ” .',
      'Either way, you will be sent back to a program on this computer .',
      'It registered itself: Registry has not checked it.',
      `Its document: ${client.id}`,
      'Any program on this computer could pose as this application.',
    ].map((words) => text.indexOf(words))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(order[0]).toBeGreaterThan(0)
    expect(text.replace(/\s/g, '')).toContain(`Allow${client.host}touseyouraccount?`)
  })

  it('the account page names the host of a document, also after the removal of the application', async () => {
    const own = await signIn(await newUser())
    const client = await newDocument({ client_name: 'Notes' })
    await consent(own, client)
    const page = await (await accepting('/account', { headers: { Cookie: own } })).text()
    expect(page).toContain(`<bdi>${client.host}</bdi></h2>`)
    expect(page).toContain('It calls itself “<bdi>Notes</bdi>”.')
    const removed = await post('/account', removalOf(client.id, page), { Cookie: own }, accepting)
    expect(await removed.text()).toContain(`<bdi>${client.host}</bdi></strong> is no longer`)
  })

  it('the sign-in page names the host of a document only once the document was read', async () => {
    const client = await newDocument({ client_name: 'Notes' })
    const path = `/login?next_page=${encodeURIComponent(authorizePath(asked(client)))}`
    expect(await textOf(await accepting(path))).not.toMatch(/continue to|Notes/)
    await visit(cookie, client)
    const text = await textOf(await accepting(path))
    expect(text).toContain(`to continue to ${client.host}`)
    expect(text).not.toContain('Notes')
  })

  it('the logo of a document is fetched after the first consent page, and shown from our own origin on the next', async () => {
    const logoUri = `https://${newHost()}/logo.gif`
    await publish(logoUri, LOGO)
    const client = await newDocument({ logo_uri: logoUri, tos_uri: `${logoUri}#terms` })
    expect(await (await visit(cookie, client)).text()).not.toContain('client-logo')
    const page = await (await visit(cookie, client)).text()
    expect(page).toMatch(/<img class="client-logo" src="\/logos\/[\w-]{43}"/)
    expect(page).toContain('Its terms: ')
    expect(page).not.toContain(`src="${logoUri}`)
  })

  it('a consent answer is accepted even when the logo was fetched after the page was shown', async () => {
    const logoUri = `https://${newHost()}/logo.gif`
    await publish(logoUri, LOGO)
    const client = await newDocument({ logo_uri: logoUri })
    expect((await consent(cookie, client)).searchParams.get('code')).not.toBeNull()
    expect((await visit(cookie, client)).status).toBe(303)
  })

  it.each([
    ['looks like the service', 'Rеgіstry'],
    ['turns the direction of writing', 'Good \u202egnp.exe'],
    ['is long', 'Interoperability '.repeat(5).trim()],
    ['is markup', '<script>alert(1)</script>'],
  ])('the consent page shows a client name that %s as text in quotation marks', async (_, name) => {
    const client = await newDocument({ client_name: name })
    const page = await (await visit(cookie, client)).text()
    expect(page).not.toContain('<script')
    expect(page).not.toContain('\u202e')
    expect(page).toMatch(/“<bdi>[^<]+<\/bdi>”/)
    expect(page.includes('looks like')).toBe(name === 'Rеgіstry')
  })
})
