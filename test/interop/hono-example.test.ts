/** `npm run example:hono` beside `npm start`: the example service as docs/protect-a-service.md runs it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startExample, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'
import { newHolder } from './holder.ts'

let product: RecordedRegistry
let example: Program
let service: string
let client: RegisteredClient

beforeAll(async () => {
  product = await startRecordedRegistry()
  client = await product.newClient(
    'client_secret_post',
    ...['--scope', 'submission:read:* submission:create public:read', '--endorsement', 'cs.*'],
  )
  const [port] = await freePorts(1)
  service = `http://127.0.0.1:${port}`
  example = await startExample('hono', product, port)
})

afterAll(async () => {
  await example?.end()
  await product?.end()
})

const tokenFor = (scope: string, headers: Record<string, string> = {}) =>
  product.tokenFor(client, { scope }, headers)

/** The response, which is searched for secrets at the end. */
const call = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  product.noted(`example: ${method} ${path}`, await fetch(service + path, { method, headers }))
const bearer = async (scope: string) => ({ Authorization: `Bearer ${await tokenFor(scope)}` })

describe('the example service beside npm start', () => {
  it('the example service accepts a token of its registry and checks its scopes', async () => {
    const me = await call('/me', await bearer('public:read'))
    expect([me.status, await me.json()]).toEqual([200, { user: null }])
    expect((await call('/submissions/1', await bearer('submission:read:*'))).status).toBe(200)
    const submitting = await bearer('submission:create')
    expect((await call('/categories/cs.DL/submissions', submitting, 'POST')).status).toBe(201)
    expect((await call('/categories/math.AG/submissions', submitting, 'POST')).status).toBe(403)
  })

  it('the example service refuses a request without a token (401) or without the scope (403), and says where to get a token', async () => {
    const refused = [
      await call('/submissions/1'),
      await call('/submissions/1', { Authorization: 'Bearer junk' }),
      await call('/submissions/1', await bearer('public:read')),
    ]
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 403])
    for (const answer of refused) {
      const challenge = answer.headers.get('WWW-Authenticate') ?? ''
      const [, url = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? []
      const metadata = await (await fetch(url)).json()
      expect(metadata).toMatchObject({
        resource: service,
        authorization_servers: [product.registry],
      })
      expect(await answer.json()).toMatchObject({ error_description: expect.any(String) })
    }
    expect(refused[1]?.headers.get('X-Correlation-Id')).toMatch(/^[0-9A-Z]{10}$/)
  })

  it('the example service accepts a DPoP-bound token once with each proof for its own URL', async () => {
    const { prove } = await newHolder()
    const DPoP = await prove({ htm: 'POST', htu: `${product.registry}/token` })
    const token = await tokenFor('public:read', { DPoP })
    const statusOf = async (proof: string) =>
      (await call('/me', { Authorization: `DPoP ${token}`, DPoP: proof })).status
    const proof = await prove({ htm: 'GET', htu: `${service}/me` }, token)
    expect([await statusOf(proof), await statusOf(proof)]).toEqual([200, 401])
    expect(await statusOf(await prove({ htm: 'GET', htu: `${service}/` }, token))).toBe(401)
    expect((await call('/me', { Authorization: `Bearer ${token}` })).status).toBe(401)
  })

  it('the example service answers a CORS preflight and lets a page of another origin read a refusal', async () => {
    const origin = { Origin: 'https://spa.example' }
    const preflight = {
      ...origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization, dpop',
    }
    const answer = await call('/categories/cs.DL/submissions', preflight, 'OPTIONS')
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Access-Control-Allow-Headers')).toContain('authorization')
    const refused = await call('/me', origin)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(refused.headers.get('Access-Control-Expose-Headers')).toContain('WWW-Authenticate')
  })

  it('the example service without a running registry says so in one line', async () => {
    const env = { STATE_DIR: `${product.stateDir}/nowhere` }
    const lonely = startProgram('npm', ['run', '--silent', 'example:hono'], env)
    const line = `no registry runs on ${product.stateDir}/nowhere: run npm start first, in another terminal\n`
    expect(await lonely.untilPrints(line)).toBe(line)
    await lonely.end()
  })

  it('the example service stops, so that its log can be searched for secrets', async () => {
    await example.end()
    product.note(...linesOf('example', example.printed()))
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 12, line: 4, row: 15, key: 4, value: 4, file: 10, answer: 15 },
})
