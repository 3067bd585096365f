/** `--remote`: the command line with a remote registry and the credential of a machine. */

import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { commandLine, type ServedState, servedState, temporaryDirectory } from './command-line.ts'
import { freePorts } from './free-ports.ts'
import { type Lost, type Played, type RegistryFront, registryFront } from './registry-front.ts'

const TROUBLESOME = `O'Hara"; DROP TABLE client; --`

let state: ServedState
let front: RegistryFront
let home = ''
let machine: Record<string, string> = {}

const newMachine = async (...words: string[]) => {
  const create = ['client', 'create', '--name', 'Machine', '--owner', 'ops', ...words]
  const made = await state.json<{ client_id: string; client_secret: string }>(create)
  return { REGISTRY_CLIENT_ID: made.client_id, REGISTRY_CLIENT_SECRET: made.client_secret }
}

beforeAll(async () => {
  state = await servedState()
  front = await registryFront(() => state.registryUrl)
  home = await temporaryDirectory()
  machine = await newMachine('--scope', 'registry:admin')
})
afterAll(async () => {
  await front.close()
  await state.close()
  await rm(home, { recursive: true, force: true })
})
beforeEach(() => {
  front.box.seen = []
  front.box.spoil = () => null
})

const remote = (words: readonly string[], env: Record<string, string> = {}, stdin?: string) =>
  commandLine([...words, '--remote', '--json'], {
    env: { ISSUER: front.url, XDG_CONFIG_HOME: home, ...machine, ...env },
    ...(stdin !== undefined && { stdin }),
  })
const calls = () => front.box.seen.filter(({ url }) => url !== '/token')
const purchases = () => front.box.seen.length - calls().length

const create = ['client', 'create', '--name', TROUBLESOME, '--owner', 'u', '--scope', 'a:b c:d']

describe('requests with --remote', () => {
  it('every command with --remote sends one request to the API with a bearer token', async () => {
    const { client_id: id } = JSON.parse((await remote(create)).stdout)
    const user = ['--username', 'remote', '--email', 'remote@example.org', '--password-stdin']
    await state.json(['scope', 'create', 'a:b', '--sentence', 'A'])
    await state.json(['scope', 'create', 'x:y', '--sentence', 'X'])
    const commands: readonly (readonly string[])[] = [
      ['client', 'list'],
      ['client', 'authorize', id, '--scope', 'x:y'],
      ['client', 'withdraw', id, '--scope', 'x:y'],
      ['client', 'update', id, '--description', TROUBLESOME, '--may-introspect'],
      ['client', 'rotate-secret', id],
      ['client', 'disable', id],
      ['client', 'enable', id],
      ['client', 'delete', id],
      ['user', 'create', ...user],
      ['user', 'list'],
      ['user', 'show', 'remote'],
      ['user', 'disable', 'remote'],
      ['user', 'enable', 'remote'],
      ['user', 'set-password', 'remote', '--password-stdin'],
      ['user', 'authorize', 'remote', '--scope', 'a:b', '--endorsement', 'cs.*'],
      ['user', 'update', 'remote', '--username', 'renamed', '--email', 'r@example.org'],
      ['user', 'withdraw', 'renamed', '--scope', 'a:b'],
      ['user', 'delete', 'renamed'],
      ['session', 'revoke', '--token', mintToken('accessToken')],
      ['scope', 'create', 'new:scope', '--sentence', 'New'],
      ['scope', 'list'],
      ['scope', 'update', 'new:scope', '--sensitive'],
      ['scope', 'delete', 'new:scope'],
      ['category', 'list'],
      ['audit', '--limit', '3'],
    ]
    for (const words of commands) {
      front.box.seen = []
      const { status, stderr } = await remote(words, {}, 'a long password\n')
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' })
      expect(front.box.seen.length).toBe(1)
      expect(front.box.seen[0]?.headers.authorization).toMatch(/^Bearer reg_/)
    }
  })

  it('an id with any characters arrives unchanged in the path of a request', async () => {
    for (const id of ['a/b', 'a?b#c', '%2e', 'ü', "x' OR '1'='1", 'a b']) {
      const { stderr } = await remote(['client', 'show', id])
      expect(stderr).toBe(`error: there is no client ${JSON.stringify(id)}\n`)
    }
    for (const dots of ['.', '..']) {
      const { status, stderr } = await remote(['user', 'show', dots])
      expect([status, stderr]).toEqual([
        1,
        `error: "${dots}" cannot be an id here: give the id of the record\n`,
      ])
    }
  })

  it('the audit row of a command with --remote names the client of the machine', async () => {
    const { client_id: id } = JSON.parse((await remote(create)).stdout)
    const [entry] = JSON.parse((await remote(['audit', '--client', id])).stdout)
    expect(entry).toMatchObject({ actor: `client:${machine.REGISTRY_CLIENT_ID}` })
  })

  it('a command with --remote is refused with the name of the scope that the machine lacks, and changes nothing', async () => {
    const reader = await newMachine('--scope', 'registry:read')
    expect((await remote(['client', 'list'], reader)).status).toBe(0)
    const before = await state.dump()
    const { status, stderr } = await remote(create, reader)
    expect([status, stderr]).toEqual([
      1,
      'error: The operation needs the scope registry:clients or registry:admin.\n',
    ])
    expect(await state.dump()).toEqual(before)
  })
})

