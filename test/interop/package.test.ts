/**
 * The package as users install it: the tarball of `npm pack` in a project for each platform, whose service runs beside
 * `npm start`, with each way to check a token.
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { exportJWK, generateKeyPair } from 'jose'
import type { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomText } from '../../src/crypto/random.ts'
import { buildWorker } from '../../src/local/build-worker.ts'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { runWorkers } from '../../src/local/run-workers.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { type Consumers, installConsumers, runtimeIn, workerOf } from './consumer.ts'
import { newHolder } from './holder.ts'

const run = promisify(execFile)
const SCOPE = 'files:read files:write'

let product: RecordedRegistry
let consumers: Consumers
let caller: RegisteredClient
/** The port of all services, because each is the same two resources, one of them with signed tokens. */
let service: string
let port: number
let settings: Readonly<Record<string, string>>

beforeAll(async () => {
  product = await startRecordedRegistry()
  consumers = await installConsumers(['hono', 'fetch', 'express', 'types'])
  const [free = 0, nowhere] = await freePorts(2)
  port = free
  service = `http://127.0.0.1:${port}`
  for (const uri of [service, `${service}/elsewhere`]) await product.newResource(uri, SCOPE)
  await product.newResource(`${service}/signed`, SCOPE, 'jwt')
  caller = await product.newClient('client_secret_post', '--scope', SCOPE)
  const api = await product.newClient('client_secret', '--may-introspect')
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { client_id: keyId } = (await product.administer(
    ...['client', 'create', '--name', 'An API with a key', '--owner', 'owner-1'],
    ...['--auth-method', 'private_key_jwt', '--may-introspect'],
    ...['--jwks', JSON.stringify({ keys: [await exportJWK(publicKey)] })],
  )) as { client_id: string }
  settings = {
    PORT: String(port),
    ISSUER: product.registry,
    RESOURCE: service,
    NOWHERE: `http://127.0.0.1:${nowhere}`,
    ...{ API_ID: api.id, API_SECRET: api.secret, KEY_ID: keyId },
    PRIVATE_KEY: JSON.stringify(await exportJWK(privateKey)),
  }
})

afterAll(async () => {
  await product?.end()
  await consumers?.remove()
})

/** Starts a service. Returns the function that stops it. */
type Start = () => Promise<() => Promise<void>>

const program = (kind: string, command: () => string, ...words: string[]): Start => {
  return async () => {
    const project = consumers.folderOf(kind)
    const file = words.pop() ?? ''
    const started: Program = startProgram(command(), [...words, join(project, file)], {
      ...settings,
      DENO_NO_UPDATE_CHECK: '1',
    })
    words.push(file)
    await started.untilPrints('it serves')
    return async () => {
      await started.end()
      product.note(...linesOf(`${kind}: ${file}`, started.printed()))
    }
  }
}

/** The Worker, and an authenticator that only this Worker can call, on the state of `npm start`. */
const onWorkerd: Start = async () => {
  const authenticator = readWranglerConfig(CONFIG_PATHS.authenticator)
  const config = { ...readWranglerConfig(inProject('examples/wrangler.toml')), name: 'service' }
  const runtime: Miniflare = runWorkers(
    [
      { config, module: await workerOf(consumers.folderOf('hono')), port, vars: settings },
      {
        config: { ...authenticator, d1_databases: [] },
        module: await buildWorker(authenticator.main),
        vars: { ISSUER: product.registry, JWT_SECRET: randomText() },
      },
    ],
    product.stateDir,
    undefined,
    (line) => product.note({ kind: 'line', where: 'the Worker', text: line }),
  )
  await runtime.ready
  return () => runtime.dispose()
}

const node = () => process.execPath
const deno = () => runtimeIn(consumers.folderOf('fetch'), '@deno', 'deno')
const bun = () => runtimeIn(consumers.folderOf('fetch'), '@oven', 'bin/bun')

const WAYS = ['introspection', 'assertion', 'key-set']
const KINDS: readonly (readonly [name: string, ways: readonly string[], start: Start])[] = [
  ['Hono on Workers', [...WAYS, 'binding', 'signed-binding'], onWorkerd],
  ['Hono on Node.js', WAYS, program('hono', node, 'node.mjs')],
  ['a Request on Node.js', WAYS, program('fetch', node, 'node.mjs')],
  [
    'a Request on Deno',
    WAYS,
    program('fetch', deno, 'run', '--allow-net', '--allow-env', 'deno.mjs'),
  ],
  ['a Request on Bun', WAYS, program('fetch', bun, 'run', 'bun.mjs')],
  ['Express on Node.js', WAYS, program('express', node, 'node.mjs')],
]

