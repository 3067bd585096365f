/** `session revoke --user` for users of an external accounts service. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { rememberExternalUser } from '../../src/stores/external-users.ts'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
let clientId = ''
beforeAll(async () => {
  state = await servedState()
  const words = ['client', 'create', '--name', 'App', '--owner', 'o']
  clientId = (await state.json<{ client_id: string }>(words)).client_id
})
afterAll(() => state.close())
beforeEach(async () => {
  const tables = [
    'revocation',
    'consent',
    'refresh_family',
    'authorization_code',
    'external_user',
    'audit',
  ]
  await state.database.batch(tables.map((table) => state.database.prepare(`DELETE FROM ${table}`)))
})

const revoke = (...words: string[]) =>
  state.admin(['session', 'revoke', '--json', ...words], undefined, {
    LOGIN_URL: 'https://accounts.example/login',
  })
const DONE = { status: 0, stdout: '{"revoked":true,"effective_within_seconds":70}\n', stderr: '' }
const revokedUsers = async () => {
  const found = state.database.prepare(`SELECT subject FROM revocation WHERE kind = 'user'`)
  return (await found.all<{ subject: string }>()).results.map(({ subject }) => subject)
}
const see = (userId: string, username: string) =>
  rememberExternalUser(state.database, { userId, username }, 1).run()

const KNOWN_BY = {
  consent: `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES (?1, ?2, 'a:b', 'f', 1)`,
  family: `INSERT INTO refresh_family (family_id, client_id, user_id, record, started_at, expires_at, last_used_at)
    VALUES ('f', ?2, ?1, '{}', 1, 2, 1)`,
  code: `INSERT INTO authorization_code (code_digest, client_id, user_id, record, expires_at)
    VALUES ('k', ?2, ?1, '{}', 2)`,
} as const

describe('external users', () => {
  it.each(Object.entries(KNOWN_BY))(
    'session revoke --user finds an external user by the id in a %s',
    async (_, sql) => {
      await state.database.prepare(sql).bind('17', clientId).run()
      expect(await revoke('--user', '17')).toEqual(DONE)
      expect(await revokedUsers()).toEqual(['17'])
      expect(await state.json(['audit', '--event', 'session.revoke'])).toMatchObject([
        { user_id: '17' },
      ])
    },
  )

  it('session revoke --user finds an external user by the last seen username in any spelling', async () => {
    await see('17', 'Müller')
    expect(await revoke('--user', 'MU\u0308LLER')).toEqual(DONE)
    expect(await revokedUsers()).toEqual(['17'])
    expect(await state.json(['audit', '--user', 'müller'])).toMatchObject([{ user_id: '17' }])
    await see('17', 'renamed')
    expect((await revoke('--user', 'müller')).status).toBe(1)
  })

  it('session revoke --user reports an external user without rows in D1 as unknown, and writes nothing', async () => {
    await see('17', 'ada')
    const before = await state.dump()
    for (const name of ['18', 'grace', '']) {
      const { status, stdout, stderr } = await revoke('--user', name)
      expect([status, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^error: there is no user "[^"]*": [^\n]+--even-unknown\n$/)
    }
    expect(await state.dump()).toEqual(before)
  })

  it('session revoke --user --even-unknown revokes an external user without rows in D1', async () => {
    expect(await revoke('--user', '18', '--even-unknown')).toEqual(DONE)
    expect(await revokedUsers()).toEqual(['18'])
    expect((await revoke('--user', '', '--even-unknown')).status).toBe(1)
  })

  it('session revoke --user refuses a username of several external users, and prints their ids', async () => {
    await see('17', 'ada')
    await see('18', 'Ada')
    const before = await state.dump()
    const { status, stderr } = await revoke('--user', 'ada', '--even-unknown')
    expect([status, stderr]).toEqual([
      1,
      'error: several users have the name "ada": give one of the ids "17", "18"\n',
    ])
    expect(await state.dump()).toEqual(before)
    expect(await revoke('--user', '18')).toEqual(DONE)
    expect(await revokedUsers()).toEqual(['18'])
  })
})

it('session revoke --even-unknown without --user is wrong usage', async () => {
  expect((await revoke('--client', clientId, '--even-unknown')).status).toBe(2)
})
