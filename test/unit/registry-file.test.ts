/** The registry file: it is read as it was written, and each error in it is reported with its line and field. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readRegistryFile } from '../../src/cli/registry-file/read.ts'
import type { Entry } from '../../src/cli/registry-file/section.ts'
import { SECTIONS } from '../../src/cli/registry-file/sections.ts'
import { registryText } from '../../src/cli/registry-file/text.ts'
import { runs } from '../sample.ts'
import { anyRaw, completed } from './registry-entries.ts'

/** The entries of a file without problems, by section. */
async function entriesIn(text: string) {
  const file = await readRegistryFile(text)
  const items = [...file.items.values()].flat()
  expect([...file.problems, ...items.flatMap(({ problems }) => problems)]).toEqual([])
  return new Map([...file.items].map(([name, list]) => [name, list.map(({ entry }) => entry)]))
}

describe('writing and reading a registry file', () => {
  it.each(['yaml', 'json'] as const)(
    'a file that was written as %s is read as the same entries',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(anyRaw, async (raw) => {
          const kept = await completed(raw)
          const text = registryText(kept, format)
          expect(await entriesIn(text)).toEqual(kept)
          // Writing it again gives the same text, so that version control shows only changes.
          expect(registryText(kept, format)).toBe(text)
        }),
        { numRuns: runs(30, 300) },
      )
    },
  )

  it.each(['yaml', 'json'] as const)(
    'a file that is written as %s contains control characters and direction marks only as escapes',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(anyRaw, async (raw) => {
          const text = registryText(await completed(raw), format)
          expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
        }),
        { numRuns: runs(30, 300) },
      )
    },
  )

  it('a first owner whom a file also names as a further owner is read only as the first owner', async () => {
    const client = { client_id: 'a1', name: 'N', owner_id: 'ada', further_owners: ['bea', 'ada'] }
    const read = await entriesIn(JSON.stringify({ version: 1, clients: [client] }))
    expect(read.get('clients')).toMatchObject([{ owner_id: 'ada', further_owners: ['bea'] }])
  })

  it('a file has the same meaning in YAML 1.1, where no and on are booleans', async () => {
    await fc.assert(
      fc.asyncProperty(anyRaw, async (raw) => {
        const text = registryText(await completed(raw), 'yaml')
        expect(parse(text, { version: '1.1' })).toEqual(parse(text))
      }),
      { numRuns: runs(30, 300) },
    )
  })

  it('a file omits fields with their default value, and has its members in the order of the fields', async () => {
    const client: Entry = {
      ...(CLIENTS.defaults as object),
      client_id: 'reading-list',
      name: 'Reading list',
      owner_id: 'library',
      redirect_uris: ['https://reading.example/cb'],
      grant_types: ['authorization_code'],
    }
    const { entry } = await CLIENTS.complete(client)
    expect(registryText(new Map([['clients', [entry]]]), 'yaml')).toBe(
      `# The registry as code: docs/registry-as-code.md. It holds no secret.

version: 1
clients:
  - client_id: reading-list
    name: Reading list
    owner_id: library
    redirect_uris:
      - https://reading.example/cb
    grant_types:
      - authorization_code
`,
    )
  })
})

const CLIENTS = SECTIONS.find(({ name }) => name === 'clients') as (typeof SECTIONS)[number]

/** Each problem as `line: message`. */
async function problemsIn(text: string): Promise<string[]> {
  const file = await readRegistryFile(text)
  const ofItems = [...file.items.values()].flat().flatMap(({ problems }) => problems)
  return [...file.problems, ...ofItems].map(({ line, message }) => `${line}: ${message}`)
}

const client = (...members: string[]) =>
  [
    'version: 1',
    'clients:',
    '  - client_id: app',
    '    name: App',
    '    owner_id: o',
    ...members.map((one) => `    ${one}`),
  ].join('\n')

