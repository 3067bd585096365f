/** The consent page and its answer. Granted = requested ∩ client's ∩ user's ∩ the boxes that stay ticked. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WITHDRAW_CONSENT } from '../../src/stores/authorizations.ts'
import { clientRegistry } from '../rows.ts'
import { over } from './counting.ts'
import { redeemCode, renewal } from './obtaining.ts'
import {
  allowing,
  answerConsent,
  authorizePath,
  CALLBACK,
  codeIn,
  countSessions,
  declare,
  externalSession,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  registry,
  requestOf,
  sentTo,
  serve,
  sessionOf,
  signIn,
  type TestClient,
  tokenIn,
  withChallenge,
} from './registry.ts'

let client: TestClient
let cookie: string
beforeAll(async () => {
  await declare({ scopes: [{ name: 'submission:read', sentence: 'Read your submissions' }] })
  cookie = await signIn(await newUser())
})
beforeEach(async () => {
  client = await newClient()
})

const open = (parameters: Record<string, string>, who = cookie) =>
  registry(authorizePath(parameters), { headers: { Cookie: who } })
const without =
  (name: string, value?: string) =>
  (fields: [string, string][]): [string, string][] =>
    fields.filter((field) => !(field[0] === name && (value === undefined || field[1] === value)))
const withField = (name: string, value: string) => (fields: [string, string][]) =>
  [...without(name)(fields), [name, value]] as [string, string][]
const scopeOf = async (code: string, whose = client) => (await redeemCode(whose, code)).scope
const issuedCodes = () => env.DB.prepare('SELECT count(*) AS n FROM authorization_code').first('n')

describe('the consent page', () => {
  it('the consent page escapes the words of the client and describes each scope and each endorsement', async () => {
    const hostile = await newClient({ name: '<script>alert(1)</script>', description: '"quoted"' })
    const page = await (await open(requestOf(hostile, { scope: 'submission:read' }))).text()
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page).not.toContain('<script')
    expect(page).toContain('Read your submissions')
    expect(page).toContain('Submit in cs.DL')
    expect(page).not.toContain('owner-1')
    expect(page).not.toContain('Submit in every category of Mathematics')
  })

  it('the consent page offers only those requested scopes that the user holds', async () => {
    const page = await (await open(requestOf(client, { scope: '' }))).text()
    const offered = fieldsOf(page, '/authorize').filter(([name]) => name === 'grant')
    // The client may also request submission:create, which this user does not hold.
    expect(offered.map(([, value]) => value)).toEqual(['public:read', 'submission:read'])
  })

  it.each(['com.example.app:/callback', 'com.example.app://callback'])(
    'the consent page of a native application says that an app on this device receives the response, and warns that any app could: %s',
    async (uri) => {
      const native = await newClient({ authMethod: 'none', redirectUris: [uri] })
      const request = requestOf(native, { ...withChallenge, redirect_uri: uri })
      const page = await (await open(request)).text()
      expect(page).toContain('an app on this device')
      expect(page).toContain('Any app on this device could pose as')
      expect(page).not.toContain('<bdi>com.example.app:')
    },
  )

  it('the consent page cannot be framed, scripted, stored or leaked, and its answer may lead to the client', async () => {
    const { headers } = await open(requestOf(client))
    const policy = headers.get('Content-Security-Policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    // Chromium applies form-action to every redirect after the form is submitted.
    expect(policy).not.toContain('form-action')
    expect(policy).not.toMatch(/script-src|unsafe-inline|nonce/)
    expect(headers.get('X-Frame-Options')).toBe('DENY')
    expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
  })
})

describe('the owner of the client on the consent page', () => {
  it('the consent page names the owner of a client by username, if the owner is a user here', async () => {
    const owner = await newUser()
    const owned = await newClient({ ownerId: owner.id })
    const page = await (await open(requestOf(owned))).text()
    expect(page).toContain(`Registered by <strong><bdi>${owner.username}</bdi></strong>`)
    expect(page).not.toContain(`<bdi>${owner.id}`)
    const other = await (await open(requestOf(client))).text()
    expect(other).not.toContain('Registered by')
  })
})

describe('a user who holds none of the requested scopes', () => {
  it('a user who holds none of the requested scopes gets a page with a link to the error for the client', async () => {
    const request = requestOf(client, { scope: 'submission:create' })
    const response = await open(request)
    const page = await response.text()
    expect(response.status).toBe(400)
    expect(response.headers.get('Location')).toBeNull()
    expect(page).toContain('permissions that your account does not have')
    expect(page).toContain('The application is <strong><bdi>Example client</bdi>')
    const [, href = ''] = /<a href="(https:\/\/client\.example\/[^"]*)"/.exec(page) ?? []
    const back = new URL(href.replaceAll('&amp;', '&'))
    expect(back.origin + back.pathname).toBe('https://client.example/callback')
    expect(back.searchParams.get('error')).toBe('invalid_scope')
    expect(back.searchParams.get('state')).toBe(request.state)
    expect(fieldsOf(page, '/logout').map(([name]) => name)).toContain('next_page')
  })

  it('a request with prompt=none of a user who holds none of the scopes is redirected to the client without a page', async () => {
    const response = await open(requestOf(client, { scope: 'submission:create', prompt: 'none' }))
    expect(response.status).toBe(303)
    const back = new URL(response.headers.get('Location') ?? '')
    expect(back.searchParams.get('error')).toBe('invalid_scope')
  })
})

describe('endorsements', () => {
  it('an endorsement that the user unticks is in no token of the consent and in no refreshed one', async () => {
    const who = await newUser({ endorsements: ['cs.DL', 'math.AG'] })
    const theirs = await signIn(who)
    const whose = await newClient({
      endorsements: ['*.*'],
      grantTypes: ['authorization_code', 'refresh_token'],
    })
    const request = requestOf(whose)
    const answer = async (change: (fields: [string, string][]) => [string, string][]) => {
      const page = await (await open(request, theirs)).text()
      const pairs = allowing(page) as [string, string][]
      expect(pairs.filter(([name]) => name === 'endorse')).toEqual([
        ['endorse', 'cs.DL'],
        ['endorse', 'math.AG'],
      ])
      const response = await post('/authorize', change(pairs), { Cookie: theirs })
      return redeemCode(whose, codeIn(response))
    }
    const endorsementsOf = async (token: string) =>
      (await sessionOf(token))?.authorizations.endorsements
    const first = await answer(without('endorse', 'math.AG'))
    expect(await endorsementsOf(first.access_token)).toEqual(['cs.DL'])
    const renewed = await tokenIn(await renewal(whose, first.refresh_token))
    expect(await endorsementsOf(renewed.access_token)).toEqual(['cs.DL'])
    // The page is shown again, because not all endorsements were allowed.
    const none = await answer(without('endorse'))
    expect(await endorsementsOf(none.access_token)).toEqual([])
    const all = await answer((pairs) => [...pairs, ['endorse', '*.*']])
    expect(await endorsementsOf(all.access_token)).toEqual(['cs.DL', 'math.AG'])
    // All endorsements are allowed now, so no page is shown.
    expect((await open(request, theirs)).status).toBe(303)
  })
})

describe('scopes with one sentence', () => {
  it('one box for two scopes with the same sentence grants both scopes or neither', async () => {
    const sentence = 'Use your submissions'
    await declare({
      scopes: [
        { name: 'twin:one', sentence },
        { name: 'twin:two', sentence },
      ],
    })
    const scopes = ['twin:one', 'twin:two', 'public:read']
    const who = await signIn(await newUser({ scopes }))
    const whose = await newClient({ scopes })
    const page = await (await open(requestOf(whose, { scope: scopes.join(' ') }), who)).text()
    const pairs = allowing(page) as [string, string][]
    expect(pairs.filter(([name]) => name === 'grant').map(([, value]) => value)).toEqual([
      'public:read',
      'twin:one twin:two',
    ])
    expect(page.split(sentence)).toHaveLength(2)
    const answered = async (change: (fields: [string, string][]) => [string, string][]) => {
      const response = await post('/authorize', change(pairs), { Cookie: who })
      const code = new URL(response.headers.get('Location') ?? '').searchParams.get('code') ?? ''
      return scopeOf(code, whose)
    }
    expect(await answered((fields) => fields)).toBe('public:read twin:one twin:two')
    expect(await answered(without('grant', 'twin:one twin:two'))).toBe('public:read')
  })
})

describe('the form-action policy, which Chromium applies to every redirect after a post', () => {
  const policyOf = async (path: string, Cookie = cookie) => {
    const response = await registry(path, { headers: { Cookie } })
    return response.headers.get('Content-Security-Policy')
  }
  const loginTo = (path: string) => `/login?${new URLSearchParams({ next_page: path })}`

  it('form-action is absent from the pages whose answer leads to a client', async () => {
    const asked = authorizePath(requestOf(client))
    for (const path of [asked, loginTo(asked)]) {
      expect(await policyOf(path)).toContain("default-src 'none'")
      expect(await policyOf(path)).not.toContain('form-action')
    }
  })

  it.each(['/', '/account', '/login', '/errors', loginTo('/account'), '/authorize'])(
    'form-action allows only our own pages at %s',
    async (path) => {
      expect(await policyOf(path)).toMatch(/form-action 'self';/)
    },
  )

  it('form-action allows only our own pages on the sign-in page of a request from an unknown client', async () => {
    const asked = authorizePath({ ...requestOf(client), client_id: 'nobody' })
    expect(await policyOf(loginTo(asked))).toMatch(/form-action 'self';/)
  })
})

describe('answers to the consent page', () => {
  it('Allow grants every scope that the consent page offered', async () => {
    const response = await answerConsent(cookie, requestOf(client, { scope: '' }))
    expect(response.status).toBe(303)
    expect(await scopeOf(codeIn(response))).toBe('public:read submission:read')
  })

  it('Allow grants only the scopes whose boxes stay ticked', async () => {
    const untick = without('grant', 'public:read')
    const response = await answerConsent(cookie, requestOf(client, { scope: '' }), untick)
    expect(await scopeOf(codeIn(response))).toBe('submission:read')
  })

  it('a ticked scope that the consent page did not offer is not granted', async () => {
    const add = (fields: [string, string][]): [string, string][] => [
      ...fields,
      ['grant', 'submission:create'],
      ['grant', 'compile:create'],
    ]
    const response = await answerConsent(cookie, requestOf(client), add)
    expect(await scopeOf(codeIn(response))).toBe('submission:read')
  })

  it.each([
    ['Cancel', withField('confirm', 'cancel')],
    ['neither button', without('confirm')],
    ['another word', withField('confirm', 'OK')],
    ['Allow with nothing ticked', without('grant')],
  ])(
    'the consent answer "%s" is refused with access_denied and without a code',
    async (_, change) => {
      const before = await issuedCodes()
      const response = await answerConsent(cookie, requestOf(client), change)
      expect(response.status).toBe(303)
      const to = sentTo(response)
      expect(to.origin + to.pathname).toBe(CALLBACK)
      expect(Object.fromEntries(to.searchParams)).toEqual({
        error: 'access_denied',
        error_description: expect.any(String),
        error_uri: `${ISSUER}/errors/access_denied`,
        state: 'af0ifjsldkj',
        iss: ISSUER,
      })
      expect(await issuedCodes()).toBe(before)
    },
  )
})

describe('forged answers to the consent page', () => {
  const forged: [string, (fields: [string, string][]) => [string, string][]][] = [
    ['without a form token', without('form_token')],
    ['with a wrong form token', withField('form_token', 'x'.repeat(43))],
    ['for another scope', withField('scope', 'public:read')],
    ['with another state', withField('state', 'attacker')],
    ['without the challenge', without('code_challenge')],
  ]
  it.each(forged)(
    'a consent answer %s is refused with a page, without a redirect and without a code',
    async (_, change) => {
      const before = await issuedCodes()
      const parameters = requestOf(client, withChallenge)
      const response = await answerConsent(cookie, parameters, change)
      expect(response.status).toBe(403)
      expect(response.headers.has('Location')).toBe(false)
      expect(fieldsOf(await response.text(), '/authorize')).toEqual([])
      expect(await issuedCodes()).toBe(before)
      expect(codeIn(await answerConsent(cookie, parameters))).not.toBe('')
    },
  )

  it('a consent answer from a page shown to another user is refused', async () => {
    const fields = await opened(requestOf(client))
    const other = await signIn(await newUser())
    expect((await post('/authorize', fields, { Cookie: other })).status).toBe(403)
    expect((await post('/authorize', fields, { Cookie: cookie })).status).toBe(303)
  })

  it.each(['cross-site', 'same-site'])(
    'a consent answer from another site (%s) is refused',
    async (site) => {
      const fields = await opened(requestOf(client))
      const sent = (from: string) =>
        post('/authorize', fields, { Cookie: cookie, 'Sec-Fetch-Site': from })
      expect((await sent(site)).status).toBe(403)
      expect((await sent('same-origin')).status).toBe(303)
    },
  )

  it('a consent answer without a session redirects to sign-in and back to the same request', async () => {
    const fields = await opened(requestOf(client))
    const response = await post('/authorize', fields)
    const location = new URL(response.headers.get('Location') ?? '', ISSUER)
    expect(location.pathname).toBe('/login')
    expect(location.searchParams.get('next_page')).toContain(`client_id=${client.id}`)
    expect(location.searchParams.get('next_page')).not.toContain('form_token')
  })
})

type Change = Parameters<ReturnType<typeof clientRegistry>['update']>
const change = (fields: Change[1], lists: Change[2] = {}) =>
  clientRegistry(env.DB).update(client.id, fields, lists, { mode: 'authorize', now: nowSeconds() })
const consentRow = () =>
  env.DB.prepare('SELECT scopes, fingerprint FROM consent WHERE client_id = ?1')
    .bind(client.id)
    .first()

/** Opens the consent page; returns its fields with Allow pressed. */
async function opened(parameters: Record<string, string>, who = cookie) {
  return allowing(await (await open(parameters, who)).text())
}

