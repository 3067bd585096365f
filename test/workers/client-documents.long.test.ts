/** Random metadata documents: none causes a fault, and no browser is redirected to a URI that is not in the document. */

import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { accepting, declareOpenScope } from './document-clients.ts'
import { authorizePath, newUser, signIn, withChallenge } from './registry.ts'
import { newHost, type Published, publishAll } from './world.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})
vi.spyOn(console, 'error').mockImplementation(() => {})

const DOCUMENTS = 10_000
const AT_ONCE = 50
const TIMEOUT_MS = 1_200_000

let cookie: string
beforeAll(async () => {
  await declareOpenScope()
  cookie = await signIn(await newUser())
})

/** A placeholder for the host of a document. Each document has its own host. */
const OWN = 'own-host.example'
const EVIL = 'https://evil.example/callback'

const uris = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('/callback', '/other?a=b').map((path) => `https://${OWN}${path}`),
  },
  fc.constantFrom(
    'http://localhost/callback',
    'http://127.0.0.1:3000/callback',
    'com.example.app:/callback',
    'cursor://callback',
    'http://app.example/callback',
    'javascript:alert(1)',
    'https://app.example/*',
    'https://user@app.example/',
    'https://app.example/#a',
    '',
  ),
  fc.webUrl(),
  fc.string({ unit: 'binary', maxLength: 30 }),
)
const text = fc.string({ unit: 'binary', maxLength: 120 })
const jwks = fc.oneof(
  fc.constant({ keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] }),
  fc.record({
    keys: fc.array(
      fc.dictionary(
        fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'use', 'alg', 'key_ops'),
        fc.jsonValue(),
      ),
    ),
  }),
)
const MEMBERS = {
  client_name: fc.oneof({ weight: 8, arbitrary: fc.constant('Example host') }, text),
  redirect_uris: fc.oneof(
    { weight: 8, arbitrary: fc.array(uris, { maxLength: 4 }) },
    fc.jsonValue(),
  ),
  grant_types: fc.subarray([
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'implicit',
  ]),
  token_endpoint_auth_method: fc.constantFrom(
    'none',
    'private_key_jwt',
    'client_secret_basic',
    'x',
  ),
  token_endpoint_auth_methods_supported: fc.subarray([
    'none',
    'private_key_jwt',
    'client_secret_jwt',
  ]),
  scope: fc.oneof(fc.constantFrom('public:read', 'public:read registry:admin', 'a "b'), text),
  jwks,
  jwks_uri: fc.oneof(uris, text),
  client_uri: uris,
  logo_uri: uris,
  tos_uri: text,
  policy_uri: uris,
  contacts: fc.array(text, { maxLength: 3 }),
  software_id: text,
  software_version: text,
  application_type: fc.constantFrom('web', 'native', 'other'),
  dpop_bound_access_tokens: fc.boolean(),
  client_secret: text,
  response_types: fc.jsonValue(),
}
const REQUIRED = fc.record({
  client_name: fc.oneof({ weight: 9, arbitrary: fc.constant('Example host') }, text),
  redirect_uris: fc.array(uris, { maxLength: 3 }).map((all) => [`https://${OWN}/callback`, ...all]),
})
/** With at most three optional members, so that most documents are valid. */
const plausible = fc
  .tuple(REQUIRED, fc.record(MEMBERS), fc.subarray(Object.keys(MEMBERS), { maxLength: 3 }))
  .map(([required, all, names]) => ({
    ...required,
    ...Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))),
  }))
const corrupted = fc
  .tuple(plausible, fc.constantFrom(...Object.keys(MEMBERS)), fc.jsonValue())
  .map(([members, name, value]) => ({ ...members, [name]: value }))
const document = fc.oneof({ weight: 5, arbitrary: plausible }, { weight: 2, arbitrary: corrupted })

type Case = Readonly<{
  members: Record<string, unknown>
  raw: string | null
  ask: number
  ownId: boolean
}>
const anyCase: fc.Arbitrary<Case> = fc.record({
  members: document as fc.Arbitrary<Record<string, unknown>>,
  raw: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, fc.json(), text),
  ask: fc.nat({ max: 5 }),
  ownId: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
})

/** The redirect URIs that a document has, as texts. */
const urisIn = (served: string): readonly unknown[] => {
  try {
    const { redirect_uris } = JSON.parse(served) as { redirect_uris?: unknown }
    return Array.isArray(redirect_uris) ? redirect_uris : []
  } catch {
    return []
  }
}

const withoutPort = (uri: string) =>
  uri.replace(/^(http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])):\d+/, '$1')

let made = 0
let pages = 0
let sentBack = 0

async function isHarmless({ members, raw, ask, ownId }: Case) {
  made += 1
  const host = newHost()
  const id = `https://${host}/client.json`
  const whole = JSON.stringify({ ...members, client_id: ownId ? id : `${id}-other` })
  const body = raw ?? whole.replaceAll(OWN, host)
  const listed = urisIn(body)
  const asked = [...listed.map(String), EVIL, `https://${host}/callback`][ask] ?? EVIL
  return { id, body, listed, asked }
}

async function visit({ id, listed, asked }: Awaited<ReturnType<typeof isHarmless>>) {
  const path = authorizePath({
    response_type: 'code',
    client_id: id,
    redirect_uri: asked,
    prompt: 'none',
    ...withChallenge,
  })
  const response = await accepting(path, { headers: { Cookie: cookie } })
  expect(response.status, id).toBeLessThan(500)
  expect(response.headers.get('Location'), id).toBeNull()
  // Before the user answers the consent page, only a link leads to the client.
  const [, link] = /<a href="([^"]*)">Return to/.exec(await response.text()) ?? []
  const location = link?.replaceAll('&#39;', "'").replaceAll('&amp;', '&')
  if (location === undefined) {
    pages += 1
    return
  }
  sentBack += 1
  const uri = location.replace(/[?&]error=.*$/s, '')
  const isListed = listed.some(
    (one) => typeof one === 'string' && (one === uri || withoutPort(one) === withoutPort(uri)),
  )
  expect(isListed, `${location} is not in ${JSON.stringify(listed)}`).toBe(true)
  expect(uri).not.toBe(EVIL)
}

describe('any document', () => {
  it(`${DOCUMENTS} random metadata documents cause no fault, and none redirects a browser to a URI that is not in the document`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCase, { minLength: AT_ONCE, maxLength: AT_ONCE }),
        async (all) => {
          const cases = await Promise.all(all.map(isHarmless))
          await publishAll(
            cases.map(({ id, body }): [string, Published] => [
              id,
              { headers: { 'Content-Type': 'application/json' }, body },
            ]),
          )
          await Promise.all(cases.map(visit))
          await publishAll(cases.map(({ id }): [string, null] => [id, null]))
        },
      ),
      { numRuns: DOCUMENTS / AT_ONCE, endOnFailure: true },
    )
    expect(made).toBeGreaterThanOrEqual(DOCUMENTS)
    // Control: both outcomes occur often.
    expect(pages).toBeGreaterThan(DOCUMENTS / 20)
    expect(sentBack).toBeGreaterThan(DOCUMENTS / 20)
  })
})