const tokenFor = (resource: string, scope = SCOPE, headers: Record<string, string> = {}) =>
  product.tokenFor(caller, { scope, resource }, headers)

/** The resource whose tokens a way to check accepts. */
const resourceOf = (way: string) =>
  way === 'key-set' || way === 'signed-binding' ? `${service}/signed` : service

/** The response, which is searched for secrets at the end. */
const call = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  product.noted(`${method} ${path}`, await fetch(`${service}${path}`, { method, headers }))
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const challengeOf = ({ headers }: Response) => headers.get('WWW-Authenticate') ?? ''

describe('the tarball', () => {
  it('the tarball contains only the built code, the declarations, README.md, LICENSE and package.json', () => {
    const others = consumers.packed.filter(
      (path) => !/^dist\/(types\/[\w/-]+\.d\.ts|[\w-]+\.js)$/.test(path),
    )
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
    for (const name of ['hono', 'fetch', 'express']) {
      expect(consumers.packed).toContain(`dist/${name}.js`)
      expect(consumers.packed).toContain(`dist/types/resource-server/${name}.d.ts`)
    }
  })

  it('services in TypeScript compile with the strictest settings, and services with wrong options do not', async () => {
    const tsc = inProject('node_modules/.bin/tsc')
    const compiled = run(tsc, ['--project', consumers.folderOf('types')])
    expect(await compiled.catch(({ stdout }: { stdout: string }) => ({ stdout }))).toMatchObject({
      stdout: '',
    })
  })
})

describe('CommonJS', () => {
  it('a CommonJS program on this Node.js can require every part of the package', async () => {
    const parts = "['hono', 'fetch', 'express'].map((name) => require('edge-registry/' + name))"
    const program = `console.log(${parts}.every(({ scoped, keySet }) => scoped && keySet))`
    const said = await run(process.execPath, ['--input-type=commonjs', '-e', program], {
      cwd: consumers.folderOf('express'),
    })
    expect(said.stdout).toBe('true\n')
  })
})

