/** The request checker and the look-up of a refusal reveal nothing about other clients, users or secrets. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { tokenDigestOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { type Case, type Scene, sceneOf, signing } from './check-cases.ts'
import {
  asCurl,
  asForm,
  authorizationRequest,
  checked,
  tokenRequest,
  verdictIn,
} from './checking.ts'
import { asserting, assertionOf, keySetOf, newKey, proofOf } from './keys.ts'
import { exceededFor, limiter } from './limits.ts'
import { renewal, userTokens } from './obtaining.ts'
import { newOwner, ownerWith } from './portal.ts'
import {
  basicOf,
  CALLBACK,
  credentialsOf,
  newClient,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  serve,
  sessionTokenIn,
  withChallenge,
} from './registry.ts'

const NONE = { title: '', send: () => tokenRequest({}), fails: null }

let scene: Scene
/** A client of another owner. */
let other: Scene
beforeAll(async () => {
  scene = await sceneOf(NONE)
  other = await sceneOf({ ...NONE, registered: { name: 'Secret project' } })
})
afterEach(() => vi.restoreAllMocks())

/** The limit of checks has a test of its own. */
const unlimited = serve({ LOGIN_LIMIT: exceededFor() })
const ownerIn = ({ user, cookie }: Scene) => ownerWith(user, cookie, unlimited)
const own = (text: string) => checked(ownerIn(scene), scene.client.id, text)
const expectNothingOfOthers = (html: string) => {
  expect(html).not.toContain('Secret project')
  expect(html).not.toContain(other.user.id)
  expect(html).not.toContain(other.user.username)
}
type Registration = NonNullable<Case['registered']>
/** Removes what differs from check to check: form tokens, moments, lengths and the pasted ids. */
const comparable = (html: string, ...pasted: readonly string[]) =>
  pasted
    .reduce((text, one) => text.replaceAll(one, '(pasted)'), html)
    .replace(/name="form_token" value="[^"]*"/g, '')
    .replace(/hidden, \d+ characters/g, '')

describe('a request of another client', () => {
  it("a check of another client's request has the same result as for an unknown client, with any credentials", async () => {
    const none = crypto.randomUUID()
    const sent = (id: string, secret: string) => [
      tokenRequest(credentialsOf({ id, secret })),
      tokenRequest({ grant_type: 'client_credentials' }, basicOf({ id, secret })),
      tokenRequest({
        grant_type: 'authorization_code',
        client_id: id,
        code: mintToken('authorizationCode'),
      }),
      authorizationRequest(requestOf({ id, secret: '' })),
    ]
    const theirs = sent(other.client.id, other.client.secret)
    const nobodys = sent(none, other.client.secret)
    for (const [index, one] of theirs.entries()) {
      const shown = await own(asCurl(one))
      const unknown = await own(asCurl(nobodys[index] ?? one))
      expect(shown.failed).toContain('The client is registered and enabled')
      expect(shown.why).toContain('of another client than the one of this page')
      expectNothingOfOthers(shown.html)
      const basic = [other.client.id, none].map((id) => btoa(`${id}:${other.client.secret}`))
      expect(comparable(shown.html, other.client.id, ...basic)).toBe(
        comparable(unknown.html, none, ...basic),
      )
    }
  })

  it('a check does not verify an assertion of another client', async () => {
    const key = await newKey()
    const theirs = await newClient({
      authMethod: 'private_key_jwt',
      jwks: keySetOf(key.jwk),
      name: 'Secret project',
    })
    const assertion = await assertionOf(theirs.id, key)
    const fields = { grant_type: 'client_credentials', ...asserting(assertion) }
    const shown = await own(asCurl(tokenRequest(fields)))
    expect(shown.why).toContain('of another client')
    expect((await post('/token', fields)).status).toBe(200)
  })
})