describe('the terms that the consent page showed', () => {
  it.each<[string, Change[1], Change[2]?]>([
    ['name', { name: 'Another name' }],
    ['owner', { ownerId: 'owner-2' }],
    ['description', { description: 'Deletes submissions' }],
    ['address', { url: 'https://other.example' }],
    ['redirect URIs', {}, { redirectUris: [CALLBACK, 'https://client.example/new'] }],
    ['endorsements', {}, { endorsements: ['*.*'] }],
    ['scopes', {}, { scopes: ['public:read', 'submission:read'] }],
  ])(
    'a consent answer shows the page again and grants nothing when the client’s %s changed meanwhile',
    async (_, fields, lists) => {
      client = await newClient({ scopes: ['submission:read'], endorsements: ['cs.DL'] })
      const who = await signIn(await newUser({ endorsements: ['*.*'] }))
      const parameters = requestOf(client, { scope: '' })
      const answer = await opened(parameters, who)
      const before = await issuedCodes()
      await change(fields, lists)
      const response = await post('/authorize', answer, { Cookie: who })
      const page = await response.text()
      expect([response.status, response.headers.get('Location')]).toEqual([200, null])
      expect(page).toContain('has changed since you opened this page. Nothing was allowed.')
      expect([await issuedCodes(), await consentRow()]).toEqual([before, null])
      // The page that is shown again can be answered.
      expect(codeIn(await post('/authorize', allowing(page), { Cookie: who }))).not.toBe('')
    },
  )

  it('a consent answer shows the page again without a scope that the user lost meanwhile', async () => {
    const user = await newUser()
    const who = await signIn(user)
    const answer = await opened(requestOf(client, { scope: '' }), who)
    await env.DB.prepare("DELETE FROM user_scope WHERE user_id = ?1 AND scope = 'public:read'")
      .bind(user.id)
      .run()
    const response = await post('/authorize', answer, { Cookie: who })
    const offered = fieldsOf(await response.text(), '/authorize').filter(([n]) => n === 'grant')
    expect([response.status, offered]).toEqual([200, [['grant', 'submission:read']]])
  })

  it('the fingerprint in a consent form cannot be replaced by that of another page', async () => {
    const answer = await opened(requestOf(client))
    await change({ name: 'Another name' })
    const [, shown = ''] = (await opened(requestOf(client))).find(([n]) => n === 'shown') ?? []
    const before = await issuedCodes()
    const forged = withField('shown', shown)(answer)
    expect((await post('/authorize', forged, { Cookie: cookie })).status).toBe(403)
    expect(await issuedCodes()).toBe(before)
  })

  it('Cancel is a refusal even when the terms have changed', async () => {
    const answer = withField('confirm', 'cancel')(await opened(requestOf(client)))
    await change({ name: 'Another name' })
    const response = await post('/authorize', answer, { Cookie: cookie })
    expect(sentTo(response).searchParams.get('error')).toBe('access_denied')
  })

  it('control: a consent answer is granted when the terms are as the page showed them', async () => {
    const answer = await opened(requestOf(client))
    await change({ name: 'Another name' })
    await change({ name: 'Example client' })
    expect(codeIn(await post('/authorize', answer, { Cookie: cookie }))).not.toBe('')
  })
})

