/** Third-party client libraries against a running registry: `private_key_jwt` and DPoP, found by discovery. */

import { calculateJwkThumbprint, exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyClient, newKeyClient, newKeyPair } from './key-client.ts'
import { oauth4webapiWithKeys } from './oauth4webapi-keys.ts'
import { openidClientWithKeys } from './openid-client-keys.ts'
import { demoUser, type Person } from './person.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from './recorded-registry.ts'

const CALLBACK = 'http://127.0.0.1:5000/callback'
const REGISTERED = [
  ...['--redirect-uri', CALLBACK, '--scope', 'submission:read'],
  ...['--grant-type', 'authorization_code refresh_token', '--require-dpop'],
]
const LIBRARIES = [
  ['oauth4webapi', oauth4webapiWithKeys],
  ['openid-client', openidClientWithKeys],
] as const

let running: RecordedRegistry
let person: Person
let confidential: KeyClient
let open: KeyClient
beforeAll(async () => {
  running = await startRecordedRegistry()
  person = demoUser(running)
  const grants = ['--grant-type', 'client_credentials']
  confidential = await newKeyClient(running, 'private_key_jwt', ...REGISTERED, ...grants)
  open = await newKeyClient(running, 'none', ...REGISTERED)
})
afterAll(() => running?.end())

describe.each(LIBRARIES)('%s', (_, makeLibrary) => {
  const libraryOf = (client: KeyClient) => makeLibrary(running.registry, client)
  const jktOf = async ({ possession }: KeyClient) =>
    calculateJwkThumbprint(await exportJWK(possession.publicKey))

  /** Checks that the token is accepted from the library with a proof, and refused without one. */
  async function expectUsable(client: KeyClient, accessToken: string) {
    const auth = `${running.authenticator}/auth?scope=submission:read`
    const answer = await libraryOf(client).get(auth, accessToken)
    expect(answer.status).toBe(200)
    const claims = await running.claimsIn(answer.headers.get('Authorization') ?? '')
    expect(claims).toMatchObject({
      client: { client_id: client.id },
      cnf: { jkt: await jktOf(client) },
    })
    const bearer = { Authorization: `Bearer ${accessToken}` }
    expect((await fetch(auth, { headers: bearer })).status).toBe(401)
    const thief = { ...client, possession: await newKeyPair() }
    await expect(libraryOf(thief).get(auth, accessToken)).rejects.toThrow()
  }

  it('the client library with keys gets a token by client_credentials and uses it', async () => {
    const tokens = await libraryOf(confidential).clientCredentials('submission:read')
    expect(tokens).toMatchObject({ tokenType: 'dpop', refreshToken: null })
    await expectUsable(confidential, tokens.accessToken)
  })

  it.each(['private_key_jwt', 'none'])(
    'the client library with keys gets tokens for the user with %s and refreshes them',
    async (method) => {
      const client = method === 'none' ? open : confidential
      const library = libraryOf(client)
      const flow = await library.startCodeFlow(CALLBACK, 'submission:read')
      const first = await flow.finish(await person.visit(flow.url))
      expect(first.tokenType).toBe('dpop')
      await expectUsable(client, first.accessToken)
      const second = await library.refresh(first.refreshToken ?? '')
      expect(second.tokenType).toBe('dpop')
      await expectUsable(client, second.accessToken)
    },
  )

  it('the client library is refused when it redeems a code or refreshes with another DPoP key', async () => {
    const library = libraryOf(open)
    const thief = libraryOf({ ...open, possession: await newKeyPair() })
    const flow = await library.startCodeFlow(CALLBACK, 'submission:read')
    const { refreshToken } = await flow.finish(await person.visit(flow.url))
    await expect(thief.refresh(refreshToken ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    expect((await library.refresh(refreshToken ?? '')).tokenType).toBe('dpop')
  })

  it('the client library is refused when it authenticates with another key', async () => {
    const { privateKey } = await newKeyPair()
    const work = libraryOf({ ...confidential, authentication: privateKey })
    // Both libraries report the challenge, which every 401 has, instead of the body.
    const { response } = await work
      .clientCredentials('submission:read')
      .then(() => expect.fail('it got a token'))
      .catch((fault: { response: Response }) => fault)
    expect(await response.json()).toMatchObject({ error: 'invalid_client' })
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 20, line: 1, row: 40, key: 4, value: 4, file: 15, answer: 20 },
})
