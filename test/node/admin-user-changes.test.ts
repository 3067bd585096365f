/** `user update`, `authorize`, `withdraw` and `delete`: the rows, the output and the revocations of each command. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ServedState, servedState } from './command-line.ts'

type User = Readonly<{
  user_id: string
  username: string
  email: string
  scopes: string[]
  endorsements: string[]
}>

let state: ServedState
let clientId = ''
let people = 0
let ada: User
beforeAll(async () => {
  state = await servedState()
  const words = ['client', 'create', '--name', 'App', '--owner', 'o']
  clientId = (await state.json<{ client_id: string }>(words)).client_id
})
afterAll(() => state.close())

const HELD = ['--scope', 'a:b c:d:* c:d:1', '--endorsement', 'cs.* math.AG']
/** Without a password by default, because hashing one takes a quarter of a second. */
async function newUser(name: string, password: readonly string[] = ['--invite']) {
  const words = ['user', 'create', '--username', name, '--email', 'first@example.org', ...HELD]
  await state.json([...words, ...password])
  return state.json<User>(['user', 'show', name])
}
beforeEach(async () => {
  people += 1
  ada = await newUser(`ada${people}`)
})

const all = async <T>(sql: string, ...values: string[]) =>
  (
    await state.database
      .prepare(sql)
      .bind(...values)
      .all<T>()
  ).results
const isRevoked = async (userId: string) =>
  (await all(`SELECT 1 FROM revocation WHERE kind = 'user' AND subject = ?1`, userId)).length > 0

/** A consent, a family and an unredeemed code, as after an authorization. */
async function authorizeApplication({ user_id, username }: User) {
  const record = JSON.stringify({ user: { userId: user_id, username } })
  await state.database.batch([
    state.database
      .prepare(
        `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES (?1, ?2, 'a:b', 'f', 1)`,
      )
      .bind(user_id, clientId),
    state.database
      .prepare(
        `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
         VALUES (?1, ?2, ?1, ?3, unixepoch(), unixepoch() + 9999, unixepoch())`,
      )
      .bind(user_id, clientId, record),
    state.database
      .prepare(
        `INSERT INTO refresh_token (token_digest, family_id, session_key, issued_at) VALUES (?1, ?1, 's', 1)`,
      )
      .bind(user_id),
    state.database
      .prepare(
        `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
         VALUES (?1, ?2, ?1, ?3, unixepoch() + 9999)`,
      )
      .bind(user_id, clientId, record),
  ])
}
const living = async (userId: string) => [
  (await all(`SELECT 1 FROM consent WHERE user_id = ?1`, userId)).length,
  (await all(`SELECT 1 FROM refresh_family WHERE user_id = ?1 AND ended_at IS NULL`, userId))
    .length,
  (await all(`SELECT 1 FROM authorization_code WHERE user_id = ?1 AND spent_at IS NULL`, userId))
    .length,
]

describe('user update', () => {
  it('user update changes the given fields and no others', async () => {
    const words = [
      'user',
      'update',
      ada.username,
      '--email',
      'second@example.org',
      '--scope',
      'e:f',
    ]
    const after = await state.json<User>([...words, '--endorsement', ''])
    expect(after).toMatchObject({
      user_id: ada.user_id,
      username: ada.username,
      email: 'second@example.org',
      scopes: ['e:f'],
      endorsements: [],
    })
    expect(await state.json(['user', 'show', ada.user_id])).toEqual(after)
  })

  it('user update renames a user, and the old name can be used again', async () => {
    const name = `Renamed-Ä${people}`
    const after = await state.json<User>([
      'user',
      'update',
      ada.username,
      '--username',
      ` ${name} `,
    ])
    expect(after).toMatchObject({ user_id: ada.user_id, username: name })
    expect(await state.json(['user', 'show', name.toLowerCase()])).toEqual(after)
    expect((await newUser(ada.username)).user_id).not.toBe(ada.user_id)
    // The user may get another spelling of their own name.
    const upper = await state.json<User>(['user', 'update', name, '--username', name.toUpperCase()])
    expect(upper.username).toBe(name.toUpperCase())
  })

  it("user update refuses another user's name in any spelling and changes nothing", async () => {
    const other = await newUser(`Ömer${people}`)
    const before = await state.dump()
    for (const name of [
      other.username,
      other.username.toUpperCase(),
      other.username.normalize('NFD'),
    ]) {
      const words = [
        'user',
        'update',
        ada.username,
        '--username',
        name,
        '--scope',
        '',
        '--email',
        'e@f',
      ]
      expect(await state.admin(words)).toEqual({
        status: 1,
        stdout: '',
        stderr: `error: username ${JSON.stringify(name.normalize('NFC'))} is taken\n`,
      })
    }
    expect(await state.dump()).toEqual(before)
  })
})

