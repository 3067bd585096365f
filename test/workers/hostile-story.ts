/** What a story on a hostile platform is, who is in it, and what must hold after every one. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { digest } from '../../src/crypto/digest.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { type Fault, hostilePlatform, type Mishap } from './hostile-platform.ts'
import { newPublicClient, newRefreshingClient, type Tokens } from './obtaining.ts'
import {
  authorizePath,
  credentialsOf,
  type Fetch,
  fieldsOf,
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
import { JWT_SECRET } from './stored-session.ts'

/** A registry and an authenticator on the same storage. */
export type Service = Readonly<{ fetch: Fetch; auth: Fetch }>

export function authenticatorOn(bindings: Record<string, unknown>): Fetch {
  const { SESSIONS, DB } = env
  const authenticator = createAuthenticator({
    ...{ ISSUER, JWT_SECRET, SESSIONS, DB },
    ...bindings,
  } as AuthenticatorEnv)
  return (path, init) => authenticator.fetch(new Request(`https://a.example${path}`, init))
}

export const serviceOn = (bindings: Record<string, unknown>): Service => ({
  fetch: serve(bindings),
  auth: authenticatorOn(bindings),
})
export const healthy = serviceOn({ CLIENT_CACHE_SECONDS: 0 })

export type Answer = Readonly<{ status: number; headers: Headers; text: string }>

export type Told = Readonly<{
  answer: Answer
  fault: Fault | null
  /** To be called after the retry: what came too late for it comes now. */
  afterRetry: () => Promise<void>
  /** To be told when what was to be redeemed is gone, and nothing came of it. */
  burned: () => void
}>

export type Story = Readonly<{
  ask: (service: Service) => Promise<Response>
  judge: (told: Told) => Promise<void>
}>

export type Flow = Readonly<{
  name: string
  speaks: 'json' | 'page' | 'auth'
  /** On storage that works, unless told. */
  begin: (service: Service) => Promise<Story>
}>

type Cast = Readonly<{
  client: TestClient
  publicClient: TestClient
  /** Without refresh tokens and without PKCE. */
  plainClient: TestClient
  user: TestUser
  cookie: string
  consentFields: [string, string][]
}>
/** One client and user for all the stories of a file. */
export let cast: Cast

const readable = { scope: 'submission:read public:read' }

export async function meet(): Promise<void> {
  const client = await newRefreshingClient({ mayIntrospect: true })
  const publicClient = await newPublicClient()
  const plainClient = await newClient()
  const user = await newUser()
  const cookie = await signIn(user)
  const page = await registry(authorizePath(requestOf(client, { ...withChallenge, ...readable })), {
    headers: { Cookie: cookie },
  })
  const shown = fieldsOf(await page.text(), '/authorize')
  const consentFields: [string, string][] = [...shown, ['confirm', 'ok']]
  cast = { client, publicClient, plainClient, user, cookie, consentFields }
  // Remembered from now on, and the secret's first use of the day is noted.
  await obtainCode(cookie, requestOf(client, withChallenge))
  await post('/token', credentialsOf(client))
  await post('/token', credentialsOf(plainClient))
}

export const bodyOf = (answer: Answer) =>
  JSON.parse(answer.text) as { access_token: string; refresh_token?: string; error?: string }

export const read = async (response: Response): Promise<Answer> => ({
  status: response.status,
  headers: response.headers,
  text: await response.text(),
})

export const isLive = async (token: string) => (await sessionOf(token)) !== null

/** Also to an authenticator that has just come up and does not ask D1, once cron has run. */
export async function expectDead(...tokens: string[]) {
  await revocationStore(env.DB, env.SESSIONS, 7200).heal(Date.now())
  const ordinary = liveSessions(env.SESSIONS, null)
  for (const token of tokens) {
    expect(await isLive(token), 'alive with fresh').toBe(false)
    const session = await ordinary.find(await digest(token), Date.now(), false)
    expect(session, 'alive after cron').toBeNull()
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

/** What a client cannot be spared: to ask the user again. */
export async function expectFreshAuthorizationWorks(client: TestClient) {
  const code = await obtainCode(cast.cookie, requestOf(client, withChallenge))
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  await expectGoodToken(await read(await post('/token', redemption)))
}

const SIGNED_IN = /^registry_session=./

export const sessionCookieIn = (answer: Answer) =>
  answer.headers.getSetCookie().find((cookie) => SIGNED_IN.test(cookie)) ?? null

/** Whatever went wrong: an answer that says so and no more, or one that is whole. */
export function expectWellFormed(answer: Answer, speaks: Flow['speaks']) {
  expect([200, 303, 401, 403, 503], answer.text).toContain(answer.status)
  expect(answer.text).not.toMatch(/out of reach|\b(D1|KV)_|SQLITE|storage has not/)
  const type = speaks === 'page' ? 'text/html' : 'application/json'
  if (answer.text !== '') expect(answer.headers.get('Content-Type')).toContain(type)
  if (answer.status !== 503) return
  expect(answer.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(answer.headers.has('Location')).toBe(false)
  expect(answer.headers.has('Authorization')).toBe(false)
  expect(sessionCookieIn(answer)).toBeNull()
  expect(answer.text).not.toMatch(/reg[a-z]?_[\w-]{43}/)
  if (speaks === 'json') expect(bodyOf(answer).error).toBe('temporarily_unavailable')
}

/** One story, and what must hold after it. */
export async function tell(flow: Flow, mishaps: readonly Mishap[]) {
  const story = await flow.begin(healthy)
  const platform = hostilePlatform(mishaps)
  const response = await story.ask(serviceOn(platform.bindings))
  const { status, headers } = response
  const answer = { status, headers, text: await response.text() }
  expectWellFormed(answer, flow.speaks)
  await platform.catchUp()
  const fault = mishaps[0]?.fault ?? null
  let isBurned = false
  const burned = () => {
    isBurned = true
  }
  await story.judge({ answer, fault, afterRetry: () => platform.catchUp(true), burned })
  return { operations: platform.operations, isBurned }
}
