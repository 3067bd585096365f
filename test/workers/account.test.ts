/** The account page (`/account`): a user sees the connected applications and removes them. Other users' access stays. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { ALL_REVOKED_WITHIN_SECONDS, CRON_INTERVAL_SECONDS } from '../../src/domain/revocation.ts'
import { liveSessions } from '../../src/stores/live-sessions.ts'
import { isToday } from '../days.ts'
import { clientRegistry } from '../rows.ts'
import { countedBindings, nothing, over } from './counting.ts'
import { redeemCode, renewal, sendAs } from './obtaining.ts'
import { changeClient } from './registering.ts'
import {
  allowing,
  authorizePath,
  declare,
  externalSession,
  type Fetch,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  registry,
  removalOf,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  type TestUser,
  withChallenge,
} from './registry.ts'

let client: TestClient
let user: TestUser
let cookie: string
beforeAll(() =>
  declare({ scopes: [{ name: 'submission:read', sentence: 'Read your submissions' }] }),
)
beforeEach(async () => {
  client = await newClient({
    name: 'Paper Assistant',
    grantTypes: ['authorization_code', 'refresh_token'],
  })
  user = await newUser()
  cookie = await signIn(user)
})

const open = async (who = cookie, fetch: Fetch = registry) => {
  const response = await fetch('/account', { headers: { Cookie: who } })
  return { status: response.status, page: await response.text() }
}
const connect = async (parameters: Record<string, string> = {}, who = cookie, whose = client) =>
  obtainCode(who, requestOf(whose, parameters))
const redeem = (code: string, whose = client) => redeemCode(whose, code)
const renew = (token: string, whose = client) => renewal(whose, token)

/** The fields of the form for this client on this user's page. */
const formFor = async (clientId: string, who = cookie) =>
  removalOf(clientId, (await open(who)).page)
const remove = async (clientId = client.id, who = cookie, fetch: Fetch = registry) =>
  post('/account', await formFor(clientId, who), { Cookie: who }, fetch)

const isAsked = async (who = cookie, whose = client) => {
  const response = await registry(authorizePath(requestOf(whose)), { headers: { Cookie: who } })
  return response.status === 200
}
/** An authenticator that has cached the revocation document and does not read D1. */
const withCachedDocument = liveSessions(env.SESSIONS, null)
const isAccepted = async (token: string, afterSeconds = 0) =>
  (await withCachedDocument.find(
    await sessionKeyOf(token),
    Date.now() + afterSeconds * 1000,
    false,
  )) !== null

describe('access to the account page', () => {
  it('the account page opens for a signed-in user, and redirects other visitors to sign-in and back', async () => {
    expect((await open()).status).toBe(200)
    for (const who of ['', 'registry_session=regb_junk']) {
      const response = await registry('/account', { headers: { Cookie: who } })
      expect(response.status).toBe(303)
      const location = new URL(response.headers.get('Location') ?? '', ISSUER)
      expect(location.pathname).toBe('/login')
      expect(location.searchParams.get('next_page')).toBe('/account')
    }
  })

  it('with LOGIN_URL the account page redirects a visitor without a session to the accounts service', async () => {
    const elsewhere = serve({ LOGIN_URL: 'https://accounts.example/login' })
    const response = await elsewhere('/account')
    expect(response.headers.get('Location')).toMatch('https://accounts.example/login?next_page=')
  })

  it('the account page refuses an access token in the session cookie', async () => {
    const { access_token } = await redeem(await connect())
    expect((await open(`registry_session=${access_token}`)).status).toBe(303)
  })

  it('the account page has the security headers of every page and is not stored', async () => {
    const { headers } = await registry('/account', { headers: { Cookie: cookie } })
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(headers.get('X-Frame-Options')).toBe('DENY')
  })

  it('the start page links to the account page for a signed-in user only', async () => {
    const start = await registry('/', { headers: { Cookie: cookie } })
    expect(await start.text()).toContain('href="/account"')
    expect(await (await registry('/')).text()).not.toContain('href="/account"')
  })
})

