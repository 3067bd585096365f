/** Client libraries of other languages with their own defaults, and a client with the registry's defaults. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demoUser } from '../node/person.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import {
  FOREIGN_PROGRAMS,
  type ForeignProgram,
  requireInstalled,
  runForeign,
  type Tokens,
} from './foreign-program.ts'

const CALLBACK = 'http://127.0.0.1:5000/callback'
const SCOPE = 'public:read submission:read'

let running: RecordedRegistry
let confidential: RegisteredClient
let publicClient: RegisteredClient
beforeAll(async () => {
  running = await startRecordedRegistry()
  const registered = [
    ...['--redirect-uri', CALLBACK, '--scope', SCOPE],
    ...['--grant-type', 'authorization_code', '--grant-type', 'refresh_token'],
  ]
  confidential = await running.newClient('client_secret', ...registered)
  publicClient = await running.newClient('none', ...registered)
})
afterAll(() => running?.end())

/** The `X-Auth-Status` of the authenticator for a token. */
async function statusOf(token: unknown) {
  const answer = await fetch(`${running.authenticator}/auth?required`, {
    headers: { Authorization: `Bearer ${(token as Tokens).access_token}` },
  })
  return answer.headers.get('X-Auth-Status') ?? answer.status
}

const asked = (client: RegisteredClient) => ({ ...client, redirectUri: CALLBACK, scope: SCOPE })
const programs = (which: (program: ForeignProgram) => boolean) =>
  FOREIGN_PROGRAMS.filter(which).map((program) => [program.name, program] as const)

describe.each(programs(() => true))('%s', (_name, program) => {
  beforeAll(() => requireInstalled(program))

  it('the client library with its default authentication method signs a user in and refreshes the token', async () => {
    const { visit } = demoUser(running)
    const said = await runForeign(program, running, asked(confidential), visit)
    expect(said).not.toHaveProperty('ERROR')
    const [first, second] = [said.TOKEN, said.REFRESHED] as [Tokens, Tokens]
    expect([first.scope].flat().join(' ').split(' ').sort()).toEqual(SCOPE.split(' '))
    expect(second.access_token).not.toBe(first.access_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await statusOf(first)).toBe('authenticated')
    expect(await statusOf(second)).toBe(said.REVOKED ? 401 : 'authenticated')
  })

  it('the client library reports access_denied when the user refuses', async () => {
    const { visit } = demoUser(running)
    const stranger = await running.newClient(
      'client_secret',
      '--redirect-uri',
      CALLBACK,
      '--scope',
      SCOPE,
    )
    const said = await runForeign(program, running, asked(stranger), (url) => visit(url, 'cancel'))
    expect(said).not.toHaveProperty('TOKEN')
    expect(JSON.stringify(said.ERROR)).toMatch(/access_denied|user refused/i)
  })
})

describe.each(programs(({ worksWithoutSecret }) => worksWithoutSecret))(
  '%s with a public client',
  (_name, program) => {
    it('the client library signs a user in for a client without a secret', async () => {
      const { visit } = demoUser(running)
      const said = await runForeign(program, running, asked(publicClient), visit)
      expect(said).not.toHaveProperty('ERROR')
      expect(await statusOf(said.TOKEN)).toBe('authenticated')
    })
  },
)

leavesNoSecret(() => running, {
  ...{ secrets: 40, line: 20, row: 40, key: 4, value: 4, file: 15, answer: 40 },
})