describe('consent answers from the page of an older session', () => {
  it.each(['ok', 'cancel'])(
    'the answer "%s" to the consent page of the user’s older session gets the page again, which can be answered',
    async (confirm) => {
      const user = await newUser()
      const stale = withField(
        'confirm',
        confirm,
      )(await opened(requestOf(client), await signIn(user)))
      const who = await signIn(user)
      const before = await issuedCodes()
      const response = await post('/authorize', stale, { Cookie: who })
      const page = await response.text()
      expect([response.headers.get('Location'), await issuedCodes()]).toEqual([null, before])
      expect(page).toContain('Your answer did not count')
      expect(page).toContain(`<bdi>${user.username}</bdi>`)
      expect(codeIn(await post('/authorize', allowing(page), { Cookie: who }))).not.toBe('')
    },
  )

  it("an answer to the consent page of another user's session gets the page again, with the scopes of the signed-in user", async () => {
    const parameters = requestOf(client, { scope: '' })
    const stale = await opened(parameters, await signIn(await newUser()))
    const other = await newUser({ scopes: ['public:read'] })
    const response = await post('/authorize', stale, { Cookie: await signIn(other) })
    const page = await response.text()
    expect(page).toContain(`<bdi>${other.username}</bdi>`)
    expect(fieldsOf(page, '/authorize').filter(([n]) => n === 'grant')).toEqual([
      ['grant', 'public:read'],
    ])
  })

  it('an answer to the consent page of an older session issues no code, even if a consent is remembered', async () => {
    const user = await newUser()
    const stale = await opened(requestOf(client), await signIn(user))
    const who = await signIn(user)
    await obtainCode(who, requestOf(client))
    const before = await issuedCodes()
    const response = await post('/authorize', stale, { Cookie: who })
    expect([response.status, await issuedCodes()]).toEqual([403, before])
  })
})

