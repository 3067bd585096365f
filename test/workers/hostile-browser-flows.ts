/** Flows of browsers, for the tests on a hostile platform. */

import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import {
  type Answer,
  expectEnded,
  expectGoodToken,
  expectRefusedGrant,
  type Flow,
  fixtures,
  type Run,
  read,
  type Service,
  sessionCookieIn,
  summaryOf,
} from './hostile-story.ts'
import { renewal, userTokens } from './obtaining.ts'
import {
  authorizePath,
  cookiesOf,
  fieldsOf,
  newUser,
  obtainCode,
  PASSWORD,
  type Pairs,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  signIn,
  withChallenge,
} from './registry.ts'

/** Attempts are counted only with an address. */
const from = (Cookie: string) => ({ Cookie, 'CF-Connecting-IP': '192.0.2.1' })
const cookieHeader = (cookie: string) => ({ headers: { Cookie: cookie } })
const isToLogin = (answer: Answer) =>
  answer.status === 303 && (answer.headers.get('Location') ?? '').startsWith('/login')
/** A browser session that KV does not show yet counts as none. */
const NO_SESSION = '303 /login'
const WITH_CODE = '303 to the client: code'

/** Checks that the authorization responds with a code that gets a token, or leads to sign-in. */
const checkCode =
  (ask: Run['ask']): Run['check'] =>
  async ({ answer, again, afterRetry }) => {
    const isGood = answer.status === 303 && !isToLogin(answer)
    const sent = isGood ? answer : await read(await ask(again))
    await afterRetry()
    expect(sent.status, sent.text).toBe(303)
    const code = new URL(sent.headers.get('Location') ?? '').searchParams.get('code') ?? ''
    const redemption = redemptionOf(fixtures.client, code, { code_verifier: PKCE.verifier })
    await expectGoodToken(await read(await post('/token', redemption)))
  }

export const checkPage =
  (ask: Run['ask'], shows: () => string): Run['check'] =>
  async ({ answer, again, afterRetry }) => {
    const page = answer.status === 200 ? answer : await read(await ask(again))
    await afterRetry()
    expect(page.status).toBe(200)
    expect(page.text).toContain(shows())
  }

export const pageFlow = (
  name: string,
  title: string,
  path: () => string,
  shows: () => string,
): Flow => ({
  name,
  format: 'page',
  expected: `200 ${title}`,
  whileNotShown: NO_SESSION,
  async begin() {
    const ask = ({ fetch }: Service) => fetch(path(), cookieHeader(fixtures.cookie))
    return { ask, check: checkPage(ask, shows) }
  },
})

export const consentRemembered: Flow = {
  name: 'GET /authorize, remembered',
  format: 'page',
  expected: WITH_CODE,
  whileNotShown: NO_SESSION,
  async begin() {
    const path = authorizePath(requestOf(fixtures.client, withChallenge))
    const ask = ({ fetch }: Service) => fetch(path, cookieHeader(fixtures.cookie))
    return { ask, check: checkCode(ask) }
  },
}

export const consentAnswered: Flow = {
  name: 'POST /authorize',
  format: 'page',
  expected: WITH_CODE,
  whileNotShown: NO_SESSION,
  async begin() {
    const ask = ({ fetch }: Service) =>
      post('/authorize', fixtures.consentFields, { Cookie: fixtures.cookie }, fetch)
    return { ask, check: checkCode(ask) }
  },
}

const REFUSED = '303 to the client: access_denied'

export const consentRefused: Flow = {
  name: 'POST /authorize, Cancel',
  format: 'page',
  expected: REFUSED,
  whileNotShown: NO_SESSION,
  async begin() {
    const fields = fixtures.consentFields.map(([name, value]): [string, string] =>
      name === 'confirm' ? [name, 'cancel'] : [name, value],
    )
    const ask = ({ fetch }: Service) =>
      post('/authorize', fields, { Cookie: fixtures.cookie }, fetch)
    // A consent that is remembered, so that Cancel withdraws it.
    await post('/authorize', fixtures.consentFields, { Cookie: fixtures.cookie })
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const sent = answer.status === 503 ? await read(await ask(again)) : answer
        await afterRetry()
        const summary = summaryOf(sent, 'page')
        expect([REFUSED, NO_SESSION]).toContain(summary)
        const scope = 'submission:read public:read'
        const path = authorizePath(requestOf(fixtures.client, { scope, ...withChallenge }))
        const { status } = await again.fetch(path, cookieHeader(fixtures.cookie))
        expect(status).toBe(summary === REFUSED ? 200 : 303)
      },
    }
  },
}

