/** The tests for every library that refreshes, revokes and introspects tokens. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  errorWith,
  type Granted,
  type MakeTokenLibrary,
  type TokenLibrary,
} from './client-library.ts'
import { demoUser, type Person } from './person.ts'
import {
  clientOfEachMethod,
  type RegisteredClient,
  type RunningRegistry,
  type StrictMethod,
} from './running-registry.ts'

const CALLBACK = 'http://127.0.0.1:5000/callback'
const SCOPE = 'public:read submission:read'
const RENEWING = [
  ...['--redirect-uri', CALLBACK],
  ...['--grant-type', 'authorization_code refresh_token'],
  ...['--scope', SCOPE],
]
const METHODS: readonly StrictMethod[] = ['client_secret_post', 'client_secret_basic', 'none']

/** `started` returns the running registry. */
export function describeTokenLibrary(
  name: string,
  makeLibrary: MakeTokenLibrary,
  started: () => RunningRegistry,
) {
  describe(`${name}: the life of tokens`, () => {
    let running: RunningRegistry
    let library: TokenLibrary
    let person: Person
    let clients: Record<StrictMethod, RegisteredClient>
    let server: RegisteredClient

    beforeAll(async () => {
      running = started()
      library = makeLibrary(running.registry)
      person = demoUser(running)
      clients = await clientOfEachMethod(running, RENEWING)
      server = await running.newClient('client_secret_basic', ...RENEWING, '--may-introspect')
    })

    async function obtain(client: RegisteredClient) {
      const flow = await library.startCodeFlow(client, CALLBACK, SCOPE)
      return withRefresh(await flow.finish(await person.visit(flow.url)))
    }

    function withRefresh(granted: Granted) {
      const { refreshToken } = granted
      if (!refreshToken) throw new Error('no refresh token was granted')
      return { ...granted, refreshToken }
    }

    /** The authenticator's response to a fresh check, which asks D1. */
    const authStatus = async (accessToken: string) => {
      const url = `${running.authenticator}/auth?fresh`
      const headers = { Authorization: `Bearer ${accessToken}` }
      return (await fetch(url, { headers })).status
    }

    const errorOf = (work: Promise<unknown>) => errorWith(library, work)

    // Authlib does not read metadata.
    if ('discover' in makeLibrary('http://127.0.0.1')) {
      it('the client library reads the metadata', async () => {
        expect(await library.discover?.()).toContain('submission:read')
      })
    }

    it.each(METHODS)(
      'the client library with %s refreshes, and gets the same tokens for a retry until it has used them',
      async (method) => {
        const client = clients[method]
        const first = await obtain(client)
        const second = withRefresh(await library.refresh(client, first.refreshToken))
        expect(second).toMatchObject({ scope: SCOPE, expiresInSeconds: 7200 })
        expect(second.refreshToken).not.toBe(first.refreshToken)
        expect(await authStatus(second.accessToken)).toBe(200)
        const again = withRefresh(await library.refresh(client, first.refreshToken))
        expect([again.accessToken, again.refreshToken]).toEqual([
          second.accessToken,
          second.refreshToken,
        ])
        await library.refresh(client, second.refreshToken)
        expect(await errorOf(library.refresh(client, first.refreshToken))).toBe('invalid_grant')
      },
    )

    it('the client library can refresh with fewer scopes but not with more', async () => {
      const client = clients.client_secret_post
      const { refreshToken } = await obtain(client)
      const narrow = await library.refresh(client, refreshToken, 'public:read')
      expect(narrow.scope).toBe('public:read')
      const wider = library.refresh(client, narrow.refreshToken ?? '', 'submission:create')
      expect(await errorOf(wider)).toBe('invalid_scope')
    })

    it.each(METHODS)('the client library revokes an access token with %s', async (method) => {
      const client = clients[method]
      const { accessToken, refreshToken } = await obtain(client)
      expect(await authStatus(accessToken)).toBe(200)
      await library.revoke(client, accessToken, 'access_token')
      expect(await authStatus(accessToken)).toBe(401)
      await library.revoke(client, accessToken)
      expect(await library.refresh(client, refreshToken)).toMatchObject({ scope: SCOPE })
    })

    it.each(METHODS)(
      'the client library revokes a refresh token and its session with %s',
      async (method) => {
        const client = clients[method]
        const { accessToken, refreshToken } = await obtain(client)
        await library.revoke(client, refreshToken)
        expect(await authStatus(accessToken)).toBe(401)
        expect(await errorOf(library.refresh(client, refreshToken))).toBe('invalid_grant')
      },
    )

    it("the client library cannot revoke another client's token", async () => {
      const { accessToken } = await obtain(clients.client_secret_post)
      const work = library.revoke(clients.client_secret_basic, accessToken)
      expect(await errorOf(work)).toBe('invalid_grant')
      expect(await authStatus(accessToken)).toBe(200)
    })

    it("the client library with the permission introspects another client's tokens until they are revoked", async () => {
      const client = clients.client_secret_post
      const { accessToken, refreshToken } = await obtain(client)
      const active = {
        active: true,
        client_id: client.id,
        username: running.demo.username,
        scope: SCOPE,
        iss: running.registry,
      }
      expect(await library.introspect(server, accessToken)).toMatchObject({
        ...active,
        token_type: 'Bearer',
      })
      expect(await library.introspect(server, refreshToken)).toMatchObject(active)
      await library.revoke(client, refreshToken)
      expect(await library.introspect(server, accessToken)).toEqual({ active: false })
      expect(await library.introspect(server, refreshToken)).toEqual({ active: false })
    })

    it('the client library without the permission introspects its own tokens and no others', async () => {
      const { accessToken } = await obtain(clients.client_secret_post)
      const own = await library.introspect(clients.client_secret_post, accessToken)
      expect(own.active).toBe(true)
      const other = await library.introspect(clients.client_secret_basic, accessToken)
      expect(other).toEqual({ active: false })
    })
  })
}
