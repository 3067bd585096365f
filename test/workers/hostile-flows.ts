/** Every flow as a story that can be told on a hostile platform: its request, and what must hold after any answer. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { digest } from '../../src/crypto/digest.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import type { Fault } from './hostile-platform.ts'
import {
  identityOf,
  newPublicClient,
  newRefreshingClient,
  renewal,
  sendAs,
  type Tokens,
  userTokens,
} from './obtaining.ts'
import {
  authorizePath,
  cookiesOf,
  credentialsOf,
  type Fetch,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  PASSWORD,
  type Pairs,
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

export function serviceOn(bindings: Record<string, unknown>): Service {
  const authenticator = createAuthenticator({
    ISSUER,
    JWT_SECRET,
    SESSIONS: env.SESSIONS,
    DB: env.DB,
    ...bindings,
  } as AuthenticatorEnv)
  return {
    fetch: serve(bindings),
    auth: (path, init) => authenticator.fetch(new Request(`https://a.example${path}`, init)),
  }
}
const healthy = serviceOn({ CLIENT_CACHE_SECONDS: 0 })

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
let cast: Cast

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

const bodyOf = (answer: Answer) =>
  JSON.parse(answer.text) as { access_token: string; refresh_token?: string; error?: string }

const read = async (response: Response): Promise<Answer> => ({
  status: response.status,
  headers: response.headers,
  text: await response.text(),
})

const isLive = async (token: string) => (await sessionOf(token)) !== null

/** Also to an authenticator that has just come up and does not ask D1, once cron has run. */
async function expectDead(...tokens: string[]) {
  await revocationStore(env.DB, env.SESSIONS, 7200).heal(Date.now())
  const ordinary = liveSessions(env.SESSIONS, null)
  for (const token of tokens) {
    expect(await isLive(token), 'alive with fresh').toBe(false)
    const session = await ordinary.find(await digest(token), Date.now(), false)
    expect(session, 'alive after cron').toBeNull()
  }
}

async function expectRefusedGrant(response: Response) {
  const answer = await read(response)
  expect([answer.status, bodyOf(answer).error]).toEqual([400, 'invalid_grant'])
}

async function expectGoodToken(answer: Answer): Promise<Tokens> {
  expect(answer.status, answer.text).toBe(200)
  const { access_token: access, refresh_token: refresh = '' } = bodyOf(answer)
  expect(await isLive(access), 'a token without a session').toBe(true)
  return { access, refresh }
}

/** What a client cannot be spared: to ask the user again. */
async function expectFreshAuthorizationWorks(client: TestClient) {
  const code = await obtainCode(cast.cookie, requestOf(client, withChallenge))
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  await expectGoodToken(await read(await post('/token', redemption)))
}

/** Something good once: redeemed, tried again when that failed, and never good twice. */
async function judgeOnce(told: Told, client: TestClient, redeem: () => Promise<Response>) {
  const { answer, afterRetry } = told
  let isBurned = false
  let bought: Tokens | null = null
  if (answer.status === 200) bought = await expectGoodToken(answer)
  else {
    const retry = await read(await redeem())
    isBurned = retry.status === 400
    if (isBurned) expect(bodyOf(retry).error).toBe('invalid_grant')
    else bought = await expectGoodToken(retry)
  }
  await afterRetry()
  if (bought) {
    expect(await isLive(bought.access), 'ended by what came late').toBe(true)
    if (bought.refresh !== '') {
      const next = await expectGoodToken(await read(await renewal(client, bought.refresh)))
      expect(next.refresh).not.toBe(bought.refresh)
    }
  }
  await expectRefusedGrant(await redeem())
  if (!isBurned) return
  told.burned()
  await expectFreshAuthorizationWorks(client)
}

const codeFlow = (
  name: string,
  of: () => TestClient,
  parameters: Record<string, string>,
  more: Record<string, string>,
): Flow => ({
  name,
  speaks: 'json',
  async begin({ fetch }) {
    const client = of()
    const code = await obtainCode(cast.cookie, requestOf(client, parameters), fetch)
    const redeem = (through: Fetch = registry) =>
      post('/token', redemptionOf(client, code, more), {}, through)
    return {
      ask: (service) => redeem(service.fetch),
      judge: (told) => judgeOnce(told, client, redeem),
    }
  },
})