describe('the list of connected applications', () => {
  it('a user without connected applications sees an empty list', async () => {
    expect((await open()).page).toContain('No application has access to your account.')
  })

  it('the account page shows a client, its scopes, since when it is connected, and when it was last used', async () => {
    const code = await connect()
    const { page } = await open()
    for (const words of [
      '<bdi>Paper Assistant</bdi>',
      'href="https://client.example/"',
      'Read your submissions',
      '<code>submission:read</code>',
      // The client's cs.* and the user's cs.DL have cs.DL in common.
      'Submit in cs.DL',
      'Connected since <time datetime="',
      'not used yet',
    ]) {
      expect(page).toContain(words)
    }
    expect(page).not.toContain('Mathematics')
    await redeem(code)
    const [, day = ''] =
      /last used <time datetime="([\d-]+)T[^>]*>\1</.exec((await open()).page) ?? []
    expect(Date.parse(day) / 1000).toSatisfy(isToday)
  })

  it('the account page has one entry for a client that requested different scopes at different times', async () => {
    await connect({ scope: 'submission:read' })
    await connect({ scope: 'public:read submission:read' })
    const { page } = await open()
    expect(page.match(/<h2.*?Paper Assistant/gs)).toHaveLength(1)
    expect(page.match(/<code>submission:read<\/code>/g)).toHaveLength(1)
    expect(page).toContain('<code>public:read</code>')
  })

  it('the account page omits an endorsement that the user unticked, once no live token has it', async () => {
    const both = await newClient({
      endorsements: ['*.*'],
      grantTypes: ['authorization_code', 'refresh_token'],
    })
    const who = await signIn(await newUser({ endorsements: ['cs.DL', 'math.AG'] }))
    const shown = async () => (await open(who)).page.match(/Submit in [a-zA-Z.]+/g)
    const first = await redeem(await connect({}, who, both), both)
    expect(await shown()).toEqual(['Submit in cs.DL', 'Submit in math.AG'])
    const request = requestOf(both, { prompt: 'consent' })
    const page = await (await registry(authorizePath(request), { headers: { Cookie: who } })).text()
    const answer = allowing(page).filter(([, value]) => value !== 'math.AG')
    expect((await post('/authorize', answer, { Cookie: who })).status).toBe(303)
    expect(await shown()).toEqual(['Submit in cs.DL', 'Submit in math.AG'])
    await sendAs(both, '/revoke', { token: first.refresh_token })
    await env.DB.prepare(
      'UPDATE authorization_code SET spent_at = spent_at - 86400 WHERE client_id = ?1',
    )
      .bind(both.id)
      .run()
    expect(await shown()).toEqual(['Submit in cs.DL'])
    // As in a row from before endorsements could be unticked.
    await env.DB.prepare('UPDATE consent SET endorsements = NULL WHERE client_id = ?1')
      .bind(both.id)
      .run()
    expect(await shown()).toEqual(['Submit in cs.DL', 'Submit in math.AG'])
  })

  it('the account page omits scopes that the client or the user has lost since the consent', async () => {
    await connect({ scope: 'public:read submission:read' })
    const lost = { scopes: ['public:read'] }
    await clientRegistry(env.DB).withdraw(client.id, lost, nowSeconds())
    // A later request of the client for the scope does not give the scope back.
    await clientRegistry(env.DB).update(client.id, {}, lost, { mode: 'request', now: nowSeconds() })
    expect((await open()).page).not.toContain('<code>public:read</code>')
    await env.DB.prepare('DELETE FROM user_scope WHERE user_id = ?1').bind(user.id).run()
    expect((await open()).page).toContain('It no longer has any access.')
  })

  it('the account page shows the scopes of the last consent, once no live token has more scopes', async () => {
    const narrow = () => connect({ scope: 'submission:read' })
    const { refresh_token } = await redeem(await connect({ scope: 'public:read submission:read' }))
    await narrow()
    // The refresh token still has both.
    expect((await open()).page).toContain('<code>public:read</code>')
    await sendAs(client, '/revoke', { token: refresh_token })
    expect((await open()).page).toContain('<code>public:read</code>')
    // The access token may have both too, until it expires.
    await env.DB.prepare('UPDATE authorization_code SET spent_at = spent_at - 86400').run()
    const { page } = await open()
    expect(page).not.toContain('<code>public:read</code>')
    expect(page).toContain('<code>submission:read</code>')
  })

  it('the account page says that the operator has disabled a client', async () => {
    await connect()
    await clientRegistry(env.DB).disable(client.id, nowSeconds())
    expect((await open()).page).toContain('has disabled it')
  })

  it('the account page shows the first consent as the start, and the last refresh as the last use', async () => {
    // The clock stands still, so that no minute ends between the consent and the page.
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const first = nowSeconds()
      const { refresh_token } = await redeem(await connect())
      vi.setSystemTime((first + 3600) * 1000)
      await changeClient(client.id, { fields: { name: 'Renamed' } })
      await connect()
      expect((await renew(refresh_token)).status).toBe(200)
      const iso = (at: number) => new Date(at * 1000).toISOString().slice(0, 16)
      const { page } = await open()
      expect(page).toContain(`Connected since <time datetime="${iso(first)}`)
      expect(page).toContain(`last used <time datetime="${iso(first + 3600)}`)
    } finally {
      vi.useRealTimers()
    }
  })

  it('the account page lists a public client on a loopback address, although its consent is not remembered', async () => {
    const loopback = 'http://127.0.0.1:5000/cb'
    const native = await newClient({
      ...{ name: 'Native', authMethod: 'none', redirectUris: [loopback] },
      grantTypes: ['authorization_code'],
    })
    const request = requestOf(native, { redirect_uri: loopback, ...withChallenge })
    const ask = () => registry(authorizePath(request), { headers: { Cookie: cookie } })
    await obtainCode(cookie, request)
    expect((await open()).page).toContain('<bdi>Native</bdi>')
    expect((await ask()).status).toBe(200)
    await remove(native.id)
    expect((await open()).page).not.toContain('<bdi>Native</bdi>')
  })

  it('the account page lists no application of another user', async () => {
    const other = await signIn(await newUser())
    await connect({}, other)
    expect((await open()).page).not.toContain('Paper Assistant')
    expect((await open(other)).page).toContain('Paper Assistant')
  })

  it('the account page links to the approvals for an approver only', async () => {
    const approver = await signIn(await newUser({ scopes: ['registry:approve'], endorsements: [] }))
    expect((await open(approver)).page).toContain('<a href="/approvals">')
    expect((await open()).page).not.toContain('/approvals')
  })

  it('the account page costs two D1 round trips and one KV read', async () => {
    await connect()
    const { count, bindings } = countedBindings()
    await open(cookie, serve(bindings))
    expect(count).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })
})

