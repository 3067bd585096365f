/** Every refusal has a correlation id. Only the operator can look up its cause. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { compose } from '../../src/compose.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { explanations } from '../../src/pages/error-explanations.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { DAY_SECONDS } from '../days.ts'
import { userRegistry } from '../rows.ts'
import { over, watchedBindings } from './counting.ts'
import { exceededFor } from './limits.ts'
import { loggedBy } from './logged.ts'
import {
  answerConsent,
  attemptSignIn,
  authorizePath,
  basicOf,
  CALLBACK,
  cookiesOf,
  credentialsOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PASSWORD,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  sentTo,
  serve,
  signIn,
  type TestClient,
  type TestUser,
  withChallenge,
} from './registry.ts'

const ID = /^[0-9A-HJKMNP-TV-Z]{10}$/

let client: TestClient
let user: TestUser
let cookie: string
const logged = loggedBy('log')
beforeAll(async () => {
  client = await newClient()
  user = await newUser()
  cookie = await signIn(user)
})
afterEach(() => void vi.useRealTimers())

const idOf = (response: Response) => response.headers.get('X-Correlation-Id') ?? ''
const recorded = (response: Response) => refusalStore(env.DB).find(idOf(response), nowSeconds())
const countRecorded = () => env.DB.prepare('SELECT count(*) AS n FROM refusal').first<number>('n')
const open = (parameters: Record<string, string>, fetch = registry) =>
  fetch(authorizePath(parameters), { headers: { Cookie: cookie } })

describe('refusals of the endpoints for clients', () => {
  it('a refusal of /token has a correlation id and a link to its error code, and does not name the cause', async () => {
    const response = await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }))
    expect(response.status).toBe(401)
    expect(idOf(response)).toMatch(ID)
    expect(await response.json()).toEqual({
      error: 'invalid_client',
      error_description: 'Client authentication failed.',
      error_uri: `${ISSUER}/errors/invalid_client`,
    })
  })

  it.each<[cause: string, Record<string, string>, authorization?: string]>([
    ['no client_id', {}],
    ['the Authorization header is not Basic credentials', {}, 'Bearer reg_1'],
    ['the Basic credentials are malformed', {}, `Basic ${btoa('no colon')}`],
    ['client_id differs from the Basic credentials', { client_id: 'a' }, `Basic ${btoa('b:c')}`],
    ['client_assertion_type without an assertion', { client_assertion_type: 'x' }],
    ['client_assertion_type is missing or not known', { client_assertion: 'x' }],
  ])(
    'credentials that cannot be read are refused with the cause: %s',
    async (cause, fields, authorization) => {
      const headers = authorization === undefined ? {} : { Authorization: authorization }
      const asked = { grant_type: 'client_credentials', ...fields }
      const response = await post('/token', asked, headers)
      const error_description = `Client authentication failed: ${cause}.`
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ error: 'invalid_client', error_description })
    },
  )

  it('a refusal is recorded under its correlation id in one log line and one row, with the cause', async () => {
    const response = await post('/token', credentialsOf({ ...client, secret: `${client.secret}x` }))
    const told = {
      correlationId: idOf(response),
      endpoint: 'POST /token',
      error: 'invalid_client',
      detail: 'wrong secret',
      clientId: client.id,
    }
    expect(await recorded(response)).toEqual({ ...told, refusedAt: expect.any(Number) })
    const { error, ...line } = told
    expect(logged).toMatchObject([{ event: 'request', ...line, reason: error, status: 401 }])
  })

  it('every refusal has a correlation id of its own', async () => {
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => idOf(await post('/token', {}))),
    )
    expect(new Set(ids).size).toBe(50)
  })

  it('a response that is not a refusal has no correlation id and writes no row', async () => {
    const before = await countRecorded()
    const response = await post('/token', credentialsOf(client))
    expect(response.status).toBe(200)
    expect(response.headers.has('X-Correlation-Id')).toBe(false)
    expect([await countRecorded(), logged.map(({ outcome }) => outcome)]).toEqual([
      before,
      ['answered'],
    ])
  })
})

describe('the recorded cause of a refusal', () => {
  const basic = (id: string, secret: string) => ({
    Authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`,
  })
  const detailOf = async (response: Response) => {
    expect(response.status).toBeGreaterThanOrEqual(400)
    const detail = (await recorded(response))?.detail ?? ''
    expect(await response.text()).not.toContain(detail)
    return detail
  }

  it('the recorded cause of a wrong redirect_uri is the position of the difference', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    const redeem = (uri: string) =>
      post('/token', redemptionOf(client, code, { redirect_uri: uri }))
    const at = (n: number) => `redirect_uri differs at character ${n}`
    expect(await detailOf(await redeem(`${CALLBACK}/`))).toBe(at(CALLBACK.length + 1))
    expect(await detailOf(await redeem(CALLBACK.slice(0, -1)))).toBe(at(CALLBACK.length))
    expect(await detailOf(await redeem(CALLBACK.replace('https', 'http')))).toBe(at(5))
    expect(await detailOf(await redeem(''))).toBe('redirect_uri is missing')
  })

  it('the recorded cause of a refused code_verifier distinguishes a wrong, a missing, a malformed and an unexpected one', async () => {
    const bound = await obtainCode(cookie, requestOf(client, withChallenge))
    const redeem = (code: string, code_verifier: string) =>
      post('/token', redemptionOf(client, code, { code_verifier }))
    expect(await detailOf(await redeem(bound, 'x'.repeat(43)))).toBe('code_verifier does not match')
    expect(await detailOf(await redeem(bound, ''))).toBe('code_verifier is missing')
    // The rule for the form of a verifier is public, so the client reads the same words.
    const malformed = await redeem(bound, 'short')
    expect([malformed.status, (await recorded(malformed))?.detail]).toEqual([
      400,
      expect.stringMatching('43 to 128'),
    ])
    const unbound = await obtainCode(cookie, requestOf(client))
    expect(await detailOf(await redeem(unbound, PKCE.verifier))).toMatch('without a code_challenge')
  })

  it('the recorded cause of a refused code distinguishes an unknown, a foreign, a used and an expired one', async () => {
    const code = await obtainCode(cookie, requestOf(client))
    const other = await newClient()
    const redeem = (given: string, who = client) => post('/token', redemptionOf(who, given))
    expect(await detailOf(await redeem(code, other))).toBe('issued to another client')
    expect(await detailOf(await redeem('junk'))).toBe('malformed code')
    expect(await detailOf(await redeem(mintToken('authorizationCode')))).toBe('unknown code')
    await redeem(code)
    expect(await detailOf(await redeem(code))).toMatch(/^replayed \d+ s after its use$/)
    vi.useFakeTimers({ toFake: ['Date'] })
    const late = await obtainCode(cookie, requestOf(client))
    vi.setSystemTime(Date.now() + 3_612_000)
    expect(await detailOf(await redeem(late))).toBe('expired 12 s ago')
  })

  it('the recorded cause of a failed client authentication names the client and the method, however they were sent', async () => {
    const unknown = await post('/token', credentialsOf({ id: 'nobody', secret: 'x' }))
    expect(await detailOf(unknown)).toBe('unknown client')
    const ask = (headers: Record<string, string>) =>
      post('/token', { grant_type: 'client_credentials' }, headers)
    const strict = await newClient({ authMethod: 'client_secret_post' })
    const wrongMethod = await ask(basic(strict.id, strict.secret))
    expect((await recorded(wrongMethod))?.clientId).toBe(strict.id)
    expect(await detailOf(wrongMethod)).toBe(
      'registered for client_secret_post, used client_secret_basic',
    )
    const assertion = `x.${btoa(JSON.stringify({ iss: 'client-9' }))}.y`
    const asserted = await post('/token', { grant_type: 'x', client_assertion: assertion })
    expect((await recorded(asserted))?.clientId).toBe('client-9')
    const nameless = await post('/token', { grant_type: 'client_credentials' })
    expect((await recorded(nameless))?.clientId).toBeNull()
  })

  it('the recorded cause names a refused scope, grant type, content type or repeated parameter', async () => {
    const compile = await post('/token', credentialsOf(client, { scope: 'compile:create' }))
    expect(await detailOf(compile)).toBe('scope "compile:create" is not authorized')
    const malformed = await post('/token', credentialsOf(client, { scope: 'all\u00e9' }))
    expect(await detailOf(malformed)).toBe('malformed scope "all?"')
    const password = await post('/token', credentialsOf(client, { grant_type: 'password' }))
    expect(await detailOf(password)).toBe('grant_type "password"')
    const json = await post('/token', {}, { 'Content-Type': 'application/json; charset=utf-8' })
    expect(await detailOf(json)).toBe('Content-Type "application/json"')
    const twice = await post('/token', [
      ...Object.entries(credentialsOf(client)),
      ['scope', 'a:b'],
      ['scope', 'c:d'],
    ])
    expect(await detailOf(twice)).toBe('more than once: scope')
  })
})

describe('a repeated parameter', () => {
  it.each([
    ['scope', 'The parameter scope is included more than once.'],
    ['regs_not-a-name', 'A parameter is included more than once.'],
  ])(
    'a repeated parameter %s is refused, and the refusal names it only if it is a known parameter',
    async (name, words) => {
      const pairs = [...Object.entries(credentialsOf(client)), [name, 'a:b'], [name, 'c:d']]
      const response = await post('/token', pairs as [string, string][])
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: 'invalid_request',
        error_description: words,
      })
    },
  )
})

describe('the recorded text of a caller', () => {
  it('the text of a caller is recorded in short form and without control characters', async () => {
    const scope = `\u001b[31m\u202e\n${'x'.repeat(500)}`
    const response = await post('/token', credentialsOf(client, { scope }))
    const { detail = '' } = (await recorded(response)) ?? {}
    expect(detail).toMatch(/^malformed scope "\?\[31m\?\?x+\.\.\."$/)
    expect(detail.length).toBeLessThan(100)
    const id = `\u001b${'y'.repeat(900)}`
    const unknown = await post('/token', credentialsOf({ id, secret: 'x' }))
    expect((await recorded(unknown))?.clientId).toMatch(/^\?y{496}\.\.\.$/)
  })

  it('the text of a caller is recorded without secrets, in the table and in the log', async () => {
    const token = mintToken('accessToken')
    const code = mintToken('authorizationCode')
    const signed = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.${'x'.repeat(86)}`
    const secrets = [client.secret, token, code, signed, PASSWORD, PKCE.verifier]
    const grant_type = 'client_credentials'
    await post('/token', credentialsOf({ id: client.secret, secret: client.id }))
    await post('/token', credentialsOf(client, { scope: token }))
    await post('/token', credentialsOf(client, { scope: `a:b:${token}` }))
    await post('/token', credentialsOf(client, { scope: `a:b:${signed}` }))
    await post('/token', { ...credentialsOf(client), grant_type: `${code} ${token}` })
    await post('/token', { ...credentialsOf(client), grant_type: signed })
    await post('/token', { grant_type }, basicOf(client))
    await post('/token', { grant_type }, { Authorization: `Bearer ${token}` })
    await post('/token', [
      [token, '1'],
      [token, '2'],
    ])
    await post('/token', { grant_type }, { 'Content-Type': token })
    await post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier }))
    await open(requestOf(client, { response_type: token }))
    await registry(`/authorize?client_id=${token}&client_id=${token}`)
    const form = await registry('/login')
    const fields = Object.fromEntries(fieldsOf(await form.text(), '/login'))
    const filled = { ...fields, username: PASSWORD, password: PASSWORD }
    await post('/login', filled, { Cookie: cookiesOf(form) })
    await post('/login', { ...filled, form_token: PASSWORD }, { Cookie: cookiesOf(form) })
    const rows = await env.DB.prepare('SELECT * FROM refusal').all()
    const kept = JSON.stringify([rows.results, logged])
    expect(logged.length).toBeGreaterThanOrEqual(13)
    for (const secret of secrets) {
      expect(kept).not.toContain(secret)
      expect(kept).not.toContain(secret.slice(5, 25))
    }
  })
})

describe('refusals at /authorize', () => {
  it('a refusal page shows its correlation id as a reference, and the position of the difference is recorded', async () => {
    const response = await open(requestOf(client, { redirect_uri: `${CALLBACK}s` }))
    expect(response.status).toBe(400)
    const page = await response.text()
    expect(page).toContain(
      `Tell the operator this reference: <code class="reference">${idOf(response)}</code>`,
    )
    expect(page).toContain('href="/errors/invalid_request"')
    const character = CALLBACK.length + 1
    expect(await recorded(response)).toMatchObject({
      endpoint: 'GET /authorize',
      clientId: client.id,
      detail: `redirect_uri differs from the nearest registered one at character ${character}`,
    })
  })

  it('a refusal by redirect gives error_uri to the client, and the correlation id only to the operator', async () => {
    const response = await open(requestOf(client, { scope: 'compile:create' }))
    expect(response.status).toBe(303)
    expect(Object.fromEntries(sentTo(response).searchParams)).toEqual({
      error: 'invalid_scope',
      error_description: "The client is not authorized for the scope 'compile:create'.",
      error_uri: `${ISSUER}/errors/invalid_scope`,
      state: 'af0ifjsldkj',
      iss: ISSUER,
    })
    expect(response.headers.get('Location')).not.toContain(idOf(response))
    expect(await recorded(response)).toMatchObject({
      error: 'invalid_scope',
      detail: 'scope "compile:create" is not authorized',
    })
  })

  it('the recorded cause of a refusal by the user is that the user pressed Cancel', async () => {
    const cancel = (fields: [string, string][]): [string, string][] =>
      fields.map(([name, value]) => [name, name === 'confirm' ? 'cancel' : value])
    const response = await answerConsent(cookie, requestOf(await newClient()), cancel)
    expect(await recorded(response)).toMatchObject({ detail: 'the user pressed Cancel' })
  })
})

describe('refused sign-ins', () => {
  it('a refused sign-in shows the same page for every cause, and the cause is recorded', async () => {
    const disabled = await newUser()
    await userRegistry(env.DB).disable(disabled.id, nowSeconds())
    const details = []
    const pages = new Set<string>()
    for (const answer of [
      await attemptSignIn('nobody-here'),
      await attemptSignIn(user.username, { password: 'wrong' }),
      await attemptSignIn(disabled.username),
    ]) {
      expect(idOf(answer)).toMatch(ID)
      details.push((await recorded(answer))?.detail)
      pages.add((await answer.text()).replace(/value="[^"]*"/g, ''))
    }
    expect(details).toEqual(['unknown username', 'wrong password', 'disabled user'])
    expect(pages.size).toBe(1)
  })
})

describe('faults', () => {
  it('the correlation id of a fault is recorded only in the log, because D1 may have failed', async () => {
    const broken = serve({
      ...watchedBindings((operation) => {
        if (operation === 'kvWrite') throw new Error('KV is out of reach')
      }),
    })
    const before = await countRecorded()
    const response = await post('/token', credentialsOf(client), {}, broken)
    expect([response.status, idOf(response)]).toEqual([503, expect.stringMatching(ID)])
    expect(await response.text()).toContain(`${ISSUER}/errors/temporarily_unavailable`)
    expect(logged).toMatchObject([
      { outcome: 'fault', correlationId: idOf(response), detail: 'Error: KV is out of reach' },
    ])
    expect(await countRecorded()).toBe(before)
  })

  it('a refusal that cannot be recorded has the same response, and the log says so', async () => {
    const DB = over(env.DB, {
      prepare(sql: string) {
        if (sql.includes('INTO refusal')) throw new Error('D1 is out of reach')
        return env.DB.prepare(sql)
      },
    })
    const response = await post('/token', { grant_type: 'x' }, {}, serve({ DB }))
    expect([response.status, idOf(response)]).toEqual([400, expect.stringMatching(ID)])
    expect(logged.map(({ event }) => event)).toEqual(['request', 'refusal_not_recorded'])
    expect(new Set(logged.map(({ correlationId }) => correlationId))).toEqual(
      new Set([idOf(response)]),
    )
  })
})

describe('limits on the record of refusals', () => {
  const flood = { 'CF-Connecting-IP': '192.0.2.66' }
  const limiting = (refuses: (key: string) => boolean) =>
    serve({ REFUSAL_LIMIT: exceededFor(refuses) })

  it('a request over the rate limit has a correlation id and writes no row', async () => {
    const wrong = credentialsOf({ ...client, secret: `${client.secret}x` })
    const before = await countRecorded()
    const response = await post(
      '/token',
      wrong,
      flood,
      limiting((key) => !key.startsWith('recorded')),
    )
    expect([response.status, idOf(response)]).toEqual([429, expect.stringMatching(ID)])
    expect(await countRecorded()).toBe(before)
  })

  it('the refusals of one address are recorded only within the limit', async () => {
    const before = await countRecorded()
    const response = await post(
      '/token',
      {},
      flood,
      limiting((key) => key.startsWith('recorded')),
    )
    expect([response.status, idOf(response)]).toEqual([400, expect.stringMatching(ID)])
    expect(await countRecorded()).toBe(before)
    expect(logged).toHaveLength(1)
  })

  it('a request for an unknown path has no correlation id and writes no row', async () => {
    const before = await countRecorded()
    const response = await registry('/wp-login.php')
    expect([response.status, response.headers.has('X-Correlation-Id')]).toEqual([404, false])
    expect(await response.text()).not.toContain('reference')
    expect(await countRecorded()).toBe(before)
  })

  it.each<[string, string, RequestInit, string]>([
    ['HTML for a browser', '/wp-login.php', { headers: { Accept: 'text/html,*/*' } }, 'text/html'],
    ['HTML without an Accept header', '/nothing', {}, 'text/html'],
    [
      'JSON for a request that accepts JSON',
      '/nothing',
      { headers: { Accept: 'application/json' } },
      'json',
    ],
    ['JSON for a post', '/nothing', { method: 'POST' }, 'json'],
    ['JSON below /.well-known', '/.well-known/openid-configuration', {}, 'json'],
    ['JSON below an endpoint for clients', '/token/', {}, 'json'],
    [
      'JSON below a page for a request that accepts JSON',
      '/errors/x',
      { headers: { Accept: 'application/json' } },
      'json',
    ],
  ])('a request for an unknown path is answered 404 with %s', async (_, path, init, type) => {
    const response = await registry(path, init)
    expect(response.status).toBe(404)
    expect(response.headers.get('Content-Type')).toContain(type)
  })

  it('a 405 of a page is JSON when the request asks for JSON', async () => {
    const put = (Accept: string) => registry('/account', { method: 'PUT', headers: { Accept } })
    const json = await put('application/json')
    expect([json.status, json.headers.get('Allow')]).toEqual([405, 'GET, HEAD, POST'])
    expect(await json.json()).toMatchObject({ error: 'invalid_request' })
    expect((await put('*/*')).headers.get('Content-Type')).toContain('text/html')
  })

  it('cron removes refusals that are older than a day', async () => {
    await env.DB.prepare('DELETE FROM refusal').run()
    await post('/token', {})
    const housekeep = (atMs: number) => compose({ ...env, ISSUER }).housekeep(atMs)
    await housekeep(Date.now() + (DAY_SECONDS - 60) * 1000)
    expect(await countRecorded()).toBeGreaterThan(0)
    await housekeep(Date.now() + (DAY_SECONDS + 60) * 1000)
    expect(await countRecorded()).toBe(0)
  })
})

describe('pages that explain error codes', () => {
  it.each(explanations().map(({ code }) => code))(
    'the page /errors/%s explains the code, its causes and what to do',
    async (code) => {
      const response = await registry(`/errors/${code}`)
      expect(response.status).toBe(200)
      const page = await response.text()
      for (const words of [
        code,
        'Usual causes',
        'What to do',
        'X-Correlation-Id',
        'href="/errors"',
      ]) {
        expect(page).toContain(words)
      }
    },
  )

  it('the page /errors links to every error code', async () => {
    const page = await (await registry('/errors')).text()
    for (const { code } of explanations()) expect(page).toContain(`href="/errors/${code}"`)
    expect(explanations().length).toBeGreaterThanOrEqual(9)
  })

  it.each(['no_such_error', 'toString', '__proto__', 'invalid_grant/', 'INVALID_GRANT'])(
    'the page /errors/%s does not exist and is 404',
    async (code) => {
      const response = await registry(`/errors/${code}`)
      expect(response.status).toBe(404)
      expect(response.headers.get('Content-Type')).toContain('text/html')
    },
  )
})
