/**
 * A request writes to KV or D1 only with an authenticated client, a right password or a live browser session.
 * The exceptions are the records of refusals and the counters of failures, each behind a rate limit.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ENDPOINTS } from '../../src/app.ts'
import { AUTHENTICATOR_PATHS, createAuthenticator } from '../../src/authenticator/app.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { formToken, SIGN_OUT } from '../../src/http/form-token.ts'
import { PAGES } from '../../src/management/app.ts'
import { runs, sampled } from '../sample.ts'
import { writesTold } from './counting.ts'
import { age, newDocument, visit } from './document-clients.ts'
import { newInvitation, setPassword } from './inviting.ts'
import { asserting, assertionOf, keySetOf, newKey, proofOf, resourceProofOf } from './keys.ts'
import { exceededFor } from './limits.ts'
import { newPublicClient } from './obtaining.ts'
import {
  CALLBACK,
  cookiesOf,
  credentialsOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  registry as ordinary,
  post,
  requestOf,
  serve,
  sessionTokenIn,
  signIn,
  type TestUser,
} from './registry.ts'
import { authenticatorEnv, browserRecord, store } from './stored-session.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})
vi.spyOn(console, 'error').mockImplementation(() => {})
afterAll(() => vi.restoreAllMocks())

const AUTH = 'https://authenticator.example'
const MAY_BE_WRITTEN = ['D1 INSERT refusal', 'D1 INSERT sign_in_failure']

const limits = (isUnder: boolean) => ({
  LOGIN_LIMIT: exceededFor(() => !isUnder),
  REFUSAL_LIMIT: exceededFor(() => !isUnder),
})

/** Both workers on one storage whose writes are recorded, with limits that no caller or every caller has reached. */
function workers(isUnderLimit: boolean) {
  const { bindings, take } = writesTold()
  const fetch = serve({
    ...bindings,
    ...limits(isUnderLimit),
    CLIENT_DOCUMENTS: 'any',
    REGISTRATION: 'token',
    DIRECTORY: 'on',
  })
  const authenticator = createAuthenticator({
    ...authenticatorEnv(),
    ...bindings,
    ...limits(isUnderLimit),
  })
  const auth = async (path: string, init: RequestInit = {}) => {
    const deferred: Promise<unknown>[] = []
    const defer = (work: Promise<unknown>) => void deferred.push(work)
    const answer = await authenticator.fetch(new Request(AUTH + path, init), defer)
    await Promise.all(deferred)
    return answer
  }
  return { fetch, auth, authenticator, take }
}
const underLimit = workers(true)
const overLimit = workers(false)

/** Clients with a metadata document: one that was never used, and one whose document is no longer fresh. */
async function documentClients(user: TestUser) {
  const [unread, stale] = [await newDocument(), await newDocument()]
  await visit(await signIn(user), stale)
  await age(stale, 100_000)
  return [unread, stale].map(({ id }) => ({ id, secret: '' }))
}