describe('user authorize and withdraw', () => {
  it('user authorize and user withdraw add and remove permissions, and remove an endorsement that another one covers', async () => {
    const more = ['--scope', 'x:y a:b', '--endorsement', 'math.*']
    const richer = await state.json<User>(['user', 'authorize', ada.username, ...more])
    expect(richer.scopes.toSorted()).toEqual(['a:b', 'c:d:*', 'c:d:1', 'x:y'])
    expect(richer.endorsements.toSorted()).toEqual(['cs.*', 'math.*'])
    const less = ['--scope', 'a:b n:m', '--endorsement', 'cs.*']
    const poorer = await state.json<User>(['user', 'withdraw', ada.username, ...less])
    expect([poorer.scopes.toSorted(), poorer.endorsements]).toEqual([
      ['c:d:*', 'c:d:1', 'x:y'],
      ['math.*'],
    ])
  })
})

describe('withdrawing a permission that a wider one covers', () => {
  it('user withdraw and client withdraw print a note if a wider permission still covers the withdrawn one', async () => {
    const words = ['client', 'create', '--name', 'App', '--owner', 'o', ...HELD]
    const { client_id } = await state.json<{ client_id: string }>(words)
    const less = ['--scope', 'c:d:2 a:b', '--endorsement', 'cs.DL math.AG']
    for (const whose of [
      ['user', 'withdraw', ada.user_id],
      ['client', 'withdraw', client_id],
    ]) {
      const { status, stderr } = await state.admin([...whose, ...less])
      expect([status, stderr]).toEqual([
        0,
        'note: c:d:* is still held and covers c:d:2\nnote: cs.* is still held and covers cs.DL\n',
      ])
    }
  })
})

describe("a user's loss of permissions", () => {
  it.each<[string, boolean, (user: User) => string[]]>([
    ['a scope withdrawn', true, () => ['withdraw', '--scope', 'a:b']],
    ['an endorsement withdrawn', true, () => ['withdraw', '--endorsement', 'math.AG']],
    ['a scope left out of the list', true, () => ['update', '--scope', 'c:d:* c:d:1']],
    ['all endorsements', true, () => ['update', '--endorsement', '']],
    ['the e-mail address', true, () => ['update', '--email', 'second@example.org']],
    ['the name', true, (user) => ['update', '--username', `${user.username}-new`]],
    [
      'the spelling of the name',
      true,
      (user) => ['update', '--username', user.username.toUpperCase()],
    ],
    [
      'nothing, with the same values',
      false,
      (user) => ['update', '--username', user.username, '--email', user.email, ...HELD],
    ],
    ['nothing, with more', false, () => ['authorize', '--scope', 'e:f']],
    ['nothing that was held', false, () => ['withdraw', '--scope', 'n:m']],
    ['a scope that another covers', false, () => ['update', '--scope', 'a:b c:d:*']],
  ])(
    'whether a user who loses %s has the sessions revoked is %j, and consents, refresh tokens and codes stay',
    async (_, isOver, wordsOf) => {
      const bystander = await newUser(`bob${people}`)
      await authorizeApplication(ada)
      const [name = '', ...more] = wordsOf(ada)
      const { status, stderr } = await state.admin(['user', name, ada.user_id, ...more])
      expect([status, stderr]).toEqual([0, ''])
      expect(await isRevoked(ada.user_id)).toBe(isOver)
      expect(await isRevoked(bystander.user_id)).toBe(false)
      expect(await living(ada.user_id)).toEqual([1, 1, 1])
    },
  )

  it('user update revokes sessions if it removes a scope that a concurrent command has added', async () => {
    const words = ['--scope', 'a:b c:d:* c:d:1']
    await Promise.all([
      state.json(['user', 'authorize', ada.user_id, '--scope', 'e:f']),
      state.json(['user', 'update', ada.user_id, ...words]),
    ])
    const { scopes } = await state.json<User>(['user', 'show', ada.user_id])
    // In either order, the sessions are revoked only if the scope was removed.
    expect(await isRevoked(ada.user_id)).toBe(!scopes.includes('e:f'))
  })
})

describe('user delete', () => {
  it('user delete deletes the user, revokes every session, token and code, and keeps the audit', async () => {
    const other = await newUser(`bob${people}`)
    ada = await newUser(`eve${people}`, ['--password', 'a long password'])
    await authorizeApplication(ada)
    await authorizeApplication(other)
    const deleted = await state.json<User>(['user', 'delete', ada.username])
    expect(deleted).toEqual(ada)
    expect((await state.admin(['user', 'show', ada.user_id])).status).toBe(1)
    expect(await isRevoked(ada.user_id)).toBe(true)
    expect(await living(ada.user_id)).toEqual([0, 0, 0])
    expect(await living(other.user_id)).toEqual([1, 1, 1])
    expect(await isRevoked(other.user_id)).toBe(false)
    const events = await state.json<{ event: string }[]>(['audit', '--user', ada.user_id])
    expect(events.map(({ event }) => event)).toEqual(['user.delete', 'user.create'])
    // Only the audit and the revocations still contain the user's id.
    const dump = Object.entries(await state.dump())
    const telling = dump.filter(([, rows]) => JSON.stringify(rows).includes(ada.user_id))
    expect(telling.map(([table]) => table).sort()).toEqual(['audit', 'revocation'])
    expect(JSON.stringify(dump)).not.toContain(
      JSON.stringify({ username: ada.username, email: ada.email }),
    )
    // The name can be used again.
    expect((await newUser(ada.username)).user_id).not.toBe(ada.user_id)
  })
})