describe('the latest answer to the consent page', () => {
  const BOTH = 'public:read submission:read'
  const both = () => requestOf(client, { scope: BOTH })
  const isAskedFor = async (scope: string) =>
    (await open(requestOf(client, { scope }))).status === 200
  const narrow = () => answerConsent(cookie, both(), without('grant', 'public:read'))

  it('a narrowed consent under another client name also replaces the consent under the first name', async () => {
    await obtainCode(cookie, both())
    expect(await isAskedFor(BOTH)).toBe(false)
    await change({ name: 'Another name' })
    await narrow()
    await change({ name: 'Example client' })
    expect([await isAskedFor(BOTH), await isAskedFor('submission:read')]).toEqual([true, true])
    // Control: the narrowed consent is remembered under the client name that it was given for.
    await change({ name: 'Another name' })
    expect([await isAskedFor(BOTH), await isAskedFor('submission:read')]).toEqual([true, false])
  })

  it('a user and a client have one consent row for all their requests', async () => {
    for (const scope of ['public:read', BOTH, 'submission:read']) {
      await obtainCode(cookie, requestOf(client, { scope }))
    }
    expect(await consentRow()).toMatchObject({ scopes: 'submission:read' })
    expect(
      await env.DB.prepare('SELECT count(*) AS n FROM consent WHERE client_id = ?1')
        .bind(client.id)
        .first('n'),
    ).toBe(1)
    expect([await isAskedFor('submission:read'), await isAskedFor(BOTH)]).toEqual([false, true])
  })

  it('a refusal under another client name also ends the consent under the first name', async () => {
    await obtainCode(cookie, both())
    await change({ name: 'Another name' })
    await answerConsent(cookie, both(), withField('confirm', 'cancel'))
    await change({ name: 'Example client' })
    expect(await isAskedFor(BOTH)).toBe(true)
    await obtainCode(cookie, both())
    expect(await isAskedFor(BOTH)).toBe(false)
  })

  it('a refusal of other scopes keeps the remembered consent', async () => {
    await obtainCode(cookie, both())
    const other = requestOf(client, { scope: 'public:read' })
    await answerConsent(cookie, other, withField('confirm', 'cancel'))
    expect(await isAskedFor(BOTH)).toBe(false)
  })

  it('a refusal that cannot be stored is 503 and changes nothing', async () => {
    await obtainCode(cookie, both())
    await change({ name: 'Another name' })
    const answer = withField('confirm', 'cancel')(await opened(both()))
    const before = await consentRow()
    const down = serve({
      DB: over(env.DB, {
        prepare: (sql: string) => {
          if (sql === WITHDRAW_CONSENT) throw new Error('storage is out of reach')
          return env.DB.prepare(sql)
        },
      }),
    })
    expect((await post('/authorize', answer, { Cookie: cookie }, down)).status).toBe(503)
    expect(await consentRow()).toEqual(before)
  })
})

