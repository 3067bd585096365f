/** `--remote`: a stand-in of D1's and KV's HTTP APIs in front of real storage records every request. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { inProject, REGISTRY_CONFIG } from '../../src/local/project.ts'
import { databaseOf, readWranglerConfig, sessionsOf } from '../../src/local/wrangler-config.ts'
import { commandLine, type ServedState, servedState } from './command-line.ts'
import { freePorts } from './free-ports.ts'

type Query = { sql: string; params: (string | null)[] }
type Seen = {
  method: string
  url: string
  authorization: string
  body: Partial<Query> & { batch?: Query[] }
}
type Played = { status: number; body: string } | null

const TOKEN = 'cloudflare-token-that-nobody-may-see'
const TROUBLESOME = `O'Hara"; DROP TABLE client; --`

const config = readWranglerConfig(REGISTRY_CONFIG)
/** Cloudflare knows a namespace by its id, the local interface by its binding. */
const byBinding = (url: string) => url.replace(sessionsOf(config), 'SESSIONS')

async function textOf(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

let state: ServedState
let front: Server
let baseUrl = ''
let seen: Seen[] = []
let played: Played = null
/** Only requests to KV fail. */
let isKvDown = false
/** The change is made, and then the response is lost: the connection, or the end of the text. */
let lost: 'connection' | 'text' | 'gateway' | null = null

beforeAll(async () => {
  state = await servedState()
  front = createServer((request, response) => {
    void (async () => {
      const body = await textOf(request)
      const authorization = request.headers.authorization ?? ''
      const { method = '', url = '' } = request
      seen.push({ method, url, authorization, body: JSON.parse(body) })
      if (isKvDown && method === 'PUT') return response.writeHead(503).end()
      if (played) return response.writeHead(played.status).end(played.body)
      const answer = await fetch(`${state.server.url}${byBinding(url)}`, {
        method,
        headers: {
          Authorization: authorization === `Bearer ${TOKEN}` ? `Bearer ${state.server.token}` : '',
        },
        body,
      })
      const text = await answer.text()
      if (lost === 'connection') return response.destroy()
      if (lost === 'gateway') return response.writeHead(504).end('<html>Gateway timeout</html>')
      return response
        .writeHead(answer.status)
        .end(lost === 'text' ? text.slice(0, text.length / 2) : text)
    })()
  }).listen(0, '127.0.0.1')
  await once(front, 'listening')
  baseUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
})
afterAll(async () => {
  front.closeAllConnections()
  await once(front.close(), 'close')
  await state.close()
})
beforeEach(() => {
  seen = []
  played = null
  isKvDown = false
  lost = null
})

const remote = (words: readonly string[], env: Record<string, string> = {}, stdin?: string) =>
  commandLine([...words, '--remote', '--json'], {
    env: {
      CLOUDFLARE_API_BASE_URL: baseUrl,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: 'account-1',
      ...env,
    },
    ...(stdin !== undefined && { stdin }),
  })

const create = ['client', 'create', '--name', TROUBLESOME, '--owner', 'u', '--scope', 'a:b c:d']

describe('requests with --remote', () => {
  it('a command with --remote that writes sends one batch to the database of wrangler.toml', async () => {
    expect((await remote(create)).status).toBe(0)
    const { database_id } = databaseOf(config)
    expect(seen.map(({ url, authorization }) => ({ url, authorization }))).toEqual([
      {
        url: `/accounts/account-1/d1/database/${database_id}/query`,
        authorization: `Bearer ${TOKEN}`,
      },
    ])
    expect(seen[0]?.body.batch?.length).toBeGreaterThan(2)
  })

  it('a command with --remote sends every value as a bound parameter, as text or null, and at most 100', async () => {
    const scopes = Array.from({ length: 300 }, (_, i) => `scope:number-${i}`)
    const { stdout } = await remote([...create, '--scope', scopes.join(' ')])
    const { client_id } = JSON.parse(stdout)
    await remote(['client', 'rotate-secret', client_id, '--overlap-seconds', '60'])
    await remote(['client', 'update', client_id, '--description', TROUBLESOME, '--may-introspect'])
    const queries = seen.flatMap(({ body }) => body.batch ?? [body as Query])
    for (const { sql, params } of queries) {
      expect(sql).not.toMatch(/O'Hara|number-1|\d{10}|[0-9a-f]{64}/)
      expect(params.length).toBeLessThanOrEqual(100)
      for (const param of params) expect(param === null || typeof param === 'string').toBe(true)
    }
    const shown = JSON.parse((await remote(['client', 'show', client_id])).stdout)
    expect(shown).toMatchObject({
      name: TROUBLESOME,
      description: TROUBLESOME,
      may_introspect: true,
    })
    expect(shown.scopes).toHaveLength(302)
    expect(shown.credentials).toHaveLength(2)
  })

  it('every command works with --remote', async () => {
    const { client_id: id } = JSON.parse((await remote(create)).stdout)
    const user = ['--username', 'remote', '--email', 'remote@example.org', '--password-stdin']
    const commands: readonly (readonly string[])[] = [
      ['client', 'list'],
      ['client', 'authorize', id, '--grant-type', 'refresh_token'],
      ['client', 'withdraw', id, '--scope', 'x:y'],
      ['scope', 'create', 'x:y', '--sentence', 'Read'],
      ['scope', 'update', 'x:y', '--sensitive'],
      ['scope', 'list'],
      ['scope', 'show', 'x:y'],
      ['scope', 'import', inProject('examples/arxiv-scopes.json')],
      ['scope', 'delete', 'x:y', '--withdraw'],
      ['category', 'import', inProject('examples/arxiv-scopes.json')],
      ['category', 'list'],
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
    ]
    for (const words of commands) {
      const { status, stderr } = await remote(words, {}, 'a long password\n')
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' })
    }
    const rows = await state.database
      .prepare(`SELECT typeof(created_at) AS created, typeof(require_pkce) AS flag FROM client`)
      .all()
    for (const row of rows.results) expect(row).toEqual({ created: 'integer', flag: 'integer' })
  })

  it('a command with --remote writes a revocation also to KV, in the namespace of wrangler.toml', async () => {
    const { client_id } = JSON.parse((await remote(create)).stdout)
    seen = []
    expect((await remote(['client', 'disable', client_id])).stderr).toBe('')
    const id = sessionsOf(config)
    const [put, ...others] = seen.filter(({ method }) => method === 'PUT')
    expect(others).toEqual([])
    // A disabled client's is kept 125 s longer than a session lives; of which one may have passed.
    const lifetime = /[?]expiration_ttl=732[45]$/
    expect(put?.url).toMatch(lifetime)
    expect(put).toMatchObject({
      url: expect.stringContaining(
        `/accounts/account-1/storage/kv/namespaces/${id}/values/revocations`,
      ),
      authorization: `Bearer ${TOKEN}`,
      body: { client_record: { [client_id]: expect.any(Number) } },
    })
  })

  it('revoking a token with --remote sends only its digest, with a lifetime', async () => {
    const token = mintToken('accessToken')
    const { stdout } = await remote(['session', 'revoke', '--token-stdin'], {}, `${token}\n`)
    expect(JSON.parse(stdout)).toEqual({ revoked: true, effective_within_seconds: 60 })
    const put = seen.find(({ method }) => method === 'PUT')
    expect(put?.url).toContain(`/values/${await digest(token)}?expiration_ttl=7200`)
    expect(put?.body).toEqual({ revoked: true })
    expect(JSON.stringify(seen)).not.toContain(token)
  })

  it('a revocation with --remote that KV fails to store is in D1: a note gives the later bound, and the status is 0', async () => {
    const { client_id } = JSON.parse((await remote(create)).stdout)
    isKvDown = true
    const note =
      'note: D1 has the revocation, but KV could not be written; cron does it within 60 s more'
    const revoked = await remote(['session', 'revoke', '--client', client_id])
    expect(JSON.parse(revoked.stdout)).toEqual({ revoked: true, effective_within_seconds: 130 })
    expect([revoked.status, revoked.stderr]).toEqual([
      0,
      `${note} (KV answered 503: no reason given)\n`,
    ])
    const disabled = await remote(['client', 'disable', client_id])
    expect([disabled.status, disabled.stderr]).toEqual([0, revoked.stderr])
    const token = ['session', 'revoke', '--token', mintToken('accessToken')]
    const ended = await remote(token)
    expect(JSON.parse(ended.stdout)).toEqual({ revoked: true, effective_within_seconds: 120 })
    expect([ended.status, ended.stderr]).toEqual([0, `${note}\n`])
  })

  it('creating a second user of the same name with --remote is refused and writes nothing', async () => {
    const words = ['user', 'create', '--username', 'twin', '--email', 'twin@example.org']
    const withPassword = [...words, '--password', 'a long password']
    await remote(withPassword)
    const before = await state.dump()
    const { status, stderr } = await remote([...withPassword, '--scope', 'a:b'])
    expect([status, stderr]).toEqual([1, 'error: username "twin" is taken\n'])
    expect(await state.dump()).toEqual(before)
  })
})

describe('lost responses', () => {
  it.each(['connection', 'text', 'gateway'] as const)(
    'a response that is lost (%s) after a change is reported with the command that shows the state',
    async (part) => {
      const before = await remote(['audit', '--event', 'client.create'])
      lost = part
      const { status, stdout, stderr } = await remote(create)
      expect([status, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(
        /^error: the answer of the database at http:\/\/127\.0\.0\.1:\d+ was lost \([^)\n]+\): the change may have been made\. [^\n]+\n$/,
      )
      lost = null
      const [, command = ''] = /npm run --silent admin -- (.*)\n$/.exec(stderr) ?? []
      expect(command).toBe('audit --since 15m --remote')
      const words = command.split(' ').filter((word) => word !== '--remote')
      const entries = JSON.parse((await remote([...words, '--event', 'client.create'])).stdout)
      // The stand-in has committed the change, and the named command shows it.
      expect(entries).toHaveLength(JSON.parse(before.stdout).length + 1)
    },
  )

  it('a lost response to a query is not reported as a possible change', async () => {
    lost = 'connection'
    const { status, stderr } = await remote(['client', 'list'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^error: cannot reach the database at [^\n]+\n$/)
    lost = 'text'
    expect((await remote(['client', 'list'])).stderr).toBe(
      'error: the database answered 200: no reason given\n',
    )
  })

  it('a command that could not connect is not reported as a possible change', async () => {
    const [free = 0] = await freePorts(1)
    for (const host of ['127.0.0.1:9', `127.0.0.1:${free}`, 'nowhere.invalid']) {
      const nowhere = { CLOUDFLARE_API_BASE_URL: `http://${host}` }
      const { stderr } = await remote(create, nowhere)
      expect(stderr).toMatch(/^error: cannot reach the database at http:\/\/[\w.:]+: [^\n]+\n$/)
    }
  })
})

describe('errors with --remote', () => {
  const failures: readonly [string, Played, Record<string, string>, string][] = [
    [
      'no token',
      null,
      { CLOUDFLARE_API_TOKEN: '' },
      '--remote needs CLOUDFLARE_API_TOKEN in the environment',
    ],
    [
      'no account',
      null,
      { CLOUDFLARE_ACCOUNT_ID: '' },
      '--remote needs CLOUDFLARE_ACCOUNT_ID in the environment',
    ],
    [
      'no such address',
      null,
      { CLOUDFLARE_API_BASE_URL: 'nowhere' },
      'CLOUDFLARE_API_BASE_URL: must be an http or https URL',
    ],
    [
      'a token that is refused',
      null,
      { CLOUDFLARE_API_TOKEN: 'another-token' },
      'the database answered 401: Authentication error',
    ],
    [
      'a missing table',
      {
        status: 400,
        body: '{"success":false,"errors":[{"code":7500,"message":"no such table: client: SQLITE_ERROR"}],"result":[]}',
      },
      {},
      'the database answered 400: no such table: client: SQLITE_ERROR (apply the migrations first)',
    ],
    [
      'a gateway that speaks HTML',
      { status: 502, body: '<html>\nBad gateway</html>' },
      {},
      'the database answered 502: no reason given',
    ],
    [
      'a refusal dressed as 200',
      { status: 200, body: '{"success":false,"errors":[{"message":"two\\nlines"}],"result":[]}' },
      {},
      'the database answered 200: two lines',
    ],
  ]
  it.each(failures)(
    'an error with --remote is one line without the token: %s',
    async (_name, answer, env, line) => {
      played = answer
      const { status, stdout, stderr } = await remote(['client', 'list'], env)
      expect({ status, stdout, stderr }).toEqual({
        status: 1,
        stdout: '',
        stderr: `error: ${line}\n`,
      })
    },
  )

  it('an address on which no server listens is reported in one line', async () => {
    const url = 'http://127.0.0.1:9'
    const { status, stderr } = await remote(['client', 'list'], { CLOUDFLARE_API_BASE_URL: url })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^error: cannot reach the database at http:\/\/127\.0\.0\.1:9: [^\n]+\n$/,
    )
    expect(stderr).not.toContain(TOKEN)
  })
})