describe.each(KINDS)('%s', (_, ways, start) => {
  let end: () => Promise<void>
  beforeAll(async () => {
    end = await start()
  })
  afterAll(() => end?.())

  it.each(ways)(
    'a service that checks by %s accepts a valid token, and the route gets its session',
    async (way) => {
      const answer = await call(`/${way}/both`, bearer(await tokenFor(resourceOf(way))))
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({
        user: null,
        client: { client_id: caller.id },
        audience: [resourceOf(way)],
        authorizations: { scopes: ['files:read', 'files:write'] },
      })
    },
  )

  it.each(ways)(
    'a service that checks by %s answers 401 without a valid token for it and 403 without the scope, with a challenge that names the scope and the metadata',
    async (way) => {
      const elsewhere = await tokenFor(`${service}/elsewhere`)
      const reading = await tokenFor(resourceOf(way), 'files:read')
      expect((await call(`/${way}/read`, bearer(reading))).status).toBe(200)
      const refused = [
        await call(`/${way}/both`),
        await call(`/${way}/both`, bearer('junk')),
        await call(`/${way}/both`, bearer(`${reading.slice(0, -4)}AAAA`)),
        await call(`/${way}/both`, bearer(elsewhere)),
        await call(`/${way}/both`, bearer(reading)),
      ]
      expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 403])
      const metadata = `${service}/.well-known/oauth-protected-resource`
      for (const answer of refused) {
        expect(challengeOf(answer)).toContain(` scope="${SCOPE}"`)
        expect(challengeOf(answer)).toContain(`resource_metadata="${metadata}"`)
        expect(await answer.json()).toMatchObject({ error_description: expect.any(String) })
      }
      expect(challengeOf(refused[0] as Response)).not.toContain('error=')
      expect(challengeOf(refused[4] as Response)).toContain('error="insufficient_scope"')
    },
  )

  it.each(ways)(
    'a service that checks by %s accepts a key-bound token once with each proof by its key',
    async (way) => {
      const { prove, jkt } = await newHolder()
      const DPoP = await prove({ htm: 'POST', htu: `${product.registry}/token` })
      const token = await tokenFor(resourceOf(way), SCOPE, { DPoP })
      const proofAt = (htu: string) => prove({ htm: 'GET', htu }, token)
      const proof = await proofAt(`${service}/${way}/read`)
      const present = (path: string, shown: string) =>
        call(path, { Authorization: `DPoP ${token}`, DPoP: shown })
      const first = await present(`/${way}/read?page=2`, proof)
      expect(await first.json()).toMatchObject({ cnf: { jkt } })
      const refused = [
        await present(`/${way}/read`, proof),
        await present(`/${way}/read`, await proofAt(`${service}/${way}/both`)),
        await call(`/${way}/read`, bearer(token)),
      ]
      expect(refused.map(({ status }) => status)).toEqual([401, 401, 401])
      for (const answer of refused) expect(challengeOf(answer)).toMatch(/^DPoP error="invalid_/)
    },
  )

  it("a service with revocation: 'immediate' refuses a revoked token at once, even if another route has cached the introspection response", async () => {
    const token = await tokenFor(service)
    const statusOf = async (way: string) => (await call(`/${way}/read`, bearer(token))).status
    expect([await statusOf('introspection'), await statusOf('immediate')]).toEqual([200, 200])
    await fetch(`${product.registry}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({
        ...{ token, client_id: caller.id, client_secret: caller.secret },
      }),
    })
    expect(await statusOf('immediate')).toBe(401)
  })

  it('a service answers 503 to every token while the registry does not answer', async () => {
    const way = 'unreachable-introspection'
    const opaque = await call(`/${way}/read`, bearer(await tokenFor(service)))
    const signed = await call(
      '/unreachable-key-set/read',
      bearer(await tokenFor(`${service}/signed`)),
    )
    for (const answer of [opaque, signed]) {
      expect([answer.status, challengeOf(answer)]).toEqual([503, ''])
      expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
    }
    expect((await call(`/${way}/read`)).status).toBe(401)
  })

  it('a service serves the metadata of its resource, which name the registry, and answers a preflight for them', async () => {
    const path = '/.well-known/oauth-protected-resource'
    expect(await (await call(path)).json()).toMatchObject({
      resource: service,
      authorization_servers: [product.registry],
      scopes_supported: ['files:read', 'files:write'],
    })
    const preflight = { Origin: 'https://spa.example', 'Access-Control-Request-Method': 'GET' }
    expect((await call(path, preflight, 'OPTIONS')).status).toBe(204)
  })
})

describe('docs/protect-a-service.md', () => {
  const PAGE = readFileSync(inProject('docs/protect-a-service.md'), 'utf8')

  /** Writes the block of the page that imports this part of the package to a file of the project, with the URL of this registry. */
  async function pasted(kind: string, audience: string): Promise<string> {
    const blocks = [...PAGE.matchAll(/^```[jt]s\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
    const [block = ''] = blocks.filter((code) => code.includes(`from 'edge-registry/${kind}'`))
    const here = block
      .replaceAll('https://auth.example.org', product.registry)
      .replaceAll('https://files.example', audience)
      .replace('listen(3000)', `listen(${port}, '127.0.0.1', () => console.log('it serves'))`)
    const file = join(consumers.folderOf(kind), 'pasted.mjs')
    await writeFile(file, here)
    return file
  }

  async function expectProtected(started: Program, resource: string) {
    try {
      const good = await call('/reports', bearer(await tokenFor(resource)))
      expect(good.status).toBe(200)
      expect((await call('/reports')).status).toBe(401)
      expect((await call('/reports', bearer(await tokenFor(`${service}/elsewhere`)))).status).toBe(
        401,
      )
      const without = await call('/reports', bearer(await tokenFor(resource, 'files:write')))
      expect(without.status).toBe(403)
    } finally {
      await started.end()
      product.note(...linesOf('pasted', started.printed()))
    }
  }

  it('the documented service with Express runs as pasted, and serves only authorized callers', async () => {
    const resource = `${service}/signed`
    const started = startProgram(process.execPath, [await pasted('express', resource)])
    await started.untilPrints('it serves')
    await expectProtected(started, resource)
  })

  it('the documented service with fetch handlers runs as pasted on Deno, and serves only authorized callers', async () => {
    const file = await pasted('fetch', service)
    const where = ['--host', '127.0.0.1', '--port', String(port)]
    const started = startProgram(deno(), ['serve', ...where, '--allow-net', '--allow-env', file], {
      CLIENT_ID: settings.API_ID ?? '',
      CLIENT_SECRET: settings.API_SECRET ?? '',
    })
    await started.untilPrints(`:${port}`)
    await expectProtected(started, service)
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 60, line: 10, row: 50, key: 10, value: 10, file: 10, answer: 200 },
})
