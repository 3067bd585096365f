/** The tests that every client library must pass. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  type ClientLibrary,
  type CodeFlow,
  errorWith,
  type Granted,
  type MakeLibrary,
} from './client-library.ts'
import { demoUser, type Person } from './person.ts'
import {
  clientOfEachMethod,
  type RegisteredClient,
  type RunningRegistry,
  type StrictMethod,
} from './running-registry.ts'

const CALLBACK = 'http://127.0.0.1:5000/callback'
const OTHER_PORT = 'http://127.0.0.1:5017/callback'
const REGISTERED = [
  ...['--redirect-uri', CALLBACK],
  ...['--scope', 'public:read submission:read submission:create'],
  ...['--endorsement', 'cs.*'],
]
const CONFIDENTIAL = ['client_secret_post', 'client_secret_basic'] as const

/** `started` returns the running registry. */
export function describeLibrary(
  name: string,
  makeLibrary: MakeLibrary,
  started: () => RunningRegistry,
) {
  describe(name, () => {
    let running: RunningRegistry
    let library: ClientLibrary
    let person: Person
    let clients: Record<StrictMethod, RegisteredClient>

    beforeAll(async () => {
      running = started()
      library = makeLibrary(running.registry)
      person = demoUser(running)
      clients = await clientOfEachMethod(running, REGISTERED)
    })

    /** The claims of the authenticator's JWT for the library's token. */
    async function claimsFor({ accessToken }: Granted) {
      const answer = await library.get(`${running.authenticator}/auth`, accessToken)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('X-Auth-Status')).toBe('authenticated')
      return running.claimsIn(answer.headers.get('Authorization') ?? '')
    }

    const errorOf = (work: Promise<Granted>) => errorWith(library, work)

    const start = (client: RegisteredClient, scope: string, redirectUri = CALLBACK) =>
      library.startCodeFlow(client, redirectUri, scope)

    const changed = (callback: URL, parameter: string, value: string) => {
      const other = new URL(callback)
      other.searchParams.set(parameter, value)
      return other
    }

    const stateOf = ({ url }: CodeFlow) => new URL(url).searchParams.get('state')

    it.each(CONFIDENTIAL)(
      'the client library gets a token for the client itself with %s',
      async (method) => {
        const granted = await library.clientCredentials(clients[method], 'submission:read')
        expect(granted).toMatchObject({ scope: 'submission:read', expiresInSeconds: 7200 })
        const claims = await claimsFor(granted)
        expect(claims).toMatchObject({
          user: null,
          client: { client_id: clients[method].id },
          authorizations: { scopes: ['submission:read'], endorsements: ['cs.*'] },
        })
        expect(JSON.stringify(claims)).not.toContain(granted.accessToken)
      },
    )

    it.each(CONFIDENTIAL)(
      'the client library gets a token for the user with a code and %s',
      async (method) => {
        const flow = await start(clients[method], 'submission:read public:read')
        const callback = await person.visit(flow.url)
        expect(callback.origin + callback.pathname).toBe(CALLBACK)
        expect(callback.searchParams.get('state')).toBe(stateOf(flow))
        expect(callback.searchParams.get('iss')).toBe(running.registry)
        const granted = await flow.finish(callback)
        expect(granted.expiresInSeconds).toBe(7200)
        expect(await claimsFor(granted)).toMatchObject({
          user: { username: running.demo.username },
          client: { client_id: clients[method].id, redirect_uri: CALLBACK },
          authorizations: {
            scopes: expect.arrayContaining(granted.scope.split(' ')),
            endorsements: ['cs.DL'],
          },
        })
        expect(granted.scope.split(' ').sort()).toEqual(['public:read', 'submission:read'])
      },
    )

    it('the client library gets a token for a native application that listens on a free port', async () => {
      const flow = await start(clients.none, 'submission:read', OTHER_PORT)
      const callback = await person.visit(flow.url)
      expect(callback.origin + callback.pathname).toBe(OTHER_PORT)
      const claims = await claimsFor(await flow.finish(callback))
      expect(claims).toMatchObject({ client: { redirect_uri: OTHER_PORT } })
    })

    it('the client library accepts a token with fewer scopes than it requested', async () => {
      const flow = await start(clients.none, 'submission:read submission:create', OTHER_PORT)
      const callback = await person.visit(flow.url, { only: 'submission:read' })
      const granted = await flow.finish(callback)
      expect(granted.scope).toBe('submission:read')
      const { authorizations } = await claimsFor(granted)
      expect(authorizations).toMatchObject({ scopes: ['submission:read'] })
    })

    it('the client library refuses an authorization response with another state or another issuer', async () => {
      const flow = await start(clients.none, 'public:read', OTHER_PORT)
      const callback = await person.visit(flow.url)
      await expect(flow.finish(changed(callback, 'state', 'forged'))).rejects.toThrow()
      await expect(flow.finish(changed(callback, 'iss', 'http://127.0.0.1:1'))).rejects.toThrow()
      expect(await flow.finish(callback)).toMatchObject({ scope: 'public:read' })
    })

    it('the client library reports invalid_scope from both endpoints', async () => {
      const client = clients.client_secret_post
      const work = library.clientCredentials(client, 'upload:read_logs')
      expect(await errorOf(work)).toBe('invalid_scope')
      const flow = await start(client, 'upload:read_logs')
      expect(await errorOf(flow.finish(await person.visit(flow.url)))).toBe('invalid_scope')
    })

    it('the client library reports access_denied when the user cancels', async () => {
      // No other test gets consent to these scopes, so the consent page is shown.
      const flow = await start(clients.client_secret_post, 'submission:create')
      const callback = await person.visit(flow.url, 'cancel')
      expect(callback.searchParams.has('code')).toBe(false)
      expect(callback.searchParams.get('state')).toBe(stateOf(flow))
      expect(await errorOf(flow.finish(callback))).toBe('access_denied')
    })

    it('the client library reports invalid_grant for a code that it has already redeemed', async () => {
      const flow = await start(clients.client_secret_post, 'submission:read')
      const callback = await person.visit(flow.url)
      expect(await flow.finish(callback)).toMatchObject({ scope: 'submission:read' })
      expect(await errorOf(flow.finish(callback))).toBe('invalid_grant')
    })

    it.each(CONFIDENTIAL)(
      'the client library reports invalid_client for a wrong secret with %s',
      async (method) => {
        const stranger = { ...clients[method], secret: 'wrong' }
        const work = library.clientCredentials(stranger, 'submission:read')
        expect(await errorOf(work)).toBe('invalid_client')
      },
    )
  })
}
