/** `user VERB …`: the rows and the output of each command. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passwordMatches } from '../../src/crypto/password.ts'
import { NO_PASSWORD } from '../../src/domain/user.ts'
import { userStore } from '../../src/stores/users.ts'
import { type ServedState, servedState } from './command-line.ts'

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/
const create = (username: string) => [
  ...['user', 'create', '--username', username, '--email', `${username}@example.org`],
]

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const stored = (username: string) => userStore(state.database).findByUsername(username)

describe('user create', () => {
  it('user create takes the first line of standard input as the password', async () => {
    const words = ['--scope', 'a:b c:d', '--endorsement', 'cs.DL', '--password-stdin']
    const created = await state.json([...create('ada'), ...words], 'correct horse \r\nignored\n')
    expect(created).toEqual({ user_id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    const found = await stored('ada')
    expect(found?.user).toEqual({
      userId: created.user_id,
      username: 'ada',
      email: 'ada@example.org',
      scopes: ['a:b', 'c:d'],
      endorsements: ['cs.DL'],
      disabledAt: null,
      readAtMs: expect.any(Number),
    })
    expect(await passwordMatches('correct horse ', found?.passwordHash ?? '')).toBe(true)
  })

  it('user create --invite creates a user without a password and prints a link to set one, and user invite prints another link', async () => {
    const printed = {
      user_id: expect.any(String),
      invitation_url: expect.stringMatching(/\/invitation#regi_[\w-]{49}$/),
      expires_in_seconds: 86_400,
    }
    const created = await state.json([...create('invited'), '--invite'])
    expect(created).toEqual(printed)
    expect((await stored('invited'))?.passwordHash).toBe(NO_PASSWORD)
    const again = await state.json(['user', 'invite', 'invited'])
    expect(again).toEqual({ ...printed, user_id: created.user_id })
    expect(again.invitation_url).not.toBe(created.invitation_url)
  })

  it('user create accepts the password as an option', async () => {
    await state.json([...create('bert'), '--password', 'battery staple'])
    const found = await stored('bert')
    expect(await passwordMatches('battery staple', found?.passwordHash ?? '')).toBe(true)
  })
})

describe('user list, show, disable, enable and set-password', () => {
  it('user show, disable and enable accept an id or a username and print no password hash', async () => {
    const created = await state.json<{ user_id: string }>([
      ...create('cleo'),
      ...['--password', 'battery staple'],
    ])
    const expected = {
      user_id: created.user_id,
      username: 'cleo',
      email: 'cleo@example.org',
      scopes: [],
      endorsements: [],
      created_at: expect.stringMatching(ISO_TIME),
      updated_at: expect.stringMatching(ISO_TIME),
      disabled_at: null,
    }
    expect(await state.json(['user', 'show', created.user_id])).toEqual(expected)
    expect(await state.json(['user', 'show', 'CLEO'])).toEqual(expected)
    expect(await state.json<unknown[]>(['user', 'list'])).toContainEqual(expected)
    const disabled = await state.json(['user', 'disable', 'cleo'])
    expect(disabled.disabled_at).toMatch(ISO_TIME)
    expect((await stored('cleo'))?.user.disabledAt).toEqual(expect.any(Number))
    expect(await state.json(['user', 'enable', created.user_id])).toEqual(expected)
  })

  it('user set-password replaces the password', async () => {
    await state.json([...create('dora'), '--password', 'the first one'])
    const answer = await state.admin(
      ['user', 'set-password', 'dora', '--password-stdin', '--json'],
      'the second one\n',
    )
    expect(JSON.parse(answer.stdout)).toMatchObject({ username: 'dora' })
    expect(answer.stdout + answer.stderr).not.toMatch(/scrypt|second one/)
    const hash = (await stored('dora'))?.passwordHash ?? ''
    expect(await passwordMatches('the second one', hash)).toBe(true)
    expect(await passwordMatches('the first one', hash)).toBe(false)
  })

  it('user list prints more users than one page holds', async () => {
    await state.database
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
         INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
         SELECT 'many-' || i, 'many-' || i, 'many@example.org', '', i, i FROM n`,
      )
      .run()
    const users = await state.json<{ email: string }[]>(['user', 'list'])
    expect(users.filter(({ email }) => email === 'many@example.org')).toHaveLength(250)
  })
})
