/**
 * Random input: no bytes, headers or parameters cause a fault, a malformed response, unauthorized access or an open
 * redirect. fast-check prints the seed and the smallest request of a failure.
 */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { type Ask, answerTo, checkPage, cookiesSetBy, jsonOf, tracesOfTests } from './any-answer.ts'
import {
  type AnyPairs,
  type AnyRequest,
  anyGet,
  anyPost,
  headerOf,
  MARK,
  type NearlyValid,
  parametersOf,
  parametersReadOf,
} from './any-request.ts'
import { NEW_PASSWORD, newInvitation } from './inviting.ts'
import { asserting, assertionOf, keySetOf, newKey, proofOf, resourceProofOf } from './keys.ts'
import { exceededFor } from './limits.ts'
import { machineToken, newPublicClient, newRefreshingClient, userTokens } from './obtaining.ts'
import {
  CALLBACK,
  cookiesOf,
  credentialsOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  PASSWORD,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  serve,
  sessionTokenIn,
  signIn,
  type TestClient,
  tokenIn,
  withChallenge,
} from './registry.ts'
import { newResource } from './resources.ts'
import { newSignedResource, SIGNING_KEYS, signing } from './signed.ts'
import { JWT_SECRET } from './stored-session.ts'

const LOOPBACK = 'http://127.0.0.1/callback'
const NATIVE = 'com.example.app:/callback'

/** Refusals are not recorded and the rate limits never apply: other tests cover both. */
const service = serve({
  SIGNING_KEYS,
  STORAGE_TIMEOUT_SECONDS: 30,
  LOGIN_LIMIT: exceededFor(),
  REFUSAL_LIMIT: exceededFor((key) => key.startsWith('recorded')),
})
const ADDRESS: AnyPairs = [['CF-Connecting-IP', '192.0.2.1']]

/** A signed access token, for a resource of its own. */
async function signedToken(client: TestClient) {
  const resource = await newSignedResource(['submission:read'])
  const response = await post('/token', credentialsOf(client, { resource }), {}, signing.fetch)
  return (await tokenIn(response)).access_token
}

/** The clients, users and tokens that the requests are made of. */
async function prepare() {
  const key = await newKey()
  const confidential = await newRefreshingClient()
  const basic = await newRefreshingClient({ authMethod: 'client_secret_basic' })
  const introspecting = await newClient({ mayIntrospect: true })
  const native = await newClient({
    authMethod: 'none',
    redirectUris: [LOOPBACK, NATIVE, `${CALLBACK}?native=1`],
    grantTypes: ['authorization_code', 'refresh_token'],
  })
  const byKey = await newClient({ authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) })
  const web = await newPublicClient()
  const user = await newUser()
  const cookie = await signIn(user)
  const codeFor = (client: TestClient) => obtainCode(cookie, requestOf(client, withChallenge))
  return {
    ...{ key, confidential, basic, introspecting, native, byKey, web, user, cookie },
    codes: await Promise.all([codeFor(confidential), codeFor(confidential), codeFor(web)]),
    issued: [await userTokens(confidential, user), await userTokens(web, user)],
    machine: await machineToken(confidential),
    signed: await signedToken(confidential),
    resource: await newResource(['submission:read']),
    assertion: await assertionOf(byKey.id, key),
    proof: await proofOf(key),
  }
}
let prepared: ReturnType<typeof prepare> | undefined
const world = () => {
  prepared ??= prepare()
  return prepared
}
type World = Awaited<ReturnType<typeof prepare>>

const pairsOf = (fields: Record<string, string>): AnyPairs => Object.entries(fields)
const nearly = (fields: Record<string, string>, headers: AnyPairs = ADDRESS): NearlyValid => ({
  pairs: pairsOf(fields),
  headers,
})
const basicOf = ({ id, secret }: TestClient) =>
  ['Authorization', `Basic ${btoa(`${id}:${secret}`)}`] as const
const cookieOf = (cookie: string): AnyPairs => [...ADDRESS, ['Cookie', cookie]]

/** The statuses of this test. A property that saw only one status would prove little. */
const statuses = new Set<number>()
const noting =
  (fetch: Ask): Ask =>
  async (path, init) => {
    const response = await fetch(path, init)
    statuses.add(response.status)
    return response
  }
