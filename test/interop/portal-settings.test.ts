/** The settings that the portal shows of a client, pasted as they are: by curl, Authlib, openid-client and oauth4webapi. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GrantType } from '../../src/domain/client.ts'
import { snippetsFor } from '../../src/pages/portal/client-settings.ts'
import { demoUser } from '../node/person.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { requireAuthlib } from './authlib.ts'

const PYTHON = process.env.PYTHON_PATH || '/usr/bin/python3'
const CALLBACK = 'http://127.0.0.1:5000/callback'
const SCOPE = 'public:read'
const METHODS = ['client_secret', 'client_secret_basic', 'client_secret_post'] as const

const run = promisify(execFile)
let running: RecordedRegistry
beforeAll(async () => {
  await requireAuthlib()
  running = await startRecordedRegistry()
})
afterAll(() => running.end())

const registered = (method: RegisteredClient['method'], grantType: GrantType) =>
  running.newClient(
    method,
    ...['--scope', SCOPE, '--grant-type', grantType],
    ...(grantType === 'authorization_code' ? ['--redirect-uri', CALLBACK] : []),
  )

/** The code under this title, as the portal shows it. */
function shownFor(client: RegisteredClient, grantType: GrantType, title: string) {
  const found = snippetsFor({
    issuer: running.registry,
    clientId: client.id,
    authMethod: client.method,
    grantTypes: [grantType],
    redirectUris: grantType === 'authorization_code' ? [CALLBACK] : [],
    scopes: [SCOPE],
  }).find((one) => one.title.startsWith(title))
  if (!found) throw new Error(`there are no settings for ${title}`)
  return found.code
}

const environment = ({ secret }: RegisteredClient) => ({ ...process.env, CLIENT_SECRET: secret })

async function nodePrints(code: string, client: RegisteredClient) {
  // Beside this file, so that it finds the libraries.
  const path = join(import.meta.dirname, `.pasted-${client.id}.mjs`)
  await writeFile(path, code)
  try {
    return (await run(process.execPath, [path], { env: environment(client) })).stdout.trim()
  } finally {
    await rm(path)
  }
}

describe.each(METHODS)('a program without users that is registered for %s', (method) => {
  const make = () => registered(method, 'client_credentials')

  it('the command of curl gets a token', async () => {
    const client = await make()
    const command = shownFor(client, 'client_credentials', 'curl')
    const { stdout } = await run('sh', ['-c', command], { env: environment(client) })
    expect(JSON.parse(stdout)).toMatchObject({ scope: SCOPE })
  })

  it('the code for Authlib gets a token', async () => {
    const client = await make()
    const code = shownFor(client, 'client_credentials', 'Authlib')
    const program = `${code}\nprint(token['access_token'])\n`
    const { stdout } = await run(PYTHON, ['-c', program], { env: environment(client) })
    expect(stdout.trim()).toMatch(/^reg_/)
  })

  it('the code for openid-client gets a token', async () => {
    const client = await make()
    const code = shownFor(client, 'client_credentials', 'openid-client')
    expect(await nodePrints(code, client)).toMatch(/^reg_/)
  })

  it('the code for oauth4webapi authenticates the client', async () => {
    const client = await make()
    const code = `${shownFor(client, 'client_credentials', 'oauth4webapi')}
const options = { [oauth.allowInsecureRequests]: true }
const asked = await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope: '${SCOPE}' }, options)
console.log((await oauth.processClientCredentialsResponse(server, client, asked)).access_token)`
    expect(await nodePrints(code, client)).toMatch(/^reg_/)
  })
})

describe.each([...METHODS, 'none'] as const)(
  'an application that is registered for %s',
  (method) => {
    it('the code for Authlib sends a user to the registry and gets a token', async () => {
      const client = await registered(method, 'authorization_code')
      const code = `${shownFor(client, 'authorization_code', 'Authlib')}
print(address, flush=True)
print(tokens_for(input())['access_token'])
`
      const program = spawn(PYTHON, ['-c', code], {
        env: { ...environment(client), AUTHLIB_INSECURE_TRANSPORT: '1' },
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
      const next = async () => String((await lines.next()).value)
      program.stdin.end(`${(await demoUser(running).visit(await next())).href}\n`)
      expect(await next()).toMatch(/^reg_/)
      if (program.exitCode === null) await once(program, 'close')
    })
  },
)

leavesNoSecret(() => running, {
  ...{ secrets: 15, line: 4, row: 15, key: 2, value: 2, file: 10, answer: 15 },
})
