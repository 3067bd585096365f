/** OpenID Connect Core 1.0 §3.1.2.1: `prompt`, `max_age` and `login_hint` of an authorization request. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import type { SessionRecord } from '../../src/domain/session.ts'
import { userRegistry } from '../rows.ts'
import {
  allowing,
  answerConsent,
  attemptSignIn,
  authorizePath,
  codeIn,
  cookiesOf,
  countSessions,
  type Fetch,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  post,
  registry,
  requestOf,
  serve,
  sessionTokenIn,
  signIn,
  type TestClient,
  type TestUser,
  withChallenge,
} from './registry.ts'

let user: TestUser
let cookie: string
let client: TestClient
beforeAll(async () => {
  user = await newUser()
  cookie = await signIn(user)
})
beforeEach(async () => {
  client = await newClient()
})

const open = (more: Record<string, string>, who = cookie, fetch: Fetch = registry) =>
  fetch(authorizePath(requestOf(client, more)), who === '' ? {} : { headers: { Cookie: who } })
/** The target of a redirect, in the registry or elsewhere. */
const sentTo = (response: Response) => new URL(response.headers.get('Location') ?? '', ISSUER)
const isPage = async (response: Response) =>
  response.status === 200 && (await response.text()).includes('action="/authorize"')
const isSignIn = (response: Response) =>
  response.status === 303 && sentTo(response).pathname === '/login'
const nextPageOf = (response: Response) => sentTo(response).searchParams.get('next_page') ?? ''
const remember = async () => codeIn(await answerConsent(cookie, requestOf(client)))

/** Makes the sign-in of a session this many seconds older. */
async function age(who: string, seconds: number) {
  const key = await sessionKeyOf(sessionTokenIn(who))
  const record = await env.SESSIONS.get<SessionRecord>(key, 'json')
  if (!record) throw new Error('no session')
  const start_time = new Date(Date.parse(record.start_time) - seconds * 1000).toISOString()
  await env.SESSIONS.put(key, JSON.stringify({ ...record, start_time }), { expirationTtl: 600 })
}

/** Expects a redirect to the client with the error, without a page, a code or a session. */
async function expectErrorRedirect(response: Response, error: string) {
  const { origin, searchParams } = sentTo(response)
  expect([response.status, origin]).toEqual([303, 'https://client.example'])
  expect(Object.fromEntries(searchParams)).toEqual({
    error,
    error_description: expect.stringMatching(/\.$/),
    error_uri: `${ISSUER}/errors/${error}`,
    state: 'af0ifjsldkj',
    iss: ISSUER,
  })
}

describe('prompt=none', () => {
  const silent = { prompt: 'none' }

  it('a request with prompt=none gets a code if the user is signed in and has consented', async () => {
    await remember()
    expect(codeIn(await open(silent))).toMatch(/^regc_/)
  })

  it('a request with prompt=none without a signed-in user is refused with login_required', async () => {
    const before = await countSessions()
    await expectErrorRedirect(await open(silent, ''), 'login_required')
    await expectErrorRedirect(await open(silent, 'registry_session=junk'), 'login_required')
    expect(await countSessions()).toBe(before)
    expect(isSignIn(await open({}, ''))).toBe(true)
  })

  it('a request with prompt=none with a signed-out session is refused with login_required', async () => {
    await remember()
    const other = await signIn(user)
    expect(codeIn(await open(silent, other))).toMatch(/^regc_/)
    const page = await (await registry('/', { headers: { Cookie: other } })).text()
    await post('/logout', fieldsOf(page, '/logout'), { Cookie: other })
    await expectErrorRedirect(await open(silent, other), 'login_required')
  })

  it('a request with prompt=none of a deleted or disabled user is refused with login_required', async () => {
    const someone = await newUser()
    const who = await signIn(someone)
    const key = await sessionKeyOf(sessionTokenIn(who))
    await userRegistry(env.DB).disable(someone.id, nowSeconds())
    // KV elsewhere may still show the session. The record of the user decides.
    expect(await env.SESSIONS.get(key)).not.toBeNull()
    await expectErrorRedirect(await open(silent, who), 'login_required')
  })

  it('a request with prompt=none that needs consent is refused with consent_required', async () => {
    await expectErrorRedirect(await open(silent), 'consent_required')
    await remember()
    await expectErrorRedirect(
      await open({ ...silent, scope: 'public:read submission:read' }),
      'consent_required',
    )
    expect(codeIn(await open(silent))).toMatch(/^regc_/)
  })

  it('a request with prompt=none of a native application always needs consent', async () => {
    const redirect_uri = 'http://127.0.0.1/callback'
    client = await newClient({ authMethod: 'none', redirectUris: [redirect_uri] })
    const request = { ...withChallenge, redirect_uri: 'http://127.0.0.1:5000/callback' }
    expect(codeIn(await answerConsent(cookie, requestOf(client, request)))).toMatch(/^regc_/)
    const { searchParams } = sentTo(await open({ ...request, ...silent }))
    expect(searchParams.get('error')).toBe('consent_required')
  })

  it('a request with prompt=none for an unknown redirect URI redirects no user', async () => {
    const evil = { ...silent, redirect_uri: 'https://evil.example/callback' }
    for (const who of ['', cookie]) {
      const refused = await open(evil, who)
      expect([refused.status, refused.headers.get('Location')]).toEqual([400, null])
    }
  })

  it('a consent form that is posted with prompt=none is refused without a page', async () => {
    const page = await open({})
    const fields = [...allowing(await page.text()), ['prompt', 'none'] as [string, string]]
    const answer = await post('/authorize', fields, { Cookie: cookie })
    expect([answer.status, codeIn(answer)]).toEqual([403, ''])
  })
})