describe('a code or a refresh token of another client', () => {
  const texts = ({ client }: Scene, code: string, refresh: string) => [
    asForm(tokenRequest(redemptionOf(client, code, { code_verifier: PKCE.verifier }))),
    asForm(
      tokenRequest({
        grant_type: 'refresh_token',
        refresh_token: refresh,
        client_id: client.id,
        client_secret: client.secret,
      }),
    ),
  ]

  it("a check of another client's code or refresh token has the same result as for one that was never issued, whether it is valid, used or expired", async () => {
    const code = () => obtainCode(other.cookie, requestOf(other.client, withChallenge))
    const [good, used, expired] = [await code(), await code(), await code()]
    await post('/token', redemptionOf(other.client, used, { code_verifier: PKCE.verifier }))
    await env.DB.prepare(
      `UPDATE authorization_code SET record = json_set(record, '$.expiresAt', 5) WHERE code_digest = ?1`,
    )
      .bind(await tokenDigestOf(expired))
      .run()
    const { refresh } = await userTokens(other.client, other.user)
    const never = texts(scene, mintToken('authorizationCode'), mintToken('refreshToken'))
    const unknown = await Promise.all(never.map(own))
    for (const theirs of [good, used, expired]) {
      const [byCode, byToken] = await Promise.all(texts(scene, theirs, refresh).map(own))
      expect(comparable(byCode?.html ?? '')).toBe(comparable(unknown[0]?.html ?? ''))
      expect(comparable(byToken?.html ?? '')).toBe(comparable(unknown[1]?.html ?? ''))
      expectNothingOfOthers(byCode?.html ?? '')
    }
    // Control: the code and the refresh token are still valid.
    const redeemed = redemptionOf(other.client, good, { code_verifier: PKCE.verifier })
    expect((await post('/token', redeemed)).status).toBe(200)
    expect((await renewal(other.client, refresh)).status).toBe(200)
  })
})

describe('secrets in what is pasted', () => {
  it('a checked request leaves no secret on the page, in the log or in the URL', async () => {
    const lines: string[] = []
    for (const method of ['log', 'error', 'warn'] as const) {
      vi.spyOn(console, method).mockImplementation((line) => void lines.push(String(line)))
    }
    const { client, cookie } = scene
    const key = await newKey()
    const code = await obtainCode(cookie, requestOf(client, withChallenge))
    const proof = await proofOf(key)
    const assertion = await assertionOf(client.id, key)
    const secrets = [client.secret, code, PKCE.verifier, proof, assertion, sessionTokenIn(cookie)]
    const more = ['hunter2-of-a-person', 'password-of-a-cookie', 'an-unknown-parameter']
    const sent = [
      tokenRequest(redemptionOf(client, code, { code_verifier: PKCE.verifier }), { DPoP: proof }),
      tokenRequest({
        grant_type: 'refresh_token',
        refresh_token: more[0] ?? '',
        ...asserting(assertion),
      }),
      tokenRequest(
        { grant_type: 'client_credentials', x: more[2] ?? '', scope: client.secret },
        { ...basicOf(client), Cookie: `registry_session=${sessionTokenIn(cookie)}; a=${more[1]}` },
      ),
      tokenRequest({ grant_type: code, [client.secret]: 'x', [proof]: 'y' }),
    ]
    for (const one of sent) {
      for (const text of [
        asCurl(one),
        asForm(one),
        `curl --unknown=${client.secret} ${asCurl(one)}`,
      ]) {
        const answer = await ownerIn(scene).submit(`/clients/${client.id}/check`, { request: text })
        const html = await answer.text()
        for (const secret of [...secrets, ...more, btoa(`${client.id}:${client.secret}`)]) {
          expect(html).not.toContain(secret)
          expect(lines.join('\n')).not.toContain(secret)
        }
        expect(answer.headers.get('Location')).toBe(null)
        expect(answer.headers.get('Cache-Control')).toBe('no-store')
      }
    }
  })

  it.each([
    ['a cookie', "-b 'session=SECRETCOOKIE'"],
    ['a password of a proxy', '--proxy-user me:SECRETCOOKIE'],
    ['another request', '--next -d client_secret=SECRETCOOKIE /token'],
    ['another command', '; export SECRET=SECRETCOOKIE'],
    ['another address', 'https://me.example/SECRETCOOKIE'],
  ])(
    'the field drops a pasted command with %s, which the checker does not read',
    async (_, more) => {
      const command = `curl 'http://127.0.0.1:8787/authorize?client_id=${scene.client.id}'`
      expect((await own(command)).again).toBe(command)
      const shown = await own(`${command} ${more}`)
      expect(shown.verdict).toContain('The request fails at')
      expect(shown.again).toBe('')
      expect(shown.html).not.toContain('SECRETCOOKIE')
    },
  )

  it('the field keeps a pasted URL without a secret, and drops a request with a secret', async () => {
    const address = `http://127.0.0.1:8787/authorize?client_id=${scene.client.id}&response_type=code`
    expect((await own(address)).again).toBe(address)
    const withSecret = asForm(tokenRequest(credentialsOf(scene.client)))
    expect((await own(withSecret)).again).toBe('')
    expect((await own(`${address}&client_secret=x`)).again).toBe('')
    expect((await own(address.replace('http://', 'http://id:secret@'))).again).toBe('')
  })

  it('the page for an ended session does not repeat the pasted request', async () => {
    const path = `/clients/${scene.client.id}/check`
    const fields = await ownerIn(scene).form(path)
    const secret = mintToken('clientSecret')
    const answer = await registry(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams([...fields, ['request', `client_secret=${secret}`]]).toString(),
    })
    expect([answer.status, (await answer.text()).includes(secret)]).toEqual([403, false])
  })
})