/** What an attacker has: public ids and addresses, expired credentials, and keys and tokens of their own. */
async function prepare() {
  const key = await newKey()
  const stranger = await newKey()
  const secret = await newClient()
  const basic = await newClient({ authMethod: 'client_secret_basic' })
  const byKey = await newClient({ authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) })
  const publicClient = await newPublicClient()
  const user = await newUser()
  const documents = await documentClients(user)
  const end_time = new Date(Date.now() - 1000).toISOString()
  const expired = await store(mintToken('browserSession'), { ...browserRecord(), end_time })
  const cookie = await signIn(user)
  const page = await ordinary('/', { headers: { Cookie: cookie } })
  const fields = Object.fromEntries(fieldsOf(await page.text(), '/logout'))
  await post('/logout', fields, { Cookie: cookie })
  const machine = (await (await post('/token', credentialsOf(secret))).json()) as {
    access_token: string
  }
  const ended = sessionTokenIn(cookie)
  const sessions = [
    'x1',
    mintToken('browserSession'),
    ended,
    expired,
    machine.access_token,
    'P'.repeat(43),
  ]
  const token = mintToken('accessToken')
  const [assertion = '', forOthers = ''] = await Promise.all([
    assertionOf(byKey.id, stranger),
    assertionOf(byKey.id, key, { claims: { aud: 'https://other.example' } }),
  ])
  const tokenTokens = [token, mintToken('refreshToken'), mintToken('authorizationCode'), ended, 'x']
  const code = { grant_type: 'authorization_code', code: mintToken('authorizationCode') }
  const refresh = { grant_type: 'refresh_token', refresh_token: mintToken('refreshToken') }
  const used = await newInvitation(user.id)
  await setPassword(used)
  const setting = { password: 'a new password', password_again: 'a new password' }
  const verifier = { redirect_uri: CALLBACK, code_verifier: 'v'.repeat(43) }
  const asClients = [
    { client_id: publicClient.id },
    { client_id: secret.id, client_secret: mintToken('clientSecret') },
    { client_id: secret.id, client_secret: 'weak' },
    ...documents.map(({ id }) => ({ client_id: id })),
    asserting(assertion),
    asserting(forOthers),
  ]
  const asked = [
    { ...code, ...verifier },
    refresh,
    { grant_type: 'client_credentials' },
    ...tokenTokens.map((one) => ({ token: one })),
  ]
  /** Each with the form token of its cookie, which anyone can compute. */
  const forms = await Promise.all(
    sessions.flatMap((one) =>
      Object.entries({
        sign_out: {},
        sign_in: { username: user.username, password: 'wrong' },
        disconnect: { client_id: secret.id },
        invitation: { invitation: used, ...setting },
      }).map(async ([purpose, fields]) => {
        const about = Object.values(fields).slice(0, purpose === 'disconnect' ? 1 : 0)
        const form_token = await formToken(one, [purpose, ...about])
        const Cookie = ['session', 'sign_in', 'invitation'].map((name) => `registry_${name}=${one}`)
        return {
          fields: { ...fields, form_token, next_page: '/' },
          headers: { Cookie: Cookie.join('; ') },
        }
      }),
    ),
  )
  const ACTS: Readonly<Record<string, string>> = { decide: 'approve', answer_offer: 'accept' }
  /** A form of the portal, for a client that exists. */
  const portal = await Promise.all(
    sessions.flatMap((one) =>
      [
        ...['new_client', 'edit', 'rotate_secret', 'ask', 'offer_ownership', 'answer_offer'],
        ...['disable', 'delete', 'leave', 'decide'],
      ].map(async (form) => ({
        fields: {
          ...{
            nonce: secret.id,
            client: secret.id,
            version: '0',
            name: 'A client',
            kind: 'machine',
            overlap: '0',
          },
          ...{ act: ACTS[form] ?? 'ask', decide: 'scope submission:create' },
          ...{ grant_types: 'refresh_token', owner: user.username },
          form_token: await formToken(one, ['portal', form, secret.id, '0']),
        },
        headers: { Cookie: `registry_session=${one}` },
      })),
    ),
  )
  const requests = [
    requestOf(secret),
    requestOf(publicClient),
    ...documents.map((one) => requestOf(one)),
  ].map((fields) => ({
    fields: { ...fields, confirm: 'ok', grant: 'submission:read', form_token: 'f'.repeat(43) },
    headers: {},
  }))
  const proofs = [
    await proofOf(stranger),
    await resourceProofOf(stranger, token, `${AUTH}/auth`),
  ] as const
  const posts = asked.flatMap((fields) =>
    asClients.flatMap((client) => [
      { fields: { ...fields, ...client }, headers: {} },
      { fields: { ...fields, ...client }, headers: { DPoP: proofs[0] } },
      { fields, headers: { Authorization: `Basic ${btoa(`${basic.id}:weak`)}` } },
    ]),
  )
  const shown = sessions.flatMap((one) => [
    { fields: {}, headers: { Cookie: `registry_session=${one}` } },
    { fields: { fresh: '' }, headers: { Authorization: `Bearer ${one}` } },
    { fields: { fresh: '' }, headers: { Authorization: `DPoP ${token}`, DPoP: proofs[1] } },
  ])
  const nearly: readonly Nearly[] = [...posts, ...forms, ...portal, ...requests, ...shown]
  return { sessions, nearly, proofs, publicClient, clientId: secret.id }
}
/** A request that lacks only a credential, or has an expired one. */
type Nearly = Readonly<{ fields: Record<string, string>; headers: Record<string, string> }>
let held: Awaited<ReturnType<typeof prepare>>
beforeAll(async () => {
  held = await prepare()
})

type Sent = Readonly<{
  method: string
  headers: Record<string, string>
  query: string
  body: string
}>

