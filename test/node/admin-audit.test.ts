/** The audit, and the row that each command of the administrator writes. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandLine } from '../../src/cli/main.ts'
import { digest, hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { AUDIT_EVENTS } from '../../src/domain/audit.ts'
import type { ClientFields, ClientLists } from '../../src/domain/client.ts'
import type { SecretDigest } from '../../src/domain/ids.ts'
import { clientFields } from '../../src/domain/registration.ts'
import { clientRegistry, userRegistry } from '../rows.ts'
import { type ServedState, servedState } from './command-line.ts'

type Entry = Readonly<{
  happened_at: string
  actor: string
  event: string
  client_id: string | null
  user_id: string | null
  detail: Record<string, unknown>
}>

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const PASSWORD = 'a password of the tests'
const audit = (...words: string[]) => state.json<Entry[]>(['audit', ...words])
/** Runs a command that succeeds. Returns its JSON and its new audit rows. */
async function act(words: readonly string[], stdin?: string) {
  const before = await audit()
  const document = await state.json<Record<string, string>>(words, stdin)
  const after = await audit()
  return { document, left: after.slice(0, after.length - before.length) }
}

let people = 0
const CLIENT = ['client', 'create', '--name', 'Helper', '--owner', 'u-17', '--scope', 'public:read']
const ROW = {
  ...clientFields({ name: 'Helper', ownerId: 'u-17' }),
  scopes: ['public:read'],
  grantTypes: ['client_credentials'],
} satisfies ClientFields & ClientLists
/** Writes rows directly, because a command for each would take long on the state of a stopped registry. */
const newClient = (row: ClientFields & ClientLists = ROW) =>
  clientRegistry(state.database).create(row, 'digest' as SecretDigest, {
    mode: 'authorize',
    now: 1,
  })
async function newUser() {
  people += 1
  const person = { username: `ada${people}`, email: 'ada@example.org', passwordHash: 'of none' }
  const held = { scopes: [], endorsements: [] }
  return (await userRegistry(state.database).create({ ...person, ...held }, 1)) ?? ''
}

/** A family with one refresh token, as after the redemption of a code. */
async function newRefreshToken(clientId: string, userId: string) {
  const token = mintToken('refreshToken')
  const record = JSON.stringify({ user: { userId, scopes: [], endorsements: [] } })
  await state.database.batch([
    state.database
      .prepare(
        `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
         VALUES (?1, ?2, ?3, ?4, unixepoch(), unixepoch() + 3600, unixepoch())`,
      )
      .bind(`family of ${clientId}`, clientId, userId, record),
    state.database
      .prepare(
        `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at)
         VALUES (?1, ?2, ?3, unixepoch())`,
      )
      .bind(await digest(token), `family of ${clientId}`, `session of ${clientId}`),
  ])
  return token
}

type Given = Readonly<{
  clientId: string
  userId: string
  disabledClientId: string
  disabledUserId: string
  /** A client whose owner requested its listing in the directory. */
  offeredClientId: string
  /** A declared scope. */
  scope: string
  resource: string
  /** A host that is allowed. */
  host: string
  /** A file with a scope and a category that are not declared. */
  file: string
}>
type Named = 'disabled client' | 'disabled user' | 'offered client'
type Case = Readonly<{
  event: string
  words: (given: Given) => string[]
  stdin?: (given: Given) => Promise<string>
  about: 'client' | 'user' | 'both' | 'none' | 'new' | Named
  detail: unknown
}>