async function tokensFor(client: TestClient, fetch: Fetch): Promise<Tokens> {
  const code = await obtainCode(cast.cookie, requestOf(client, withChallenge), fetch)
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return expectGoodToken(await read(await post('/token', redemption, {}, fetch)))
}

const refreshFlow = (name: string, of: () => TestClient): Flow => ({
  name,
  speaks: 'json',
  async begin({ fetch }) {
    const client = of()
    const { refresh } = await tokensFor(client, fetch)
    const form = { grant_type: 'refresh_token', refresh_token: refresh, ...identityOf(client) }
    const redeem = (through: Fetch = registry) => post('/token', form, {}, through)
    return {
      ask: (service) => redeem(service.fetch),
      judge: (told) => judgeOnce(told, client, redeem),
    }
  },
})

const clientCredentials: Flow = {
  name: 'client_credentials',
  speaks: 'json',
  async begin() {
    const ask = ({ fetch }: Service) => post('/token', credentialsOf(cast.client), {}, fetch)
    return {
      ask,
      async judge({ answer, afterRetry }) {
        const good = answer.status === 200 ? answer : await read(await ask(healthy))
        await afterRetry()
        await expectGoodToken(good)
      },
    }
  },
}

const firstOfTheDay: Flow = {
  ...clientCredentials,
  name: 'client_credentials, the first of the day',
  async begin(service) {
    await env.DB.prepare('UPDATE client_credential SET last_used_at = NULL').run()
    const { ask, judge } = await clientCredentials.begin(service)
    return {
      ask,
      async judge(told) {
        await judge(told)
        await env.DB.prepare('UPDATE client_credential SET last_used_at = unixepoch()').run()
      },
    }
  },
}

const cookieHeader = (cookie: string) => ({ headers: { Cookie: cookie } })
const isToLogin = (answer: Answer) =>
  answer.status === 303 && (answer.headers.get('Location') ?? '').startsWith('/login')
/** A browser session that KV does not show yet is nobody's: README, Staleness. */
const mayBeNobody = (fault: Fault | null) => fault === 'is not visible yet'

/** An authorization that answers with a code, which is worth a token; or the user is asked to sign in. */
const judgeCode =
  (ask: Story['ask']): Story['judge'] =>
  async ({ answer, fault, afterRetry }) => {
    const isGood = answer.status === 303 && !isToLogin(answer)
    if (!isGood && answer.status !== 503)
      expect([isToLogin(answer), mayBeNobody(fault)]).toEqual([true, true])
    const sent = isGood ? answer : await read(await ask(healthy))
    await afterRetry()
    expect(sent.status, sent.text).toBe(303)
    const code = new URL(sent.headers.get('Location') ?? '').searchParams.get('code') ?? ''
    const redemption = redemptionOf(cast.client, code, { code_verifier: PKCE.verifier })
    await expectGoodToken(await read(await post('/token', redemption)))
  }

const judgePage =
  (ask: Story['ask'], shows: () => string): Story['judge'] =>
  async ({ answer, fault, afterRetry }) => {
    if (answer.status === 303) expect([isToLogin(answer), mayBeNobody(fault)]).toEqual([true, true])
    const page = answer.status === 200 ? answer : await read(await ask(healthy))
    await afterRetry()
    expect(page.status).toBe(200)
    expect(page.text).toContain(shows())
  }

const pageFlow = (name: string, path: () => string, shows: () => string): Flow => ({
  name,
  speaks: 'page',
  async begin() {
    const ask = ({ fetch }: Service) => fetch(path(), cookieHeader(cast.cookie))
    return { ask, judge: judgePage(ask, shows) }
  },
})

const consentRemembered: Flow = {
  name: 'GET /authorize, remembered',
  speaks: 'page',
  async begin() {
    const path = authorizePath(requestOf(cast.client, withChallenge))
    const ask = ({ fetch }: Service) => fetch(path, cookieHeader(cast.cookie))
    return { ask, judge: judgeCode(ask) }
  },
}

const consentAnswered: Flow = {
  name: 'POST /authorize',
  speaks: 'page',
  async begin() {
    const ask = ({ fetch }: Service) =>
      post('/authorize', cast.consentFields, { Cookie: cast.cookie }, fetch)
    return { ask, judge: judgeCode(ask) }
  },
}