describe('removal of an application', () => {
  it('the page after a removal names the removed application and the seconds until the removal is effective everywhere', async () => {
    await connect()
    const response = await remove()
    expect(response.status).toBe(200)
    const page = await response.text()
    expect(page).toContain('role="status"')
    expect(page).toContain('<bdi>Paper Assistant</bdi>')
    expect(page).toContain(`within ${ALL_REVOKED_WITHIN_SECONDS} seconds`)
    expect(page).toContain('No application has access to your account.')
    expect((await open()).page).not.toContain('Paper Assistant')
  })

  it('a removal revokes refresh tokens and codes at once', async () => {
    const { refresh_token } = await redeem(await connect())
    const unredeemed = await connect()
    await remove()
    const INVALID_GRANT = { status: 400, error: 'invalid_grant' }
    expect(await refusal(await renew(refresh_token))).toEqual(INVALID_GRANT)
    expect(await refusal(await post('/token', redemptionOf(client, unredeemed)))).toEqual(
      INVALID_GRANT,
    )
  })

  it('a removal revokes sessions: at once for a check that reads D1, within the bound for other checks', async () => {
    const { access_token } = await redeem(await connect())
    expect(await isAccepted(access_token)).toBe(true)
    await remove()
    expect(await sessionOf(access_token)).toBeNull()
    expect(await isAccepted(access_token, ALL_REVOKED_WITHIN_SECONDS)).toBe(false)
  })

  it('after a removal the user is asked for consent again, and the application gets new tokens', async () => {
    await connect()
    expect(await isAsked()).toBe(false)
    await remove()
    expect(await isAsked()).toBe(true)
    const { access_token, refresh_token } = await redeem(await connect())
    expect(await sessionOf(access_token)).not.toBeNull()
    expect((await renew(refresh_token)).status).toBe(200)
  })

  it('a removal changes nothing for another user of the client or another client of the user', async () => {
    const another = await newClient({
      name: 'Another',
      grantTypes: ['authorization_code', 'refresh_token'],
    })
    const other = await signIn(await newUser())
    const theirs = await redeem(await connect({}, other))
    const otherClients = await redeem(await connect({}, cookie, another), another)
    const unredeemed = [await connect({}, other), await connect({}, cookie, another)] as const
    await connect()
    await remove()
    expect((await post('/token', redemptionOf(client, unredeemed[0]))).status).toBe(200)
    expect((await post('/token', redemptionOf(another, unredeemed[1]))).status).toBe(200)
    for (const token of [theirs.access_token, otherClients.access_token]) {
      expect(await sessionOf(token)).not.toBeNull()
      expect(await isAccepted(token, ALL_REVOKED_WITHIN_SECONDS)).toBe(true)
    }
    expect((await renew(theirs.refresh_token)).status).toBe(200)
    expect((await renew(otherClients.refresh_token, another)).status).toBe(200)
    expect([await isAsked(other), await isAsked(cookie, another)]).toEqual([false, false])
    expect((await open()).page).toContain('<bdi>Another</bdi>')
  })

  it('a user can remove a disabled client', async () => {
    await connect()
    await clientRegistry(env.DB).disable(client.id, nowSeconds())
    expect((await remove()).status).toBe(200)
    expect((await open()).page).not.toContain('Paper Assistant')
  })

  it('a repeated removal changes nothing and redirects to the account page', async () => {
    await connect()
    const form = await formFor(client.id)
    expect((await post('/account', form, { Cookie: cookie })).status).toBe(200)
    const again = await post('/account', form, { Cookie: cookie })
    expect([again.status, again.headers.get('Location')]).toEqual([303, '/account'])
  })
})

