/** Every operation of the management API refuses every insufficient credential and writes nothing. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { REGISTRY_SCOPES } from '../../src/domain/registry-scopes.ts'
import type { Operation } from '../../src/management/operation.ts'
import { OPERATIONS } from '../../src/management/operations.ts'
import { sampled } from '../sample.ts'
import { API, newAdministrator } from './administration.ts'
import { writesTold } from './counting.ts'
import { type Key, newKey, proofOf, resourceProofOf } from './keys.ts'
import { machineToken, sendAs } from './obtaining.ts'
import {
  credentialsOf,
  ISSUER,
  newClient,
  newUser,
  post,
  registry,
  serve,
  sessionTokenIn,
  signIn,
  type TestClient,
  tokenIn,
} from './registry.ts'
import { authorizing, storeToken } from './stored-session.ts'

/** The ids of records that the operations would read or change. */
type Targets = Readonly<{ client_id: string; user_id: string; name: string }>
let targets: Targets
/** These records have a registry: scope. */
let privileged: Targets
let operator: TestClient
let key: Key
const { bindings, take } = writesTold()
const fetch = serve(bindings)

beforeAll(async () => {
  key = await newKey()
  const { client } = await newAdministrator()
  operator = client
  targets = { client_id: (await newClient()).id, user_id: (await newUser()).id, name: 'target' }
  privileged = {
    client_id: (await newClient({ scopes: ['registry:read'] })).id,
    user_id: (await newUser({ scopes: ['registry:read'] })).id,
    name: 'target',
  }
  const declared = await fetch(`${API}/scopes`, {
    method: 'POST',
    headers: { ...(await bearerOf(operator)), 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'target', sentence: 'See the target' }),
  })
  expect(declared.status).toBe(201)
})

const bearerOf = async (client: TestClient) => ({
  Authorization: `Bearer ${await machineToken(client)}`,
})

const pathOf = ({ path }: Operation, ids: Targets) =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name as keyof Targets] ?? '0123456789')

/** A complete request that lacks only the credential. */
function send(operation: Operation, headers: HeadersInit, { ids = targets, query = '' } = {}) {
  const { method, body, bodyExample, isConditional } = operation
  const sent = new Headers(headers)
  if (body) sent.set('Content-Type', 'application/json')
  if (isConditional) sent.set('If-Match', '*')
  return fetch(`${API}${pathOf(operation, ids)}${query}`, {
    method,
    headers: sent,
    ...(body && { body: JSON.stringify(bodyExample) }),
  })
}

/** A refused request may write only the record of its refusal. */
const MAY_BE_WRITTEN = ['D1 INSERT refusal']

async function refused(operation: Operation, headers: HeadersInit, status: number, how = {}) {
  take()
  const response = await send(operation, headers, how)
  const problem = (await response.json()) as Record<string, unknown>
  expect([operation.name, response.status]).toEqual([operation.name, status])
  expect(take().filter((write) => !MAY_BE_WRITTEN.includes(write))).toEqual([])
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(response.headers.get('WWW-Authenticate')).toMatch(/^(Bearer|DPoP) .*scope="registry:/)
  expect(problem.correlation_id).toBe(response.headers.get('X-Correlation-Id'))
  return problem
}

/** A token of the operator that is bound to the key. */
async function boundToken(): Promise<string> {
  const headers = { DPoP: await proofOf(key) }
  return (await tokenIn(await post('/token', credentialsOf(operator), headers))).access_token
}

async function expiredToken(): Promise<string> {
  const token = await machineToken(operator)
  const storageKey = await sessionKeyOf(token)
  const session = await env.SESSIONS.get<object>(storageKey, 'json')
  const end_time = new Date(Date.now() - 1000).toISOString()
  await env.SESSIONS.put(storageKey, JSON.stringify({ ...session, end_time }))
  return token
}

async function revokedToken(): Promise<string> {
  const token = await machineToken(operator)
  expect((await sendAs(operator, '/revoke', { token })).status).toBe(200)
  return token
}

/** A revoked token as an isolate sees it while KV still shows the session. */
async function revokedTokenInLateKv(): Promise<string> {
  const token = await machineToken(operator)
  const storageKey = await sessionKeyOf(token)
  const session = (await env.SESSIONS.get(storageKey)) ?? ''
  expect((await sendAs(operator, '/revoke', { token })).status).toBe(200)
  await env.SESSIONS.put(storageKey, session)
  return token
}

/** A token of a client that was disabled afterwards. */
async function tokenOfADisabledClient(): Promise<string> {
  const { client, token } = await newAdministrator()
  await env.DB.prepare('UPDATE client SET disabled_at = 1 WHERE client_id = ?1')
    .bind(client.id)
    .run()
  const headers = { ...(await bearerOf(operator)), 'Content-Type': 'application/json' }
  const ended = await registry(`${API}/sessions/revocations`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ client_id: client.id }),
  })
  expect(ended.status).toBe(200)
  return token
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

