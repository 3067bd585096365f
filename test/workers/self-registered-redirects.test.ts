/** Anybody can register a client, so the registry must not redirect every browser to the client's address (RFC 9700 §4.11.2). */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  accepting,
  asked,
  consent,
  declareOpenScope,
  newDocument,
  type Published,
  visit,
} from './document-clients.ts'
import {
  authorizePath,
  cancelling,
  type Fetch,
  newClient,
  newUser,
  post,
  sentTo,
  signIn,
} from './registry.ts'
import { hostMetadata, OPEN, registered } from './self-registering.ts'

let maker: string
let cookie: string
beforeAll(async () => {
  await declareOpenScope()
  maker = await signIn(await newUser())
  cookie = await signIn(await newUser())
})

type Made = Readonly<{ client: Published; fetch: Fetch }>

/** A client whose document is cached, because another user has visited it. */
const byDocument = async (): Promise<Made> => {
  const client = await newDocument()
  await consent(maker, client)
  return { client, fetch: accepting }
}
const byRequest = async (): Promise<Made> => {
  const callback = 'https://app.example/callback'
  const { client_id } = await registered(hostMetadata({ redirect_uris: [callback] }))
  return { client: { id: client_id, host: 'app.example', callback }, fetch: OPEN }
}
const byOperator = async (): Promise<Made> => {
  const callback = 'https://client.example/callback'
  const { id } = await newClient({ scopes: ['public:read'] })
  return { client: { id, host: 'client.example', callback }, fetch: accepting }
}
const SELF_REGISTERED: [string, () => Promise<Made>][] = [
  ['document', byDocument],
  ['registration', byRequest],
]

const SILENT = { prompt: 'none' }
const REQUESTS: [string, Record<string, string>, string][] = [
  ['an unknown scope', { scope: 'no:such_scope' }, 'invalid_scope'],
  ['an unknown response type', { response_type: 'token' }, 'unsupported_response_type'],
  ['prompt=none', SILENT, 'consent_required'],
  ['prompt=none and a scope that the user lacks', { ...SILENT, scope: '"' }, 'invalid_scope'],
]

describe.each(SELF_REGISTERED)('a client by %s', (_, make) => {
  it('a silent request of a browser without a signed-in user is refused on a page', async () => {
    const { client, fetch } = await make()
    const response = await fetch(authorizePath(asked(client, SILENT)))
    expect([response.status, response.headers.get('Location')]).toEqual([400, null])
    expect(await response.text()).not.toContain(client.callback)
  })

  it.each(REQUESTS)(
    'a request with %s redirects no user who has not answered the consent page of the client, and shows a link instead',
    async (_name, more, error) => {
      const { client, fetch } = await make()
      const response = await visit(cookie, client, more, fetch)
      expect([response.status, response.headers.get('Location')]).toEqual([400, null])
      const page = await response.text()
      expect(page).toContain(`href="${client.callback}?error=${error}`)
      expect(page).toContain('state=af0ifjsldkj')
    },
  )

  it('control: a user who answers the consent page is redirected to the client, after Allow and after Cancel', async () => {
    const { client, fetch } = await make()
    const page = await (await visit(cookie, client, {}, fetch)).text()
    const refused = await post('/authorize', cancelling(page), { Cookie: cookie }, fetch)
    expect(sentTo(refused).href).toContain(`${client.callback}?error=access_denied`)
    const allowed = await consent(cookie, client, {}, fetch)
    expect(allowed.href).toContain(`${client.callback}?code=`)
  })

  it('control: a user who has allowed the client is redirected to it with the error of a later silent request', async () => {
    const { client, fetch } = await make()
    await consent(cookie, client, {}, fetch)
    const response = await visit(cookie, client, { prompt: 'none', max_age: '0' }, fetch)
    expect(sentTo(response).href).toContain(`${client.callback}?error=login_required`)
  })
})

it.each(REQUESTS)(
  'control: a request with %s of an operator’s client is redirected to the client',
  async (_name, more, error) => {
    const { client, fetch } = await byOperator()
    const response = await visit(cookie, client, more, fetch)
    expect(sentTo(response).href).toContain(`${client.callback}?error=${error}`)
  },
)
