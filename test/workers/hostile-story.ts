/** The flows on a hostile platform: their types, their fixtures, and the checks after each of them. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { mayBeSigned } from '../../src/crypto/token.ts'
import { authorizeClient } from '../../src/flows/registration/clients.ts'
import type { AuthenticatorBinding } from '../../src/protocol/authentication.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { declareOpenScope, newDocument, visit } from './document-clients.ts'
import { hostilePlatform, type Injection, NOT_YET_VISIBLE, unlimited } from './hostile-platform.ts'
import { type Key, keySetOf, newKey } from './keys.ts'
import { newPublicClient, newRefreshingClient, type Tokens } from './obtaining.ts'
import { admin, changeClient } from './registering.ts'
import {
  allowing,
  authorizePath,
  CALLBACK,
  credentialsOf,
  type Fetch,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  type TestUser,
  withChallenge,
} from './registry.ts'
import { newResource } from './resources.ts'
import { newSignedResource, SIGNING_KEYS, signedSessionOf, signing } from './signed.ts'
import { JWT_SECRET } from './stored-session.ts'

/** A registry and an authenticator on the same storage. */
export type Service = Readonly<{
  fetch: Fetch
  auth: Fetch
  /** The authenticator over a service binding. */
  authenticate: AuthenticatorBinding['authenticate']
}>

export function authenticatorOn(bindings: Record<string, unknown>): Omit<Service, 'fetch'> {
  const { SESSIONS, DB } = env
  const { fetch, authenticate } = createAuthenticator({
    ...{ ISSUER, JWT_SECRET, SESSIONS, DB, REGISTRY: { fetch: signing.keySet } },
    ...bindings,
  } as AuthenticatorEnv)
  const auth: Fetch = (path, init) => fetch(new Request(`https://a.example${path}`, init))
  return { auth, authenticate }
}

export const serviceOn = (bindings: Record<string, unknown>): Service => ({
  fetch: serve({ SIGNING_KEYS, CLIENT_DOCUMENTS: 'any', DIRECTORY: 'on', ...bindings }),
  ...authenticatorOn(bindings),
})
export const healthy = serviceOn({
  LOGIN_LIMIT: unlimited('LOGIN_LIMIT'),
  REFUSAL_LIMIT: unlimited('REFUSAL_LIMIT'),
})

export type Answer = Readonly<{ status: number; headers: Headers; text: string }>

export type Outcome = Readonly<{
  answer: Answer
  /** The registry that the retry is sent to. */
  again: Service
  /** Called after the retry: finishes the operations that were too late for it. */
  afterRetry: () => Promise<void>
  /** Called when the grant is spent and gave no token. */
  lost: () => void
}>

export type Run = Readonly<{
  ask: (service: Service) => Promise<Response>
  check: (outcome: Outcome) => Promise<void>
}>

export type Flow = Readonly<{
  name: string
  format: 'json' | 'page' | 'auth'
  /** The summary of the only right response. A fault may lead to a 503 in its place. */
  expected: string
  /** The right response while KV does not show a write yet: docs/promises.md, What is not promised. */
  whileNotShown?: string
  /** The right response while KV still shows the old value, for a minute: docs/promises.md, Revocation. */
  whileStale?: string
  /** Prepares the flow, on storage without faults. */
  begin: (service: Service) => Promise<Run>
}>

/** A flow of a client, which is answered with JSON. */
export const jsonFlow = (name: string, expected: string, begin: Flow['begin']): Flow => ({
  name,
  format: 'json',
  expected,
  begin,
})

type Fixtures = Readonly<{
  client: TestClient
  publicClient: TestClient
  /** Without refresh tokens and without PKCE. */
  plainClient: TestClient
  /** A client that authenticates with `key`. */
  keyClient: TestClient
  /** Each request of this client names the resource. */
  resourceClient: TestClient
  resource: string
  /** Its tokens are signed, since its default resource wants that. */
  signedClient: TestClient
  key: Key
  /** Identified by a metadata document. */
  documentClient: TestClient & Readonly<{ host: string }>
  user: TestUser
  cookie: string
  consentFields: [string, string][]
}>
/** The clients and the user for all flows of a file. */
export let fixtures: Fixtures

async function newDocumentClient(cookie: string) {
  await declareOpenScope()
  const { id, host } = await newDocument({ redirect_uris: [CALLBACK] })
  await visit(cookie, { id, host, callback: CALLBACK })
  await authorizeClient(admin(), id, { scopes: ['public:read', 'submission:read'] })
  return { id, host, secret: '' }
}

/** The page asks for both scopes, also after one of them was allowed. */
const readable = { scope: 'submission:read public:read', prompt: 'consent' }

export async function prepareFixtures(): Promise<void> {
  const client = await newRefreshingClient({ mayIntrospect: true })
  const publicClient = await newPublicClient()
  const plainClient = await newClient()
  const key = await newKey()
  const keyClient = await newClient({ authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) })
  const resourceClient = await newRefreshingClient()
  const resource = await newResource(['submission:read'])
  const signedClient = await newRefreshingClient({ mayIntrospect: true })
  const uri = await newSignedResource(['submission:read'])
  await changeClient(signedClient.id, { lists: { defaultResources: [uri] } })
  const user = await newUser()
  const cookie = await signIn(user)
  const documentClient = await newDocumentClient(cookie)
  const page = await registry(authorizePath(requestOf(client, { ...withChallenge, ...readable })), {
    headers: { Cookie: cookie },
  })
  const consentFields = allowing(await page.text())
  const clients = { client, publicClient, plainClient, keyClient, resourceClient, signedClient }
  fixtures = { ...clients, documentClient, resource, key, user, cookie, consentFields }
  // Remembers the consent, and records the first use of the secrets in the day.
  await obtainCode(cookie, requestOf(client, withChallenge))
  await post('/token', credentialsOf(client))
  await post('/token', credentialsOf(plainClient))
  await post('/token', credentialsOf(resourceClient))
  await obtainCode(cookie, requestOf(signedClient, withChallenge))
  await post('/token', credentialsOf(signedClient), {}, healthy.fetch)
}

