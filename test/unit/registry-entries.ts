/** Random entries of registry files, as the registry keeps them. */

import fc from 'fast-check'
import type { Entry } from '../../src/cli/registry-file/section.ts'
import { SECTIONS } from '../../src/cli/registry-file/sections.ts'

/** Words that YAML without quotation marks reads as something other than text. */
const TRICKY = [
  ...['no', 'yes', 'on', 'Off', 'null', '~', 'true', '0123', '1e3', '0x1F', '.inf', '1:30', '12_3'],
  ...[
    '2026-01-01',
    '=',
    '<<',
    '- a',
    '# b',
    'a: b',
    '*x',
    '&y',
    '!z',
    '|',
    '>',
    '@',
    '`',
    '%',
    '""',
  ],
  ...[
    "'",
    '"',
    '{a}',
    '[b]',
    'a #b',
    ' leading',
    'trailing ',
    '\ttab',
    'a\nb',
    'a\r\nb',
    '\n',
    '---',
    '...',
  ],
  ...[
    'a\u0085b',
    'c\u2028d',
    'e\u202ef',
    '\ufeffg',
    'h\u00a0i',
    '😀',
    '\u0007',
    '\u001b[31m',
    'é',
    'e\u0301',
  ],
]
const text = (maxLength: number) =>
  fc
    .oneof(
      fc.constantFrom(...TRICKY),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ maxLength: 20 }),
    )
    .map((one) => one.replaceAll('\0', '').slice(0, maxLength))
    .filter((one) => one.isWellFormed())
const filled = (maxLength: number) => text(maxLength).filter((one) => one.trim() !== '')
const line = filled(100).filter((one) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(one))

const id = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._~-]{3,12}$/),
  fc.constantFrom('null', 'true', '1e3', '123', '0o7', 'no', '2026-01-01', '-', '~x', '1.5'),
)
const scope = fc
  .oneof(
    fc.constantFrom(
      'read',
      'user.email',
      'https://example.org/scope',
      'files:read',
      'files:read:*',
      '1',
      '~',
      '!',
      '#',
      '*',
    ),
    fc.stringMatching(/^[a-z]{1,5}:[a-z]{1,5}(:[A-Za-z0-9]{1,4})?$/),
  )
  .filter((one) => !one.startsWith('registry:'))
const endorsement = fc.constantFrom('cs.DL', 'cs.*', '*.*', 'math', 'hep-th', 'math.AG')

export const setOf = <T extends string>(one: fc.Arbitrary<T>) =>
  fc.uniqueArray(one, { maxLength: 4 })

const URIS = ['https://a.example/cb', 'https://b.example/cb?x=1', 'http://127.0.0.1/cb']
const KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const KEYS = { keys: [{ ...KEY, kid: 'no', alg: 'ES256' }] }