describe('how often a request is checked', () => {
  it('a user is refused after 30 checks a minute across all networks, and other users are not', async () => {
    const limit = limiter(30)
    const fetch = serve({ LOGIN_LIMIT: limit })
    const path = `/clients/${scene.client.id}/check`
    const owner = ownerWith(scene.user, scene.cookie, fetch)
    const fields = await owner.form(path)
    const check = (n: number) =>
      owner.send(path, [
        ...fields.filter(([name]) => name !== 'request'),
        ['request', `grant_type=${n}`],
      ])
    for (let n = 0; n < 30; n++) expect((await check(n)).status).toBe(200)
    const refused = await check(31)
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '60'])
    expect((await owner.get(path)).status).toBe(200)
    expect(limit.keys()).toEqual([`checks of ${scene.user.id}`])
  })

  it('a check neither counts towards the rate limits of the endpoints nor is refused by them', async () => {
    const keys: string[] = []
    const fetch = serve({
      LOGIN_LIMIT: exceededFor(),
      REFUSAL_LIMIT: { limit: async ({ key }: { key: string }) => void keys.push(key) },
    })
    const owner = ownerWith(scene.user, scene.cookie, fetch)
    const wrong = tokenRequest(
      credentialsOf({ id: scene.client.id, secret: mintToken('clientSecret') }),
    )
    await checked(owner, scene.client.id, asCurl(wrong))
    expect(keys).toEqual([])
    const full = serve({ REFUSAL_LIMIT: exceededFor(() => true) })
    const verdict = await checked(
      ownerWith(scene.user, scene.cookie, full),
      scene.client.id,
      asCurl(wrong),
    )
    expect(verdict.answer).toBe('401 invalid_client')
  })
})

describe('single-use credentials', () => {
  it('an assertion and a DPoP proof are accepted once after a check', async () => {
    const key = await newKey()
    const signing = await sceneOf({
      ...NONE,
      registered: { authMethod: 'private_key_jwt', jwks: keySetOf(key.jwk) },
    })
    const headers = { DPoP: await proofOf(key) }
    const fields = {
      grant_type: 'client_credentials',
      ...asserting(await assertionOf(signing.client.id, key)),
    }
    const text = asCurl(tokenRequest(fields, headers))
    for (let n = 0; n < 2; n++) {
      const { verdict } = await checked(ownerIn(signing), signing.client.id, text)
      expect(verdict).toMatch(/^Every check passes/)
    }
    expect((await post('/token', fields, headers)).status).toBe(200)
    expect((await post('/token', fields, headers)).status).toBe(401)
  })

  it('a check does not say whether a proof was used for a key that no code or token of the client is bound to', async () => {
    const [headers, fields] = [{ DPoP: await proofOf(await newKey()) }, credentialsOf(scene.client)]
    const text = asCurl(tokenRequest(fields, headers))
    const before = await own(text)
    expect((await post('/token', fields, headers)).status).toBe(200)
    const after = await own(text)
    expect(comparable(after.html)).toBe(comparable(before.html))
    expect(after.html).toContain('Whether the DPoP proof was used before was not asked')
    expect((await post('/token', fields, headers)).status).toBe(400)
  })

  it('a check says whether a proof was used for the key that the code is bound to', async () => {
    const key = await newKey()
    const headers = { DPoP: await proofOf(key) }
    const asked = requestOf(scene.client, { ...withChallenge, dpop_jkt: key.jkt })
    const code = await obtainCode(scene.cookie, asked)
    const fields = redemptionOf(scene.client, code, { code_verifier: PKCE.verifier })
    const text = asCurl(tokenRequest(fields, headers))
    expect((await own(text)).verdict).toMatch(/^Every check passes/)
    expect((await post('/token', credentialsOf(scene.client), headers)).status).toBe(200)
    const after = await own(text)
    expect(after.why).toContain('jti: the proof was used before')
    expect((await post('/token', fields, headers)).status).toBe(400)
  })
})