/** The headers of a caller with each insufficient credential, for one operation. */
const CREDENTIALS: Readonly<Record<string, (operation: Operation) => Promise<HeadersInit>>> = {
  'no credential': async () => ({}),
  'an unknown token': async () => bearer(mintToken('accessToken')),
  'a malformed token': async () => bearer('x'),
  'an expired token': async () => bearer(await expiredToken()),
  'a revoked token': async () => bearer(await revokedToken()),
  'a revoked token that KV still shows': async () => bearer(await revokedTokenInLateKv()),
  'a token of a client that was disabled': async () => bearer(await tokenOfADisabledClient()),
  'a token that is bound to a key, as a bearer token': async () => bearer(await boundToken()),
  'a token that is bound to a key, without a proof': async () => ({
    Authorization: `DPoP ${await boundToken()}`,
  }),
  'a token that is bound to a key, with a proof by another key': async (operation) => {
    const token = await boundToken()
    const proof = await proofFor(operation, token, await newKey())
    return { Authorization: `DPoP ${token}`, DPoP: proof }
  },
  'a token that is bound to a key, with a proof for another path': async ({ method }) => {
    const token = await boundToken()
    const htu = `${ISSUER}${API}/elsewhere`
    const proof = await resourceProofOf(key, token, htu, { claims: { htm: method } })
    return { Authorization: `DPoP ${token}`, DPoP: proof }
  },
  'a token that is not bound, with the scheme DPoP and a proof': async (operation) => {
    const token = await machineToken(operator)
    const proof = await proofFor(operation, token, key)
    return { Authorization: `DPoP ${token}`, DPoP: proof }
  },
  'a session of a browser in a cookie': async () => ({ Cookie: await cookieOfAnAdministrator() }),
  'an access token in a cookie': async () => ({
    Cookie: `registry_session=${await machineToken(operator)}`,
  }),
  'a session of a browser as a bearer token': async () =>
    bearer(sessionTokenIn(await cookieOfAnAdministrator())),
  'the secret of a client by HTTP Basic': async () => ({
    Authorization: `Basic ${btoa(`${operator.id}:${operator.secret}`)}`,
  }),
  'the secret of a client as a bearer token': async () => bearer(operator.secret),
}

const cookieOfAnAdministrator = async () =>
  signIn(await newUser({ scopes: ['registry:admin', 'registry:read'] }))

const proofFor = (operation: Operation, token: string, by: Key, ids = targets) =>
  resourceProofOf(by, token, `${ISSUER}${API}${pathOf(operation, ids)}`, {
    claims: { htm: operation.method },
  })

describe('every operation of the management API', () => {
  it.each(Object.entries(CREDENTIALS))(
    'every operation refuses %s with 401 and writes nothing',
    async (name, headersFor) => {
      for (const operation of sampled(OPERATIONS, 3, Object.keys(CREDENTIALS).indexOf(name))) {
        await refused(operation, await headersFor(operation), 401)
      }
    },
  )

  it('every operation refuses a proof that was used before and writes nothing', async () => {
    for (const operation of sampled(OPERATIONS, 3)) {
      const token = await boundToken()
      const headers = {
        Authorization: `DPoP ${token}`,
        DPoP: await proofFor(operation, token, key, NOWHERE),
      }
      const first = await send(operation, { ...headers }, { ids: NOWHERE })
      expect([operation.name, first.status]).not.toEqual([operation.name, 401])
      await refused(operation, headers, 401, { ids: NOWHERE })
    }
  })

  it.each([
    ...REGISTRY_SCOPES.filter((scope) => scope !== 'registry:admin'),
    'submission:read',
    'registry:admins',
    'registry:*',
  ])(
    'every operation refuses a token with only %s unless the operation needs that scope, and writes nothing',
    async (scope) => {
      const { token } = await newAdministrator(scope)
      for (const operation of OPERATIONS) {
        if ((operation.scopes as readonly string[]).includes(scope)) continue
        const problem = await refused(operation, bearer(token), 403)
        expect(problem.type).toMatch(/#insufficient_scope$/)
      }
    },
  )

  it('every operation refuses a token in the query and writes nothing', async () => {
    const token = await machineToken(operator)
    for (const operation of OPERATIONS) {
      await refused(operation, {}, 401, { query: `?access_token=${token}` })
    }
  })

  it('every operation refuses a session without a client and writes nothing', async () => {
    const token = await storeToken({ client: null, ...authorizing(['registry:admin']) })
    for (const operation of OPERATIONS) {
      take()
      const response = await send(operation, bearer(token))
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(take().filter((write) => !MAY_BE_WRITTEN.includes(write))).toEqual([])
    }
  })

  it('every change of a client or user with a registry: scope needs registry:admin, even if the caller holds all other scopes', async () => {
    const lesser = REGISTRY_SCOPES.filter((scope) => scope !== 'registry:admin')
    const { token } = await newAdministrator(...lesser)
    const changes = OPERATIONS.filter(
      ({ isConditional, scopes }) => isConditional && !scopes.includes('registry:admin'),
    )
    expect(changes.length).toBeGreaterThan(7)
    for (const operation of changes) {
      const problem = await refused(operation, bearer(token), 403, { ids: privileged })
      expect(problem.type).toMatch(/#forbidden$/)
    }
  })

  it('control: every operation accepts registry:admin and each of its own scopes, as a bearer token and with a DPoP proof', async () => {
    const scopes = [
      ...new Set(OPERATIONS.flatMap((operation) => operation.scopes)),
      'registry:admin',
    ]
    const holders = new Map<string, string>()
    for (const scope of scopes) holders.set(scope, (await newAdministrator(scope)).token)
    for (const operation of OPERATIONS) {
      for (const scope of [...operation.scopes, 'registry:admin']) {
        const token = holders.get(scope) ?? ''
        const { status } = await send(operation, bearer(token), { ids: NOWHERE })
        expect([operation.name, scope, [401, 403].includes(status)]).toEqual([
          operation.name,
          scope,
          false,
        ])
      }
      const token = await boundToken()
      const passed = await send(
        operation,
        { Authorization: `DPoP ${token}`, DPoP: await proofFor(operation, token, key) },
        { ids: targets },
      )
      expect([operation.name, [401, 403].includes(passed.status)]).toEqual([operation.name, false])
    }
  })
})

/** Ids of no record. */
const NOWHERE: Targets = { client_id: 'nowhere', user_id: 'nowhere', name: 'nowhere' }