describe('tokens of a machine', () => {
  it('a command with --remote caches its token in a file that only its owner can read, and requests a new one if it is refused', async () => {
    const env = await newMachine('--scope', 'registry:admin')
    await remote(['client', 'list'], env)
    await remote(['client', 'list'], env)
    expect(purchases()).toBe(1)
    const file = join(
      home,
      'edge-registry',
      `${new URL(front.url).host.replace(':', '_')}.token.json`,
    )
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    const { access_token } = JSON.parse(await readFile(file, 'utf8'))
    await state.json(['session', 'revoke', '--token', access_token])
    expect((await remote(['client', 'list'], env)).status).toBe(0)
    expect(purchases()).toBe(2)
    // Another machine does not use this token.
    await remote(['client', 'list'])
    expect(purchases()).toBe(3)
  })

  it('a damaged token file is replaced', async () => {
    const file = join(
      home,
      'edge-registry',
      `${new URL(front.url).host.replace(':', '_')}.token.json`,
    )
    for (const text of ['', '{', '{"client_id":1}', 'null']) {
      await writeFile(file, text)
      expect((await remote(['client', 'list'])).status).toBe(0)
    }
    expect(purchases()).toBe(4)
  })

  it.each(['ES256', 'EdDSA', 'RS256'])(
    'a machine with a private key (%s) needs no secret',
    async (algorithm) => {
      const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
      const file = join(home, 'key.json')
      await writeFile(file, JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'k' }))
      const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] })
      const { client_id } = await state.json<{ client_id: string }>([
        ...['client', 'create', '--name', 'Key', '--owner', 'ops', '--scope', 'registry:admin'],
        ...['--auth-method', 'private_key_jwt', '--jwks', jwks],
      ])
      // The registry's own issuer, because it is the audience of the assertion.
      const env = {
        ...{ ISSUER: state.registryUrl, REGISTRY_CLIENT_SECRET: '' },
        ...{ REGISTRY_CLIENT_ID: client_id, REGISTRY_PRIVATE_KEY_FILE: file },
      }
      const { status, stderr } = await remote(['client', 'list'], env)
      expect([status, stderr]).toEqual([0, ''])
    },
  )

  it('the operator file that npm run deploy writes is a valid credential', async () => {
    const file = join(home, 'operator.json')
    const { REGISTRY_CLIENT_ID: client_id, REGISTRY_CLIENT_SECRET: client_secret } = machine
    await writeFile(file, JSON.stringify({ client_id, client_secret }))
    const env = { REGISTRY_CLIENT_ID: '', REGISTRY_CLIENT_SECRET: '', CREDENTIALS_FILE: file }
    expect((await remote(['client', 'list'], env)).status).toBe(0)
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'no credential',
      { REGISTRY_CLIENT_ID: '', REGISTRY_CLIENT_SECRET: '' },
      '--remote needs a sign-in (npm run admin -- login --remote), or REGISTRY_CLIENT_ID with REGISTRY_CLIENT_SECRET or REGISTRY_PRIVATE_KEY_FILE',
    ],
    ['no id', { REGISTRY_CLIENT_ID: '' }, 'REGISTRY_CLIENT_SECRET needs REGISTRY_CLIENT_ID'],
    [
      'two proofs',
      { REGISTRY_PRIVATE_KEY_FILE: 'k' },
      'give either REGISTRY_CLIENT_SECRET or REGISTRY_PRIVATE_KEY_FILE',
    ],
    [
      'no such key',
      { REGISTRY_CLIENT_SECRET: '', REGISTRY_PRIVATE_KEY_FILE: '/no/such' },
      'REGISTRY_PRIVATE_KEY_FILE: "/no/such" cannot be read (ENOENT)',
    ],
    [
      'a file that is not a key',
      { REGISTRY_CLIENT_SECRET: '', REGISTRY_PRIVATE_KEY_FILE: 'package.json' },
      'REGISTRY_PRIVATE_KEY_FILE: "package.json" is not a private key: it needs a JWK (RFC 7517) of EC, OKP or RSA',
    ],
    [
      'an issuer at a loopback address in wrangler.toml',
      { ISSUER: '' },
      '--remote needs ISSUER: the origin of the deployed registry',
    ],
    [
      'plain http to another host',
      { ISSUER: 'http://auth.example.org' },
      'ISSUER: must be an https origin, or http on a loopback address',
    ],
    [
      'a path',
      { ISSUER: 'https://auth.example.org/x' },
      'ISSUER: must be an https origin, or http on a loopback address',
    ],
  ])('a command with --remote and %s is refused, and nothing is sent', async (_, env, line) => {
    const file = join(
      home,
      'edge-registry',
      `${new URL(front.url).host.replace(':', '_')}.token.json`,
    )
    await rm(file, { force: true })
    const { status, stdout, stderr } = await remote(['client', 'list'], env)
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: `error: ${line}\n`,
    })
    expect(front.box.seen).toEqual([])
  })

  it('the error for a secret that the registry refuses does not contain the secret', async () => {
    const wrong = mintToken('clientSecret')
    const env = { REGISTRY_CLIENT_ID: 'another', REGISTRY_CLIENT_SECRET: wrong }
    const { status, stdout, stderr } = await remote(['client', 'list'], env)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: the registry at \S+ issued no token \(401\): [^\n]+\n$/)
    expect(stderr).not.toContain(wrong.slice(5, 20))
  })
})