const MORE = ['--scope', 'submission:read', '--endorsement', 'cs.*']
const cases: Case[] = [
  {
    event: 'client.create',
    words: () => [...CLIENT, '--redirect-uri', 'https://client.example/back'],
    about: 'new',
    detail: expect.objectContaining({
      name: 'Helper',
      owner_id: 'u-17',
      auth_method: 'client_secret',
      redirect_uris: ['https://client.example/back'],
      grant_types: ['client_credentials', 'authorization_code'],
      scopes: ['public:read'],
    }),
  },
  {
    event: 'client.update',
    words: ({ clientId }) => ['client', 'update', clientId, '--name', 'Other', '--scope', ''],
    about: 'client',
    detail: { name: 'Other', scopes: [] },
  },
  {
    event: 'client.authorize',
    words: ({ clientId }) => ['client', 'authorize', clientId, ...MORE],
    about: 'client',
    detail: { scopes: ['submission:read'], endorsements: ['cs.*'] },
  },
  {
    event: 'client.withdraw',
    words: ({ clientId }) => ['client', 'withdraw', clientId, '--scope', 'public:read'],
    about: 'client',
    detail: { scopes: ['public:read'] },
  },
  {
    event: 'client.request_listing',
    words: ({ disabledClientId }) => ['client', 'listing', disabledClientId, 'request'],
    about: 'disabled client',
    detail: {},
  },
  {
    event: 'client.take_back_listing',
    words: ({ offeredClientId }) => ['client', 'listing', offeredClientId, 'take-back'],
    about: 'offered client',
    detail: {},
  },
  {
    event: 'client.list',
    words: ({ offeredClientId }) => ['client', 'listing', offeredClientId, 'list'],
    about: 'offered client',
    detail: { name: 'Helper', url: '' },
  },
  {
    event: 'client.decline_listing',
    words: ({ offeredClientId }) => [
      ...['client', 'listing', offeredClientId, 'decline', '--reason', 'Not yet.'],
    ],
    about: 'offered client',
    detail: { reason: 'Not yet.' },
  },
  {
    event: 'client.rotate_secret',
    words: ({ clientId }) => ['client', 'rotate-secret', clientId, '--overlap-seconds', '60'],
    about: 'client',
    detail: { overlap_seconds: 60 },
  },
  {
    event: 'client.revoke_registration_token',
    words: ({ clientId }) => ['client', 'revoke-registration-token', clientId],
    about: 'client',
    detail: {},
  },
  {
    event: 'client.disable',
    words: ({ clientId }) => ['client', 'disable', clientId],
    about: 'client',
    detail: {},
  },
  {
    event: 'client.enable',
    words: ({ disabledClientId }) => ['client', 'enable', disabledClientId],
    about: 'disabled client',
    detail: {},
  },
  {
    event: 'client.delete',
    words: ({ clientId }) => ['client', 'delete', clientId],
    about: 'client',
    detail: { name: 'Helper', owner_id: 'u-17' },
  },
  {
    event: 'user.create',
    words: ({ clientId }) => {
      const named = [
        '--username',
        `grace-${clientId}`,
        '--email',
        'grace@example.org',
        '--endorsement',
        'cs.DL',
      ]
      return ['user', 'create', ...named, '--password-stdin']
    },
    stdin: async () => PASSWORD,
    about: 'new',
    detail: { username: expect.stringMatching(/^grace-/), scopes: [], endorsements: ['cs.DL'] },
  },
  {
    event: 'user.update',
    words: ({ userId }) => [
      ...['user', 'update', userId, '--username', `new-${userId}`, '--email', 'new@example.org'],
      ...['--scope', 'submission:read'],
    ],
    about: 'user',
    // The audit has no e-mail address, because its rows stay after the user is deleted.
    detail: {
      username: expect.stringMatching(/^new-/),
      email: 'replaced',
      scopes: ['submission:read'],
    },
  },
  {
    event: 'user.authorize',
    words: ({ userId }) => ['user', 'authorize', userId, ...MORE],
    about: 'user',
    detail: { scopes: ['submission:read'], endorsements: ['cs.*'] },
  },
  {
    event: 'user.withdraw',
    words: ({ userId }) => ['user', 'withdraw', userId, '--scope', 'public:read'],
    about: 'user',
    detail: { scopes: ['public:read'] },
  },
  {
    event: 'user.delete',
    words: ({ userId }) => ['user', 'delete', userId],
    about: 'user',
    detail: { username: expect.stringMatching(/^ada/) },
  },
  {
    event: 'user.set_password',
    words: ({ userId }) => ['user', 'set-password', userId, '--password-stdin'],
    stdin: async () => PASSWORD,
    about: 'user',
    detail: {},
  },
  {
    event: 'user.invite',
    words: ({ userId }) => ['user', 'invite', userId],
    about: 'user',
    detail: {},
  },
  {
    event: 'user.disable',
    words: ({ userId }) => ['user', 'disable', userId],
    about: 'user',
    detail: {},
  },
  {
    event: 'user.enable',
    words: ({ disabledUserId }) => ['user', 'enable', disabledUserId],
    about: 'disabled user',
    detail: {},
  },
  {
    event: 'session.revoke',
    words: ({ clientId }) => ['session', 'revoke', '--client', clientId],
    about: 'client',
    detail: {},
  },
  {
    event: 'session.revoke',
    words: ({ userId }) => ['session', 'revoke', '--user', userId],
    about: 'user',
    detail: {},
  },
  {
    event: 'session.revoke',
    words: () => ['session', 'revoke', '--token-stdin'],
    stdin: async () => mintToken('accessToken'),
    about: 'none',
    detail: { kind: 'access token' },
  },
  {
    event: 'session.revoke',
    words: () => ['session', 'revoke', '--token-stdin'],
    stdin: ({ clientId, userId }) => newRefreshToken(clientId, userId),
    about: 'both',
    detail: { kind: 'refresh token' },
  },
]

