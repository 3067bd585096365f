/** One user for all spellings of a username, even when older users without keys differ only by spelling. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { type Bindings, compose } from '../../src/compose.ts'
import { signInFailureStore } from '../../src/stores/sign-in-failures.ts'
import { keyOlderNames } from '../../src/stores/username-keys.ts'
import { userStore } from '../../src/stores/users.ts'
import { userRegistry } from '../rows.ts'
import { ISSUER, newUser, nowSeconds, signIn } from './registry.ts'

const users = userRegistry(env.DB)
const idFor = async (name: string) => (await userStore(env.DB).findByUsername(name))?.user.userId

const person = (username: string) => ({
  username,
  email: 'u@example.org',
  passwordHash: '',
  scopes: [],
  endorsements: [],
})
/** A user from before usernames had keys. */
async function olderUser(username: string, createdAt: number) {
  const userId = `id of ${username}`
  await env.DB.prepare(
    `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
     VALUES (?1, ?2, 'u@example.org', '', ?3, ?3)`,
  )
    .bind(userId, username, createdAt)
    .run()
  return userId
}

describe('spellings of a username', () => {
  it('a username means the same user in every case and Unicode form, at registration, lookup and sign-in', async () => {
    const user = await newUser({ username: 'Müller' })
    for (const spelling of ['müller', 'MÜLLER', 'Mu\u0308ller', ' müller ']) {
      expect(await users.create(person(spelling), 1)).toBeNull()
      expect((await users.find(spelling))?.userId).toBe(user.id)
      expect(await idFor(spelling)).toBe(user.id)
    }
    expect(await signIn({ id: user.id, username: 'MU\u0308LLER' })).toContain('registry_session=')
    expect(await idFor('muller')).toBeUndefined()
  })

  it('the failed sign-ins of a username are counted together in every spelling', async () => {
    const failures = signInFailureStore(env.DB)
    const now = nowSeconds()
    for (const spelling of ['Zoë', 'ZOË', 'Zoe\u0308', 'zoë', 'ZOE\u0308', 'zoë']) {
      await failures.record(spelling, 'network', now)
    }
    expect(await failures.lockedUntil('Zoë', 'network', now)).toBeGreaterThan(now)
    expect(await failures.lockedUntil('zoe', 'network', now)).toBe(0)
  })
})

describe('usernames without keys', () => {
  it('older users are found by their spelling before and after they get keys, even two users who differ only by spelling', async () => {
    const upper = await olderUser('JÖRG', 2)
    const first = await olderUser('Jörg', 1)
    const alone = await olderUser('Özil', 3)
    const asBefore = async () => {
      expect([await idFor('JÖRG'), await idFor('Jörg'), await idFor('jörg')]).toEqual([
        upper,
        first,
        first,
      ])
      expect(await idFor('Özil')).toBe(alone)
    }
    await asBefore()
    expect(await idFor('öZIL')).toBeUndefined()
    await keyOlderNames(env.DB)
    await asBefore()
    // The older user has the key; the other is found only by its exact spelling.
    expect(await idFor('jo\u0308rg')).toBe(first)
    expect(await idFor('öZIL')).toBe(alone)
    expect(await users.create(person('jörG'), 4)).toBeNull()
  })

  it('the username of an older user is taken before cron has given it a key', async () => {
    const older = await olderUser('Ærø', 1)
    expect(await users.create(person('ærØ'), 2)).toBeNull()
    expect(await idFor('ÆRØ')).toBe(older)
  })

  it('cron gives older usernames their keys even when KV or a sweep fails', async () => {
    const older = await olderUser('Ünal', 1)
    const SESSIONS = { ...env.SESSIONS, put: () => Promise.reject(new Error('KV is away')) }
    const { housekeep } = compose({ ...env, ISSUER, SESSIONS } as unknown as Bindings)
    await env.DB.prepare(
      `INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at) VALUES ('user', 'u', 1, 1 << 40)`,
    ).run()
    await expect(housekeep(Date.now())).rejects.toThrow('housekeeping failed: repair_kv')
    expect(await idFor('üNAL')).toBe(older)
  })

  it('cron gives each of 120 older usernames its key', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
       INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
       SELECT 'many ' || i, 'Ä-' || i, 'u@example.org', '', 1, 1 FROM n`,
    ).run()
    await keyOlderNames(env.DB)
    expect(await idFor('ä-120')).toBe('many 120')
    const left = `SELECT count(*) AS n FROM user WHERE username_key IS NULL`
    expect(await env.DB.prepare(left).first('n')).toBe(0)
  })
})
