/**
 * A browser from which a user has signed in before: failures of others do not lock it out, and its cookie by itself
 * gives no access.
 */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { hashPassword } from '../../src/crypto/password.ts'
import { formToken, SIGN_OUT } from '../../src/http/form-token.ts'
import { signInFailureStore } from '../../src/stores/sign-in-failures.ts'
import { userRegistry } from '../rows.ts'
import { over } from './counting.ts'
import { exceededFor } from './limits.ts'
import {
  attemptSignIn,
  type Fetch,
  fieldsOf,
  newUser,
  nowSeconds,
  PASSWORD,
  post,
  serve,
  type TestUser,
} from './registry.ts'

/** The rate limit counts on the machine's own clock, while these tests move the clock themselves. */
const LOGIN_LIMIT = exceededFor()
const registry = serve({ LOGIN_LIMIT })

type Visit = Readonly<{ password?: string; address?: string; fetch?: Fetch }>

/** A browser that keeps its cookies. */
class Browser {
  readonly cookies = new Map<string, string>()

  async signIn(username: string, { password = PASSWORD, address, fetch = registry }: Visit = {}) {
    const page = await this.#send('/login', {}, fetch)
    const fields = Object.fromEntries(fieldsOf(await page.text(), '/login'))
    const sent = { ...fields, username, password }
    return this.#send('/login', { address, fields: sent }, fetch)
  }

  async #send(
    path: string,
    { address, fields }: { address?: string | undefined; fields?: Record<string, string> },
    fetch: Fetch,
  ) {
    const headers = {
      Cookie: [...this.cookies].map((pair) => pair.join('=')).join('; '),
      ...(address && { 'CF-Connecting-IP': address }),
    }
    const response = await (fields ? post(path, fields, headers, fetch) : fetch(path, { headers }))
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  /** Removes the session, as after its end. */
  forgetSession() {
    this.cookies.delete('registry_session')
    return this
  }

  /** Another browser that has only this cookie. */
  copy() {
    const other = new Browser()
    other.cookies.set('registry_browser', this.token)
    return other
  }

  get token() {
    return this.cookies.get('registry_browser') ?? ''
  }
}

async function knownTo(user: TestUser) {
  const browser = new Browser()
  expect((await browser.signIn(user.username)).status).toBe(303)
  return browser.forgetSession()
}

const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

/** Records failures of this username from many networks, until it is locked for a minute at a time. */
async function lockName({ username }: TestUser) {
  const failures = signInFailureStore(env.DB)
  await Promise.all(
    Array.from({ length: 110 }, (_, n) => failures.record(username, `network ${n}`, nowSeconds())),
  )
}

describe('an attack from 25 networks on the password of one user', () => {
  it('an attack from 25 networks locks out a new browser, and not a browser from which the user has signed in before', async () => {
    const user = await newUser()
    const home = await knownTo(user)
    const attack = async (network: number) => {
      later(2.4)
      const visit = { password: 'wrong', address: `192.0.2.${network}` }
      return (await new Browser().signIn(user.username, visit)).status
    }
    // The state after hours of the attack.
    await lockName(user)
    let locked = 0
    for (let network = 0; network < 25; network++) {
      await attack(network)
      const stranger = await new Browser().signIn(user.username, { address: '198.51.100.1' })
      if (stranger.status === 429) locked++
      const known = await home.forgetSession().signIn(user.username, { address: '198.51.100.2' })
      expect(known.status).toBe(303)
    }
    // Control: a browser without the cookie is locked out nearly always.
    expect(locked).toBeGreaterThan(20)
  })

  it('failures in the network of a known browser do not lock that browser out', async () => {
    const user = await newUser()
    const home = await knownTo(user)
    const address = '192.0.2.1'
    for (let failures = 0; failures < 9; failures++) {
      await new Browser().signIn(user.username, { password: 'wrong', address })
      later(16)
    }
    await new Browser().signIn(user.username, { password: 'wrong', address })
    expect((await new Browser().signIn(user.username, { address })).status).toBe(429)
    expect((await home.signIn(user.username, { address })).status).toBe(303)
  })
})

describe('a network over the rate limit', () => {
  const address = '192.0.2.7'
  const flooded = (isOver: (key: string) => boolean) => serve({ LOGIN_LIMIT: exceededFor(isOver) })

  it('when a network is over the rate limit, only a browser from which the user has signed in before can sign in', async () => {
    const fetch = flooded((key) => key === address)
    const [user, other] = [await newUser(), await newUser()]
    const [home, theirs] = [await knownTo(user), await knownTo(other)]
    const made = new Browser()
    made.cookies.set('registry_browser', 'A'.repeat(43))
    for (const stranger of [new Browser(), theirs, made]) {
      expect((await stranger.signIn(user.username, { address, fetch })).status).toBe(429)
    }
    expect((await home.signIn(user.username, { address, fetch })).status).toBe(303)
  })

  it('a known browser that exceeds the rate limit itself is refused', async () => {
    const fetch = flooded(() => true)
    const user = await newUser()
    const home = await knownTo(user)
    expect((await home.signIn(user.username, { address, fetch })).status).toBe(429)
  })
})

