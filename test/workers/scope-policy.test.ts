/** RFC 6749 §3.3: what happens to a request for scopes that are unknown or not the client's (`SCOPE_POLICY`). */

import { beforeAll, describe, expect, it } from 'vitest'
import { type Issued, issuedIn, newRefreshingClient, renewal } from './obtaining.ts'
import {
  authorizePath,
  countSessions,
  credentialsOf,
  newUser,
  obtainCode,
  post,
  redemptionOf,
  registry,
  requestOf,
  sentTo,
  serve,
  sessionOf,
  signIn,
} from './registry.ts'

const narrowing = serve({ SCOPE_POLICY: 'narrow' })
const TOO_MUCH = 'public:read made-up compile:create submission:read'
const GRANTED = ['public:read', 'submission:read']

let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

const seen = async ({ access_token, scope }: Issued) => [
  scope,
  (await sessionOf(access_token))?.authorizations.scopes,
]
const open = (fetch: typeof registry, request: Record<string, string>) =>
  fetch(authorizePath(request), { headers: { Cookie: cookie } })

describe('SCOPE_POLICY', () => {
  it('by default a request with a scope that the client does not have is refused, and the error names the scope', async () => {
    const client = await newRefreshingClient()
    const before = await countSessions()
    const atToken = await post('/token', credentialsOf(client, { scope: TOO_MUCH }))
    expect([atToken.status, await atToken.json()]).toMatchObject([
      400,
      {
        error: 'invalid_scope',
        error_description: "The client is not authorized for the scope 'made-up'.",
      },
    ])
    const { searchParams } = sentTo(await open(registry, requestOf(client, { scope: TOO_MUCH })))
    expect(searchParams.get('error_description')).toContain("'made-up'")
    expect(await countSessions()).toBe(before)
  })

  it('with SCOPE_POLICY=narrow every grant leaves out the scopes that the client does not have, and the response states the granted scopes', async () => {
    const client = await newRefreshingClient()
    const machine = await post('/token', credentialsOf(client, { scope: TOO_MUCH }), {}, narrowing)
    const scopes = ['public:read submission:read', GRANTED]
    expect(await seen(await issuedIn(machine))).toEqual(scopes)
    const code = await obtainCode(cookie, requestOf(client, { scope: TOO_MUCH }), narrowing)
    const first = await issuedIn(await post('/token', redemptionOf(client, code), {}, narrowing))
    expect(await seen(first)).toEqual(scopes)
    const scope = 'submission:create public:read'
    const renewed = await renewal(client, first.refresh_token, { scope }, narrowing)
    expect(await seen(await issuedIn(renewed))).toEqual(['public:read', ['public:read']])
  })

  it('with SCOPE_POLICY=narrow a request without any scope of the client, or with a malformed scope, is refused', async () => {
    const client = await newRefreshingClient()
    for (const scope of ['made-up compile:create', 'public:read every"thing']) {
      const refused = await post('/token', credentialsOf(client, { scope }), {}, narrowing)
      expect([refused.status, await refused.json()]).toMatchObject([
        400,
        { error: 'invalid_scope' },
      ])
      const { searchParams } = sentTo(await open(narrowing, requestOf(client, { scope })))
      expect(searchParams.get('error')).toBe('invalid_scope')
    }
  })

  it.each(['public:read  submission:read', ' public:read submission:read  '])(
    'extra spaces in the scope %j make no difference',
    async (scope) => {
      const client = await newRefreshingClient()
      const machine = await issuedIn(await post('/token', credentialsOf(client, { scope })))
      expect(machine.scope).toBe('public:read submission:read')
      expect((await open(registry, requestOf(client, { scope }))).status).toBe(200)
    },
  )

  it('a scope parameter that has only spaces counts as omitted', async () => {
    const client = await newRefreshingClient()
    const machine = await issuedIn(await post('/token', credentialsOf(client, { scope: '   ' })))
    expect(machine.scope).toBe('public:read submission:create submission:read')
  })

  it('the error for a scope repeats at most 256 characters of it, and no credential', async () => {
    const client = await newRefreshingClient()
    const described = async (scope: string) => {
      const refused = await post('/token', credentialsOf(client, { scope }))
      const body = (await refused.json()) as { error_description: string }
      return body.error_description
    }
    const longest = 'x'.repeat(256)
    expect(await described(longest)).toBe(
      `The client is not authorized for the scope '${longest}'.`,
    )
    expect(await described(`${longest}x`)).not.toContain('xx')
    expect(await described(client.secret)).not.toContain(client.secret.slice(0, 20))
  })
})
