/** Redirect URIs of native clients: RFC 8252 §7 and §8, and what MCP hosts register. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  allowing,
  authorizePath,
  codeIn,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  signIn,
  withChallenge,
} from './registry.ts'

let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

const native = (...redirectUris: string[]) => newClient({ authMethod: 'none', redirectUris })
const request = (client: Awaited<ReturnType<typeof native>>, redirect_uri: string) =>
  requestOf(client, { redirect_uri, ...withChallenge })
const open = async (
  client: Awaited<ReturnType<typeof native>>,
  redirect_uri: string,
  fetch = registry,
) => fetch(authorizePath(request(client, redirect_uri)), { headers: { Cookie: cookie } })

describe('loopback redirect URIs', () => {
  it.each([
    ['http://127.0.0.1/callback', 'http://127.0.0.1:49152/callback'],
    ['http://[::1]/callback', 'http://[::1]:49152/callback'],
    ['http://localhost/callback', 'http://localhost:49152/callback'],
    ['http://localhost:3000/callback', 'http://localhost:49152/callback'],
  ])('a public client that registered %s gets its tokens at %s', async (registered, asked) => {
    const client = await native(registered)
    const code = await obtainCode(cookie, request(client, asked))
    expect(code).toMatch(/^regc_/)
    const fields = redemptionOf(client, code, { code_verifier: PKCE.verifier })
    const other = await post('/token', { ...fields, redirect_uri: registered })
    expect(await refusal(other)).toEqual({ status: 400, error: 'invalid_grant' })
    expect((await post('/token', { ...fields, redirect_uri: asked })).status).toBe(200)
  })

  it.each([
    ['http://127.0.0.1/callback', 'http://localhost:49152/callback'],
    ['http://localhost/callback', 'http://127.0.0.1:49152/callback'],
    ['http://localhost/callback', 'http://localhost:49152/other'],
    ['http://localhost/callback', 'https://localhost:49152/callback'],
    ['http://localhost/callback', 'http://localhost.evil.example:49152/callback'],
    ['http://localhost/callback', 'http://localhost:80@evil.example/callback'],
    ['https://localhost/callback', 'https://localhost:49152/callback'],
  ])('a public client that registered %s is not redirected to %s', async (registered, asked) => {
    const refused = await open(await native(registered), asked)
    expect([refused.status, refused.headers.get('Location')]).toEqual([400, null])
  })

  it('a confidential client is redirected only to the loopback port that it registered', async () => {
    const registered = 'http://localhost:3000/callback'
    const client = await newClient({ redirectUris: [registered] })
    expect((await open(client, registered)).status).toBe(200)
    expect((await open(client, 'http://localhost:49152/callback')).status).toBe(400)
  })
})

describe('the warning for addresses on the device of the user', () => {
  const WARNING = 'Any program on this computer could pose as this application.'

  it.each([
    ['http://localhost/callback', []],
    ['http://127.0.0.1/callback', []],
    ['http://127.0.0.1/callback', ['http://localhost/callback', 'http://[::1]/callback']],
  ])(
    'the consent page of a client with only the redirect URI %s warns with %j',
    async (first, more) => {
      const page = await open(await native(first, ...more), 'http://127.0.0.1/callback').then(
        async (answer) => (answer.status === 200 ? answer : open(await native(first), first)),
      )
      expect(await page.text()).toContain(WARNING)
    },
  )

  it('the consent page warns about a public client that redirects to the device, even if it has other redirect URIs', async () => {
    const both = await native('http://localhost/callback', 'https://client.example/callback')
    expect(await (await open(both, 'http://localhost/callback')).text()).toContain(WARNING)
  })

  it.each([
    [['https://client.example/callback']],
    [['https://client.example/callback', 'http://localhost/callback']],
    [['https://localhost.client.example/callback']],
  ])(
    'the consent page does not warn about a client with the redirect URIs %j',
    async (redirectUris) => {
      const page = await open(await native(...redirectUris), redirectUris[0] ?? '')
      expect([page.status, (await page.text()).includes(WARNING)]).toEqual([200, false])
    },
  )
})

describe('private-use schemes without a dot', () => {
  const CURSOR = 'cursor://anysphere.cursor/oauth/callback'
  const withCursor = serve({ PRIVATE_USE_SCHEMES: 'vscode cursor' })

  it('a registered scheme without a dot is refused at /authorize, and the other redirect URI of the client works', async () => {
    const client = await native(CURSOR, 'http://127.0.0.1/callback')
    const refused = await open(client, CURSOR)
    expect([refused.status, refused.headers.get('Location')]).toEqual([400, null])
    expect(await refused.text()).toContain('scheme is not allowed here')
    expect((await open(client, 'http://127.0.0.1:5000/callback')).status).toBe(200)
  })

  it('a scheme that the operator allows is accepted, and its consent is not remembered', async () => {
    const client = await native(CURSOR, 'http://127.0.0.1/callback')
    for (const _ of ['first', 'second']) {
      const page = await open(client, CURSOR, withCursor)
      expect(page.status).toBe(200)
      const fields = allowing(await page.text())
      const answer = await post('/authorize', fields, { Cookie: cookie }, withCursor)
      expect(answer.headers.get('Location')).toMatch(
        /^cursor:\/\/anysphere\.cursor\/oauth\/callback\?/,
      )
      expect(codeIn(answer)).toMatch(/^regc_/)
    }
  })

  it('an allowed scheme redirects only to a registered redirect URI', async () => {
    const client = await native(CURSOR, 'http://127.0.0.1/callback')
    for (const asked of ['cursor://evil/callback', 'vscode://anysphere.cursor/oauth/callback']) {
      const refused = await open(client, asked, withCursor)
      expect([refused.status, refused.headers.get('Location')]).toEqual([400, null])
    }
  })
})