const ask = noting(service)
const expectAnswers = (...expected: number[]) =>
  expect([...statuses]).toEqual(expect.arrayContaining(expected))

const traces = tracesOfTests()
beforeEach(() => statuses.clear())

/** The response to the request, checked as a page. */
const pageFor = async (request: AnyRequest) => {
  const answer = await answerTo(request, ask, traces)
  checkPage(request, answer)
  return answer
}

const TEST_TIMEOUT_MS = 300_000
const holds = (
  requests: fc.Arbitrary<AnyRequest>,
  numRuns: number,
  check: (request: AnyRequest) => Promise<void>,
  /** Requests that are sent before the random ones. */
  first: readonly AnyRequest[] = [],
) =>
  fc.assert(fc.asyncProperty(requests, check), {
    numRuns,
    examples: first.map((request) => [request]),
    // A failure is printed with its seed even when there is no time to shrink it.
    interruptAfterTimeLimit: TEST_TIMEOUT_MS - 20_000,
  })

/** Whether the request contains the text unchanged, as a parameter or in a header, decoded or not. */
function carries(request: AnyRequest, text: string): boolean {
  if (parametersOf(request).some(([, value]) => value === text)) return true
  const authorization = headerOf(request, 'Authorization')
  const words = authorization.split(' ').filter(Boolean)
  try {
    if (atob(words[1] ?? '').includes(text)) return true
  } catch {
    // Not Basic credentials.
  }
  return words.includes(text) || headerOf(request, 'Cookie').includes(text)
}

/** Whether the request contains what a client must show: a credential, or the id of a public client. */
const showsClient = (request: AnyRequest, { confidential, basic, introspecting, ...rest }: World) =>
  [confidential, basic, introspecting].some(({ secret }) => carries(request, secret)) ||
  carries(request, rest.assertion) ||
  [rest.web, rest.native].some(({ id }) => carries(request, id))

const mayHaveToken = (request: AnyRequest, { codes, issued, web, native, ...rest }: World) => {
  const isPublic = [web, native].some(({ id }) => carries(request, id))
  const isConfidential = showsClient(request, { ...rest, codes, issued, web, native })
  const hasGrant =
    codes.some((code) => carries(request, code) && carries(request, PKCE.verifier)) ||
    issued.some(({ refresh }) => carries(request, refresh))
  return isPublic ? hasGrant || isConfidential : isConfidential
}

describe('the endpoint /token', { timeout: TEST_TIMEOUT_MS }, () => {
  const bases = ({ confidential, basic, byKey, web, codes, issued, ...rest }: World) => [
    nearly(credentialsOf(confidential)),
    nearly(credentialsOf(confidential, { scope: 'submission:read public:read' })),
    nearly(credentialsOf(confidential), [...ADDRESS, ['DPoP', rest.proof]]),
    nearly(credentialsOf(confidential, { resource: rest.resource })),
    nearly({ grant_type: 'client_credentials' }, [...ADDRESS, basicOf(basic)]),
    nearly({ grant_type: 'client_credentials', ...asserting(rest.assertion) }),
    nearly({ grant_type: 'client_credentials', client_id: byKey.id, ...asserting(rest.assertion) }),
    nearly(redemptionOf(confidential, codes[0] ?? '', { code_verifier: PKCE.verifier })),
    nearly(redemptionOf(web, codes[2] ?? '', { code_verifier: PKCE.verifier })),
    nearly({
      grant_type: 'refresh_token',
      refresh_token: issued[0]?.refresh ?? '',
      client_id: confidential.id,
      client_secret: confidential.secret,
    }),
    nearly({
      grant_type: 'refresh_token',
      refresh_token: issued[1]?.refresh ?? '',
      client_id: web.id,
    }),
    // A refusal of a request without an address is recorded. These are a twelfth of the requests.
    nearly(credentialsOf(confidential), []),
  ]

  it('POST /token issues a token only to a request with valid credentials, and refuses other requests in the form of RFC 6749', async () => {
    const all = await world()
    await holds(anyPost('/token', bases(all)), 3000, async (request) => {
      const answer = await answerTo(request, ask, traces)
      const body = jsonOf(request, answer)
      expect(answer.response.headers.has('Set-Cookie')).toBe(false)
      if (answer.response.status !== 200) return
      expect(body).toMatchObject({ access_token: expect.stringMatching(/^reg_[\w-]{49}$/) })
      expect(mayHaveToken(request, all)).toBe(true)
      expect(request.method).toBe('POST')
    })
    expectAnswers(200, 400, 401, 405, 413, 415)
  })
})