const revokeAccess: Flow = {
  name: 'revoke an access token',
  speaks: 'json',
  async begin({ fetch }) {
    const { access, refresh } = await tokensFor(cast.client, fetch)
    const ask = (service: Service) =>
      sendAs(cast.client, '/revoke', { token: access }, service.fetch)
    return {
      ask,
      async judge({ answer, afterRetry }) {
        if (answer.status !== 200) expect((await ask(healthy)).status).toBe(200)
        await afterRetry()
        await expectDead(access)
        await expectGoodToken(await read(await renewal(cast.client, refresh)))
      },
    }
  },
}

const revokeRefresh: Flow = {
  name: 'revoke a refresh token',
  speaks: 'json',
  async begin({ fetch }) {
    const { access, refresh } = await tokensFor(cast.client, fetch)
    const ask = (service: Service) =>
      sendAs(cast.client, '/revoke', { token: refresh }, service.fetch)
    const isActive = async (token: string) => {
      const told = await sendAs(cast.client, '/introspect', { token })
      return ((await told.json()) as { active: boolean }).active
    }
    return {
      ask,
      async judge({ answer, afterRetry }) {
        const alive = [await isActive(access), await isActive(refresh)]
        expect(alive[0], 'half a family ended').toBe(alive[1])
        if (answer.status === 200) expect(alive).toEqual([false, false])
        else expect((await ask(healthy)).status).toBe(200)
        await afterRetry()
        await expectDead(access)
        await expectRefusedGrant(await renewal(cast.client, refresh))
      },
    }
  },
}

type Kind = 'access' | 'refresh'
const introspectFlow = (kind: Kind, isRevoked: boolean): Flow => ({
  name: `introspect ${isRevoked ? 'a revoked' : 'a live'} ${kind} token`,
  speaks: 'json',
  async begin({ fetch }) {
    const token = (await tokensFor(cast.client, fetch))[kind]
    if (isRevoked) await sendAs(cast.client, '/revoke', { token })
    const ask = (service: Service) => sendAs(cast.client, '/introspect', { token }, service.fetch)
    return {
      ask,
      async judge({ answer, fault, afterRetry }) {
        const isHidden = fault === 'is not visible yet' && kind === 'access'
        if (answer.status === 200)
          expect(JSON.parse(answer.text).active).toBe(!isRevoked && !isHidden)
        const retry = await ask(healthy)
        expect(((await retry.json()) as { active: boolean }).active).toBe(!isRevoked)
        await afterRetry()
      },
    }
  },
})

const SIGNED_IN = /^registry_session=./

const sessionCookieIn = (answer: Answer) =>
  answer.headers.getSetCookie().find((cookie) => SIGNED_IN.test(cookie)) ?? null

async function signInForm(password: string) {
  const page = await registry('/login')
  const shown = Object.fromEntries(fieldsOf(await page.text(), '/login'))
  const fields: Pairs = { ...shown, username: cast.user.username, password }
  return { fields, cookie: cookiesOf(page) }
}

const loginFlow = (name: string, before: () => Promise<string>): Flow => ({
  name,
  speaks: 'page',
  async begin() {
    const former = await before()
    const { fields, cookie } = await signInForm(PASSWORD)
    const both = former === '' ? cookie : `${cookie}; ${former}`
    const ask = ({ fetch }: Service) => post('/login', fields, { Cookie: both }, fetch)
    return {
      ask,
      async judge({ answer, afterRetry }) {
        const signedIn = answer.status === 303 ? answer : await read(await ask(healthy))
        await afterRetry()
        expect(signedIn.status).toBe(303)
        const [session = ''] = (sessionCookieIn(signedIn) ?? '').split(';')
        expect((await registry('/account', cookieHeader(session))).status).toBe(200)
      },
    }
  },
})

const wrongPassword: Flow = {
  name: 'login with a wrong password',
  speaks: 'page',
  async begin() {
    const { fields, cookie } = await signInForm('not the password')
    return {
      ask: ({ fetch }) => post('/login', fields, { Cookie: cookie }, fetch),
      async judge({ answer, afterRetry }) {
        expect(sessionCookieIn(answer)).toBeNull()
        expect([403, 503]).toContain(answer.status)
        await afterRetry()
        await env.DB.prepare('DELETE FROM sign_in_failure').run()
      },
    }
  },
}

const loginPage = pageFlow(
  'GET /login before an authorization',
  () => `/login?${new URLSearchParams({ next_page: authorizePath(requestOf(cast.client)) })}`,
  () => 'Example client',
)