describe('prompt=login and max_age', () => {
  it.each([
    ['prompt=login', { prompt: 'login' }],
    ['max_age=0', { max_age: '0' }],
    ['an exceeded max_age', { max_age: '60' }],
  ])('%s requires a new sign-in, and after it only consent', async (_, demand) => {
    const old = await signIn(user)
    await age(old, 90)
    const away = await open(demand, old)
    expect(isSignIn(away)).toBe(true)
    const back = nextPageOf(away)
    // A browser that returns without a sign-in is redirected to sign-in again.
    const skipped = await registry(back, { headers: { Cookie: old } })
    expect(isSignIn(skipped)).toBe(true)
    const signedIn = await attemptSignIn(user.username, {
      page: `/login?next_page=${encodeURIComponent(back)}`,
      cookie: old,
    })
    const next = new URL(signedIn.headers.get('Location') ?? '', ISSUER)
    const headers = { Cookie: cookiesOf(signedIn) }
    const page = await registry(next.pathname + next.search, { headers })
    expect(page.status).toBe(200)
    const allowed = await post('/authorize', allowing(await page.text()), headers)
    expect(codeIn(allowed)).toMatch(/^regc_/)
  })

  it('max_age=0 requires a new sign-in even within the second of the last one', async () => {
    expect(isSignIn(await open({ max_age: '0' }, await signIn(user)))).toBe(true)
  })

  it('a sign-in within max_age suffices', async () => {
    const recent = await signIn(user)
    await age(recent, 30)
    expect(await isPage(await open({ max_age: '60' }, recent))).toBe(true)
  })

  it('a request with prompt=none is refused with login_required when max_age is exceeded', async () => {
    await remember()
    const old = await signIn(user)
    await age(old, 90)
    await expectErrorRedirect(await open({ prompt: 'none', max_age: '60' }, old), 'login_required')
    expect(codeIn(await open({ prompt: 'none', max_age: '600' }, old))).toMatch(/^regc_/)
  })

  it('a request that redirected the user to sign-in more than an hour ago redirects the user again', async () => {
    const recent = await signIn(user)
    await age(recent, 2 * 3600)
    const since = String(nowSeconds() - 2 * 3600 - 60)
    expect(isSignIn(await open({ prompt: 'login', asked_at: since }, recent))).toBe(true)
  })

  it('an answer to the consent page is accepted only after the sign-in that the request requires', async () => {
    const old = await signIn(user)
    const page = await open({ max_age: '60' }, old)
    const fields = allowing(await page.text())
    await age(old, 90)
    expect(isSignIn(await post('/authorize', fields, { Cookie: old }))).toBe(true)
  })
})