cases.push(
  {
    event: 'scope.create',
    words: ({ scope }) => ['scope', 'create', `${scope}_new`, '--sentence', 'Read'],
    about: 'none',
    detail: {
      name: expect.stringMatching(/_new$/),
      sentence: 'Read',
      self_registered: false,
      sensitive: false,
    },
  },
  {
    event: 'scope.update',
    words: ({ scope }) => ['scope', 'update', scope, '--sensitive'],
    about: 'none',
    detail: { name: expect.any(String), sensitive: true },
  },
  {
    event: 'scope.delete',
    words: ({ scope }) => ['scope', 'delete', scope],
    about: 'none',
    detail: {
      name: expect.any(String),
      sentence: 'Read',
      self_registered: false,
      sensitive: false,
    },
  },
  {
    event: 'scope.create',
    words: ({ file }) => ['scope', 'import', file],
    about: 'none',
    detail: {
      name: expect.stringMatching(/_file$/),
      sentence: 'Read',
      self_registered: false,
      sensitive: true,
    },
  },
  {
    event: 'category.replace',
    words: ({ file }) => ['category', 'import', file],
    about: 'none',
    detail: expect.objectContaining({ changed: 0 }),
  },
  {
    event: 'resource.create',
    words: ({ resource, scope }) => [
      ...['resource', 'create', `${resource}/new`, '--name', 'Files', '--scope', scope],
    ],
    about: 'none',
    detail: expect.objectContaining({ uri: expect.stringMatching(/\/new$/), name: 'Files' }),
  },
  {
    event: 'resource.update',
    words: ({ resource }) => ['resource', 'update', resource, '--name', 'Other'],
    about: 'none',
    detail: { uri: expect.any(String), name: 'Other' },
  },
  {
    event: 'resource.delete',
    words: ({ resource }) => ['resource', 'delete', resource],
    about: 'none',
    detail: expect.objectContaining({ uri: expect.any(String), name: 'Files' }),
  },
  {
    event: 'document_host.create',
    words: ({ host }) => ['document-host', 'allow', `new.${host}`],
    about: 'none',
    detail: { host: expect.stringMatching(/^new\./), rule: 'allow' },
  },
  {
    event: 'document_host.update',
    words: ({ host }) => ['document-host', 'block', host],
    about: 'none',
    detail: { host: expect.any(String), rule: 'block' },
  },
  {
    event: 'document_host.delete',
    words: ({ host }) => ['document-host', 'remove', host],
    about: 'none',
    detail: { host: expect.any(String), rule: 'allow' },
  },
)

