/** Storage faults during an administrator's change: all of a batch is written or nothing, and a fault is never reported as success. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import type { Act } from '../../src/flows/registration/change.ts'
import * as clients from '../../src/flows/registration/clients.ts'
import { requestListing } from '../../src/flows/registration/listings.ts'
import { revokeAnyToken, revokeSessionsOfClient } from '../../src/flows/registration/sessions.ts'
import * as users from '../../src/flows/registration/users.ts'
import { type Count, countedBindings, nothing, over, watchedBindings } from './counting.ts'
import {
  actBy,
  actOn,
  admin,
  auditOf,
  disableUser,
  everything,
  givenClient,
  givenUser,
  portsOn,
} from './registering.ts'

const UPDATE = { lists: {}, mode: 'authorize' as const, isDisabled: undefined }
const RENAME = { ...UPDATE, fields: { name: 'Renamed' } }
const MAIL = { fields: { email: 'new@example.org' }, lists: {}, isDisabled: undefined }

type Ids = Readonly<{ clientId: string; userId: string }>
/** Each change, and whether it revokes something. */
const ACTS: readonly [string, (act: Act, ids: Ids) => Promise<unknown>, boolean][] = [
  ['client.update', (act, { clientId }) => clients.updateClient(act, clientId, RENAME), false],
  [
    'client.authorize',
    (act, { clientId }) => clients.authorizeClient(act, clientId, { scopes: ['e:f'] }),
    false,
  ],
  [
    'client.withdraw',
    (act, { clientId }) => clients.withdrawFromClient(act, clientId, { scopes: ['a:b'] }),
    true,
  ],
  ['client.rotate_secret', (act, { clientId }) => clients.rotateSecret(act, clientId, 0), true],
  ['client.disable', (act, { clientId }) => clients.disableClient(act, clientId), true],
  ['client.request_listing', (act, { clientId }) => requestListing(act, clientId), false],
  ['client.delete', (act, { clientId }) => clients.deleteClient(act, clientId), true],
  ['user.update', (act, { userId }) => users.updateUser(act, userId, MAIL), true],
  [
    'user.authorize',
    (act, { userId }) => users.authorizeUser(act, userId, { scopes: ['e:f'] }),
    false,
  ],
  [
    'user.withdraw',
    (act, { userId }) => users.withdrawFromUser(act, userId, { scopes: ['a:b'] }),
    true,
  ],
  [
    'user.set_password',
    (act, { userId }) => users.setPassword(act, userId, 'a long password'),
    true,
  ],
  ['user.disable', (act, { userId }) => disableUser(act, userId), true],
  ['user.delete', (act, { userId }) => users.deleteUser(act, userId), true],
]

async function registered(): Promise<Ids> {
  const { record: client } = await clients.createClient(admin(), givenClient())
  const { record: user } = await users.createUser(admin(), givenUser())
  return { clientId: client.clientId, userId: user.userId }
}

/** Runs `work` while a table cannot be written, as on a full disk. */
async function without<T>(table: string, work: () => Promise<T>): Promise<T> {
  const refusing = ['INSERT', 'UPDATE'].map(
    (verb) => `CREATE TRIGGER no_${verb} BEFORE ${verb} ON ${table} BEGIN
      SELECT RAISE(ABORT, 'the disk is full'); END`,
  )
  await env.DB.batch(refusing.map((sql) => env.DB.prepare(sql)))
  try {
    return await work()
  } finally {
    await env.DB.batch([
      env.DB.prepare('DROP TRIGGER no_INSERT'),
      env.DB.prepare('DROP TRIGGER no_UPDATE'),
    ])
  }
}

/** D1 and KV that fail at the nth operation of one kind. */
function failingAt(operation: keyof Count, at: number) {
  let seen = 0
  const bindings = watchedBindings((current) => {
    if (current !== operation) return
    seen += 1
    if (seen === at) throw new Error('storage is out of reach')
  })
  return actOn(bindings)
}