describe('lost responses', () => {
  const LINE =
    /^error: the answer of the registry at http:\/\/127\.0\.0\.1:\d+ was lost \([^)\n]+\): the change may have been made\. [^\n]+\n$/

  it.each<Lost>(['connection', 'text', 'gateway'])(
    'a lost response (%s) to a change is reported with the command that shows whether it was made, and the change is not repeated',
    async (part) => {
      const before = await remote(['audit', '--event', 'client.create'])
      front.box.spoil = () => part
      front.box.seen = []
      const { status, stdout, stderr } = await remote(create)
      expect([status, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(LINE)
      expect(calls()).toHaveLength(1)
      front.box.spoil = () => null
      const [, command = ''] = /npm run --silent admin -- (.*)\n$/.exec(stderr) ?? []
      expect(command).toBe('audit --since 15m --remote')
      const words = command.split(' ').filter((word) => word !== '--remote')
      const entries = JSON.parse((await remote([...words, '--event', 'client.create'])).stdout)
      // The registry has made the change, and the printed command shows it.
      expect(entries).toHaveLength(JSON.parse(before.stdout).length + 1)
    },
  )

  it.each<Lost>(['connection', 'text', 'gateway'])(
    'a list whose response is lost once (%s) is requested again',
    async (part) => {
      front.box.spoil = () => (calls().length === 1 ? part : null)
      const { status, stderr } = await remote(['client', 'list'])
      expect([status, stderr]).toEqual([0, ''])
      expect(calls()).toHaveLength(2)
    },
  )

  it('a list whose response is lost twice is not reported as a possible change', async () => {
    front.box.spoil = () => 'connection'
    const { status, stderr } = await remote(['client', 'list'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^error: cannot reach the registry at [^\n]+\n$/)
    front.box.spoil = () => 'text'
    expect((await remote(['client', 'list'])).stderr).toMatch(
      /^error: \S+ answered 200, not as the management API\n$/,
    )
  })

  it('a command that could not connect is not reported as a possible change', async () => {
    const [free = 0] = await freePorts(1)
    for (const host of [
      'http://127.0.0.1:9',
      `http://127.0.0.1:${free}`,
      'https://nowhere.invalid',
    ]) {
      const { stderr } = await remote(create, { ISSUER: host })
      expect(stderr).toMatch(/^error: cannot reach the registry at https?:\/\/[\w.:]+: [^\n]+\n$/)
    }
  })
})

describe('errors with --remote', () => {
  const problem = (status: number, detail: string, more: object = {}): Played => ({
    status,
    type: 'application/problem+json',
    body: JSON.stringify({ type: 'x', title: 'T', status, detail, ...more }),
  })
  it.each<[string, Played, string]>([
    [
      'a registry without management',
      { status: 404, type: 'application/json', body: '{"error":"not_found"}' },
      'answered 404, not as the management API: the management worker is not deployed there',
    ],
    [
      'a page',
      { status: 200, body: '<html>\nHello</html>' },
      'answered 200, not as the management API',
    ],
    [
      'a gateway that answers HTML',
      { status: 502, body: '<html>\nBad gateway</html>' },
      'answered 502, not as the management API',
    ],
    [
      'a fault',
      problem(503, 'Try again shortly.'),
      'the registry answered 503: Try again shortly.',
    ],
    ['a rate limit', problem(429, 'Too many.'), 'the registry answered 429: Too many.'],
    ['two lines', problem(400, 'two\nlines'), 'two lines'],
  ])('an error with --remote is one line: %s', async (_name, played, line) => {
    await remote(['client', 'list'])
    front.box.spoil = () => played
    const { status, stdout, stderr } = await remote(['client', 'list'])
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: [^\n]+\n$/)
    expect(stderr).toContain(`${line}\n`)
  })

  it('an error of the API about a member names the option instead, but not within quoted values', async () => {
    await remote(['client', 'list'])
    front.box.spoil = () =>
      problem(400, 'withdraw is for "withdraw \\" withdraw"', { field: 'withdraw' })
    expect((await remote(['client', 'list'])).stderr).toBe(
      'error: --withdraw is for "withdraw \\" withdraw"\n',
    )
  })
})