const NOBODY = { client_id: null, user_id: null }
const idsOf = (whom: Exclude<Case['about'], 'new'>, given: Given) =>
  ({
    none: NOBODY,
    client: { ...NOBODY, client_id: given.clientId },
    user: { ...NOBODY, user_id: given.userId },
    both: { client_id: given.clientId, user_id: given.userId },
    'disabled client': { ...NOBODY, client_id: given.disabledClientId },
    'offered client': { ...NOBODY, client_id: given.offeredClientId },
    'disabled user': { ...NOBODY, user_id: given.disabledUserId },
  })[whom]

const NONE: Given = {
  ...{
    clientId: 'c',
    userId: 'u',
    disabledClientId: 'd',
    disabledUserId: 'd',
    offeredClientId: 'o',
  },
  ...{ scope: 's', resource: 'https://files.example', host: 'h.example', file: 'f' },
}
const named = cases.map(
  (one) =>
    [`${one.words(NONE).slice(0, 2).join(' ')} (${one.event} of ${one.about})`, one] as const,
)

let scopes = 0
async function given(): Promise<Given> {
  const [disabledClientId, disabledUserId] = [await newClient(), await newUser()]
  await clientRegistry(state.database).disable(disabledClientId, 2)
  await userRegistry(state.database).disable(disabledUserId, 2)
  const [clientId, userId, offeredClientId] = [
    await newClient(),
    await newUser(),
    await newClient(),
  ]
  const { database } = state
  await database.batch([
    database
      .prepare('INSERT INTO listing (client_id, requested_at) VALUES (?1, 1)')
      .bind(offeredClientId),
    database
      .prepare(
        `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'registration', 1)`,
      )
      .bind(clientId),
    database
      .prepare(`INSERT INTO client_registration (client_id, token_digest) VALUES (?1, ?1)`)
      .bind(clientId),
  ])
  scopes += 1
  const scope = `domain${scopes}:read`
  await state.database
    .prepare(
      `INSERT INTO scope (name, sentence, version, created_at, updated_at) VALUES (?1, 'Read', 1, 1, 1)`,
    )
    .bind(scope)
    .run()
  const resource = `https://files${scopes}.example/api`
  await state.database
    .prepare(
      `INSERT INTO resource (uri, name, scopes, access_token_lifetime_seconds, declared_at_ms, version, created_at, updated_at)
       VALUES (?1, 'Files', json_array(?2), 900, 1, 1, 1, 1)`,
    )
    .bind(resource, scope)
    .run()
  const host = `app${scopes}.example`
  await state.database
    .prepare(
      `INSERT INTO document_host (host, rule, version, created_at, updated_at) VALUES (?1, 'allow', 1, 1, 1)`,
    )
    .bind(host)
    .run()
  const file = join(state.stateDir, 'catalogue.json')
  const declared = {
    scopes: [{ name: `${scope}_file`, sentence: 'Read', sensitive: true }],
    categories: [
      {
        name: `cs.${String(scopes).replace(/\d/g, (digit) => 'ABCDEFGHIJ'[Number(digit)] ?? '')}`,
        title: 'Computing',
      },
    ],
  }
  await writeFile(file, JSON.stringify(declared))
  const disabled = { disabledClientId, disabledUserId }
  return { clientId, userId, ...disabled, offeredClientId, scope, resource, host, file }
}