describe('headers beyond ASCII', () => {
  // A test of their own, because the runtime logs a warning for each.
  it.each(['Authorization', 'Cookie', 'DPoP', 'Content-Type'])(
    'a value beyond ASCII in the header %s causes no fault',
    async (name) => {
      for (const path of ['/token', '/login', '/authorize', '/revoke']) {
        const headers: AnyPairs = [[name, `Basic \u00fc${name}=\u00ff`]]
        await answerTo({ method: 'POST', path, headers, body: 'client_id=\u00fc' }, ask, traces)
      }
    },
  )
})

describe('the endpoints /introspect and /revoke', { timeout: TEST_TIMEOUT_MS }, () => {
  const bases = ({ confidential, basic, introspecting, web, issued, machine, signed }: World) => [
    nearly({ token: signed, client_id: introspecting.id, client_secret: introspecting.secret }),
    nearly({ token: signed, client_id: confidential.id, client_secret: confidential.secret }),
    nearly({ token: machine, client_id: introspecting.id, client_secret: introspecting.secret }),
    nearly({ token: machine, client_id: confidential.id, client_secret: confidential.secret }),
    nearly({ token: machine, token_type_hint: 'access_token' }, [...ADDRESS, basicOf(basic)]),
    nearly({ token: issued[1]?.refresh ?? '', client_id: web.id }),
    nearly({ token: issued[0]?.access ?? '', client_id: web.id, client_secret: '' }),
  ]

  it('POST /introspect describes a token only to an authenticated client that presents the token', async () => {
    const all = await world()
    const tokens = [
      all.machine,
      all.signed,
      ...all.issued.flatMap(({ access, refresh }) => [access, refresh]),
    ]
    await holds(anyPost('/introspect', bases(all)), 1000, async (request) => {
      const answer = await answerTo(request, ask, traces)
      const body = jsonOf(request, answer)
      if (answer.response.status !== 200) return
      expect(showsClient(request, all)).toBe(true)
      const isActive = (body as { active: unknown }).active
      if (isActive !== true) expect(body).toEqual({ active: false })
      else expect(tokens.some((token) => carries(request, token))).toBe(true)
    })
    expectAnswers(200, 400, 401)
  })

  it('POST /revoke answers 200 only to a request that shows the credentials of a client', async () => {
    const all = await world()
    await holds(anyPost('/revoke', bases(all)), 1000, async (request) => {
      const answer = await answerTo(request, ask, traces)
      jsonOf(request, answer)
      if (answer.response.status !== 200) return
      expect(answer.text).toBe('{}')
      expect(showsClient(request, all)).toBe(true)
    })
    expectAnswers(200, 400, 401)
  })
})

/** Written independently of the source: registered exactly, or a native app's loopback address with any port. */
function isRedirectOf(location: string, request: AnyRequest, { native, ...rest }: World): boolean {
  const ids = parametersReadOf(request).flatMap(([name, value]) =>
    name === 'client_id' ? [value] : [],
  )
  const [id] = ids
  if (new Set(ids.filter(Boolean)).size !== 1) return false
  const starts = (uri: string) => location.startsWith(`${uri}${uri.includes('?') ? '&' : '?'}`)
  if (id === native.id) {
    const registered = [LOOPBACK, NATIVE, `${CALLBACK}?native=1`].some(starts)
    return registered || /^http:\/\/127\.0\.0\.1(:\d{1,5})?\/callback\?/.test(location)
  }
  const clients = [rest.confidential, rest.basic, rest.introspecting, rest.byKey, rest.web]
  return clients.some((client) => client.id === id) && starts(CALLBACK)
}