describe('changes by administrators', () => {
  it.each(ACTS)(
    '%s writes nothing when its audit row or its revocation cannot be written',
    async (event, run, ends) => {
      const ids = await registered()
      const before = await everything()
      const act = admin()
      for (const table of ends ? ['audit', 'revocation'] : ['audit']) {
        const failed = without(table, () => run(act, ids))
        await expect(failed).rejects.toThrow('the disk is full')
        expect(await everything()).toEqual(before)
      }
      await run(act, ids)
      const [column, id] = event.startsWith('client')
        ? (['client_id', ids.clientId] as const)
        : (['user_id', ids.userId] as const)
      expect((await auditOf(column, id)).slice(1)).toEqual([event])
    },
  )

  it.each(ACTS)(
    '%s costs one read and one batch, and the write of the revocation document if it revokes something',
    async (_, run, ends) => {
      const ids = await registered()
      const { bindings, count } = countedBindings()
      await run(actOn(bindings), ids)
      // The document costs a read of the revocations, the write, and a second read of the version.
      expect(count).toEqual({ ...nothing(), ...(ends ? { d1: 4, kvWrite: 1 } : { d1: 2 }) })
    },
  )

  it.each(ACTS)('%s fails when D1 does not answer, and writes nothing', async (_, run) => {
    const ids = await registered()
    const before = await everything()
    for (const at of [1, 2]) {
      await expect(run(failingAt('d1', at), ids)).rejects.toThrow('out of reach')
      expect(await everything()).toEqual(before)
    }
  })

  it('the registration of a client costs one batch, and that of a user also a read of older usernames', async () => {
    const { bindings, count } = countedBindings()
    await clients.createClient(actOn(bindings), givenClient())
    expect(count).toEqual({ ...nothing(), d1: 1 })
    Object.assign(count, nothing())
    await users.createUser(actOn(bindings), givenUser())
    expect(count).toEqual({ ...nothing(), d1: 2 })
  })

  it('a registration whose audit row cannot be written registers nothing', async () => {
    const before = await everything()
    const failed = without('audit', () => clients.createClient(admin(), givenClient()))
    await expect(failed).rejects.toThrow('the disk is full')
    const user = without('audit', () => users.createUser(admin(), givenUser()))
    await expect(user).rejects.toThrow('the disk is full')
    expect(await everything()).toEqual(before)
  })
})

describe('revocations that cannot be written to KV', () => {
  const put = () => Promise.reject(new Error('KV answered 503'))
  const silent = () => actOn({ SESSIONS: over(env.SESSIONS, { put } as Partial<KVNamespace>) })

  it('a change is made even when its revocation cannot be written to KV, and a note states the later bound', async () => {
    const { clientId } = await registered()
    const { record, notes } = await clients.disableClient(silent(), clientId)
    expect(record.disabledAt).not.toBeNull()
    expect(notes).toEqual([
      'D1 has the revocation, but KV could not be written: cron writes it within 60 s (KV answered 503)',
    ])
    const revoked = await revokeSessionsOfClient(silent(), clientId)
    expect(revoked).toMatchObject({ effectiveWithinSeconds: 130, notes: [expect.any(String)] })
    const ended = await revokeAnyToken(silent(), mintToken('accessToken'), false)
    expect(ended).toMatchObject({ effectiveWithinSeconds: 120, notes: [expect.any(String)] })
    // Control: with KV.
    expect(await revokeSessionsOfClient(admin(), clientId)).toEqual({
      effectiveWithinSeconds: 70,
      notes: [],
    })
  })

  it('an actor with registry:sessions may revoke the sessions of an administrator, because a revocation grants nothing', async () => {
    const lists = { scopes: ['registry:admin'] }
    const { record } = await clients.createClient(admin(), givenClient({ lists }))
    const act = actBy(['registry:sessions'], portsOn())
    expect((await revokeSessionsOfClient(act, record.clientId)).notes).toEqual([])
  })
})
