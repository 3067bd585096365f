/** The pages and the metadata show the scopes and categories that the database declares. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { SCOPES_KEPT_SECONDS } from '../../src/stores/scope-catalogue.ts'
import { countedBindings, nothing, over } from './counting.ts'
import {
  allowing,
  authorizePath,
  declare,
  type Fetch,
  newClient,
  newUser,
  obtainCode,
  post,
  refusal,
  registry,
  requestOf,
  serve,
  signIn,
  type TestClient,
  UNAVAILABLE,
} from './registry.ts'

const METADATA = '/.well-known/oauth-authorization-server'
const SCOPES = ['openid', 'money:send', 'files:read:*', 'files:read:7', 'undeclared']

let client: TestClient
let cookie: string
beforeAll(() =>
  declare({
    scopes: [
      { name: 'openid', sentence: 'Know who you are' },
      { name: 'money:send', sentence: 'Send money', sensitive: true },
      { name: 'files:read', sentence: 'Read your files' },
      { name: 'files:read:7', sentence: 'Read the seventh file' },
      { name: 'files:read:9', sentence: 'Read the ninth file', sensitive: true },
    ],
    categories: [
      { name: 'cs', title: 'Computer Science' },
      { name: 'math.NT', title: 'Number Theory' },
    ],
  }),
)
beforeEach(async () => {
  client = await newClient({ scopes: SCOPES, endorsements: ['*.*'] })
  cookie = await signIn(await newUser({ scopes: SCOPES, endorsements: ['cs.DL', 'math.NT'] }))
})
afterEach(() => void vi.useRealTimers())

const open = (scope: string, who = cookie) =>
  registry(authorizePath(requestOf(client, { scope })), { headers: { Cookie: who } })
const update = (sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .run()

describe('the consent page', () => {
  it('the consent page has the declared sentence of each scope, and names a scope that is not declared', async () => {
    const page = await (await open(SCOPES.join(' '))).text()
    for (const words of [
      'Know who you are',
      'Send money',
      'Read your files (all of them)',
      'Read the seventh file',
      'Use the permission “undeclared”',
      'Submit in cs.DL, a category of Computer Science',
      'Submit in math.NT (Number Theory), a category of math',
    ]) {
      expect(page).toContain(words)
    }
  })

  it('the consent page for a scope with every id has the sentences of only the ids that the user holds', async () => {
    const one = await signIn(await newUser({ scopes: ['files:read:9', 'files:read:8'] }))
    const page = await (await open('files:read:*', one)).text()
    expect(page).toContain('Read the ninth file')
    expect(page).toContain('Read your files (only “8”)')
    expect(page).not.toContain('all of them')
  })

  it('a consent answer shows the page again and allows nothing when the sentence of a scope changed meanwhile', async () => {
    await declare({ scopes: [{ name: 'notes:read', sentence: 'Read your notes' }] })
    client = await newClient({ scopes: ['notes:read'] })
    const reader = await signIn(await newUser({ scopes: ['notes:read'] }))
    const shown = await (await open('notes:read', reader)).text()
    await update(`UPDATE scope SET sentence = 'Read all your notes' WHERE name = 'notes:read'`)
    const answered = await post('/authorize', allowing(shown), { Cookie: reader })
    expect(answered.status).toBe(200)
    const again = await answered.text()
    expect(again).toContain('Read all your notes')
    // Control: the answer to the new page is accepted.
    expect((await post('/authorize', allowing(again), { Cookie: reader })).status).toBe(303)
  })
})

describe('remembered consent', () => {
  it.each([
    ['openid', 303],
    ['undeclared', 303],
    ['files:read:7', 303],
    ['money:send', 200],
    ['openid money:send', 200],
    // It covers files:read:9, which is sensitive.
    ['files:read:*', 200],
  ])(
    'the second authorization request for %s is answered with the status %i',
    async (scope, status) => {
      expect(await obtainCode(cookie, requestOf(client, { scope }))).toMatch(/^regc_/)
      expect((await open(scope)).status).toBe(status)
    },
  )

  it('a consent is asked for again once its scope is sensitive, and answers once the scope is no longer sensitive', async () => {
    const scope = 'openid'
    await obtainCode(cookie, requestOf(client, { scope }))
    expect((await open(scope)).status).toBe(303)
    await update(`UPDATE scope SET sensitive = 1 WHERE name = ?1`, scope)
    expect((await open(scope)).status).toBe(200)
    await update(`UPDATE scope SET sensitive = 0 WHERE name = ?1`, scope)
    expect((await open(scope)).status).toBe(303)
  })

  it('a stored consent with the fingerprint of an earlier release answers while the sentences are the same', async () => {
    const user = await newUser({ scopes: ['openid'], endorsements: [] })
    const own = await newClient({ scopes: ['openid'], endorsements: [] })
    const terms = {
      client: {
        clientId: own.id,
        name: 'Example client',
        ownerId: 'owner-1',
        url: 'https://client.example',
        description: 'Reads submissions',
        redirectUris: ['https://client.example/callback'],
      },
      returnsTo: 'client.example',
      scopes: [{ scope: 'openid', sentence: 'Know who you are' }],
      endorsements: [],
    }
    const remember = async (scopes: typeof terms.scopes) =>
      update(
        `INSERT OR REPLACE INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES (?1, ?2, 'openid', ?3, 1)`,
        user.id,
        own.id,
        await digest(JSON.stringify({ ...terms, scopes })),
      )
    const ask = async () => {
      const headers = { Cookie: await signIn(user) }
      return (await registry(authorizePath(requestOf(own, { scope: 'openid' })), { headers }))
        .status
    }
    await remember(terms.scopes)
    expect(await ask()).toBe(303)
    await remember([{ scope: 'openid', sentence: 'Use the permission “openid”' }])
    expect(await ask()).toBe(200)
  })
})

describe('the account page', () => {
  it('the account page has the declared sentence of each scope of an application', async () => {
    await obtainCode(cookie, requestOf(client, { scope: 'files:read:7 money:send undeclared' }))
    const page = await (await registry('/account', { headers: { Cookie: cookie } })).text()
    for (const words of [
      'Read the seventh file',
      'Send money',
      'Use the permission “undeclared”',
      'Submit in cs.DL, a category of Computer Science',
    ]) {
      expect(page).toContain(words)
    }
  })

  it('the account page costs two D1 reads and one KV read', async () => {
    const { bindings, costOf } = countedBindings()
    const fetch = serve(bindings)
    await obtainCode(cookie, requestOf(client, { scope: 'openid' }))
    const page = () => fetch('/account', { headers: { Cookie: cookie } })
    expect(await costOf(page, 200)).toEqual({ ...nothing(), d1: 2, kvRead: 1 })
  })
})

describe('scopes_supported', () => {
  const supported = async (fetch: Fetch) => {
    const response = await fetch(METADATA)
    expect(response.status).toBe(200)
    const body = (await response.json()) as { scopes_supported: string[] }
    return body.scopes_supported.filter((scope) => scope !== 'offline_access')
  }
  const DECLARED = [
    'files:read',
    'files:read:7',
    'files:read:9',
    'money:send',
    'notes:read',
    'openid',
  ]

  /** A registry whose D1 can be made to fail, and whose clock can be set. */
  function isolate() {
    let isAway = false
    const DB = over(env.DB, {
      prepare(sql: string) {
        if (isAway) throw new Error('D1 is away')
        return env.DB.prepare(sql)
      },
    })
    vi.useFakeTimers({ toFake: ['Date'] })
    const startedMs = Date.now()
    return {
      fetch: serve({ DB }),
      at: (seconds: number) => vi.setSystemTime(startedMs + seconds * 1000),
      setAway: (away: boolean) => {
        isAway = away
      },
    }
  }

  it('an isolate reads scopes_supported from D1 once for several requests', async () => {
    const { bindings, costOf } = countedBindings()
    const fetch = serve(bindings)
    const metadata = () => fetch(METADATA)
    expect(await costOf(metadata, 200)).toEqual({ ...nothing(), d1: 1 })
    expect(await costOf(metadata, 200)).toEqual(nothing())
  })

  it(`scopes_supported shows a declared or deleted scope after ${SCOPES_KEPT_SECONDS} s`, async () => {
    const { fetch, at } = isolate()
    expect(await supported(fetch)).toEqual(DECLARED)
    await declare({ scopes: [{ name: 'new', sentence: 'New' }] })
    at(SCOPES_KEPT_SECONDS - 1)
    expect(await supported(fetch)).toEqual(DECLARED)
    at(SCOPES_KEPT_SECONDS)
    expect(await supported(fetch)).toEqual([...DECLARED.slice(0, 4), 'new', ...DECLARED.slice(4)])
    await update(`DELETE FROM scope WHERE name = 'new'`)
    at(2 * SCOPES_KEPT_SECONDS)
    expect(await supported(fetch)).toEqual(DECLARED)
  })

  it('the metadata has the last known scopes_supported while D1 fails, and is 503 without it', async () => {
    const { fetch, at, setAway } = isolate()
    setAway(true)
    const refused = await fetch(METADATA)
    expect(refused.headers.get('Retry-After')).not.toBeNull()
    expect(refused.headers.get('Cache-Control')).toBe('no-store')
    expect(await refusal(refused)).toEqual({ ...UNAVAILABLE, token: undefined })
    setAway(false)
    expect(await supported(fetch)).toEqual(DECLARED)
    setAway(true)
    at(10 * SCOPES_KEPT_SECONDS)
    expect(await supported(fetch)).toEqual(DECLARED)
  })

  it('scopes_supported has only offline_access when no scope is declared', async () => {
    const none = over(env.DB, {
      prepare: (sql: string) =>
        env.DB.prepare(sql.replace('FROM scope', 'FROM (SELECT * FROM scope WHERE false)')),
    })
    const body = await (await serve({ DB: none })(METADATA)).json()
    expect(body).toHaveProperty('scopes_supported', ['offline_access'])
  })
})