/** A redirect leads to our own sign-in page, or to the client with a response. */
function checkRedirect(request: AnyRequest, response: Response, all: World, token: string) {
  const location = response.headers.get('Location') ?? ''
  if (location.startsWith('/login?next_page=')) {
    const next = new URL(location, ISSUER).searchParams.get('next_page') ?? ''
    expect(next).toMatch(/^\/authorize\?/)
    expect(new URL(next, ISSUER).origin).toBe(ISSUER)
    return
  }
  expect(isRedirectOf(location, request, all)).toBe(true)
  expect(carries(request, token)).toBe(true)
  const { searchParams } = new URL(location)
  expect(searchParams.getAll('iss')).toEqual([ISSUER])
  expect(searchParams.has('code')).not.toBe(searchParams.has('error'))
  expect(searchParams.get('error_description') ?? '').toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/)
}

describe('the endpoint /authorize', { timeout: TEST_TIMEOUT_MS }, () => {
  const requestsOf = ({
    confidential,
    basic,
    native,
    ...rest
  }: World): Record<string, string>[] => [
    requestOf(confidential, withChallenge),
    requestOf(confidential, { resource: rest.resource, ...withChallenge }),
    requestOf(basic),
    requestOf(native, { redirect_uri: 'http://127.0.0.1:5000/callback', ...withChallenge }),
    // 99999 is not a port, so the address is not the client's.
    requestOf(native, { redirect_uri: 'http://127.0.0.1:99999/callback', ...withChallenge }),
    requestOf(native, { redirect_uri: NATIVE, ...withChallenge }),
    requestOf(rest.byKey, { redirect_uri: '', dpop_jkt: 'a'.repeat(43) }),
  ]
  const tokenIn = sessionTokenIn

  it('an authorization request without a session is redirected to our own sign-in page only', async () => {
    const all = await world()
    const bases = requestsOf(all).map((asked) => nearly(asked))
    await holds(anyGet('/authorize', bases), 500, async (request) => {
      const answer = await pageFor(request)
      expect(cookiesSetBy(answer.response)).toEqual([])
      if (answer.response.status === 303)
        checkRedirect(request, answer.response, all, tokenIn(all.cookie))
    })
    expectAnswers(303, 400)
  })

  it('an authorization request of a signed-in user is redirected to an address of the client only', async () => {
    const all = await world()
    const bases = requestsOf(all).map((asked) => nearly(asked, cookieOf(all.cookie)))
    await holds(anyGet('/authorize', bases), 1000, async (request) => {
      const answer = await pageFor(request)
      expect(cookiesSetBy(answer.response)).toEqual([])
      if (answer.response.status === 303)
        checkRedirect(request, answer.response, all, tokenIn(all.cookie))
    })
    expectAnswers(200, 303, 400)
  })

  it('POST /authorize accepts a consent only with the form token of its page', async () => {
    const all = await world()
    const asked = requestsOf(all)
    const shown = await Promise.all(
      asked.map(async (fields) => {
        const client = await newClient()
        const path = `/authorize?${new URLSearchParams({ ...fields, client_id: fields.client_id || client.id })}`
        const page = await registry(path, { headers: { Cookie: all.cookie } })
        return fieldsOf(await page.text(), '/authorize')
      }),
    )
    const forms = shown.filter((fields) => fields.length > 0)
    const formTokens = forms.flatMap((fields) => fields.filter(([name]) => name === 'form_token'))
    const bases = forms.map((fields) => ({
      pairs: [...fields, ['confirm', 'ok'] as const],
      headers: cookieOf(all.cookie),
    }))
    expect(bases.length).toBeGreaterThan(2)
    await holds(anyPost('/authorize', bases), 1000, async (request) => {
      const answer = await pageFor(request)
      if (answer.response.status !== 303) return
      checkRedirect(request, answer.response, all, tokenIn(all.cookie))
      const location = answer.response.headers.get('Location') ?? ''
      const isOfPost = request.method === 'POST' && !location.startsWith('/login')
      if (isOfPost) expect(formTokens.some(([, token]) => carries(request, token))).toBe(true)
    })
    expectAnswers(303, 400, 403)
  })
})

