/** `offline_access` (OpenID Connect Core 1.0 §11): asks for a refresh token, and is never part of what is granted. */

import { beforeAll, describe, expect, it } from 'vitest'
import { newRefreshingClient, redeemCode, renewal } from './obtaining.ts'
import {
  allowing,
  authorizePath,
  codeIn,
  credentialsOf,
  newClient,
  newUser,
  obtainCode,
  post,
  registry,
  requestOf,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestClient,
} from './registry.ts'

let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

type Issued = Readonly<{ access_token: string; scope: string; refresh_token?: string }>
const onRequest = serve({ ISSUE_REFRESH_TOKENS: 'offline_access' })

async function issued(client: TestClient, scope: string, fetch = registry): Promise<Issued> {
  const code = await obtainCode(cookie, requestOf(client, { scope }), fetch)
  return redeemCode(client, code, {}, fetch)
}
const scopesOf = async ({ access_token }: Issued) =>
  (await sessionOf(access_token))?.authorizations.scopes

describe('offline_access', () => {
  it.each([
    ['beside other scopes', 'submission:read offline_access', ['submission:read']],
    ['with extra spaces', '  offline_access   submission:read ', ['submission:read']],
    [
      'as the only scope, for the default scopes',
      ' offline_access',
      ['public:read', 'submission:read'],
    ],
  ])('a request with offline_access %s gets tokens without it', async (_, scope, granted) => {
    const tokens = await issued(await newRefreshingClient(), scope)
    expect([tokens.scope, await scopesOf(tokens)]).toEqual([granted.join(' '), granted])
    expect(tokens.refresh_token).toMatch(/^regr_/)
  })

  it('a client that may not refresh gets no refresh token for offline_access, and no error', async () => {
    const tokens = await issued(await newClient(), 'submission:read offline_access')
    expect(tokens).toMatchObject({ scope: 'submission:read' })
    expect(tokens).not.toHaveProperty('refresh_token')
  })

  it('the consent page does not list offline_access as a scope', async () => {
    const request = requestOf(await newRefreshingClient(), { scope: 'public:read offline_access' })
    const page = await registry(authorizePath(request), { headers: { Cookie: cookie } })
    const ticks = allowing(await page.text()).filter(([name]) => name === 'grant')
    expect(ticks).toEqual([['grant', 'public:read']])
  })

  it('a client and a user who are registered with offline_access never have it in a session', async () => {
    const user = await newUser({ scopes: ['public:read', 'offline_access'] })
    const client = await newRefreshingClient({ scopes: ['public:read', 'offline_access'] })
    const own = await signIn(user)
    expect((await sessionOf(sessionTokenIn(own)))?.authorizations.scopes).toEqual(['public:read'])
    const code = await obtainCode(own, requestOf(client, { scope: '' }))
    const tokens: Issued = await redeemCode(client, code)
    expect([tokens.scope, await scopesOf(tokens)]).toEqual(['public:read', ['public:read']])
    for (const scope of ['', 'offline_access', 'public:read offline_access']) {
      const machine: Issued = await (await post('/token', credentialsOf(client, { scope }))).json()
      expect([machine.scope, await scopesOf(machine)]).toEqual(['public:read', ['public:read']])
      expect(machine).not.toHaveProperty('refresh_token')
    }
  })

  it('a refresh that requests offline_access succeeds, and its scope does not have offline_access', async () => {
    const client = await newRefreshingClient()
    const { refresh_token = '' } = await issued(client, 'public:read offline_access')
    const again = await renewal(client, refresh_token, { scope: 'public:read offline_access' })
    expect([again.status, await again.json()]).toMatchObject([200, { scope: 'public:read' }])
  })
})

describe('ISSUE_REFRESH_TOKENS', () => {
  it('by default a request without offline_access gets a refresh token', async () => {
    expect(await issued(await newRefreshingClient(), 'public:read')).toHaveProperty('refresh_token')
  })

  it('with ISSUE_REFRESH_TOKENS=offline_access only a request with that scope gets a refresh token', async () => {
    const client = await newRefreshingClient()
    const without = await issued(client, 'public:read', onRequest)
    expect(without).toMatchObject({ scope: 'public:read' })
    expect(without).not.toHaveProperty('refresh_token')
    const tokens = await issued(client, 'public:read offline_access', onRequest)
    expect(tokens).toHaveProperty('refresh_token')
    const renewed = await renewal(client, tokens.refresh_token ?? '', {}, onRequest)
    expect(await renewed.json()).toHaveProperty('refresh_token')
  })

  it('with ISSUE_REFRESH_TOKENS=offline_access a remembered consent without offline_access does not cover a request with it', async () => {
    const client = await newRefreshingClient()
    const open = (scope: string) =>
      onRequest(authorizePath(requestOf(client, { scope })), { headers: { Cookie: cookie } })
    await issued(client, 'public:read', onRequest)
    expect((await open('public:read')).status).toBe(303)
    expect((await open('public:read offline_access')).status).toBe(200)
    await issued(client, 'public:read offline_access', onRequest)
    const remembered = await open('public:read offline_access')
    expect([remembered.status, codeIn(remembered)]).toEqual([303, expect.stringMatching(/^regc_/)])
  })
})
