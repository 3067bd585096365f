/** Real Apache with examples/apache.conf: mod_auth_openidc introspects each token. */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

const APACHE = '/usr/sbin/apache2'
const MODULE = '/usr/lib/apache2/modules/mod_auth_openidc.so'

let folder: string
let front: string
let product: RecordedRegistry
let apache: Program
let upstream: Server
let tls: Server
const reached: IncomingHttpHeaders[] = []

async function tokenFor(scope: string): Promise<string> {
  const { clientId, clientSecret } = product.demo
  const answer = await fetch(`${product.registry}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'client_credentials', scope },
      ...{ client_id: clientId, client_secret: clientSecret },
    }),
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

const get = (path: string, token?: string) =>
  fetch(front + path, { headers: token ? { Authorization: `Bearer ${token}` } : {} })

/** The registry over https, as a deployment has it: the module refuses an http introspection endpoint. */
async function startTls(port: number): Promise<Server> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const words = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=127.0.0.1',
  ]
  execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const pair = { key: readFileSync(key), cert: readFileSync(certificate) }
  const { hostname, port: registryPort } = new URL(product.registry)
  const server = createTlsServer(pair, (request, response) => {
    const { method, url: path, headers } = request
    const asked = { hostname, port: registryPort, method, path, headers }
    request.pipe(
      httpRequest(asked, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }),
    )
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

beforeAll(async () => {
  for (const file of [APACHE, MODULE]) {
    if (!existsSync(file))
      throw new Error(`${file}: apt-get install apache2-bin libapache2-mod-auth-openidc`)
  }
  folder = await mkdtemp(join(tmpdir(), 'registry-apache-'))
  product = await startRecordedRegistry()
  const [upstreamPort, listenPort, tlsPort] = (await freePorts(3)) as [number, number, number]
  front = `http://127.0.0.1:${listenPort}`
  upstream = createServer((request, response) => {
    reached.push(request.headers)
    response.end('the service')
  }).listen(upstreamPort, '127.0.0.1')
  await once(upstream, 'listening')
  tls = await startTls(tlsPort)
  const api = await product.newClient('client_secret', '--may-introspect')
  const example = await readFile(inProject('examples/apache.conf'), 'utf8')
  await writeFile(
    join(folder, 'apache.conf'),
    // The test's certificate is signed by no authority.
    `${example}\nOIDCOAuthSSLValidateServer Off\n`
      .replaceAll('__LISTEN_PORT__', String(listenPort))
      .replaceAll('__REGISTRY__', `https://127.0.0.1:${tlsPort}`)
      .replaceAll('__UPSTREAM_PORT__', String(upstreamPort))
      .replaceAll('__CLIENT_ID__', api.id)
      .replaceAll('__CLIENT_SECRET__', api.secret),
  )
  apache = startProgram(APACHE, [
    ...['-d', folder, '-f', join(folder, 'apache.conf'), '-D', 'FOREGROUND', '-e', 'info'],
  ])
  await apache.untilPrints('resuming normal operations')
})
afterAll(async () => {
  await apache?.end()
  upstream?.close()
  tls?.close()
  await product?.end()
  if (folder) await rm(folder, { recursive: true })
})
beforeEach(() => {
  reached.length = 0
})

describe('Apache with mod_auth_openidc', () => {
  it('mod_auth_openidc lets a good token through and tells the service whose it is', async () => {
    expect((await get('/', await tokenFor('public:read'))).status).toBe(200)
    expect(reached).toHaveLength(1)
    expect(reached[0]).toMatchObject({ oidc_claim_client_id: product.demo.clientId })
  })

  it('mod_auth_openidc does not show the token to the service', async () => {
    const token = await tokenFor('public:read')
    await get('/', token)
    expect(reached).toHaveLength(1)
    expect(JSON.stringify(reached)).not.toContain(token)
  })

  it('mod_auth_openidc refuses a caller without a token and a token that was never issued', async () => {
    expect((await get('/')).status).toBe(401)
    expect((await get('/', 'reg_never-issued')).status).toBe(401)
    expect(reached).toEqual([])
  })

  it('mod_auth_openidc replaces a claim that the caller forged', async () => {
    const headers = { Authorization: `Bearer ${await tokenFor('public:read')}` }
    await fetch(front, {
      headers: { ...headers, OIDC_CLAIM_sub: 'forged', OIDC_CLAIM_username: 'forged' },
    })
    expect(reached).toHaveLength(1)
    expect(JSON.stringify(reached)).not.toContain('forged')
  })

  it('mod_auth_openidc requires the scope of a path', async () => {
    expect((await get('/submissions', await tokenFor('public:read'))).status).toBe(401)
    expect((await get('/submissions', await tokenFor('submission:read'))).status).toBe(200)
    expect(reached).toHaveLength(1)
  })

  it('mod_auth_openidc refuses a revoked token', async () => {
    const token = await tokenFor('public:read')
    const { clientId, clientSecret } = product.demo
    await fetch(`${product.registry}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: clientId, client_secret: clientSecret }),
    })
    expect((await get('/', token)).status).toBe(401)
    product.note(...linesOf('apache', apache.printed()))
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 8, line: 10, row: 20, key: 2, value: 2, file: 10, answer: 8 },
})