/** The words of every command. */
function commandsOf(command: Command, before: readonly string[] = []): string[] {
  const words = [...before, command.name()]
  const below = command.commands.flatMap((one) => commandsOf(one, words))
  return below.length === 0 ? [words.join(' ')] : below
}
const { stdout, stderr } = process
const program = commandLine({ stdout, stderr, stdin: (async function* () {})(), env: {} })
const commands = program.commands.flatMap((one) => commandsOf(one))

/** Commands that change nothing, with their arguments. doctor.test.ts covers `doctor`, which deletes what it creates; admin-sign-in.test.ts `login` and `logout`. */
const READING: Readonly<Record<string, (given: Given) => string[]>> = {
  'client list': () => [],
  'client show': ({ clientId }) => [clientId],
  'scope list': () => [],
  'scope show': ({ scope }) => [scope],
  'category list': () => [],
  'resource list': () => [],
  'resource show': ({ resource }) => [resource],
  'document-host list': () => [],
  export: ({ file }) => [`${file}.yaml`],
  'user list': () => [],
  'user show': ({ userId }) => [userId],
  why: () => ['K7M2Q9XW4D'],
  audit: () => [],
}

it('every command is in the list of those that write an audit row or in the list of those that change nothing', () => {
  const acts = new Set(cases.map(({ words }) => words(NONE).slice(0, 2).join(' ')))
  // admin-import.test.ts covers `import arxiv`, and admin-registry-file.test.ts `apply`, which write a row for each record.
  // key-commands.test.ts covers `key`, which sends no request to a registry.
  const keys = ['create', 'add', 'promote', 'retire', 'show'].map((verb) => `key ${verb}`)
  const others = ['apply', 'doctor', 'login', 'logout', 'import arxiv', ...keys]
  expect([...acts, ...Object.keys(READING), ...others].sort()).toEqual(commands.sort())
  const told = new Set(cases.map(({ event }) => event))
  // No command writes these events. test/workers/portal-owners.test.ts and consent.test.ts cover them.
  const ofUsers = [
    ...['client.request', 'client.offer_ownership', 'client.take_back_offer'],
    ...['client.accept_offer', 'client.decline_offer', 'client.remove_owner', 'client.leave'],
    ...['consent.grant', 'consent.remove'],
  ]
  expect([...told, 'client.import', ...ofUsers].sort()).toEqual([...AUDIT_EVENTS].sort())
})

it.each(Object.entries(READING))(
  'the command %s changes nothing and writes no audit row',
  async (command, more) => {
    const about = await given()
    await state.database
      .prepare(
        `INSERT INTO refusal (refusal_id, refused_at, endpoint, error, detail)
       VALUES ('K7M2Q9XW4D', unixepoch(), 'POST /token', 'invalid_client', 'd') ON CONFLICT DO NOTHING`,
      )
      .run()
    const before = await state.dump()
    expect((await state.admin([...command.split(' '), ...more(about)])).status).toBe(0)
    expect(await state.dump()).toEqual(before)
  },
)

