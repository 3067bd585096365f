/** A browser can submit every form of a page: no field changes on the way, and the form is within the size limit. */

import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FORM_TOKEN_LENGTH } from '../../src/protocol/consent-form.ts'
import { MAX_FORM_BYTES } from '../../src/protocol/fields.ts'
import {
  authorizePath,
  CALLBACK,
  codeIn,
  cookiesOf,
  fieldsOf,
  ISSUER,
  newClient,
  newUser,
  post,
  registry,
  requestOf,
  sentTo,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

let client: TestClient
let cookie: string
beforeAll(async () => {
  cookie = await signIn(await newUser())
})

beforeEach(async () => {
  client = await newClient()
})

/** HTML, "constructing the entry list": browsers send every line end as CRLF; their parsers drop NUL. */
const asSent = (fields: readonly (readonly [string, string])[]): [string, string][] =>
  fields.map(([name, value]) => [
    name,
    value.replace(/\r\n|\r|\n/g, '\r\n').replaceAll('\0', '\ufffd'),
  ])
const open = (parameters: Record<string, string>, who = cookie) =>
  registry(authorizePath(parameters), { headers: { Cookie: who } })
const answer = (page: string, confirm: string, who = cookie) =>
  post('/authorize', asSent([...fieldsOf(page, '/authorize'), ['confirm', confirm]]), {
    Cookie: who,
  })

describe('the state parameter', () => {
  it.each(['YWJj\n', 'line1\nline2', 'a\rb', 'a\r\nb', 'a\0b', '\t', '\u007f', '\u001b[31m'])(
    'a state with a control character is refused with an error redirect that returns the state unchanged: %j',
    async (state) => {
      const to = sentTo(await open(requestOf(client, { state })))
      expect(to.origin + to.pathname).toBe(CALLBACK)
      expect(to.searchParams.get('error')).toBe('invalid_request')
      expect(to.searchParams.get('state')).toBe(state)
      expect(to.searchParams.has('code')).toBe(false)
    },
  )

  it.each([
    'YWJj',
    ' a b ',
    'a+b%0A',
    '"<&>\'',
    '\u00fc\u2028\u{1f511}',
    '\ufeffx',
    'x'.repeat(2000),
  ])(
    'a state without control characters comes back unchanged with a code and with an error: %j',
    async (state) => {
      const page = await (await open(requestOf(client, { state }))).text()
      for (const confirm of ['cancel', 'ok']) {
        const to = sentTo(await answer(page, confirm))
        expect(to.searchParams.get('state')).toBe(state)
        expect(to.searchParams.has(confirm === 'ok' ? 'code' : 'error')).toBe(true)
      }
    },
  )
})

it('an authorization request with a line break or a NUL in any parameter gets no consent page', async () => {
  const request: Record<string, string> = {
    ...requestOf(client, withChallenge),
    response_mode: 'query',
    dpop_jkt: 'x'.repeat(43),
  }
  expect((await open(request)).status).toBe(200)
  for (const name of Object.keys(request)) {
    for (const character of ['\n', '\r', '\0']) {
      const { status } = await open({ ...request, [name]: `${request[name]}${character}` })
      expect([name, character, status]).not.toEqual([name, character, 200])
    }
  }
})

describe('requests for many scopes', () => {
  const scopes = (count: number) =>
    Array.from({ length: count }, (_, i) => `submission:read:2101.${String(i).padStart(5, '0')}`)

  it.each<[number, string]>([
    [220, 'named'],
    [220, 'unnamed'],
    [240, 'named'],
    [420, 'unnamed'],
    [474, 'unnamed'],
  ])(
    'an authorization request for %d %s scopes gets a consent form that can be submitted, or an error redirect',
    async (count, how) => {
      const list = scopes(count)
      const own = await newClient({ scopes: list })
      const who = await signIn(await newUser({ scopes: list }))
      const response = await open(
        requestOf(own, { scope: how === 'named' ? list.join(' ') : '' }),
        who,
      )
      if (response.status === 200) {
        const page = await response.text()
        expect(sentTo(await answer(page, 'cancel', who)).searchParams.get('error')).toBe(
          'access_denied',
        )
        expect(codeIn(await answer(page, 'ok', who))).not.toBe('')
        expect((await post('/logout', fieldsOf(page, '/logout'), { Cookie: who })).status).toBe(303)
      } else {
        const to = sentTo(response)
        expect(to.searchParams.get('error')).toBe('invalid_request')
        expect(to.searchParams.get('error_description')).toContain('request fewer scopes')
      }
      expect(response.status).toBe(count === 220 || count === 420 ? 200 : 303)
    },
  )
})

it('FORM_TOKEN_LENGTH, which limits a consent form, is the real length of a form token', async () => {
  const page = await (await open(requestOf(client))).text()
  const token = new Map(fieldsOf(page, '/authorize')).get('form_token')
  expect(token).toHaveLength(FORM_TOKEN_LENGTH)
})

describe('requests of any length', () => {
  // The longest address that Cloudflare takes has 16 KB. A letter is sent as it is, an umlaut as six characters.
  const LENGTHS = [100, 1000, 2000, 4000, 6000, 7000, 8000, 9000, 10_000, 11_000, 12_000, 14_000]
  const states = LENGTHS.flatMap((length) => [
    ['letters', length, 'x'.repeat(length)] as const,
    ['umlauts', length, '\u00fc'.repeat(length / 6)] as const,
    ['percent signs', length, '%'.repeat(length / 3)] as const,
  ])

  it.each(states)(
    'a signed-in user with a state of %s, %d bytes long, gets a consent form that can be submitted, or an error redirect',
    async (_, __, state) => {
      const response = await open(requestOf(client, { state }))
      if (response.status === 303) {
        expect(sentTo(response).searchParams.get('error')).toBe('invalid_request')
        expect(state.length).toBeGreaterThan(1000)
        return
      }
      const page = await response.text()
      expect(codeIn(await answer(page, 'ok'))).not.toBe('')
      // Without its form token the form cannot end the session, which other tests use.
      const signOut = Object.fromEntries(fieldsOf(page, '/logout'))
      const { status } = await post('/logout', { ...signOut, form_token: '' }, { Cookie: cookie })
      expect(status).not.toBe(413)
    },
  )

  it.each(states)(
    'a visitor without a session, with a state of %s, %d bytes long, gets a sign-in form that can be submitted, or a refusal',
    async (kind, length, state) => {
      const response = await open(requestOf(client, { state }), '')
      if (response.status === 400) {
        expect(state.length).toBeGreaterThan(1000)
        expect(response.headers.get('Location')).toBeNull()
        return
      }
      const page = await registry(response.headers.get('Location') ?? '')
      const fields = Object.fromEntries(fieldsOf(await page.text(), '/login'))
      const user = await newUser({ username: `${length}${kind}`.padEnd(200, 'n') })
      const filled = { ...fields, username: user.username, password: 'p'.repeat(1000) }
      const refused = await post('/login', filled, { Cookie: cookiesOf(page) })
      expect(refused.status).toBe(403)
      expect(new URL(fields.next_page ?? '', ISSUER).searchParams.get('state')).toBe(state)
    },
  )

  it('control: a form over the limit is refused with 413', async () => {
    const fields = { next_page: 'x'.repeat(MAX_FORM_BYTES) }
    expect((await post('/login', fields)).status).toBe(413)
  })
})

it('the sign-in page replaces a next_page that is too long by the start page', async () => {
  const page = await registry(`/login?next_page=/${'x'.repeat(13_000)}`)
  expect(new Map(fieldsOf(await page.text(), '/login')).get('next_page')).toBe('/')
  const shorter = await registry(`/login?next_page=/${'x'.repeat(8000)}`)
  expect(new Map(fieldsOf(await shorter.text(), '/login')).get('next_page')).toHaveLength(8001)
})
