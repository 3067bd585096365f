/**
 * 10,000 random registrations: no fault, only responses that RFC 7591 describes, and no client gets a permission that
 * needs approval. fast-check prints the seed and the smallest request of a failure.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { redirectUriProblem } from '../../src/domain/registration.ts'
import { NO_TEXT } from './any-call.ts'
import { exceededFor } from './limits.ts'
import { recordOf } from './registering.ts'
import { declare, serve } from './registry.ts'
import { askToRegister, type Information, newNetwork } from './self-registering.ts'

beforeAll(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterAll(() => vi.restoreAllMocks())

const RUNS = 10_000
const fetch = serve({
  REGISTRATION: 'open',
  REGISTRATIONS_PER_DAY: '1000000',
  STORAGE_TIMEOUT_SECONDS: '30',
  REFUSAL_LIMIT: exceededFor((key) => key.startsWith('recorded')),
})

const FREE = ['public:read', 'files:read:*']
const SENTENCE = 'Do this'

const URIS = [
  ...['https://app.example/cb', 'http://127.0.0.1/cb', 'http://localhost:3000/cb', 'http://[::1]/'],
  ...[
    'com.example.app:/cb',
    'cursor://anysphere/cb',
    'javascript:alert(1)',
    'http://evil.example/',
  ],
  ...[
    'https://*.evil.example/',
    'https://a@evil.example/',
    'https://app.example/#f',
    'data:,x',
    '',
  ],
  ...[
    'https://EVIL.example/',
    '//evil.example',
    'https:\\\\evil.example',
    'vscode://x',
    'file:///x',
  ],
]
const KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const SCOPES = [...FREE, 'files:read:7', 'submission:create', 'registry:admin', 'registry:register']

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom('', ' ', '\0', '\ud800', '\u202e', '\n', 'а', '<script>', 'x'.repeat(3000)),
)
const url = fc.oneof(fc.constantFrom(...URIS), fc.webUrl(), text)
const junk = fc.oneof(
  fc.constantFrom(null, true, 0, -1, {}, [], [[]], 'x', NO_TEXT),
  fc.jsonValue(),
)
const mostly = <T>(good: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: good }, { weight: 1, arbitrary: junk })
const words = (known: readonly string[]) =>
  fc.array(fc.oneof(fc.constantFrom(...known), text), { maxLength: 5 })

const body = fc.record(
  {
    redirect_uris: mostly(fc.array(url, { maxLength: 4 })),
    token_endpoint_auth_method: mostly(
      fc.constantFrom('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'x'),
    ),
    grant_types: mostly(
      words(['authorization_code', 'refresh_token', 'client_credentials', 'implicit']),
    ),
    response_types: mostly(words(['code', 'token'])),
    client_name: mostly(text),
    client_uri: mostly(url),
    logo_uri: mostly(url),
    tos_uri: mostly(url),
    policy_uri: mostly(url),
    contacts: mostly(fc.array(text, { maxLength: 12 })),
    scope: mostly(
      fc
        .array(fc.oneof(fc.constantFrom(...SCOPES), text), { maxLength: 6 })
        .map((all) => all.join(' ')),
    ),
    jwks: mostly(fc.record({ keys: fc.array(fc.oneof(fc.constant(KEY), junk), { maxLength: 3 }) })),
    jwks_uri: mostly(url),
    software_id: mostly(text),
    software_version: mostly(text),
    application_type: mostly(fc.constantFrom('web', 'native', 'x')),
    dpop_bound_access_tokens: mostly(fc.boolean()),
    client_id: text,
    // As a literal it would be the prototype.
    ['__proto__']: junk,
    'client_name#de': text,
  },
  { requiredKeys: [] },
)
/** What a host would send. */
const good = fc.record(
  {
    redirect_uris: fc.array(fc.constantFrom(...URIS), { minLength: 1, maxLength: 4 }),
    token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_basic'),
    grant_types: fc.constantFrom(
      ['authorization_code'],
      ['authorization_code', 'refresh_token'],
      ['authorization_code', 'client_credentials'],
    ),
    client_name: fc.stringMatching(/^[a-zа-я]{1,20}$/),
    scope: fc
      .array(fc.constantFrom(...SCOPES, 'offline_access', ''), { maxLength: 6 })
      .map((all) => all.join(' ')),
    logo_uri: fc.webUrl(),
    contacts: fc.array(fc.emailAddress(), { maxLength: 3 }),
    jwks: fc.constant({ keys: [KEY] }),
    software_statement: fc.constant(null),
  },
  { requiredKeys: ['redirect_uris'] },
)
/** With up to two members replaced by random values. */
const stated = fc
  .tuple(good, body, fc.array(fc.nat(), { maxLength: 2 }), fc.nat(20))
  .map(([host, other, picks, chance]) => {
    const names = Object.keys(other)
    const corrupted = picks.flatMap((pick) => {
      const name = names[pick % Math.max(1, names.length)]
      return name === undefined ? [] : [[name, other[name as keyof typeof other]] as const]
    })
    const statement = chance === 0 ? { software_statement: 'eyJ' } : {}
    return JSON.stringify({ ...host, ...Object.fromEntries(corrupted), ...statement })
  })
