/** Sign-in and sign-out: a new session each time, the same response to every failure, and no open redirect. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { hashPassword, NO_ONES_HASH } from '../../src/crypto/password.ts'
import { KEPT_LONGER_SECONDS } from '../../src/stores/revocation-statements.ts'
import { signInFailureStore } from '../../src/stores/sign-in-failures.ts'
import { userRegistry } from '../rows.ts'
import { passTime } from './d1-clock.ts'
import { exceededFor } from './limits.ts'
import {
  attemptSignIn,
  cookiesOf,
  countSessions,
  credentialsOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  PASSWORD,
  post,
  registry,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
  type TestUser,
  tokenIn,
} from './registry.ts'

async function signInForm() {
  const page = await registry('/login')
  return {
    fields: Object.fromEntries(fieldsOf(await page.text(), '/login')),
    cookie: cookiesOf(page),
  }
}
const attempt = (user: TestUser, change: Record<string, string> = {}, page = '/login') =>
  attemptSignIn(user.username, { change, page })

afterEach(() => void vi.useRealTimers())

describe('successful sign-ins', () => {
  it("a sign-in gives a session of the same shape as an access token's, in an HttpOnly cookie", async () => {
    const user = await newUser()
    const response = await attempt(user)
    expect(response.status).toBe(303)
    const set = response.headers.getSetCookie().find((one) => one.startsWith('registry_session='))
    expect(set).toMatch(/; HttpOnly; SameSite=Lax$/)
    expect(set).toContain('Max-Age=7200; Path=/;')
    const token = /=([^;]+)/.exec(set ?? '')?.[1] ?? ''
    expect(await sessionOf(token)).toMatchObject({
      user: { user_id: user.id, username: user.username },
      client: null,
      authorizations: { scopes: ['public:read', 'submission:read'] },
    })
  })

  it('a sign-in over https sets a __Host- cookie and HSTS', async () => {
    const secure = serve({ ISSUER: 'https://registry.example' })
    const user = await newUser()
    const page = 'https://registry.example/login'
    const response = await attemptSignIn(user.username, { page, fetch: secure })
    expect(response.headers.getSetCookie().join('\n')).toMatch(
      /^__Host-registry_session=regb_[^;]+; Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Lax/,
    )
    expect(response.headers.get('Strict-Transport-Security')).toMatch(/^max-age=\d+/)
  })

  it('a sign-in accepts the username in any case', async () => {
    const user = await newUser()
    expect((await attempt(user, { username: user.username.toUpperCase() })).status).toBe(303)
  })

  it.each([' %s', '%s ', '\t%s\u00a0', '\ufeff%s\u3000'])(
    'a sign-in accepts the username with white space around it: %j',
    async (typed) => {
      const user = await newUser()
      const username = typed.replace('%s', user.username)
      expect((await attempt(user, { username })).status).toBe(303)
    },
  )

  it('control: a sign-in with white space within the username is refused', async () => {
    const user = await newUser()
    expect((await attempt(user, { username: `${user.username} x` })).status).toBe(403)
  })

  it('every sign-in gives a new session, and ends the old one of the browser', async () => {
    const user = await newUser()
    const first = await signIn(user)
    const second = cookiesOf(await attemptSignIn(user.username, { cookie: first }))
    expect(sessionTokenIn(second)).not.toBe(sessionTokenIn(first))
    expect(await sessionOf(sessionTokenIn(first))).toBeNull()
    expect(await sessionOf(sessionTokenIn(second))).not.toBeNull()
  })
})

describe('failed sign-ins', () => {
  it('a sign-in gets the same response for an unknown user, a wrong password and a disabled user', async () => {
    const user = await newUser()
    const disabled = await newUser()
    await userRegistry(env.DB).disable(disabled.id, nowSeconds())
    const before = await countSessions()
    const answers = [
      await attempt(user, { password: 'wrong' }),
      await attempt(user, { username: 'nobody' }),
      await attempt(disabled),
      await attempt(user, { password: '' }),
    ]
    for (const answer of answers) {
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('The username or the password is wrong.')
      expect(cookiesOf(answer)).not.toContain('registry_session=')
    }
    expect(await countSessions()).toBe(before)
    expect((await attempt(user)).status).toBe(303)
  })

  it('a sign-in does the same work for an unknown user as for a known one', async () => {
    const parameters = (hash: string) => hash.split('$').slice(0, 4)
    const passwordHash = await hashPassword('any password')
    expect(parameters(NO_ONES_HASH)).toEqual(parameters(passwordHash))
    const msOf = async (user: Parameters<typeof attempt>[0]) => {
      const startedAtMs = performance.now()
      await attempt(user, { password: 'wrong' })
      return performance.now() - startedAtMs
    }
    // The shortest of several turns counts, because other work on the machine makes a turn longer.
    const shortest = { unknown: Number.POSITIVE_INFINITY, known: Number.POSITIVE_INFINITY }
    const ratio = () => shortest.unknown / shortest.known
    // The hash takes nearly all the time; without it an unknown name would take a tenth.
    const isAlike = () => ratio() > 0.3 && ratio() < 3
    for (let turn = 0; turn < 3 || (turn < 10 && !isAlike()); turn++) {
      // Each name fails once: a name that is locked out costs no hash.
      const known = await newUser({ passwordHash })
      const unknown = { ...known, username: `nobody-${turn}` }
      shortest.unknown = Math.min(shortest.unknown, await msOf(unknown))
      shortest.known = Math.min(shortest.known, await msOf(known))
    }
    expect(ratio()).toBeGreaterThan(0.3)
    expect(ratio()).toBeLessThan(3)
  })

  it('a failed sign-in shows and counts the username without surrounding white space', async () => {
    const user = await newUser()
    const answer = await attempt(user, { username: ` ${user.username} `, password: 'wrong' })
    expect(await answer.text()).toContain(`name="username" value="${user.username}"`)
    const failures = signInFailureStore(env.DB)
    vi.useFakeTimers({ toFake: ['Date'] })
    for (let i = 0; i < 4; i++) await attempt(user, { username: `${user.username} `, password: '' })
    expect(await failures.lockedUntil(user.username, '', nowSeconds())).toBeGreaterThan(0)
    expect((await attempt(user)).status).toBe(429)
  })

  it('a sign-in with white space after the password is refused', async () => {
    expect((await attempt(await newUser(), { password: `${PASSWORD} ` })).status).toBe(403)
  })

  it('a failed sign-in does not show the password again', async () => {
    const answer = await attempt(await newUser(), { password: 'a wrong password' })
    expect(await answer.text()).not.toContain('a wrong password')
  })

  it.each([
    ['without its token', { form_token: '' }],
    ['with a wrong token', { form_token: 'x'.repeat(43) }],
  ])('a sign-in that is posted %s shows the form again and opens no session', async (_, change) => {
    const answer = await attempt(await newUser(), change)
    expect(answer.status).toBe(403)
    expect(cookiesOf(answer)).not.toContain('registry_session=')
  })

  it('a sign-in that is posted from another browser or another site opens no session', async () => {
    const user = await newUser()
    const { fields, cookie } = await signInForm()
    const filled = { ...fields, username: user.username, password: PASSWORD }
    expect((await post('/login', filled)).status).toBe(403)
    const other = await signInForm()
    expect((await post('/login', filled, { Cookie: other.cookie })).status).toBe(403)
    const foreign = { Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' }
    expect((await post('/login', filled, foreign)).status).toBe(403)
    expect((await post('/login', filled, { Cookie: cookie })).status).toBe(303)
  })

  it('a sign-in from an address over the rate limit is 429 with Retry-After, and other addresses are not limited', async () => {
    const guarded = serve({ LOGIN_LIMIT: exceededFor((key) => key === '192.0.2.7') })
    const user = await newUser()
    const from = (address: string) =>
      attemptSignIn(user.username, { headers: { 'CF-Connecting-IP': address }, fetch: guarded })
    const flooded = await from('192.0.2.7')
    expect(flooded.status).toBe(429)
    expect(flooded.headers.get('Retry-After')).toBe('60')
    expect((await from('192.0.2.8')).status).toBe(303)
  })
})

describe('the rate limit on sign-ins', () => {
  it.each([
    ['fails', () => Promise.reject(new Error('no limit today'))],
    ['never answers', () => new Promise<never>(() => {})],
  ])('a sign-in succeeds when the rate limit %s', async (_, limit) => {
    const guarded = serve({ LOGIN_LIMIT: { limit } })
    const user = await newUser()
    const headers = { 'CF-Connecting-IP': '192.0.2.7' }
    const response = await attemptSignIn(user.username, { headers, fetch: guarded })
    expect(response.status).toBe(303)
  })

  it.each(['LOGIN_LIMIT', 'REFUSAL_LIMIT'])(
    'the registry does not start without the rate limit %s',
    (name) => {
      expect(() => serve({ [name]: undefined })).toThrow(`${name}: the rate limit must be bound`)
    },
  )
})

describe('next_page', () => {
  const authorize = `${ISSUER}/authorize?client_id=x&state=a%20b`
  it.each([
    [authorize, '/authorize?client_id=x&state=a%20b'],
    ['/authorize?x=1', '/authorize?x=1'],
    ['', '/'],
  ])('the next_page %j is followed after a sign-in', async (nextPage, expected) => {
    const path = `/login?next_page=${encodeURIComponent(nextPage)}`
    const response = await attempt(await newUser(), {}, path)
    expect(response.headers.get('Location')).toBe(expected)
  })

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    `${ISSUER}//evil.example`,
    `${ISSUER}.evil.example/`,
    'javascript:alert(1)',
    'http://user@127.0.0.1:8788/',
  ])('the next_page %s is not followed after a sign-in', async (nextPage) => {
    const path = `/login?next_page=${encodeURIComponent(nextPage)}`
    const user = await newUser()
    expect((await attempt(user, {}, path)).headers.get('Location')).toBe('/')
    expect((await attempt(user, { next_page: nextPage })).headers.get('Location')).toBe('/')
  })
})

describe('sign-out', () => {
  const signOutForm = async (cookie: string) => {
    const page = await registry('/', { headers: { Cookie: cookie } })
    return Object.fromEntries(fieldsOf(await page.text(), '/logout'))
  }

  it('a sign-out ends the session, even for a browser that still sends the cookie', async () => {
    const cookie = await signIn(await newUser())
    expect(await (await registry('/', { headers: { Cookie: cookie } })).text()).toContain(
      'Signed in as',
    )
    const response = await post('/logout', await signOutForm(cookie), { Cookie: cookie })
    expect(response.status).toBe(303)
    expect(response.headers.getSetCookie().join()).toMatch(/registry_session=; Max-Age=0/)
    const after = await registry('/', { headers: { Cookie: cookie } })
    expect(await after.text()).not.toContain('Signed in as')
    expect((await post('/logout', {}, {})).status).toBe(303)
  })

  it('a forged sign-out is refused and ends nothing', async () => {
    const cookie = await signIn(await newUser())
    expect((await post('/logout', {}, { Cookie: cookie })).status).toBe(403)
    expect((await registry('/', { headers: { Cookie: cookie } })).status).toBe(200)
    expect(await signOutForm(cookie)).toHaveProperty('form_token')
  })
})

describe('sign-out forms from an older session', () => {
  it('a sign-out form from an older session ends nothing, names the user and offers to sign out', async () => {
    const user = await newUser()
    const formOf = async (cookie: string) => {
      const page = await registry('/account', { headers: { Cookie: cookie } })
      return Object.fromEntries(fieldsOf(await page.text(), '/logout'))
    }
    const stale = { ...(await formOf(await signIn(await newUser()))), next_page: '/account' }
    const cookie = await signIn(user)
    const response = await post('/logout', stale, { Cookie: cookie })
    const page = await response.text()
    expect(response.status).toBe(403)
    expect(page).toContain('you were not signed out')
    expect(page).toContain(`<bdi>${user.username}</bdi>`)
    expect(await sessionOf(sessionTokenIn(cookie))).not.toBeNull()
    const again = Object.fromEntries(fieldsOf(page, '/logout'))
    const signedOut = await post('/logout', again, { Cookie: cookie })
    expect([signedOut.status, signedOut.headers.get('Location')]).toEqual([303, '/account'])
    expect(await sessionOf(sessionTokenIn(cookie))).toBeNull()
  })

  it('control: a forged sign-out form is refused without a form', async () => {
    const cookie = await signIn(await newUser())
    const response = await post('/logout', { form_token: 'x'.repeat(43) }, { Cookie: cookie })
    expect(response.status).toBe(403)
    expect(fieldsOf(await response.text(), '/logout')).toEqual([])
    expect(await sessionOf(sessionTokenIn(cookie))).not.toBeNull()
  })
})

describe('the lifetime of a browser session', () => {
  it('a browser session expires after BROWSER_SESSION_LIFETIME_SECONDS, and an access token after SESSION_LIFETIME_SECONDS', async () => {
    const fetch = serve({
      BROWSER_SESSION_LIFETIME_SECONDS: 86_400,
      SESSION_LIFETIME_SECONDS: 600,
    })
    const user = await newUser()
    const response = await attemptSignIn(user.username, { fetch })
    const set = response.headers.getSetCookie().join('\n')
    expect(set).toMatch(/registry_session=[^;]+; Max-Age=86400;/)
    const session = await sessionOf(sessionTokenIn(set))
    const lastsMs = Date.parse(session?.end_time ?? '') - Date.parse(session?.start_time ?? '')
    expect(lastsMs).toBe(86_400_000)
    const client = await newClient()
    const token = await tokenIn(await post('/token', credentialsOf(client), {}, fetch))
    expect(token.expires_in).toBe(600)
  })

  it.each([
    [{ BROWSER_SESSION_LIFETIME_SECONDS: 86_400, SESSION_LIFETIME_SECONDS: 600 }],
    [{ BROWSER_SESSION_LIFETIME_SECONDS: 600, SESSION_LIFETIME_SECONDS: 86_400 }],
  ])(
    'the revocation of a browser session is kept as long as the longest session of %j',
    async (settings) => {
      const fetch = serve(settings)
      const cookie = await signIn(await newUser(), fetch)
      const page = await fetch('/', { headers: { Cookie: cookie } })
      const fields = Object.fromEntries(fieldsOf(await page.text(), '/logout'))
      await post('/logout', fields, { Cookie: cookie }, fetch)
      const key = await digest(sessionTokenIn(cookie))
      const row = await env.DB.prepare(
        "SELECT expires_at - revoked_at_ms / 1000 AS kept FROM revocation WHERE kind = 'session' AND subject = ?1",
      )
        .bind(key)
        .first<{ kept: number }>()
      expect(row?.kept).toBeGreaterThanOrEqual(86_400 + KEPT_LONGER_SECONDS)
      expect(row?.kept).toBeLessThanOrEqual(86_401 + KEPT_LONGER_SECONDS)
    },
  )

  it('a browser session ends after its lifetime even when KV still has it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const cookie = await signIn(await newUser())
    const isSignedIn = async () =>
      (await (await registry('/', { headers: { Cookie: cookie } })).text()).includes('Signed in as')
    vi.setSystemTime(Date.now() + 7199 * 1000)
    expect(await isSignedIn()).toBe(true)
    vi.setSystemTime(Date.now() + 2 * 1000)
    expect(await isSignedIn()).toBe(false)
  })
})

describe('the lockout after failed sign-ins', () => {
  const wrong = (user: TestUser, count: number) =>
    Array.from({ length: count }).reduce<Promise<unknown>>(
      (before) => before.then(() => attempt(user, { password: 'wrong' })),
      Promise.resolve(),
    )
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

  it('after five failed sign-ins in a row even the right password is refused, for twice as long after each further failure', async () => {
    const user = await newUser()
    await wrong(user, 4)
    expect((await attempt(user, { password: 'wrong' })).status).toBe(403)
    const locked = await attempt(user)
    expect(locked.status).toBe(429)
    expect(locked.headers.get('Retry-After')).toBe('1')
    expect(await locked.text()).toContain('Too many failed attempts')
    passTime(1)
    expect((await attempt(user, { password: 'wrong' })).status).toBe(403)
    expect((await attempt(user)).headers.get('Retry-After')).toBe('2')
    passTime(2)
    expect((await attempt(user)).status).toBe(303)
  })

  it('only five of fifty simultaneous guesses have their password checked', async () => {
    const user = await newUser()
    const passwords = Array.from({ length: 50 }, (_, n) => `guess ${n}`)
    const answers = await Promise.all(passwords.map((password) => attempt(user, { password })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 403)).toHaveLength(5)
    expect(statuses.filter((status) => status === 429)).toHaveLength(45)
    expect((await attempt(user)).status).toBe(429)
    passTime(901)
    expect((await attempt(user)).status).toBe(303)
  })

  it('successful sign-ins do not count as failures, even when they are simultaneous', async () => {
    const user = await newUser()
    const failures = async () => {
      const rows = env.DB.prepare('SELECT sum(failures) AS n FROM sign_in_failure')
      return (await rows.first<number>('n')) ?? 0
    }
    await wrong(user, 1)
    const before = await failures()
    await Promise.all(Array.from({ length: 4 }, () => attempt(user)))
    for (let times = 0; times < 6; times++) expect((await attempt(user)).status).toBe(303)
    // The success cleared the failure of this network; that of the name stays.
    expect(await failures()).toBe(before - 1)
  })

  it('a successful sign-in resets the count of failures', async () => {
    const user = await newUser()
    await wrong(user, 4)
    expect((await attempt(user)).status).toBe(303)
    await wrong(user, 4)
    expect((await attempt(user)).status).toBe(303)
  })

  it('a lockout lasts at most a quarter of an hour, and failures are forgotten after a day', async () => {
    const user = await newUser()
    for (let failures = 0; failures < 20; failures++) {
      await attempt(user, { password: 'wrong' })
      passTime(901)
    }
    expect((await attempt(user)).status).toBe(303)
    await wrong(user, 5)
    passTime(86_401)
    await attempt(user, { password: 'wrong' })
    expect((await attempt(user)).status).toBe(303)
  })

  it('a username is locked for a second after a hundred failures from different networks', async () => {
    const user = await newUser()
    const failures = signInFailureStore(env.DB)
    const fail = (i: number) => failures.record(user.username, `network ${i}`, nowSeconds())
    await Promise.all(Array.from({ length: 99 }, (_, i) => fail(i)))
    expect((await attempt(user)).status).toBe(303)
    await fail(99)
    const locked = await attempt(user)
    expect([locked.status, locked.headers.get('Retry-After')]).toEqual([429, '1'])
    passTime(1)
    expect((await attempt(user)).status).toBe(303)
  })

  it('a username that does not exist is locked like any other', async () => {
    const unknown = { id: '', username: 'nobody-at-all' }
    // The dummy hash of an unknown user costs a quarter of a second.
    const failures = signInFailureStore(env.DB)
    for (let i = 0; i < 4; i++) await failures.record(unknown.username, '', nowSeconds())
    expect((await attempt(unknown)).status).toBe(403)
    expect((await attempt(unknown)).status).toBe(429)
  })

  it('a lockout that a stranger causes does not apply to the user in another network', async () => {
    const user = await newUser()
    const from = async (address: string, password: string) => {
      const headers = { 'CF-Connecting-IP': address }
      return (await attemptSignIn(user.username, { password, headers })).status
    }
    for (let failures = 0; failures < 8; failures++) await from('192.0.2.66', 'wrong')
    expect(await from('192.0.2.66', PASSWORD)).toBe(429)
    expect(await from('192.0.2.7', PASSWORD)).toBe(303)
    // A subscriber has a whole network of IPv6 addresses.
    for (let host = 1; host <= 5; host++) await from(`2001:db8::${host}`, 'wrong')
    expect(await from('2001:db8::6', PASSWORD)).toBe(429)
    expect(await from('2001:db8:0:1::6', PASSWORD)).toBe(303)
  })
})
