/** The tests for libraries that send `prompt`, `offline_access`, `resource`, and requests for further scopes. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CodeFlow,
  errorWith,
  type MakeTokenLibrary,
  type TokenLibrary,
} from './client-library.ts'
import { demoUser, type Person } from './person.ts'
import type { RegisteredClient, RunningRegistry } from './running-registry.ts'

const CALLBACK = 'http://127.0.0.1:5000/callback'
const LESS = 'public:read'
const MORE = 'public:read submission:read'
const REGISTERED = [
  ...['--redirect-uri', CALLBACK, '--scope', MORE],
  ...['--grant-type', 'authorization_code refresh_token'],
]

/** `started` returns the running registry. */
export function describePromptingLibrary(
  name: string,
  makeLibrary: MakeTokenLibrary,
  started: () => RunningRegistry,
) {
  describe(`${name}: requests that say how to involve the user`, () => {
    let running: RunningRegistry
    let library: TokenLibrary
    let person: Person
    let client: RegisteredClient
    beforeAll(async () => {
      running = started()
      library = makeLibrary(running.registry)
      person = demoUser(running)
      client = await running.newClient('client_secret_basic', ...REGISTERED)
    })

    const start = (scope: string, more: Readonly<Record<string, string>> = {}) =>
      library.startCodeFlow(client, CALLBACK, scope, more)
    const finish = async (flow: CodeFlow, who = person) => flow.finish(await who.visit(flow.url))
    const errorOf = (work: Promise<unknown>) => errorWith(library, work)

    it('the client library with prompt=none reports login_required, then consent_required, and gets a token after sign-in and consent', async () => {
      const silent = { prompt: 'none' }
      const nobody = demoUser(running)
      expect(await errorOf(finish(await start(LESS, silent), nobody))).toBe('login_required')
      await person.signIn()
      expect(await errorOf(finish(await start(LESS, silent)))).toBe('consent_required')
      expect(await finish(await start(LESS))).toMatchObject({ scope: LESS })
      expect(await finish(await start(LESS, silent))).toMatchObject({ scope: LESS })
    })

    it('the client library requests a further scope, the consent page asks only for the new scope, and the token has both', async () => {
      expect(await errorOf(finish(await start(MORE, { prompt: 'none' })))).toBe('consent_required')
      const flow = await start(MORE)
      const Cookie = await person.signIn()
      const page = await (await fetch(flow.url, { headers: { Cookie } })).text()
      const boxes = [...page.matchAll(/name="grant" value="([^"]*)"/g)].map(([, scope]) => scope)
      expect(boxes).toEqual(['submission:read'])
      expect(await finish(flow)).toMatchObject({ scope: MORE })
    })

    it('the client library gets a refresh token for offline_access, and tokens without that scope', async () => {
      const granted = await finish(await start(`${LESS} offline_access`, { prompt: 'consent' }))
      expect(granted).toMatchObject({ scope: LESS, refreshToken: expect.any(String) })
      const renewed = await library.refresh(client, granted.refreshToken ?? '')
      expect(renewed).toMatchObject({ scope: LESS, refreshToken: expect.any(String) })
    })

    it('the client library gets a token only for the resource that it names (RFC 8707), even after a refresh', async () => {
      const resource = `https://${name}.example/api`
      await running.newResource(resource, LESS)
      const statusAt = async (audience: string, accessToken: string) => {
        const url = `${running.authenticator}/auth?audience=${encodeURIComponent(audience)}`
        const headers = { Authorization: `Bearer ${accessToken}` }
        return (await fetch(url, { headers })).status
      }
      const granted = await finish(await start(MORE, { prompt: 'consent', resource }))
      const renewed = await library.refresh(client, granted.refreshToken ?? '')
      for (const { accessToken, scope, expiresInSeconds } of [granted, renewed]) {
        expect(scope).toBe(LESS)
        expect(expiresInSeconds).toBe(900)
        expect(await statusAt(resource, accessToken)).toBe(200)
        expect(await statusAt('https://other.example', accessToken)).toBe(401)
        expect(await library.introspect(client, accessToken)).toMatchObject({ aud: [resource] })
      }
    })

    it.each([{ prompt: 'login' }, { max_age: '0' }])(
      'the client library with %o makes a signed-in user sign in again',
      async (demand) => {
        const Cookie = await person.signIn()
        const flow = await start(LESS, demand)
        const away = await fetch(flow.url, { headers: { Cookie }, redirect: 'manual' })
        expect(away.headers.get('Location')).toMatch(/^\/login\?/)
        expect(await finish(flow)).toMatchObject({ scope: LESS })
      },
    )
  })
}