describe('storage faults during a removal', () => {
  const failing = (SESSIONS: Partial<KVNamespace>, DB: Partial<D1Database> = {}) =>
    serve({ SESSIONS: over(env.SESSIONS, SESSIONS), DB: over(env.DB, DB) })
  const outOfReach = async (): Promise<never> => {
    throw new Error('storage is out of reach')
  }

  it('a removal that cannot be written to KV is effective in D1, and the page names the longer bound', async () => {
    const { access_token, refresh_token } = await redeem(await connect())
    const response = await remove(client.id, cookie, failing({ put: outOfReach }))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain(
      `within ${ALL_REVOKED_WITHIN_SECONDS + CRON_INTERVAL_SECONDS} seconds`,
    )
    expect(await sessionOf(access_token)).toBeNull()
    expect((await renew(refresh_token)).status).toBe(400)
  })

  it('a removal that cannot be written to D1 is answered 503 and changes nothing', async () => {
    const { access_token } = await redeem(await connect())
    let batches = 0
    const batch = (statements: D1PreparedStatement[]) => {
      batches += 1
      // The first batch reads the connected applications.
      return batches === 1 ? env.DB.batch(statements) : outOfReach()
    }
    const broken = failing({}, { batch: batch as D1Database['batch'] })
    const response = await remove(client.id, cookie, broken)
    expect(response.status).toBe(503)
    expect(await sessionOf(access_token)).not.toBeNull()
    expect(await isAsked()).toBe(false)
  })
})

describe('forged removals', () => {
  const forge = async (change: Record<string, string>, headers: Record<string, string> = {}) => {
    await connect()
    const form = { ...(await formFor(client.id)), ...change }
    const response = await post('/account', form, { Cookie: cookie, ...headers })
    expect(await isAsked()).toBe(false)
    return response.status
  }

  it.each([
    ['no form token', { form_token: '' }],
    ['a wrong form token', { form_token: 'x'.repeat(43) }],
  ])('a removal with %s is refused with 403 and removes nothing', async (_, change) => {
    expect(await forge(change)).toBe(403)
  })

  it('a removal with the form token of another application is refused with 403', async () => {
    const another = await newClient()
    await connect({}, cookie, another)
    const { form_token = '' } = await formFor(another.id)
    expect(await forge({ form_token })).toBe(403)
  })

  it('a removal with the form token that another user was shown is refused with 403', async () => {
    const other = await signIn(await newUser())
    await connect({}, other)
    const { form_token = '' } = await formFor(client.id, other)
    expect(await forge({ form_token })).toBe(403)
  })

  it.each(['cross-site', 'same-site'])(
    'a removal that comes from another site (%s) is refused with 403',
    async (site) => {
      expect(await forge({}, { 'Sec-Fetch-Site': site })).toBe(403)
    },
  )

  it('a removal without a client_id is refused with 400', async () => {
    expect(await forge({ client_id: '' })).toBe(400)
  })

  it('a removal form of an older session is refused with a new form, which works', async () => {
    await connect()
    const stale = await formFor(client.id)
    const who = await signIn(user)
    const response = await post('/account', stale, { Cookie: who })
    const page = await response.text()
    expect(response.status).toBe(403)
    expect(page).toContain('Nothing was removed')
    expect(page).not.toContain('is no longer connected')
    expect(await isAsked(who)).toBe(false)
    const again = Object.fromEntries(fieldsOf(page, '/account'))
    expect((await post('/account', again, { Cookie: who })).status).toBe(200)
    expect(await isAsked(who)).toBe(true)
  })

  it('a removal without a session redirects to sign-in and removes nothing', async () => {
    await connect()
    const response = await post('/account', await formFor(client.id))
    expect(response.headers.get('Location')).toMatch(/^\/login\?/)
    expect(await isAsked()).toBe(false)
  })
})

describe('connected applications of users from an external accounts service (LOGIN_URL)', () => {
  it('a user of an external accounts service sees and removes applications, without a row in the user table', async () => {
    const elsewhere = serve({ LOGIN_URL: 'https://accounts.example/login' })
    const theirs = await externalSession(cookie, 'accounts:account-page')
    await obtainCode(theirs, requestOf(client), elsewhere)
    const { page } = await open(theirs, elsewhere)
    expect(page).toContain('<code>submission:read</code>')
    const form = Object.fromEntries(fieldsOf(page, '/account'))
    expect((await post('/account', form, { Cookie: theirs }, elsewhere)).status).toBe(200)
    expect((await open(theirs, elsewhere)).page).toContain('No application has access')
  })
})