describe('remembered consents', () => {
  const isAsked = async (parameters: Record<string, string>, who = cookie) =>
    (await open(parameters, who)).status === 200

  it('a remembered consent covers the same set of scopes, and neither a wider nor a narrower one', async () => {
    await obtainCode(cookie, requestOf(client, { scope: 'public:read submission:read' }))
    expect(await isAsked(requestOf(client, { scope: 'submission:read public:read' }))).toBe(false)
    expect(await isAsked(requestOf(client, { scope: 'public:read' }))).toBe(true)
    expect(
      await isAsked(requestOf(client, { scope: 'public:read' }), await signIn(await newUser())),
    ).toBe(true)
  })

  it('a consent that the user narrowed is remembered for the narrowed scopes only', async () => {
    const both = requestOf(client, { scope: 'public:read submission:read' })
    await answerConsent(cookie, both, without('grant', 'public:read'))
    expect(await isAsked(both)).toBe(true)
    expect(await isAsked(requestOf(client, { scope: 'submission:read' }))).toBe(false)
  })

  it('a refused consent is not remembered', async () => {
    await answerConsent(cookie, requestOf(client), withField('confirm', 'cancel'))
    expect(await isAsked(requestOf(client))).toBe(true)
  })

  it.each([
    ['name', { name: 'Another name' }, {}],
    ['owner', { ownerId: 'owner-2' }, {}],
    ['description', { description: 'Deletes submissions' }, {}],
    ['URL', { url: 'https://other.example' }, {}],
    ['terms', { tosUri: 'https://other.example/terms' }, {}],
    ['privacy policy', { policyUri: 'https://other.example/policy' }, {}],
    ['logo', { logoUri: 'https://other.example/logo.png' }, {}],
    ['redirect URIs', {}, { redirectUris: [CALLBACK, 'https://client.example/new'] }],
    ['endorsements', {}, { endorsements: ['cs.*', 'math.CO'] }],
  ])(
    'a remembered consent no longer applies after a change of the client’s %s',
    async (_, fields, lists) => {
      await obtainCode(cookie, requestOf(client))
      expect(await isAsked(requestOf(client))).toBe(false)
      await clientRegistry(env.DB).update(client.id, fields, lists, {
        mode: 'authorize',
        now: nowSeconds(),
      })
      expect(await isAsked(requestOf(client))).toBe(true)
    },
  )

  it('a consent is never remembered for a public client on a loopback address (RFC 8252 §8.6), and is for one on https', async () => {
    const loopback = 'http://127.0.0.1:5000/cb'
    const native = await newClient({ authMethod: 'none', redirectUris: [loopback] })
    const asked = requestOf(native, { redirect_uri: loopback, ...withChallenge })
    await obtainCode(cookie, asked)
    expect(await isAsked(asked)).toBe(true)
    const web = await newClient({ authMethod: 'none' })
    await obtainCode(cookie, requestOf(web, withChallenge))
    expect(await isAsked(requestOf(web, withChallenge))).toBe(false)
  })
})

