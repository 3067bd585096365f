/** Attacks that do not belong to the file of one RFC. docs/security/threats.md has the whole list. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  authorizePath,
  cookiesOf,
  credentialsOf,
  fieldsOf,
  newClient,
  newUser,
  obtainCode,
  PASSWORD,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

describe('RFC 9700 §4.5: code injection', () => {
  /** Another verifier of the form of RFC 7636 §4.1, and its S256 challenge. */
  const OTHER = {
    verifier: 'M25iVXpKU3puUjFaYWg3T1NDTDQtcW1ROUY5YXlwalNoc0hhakxifmZHag',
    challenge: 'qjrzSW9gMiUgpUvqgEPE4_-8swvyCtfOVvg55o5S_es',
  }
  const redeem = (client: TestClient, code: string, code_verifier: string) =>
    post('/token', redemptionOf(client, code, { code_verifier }))

  it.each(['client_secret_post', 'none'] as const)(
    'a code that is injected into another session of the same client is refused, and stays valid in its own: %s',
    async (authMethod) => {
      const client = await newClient({ authMethod })
      const [victim, attacker] = [await signIn(await newUser()), await signIn(await newUser())]
      const stolen = await obtainCode(victim, requestOf(client, withChallenge))
      const own = await obtainCode(
        attacker,
        requestOf(client, { ...withChallenge, code_challenge: OTHER.challenge }),
      )
      const injected = await redeem(client, stolen, OTHER.verifier)
      expect(await refusal(injected)).toEqual({ status: 400, error: 'invalid_grant' })
      expect((await redeem(client, own, OTHER.verifier)).status).toBe(200)
      expect((await redeem(client, stolen, PKCE.verifier)).status).toBe(200)
    },
  )
})

describe('hostile input', () => {
  const lines: string[] = []
  beforeEach(() => {
    lines.length = 0
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line))
  })
  afterEach(() => void vi.restoreAllMocks())

  const HOSTILE: [string, string][] = [
    ['CR LF', 'x\r\nSet-Cookie: planted=1\r\n\r\n{"event":"forged"}'],
    ['Unicode line separators', 'x\u2028{"event":"forged"}\u2029\u0085\u000b'],
    ['terminal escapes', 'x\u001b]0;forged\u0007\u001b[2J\u0000\u202e'],
    ['8,000 characters', 'x'.repeat(8000)],
  ]
  /** Sends the input in every parameter and header that a refusal could repeat. */
  async function sendEverywhere(input: string): Promise<Response[]> {
    const client = await newClient()
    const cookie = await signIn(await newUser())
    const form = await registry('/login')
    const shown = Object.fromEntries(fieldsOf(await form.text(), '/login'))
    const filled = { ...shown, username: input, password: PASSWORD, next_page: `/${input}` }
    const authorize = (more: Record<string, string>) =>
      registry(authorizePath(requestOf(client, more)), { headers: { Cookie: cookie } })
    lines.length = 0
    return [
      await post('/token', credentialsOf({ id: input, secret: input })),
      await post('/token', credentialsOf(client, { scope: input })),
      await post('/token', { ...credentialsOf(client), grant_type: input }),
      await post('/token', { grant_type: 'client_credentials', [input]: input }),
      await post(
        '/token',
        {},
        { 'Content-Type': encodeURIComponent(input), 'User-Agent': btoa('x') },
      ),
      await post('/revoke', { ...credentialsOf(client), token: input }),
      await post('/login', filled, { Cookie: cookiesOf(form) }),
      await registry(`/${encodeURIComponent(input)}`, {
        headers: { 'User-Agent': 'x'.repeat(8000) },
      }),
      await authorize({ state: input, scope: input }),
      await authorize({ state: input, response_type: input }),
      await authorize({ redirect_uri: input }),
    ]
  }

  it.each(HOSTILE)(
    'hostile input with %s reaches only one short log line, and no header',
    async (_, input) => {
      const answers = await sendEverywhere(input)
      expect(lines.length).toBeGreaterThanOrEqual(8)
      for (const line of lines) {
        expect(line).toMatch(/^\{"event":"request"[\x20-\x7e]+\}$/)
        expect(line.length).toBeLessThan(700)
      }
      for (const { headers, status } of answers) {
        expect(status).toBeLessThan(500)
        for (const [name, value] of headers) {
          expect(value).toMatch(/^[\x20-\x7e]*$/)
          if (name !== 'location') expect(value).not.toMatch(/planted|forged|x{20}/)
        }
        expect(headers.getSetCookie().join()).not.toContain('planted')
      }
    },
  )

  it('a hostile state parameter returns to the client unchanged', async () => {
    const [[, input] = ['', '']] = HOSTILE
    const cookie = await signIn(await newUser())
    const request = requestOf(await newClient(), { state: input, response_type: 'token' })
    const answer = await registry(authorizePath(request), { headers: { Cookie: cookie } })
    expect(sentTo(answer).searchParams.get('state')).toBe(input)
  })
})

describe('bodies that do not end', () => {
  const PATHS = ['/token', '/revoke', '/introspect', '/login', '/logout', '/authorize', '/account']
  afterEach(() => void vi.useRealTimers())

  it.each(PATHS)(
    'a request to %s whose body does not end is refused with 408 after 10 s',
    async (path) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      let begun = () => {}
      const hasBegun = new Promise<void>((resolve) => {
        begun = resolve
      })
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          controller.enqueue(new TextEncoder().encode('a'))
          begun()
          return new Promise(() => {})
        },
      })
      const headers = {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': '100',
      }
      let status = 0
      const answering = registry(path, { method: 'POST', headers, body }).then((answer) => {
        status = answer.status
        return answer
      })
      await hasBegun
      await vi.advanceTimersByTimeAsync(9_999)
      expect(status).toBe(0)
      // Other requests are served in the meantime.
      expect((await registry('/login')).status).toBe(200)
      await vi.advanceTimersByTimeAsync(1)
      expect((await answering).status).toBe(408)
    },
  )
})

describe('programmatic sign-up', () => {
  it.each(['/register', '/signup', '/users', '/admin', '/account/new'])(
    'a POST to %s is 404: no endpoint registers users, and none registers clients by default',
    async (path) => {
      expect((await post(path, { username: 'robot', password: PASSWORD })).status).toBe(404)
    },
  )
})