const logout: Flow = {
  name: 'logout',
  speaks: 'page',
  async begin() {
    const cookie = await signIn(cast.user)
    const page = await registry('/account', cookieHeader(cookie))
    const fields = fieldsOf(await page.text(), '/logout') as [string, string][]
    const ask = ({ fetch }: Service) => post('/logout', fields, { Cookie: cookie }, fetch)
    return {
      ask,
      async judge({ answer, afterRetry }) {
        if (answer.status !== 303) expect((await ask(healthy)).status).toBe(303)
        await afterRetry()
        await expectDead(cookie.slice('registry_session='.length))
      },
    }
  },
}

/** Everything of a user for one client; of a user of its own, because it ends the consent of the others. */
const removal: Flow = {
  name: 'account removal',
  speaks: 'page',
  async begin({ fetch }) {
    const user = await newUser()
    const { access, refresh } = await userTokens(cast.client, user)
    const cookie = await signIn(user)
    const request = requestOf(cast.client, withChallenge)
    const code = await obtainCode(cookie, request, fetch)
    const page = await (await registry('/account', cookieHeader(cookie))).text()
    const fields = fieldsOf(page, '/account') as [string, string][]
    const ask = (service: Service) => post('/account', fields, { Cookie: cookie }, service.fetch)
    return {
      ask,
      async judge({ answer, fault, afterRetry }) {
        if (isToLogin(answer)) expect(mayBeNobody(fault)).toBe(true)
        if (answer.status !== 200) expect([200, 303]).toContain((await ask(healthy)).status)
        await afterRetry()
        await expectDead(access)
        await expectRefusedGrant(await renewal(cast.client, refresh))
        const redemption = redemptionOf(cast.client, code, { code_verifier: PKCE.verifier })
        await expectRefusedGrant(await post('/token', redemption))
        const asked = await registry(authorizePath(request), cookieHeader(cookie))
        expect(asked.status, 'consent is still remembered').toBe(200)
      },
    }
  },
}

const authFlow = (path: string, isRevoked: boolean): Flow => ({
  name: `${path} with ${isRevoked ? 'a revoked' : 'a live'} token`,
  speaks: 'auth',
  async begin({ fetch }) {
    const response = await post('/token', credentialsOf(cast.client), {}, fetch)
    const token = bodyOf(await read(response)).access_token
    if (isRevoked) await sendAs(cast.client, '/revoke', { token })
    const ask = ({ auth }: Service) => auth(path, { headers: { Authorization: `Bearer ${token}` } })
    return {
      ask,
      async judge({ answer, fault, afterRetry }) {
        const isHidden = fault === 'is not visible yet'
        const truth = isRevoked ? [401] : isHidden ? [200, 401] : [200]
        expect([503, ...truth]).toContain(answer.status)
        expect(answer.headers.has('Authorization')).toBe(answer.status === 200)
        expect((await ask(healthy)).status).toBe(truth[0])
        await afterRetry()
      },
    }
  },
})

export const flows: readonly Flow[] = [
  clientCredentials,
  firstOfTheDay,
  pageFlow(
    'GET /authorize, the consent page',
    () => authorizePath(requestOf(cast.client, { scope: 'public:read' })),
    () => 'Example client',
  ),
  consentRemembered,
  consentAnswered,
  codeFlow('code exchange without refresh', () => cast.plainClient, {}, {}),
  codeFlow('code exchange with refresh', () => cast.client, withChallenge, {
    code_verifier: PKCE.verifier,
  }),
  refreshFlow('refresh', () => cast.client),
  refreshFlow('refresh by a public client', () => cast.publicClient),
  revokeAccess,
  revokeRefresh,
  introspectFlow('access', false),
  introspectFlow('access', true),
  introspectFlow('refresh', false),
  introspectFlow('refresh', true),
  loginPage,
  loginFlow('login', async () => ''),
  loginFlow('login over another session', () => signIn(cast.user)),
  wrongPassword,
  logout,
  pageFlow(
    'GET /account',
    () => '/account',
    () => 'Example client',
  ),
  removal,
  authFlow('/auth', false),
  authFlow('/auth', true),
  authFlow('/auth?fresh', false),
  authFlow('/auth?fresh', true),
]

/** Whatever went wrong: an answer that says so and no more, or one that is whole. */
export function expectWellFormed(answer: Answer, speaks: Flow['speaks']) {
  expect([200, 303, 401, 403, 503], answer.text).toContain(answer.status)
  expect(answer.text).not.toMatch(/out of reach|D1_|KV_|SQLITE|storage has not/i)
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