export const bodyOf = (answer: Answer) =>
  JSON.parse(answer.text) as { access_token: string; refresh_token?: string; error?: string }

export const read = async (response: Response): Promise<Answer> => ({
  status: response.status,
  headers: response.headers,
  text: await response.text(),
})

/** The session as a check with `fresh` sees it. */
export const liveSessionOf = (token: string) =>
  mayBeSigned(token) ? signedSessionOf(token, true) : sessionOf(token)

export const isLive = async (token: string) => (await liveSessionOf(token)) !== null

/** In a new isolate that reads only KV. */
const boundedSessionOf = async (token: string) =>
  mayBeSigned(token)
    ? signedSessionOf(token, false)
    : liveSessions(env.SESSIONS, null).find(await sessionKeyOf(token), Date.now(), false)

export const cron = () => revocationStore(env.DB, env.SESSIONS, 7200).repairKv()

/** Checks that the tokens have ended, also for a new authenticator that reads only KV, after a run of cron. */
export async function expectEnded(...tokens: string[]) {
  await cron()
  for (const token of tokens) {
    expect(await isLive(token), 'alive with fresh').toBe(false)
    expect(await boundedSessionOf(token), 'alive after cron').toBeNull()
  }
}

export async function expectRefusedGrant(response: Response) {
  const answer = await read(response)
  expect([answer.status, bodyOf(answer).error]).toEqual([400, 'invalid_grant'])
}

export async function expectGoodToken(answer: Answer): Promise<Tokens> {
  expect(answer.status, answer.text).toBe(200)
  const { access_token: access, refresh_token: refresh = '' } = bodyOf(answer)
  expect(await isLive(access), 'a token without a session').toBe(true)
  return { access, refresh }
}

/** Checks that the client can at least ask the user again. */
export async function expectFreshAuthorizationWorks(client: TestClient) {
  const code = await obtainCode(fixtures.cookie, requestOf(client, withChallenge))
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  await expectGoodToken(await read(await post('/token', redemption, {}, healthy.fetch)))
}

const SIGNED_IN = /^registry_session=./

export const sessionCookieIn = (answer: Answer) =>
  answer.headers.getSetCookie().find((cookie) => SIGNED_IN.test(cookie)) ?? null

/** The summary of a response: its status with its redirect, its title or its error. */
export function summaryOf(answer: Answer, format: Flow['format']): string {
  const point = answer.status === 303 ? redirectOf(answer) : POINTS[format](answer)
  return `${answer.status} ${point}`.trim()
}

function redirectOf({ headers }: Answer): string {
  const to = new URL(headers.get('Location') ?? '', ISSUER)
  if (to.origin === ISSUER) return to.pathname.replace(/[\da-f-]{36}/, '{id}')
  return `to the client: ${to.searchParams.get('error') ?? [...to.searchParams.keys()][0]}`
}

const POINTS: Record<Flow['format'], (answer: Answer) => string> = {
  json({ text }) {
    const { error, active } = text === '' ? {} : JSON.parse(text)
    return error ?? { true: 'active', false: 'inactive' }[String(active)] ?? ''
  },
  page: ({ text }) => /<title>(.*) · Registry</.exec(text)?.[1] ?? '',
  auth: ({ headers }) =>
    headers.get('X-Auth-Status') ??
    / error="(\w+)"/.exec(headers.get('WWW-Authenticate') ?? '')?.[1] ??
    '',
}

/** Checks that the response is right, or, after a fault, a 503 that names no cause. */
export function expectRight(
  answer: Answer,
  format: Flow['format'],
  allowed: readonly string[],
  mayFail = false,
) {
  const words = summaryOf(answer, format)
  expect(answer.text).not.toMatch(/out of reach|\b(D1|KV)_|SQLITE|storage has not/)
  const type = format === 'page' ? 'text/html' : 'application/json'
  if (answer.text !== '') expect(answer.headers.get('Content-Type')).toContain(type)
  if (answer.status !== 503 || !mayFail) return expect(allowed).toContain(words)
  expect(answer.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(answer.headers.has('Location')).toBe(false)
  expect(answer.headers.has('Authorization')).toBe(false)
  expect(sessionCookieIn(answer)).toBeNull()
  expect(answer.text).not.toMatch(/reg[a-z]?_[\w-]{43}/)
  expect(words).toBe(
    { json: '503 temporarily_unavailable', page: '503 Temporarily unavailable', auth: '503' }[
      format
    ],
  )
}

/** Runs one flow with faults, and checks what must hold after it. */
export async function runFlow(flow: Flow, injections: readonly Injection[]) {
  // Revocations of earlier flows would be written to KV with those of this flow.
  await env.DB.prepare('DELETE FROM revocation').run()
  const run = await flow.begin(healthy)
  const platform = hostilePlatform(injections)
  const answer = await read(await run.ask(serviceOn(platform.bindings)))
  const { format, expected, whileNotShown = expected } = flow
  const isHidden = injections.some(({ fault }) => fault === NOT_YET_VISIBLE)
  expectRight(
    answer,
    format,
    isHidden ? [expected, whileNotShown] : [expected],
    injections.length > 0,
  )
  await platform.catchUp()
  let isLost = false
  const lost = () => {
    isLost = true
  }
  const afterRetry = () => platform.catchUp(true)
  await run.check({ answer, again: healthy, afterRetry, lost })
  return { operations: platform.operations, isLost, isUnavailable: answer.status === 503 }
}