const METHODS = ['POST', 'POST', 'POST', 'POST', 'GET', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']
const ODD_HEADERS = {
  'Sec-Fetch-Site': ['same-origin', 'cross-site'],
  'X-Forwarded-For': ['192.0.2.9'],
  Origin: [ISSUER, 'null'],
}

/** A nearly valid request, or a mixture of two. */
function anySent(): fc.Arbitrary<Sent> {
  const one = fc.constantFrom(...held.nearly)
  const other = fc.tuple(one, fc.double({ min: 0, max: 1, noNaN: true }))
  const odd = fc.record(
    Object.fromEntries(
      Object.entries(ODD_HEADERS).map(([name, values]) => [name, fc.constantFrom(...values)]),
    ),
    { requiredKeys: [] },
  )
  return fc
    .tuple(fc.constantFrom(...METHODS), one, other, odd)
    .map(([method, base, [mixed, share], more]) => {
      const isMixed = share > 0.6
      return sentBy(method, {
        fields: { ...base.fields, ...(isMixed && mixed.fields) },
        headers: { ...base.headers, ...(isMixed && mixed.headers), ...(more as Headers) },
      })
    })
}

type Headers = Record<string, string>
function sentBy(method: string, { fields, headers }: Nearly): Sent {
  const sent = new URLSearchParams(fields).toString()
  return {
    method,
    headers: {
      // Cloudflare always sends this header. Without it, as on a developer's machine, no limit applies.
      'CF-Connecting-IP': '192.0.2.1',
      'Content-Type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    query: sent,
    body: sent,
  }
}

/**
 * Nearly valid requests, if the path takes posts, then random requests. `npm test` takes every fifth of the first, and
 * different ones for each endpoint.
 */
function tries(takesPosts: boolean, from = 0) {
  const posts = takesPosts ? sampled(held.nearly, 5, from) : []
  const examples = posts.map((one): [Sent] => [sentBy('POST', one)])
  return { examples, numRuns: examples.length + runs(8, 40) }
}

const initOf = ({ method, headers, body }: Sent): RequestInit => ({
  method,
  headers,
  ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
})
/** Replaces each parameter of a path by the name of something that exists. */
const pathOf = (path: string) =>
  path.replace(':client_id', held.clientId).replace(/:\w+/g, 'invalid_grant')

type Ask = (path: string, init: RequestInit) => Promise<Response>
async function writesNothing(path: string, ask: { underLimit: Ask; overLimit: Ask }, sent: Sent) {
  // A POST is read from its form, every other request from its query.
  for (const query of sent.method === 'POST' ? [''] : ['', `?${sent.query}`]) {
    const answer = await ask.underLimit(path + query, initOf(sent))
    expect(answer.status).toBeLessThan(500)
    expect(underLimit.take().filter((write) => !MAY_BE_WRITTEN.includes(write))).toEqual([])
    await ask.overLimit(path + query, initOf(sent))
    expect(overLimit.take()).toEqual([])
  }
}

describe('requests without a credential', () => {
  const pages = PAGES.map(({ path }) => path)
  const endpoints = [...ENDPOINTS.map(({ path }) => path), ...pages]
  const takesPosts = (path: string) =>
    pages.includes(path) ||
    ENDPOINTS.some((endpoint) => endpoint.path === path && endpoint.post !== undefined)

  it('the endpoints under test include those of the registry and of the authenticator', () => {
    expect(endpoints).toEqual(
      expect.arrayContaining([
        ...['/token', '/logout', '/account', '/login', '/invitation', '/clients', '/new-client'],
        ...['/clients/:client_id/secrets', '/approvals', '/approvals/:client_id'],
        ...['/clients/:client_id/listing', '/directory'],
      ]),
    )
    expect(AUTHENTICATOR_PATHS).toContain('/auth')
  })

  it.each([...endpoints, '/nothing-here'])(
    'a request without a credential to %s of the registry writes only refusals and failure counts, within their limits',
    async (path) => {
      const ask = { underLimit: underLimit.fetch, overLimit: overLimit.fetch }
      await fc.assert(
        fc.asyncProperty(anySent(), (sent) => writesNothing(pathOf(path), ask, sent)),
        tries(takesPosts(path), endpoints.indexOf(path)),
      )
    },
  )

  it.each([...AUTHENTICATOR_PATHS, '/nothing-here'])(
    'a request without a credential to %s of the authenticator writes only refusals, within their limit',
    async (path) => {
      const ask = { underLimit: underLimit.auth, overLimit: overLimit.auth }
      await fc.assert(
        fc.asyncProperty(anySent(), (sent) => writesNothing(path, ask, sent)),
        tries(false),
      )
    },
  )

  it('a request without a credential to the authenticator over a service binding writes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anySent(), async ({ headers }) => {
        await underLimit.authenticator.authenticate({
          authorization: headers.Authorization ?? null,
          cookie: headers.Cookie ?? null,
          dpop: headers.DPoP ?? null,
          method: 'GET',
          url: `${AUTH}/auth`,
          immediate: true,
        })
        expect(underLimit.take()).toEqual([])
      }),
      tries(false),
    )
  })

  it('a sign-out with the cookie of an ended session and its form token writes nothing', async () => {
    for (const token of held.sessions) {
      const form_token = await formToken(token, SIGN_OUT)
      const Cookie = `registry_session=${token}`
      const answer = await post('/logout', { form_token }, { Cookie }, underLimit.fetch)
      expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/'])
      expect(answer.headers.getSetCookie().join()).toMatch(/registry_session=; Max-Age=0/)
      expect(underLimit.take()).toEqual([])
    }
  })

  it('a token request of a public client with a valid proof but no valid grant writes nothing', async () => {
    const { publicClient, proofs } = held
    const fields = [
      { grant_type: 'authorization_code', code: mintToken('authorizationCode') },
      { grant_type: 'refresh_token', refresh_token: mintToken('refreshToken') },
    ]
    for (const asked of fields) {
      const form = { ...asked, client_id: publicClient.id, redirect_uri: CALLBACK }
      const headers = { DPoP: proofs[0] ?? '', 'CF-Connecting-IP': '192.0.2.1' }
      const answer = await post('/token', form, headers, overLimit.fetch)
      expect(answer.status).toBe(400)
      expect(overLimit.take()).toEqual([])
    }
  })
})