describe('the endpoint /login', { timeout: TEST_TIMEOUT_MS }, () => {
  const opened = async (next: string) => {
    const page = await registry(`/login?next_page=${encodeURIComponent(next)}`)
    return { fields: fieldsOf(await page.text(), '/login'), cookie: cookiesOf(page) }
  }
  const checkSignIn = (request: AnyRequest, response: Response) => {
    const session = cookiesSetBy(response).filter(([name]) => name === 'registry_session')
    if (response.status !== 303) return expect(session).toEqual([])
    const location = response.headers.get('Location') ?? ''
    expect(location).toMatch(/^\/(?!\/)/)
    expect(new URL(location, ISSUER).origin).toBe(ISSUER)
    expect(session).toHaveLength(1)
    // A password is compared in its form NFKC: a wide space counts as a space.
    const isGiven = parametersOf(request).some(([, value]) => value.normalize('NFKC') === PASSWORD)
    return expect(isGiven).toBe(true)
  }

  it('GET /login shows the sign-in page for any request', async () => {
    const bases = [
      nearly({ next_page: `${ISSUER}/account?a=b` }),
      nearly({ next_page: '/authorize?client_id=x' }),
    ]
    await holds(anyGet('/login', bases), 500, async (request) => {
      const answer = await pageFor(request)
      checkSignIn(request, answer.response)
    })
    expectAnswers(200)
  })

  it('POST /login without the token of its form opens no session, even with the right password', async () => {
    const { user } = await world()
    const { cookie } = await opened('/account')
    const bases = [
      nearly({ username: user.username, password: PASSWORD, next_page: '/' }, cookieOf(cookie)),
      nearly({ username: user.username, password: PASSWORD, form_token: 'a'.repeat(43) }),
    ]
    await holds(anyPost('/login', bases), 600, async (request) => {
      const answer = await pageFor(request)
      expect(answer.response.status).not.toBe(303)
      checkSignIn(request, answer.response)
    })
    expectAnswers(403, 415)
  })

  it('POST /login opens a session only for the right password', async () => {
    // The hash for an unknown name takes a third of a second: these names are known unless a request changes them.
    const people = await Promise.all(Array.from({ length: 4 }, () => newUser()))
    const bases = await Promise.all(
      people.map(async ({ username }, index) => {
        const { fields, cookie } = await opened(index % 2 ? '/account' : '/authorize?client_id=x')
        const filled = { ...Object.fromEntries(fields), username, password: PASSWORD }
        return { pairs: pairsOf(filled), headers: cookieOf(cookie) }
      }),
    )
    await holds(anyPost('/login', bases), 100, async (request) => {
      const answer = await pageFor(request)
      checkSignIn(request, answer.response)
    })
    expectAnswers(303, 403)
  })
})

describe('the page /invitation', { timeout: TEST_TIMEOUT_MS }, () => {
  const opened = async () => {
    const page = await registry('/invitation')
    return { fields: fieldsOf(await page.text(), '/invitation'), cookie: cookiesOf(page) }
  }
  const filledIn = async (more: Record<string, string> = {}) => {
    const { fields, cookie } = await opened()
    const invitation = await newInvitation((await newUser()).id)
    const passwords = { password: NEW_PASSWORD, password_again: NEW_PASSWORD }
    const filled = { ...Object.fromEntries(fields), invitation, ...passwords, ...more }
    return { invitation, pairs: pairsOf(filled), headers: cookieOf(cookie) }
  }

  it('POST /invitation sets no password without an open invitation and the token of its form', async () => {
    const bases = [
      await filledIn({ invitation: mintToken('invitation') }),
      await filledIn({ form_token: 'a'.repeat(43) }),
      { ...(await filledIn()), headers: ADDRESS },
    ]
    await holds(anyPost('/invitation', bases), 600, async (request) => {
      const answer = await pageFor(request)
      if (request.method === 'POST') expect(answer.response.status).not.toBe(200)
    })
    expectAnswers(403, 415)
  })

  it('POST /invitation sets a password once, and only with its invitation', async () => {
    const bases = await Promise.all(Array.from({ length: 4 }, () => filledIn()))
    const set: string[] = []
    await holds(anyPost('/invitation', bases), 100, async (request) => {
      const answer = await pageFor(request)
      if (request.method !== 'POST' || answer.response.status !== 200) return
      set.push(...bases.map((one) => one.invitation).filter((one) => carries(request, one)))
      expect(new Set(set).size).toBe(set.length)
    })
    expect(set.length).toBeGreaterThan(0)
    expectAnswers(200, 403)
  })
})

