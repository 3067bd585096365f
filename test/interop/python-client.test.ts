/** clients/python/edge_registry.py: its own tests with the vectors, and behind wsgiref and uvicorn with tokens of `npm start`. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { newHolder } from './holder.ts'

const PYTHON = '/usr/bin/python3'
const NEEDED = ['jwt', 'cryptography', 'uvicorn'].map(
  (name) => `/usr/lib/python3/dist-packages/${name}/__init__.py`,
)
const FILES = 'https://files.example'
const OPAQUE = 'https://opaque.example'
const ELSEWHERE = 'https://elsewhere.example'
const run = promisify(execFile)

let product: RecordedRegistry
let client: RegisteredClient
let api: RegisteredClient

beforeAll(async () => {
  const missing = NEEDED.filter((file) => !existsSync(file))
  if (missing.length > 0) {
    throw new Error(`${missing}: apt-get install python3-jwt python3-cryptography python3-uvicorn`)
  }
  product = await startRecordedRegistry()
  const scopes = 'files:read files:write'
  for (const uri of [FILES, ELSEWHERE]) await product.newResource(uri, scopes, 'jwt')
  await product.newResource(OPAQUE, scopes)
  client = await product.newClient('client_secret', '--scope', scopes)
  api = await product.newClient('client_secret', '--may-introspect')
})
afterAll(() => product?.end())

const tokenFor = (resource: string, scope = 'files:read', headers = {}) =>
  product.tokenFor(client, { resource, scope }, headers)

describe('the Python file', () => {
  it('the Python file passes its own tests, which include every vector over WSGI and ASGI', async () => {
    const { stderr } = await run(PYTHON, [inProject('clients/python/test_edge_registry.py')])
    expect(stderr).toMatch(/Ran \d{2,} tests[\s\S]*OK/)
  })
})

const SERVERS = [
  ['wsgi', 'wsgiref'],
  ['asgi', 'uvicorn'],
] as const
const WAYS = [
  ['keys', FILES],
  ['introspection', OPAQUE],
  ['introspection', FILES],
] as const

describe.each(SERVERS)('over %s, with %s', (kind) => {
  describe.each(WAYS)('by %s, for %s', (way, audience) => {
    let service: Program
    let url: string

    beforeAll(async () => {
      const [port] = await freePorts(1)
      url = `http://127.0.0.1:${port}/reports/7`
      const words = [inProject('test/interop/programs/python_service.py'), kind, way, String(port)]
      service = startProgram(PYTHON, words, {
        ISSUER: product.registry,
        AUDIENCE: audience,
        CLIENT_ID: api.id,
        CLIENT_SECRET: api.secret,
        PYTHONDONTWRITEBYTECODE: '1',
      })
      await service.untilPrints('READY')
    })
    afterAll(async () => {
      await service?.end()
      product.note(...linesOf(`python ${kind}`, service.printed()))
    })

    const ask = async (headers: Readonly<Record<string, string>> = {}) => {
      const answer = await fetch(url, { headers })
      return {
        status: answer.status,
        challenge: answer.headers.get('WWW-Authenticate') ?? '',
        answer,
      }
    }
    const bearer = (token: string) => ask({ Authorization: `Bearer ${token}` })

    it('a Python service accepts a token of the registry and gets its session', async () => {
      const { status, answer } = await bearer(await tokenFor(audience))
      expect(status).toBe(200)
      expect(await answer.json()).toEqual({
        ...{ sub: client.id, client_id: client.id, scopes: ['files:read'] },
      })
    })

    it('a Python service refuses a request without a token, and tokens that are for another service, lack the scope or were never issued', async () => {
      expect(await ask()).toMatchObject({
        ...{ status: 401, challenge: 'Bearer scope="files:read", realm="registry"' },
      })
      const elsewhere = await bearer(await tokenFor(ELSEWHERE))
      expect(elsewhere).toMatchObject({ status: 401 })
      expect(elsewhere.challenge).toContain('error="invalid_token"')
      const lacking = await bearer(await tokenFor(audience, 'files:write'))
      expect(lacking).toMatchObject({ status: 403 })
      expect(lacking.challenge).toContain('error="insufficient_scope"')
      expect((await bearer('reg_never-issued')).status).toBe(401)
    })

    it('a Python service accepts a key-bound token only with a new proof by its key', async () => {
      const { prove } = await newHolder()
      const bound = await tokenFor(audience, 'files:read', {
        DPoP: await prove({ htm: 'POST', htu: `${product.registry}/token` }),
      })
      const proof = await prove({ htm: 'GET', htu: url }, bound)
      const shown = { Authorization: `DPoP ${bound}`, DPoP: proof }
      expect((await ask(shown)).status).toBe(200)
      expect((await ask(shown)).challenge).toContain('error="invalid_dpop_proof"')
      expect((await bearer(bound)).status).toBe(401)
    })

    it('a Python service notices a revocation by introspection, but not with the key set', async () => {
      const token = await tokenFor(audience)
      expect((await bearer(token)).status).toBe(200)
      const body = new URLSearchParams({
        ...{ token, client_id: client.id, client_secret: client.secret },
      })
      const revoked = await fetch(`${product.registry}/revoke`, { method: 'POST', body })
      expect(revoked.status).toBe(200)
      expect((await bearer(token)).status).toBe(way === 'keys' ? 200 : 401)
    })
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 20, line: 1, row: 20, key: 2, value: 2, file: 10, answer: 20 },
})