describe('why a request was refused', () => {
  const lookUp = async ({ user, cookie }: Scene, id: string, reference: string) => {
    const path = `/clients/${id}/check?reference=${encodeURIComponent(reference)}`
    const answer = await ownerWith(user, cookie).get(path)
    return { status: answer.status, html: await answer.text() }
  }
  const refused = async (fields: Record<string, string>) =>
    (await post('/token', fields)).headers.get('X-Correlation-Id') ?? ''

  it('an owner reads the cause of a refusal of their client in plain words', async () => {
    const reference = await refused({ ...credentialsOf(scene.client), scope: 'moon:walk' })
    const { status, html } = await lookUp(scene, scene.client.id, reference.toLowerCase())
    expect(status).toBe(200)
    expect(html).toContain('Scope &quot;moon:walk&quot; is not authorized.')
    expect(html).toContain('POST /token')
    expect(html).toContain('/errors/invalid_scope')
    expect(html).toContain(`go to <a href="/clients/${scene.client.id}/permissions">`)
  })

  it('a look-up of a refusal links to the page where the owner can fix the cause, if the client has that page', async () => {
    const remedyOf = async (registered: Registration, fields: Record<string, string>) => {
      const mine = await sceneOf({ ...NONE, registered })
      const reference = await refused({ ...credentialsOf(mine.client), ...fields })
      const { html } = await lookUp(mine, mine.client.id, reference)
      expect(html).toContain('<dt>Error</dt>')
      return (
        new RegExp(`go to <a href="/clients/${mine.client.id}/([a-z]+)">`).exec(html)?.[1] ?? null
      )
    }
    const wrong = { client_secret: mintToken('clientSecret') }
    expect(await remedyOf({}, wrong)).toBe('secrets')
    expect(await remedyOf({}, { scope: 'moon:walk' })).toBe('permissions')
    expect(await remedyOf({ grantTypes: ['authorization_code'] }, {})).toBe('permissions')
    expect(await remedyOf(await signing(), wrong)).toBe('keys')
    expect(await remedyOf({ authMethod: 'none', grantTypes: ['authorization_code'] }, wrong)).toBe(
      null,
    )
    expect(await remedyOf({}, { grant_type: 'password' })).toBe(null)
  })

  it('a look-up of a refused redirect URI links to the edit page, and that of a repeated parameter does not', async () => {
    const leadsToEdit = async (redirectUris: string[], ...sent: string[]) => {
      const registered: Registration = {
        redirectUris,
        authMethod: 'none',
        grantTypes: ['authorization_code'],
      }
      const mine = await sceneOf({ ...NONE, registered })
      const asked = new URLSearchParams({ client_id: mine.client.id, response_type: 'code' })
      for (const uri of sent) asked.append('redirect_uri', uri)
      const answer = await registry(`/authorize?${asked}`)
      const reference = answer.headers.get('X-Correlation-Id') ?? ''
      const { html } = await lookUp(mine, mine.client.id, reference)
      expect(html).toContain('GET /authorize')
      return html.includes(`go to <a href="/clients/${mine.client.id}/edit">`)
    }
    const another = 'https://app.example/other'
    expect(await leadsToEdit([CALLBACK], another)).toBe(true)
    expect(await leadsToEdit([CALLBACK], `${CALLBACK}#x`)).toBe(true)
    expect(await leadsToEdit([CALLBACK, 'cursor://back'], 'cursor://back')).toBe(true)
    expect(await leadsToEdit([CALLBACK, another])).toBe(true)
    expect(await leadsToEdit([], another)).toBe(true)
    expect(await leadsToEdit([CALLBACK], CALLBACK, CALLBACK)).toBe(false)
  })

  it('a look-up has the same result for a refusal of another client, a refusal without a client and an unknown reference', async () => {
    const theirs = await refused({ ...credentialsOf(other.client), scope: 'moon:walk' })
    const nobodys = await refused({ grant_type: 'client_credentials' })
    const pages = await Promise.all(
      [theirs, nobodys, 'ABCDEFGHJK', 'no id at all'].map(async (reference) => {
        const { status, html } = await lookUp(scene, scene.client.id, reference)
        expect(status).toBe(200)
        return comparable(html, reference)
      }),
    )
    expect(new Set(pages).size).toBe(1)
    expect(pages[0]).toContain('No refusal of this client is recorded under this reference.')
    expectNothingOfOthers(pages[0] ?? '')
    // Control: the owner can read the refusal.
    expect((await lookUp(other, other.client.id, theirs)).html).toContain('moon:walk')
    expect((await lookUp(scene, other.client.id, theirs)).status).toBe(404)
  })

  it('the cause of a refusal is the same for a code of another client and for one that was never issued', async () => {
    const theirs = await obtainCode(other.cookie, requestOf(other.client, withChallenge))
    const causes = await Promise.all(
      [theirs, mintToken('authorizationCode')].map(async (code) => {
        const fields = redemptionOf(scene.client, code, { code_verifier: PKCE.verifier })
        const { html } = await lookUp(scene, scene.client.id, await refused(fields))
        return verdictIn(200, html).html.match(/<strong>([^<]*)<\/strong>/g)
      }),
    )
    expect(causes[0]).toEqual(causes[1])
    expect(JSON.stringify(causes[0])).toContain('not of this client')
  })

  it('a refusal is recorded under the client that the request named, and a look-up writes nothing', async () => {
    const reference = await refused({ ...credentialsOf(scene.client), client_secret: 'wrong' })
    const rows = () => env.DB.prepare('SELECT count(*) AS n FROM refusal').first('n')
    const before = await rows()
    expect((await lookUp(scene, scene.client.id, reference)).html).toContain('It is a wrong secret')
    expect(await rows()).toBe(before)
  })
})