describe('commands that change something', () => {
  it.each(named)(
    'the command %s writes one audit row with the actor, the event, the record and the time',
    async (_, one) => {
      const about = await given()
      const begun = Date.now() - 1000
      const { left } = await act(one.words(about), await one.stdin?.(about))
      expect(left).toHaveLength(1)
      const [entry] = left as [Entry]
      expect(entry.event).toBe(one.event)
      expect(entry.actor).toBe('client:registry-operator')
      expect(entry.detail).toEqual(one.detail)
      expect(Date.parse(entry.happened_at)).toBeGreaterThanOrEqual(begun)
      if (one.about !== 'new') expect(entry).toMatchObject(idsOf(one.about, about))
    },
  )

  it.each(named)(
    'the command %s changes nothing if its audit row cannot be written',
    async (_, one) => {
      const about = await given()
      const stdin = await one.stdin?.(about)
      const before = await state.dump()
      await state.database
        .prepare(
          `CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no row'); END`,
        )
        .run()
      const { status, stderr } = await state.admin(one.words(about), stdin)
      await state.database.prepare('DROP TRIGGER refuse').run()
      expect(stderr).toMatch(/^error: the answer of the registry at \S+ was lost \(503: [^\n]+\n$/)
      expect(status).toBe(1)
      expect(await state.dump()).toEqual(before)
      // Control: the command works without the trigger.
      expect((await state.admin(one.words(about), stdin)).status).toBe(0)
      expect(await state.dump()).not.toEqual(before)
    },
  )

  it('the audit row of a creation names the created client or user', async () => {
    const made = await act(CLIENT)
    expect(made.left[0]?.client_id).toBe(made.document.client_id)
    const words = ['user', 'create', '--username', 'joan', '--email', 'joan@example.org']
    const user = await act([...words, '--password-stdin'], PASSWORD)
    expect(user.left[0]?.user_id).toBe(user.document.user_id)
    expect(JSON.stringify(user.left)).not.toContain('joan@example.org')
  })

  it('a command that is refused or changes nothing writes no audit row', async () => {
    const userId = await newUser()
    const clientId = await newClient()
    const publicId = await newClient({
      ...ROW,
      authMethod: 'none',
      redirectUris: ['https://a.example/'],
      grantTypes: ['authorization_code'],
    })
    const before = await audit()
    const taken = ['--username', `ada${people}`, '--email', 'b@example.org', '--password-stdin']
    const refused = [
      ['user', 'create', ...taken],
      ['client', 'disable', 'nobody'],
      ['client', 'enable', 'nobody'],
      ['client', 'update', clientId, '--redirect-uri', 'http://elsewhere.example/'],
      ['client', 'rotate-secret', publicId],
      ['session', 'revoke', '--client', 'nobody'],
    ]
    for (const words of refused) expect((await state.admin(words, PASSWORD)).status).toBe(1)
    for (const words of [
      ['client', 'enable', clientId],
      ['user', 'enable', userId],
    ]) {
      expect((await state.admin(words)).status).toBe(0)
    }
    expect(await audit()).toEqual(before)
  })

  it('revoking an already revoked refresh token writes no second audit row', async () => {
    const token = await newRefreshToken(await newClient(), await newUser())
    const revoke = () => act(['session', 'revoke', '--token-stdin'], token)
    expect((await revoke()).left).toHaveLength(1)
    expect((await revoke()).left).toHaveLength(0)
  })

  it('audit rows contain no secret, password or token, and no digest of one', async () => {
    const { document } = await act(CLIENT)
    const rotated = await act(['client', 'rotate-secret', document.client_id ?? ''])
    const token = mintToken('accessToken')
    await act(['session', 'revoke', '--token-stdin'], token)
    const secrets = [document.client_secret ?? '', rotated.document.client_secret ?? '', token]
    const rows = await state.database.prepare('SELECT * FROM audit').all()
    const text = JSON.stringify(rows.results)
    for (const secret of secrets) {
      expect(secret).toMatch(/^reg/)
      expect(text).not.toContain(secret)
      expect(text).not.toContain(await hexDigest(secret))
      expect(text).not.toContain(await digest(secret))
    }
    expect(text).not.toContain(PASSWORD)
    expect(text).toContain(document.client_id)
  })
})

describe('audit', () => {
  /** One row a minute, the last a minute ago; every third of client `a`, every fifth of user `b`; two rows share each time. */
  const ROWS = 500
  beforeAll(async () => {
    await state.database.batch([
      state.database.prepare('DELETE FROM audit'),
      state.database.prepare(
        `INSERT INTO audit (happened_at, actor, event, client_id, user_id, detail)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
         SELECT unixepoch() - (${ROWS} - i) / 2 * 120 - 60, 'user:b', iif(i % 2, 'consent.grant', 'consent.remove'),
           iif(i % 3 = 0, 'a', NULL), iif(i % 5 = 0, 'b', NULL), json_object('i', i) FROM n`,
      ),
    ])
  })
  const numbersOf = (entries: readonly Entry[]) => entries.map(({ detail }) => Number(detail.i))
  const every = (isMeant: (i: number) => boolean) =>
    Array.from({ length: ROWS }, (_, index) => ROWS - index).filter(isMeant)

  it('audit prints all rows, newest first, across its pages', async () => {
    expect(numbersOf(await audit())).toEqual(every(() => true))
  })

  it.each([
    ['a client', ['--client', 'a'], (i: number) => i % 3 === 0],
    ['a user', ['--user', 'b'], (i: number) => i % 5 === 0],
    ['an event', ['--event', 'consent.remove'], (i: number) => i % 2 === 0],
    [
      'a client and an event',
      ['--client', 'a', '--event', 'consent.remove'],
      (i: number) => i % 6 === 0,
    ],
    [
      'a client, a user and an event',
      ['--client', 'a', '--user', 'b', '--event', 'consent.grant'],
      (i: number) => i % 15 === 0 && i % 2 === 1,
    ],
    ['the last hour', ['--since', '60m'], (i: number) => i > ROWS - 60],
    [
      'the last hour of a client',
      ['--since', '1h', '--client', 'a'],
      (i: number) => i > ROWS - 60 && i % 3 === 0,
    ],
    ['nobody', ['--client', 'nobody'], () => false],
  ])('audit for %s prints only the matching rows', async (_, words, isMeant) => {
    expect(numbersOf(await audit(...words))).toEqual(every(isMeant))
  })

  it('audit accepts a user by name', async () => {
    const id = await newUser()
    const name = `ada${people}`
    await state.json(['user', 'disable', name])
    expect((await audit('--user', name)).map((entry) => entry.user_id)).toEqual([id])
    await state.database.prepare('DELETE FROM audit WHERE user_id = ?1').bind(id).run()
  })

  it('audit --limit prints at most the given number of rows, even if they take several pages', async () => {
    for (const limit of [1, 200, 201, 400, 499, 500, 501]) {
      expect(await audit('--limit', String(limit))).toHaveLength(Math.min(limit, ROWS))
    }
  })

  it('audit --since with a date begins at midnight UTC', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
    expect(await audit('--since', tomorrow)).toEqual([])
    expect(await audit('--since', '2020-02-29')).toHaveLength(ROWS)
    expect(await audit('--since', '2020-02-29T10:00+02:00')).toHaveLength(ROWS)
  })

  it('audit without --json prints a block for each row', async () => {
    const { stdout } = await state.admin(['audit', '--limit', '2'])
    const blocks = stdout.split('\n\n')
    expect(blocks).toHaveLength(2)
    expect(blocks[0]).toMatch(/^event: +consent.remove$/m)
    expect(blocks[0]).toMatch(/^detail: +i 500$/m)
    expect(stdout.endsWith('\n')).toBe(true)
    expect((await state.admin(['audit', '--client', 'nobody'])).stdout).toBe('none\n')
  })

  it.each([
    ['--event', 'client.explode', 'consent.grant'],
    ['--since', 'yesterday', '30d'],
    ['--since', '2026-13-01', '2026-10-01'],
    ['--limit', '0', 'one or more'],
    ['--limit', 'all', 'one or more'],
  ])(
    'audit refuses %s %s in one line that says which values are allowed',
    async (option, value, hint) => {
      const { status, stdout, stderr } = await state.admin(['audit', option, value])
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^error: [^\n]+\n$/)
      expect(stderr).toContain(hint)
    },
  )

  it('audit --help has an example that works', async () => {
    const { stdout } = await state.admin(['audit', '--help'])
    expect(stdout).toContain(
      'npm run --silent admin -- audit --event client.rotate_secret --since 30d --json',
    )
    expect(await audit('--event', 'client.rotate_secret', '--since', '30d')).toEqual([])
  })
})
