/** The pasted settings of a client from the portal work with curl, Authlib, openid-client, oauth4webapi and both MCP clients. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GrantType } from '../../src/domain/client.ts'
import { type ConfiguredClient, snippetsFor } from '../../src/pages/portal/client-settings.ts'
import { demoUser } from '../node/person.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { requireAuthlib } from './authlib.ts'
import { npm, requireInstalled, runForeign, type Tokens } from './foreign-program.ts'

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

const registered = (method: RegisteredClient['method'], grantType: GrantType, ...more: string[]) =>
  running.newClient(
    method,
    ...['--scope', SCOPE, '--grant-type', grantType],
    ...(grantType === 'authorization_code' ? ['--redirect-uri', CALLBACK] : []),
    ...more,
  )

/** The code under this title, as the portal shows it. */
function shownFor(
  client: RegisteredClient,
  grantType: GrantType,
  title: string,
  signing: Partial<Pick<ConfiguredClient, 'authMethod' | 'keyAlgorithm'>> = {},
) {
  const found = snippetsFor({
    issuer: running.registry,
    clientId: client.id,
    authMethod: client.method,
    grantTypes: [grantType],
    redirectUris: grantType === 'authorization_code' ? [CALLBACK] : [],
    scopes: [SCOPE],
    keyAlgorithm: null,
    ...signing,
  }).find((one) => one.title.startsWith(title))
  if (!found) throw new Error(`there are no settings for ${title}`)
  return found.code
}

const environment = ({ secret }: RegisteredClient) => ({ ...process.env, CLIENT_SECRET: secret })

async function nodePrints(code: string, client: RegisteredClient, key = '') {
  // In this folder, so that the code finds the libraries.
  const path = join(import.meta.dirname, `.pasted-${client.id}.mjs`)
  await writeFile(path, code)
  try {
    const env = { ...environment(client), CLIENT_KEY: key }
    return (await run(process.execPath, [path], { env })).stdout.trim()
  } finally {
    await rm(path)
  }
}

/** What a developer adds to the settings for oauth4webapi. */
const ASK_BY_OAUTH4WEBAPI = `
const options = { [oauth.allowInsecureRequests]: true }
const asked = await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope: '${SCOPE}' }, options)
console.log((await oauth.processClientCredentialsResponse(server, client, asked)).access_token)`

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
    const code = `${shownFor(client, 'client_credentials', 'oauth4webapi')}${ASK_BY_OAUTH4WEBAPI}`
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

const ALGORITHMS = [
  ['ES256', {}],
  ['EdDSA', { crv: 'Ed25519' }],
  ['RS256', {}],
  ['PS256', {}],
] as const

describe.each(ALGORITHMS)('a program that signs with a key for %s', (algorithm, options) => {
  async function make(grantType: GrantType = 'client_credentials') {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, {
      ...options,
      extractable: true,
    })
    const jwk = { ...(await exportJWK(publicKey)), alg: algorithm }
    const jwks = ['--jwks', JSON.stringify({ keys: [jwk] })]
    // The last `--auth-method` is used.
    const more = ['--auth-method', 'private_key_jwt', ...jwks]
    const client = await registered('none', grantType, ...more)
    return { client, key: JSON.stringify(await exportJWK(privateKey)) }
  }
  const shown = (client: RegisteredClient, title: string) =>
    shownFor(client, 'client_credentials', title, {
      authMethod: 'private_key_jwt',
      keyAlgorithm: algorithm,
    })

  it('the code for openid-client gets a token', async () => {
    const { client, key } = await make()
    expect(await nodePrints(shown(client, 'openid-client'), client, key)).toMatch(/^reg_/)
  })

  it('the code for oauth4webapi authenticates the client', async () => {
    const { client, key } = await make()
    const code = `${shown(client, 'oauth4webapi')}${ASK_BY_OAUTH4WEBAPI}`
    expect(await nodePrints(code, client, key)).toMatch(/^reg_/)
  })

  it('the code for Authlib gets a token', async () => {
    const { client, key } = await make()
    const program = `${shown(client, 'Authlib')}\nprint(token['access_token'])\n`
    const env = { ...process.env, CLIENT_KEY: key }
    const { stdout } = await run(PYTHON, ['-c', program], { env })
    expect(stdout.trim()).toMatch(/^reg_/)
  })
})

const MCP_CLIENTS = [
  ['the MCP SDK, version 1', '@modelcontextprotocol/sdk/client/auth.js'],
  ['the MCP client, version 2', '@modelcontextprotocol/client'],
] as const

describe.each(MCP_CLIENTS)('%s with the settings that the portal shows', (name, module) => {
  it.each([...METHODS, 'none'] as const)(
    'the MCP client gets and refreshes a token for a user, for a client that is registered for %s',
    async (method) => {
      const client = await registered(
        method,
        'authorization_code',
        ...['--grant-type', 'refresh_token'],
      )
      const file = `.pasted-${client.id}.mjs`
      const path = join(import.meta.dirname, 'programs', file)
      const library = module.split('/').slice(0, 2).join('/')
      const program = npm(name, file, library)
      requireInstalled(program)
      await writeFile(
        path,
        `${shownFor(client, 'authorization_code', 'MCP client')}
import { auth } from '${module}'
import { runMcpClient } from './mcp-client.mjs'
await runMcpClient(auth, provider)
`,
      )
      try {
        const described = { ...client, redirectUri: CALLBACK, scope: SCOPE }
        const said = await runForeign(program, running, described, demoUser(running).visit)
        expect(said).not.toHaveProperty('ERROR')
        const [first, refreshed] = [said.TOKEN, said.REFRESHED] as Tokens[]
        expect([first?.scope, refreshed?.scope]).toEqual([SCOPE, SCOPE])
        expect(refreshed?.access_token).not.toBe(first?.access_token)
      } finally {
        await rm(path)
      }
    },
  )
})

leavesNoSecret(() => running, {
  ...{ secrets: 15, line: 4, row: 15, key: 2, value: 2, file: 10, answer: 15 },
})