describe('an error in a registry file', () => {
  it.each([
    ['', ['1: the file must begin with version: 1, followed by sections']],
    ['- a', ['1: the file must begin with version: 1, followed by sections']],
    ['clients: []', ['1: version must be 1']],
    ['version: 2', ['1: version must be 1']],
    [
      'version: 1\nclient: []',
      [
        expect.stringMatching(
          /^2: there is no section "client": there are scopes, resources, categories,/,
        ),
      ],
    ],
    ['version: 1\nclients:', ['2: clients must be a list: write [] for an empty one']],
    ['version: 1\nclients: {a: 1}', ['2: clients must be a list: write [] for an empty one']],
    [
      'version: 1\nclients:\n  - app',
      ['3: clients[0]: must be an entry with members, as in client_id: …'],
    ],
    ['version: 1\nversion: 1', ['2: the member is given twice']],
    [
      'version: 1\n---\nversion: 1',
      ['2: the file must hold one document, without a second line of ---'],
    ],
    ['version: 1\nusers: &a []\n', ['2: an anchor (&) is not allowed']],
    [
      'a: &a 1\nb: *a',
      ['1: an anchor (&) is not allowed', '2: an alias (*) is not allowed: write the value'],
    ],
    ['version: !!int 1', ['1: a tag (!) is not allowed']],
    ['%YAML 1.1\n---\nversion: 1', ['1: a directive (%) is not allowed']],
    ['version: 1\n? [a]\n: 1', ['2: the name of a member must be a text']],
    ['{"version": 1,\n "users": [}', [expect.stringMatching(/^2: /)]],
    ['version: 1\nclients:\n\t- a', [expect.stringMatching(/^3: /)]],
  ])('a syntax error in the text %j is reported with its line', async (text, expected) => {
    expect((await problemsIn(text)).slice(0, expected.length)).toEqual(expected)
  })

  it.each([
    [
      client('auth_method: secret'),
      '6: client app: auth_method: unknown authentication method "secret": use one of',
    ],
    [
      client('scopes:', '  - read', '  - two words'),
      '8: client app: scopes[1]: "two words" is not a scope',
    ],
    [client('scopes: read'), '6: client app: scopes must be a list'],
    [client('url: ftp://a'), '6: client app: url "ftp://a" is not an http or https URL'],
    [client('require_pkce: "yes"'), '6: client app: require_pkce must be true or false'],
    [
      client('description: 7'),
      '6: client app: description must be text, so put it in quotation marks',
    ],
    [client('secret: regs_x'), '6: client app: there is no member "secret"'],
    [client('created_at: 2026-01-01'), '6: client app: there is no member "created_at"'],
    [
      client('redirect_uris: [http://a.example/]'),
      '6: client app: redirect_uris: redirect URI "http://a.example/" must be https',
    ],
    [
      client('grant_types: [authorization_code]'),
      '3: client app: redirect_uris: the grant type authorization_code needs a redirect URI',
    ],
    [
      client('auth_method: private_key_jwt'),
      '3: client app: the authentication method private_key_jwt needs a JWK Set: jwks',
    ],
    [
      client('auth_method: private_key_jwt', 'jwks: {keys: [{kty: oct, k: AAAA}]}'),
      '7: client app: jwks cannot be used: key 1 is symmetric',
    ],
    [
      client('access_token_lifetime_seconds: 1'),
      '6: client app: access_token_lifetime_seconds "1" is not a whole number of seconds',
    ],
    [
      'version: 1\nclients:\n  - name: App\n    owner_id: o',
      '3: clients[0]: client_id is required',
    ],
    [
      'version: 1\nclients:\n  - client_id: 12\n    name: App\n    owner_id: o',
      '3: clients[0]: client_id must be text, so put it in quotation marks',
    ],
    [
      'version: 1\nclients:\n  - client_id: a/b\n    name: App\n    owner_id: o',
      '3: client a/b: client_id must have 1 to 64 characters',
    ],
    [
      'version: 1\nclients:\n  - client_id: registry-operator\n    name: App\n    owner_id: o',
      '3: client registry-operator: this client belongs to the registry itself',
    ],
    [
      'version: 1\nusers:\n  - user_id: u\n    username: a b\n    email: a@b',
      '4: user u: username must be one word',
    ],
    [
      'version: 1\nusers:\n  - user_id: u\n    username: ada\n    email: a@b\n    password: secret word',
      '6: user u: there is no member "password"',
    ],
    [
      'version: 1\nusers:\n  - {user_id: u, username: ada, email: a@b}\n  - {user_id: u, username: bob, email: a@b}',
      '4: user u: user_id is that of line 3 too',
    ],
    [
      'version: 1\nusers:\n  - {user_id: u, username: ada, email: a@b}\n  - {user_id: v, username: ADA, email: a@b}',
      '4: user v: username is that of line 3 too',
    ],
    [
      'version: 1\nscopes:\n  - name: registry:read\n    sentence: Read',
      '3: scope registry:read: name must not begin with registry:',
    ],
    [
      'version: 1\nscopes:\n  - name: read\n    sentence: "a\\nb"',
      '4: scope read: sentence must be one line',
    ],
    [
      'version: 1\ncategories:\n  - name: cs.*\n    title: All',
      '3: category cs.*: name: "cs.*" is neither an archive (cs) nor a category',
    ],
  ])(
    'an error in the text %j is reported with its line, entry and field',
    async (text, expected) => {
      const problems = await problemsIn(text)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toContain(expected)
    },
  )

  it('control: the same client without an error has no problem', async () => {
    expect(
      await problemsIn(client('scopes: [read]', 'redirect_uris: ["https://a.example/"]')),
    ).toEqual([])
  })

  it('every error of a file is reported, not only the first', async () => {
    const text = client('url: ftp://a', 'scopes: read', 'jwks: 1')
    expect((await problemsIn(text)).map((one) => one.slice(0, 2))).toEqual(['6:', '7:', '8:'])
  })

  it('reading any text as a registry file never throws', async () => {
    const snippets = fc.constantFrom(
      ...[
        'version: 1',
        '\n',
        '- ',
        'clients:',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '&a',
        '*a',
        '!!x',
        '|',
        '? ',
        ': ',
        '<<',
        '__proto__',
        '#',
        ',',
        '  ',
        '\t',
      ],
    )
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.array(snippets, { maxLength: 30 }).map((parts) => `version: 1\n${parts.join('')}`),
    )
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const file = await readRegistryFile(text)
        for (const { line, message } of file.problems) {
          expect(line).toBeGreaterThan(0)
          expect(message).not.toMatch(/[\n\r]|undefined|\{field\}/)
        }
      }),
      { numRuns: runs(150, 2000) },
    )
  })

  it('a very deeply nested text is reported as a problem, without a crash', async () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000)
    expect(await problemsIn(`version: 1\nusers: ${deep}`)).toEqual([
      expect.stringContaining(': the values are nested too deeply'),
    ])
  })

  it('a JSON file is read with indentation by tabs, by spaces or without any', async () => {
    const content = {
      version: 1,
      users: [{ user_id: 'u', username: 'a', email: 'a@b\ud83d\ude00' }],
    }
    const read = await entriesIn(JSON.stringify(content))
    for (const indent of [1, 2, '\t']) {
      expect(await entriesIn(JSON.stringify(content, null, indent))).toEqual(read)
    }
    expect(read.get('users')?.[0]).toMatchObject({ email: 'a@b😀', scopes: [], disabled: false })
  })
})