describe('consent of users from an external accounts service (LOGIN_URL)', () => {
  it('a user of an external accounts service holds the scopes of the session record, without a row in the user table', async () => {
    const elsewhere = serve({ LOGIN_URL: 'https://accounts.example/login' })
    const own = await newUser({ scopes: ['public:read'] })
    const cookieOfTheirs = await externalSession(await signIn(own), 'accounts:7')
    const before = await countSessions()
    const code = await obtainCode(cookieOfTheirs, requestOf(client, { scope: '' }), elsewhere)
    const issued = await redeemCode(client, code, {}, elsewhere)
    expect(issued.scope).toBe('public:read')
    expect((await sessionOf(issued.access_token))?.user?.user_id).toBe('accounts:7')
    expect(await countSessions()).toBe(before + 1)
    // A user of the accounts service gets a row here, and a user of the registry does not.
    const seen = await env.DB.prepare(
      `SELECT user_id, username_key FROM external_user
       WHERE user_id = 'accounts:7' OR user_id IN (SELECT user_id FROM user)`,
    ).all()
    expect(seen.results).toEqual([{ user_id: 'accounts:7', username_key: own.username }])
    // Control: without LOGIN_URL the unknown user is redirected to sign-in.
    const answered = await registry(authorizePath(requestOf(client)), {
      headers: { Cookie: cookieOfTheirs },
    })
    expect(answered.headers.get('Location')).toMatch(/^\/login/)
  })
})