describe('hostile text', () => {
  it.each([
    ['markup', '<script>alert(1)</script>'],
    ['markup in a parameter', `grant_type=<img src=x onerror=alert(1)>&scope="><script>`],
    ['markup in an option', `curl '--<script>' -H '<b>: x' http://127.0.0.1:8787/token`],
    ['a NUL', 'grant_type=a\u0000b&code=\u0000'],
    ['a text that changes its direction', 'grant_type=\u202eabc&scope=\u2066x'],
    ['a lone surrogate', 'grant_type=\ud800'],
    ['ten thousand parameters', `grant_type=x&${'a=1&'.repeat(10_000)}`],
    ['ten thousand names', Array.from({ length: 10_000 }, (_, n) => `n${n}=1`).join('&')],
    ['ten thousand headers', `${'A: b\n'.repeat(10_000)}\ngrant_type=x`],
    [
      'a header with a line break',
      `curl -H $'A: b\\r\\nC: d' -d grant_type=x http://127.0.0.1:8787/token`,
    ],
    ['quotes that are not closed', `curl 'http://127.0.0.1:8787/token -d "x`],
    ['twenty thousand line breaks', `curl ${'\n'.repeat(20_000)}x`],
    ['thirty thousand quotes', `curl ${"''".repeat(15_000)}`],
    ['thirty thousand backslashes', `curl http://127.0.0.1:8787/token ${'\\'.repeat(30_000)}`],
    [
      'ten thousand names of variables',
      `curl ${Array.from({ length: 10_000 }, (_, n) => `$${n}`).join(' ')}`,
    ],
    ['a file', 'curl -d @/etc/passwd -K /root/.curlrc http://127.0.0.1:8787/token'],
    ['an unknown address', 'https://elsewhere.example/authorize?x=1'],
    ['a malformed address', 'http://[::'],
    ['another method', `curl -X DELETE http://127.0.0.1:8787/token`],
    ['another path', `curl -d token=x http://127.0.0.1:8787/revoke`],
    ['nothing', '  \n '],
    ['prose', 'Why does my request fail?'],
  ])(
    'a check of %s gets a page without a fault and without markup of the request',
    async (_, text) => {
      const { status, html } = await own(text)
      expect([200, 400]).toContain(status)
      expect(html).not.toContain('<script>')
      expect(html).not.toContain('<img')
      for (const unseen of ['\u202e', '\u2066', '\u0000']) expect(html).not.toContain(unseen)
      expect(html.length).toBeLessThan(400_000)
    },
  )

  it('a check with a form of more than 128 KiB is refused before the form is read', async () => {
    const path = `/clients/${scene.client.id}/check`
    const answer = await ownerIn(scene).send(path, [['request', 'x'.repeat(131_072)]])
    expect(answer.status).toBe(413)
  })

  it('the checker does not read a file that a command names, and says so', async () => {
    const shown = await own('curl http://127.0.0.1:8787/token -d @body.txt')
    expect(shown.html).toContain('names a file, which was not read')
    // The note is above the checks, because it may explain a failed check.
    expect(shown.html.indexOf('names a file')).toBeLessThan(
      shown.html.indexOf('<ol class="checks">'),
    )
  })
})

it('only an owner of a client can check its requests', async () => {
  const path = `/clients/${scene.client.id}/check`
  const stranger = await newOwner()
  expect((await stranger.get(path)).status).toBe(404)
  const fields = await ownerIn(scene).form(path)
  expect((await stranger.send(path, fields)).status).toBe(404)
})