describe('the endpoint /account', { timeout: TEST_TIMEOUT_MS }, () => {
  it('the account page redirects only to itself or to sign-in', async () => {
    const { user, confidential, web } = await world()
    const cookie = await signIn(user)
    for (const client of [confidential, web])
      await obtainCode(cookie, requestOf(client, withChallenge))
    const page = await registry('/account', { headers: { Cookie: cookie } })
    const form = fieldsOf(await page.text(), '/account')
    expect(form.length).toBeGreaterThan(1)
    const bases = [
      { pairs: form, headers: cookieOf(cookie) },
      { pairs: form, headers: ADDRESS },
    ]
    // Few of the random requests are a GET, which alone gets the page.
    const opening = { method: 'GET', path: '/account', headers: cookieOf(cookie), body: null }
    const check = async (request: AnyRequest) => {
      const answer = await pageFor(request)
      expect(cookiesSetBy(answer.response)).toEqual([])
      if (answer.response.status === 303) {
        expect(answer.response.headers.get('Location')).toMatch(/^(\/account$|\/login\?next_page=)/)
      }
    }
    await holds(anyPost('/account', bases), 500, check, [opening])
    expectAnswers(200, 303, 403)
  })
})

describe('the endpoint /auth', { timeout: TEST_TIMEOUT_MS }, () => {
  const { SESSIONS, DB } = env
  const PROXY_SECRET = 'the-proxy-secret-of-the-tests-7Yw'
  const REGISTRY = { fetch: signing.keySet }
  const bindings = { SESSIONS, ISSUER, JWT_SECRET, PROXY_SECRET, DB, REGISTRY }
  const authenticator = createAuthenticator(bindings)
  const check = noting((path, init) =>
    authenticator.fetch(new Request(new URL(path, 'https://authenticator.example'), init)),
  )

  it('the authenticator authenticates a request only with the token of a live session', async () => {
    const all = await world()
    const client = await newClient()
    const token = await machineToken(client)
    const [cookie = ''] = (await signIn(await newUser())).split('; ')
    const proof = await resourceProofOf(all.key, token, 'https://authenticator.example/auth')
    const forwardedProof = await resourceProofOf(all.key, token, 'https://service.example/a')
    const scope = { scope: 'submission:read' }
    const signed = await signedToken(client)
    const bases = [
      nearly(scope, [['Authorization', `Bearer ${signed}`]]),
      nearly({ ...scope, fresh: '' }, [['Authorization', `Bearer ${signed}`]]),
      nearly(scope, [['Authorization', `Bearer ${token}`]]),
      nearly({ scope: `data:text/html,${MARK}` }, [['Authorization', `Bearer ${token}`]]),
      nearly({ ...scope, resource: '5', fresh: '' }, [['Authorization', `Bearer ${token}`]]),
      nearly({ category: 'cs.DL' }, [['Cookie', cookie]]),
      nearly({}, [
        ['Authorization', `DPoP ${token}`],
        ['DPoP', proof],
      ]),
      nearly({ fresh: '' }, [['Cookie', cookie]]),
      nearly({ required: '' }, [
        ['Authorization', `DPoP ${token}`],
        ['DPoP', forwardedProof],
        ['X-Proxy-Secret', PROXY_SECRET],
        ['X-Forwarded-Method', 'GET'],
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'service.example'],
        ['X-Forwarded-Uri', '/a?b=c'],
      ]),
    ]
    await holds(anyGet('/auth', bases), 1500, async (request) => {
      const { response, text } = await answerTo(request, check, traces)
      if (request.method !== 'HEAD') {
        expect(response.headers.get('Content-Type')).toBe('application/json')
        const body = JSON.parse(text) as object
        const members = ['error', 'error_description', 'reason']
        expect(Object.keys(body)).toEqual(response.status === 200 ? ['status'] : members)
      }
      const status = response.headers.get('X-Auth-Status')
      expect(status !== null).toBe(response.status === 200)
      const isLetIn = status === 'authenticated'
      expect(response.headers.has('Authorization')).toBe(isLetIn)
      if (isLetIn)
        expect(
          [token, signed, sessionTokenIn(cookie)].some((shown) => carries(request, shown)),
        ).toBe(true)
      if (status === 'anonymous') expect(headerOf(request, 'Authorization')).toBe('')
    })
    expectAnswers(200, 400, 401, 403)
  })
})