describe('the cookie of a known browser', () => {
  it('the cookie of a known browser is random, hidden from scripts, lasts a year and changes at every sign-in', async () => {
    const user = await newUser()
    const browser = new Browser()
    const response = await browser.signIn(user.username)
    const set = response.headers.getSetCookie().find((one) => one.startsWith('registry_browser='))
    expect(set).toMatch(
      /^registry_browser=[\w-]{43}; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const first = browser.token
    await browser.signIn(user.username)
    expect(browser.token).not.toBe(first)
    expect(JSON.stringify(await rows())).not.toContain(browser.token)
  })

  it('the cookie of a known browser is a __Host- cookie over https', async () => {
    const secure = serve({ ISSUER: 'https://registry.example', LOGIN_LIMIT })
    const user = await newUser()
    const page = 'https://registry.example/login'
    const response = await attemptSignIn(user.username, { page, fetch: secure })
    expect(response.headers.getSetCookie().join('\n')).toMatch(
      /__Host-registry_browser=[^;]+; Max-Age=31536000; Path=\/; HttpOnly; Secure; SameSite=Lax/,
    )
  })

  it('the cookie of a known browser replaces neither a password nor a session', async () => {
    const user = await newUser()
    const stolen = (await knownTo(user)).copy()
    expect((await stolen.signIn(user.username, { password: 'wrong' })).status).toBe(403)
    const Cookie = `registry_browser=${stolen.token}; registry_session=${stolen.token}`
    expect((await registry('/account', { headers: { Cookie } })).status).toBe(303)
  })

  it.each([
    ['invented', async () => 'A'.repeat(43)],
    ['malformed', async () => `${'A'.repeat(43)}A`],
    ["another user's", async () => (await knownTo(await newUser())).token],
  ])('a browser with a cookie that is %s is treated as new', async (_, tokenOf) => {
    const user = await newUser()
    const home = await knownTo(user)
    await lockName(user)
    const stranger = new Browser()
    stranger.cookies.set('registry_browser', await tokenOf())
    expect((await stranger.signIn(user.username)).status).toBe(429)
    expect((await home.signIn(user.username)).status).toBe(303)
  })

  it('failures with the cookie of a known browser are counted as one network, and lock it for no longer than one', async () => {
    const user = await newUser()
    const home = await knownTo(user)
    const thief = home.copy()
    const guess = (address: string) =>
      thief.signIn(user.username, { password: 'wrong', address }).then(({ status }) => status)
    for (let tries = 0; tries < 5; tries++) expect(await guess(`192.0.2.${tries}`)).toBe(403)
    // The cookie is counted in every network.
    expect(await guess('198.51.100.1')).toBe(429)
    const counted = () => env.DB.prepare('SELECT count(*) AS n FROM sign_in_failure').first('n')
    const before = await counted()
    for (let tries = 0; tries < 5; tries++) expect(await guess(`198.51.100.${tries}`)).toBe(429)
    expect(await counted()).toBe(before)
    for (let tries = 0; tries < 15; tries++) {
      later(901)
      await guess(`203.0.113.${tries}`)
    }
    later(901)
    expect((await home.signIn(user.username)).status).toBe(303)
  })

  it('an unknown cookie is not counted as a browser, whatever its value', async () => {
    const user = await newUser()
    const counted = () => env.DB.prepare('SELECT count(*) AS n FROM sign_in_failure').first('n')
    const guess = (letter: string) => {
      const browser = new Browser()
      browser.cookies.set('registry_browser', letter.repeat(43))
      return browser.signIn(user.username, { password: 'wrong', address: '192.0.2.77' })
    }
    await guess('a')
    const before = await counted()
    await guess('b')
    await guess('c')
    expect(await counted()).toBe(before)
  })

  it('a known-browser cookie that was planted before a sign-in does not identify the browser after it', async () => {
    const user = await newUser()
    const planted = new Browser()
    planted.cookies.set('registry_browser', 'P'.repeat(43))
    const thief = planted.copy()
    expect((await planted.signIn(user.username)).status).toBe(303)
    await lockName(user)
    expect((await thief.signIn(user.username)).status).toBe(429)
    expect((await planted.forgetSession().signIn(user.username)).status).toBe(303)
  })

  it('the cookie of a known browser identifies the browser for every user who signs in from it', async () => {
    const [ada, bob] = [await newUser(), await newUser()]
    const shared = await knownTo(ada)
    expect((await shared.signIn(bob.username)).status).toBe(303)
    await lockName(ada)
    await lockName(bob)
    expect((await new Browser().signIn(ada.username)).status).toBe(429)
    expect((await shared.forgetSession().signIn(ada.username)).status).toBe(303)
    expect((await shared.forgetSession().signIn(bob.username)).status).toBe(303)
  })
})

describe('sign-out of a session that KV does not show yet', () => {
  const blind = serve({
    LOGIN_LIMIT,
    SESSIONS: over(env.SESSIONS, { get: async () => null } as unknown as Partial<KVNamespace>),
  })
  const revoked = async (token: string) =>
    env.DB.prepare("SELECT revoked_at_ms FROM revocation WHERE kind = 'session' AND subject = ?1")
      .bind(await digest(token))
      .first('revoked_at_ms')
  async function signedIn() {
    const browser = new Browser()
    await browser.signIn((await newUser()).username)
    const token = browser.cookies.get('registry_session') ?? ''
    const form_token = await formToken(token, SIGN_OUT)
    const signOut = (fields: Record<string, string> = { form_token }) =>
      post('/logout', fields, { Cookie: `registry_session=${token}` }, blind)
    return { token, signOut }
  }

  it('a session that KV does not show yet ends when its own sign-out form is sent', async () => {
    const { token, signOut } = await signedIn()
    expect((await signOut({ form_token: 'f'.repeat(43) })).status).toBe(403)
    expect(await revoked(token)).toBeNull()
    expect((await signOut()).status).toBe(303)
    expect(await revoked(token)).toBeGreaterThan(0)
  })

  it('a sign-out does not revoke a session that KV does not show yet a second time, nor after its end', async () => {
    const again = await signedIn()
    await again.signOut()
    const firstMs = await revoked(again.token)
    later(5)
    expect((await again.signOut()).status).toBe(303)
    expect(await revoked(again.token)).toBe(firstMs)
    const late = await signedIn()
    later(7201)
    expect((await late.signOut()).status).toBe(303)
    expect(await revoked(late.token)).toBeNull()
  })
})

describe('when known browsers are forgotten', () => {
  const users = userRegistry(env.DB)

  it.each([
    [
      'the password has changed',
      (user: TestUser) =>
        hashPassword(PASSWORD).then((hash) => users.setPassword(user.id, hash, nowSeconds())),
    ],
    [
      'the user was disabled and enabled again',
      async (user: TestUser) => {
        await users.disable(user.id, nowSeconds())
        await users.enable(user.id, nowSeconds())
      },
    ],
  ])('a known browser of one user is forgotten when %s', async (_, end) => {
    const [user, other] = [await newUser(), await newUser()]
    const home = await knownTo(user)
    const elsewhere = await knownTo(other)
    await end(user)
    await lockName(user)
    expect((await home.signIn(user.username)).status).toBe(429)
    // The browsers of another user are still known.
    await lockName(other)
    expect((await elsewhere.signIn(other.username)).status).toBe(303)
  })

  it('a known browser is forgotten a year after its last sign-in, and not a minute before', async () => {
    const user = await newUser()
    const [early, late] = [await knownTo(user), await knownTo(user)]
    later(365 * 86_400 - 60)
    await lockName(user)
    expect((await early.signIn(user.username)).status).toBe(303)
    later(60)
    await lockName(user)
    expect((await late.signIn(user.username)).status).toBe(429)
  })

  it('a browser is not remembered when the password changes during its sign-in', async () => {
    const user = await newUser()
    const hash = await hashPassword(PASSWORD)
    let isFirst = true
    const batch = async (statements: D1PreparedStatement[]) => {
      const results = await env.DB.batch(statements)
      // The first batch reads the failures and the password hash.
      if (isFirst) await users.setPassword(user.id, hash, nowSeconds())
      isFirst = false
      return results
    }
    const disturbed = serve({ LOGIN_LIMIT, DB: over(env.DB, { batch } as Partial<D1Database>) })
    const browser = new Browser()
    expect((await browser.signIn(user.username, { fetch: disturbed })).status).toBe(303)
    expect(await rowsOf(user)).toEqual([])
  })

  it('a user has at most twenty known browsers, and the oldest is forgotten', async () => {
    const user = await newUser()
    const first = await knownTo(user)
    later(1)
    for (let browser = 0; browser < 20; browser++) await knownTo(user)
    expect(await rowsOf(user)).toHaveLength(20)
    await lockName(user)
    expect((await first.signIn(user.username)).status).toBe(429)
  })

  it('the known browsers of a deleted user are deleted', async () => {
    const user = await newUser()
    await knownTo(user)
    expect(await rowsOf(user)).toHaveLength(1)
    await env.DB.prepare('DELETE FROM user WHERE user_id = ?1').bind(user.id).run()
    expect(await rowsOf(user)).toEqual([])
  })
})

async function rows() {
  const found = await env.DB.prepare('SELECT * FROM known_browser').all<{ user_id: string }>()
  return found.results
}
const rowsOf = async ({ id }: TestUser) => (await rows()).filter(({ user_id }) => user_id === id)