describe('controls: the recorded writes', () => {
  it('control: the writes of a sign-in and of a sign-out are recorded', async () => {
    const cookie = await signIn(await newUser(), underLimit.fetch)
    expect(underLimit.take()).toEqual(
      expect.arrayContaining(['KV put SESSIONS', 'D1 INSERT known_browser']),
    )
    const page = await underLimit.fetch('/', { headers: { Cookie: cookie } })
    const fields = Object.fromEntries(fieldsOf(await page.text(), '/logout'))
    expect(underLimit.take()).toEqual([])
    await post('/logout', fields, { Cookie: cookie }, underLimit.fetch)
    expect(underLimit.take()).toEqual(
      expect.arrayContaining(['D1 INSERT revocation', 'KV put SESSIONS', 'D1 UPDATE revocation']),
    )
  })

  it('control: the writes of an invited user are recorded', async () => {
    const invitation = await newInvitation((await newUser()).id)
    expect((await setPassword(invitation, { fetch: underLimit.fetch })).status).toBe(200)
    expect(underLimit.take()).toEqual(
      expect.arrayContaining(['D1 UPDATE invitation', 'D1 UPDATE user', 'D1 INSERT revocation']),
    )
  })

  it('control: the writes of a user whose request fetches a metadata document are recorded', async () => {
    const cookie = await signIn(await newUser(), underLimit.fetch)
    underLimit.take()
    expect((await visit(cookie, await newDocument(), {}, underLimit.fetch)).status).toBe(400)
    expect(underLimit.take()).toEqual(
      expect.arrayContaining(['D1 INSERT document_attempt', 'D1 INSERT client_document']),
    )
  })

  it('control: the write of an authenticated client is recorded', async () => {
    const client = await newClient()
    await post('/token', credentialsOf(client), {}, underLimit.fetch)
    expect(underLimit.take()).toContain('KV put SESSIONS')
  })

  it('control: the writes of a refusal and of a failure count are recorded within the limits', async () => {
    const client = await newClient()
    const wrong = { ...credentialsOf(client), client_secret: 'weak' }
    const address = { 'CF-Connecting-IP': '192.0.2.1' }
    await post('/token', wrong, address, underLimit.fetch)
    expect(underLimit.take()).toEqual(['D1 INSERT refusal'])
    const page = await ordinary('/login')
    const fields = new URLSearchParams(fieldsOf(await page.text(), '/login'))
    fields.set('username', (await newUser()).username)
    fields.set('password', 'wrong')
    underLimit.take()
    const headers = { ...address, Cookie: cookiesOf(page) }
    await post('/login', [...fields], headers, underLimit.fetch)
    expect(new Set(underLimit.take())).toContain('D1 INSERT sign_in_failure')
  })
})
