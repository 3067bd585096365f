/** `edge-registry/fetch`: the arguments of a handler, where the binding comes from, and the metadata. */

import { describe, expect, it, vi } from 'vitest'
import type { AuthenticatorBinding } from '../../src/protocol/authentication.ts'
import { sessionOfClaims } from '../../src/resource-server/claims.ts'
import { protectedResource, scoped } from '../../src/resource-server/fetch.ts'
import { activeAnswer, FILES, ISSUER } from './resource-server.ts'

const session = sessionOfClaims(activeAnswer())
const AUTHENTICATOR = {
  authenticate: vi.fn(async () => ({ kind: 'authenticated', session })),
} as unknown as AuthenticatorBinding
const request = (method = 'GET', headers = {}) =>
  new Request(`${FILES}/reports/7`, { method, headers })

describe('scoped() of edge-registry/fetch', () => {
  it('a handler gets the request, the session and the further arguments of the platform', async () => {
    const handler = vi.fn((_: Request, ..._more: unknown[]) => new Response('served'))
    const asked = request()
    const ctx = { waitUntil: () => {} }
    const answer = await scoped('files:read')(handler)(asked, { AUTHENTICATOR }, ctx)
    expect(await answer.text()).toBe('served')
    expect(handler).toHaveBeenCalledExactlyOnceWith(asked, session, { AUTHENTICATOR }, ctx)
  })

  it('the functions in the options get the request and the environment', async () => {
    type Env = Readonly<{ AUTH: AuthenticatorBinding; CATEGORY: string }>
    const authorizer = vi.fn(() => true)
    const handle = scoped<Env>('files:read', {
      authenticator: ({ env }) => env.AUTH,
      resource: (c) => new URL(c.request.url).pathname.split('/')[2],
      authorizer,
    })((_, found, _env: Env) => Response.json(found.user?.user_id))
    const env = { AUTH: AUTHENTICATOR, CATEGORY: 'cs.DL' }
    expect(await (await handle(request(), env)).json()).toBe('user-1')
    const context = expect.objectContaining({ env })
    expect(authorizer).toHaveBeenCalledExactlyOnceWith(session, '7', context)
  })

  it('without a bound authenticator the response is 503, and the handler does not run', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const handler = vi.fn(() => new Response('served'))
    const handle = scoped(null)(handler)
    expect((await handle(request())).status).toBe(503)
    expect(
      (await (handle as (...given: unknown[]) => Promise<Response>)(request(), {})).status,
    ).toBe(503)
    expect(handler).not.toHaveBeenCalled()
    log.mockRestore()
  })

  it('scoped() passes the authenticator the configured origin, for which it checks DPoP proofs', async () => {
    const handle = scoped(null, { authenticator: () => AUTHENTICATOR, origin: ISSUER })(
      () => new Response(),
    )
    await handle(request())
    expect(AUTHENTICATOR.authenticate).toHaveBeenLastCalledWith(
      expect.objectContaining({ url: `${ISSUER}/reports/7` }),
    )
  })
})

describe('protectedResource() of edge-registry/fetch', () => {
  it('protectedResource() serves the metadata to GET, its headers to HEAD, and refuses other methods', async () => {
    const answer = protectedResource({
      ...{ resource: FILES, authorizationServers: [ISSUER], scopes: ['files:read'] },
    })
    expect(await answer(request()).json()).toMatchObject({ resource: FILES })
    const head = answer(request('HEAD'))
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(answer(request('OPTIONS', { 'Access-Control-Request-Method': 'GET' })).status).toBe(204)
    expect(answer(request('OPTIONS')).status).toBe(405)
    expect(answer(request('DELETE')).status).toBe(405)
  })
})
