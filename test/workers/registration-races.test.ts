/** Simultaneous changes by administrators, and ids that callers choose: D1 decides which change is made. */

import { describe, expect, it } from 'vitest'
import {
  authorizeClient,
  createClient,
  deleteClient,
  disableClient,
  enableClient,
  findClient,
  rotateSecret,
  updateClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import {
  createUser,
  deleteUser,
  findUser,
  setPassword,
  updateUser,
  withdrawFromUser,
} from '../../src/flows/registration/users.ts'
import {
  actBy,
  admin,
  auditOf,
  chosenId,
  everything,
  givenClient,
  givenUser,
  portsOn,
  refusedAs,
} from './registering.ts'

const NOTHING = { fields: {}, lists: {}, mode: 'authorize' as const, isDisabled: undefined }
const newClient = async () => (await createClient(admin(), givenClient())).record
const newUser = async () => (await createUser(admin(), givenUser())).record

describe('the version of a record', () => {
  it('only one of three simultaneous changes of one version of a client or user is made, and the others are stale', async () => {
    const client = await newClient()
    const user = await newUser()
    const named = (name: string) => ({ ...NOTHING, fields: { name } })
    const mailed = (email: string) => ({ fields: { email }, lists: {}, isDisabled: undefined })
    const outcomes = await Promise.all([
      ...['A', 'B', 'C'].map((name) =>
        refusedAs(updateClient(admin(), client.clientId, named(name), client.version)),
      ),
      ...['a@b', 'c@d', 'e@f'].map((email) =>
        refusedAs(updateUser(admin(), user.userId, mailed(email), user.version)),
      ),
    ])
    for (const some of [outcomes.slice(0, 3), outcomes.slice(3)]) {
      expect(some.toSorted()).toEqual([null, 'stale', 'stale'])
    }
    expect(await auditOf('client_id', client.clientId)).toEqual(['client.create', 'client.update'])
    expect(await auditOf('user_id', user.userId)).toEqual(['user.create', 'user.update'])
  })

  it('simultaneous changes that accept any version are all made', async () => {
    const { clientId } = await newClient()
    const scopes = ['x:a', 'x:b', 'x:c']
    const give = (scope: string) => authorizeClient(admin(), clientId, { scopes: [scope] })
    await Promise.all(scopes.map(give))
    expect((await findClient(admin(), clientId)).scopes).toEqual(['a:b', 'c:d', ...scopes])
  })

  const CLIENT_ACTS: [string, (id: string, version: number) => Promise<unknown>][] = [
    ['update', (id, version) => updateClient(admin(), id, NOTHING, version)],
    ['authorize', (id, version) => authorizeClient(admin(), id, { scopes: ['e:f'] }, version)],
    ['withdraw', (id, version) => withdrawFromClient(admin(), id, { scopes: ['a:b'] }, version)],
    ['rotate', (id, version) => rotateSecret(admin(), id, 0, version)],
    ['disable', (id, version) => disableClient(admin(), id, version)],
    ['enable', (id, version) => enableClient(admin(), id, version)],
    ['delete', (id, version) => deleteClient(admin(), id, version)],
  ]
  it.each(CLIENT_ACTS)(
    '%s with another version of the client is stale and writes nothing, and is done with the current version',
    async (_, act) => {
      const { clientId, version } = await newClient()
      const before = await everything()
      for (const other of [version - 1, version + 1, 0]) {
        expect(await refusedAs(act(clientId, other))).toBe('stale')
      }
      expect(await everything()).toEqual(before)
      expect(await refusedAs(act(clientId, version))).toBeNull()
    },
  )

  it('every change of a record raises its version, and a change of a deleted record is not_found', async () => {
    let { clientId, version } = await newClient()
    for (const [name, act] of CLIENT_ACTS) {
      if (name === 'update' || name === 'delete') continue
      await act(clientId, version)
      const after = await findClient(admin(), clientId)
      expect([name, after.version > version]).toEqual([name, true])
      version = after.version
    }
    const user = await newUser()
    const after = await setPassword(admin(), user.userId, 'a long password', user.version)
    expect(after.record.version).toBeGreaterThan(user.version)
    const withdrawn = await withdrawFromUser(admin(), user.userId, { scopes: ['a:b'] })
    expect(withdrawn.record.version).toBeGreaterThan(after.record.version)
    await deleteClient(admin(), clientId)
    await deleteUser(admin(), user.userId)
    expect(await refusedAs(disableClient(admin(), clientId, version))).toBe('not_found')
    expect(await refusedAs(deleteUser(admin(), user.userId))).toBe('not_found')
  })

  it('a client that is registered with the id of a deleted client has a later version', async () => {
    const clientId = chosenId()
    const first = await createClient(admin(), givenClient({ clientId }))
    await deleteClient(admin(), clientId)
    const second = await createClient(admin(), givenClient({ clientId }))
    expect(second.record.version).toBeGreaterThan(first.record.version)
    expect(await refusedAs(disableClient(admin(), clientId, first.record.version))).toBe('stale')
  })

  it('a change is checked again when another change of the same record is made first', async () => {
    const { clientId } = await newClient()
    const ports = portsOn()
    let overtaken = 0
    const clients = {
      ...ports.clients,
      async find(id: string) {
        const found = await ports.clients.find(id)
        overtaken += 1
        if (overtaken === 1) {
          const lists = { redirectUris: [], grantTypes: ['client_credentials'] }
          await updateClient(admin(), id, { ...NOTHING, lists })
        }
        return found
      },
    }
    const late = { ...actBy(['registry:admin'], { ...ports, clients }) }
    // Valid for the record that was read, and invalid for the record that the batch would have changed.
    const given = authorizeClient(late, clientId, { grantTypes: ['authorization_code'] })
    expect(await refusedAs(given)).toBe('invalid')
    expect(overtaken).toBe(2)
    expect((await findClient(admin(), clientId)).grantTypes).toEqual(['client_credentials'])
  })

  it('one update changes a name, a list and the disabled state of a client', async () => {
    const { clientId } = await newClient()
    const lists = { scopes: ['a:b'] }
    const given = { ...NOTHING, fields: { name: 'Last' }, lists, isDisabled: true }
    const { record } = await updateClient(admin(), clientId, given)
    expect(record).toMatchObject({ name: 'Last', scopes: ['a:b'], disabledAt: expect.any(Number) })
    expect((await auditOf('client_id', clientId)).slice(1)).toEqual([
      'client.update',
      'client.disable',
    ])
    const again = await updateClient(admin(), clientId, { ...NOTHING, isDisabled: false })
    expect(again.record.disabledAt).toBeNull()
  })
})

describe('ids that the caller chooses', () => {
  it('only one of several simultaneous equal registrations creates the client and returns its secret', async () => {
    const clientId = chosenId()
    const create = () => createClient(admin(), givenClient({ clientId }))
    const created = await Promise.all(Array.from({ length: 6 }, create))
    expect(created.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(created.filter(({ clientSecret }) => clientSecret !== null)).toHaveLength(1)
    const { credentials } = await findClient(admin(), clientId)
    expect(credentials).toHaveLength(1)
    expect(await auditOf('client_id', clientId)).toEqual(['client.create'])
  })

  it.each<[string, Parameters<typeof givenClient>[0]]>([
    ['another name', { fields: { name: 'Other' } }],
    ['another method', { fields: { authMethod: 'client_secret_basic' } }],
    ['fewer scopes', { lists: { redirectUris: ['https://app.example/cb'], scopes: ['a:b'] } }],
    ['no redirect URI', { lists: { scopes: ['a:b', 'c:d'] } }],
    ['the same lists as merely requested', { mode: 'request' }],
  ])(
    'a registration with a known id and %s is a conflict and changes nothing',
    async (_, other) => {
      const clientId = chosenId()
      await createClient(admin(), givenClient({ clientId }))
      const before = await everything()
      const again = createClient(admin(), givenClient({ ...other, clientId }))
      expect(await refusedAs(again)).toBe('conflict')
      expect(await everything()).toEqual(before)
      // The order of a list and repeated scopes are no difference.
      const reordered = { redirectUris: ['https://app.example/cb'], scopes: ['c:d', 'a:b', 'c:d'] }
      const same = await createClient(admin(), givenClient({ clientId, lists: reordered }))
      expect(same).toMatchObject({ isNew: false, clientSecret: null })
      expect(await everything()).toEqual(before)
    },
  )

  it('only one of several simultaneous different registrations with one id creates the client, and the others are conflicts', async () => {
    const clientId = chosenId()
    const create = (name: string) =>
      refusedAs(createClient(admin(), givenClient({ clientId, fields: { name } })))
    const outcomes = await Promise.all(['A', 'B', 'C'].map(create))
    expect(outcomes.toSorted()).toEqual(['conflict', 'conflict', null].toSorted())
    expect((await findClient(admin(), clientId)).scopes).toEqual(['a:b', 'c:d'])
  })

  it('a user with an id that the caller chooses is created once, and other content or another password is a conflict', async () => {
    const given = givenUser({ userId: chosenId(), password: 'a long password' })
    const created = await Promise.all([1, 2, 3].map(() => createUser(admin(), given)))
    expect(created.filter(({ isNew }) => isNew)).toHaveLength(1)
    const before = await everything()
    for (const other of [
      { ...given, password: 'another password' },
      { ...given, password: null },
      { ...given, fields: { ...given.fields, email: 'other@example.org' } },
      { ...given, lists: { ...given.lists, scopes: [] } },
    ]) {
      expect(await refusedAs(createUser(admin(), other))).toBe('conflict')
    }
    expect(await everything()).toEqual(before)
    expect((await findUser(admin(), { userId: given.userId ?? '' })).username).toBe(
      given.fields.username,
    )
  })

  it('only one of several simultaneous registrations and renamings gets a username', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const rename = { fields: { username: 'Wanted' }, lists: {}, isDisabled: undefined }
    const outcomes = await Promise.all([
      refusedAs(updateUser(admin(), one.userId, rename)),
      refusedAs(updateUser(admin(), two.userId, rename)),
      refusedAs(createUser(admin(), givenUser({ fields: { username: 'WANTED', email: 'w@x' } }))),
    ])
    expect(outcomes.filter((one) => one === null)).toHaveLength(1)
    expect(outcomes.filter((one) => one === 'conflict')).toHaveLength(2)
  })
})

describe('references to users', () => {
  it('a user is found by an id, by a username, or by a text that may be either', async () => {
    const user = await newUser()
    const find = (who: Parameters<typeof findUser>[1]) => refusedAs(findUser(admin(), who))
    const { userId, username } = user
    expect([await find(userId), await find(username)]).toEqual([null, null])
    expect([await find({ userId }), await find({ username: username.toUpperCase() })]).toEqual([
      null,
      null,
    ])
    expect(await find({ userId: username })).toBe('not_found')
    expect(await find({ username: userId })).toBe('not_found')
  })
})
