/** The search for secrets at the end of every suite of this folder. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digest, hexDigest } from '../../src/crypto/digest.ts'
import { mintToken, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { openState } from '../../src/local/state.ts'
import { retryWhenBusy } from '../../src/local/state-lock.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { countsOf, type Evidence, findSecrets } from '../node/evidence.ts'
import { issuedBy, secretsShownBy } from '../node/exchange.ts'
import { demoUser } from '../node/person.ts'
import { type RecordedRegistry, startRecordedRegistry } from '../node/recorded-registry.ts'

describe('the search for secrets in a registry', () => {
  let running: RecordedRegistry
  let evidence: Evidence
  let token: string
  let code: string
  const post = (path: string, fields: Record<string, string>) =>
    fetch(running.registry + path, { method: 'POST', body: new URLSearchParams(fields) })
  const put = async (key: string, text: string) => {
    const state = await openState(running.stateDir, readWranglerConfig(CONFIG_PATHS.registry))
    try {
      await retryWhenBusy(() => state.sessions.put(key, text))
    } finally {
      await state.close()
    }
  }

  beforeAll(async () => {
    running = await startRecordedRegistry()
    const { clientId, clientSecret, password } = running.demo
    const client = { client_id: clientId, client_secret: clientSecret }
    token = await running.tokenFor(running.demoClient)
    const asked = { response_type: 'code', client_id: clientId, scope: 'public:read' }
    const url = `${running.registry}/authorize?${new URLSearchParams(asked)}`
    code = (await demoUser(running).visit(url)).searchParams.get('code') ?? ''

    // The registry cannot recognise a password in the place of a username, so the log, a row and a page contain it.
    await post('/token', { ...client, client_id: password })
    await post('/login', { username: password, password: 'another one' })
    await put(token, 'something')
    await put('something', JSON.stringify({ token }))
    evidence = await running.evidence()
  })
  afterAll(() => running?.end())

  it('the search finds a secret in a log line, a row, a key, a value, a file and a response', () => {
    const found = findSecrets(evidence).filter((sentence) => !sentence.startsWith('file: '))
    const password = "a secret: the demo user's password"
    expect(found).toEqual([
      `answer: POST /login holds ${password}`,
      'key: KV holds a secret: accessToken',
      'key: KV holds a secret: an access token',
      `line: log holds ${password}`,
      `row: refusal holds ${password}`,
      'value: KV 00000000000000000000000000000001 holds a secret: accessToken',
      'value: KV 00000000000000000000000000000001 holds a secret: an access token',
    ])
    const files = findSecrets(evidence).filter((sentence) => sentence.startsWith('file: '))
    expect(files.join('\n')).toMatch(/d1\/.*password[\s\S]*kv\/.*an access token/)
  })

  it('the findings of the search do not contain the secrets', () => {
    const sentences = findSecrets(evidence).join('\n')
    for (const secret of evidence.secrets.keys()) expect(sentences).not.toContain(secret)
  })

  it('the searched places contain the digests of the secrets, so they are the right places', async () => {
    const held = (kind: string, where: RegExp, text: string) =>
      evidence.traces.some(
        (trace) => trace.kind === kind && where.test(trace.where) && trace.text.includes(text),
      )
    expect(held('key', /^KV$/, await digest(token))).toBe(true)
    expect(held('key', /^KV$/, await digest(code))).toBe(true)
    expect(held('value', /1$/, running.demo.clientId)).toBe(true)
    expect(held('value', /2$/, running.demo.clientId)).toBe(true)
    expect(held('row', /^authorization_code$/, await digest(code))).toBe(true)
    const secretDigest = await hexDigest(running.demo.clientSecret)
    expect(held('row', /^client_credential$/, secretDigest)).toBe(true)
    expect(held('row', /^user$/, 'scrypt$')).toBe(true)
    expect(held('line', /^log$/, '"outcome":"refused"')).toBe(true)
    expect(countsOf(evidence).secrets).toBeGreaterThan(10)
  })
})

describe('the secrets of requests', () => {
  const secret = 'a password with: a colon'
  const basic = Buffer.from(`name:${encodeURIComponent(secret)}`).toString('base64')
  it.each<[string, Record<string, string>, string]>([
    ['a field', {}, new URLSearchParams({ code_verifier: secret }).toString()],
    ['Basic', { authorization: `Basic ${basic}` }, ''],
    ['a cookie', { cookie: `a=b; registry_session=${secret}` }, ''],
    ['a proof', { dpop: secret }, ''],
  ])('the search finds the secret that a request sends in %s', (_, sent, body) => {
    const learned = secretsShownBy({ request: 'POST /token', sent, body, answer: '' })
    expect(learned.map(([value]) => value)).toContain(secret)
  })

  it('the search recognises a token of any kind only by its form, and no other text', () => {
    for (const kind of Object.keys(TOKEN_PREFIXES) as TokenKind[]) {
      const token = mintToken(kind)
      const findIn = (text: string) =>
        findSecrets({ secrets: new Map(), traces: [{ kind: 'line', where: 'here', text }] })
      expect(findIn(`so ${token}, and so on`)).toEqual([`line: here holds a secret: ${kind}`])
      expect(findIn(`${token.slice(0, -1)}-`)).toEqual([])
    }
  })
})

describe('the secrets that responses issue', () => {
  const access = mintToken('accessToken')
  const refresh = mintToken('refreshToken')
  const code = mintToken('authorizationCode')
  const session = mintToken('browserSession')
  const secret = mintToken('clientSecret')
  const tokens = `200\n\n{"access_token":"${access}","refresh_token":"${refresh}"}`
  const sent = `303\nLocation: https://c.example/cb?code=${code}&state=s\n\n`
  const registered = `201\n\n{"client_id":"a","client_secret":"${secret}"}`
  const signedIn = `303\nSet-Cookie: registry_session=${session}; HttpOnly\n\n`

  it.each<[request: string, answer: string, issued: string[], elsewhere: string]>([
    ['POST /token', tokens, [access, refresh], 'POST /revoke'],
    ['POST /authorize', sent, [code], 'POST /token'],
    ['POST /login', signedIn, [session], 'POST /logout'],
    ['POST /admin/v1/clients', registered, [secret], 'GET /admin/v1/clients'],
    ['POST /admin/v1/clients/a/secrets', registered, [secret], 'PATCH /admin/v1/clients/a'],
  ])(
    'the search allows a secret in the response to %s, which issues it, and finds it in other responses',
    (request, answer, issued, elsewhere) => {
      const searched = (where: string, text: string) =>
        findSecrets({
          secrets: new Map(),
          traces: [
            { kind: 'answer', where, text: issuedBy({ request: where, answer: text }).rest },
          ],
        })
      expect([...issuedBy({ request, answer }).issued.keys()]).toEqual(issued)
      expect(searched(request, answer)).toEqual([])
      expect(searched(elsewhere, answer)).toHaveLength(issued.length)
      expect(searched(request, `${answer}\n${issued[0]}`)).toHaveLength(1)
    },
  )
})

/** These suites run no client library. wrangler.test.ts has its own search. */
const WITHOUT_CLIENT = ['accounts-service.test.ts', 'cpu-of-requests.test.ts', 'wrangler.test.ts']

describe('suites with real clients', () => {
  const folder = (name: string) => join(import.meta.dirname, '..', name)
  const suites = [
    ...readdirSync(folder('interop')).map((name) => join(folder('interop'), name)),
    ...['libraries.test.ts', 'key-libraries.test.ts'].map((name) => join(folder('node'), name)),
  ]
    .filter((path) => path.endsWith('.test.ts') && !path.endsWith('secrets.test.ts'))
    .filter((path) => !WITHOUT_CLIENT.some((name) => path.endsWith(name)))

  it('every suite with a real client ends with the search for secrets', () => {
    expect(suites.length).toBeGreaterThanOrEqual(7)
    const without = suites.filter((path) => !/^leavesNoSecret\(/m.test(readFileSync(path, 'utf8')))
    expect(without).toEqual([])
  })
})