const rawClient = fc.record({
  client_id: id,
  name: filled(100),
  owner_id: filled(50),
  url: fc.constantFrom('', 'https://a.example/'),
  description: text(100),
  auth_method: fc.constantFrom(
    ...['client_secret', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  ),
  require_pkce: fc.boolean(),
  require_dpop: fc.boolean(),
  may_introspect: fc.boolean(),
  access_token_lifetime_seconds: fc.constantFrom(null, 60, 900, 3600),
  logo_uri: fc.constantFrom('', 'https://a.example/logo.png'),
  tos_uri: fc.constantFrom('', 'https://a.example/terms'),
  policy_uri: fc.constantFrom('', 'https://a.example/privacy'),
  contacts: setOf(fc.constantFrom('a@a.example', 'no', '1')),
  software_id: text(100),
  software_version: text(100),
  application_type: fc.constantFrom('web', 'native'),
  jwks_uri: fc.constantFrom('', 'https://a.example/keys'),
  redirect_uris: setOf(fc.constantFrom(...URIS)),
  default_resources: fc.constant([]),
  grant_types: setOf(fc.constantFrom('client_credentials', 'authorization_code', 'refresh_token')),
  scopes: setOf(scope),
  endorsements: setOf(endorsement),
  requested_grant_types: setOf(fc.constantFrom('client_credentials', 'refresh_token')),
  requested_scopes: setOf(scope),
  requested_endorsements: setOf(endorsement),
  disabled: fc.boolean(),
})

/** The entry without fields that contradict others. */
const soundClient = rawClient.map((client) => {
  const isPublic = client.auth_method === 'none'
  const hasKeys = client.auth_method === 'private_key_jwt'
  const mayHave = (grant: string) =>
    !(isPublic && grant === 'client_credentials') &&
    !(client.redirect_uris.length === 0 && grant === 'authorization_code')
  return {
    ...client,
    jwks: hasKeys && client.jwks_uri === '' ? KEYS : null,
    jwks_uri: hasKeys ? client.jwks_uri : '',
    grant_types: client.grant_types.filter(mayHave),
    requested_grant_types: client.requested_grant_types.filter(mayHave),
  }
})

const user = fc.record({
  user_id: id,
  username: fc.stringMatching(/^[a-z0-9]{2,10}$/),
  email: fc.constantFrom('a@example.org', 'no@example.org', '1@2'),
  scopes: setOf(scope),
  endorsements: setOf(endorsement),
  disabled: fc.boolean(),
})
const declared = fc.record({
  name: scope,
  sentence: line,
  self_registered: fc.boolean(),
  sensitive: fc.boolean(),
})
const resource = fc.record({
  uri: fc.constantFrom('https://files.example', 'https://files.example/a', 'urn:example:b'),
  name: line,
  scopes: setOf(scope).filter((scopes) => scopes.length > 0),
  access_token_lifetime_seconds: fc.constantFrom(60, 900),
  require_dpop: fc.boolean(),
  require_pkce: fc.boolean(),
  self_registered: fc.boolean(),
  token_format: fc.constantFrom('opaque', 'jwt'),
})
const documentHost = fc.record({
  host: fc.constantFrom('app.example.com', '*.example.com', 'xn--bcher-kva.example', 'localhost'),
  rule: fc.constantFrom('allow', 'block'),
})
const category = fc.record({
  name: fc.constantFrom('cs', 'cs.DL', 'math', 'math.AG', 'hep-th'),
  title: line,
})

const RAW: Readonly<Record<string, fc.Arbitrary<Entry>>> = {
  scopes: declared,
  resources: resource,
  categories: category,
  document_hosts: documentHost,
  clients: soundClient,
  users: user,
}

/** Entries of each section, by its name, with distinct ids and usernames. */
export const anyRaw: fc.Arbitrary<ReadonlyMap<string, readonly Entry[]>> = fc
  .record(
    Object.fromEntries(
      SECTIONS.map(({ name, id: member, otherName }) => [
        name,
        fc
          .uniqueArray(RAW[name] as fc.Arbitrary<Entry>, {
            maxLength: 5,
            selector: (entry) => entry[member],
          })
          .map((entries) => {
            const keys = entries.map((entry) => otherName?.keyOf(entry))
            return entries.filter((_, i) => keys[i] === undefined || keys.indexOf(keys[i]) === i)
          }),
      ]),
    ),
  )
  .map((lists) => new Map(Object.entries(lists)))

/** The entries as the registry would store them. */
export async function completed(raw: ReadonlyMap<string, readonly Entry[]>) {
  const kept = new Map<string, readonly Entry[]>()
  for (const section of SECTIONS) {
    const checked = (raw.get(section.name) ?? []).map((one) => ({
      ...section.defaults,
      ...section.schema.parse(one),
    }))
    const read = await Promise.all(checked.map(section.complete))
    kept.set(
      section.name,
      read.map(({ entry }) => entry),
    )
  }
  return kept
}