describe('prompt=consent and prompt=select_account', () => {
  it.each(['consent', 'select_account', 'consent select_account', ' select_account  consent'])(
    'prompt=%j shows the consent page even if a remembered consent would suffice',
    async (prompt) => {
      await remember()
      expect(codeIn(await open({}))).toMatch(/^regc_/)
      const page = await open({ prompt })
      const text = await page.text()
      expect([page.status, text.includes(user.username)]).toEqual([200, true])
      expect(fieldsOf(text, '/authorize')).toContainEqual(['grant', 'submission:read'])
      const allowed = await post('/authorize', allowing(text), { Cookie: cookie })
      expect(codeIn(allowed)).toMatch(/^regc_/)
    },
  )

  it('prompt=login consent asks for a sign-in and then for consent', async () => {
    await remember()
    const away = await open({ prompt: 'login consent' })
    expect(isSignIn(away)).toBe(true)
    const again = await signIn(user)
    const page = await registry(nextPageOf(away), { headers: { Cookie: again } })
    expect(await isPage(page)).toBe(true)
  })
})

describe('malformed prompt and max_age', () => {
  it.each<Record<string, string>>([
    { prompt: 'none login' },
    { prompt: 'consent none' },
    { prompt: 'create' },
    { prompt: 'None' },
    { prompt: 'login,consent' },
    { max_age: '-1' },
    { max_age: '1.5' },
    { max_age: 'soon' },
    { max_age: '99999999999' },
    { prompt: 'login', asked_at: 'x' },
  ])('an authorization request with %o is refused with invalid_request', async (bad) => {
    await remember()
    await expectErrorRedirect(await open(bad), 'invalid_request')
    // RFC 9700 §4.11.2: a link to the registry does not redirect a user by itself.
    expect(isSignIn(await open(bad, ''))).toBe(true)
  })

  it('the values of prompt are listed in the metadata', async () => {
    const body = await (await registry('/.well-known/oauth-authorization-server')).json()
    expect(body).toHaveProperty('prompt_values_supported', [
      'none',
      'login',
      'consent',
      'select_account',
    ])
  })
})

describe('login_hint', () => {
  const shown = async (login_hint: string) => {
    const away = await open({ login_hint }, '')
    expect(isSignIn(away)).toBe(true)
    const page = await registry(sentTo(away).pathname + sentTo(away).search)
    return new Map(fieldsOf(await page.text(), '/login')).get('username')
  }

  it('the sign-in page has the name of login_hint', async () => {
    expect(await shown('ada@example.org')).toBe('ada@example.org')
    expect(await shown('Ångström & Söhne')).toBe('Ångström & Söhne')
    expect(await shown('"><script>')).toBe('"><script>')
  })

  it('the sign-in page omits a login_hint that is longer than any username', async () => {
    expect(await shown('a'.repeat(320))).toBe('a'.repeat(320))
    expect(await shown('a'.repeat(321))).toBe('')
  })

  it('a user other than that of login_hint can sign in', async () => {
    expect(await isPage(await open({ login_hint: 'someone-else' }))).toBe(true)
  })
})

describe('an accounts service (LOGIN_URL)', () => {
  const LOGIN_URL = 'https://accounts.example/login?theme=dark'
  const fetch = serve({ LOGIN_URL })
  const sentToService = (response: Response) => {
    const { origin, searchParams } = sentTo(response)
    expect(origin).toBe('https://accounts.example')
    return searchParams
  }

  it('the accounts service gets login_hint, and prompt=login if the request requires a new sign-in', async () => {
    const plain = sentToService(await open({}, '', fetch))
    expect([...plain.keys()]).toEqual(['theme', 'next_page'])
    const hinted = sentToService(await open({ login_hint: 'ada' }, '', fetch))
    expect([hinted.get('login_hint'), hinted.has('prompt')]).toEqual(['ada', false])
    for (const demand of [{ prompt: 'login' }, { max_age: '0' }]) {
      expect(sentToService(await open(demand, '', fetch)).get('prompt')).toBe('login')
    }
  })

  it('a browser that returns from the accounts service without a new sign-in is redirected to the client with login_required, and not back', async () => {
    const old = await signIn(user)
    await age(old, 90)
    const away = sentToService(await open({ prompt: 'login' }, old, fetch))
    const back = await fetch(away.get('next_page') ?? '', { headers: { Cookie: old } })
    await expectErrorRedirect(back, 'login_required')
    const fresh = await signIn(user)
    const good = await fetch(away.get('next_page') ?? '', { headers: { Cookie: fresh } })
    expect(await isPage(good)).toBe(true)
  })
})