const sent = fc.oneof(
  { weight: 20, arbitrary: stated },
  { weight: 1, arbitrary: fc.oneof(text, fc.json(), fc.constant('['.repeat(5000))) },
)

const ERRORS = ['invalid_redirect_uri', 'invalid_client_metadata', 'invalid_software_statement']

async function checkClient(asked: string, client: Information) {
  const record = await recordOf(client.client_id)
  const { authMethod, redirectUris, scopes, grantTypes, ownerId, mayIntrospect } = record
  for (const scope of scopes) {
    expect(scope === 'public:read' || scope.startsWith('files:read')).toBe(true)
  }
  const isPublic = authMethod === 'none'
  expect(grantTypes.length === 0 || isPublic).toBe(true)
  expect(grantTypes).not.toContain('client_credentials')
  expect(record.permissions.filter(({ value }) => value.startsWith('registry:'))).toEqual([])
  expect([ownerId, mayIntrospect]).toEqual(['', false])
  const named = (JSON.parse(asked) as { redirect_uris?: unknown[] }).redirect_uris ?? []
  for (const uri of redirectUris) {
    expect(named).toContain(uri)
    expect(redirectUriProblem(uri, isPublic)).toBeNull()
  }
  expect(client.redirect_uris.sort()).toEqual([...redirectUris].sort())
  expect(client.grant_types.sort()).toEqual([...grantTypes].sort())
  expect((client.scope ?? '').split(' ').filter(Boolean).sort()).toEqual([...scopes].sort())
}

it(`${RUNS} random registrations cause no fault, and no client gets a permission that needs approval`, async () => {
  await declare({
    scopes: [
      ...FREE.map((name) => ({ name, sentence: SENTENCE, self_registered: true })),
      { name: 'submission:create', sentence: SENTENCE },
    ],
  })
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(sent, async (asked) => {
      const response = await askToRegister(asked, { fetch, network: newNetwork() })
      const { status } = response
      const answer = (await response.json()) as Record<string, string>
      const kind = status === 201 ? 'registered' : (answer.error ?? '')
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
      if (status === 201) return checkClient(asked, answer as unknown as Information)
      expect([400, 413]).toContain(status)
      if (status === 400) expect(ERRORS).toContain(answer.error)
      expect(answer.error_description).toMatch(/^[ !#-[\]-~]+$/)
    }),
    { numRuns: RUNS },
  )
  // Control: all kinds of responses were seen.
  for (const kind of ['registered', ...ERRORS]) expect(seen.get(kind) ?? 0).toBeGreaterThan(50)
}, 600_000)
