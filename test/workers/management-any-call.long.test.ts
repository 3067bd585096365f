/**
 * 10,000 random calls of the management API, made from its OpenAPI document: no fault, no response that the document
 * does not describe, and no write without authorization. fast-check prints the seed and the smallest call of a failure.
 */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { REGISTRY_SCOPES } from '../../src/domain/registry-scopes.ts'
import { CLIENT_EXAMPLE } from '../../src/management/documents.ts'
import { API, call, newAdministrator } from './administration.ts'
import { type AnyCall, anyCallOf, type Described, type Document, type Known } from './any-call.ts'
import { requireConforming } from './conforming.ts'
import { writesTold } from './counting.ts'
import {
  declare,
  newClient,
  newUser,
  PASSWORD,
  registry,
  serve,
  type TestUser,
} from './registry.ts'
import { authorizing, storeToken } from './stored-session.ts'

const CALLS = 10_000

beforeAll(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterAll(() => vi.restoreAllMocks())

const ADMIN = 'registry:admin'
const MAY_BE_WRITTEN = ['D1 INSERT refusal']
const { bindings, take } = writesTold()
const fetch = serve({ ...bindings, STORAGE_TIMEOUT_SECONDS: 30 })

type Credential = Readonly<{
  name: string
  scopes: readonly string[]
  headers: Record<string, string>
}>

async function credentials(): Promise<Credential[]> {
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
  const ended = { end_time: new Date(Date.now() - 1000).toISOString() }
  const holders = await Promise.all(
    [...REGISTRY_SCOPES, 'submission:read'].map(async (scope) => {
      const { token } = await newAdministrator(scope)
      return { name: scope, scopes: [scope], headers: bearer(token) }
    }),
  )
  return [
    ...holders,
    { name: 'none', scopes: [], headers: {} },
    { name: 'unknown', scopes: [], headers: bearer(mintToken('accessToken')) },
    { name: 'malformed', scopes: [], headers: { Authorization: 'Bearer' } },
    {
      name: 'expired',
      scopes: [],
      headers: bearer(await storeToken({ ...authorizing(['registry:admin']), ...ended })),
    },
    {
      name: 'bound',
      scopes: [],
      headers: bearer(
        await storeToken({ ...authorizing(['registry:admin']), cnf: { jkt: 'a thumbprint' } }),
      ),
    },
  ]
}

/** More records than the calls delete. */
const RECORDS = 300

/** Values with which a call passes the validation of its operation. */
async function knownValues(): Promise<Known> {
  const clients: string[] = []
  const users: TestUser[] = []
  for (let n = 0; n < RECORDS; n += 1) {
    clients.push((await newClient()).id)
    users.push(await newUser())
  }
  const uris = clients.map((_, n) => `https://files${n}.example/api`)
  await env.DB.prepare(
    `INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
     SELECT value, 'Files', '["files:read"]', 900, 1, 1, 1, 1 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(uris))
    .run()
  // Every client waits to be listed, so that a call can decline the listing or take it back.
  await env.DB.prepare(
    `INSERT INTO listing (client_id, requested_at) SELECT value, 1 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(clients))
    .run()
  const declared = clients.map((_, n) => `fuzzed:${n}`)
  await declare({ scopes: declared.map((name) => ({ name, sentence: 'Do this' })) })
  const hosts = clients.map((_, n) => `app${n}.example`)
  await env.DB.prepare(
    `INSERT INTO document_host (host, rule, version, created_at, updated_at)
     SELECT value, 'allow', 1, 1, 1 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(hosts))
    .run()
  // The examples of the document name this client.
  const { client_id } = CLIENT_EXAMPLE
  const body = { client_id, name: 'Example', owner_id: 'example' }
  expect((await call(await newAdministrator(), 'POST /clients', { body })).status).toBe(201)
  const refusal = await registry(`${API}/status`)
  const scopes = [
    ...declared.slice(0, 9),
    'submission:read',
    'read',
    'a:b:*',
    'registry:read',
    'a b',
  ]
  return {
    client_id: [...clients, 'fuzzed-1', 'fuzzed.2'],
    user_id: [...users.map(({ id }) => id), 'fuzzed-user'],
    uri: [...uris, ...uris.map((uri) => `${uri}/2`), 'http://x', 'x'],
    host: [...hosts, 'fuzzed.example', '*.fuzzed.example', '127.0.0.1', 'x y'],
    username: [...clients.map((_, n) => `fuzzed${n}`), users[0]?.username],
    by: ['id', 'any'],
    // A good password costs 300 ms.
    password: ['short', 7, `a good password\0`, PASSWORD, PASSWORD],
    name: [...scopes, 'cs', 'cs.DL', ...declared],
    scopes,
    endorsements: ['cs.DL', 'cs.*', 'cs.AI', 'math.*', 'math.CO', '*.*', 'cs', '*'],
    redirect_uris: ['https://client.example/callback', 'http://127.0.0.1/', 'javascript:1'],
    url: ['https://client.example', 'https://other.example', 'http://a.example', '', 'ftp://x'],
    email: ['ada@example.org', 'ada@example.com', 'ada@example.net', 'x'],
    token: [mintToken('accessToken'), mintToken('refreshToken'), 'x'],
    correlation_id: [refusal.headers.get('X-Correlation-Id'), 'x'],
    after: ['', 'a', '1790856000-17'],
    disabled: [true, false],
  }
}

const isEnough = ({ scopes }: Credential, { security }: Described) =>
  security.some((one) => one.bearer?.some((scope) => scopes.includes(scope)))

const ask = ({ method, path, headers, body }: AnyCall, credential: Credential) =>
  fetch(path, {
    method,
    headers: { ...headers, ...credential.headers },
    ...(body !== null && { body }),
  })

it(`${CALLS} random calls from the OpenAPI document cause no fault, and none writes without authorization`, {
  timeout: 1_800_000,
}, async () => {
  const document = (await (await registry('/openapi.json')).json()) as Document
  const known = await knownValues()
  const operations = Object.entries(document.paths)
    .filter(([path]) => path.startsWith(API))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({ path, method, described })),
    )
  const anyCall = fc.oneof(...operations.map((one) => anyCallOf(one, { document, known })))
  const described = new Map(operations.map((one) => [one.described.operationId, one.described]))
  const holders = await credentials()
  const anyCredential = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...holders.filter(({ name }) => name === ADMIN)) },
    fc.constantFrom(...holders),
  )
  const succeeded = new Set<string>()
  const refused = new Set<string>()
  await fc.assert(
    fc.asyncProperty(anyCall, anyCredential, async (one, credential) => {
      take()
      const response = await ask(one, credential)
      expect(response.status).toBeLessThan(500)
      const writes = take().filter((write) => !MAY_BE_WRITTEN.includes(write))
      await requireConforming(one.method, one.path.slice(API.length), response)
      if (!isEnough(credential, described.get(one.operationId) as Described)) {
        expect(response.ok).toBe(false)
        expect(writes).toEqual([])
        refused.add(one.operationId)
      } else if (response.ok) succeeded.add(one.operationId)
    }),
    { numRuns: CALLS },
  )
  // Control: the calls reach every operation.
  expect([...succeeded].sort()).toEqual([...described.keys()].sort())
  expect([...refused].sort()).toEqual([...described.keys()].sort())
})