async function signInForm(password: string) {
  const page = await registry('/login')
  const shown = Object.fromEntries(fieldsOf(await page.text(), '/login'))
  const fields: Pairs = { ...shown, username: fixtures.user.username, password }
  return { fields, cookie: cookiesOf(page) }
}

export const loginFlow = (name: string, before: () => Promise<string>): Flow => ({
  name,
  format: 'page',
  expected: '303 /',
  async begin() {
    const former = await before()
    const { fields, cookie } = await signInForm(PASSWORD)
    const both = former === '' ? cookie : `${cookie}; ${former}`
    const ask = ({ fetch }: Service) => post('/login', fields, from(both), fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const signedIn = answer.status === 303 ? answer : await read(await ask(again))
        await afterRetry()
        expect(signedIn.status).toBe(303)
        const [session = ''] = (sessionCookieIn(signedIn) ?? '').split(';')
        expect((await registry('/account', cookieHeader(session))).status).toBe(200)
      },
    }
  },
})

export const wrongPassword: Flow = {
  name: 'login with a wrong password',
  format: 'page',
  expected: '403 Problem: Sign in',
  async begin() {
    const { fields, cookie } = await signInForm('not the password')
    return {
      ask: ({ fetch }) => post('/login', fields, from(cookie), fetch),
      async check({ answer, afterRetry }) {
        expect(sessionCookieIn(answer)).toBeNull()
        await afterRetry()
        await env.DB.prepare('DELETE FROM sign_in_failure').run()
      },
    }
  },
}

export const loginPage: Flow = {
  ...pageFlow(
    'GET /login before an authorization',
    'Sign in',
    () => `/login?${new URLSearchParams({ next_page: authorizePath(requestOf(fixtures.client)) })}`,
    () => 'Example client',
  ),
  whileNotShown: '200 Sign in',
}

export const logout: Flow = {
  name: 'logout',
  format: 'page',
  expected: '303 /',
  async begin({ fetch: before }) {
    const cookie = await signIn(fixtures.user, before)
    const page = await registry('/account', cookieHeader(cookie))
    const fields = fieldsOf(await page.text(), '/logout') as [string, string][]
    const ask = ({ fetch }: Service) => post('/logout', fields, { Cookie: cookie }, fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 303) expect((await ask(again)).status).toBe(303)
        await afterRetry()
        await expectEnded(cookie.slice('registry_session='.length))
      },
    }
  },
}

/** Removes a client on the account page, for a new user, because it ends the consent that other flows need. */
export const removal: Flow = {
  name: 'account removal',
  format: 'page',
  expected: '200 Connected applications',
  whileNotShown: NO_SESSION,
  async begin({ fetch }) {
    const user = await newUser()
    const { access, refresh } = await userTokens(fixtures.client, user)
    const cookie = await signIn(user)
    const request = requestOf(fixtures.client, withChallenge)
    const code = await obtainCode(cookie, request, fetch)
    const page = await (await registry('/account', cookieHeader(cookie))).text()
    const fields = fieldsOf(page, '/account') as [string, string][]
    const ask = (service: Service) => post('/account', fields, { Cookie: cookie }, service.fetch)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 200) expect([200, 303]).toContain((await ask(again)).status)
        await afterRetry()
        await expectEnded(access)
        await expectRefusedGrant(await renewal(fixtures.client, refresh))
        const redemption = redemptionOf(fixtures.client, code, { code_verifier: PKCE.verifier })
        await expectRefusedGrant(await post('/token', redemption))
        const asked = await registry(authorizePath(request), cookieHeader(cookie))
        expect(asked.status, 'consent is still remembered').toBe(200)
      },
    }
  },
}
