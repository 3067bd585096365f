/** Privilege escalation by scopes of the registry: each change that concerns one of them needs registry:admin. */

import { describe, expect, it } from 'vitest'
import type { ImportedClient } from '../../src/domain/client.ts'
import { REGISTRY_SCOPES } from '../../src/domain/registry-scopes.ts'
import type { Act } from '../../src/flows/registration/change.ts'
import * as clients from '../../src/flows/registration/clients.ts'
import { importClients } from '../../src/flows/registration/import-clients.ts'
import * as users from '../../src/flows/registration/users.ts'
import { sampled } from '../sample.ts'
import {
  actBy,
  admin,
  chosenId,
  disableUser,
  enableUser,
  everything,
  givenClient,
  givenUser,
  portsOn,
  refusedAs,
} from './registering.ts'

const LESSER = REGISTRY_SCOPES.filter((scope) => scope !== 'registry:admin')
/** Actors: each scope but registry:admin, all of these, none, and scopes that only resemble registry:admin. */
const ACTORS: readonly (readonly string[])[] = [
  ...LESSER.map((scope) => [scope]),
  LESSER,
  [],
  [
    'registry:*',
    'registry:admins',
    'registry:admin:one',
    'Registry:admin',
    'admin',
    '*',
    'registry',
  ],
]
/** Every scope of the registry, and scopes that would cover one of them. */
const GREATER = [
  ...REGISTRY_SCOPES,
  'registry:*',
  'registry:*:*',
  'registry:admin:*',
  'registry:clients:*',
  'registry:',
  'registry:unheard-of',
]
const UPDATE = { fields: {}, lists: {}, mode: 'authorize' as const, isDisabled: undefined }
const BY_REQUEST = { ...UPDATE, mode: 'request' as const }
const USER_UPDATE = { fields: {}, lists: {}, isDisabled: undefined }

/** Operations that give a client or a user a scope, or withdraw it. */
type Giving = (act: Act, id: string, scope: string) => Promise<unknown>
const GIVING_CLIENTS: readonly [string, Giving][] = [
  [
    'register',
    (act, _, scope) =>
      clients.createClient(act, givenClient({ lists: { scopes: ['a:b', scope] } })),
  ],
  [
    'register as requested',
    (act, _, scope) =>
      clients.createClient(act, givenClient({ mode: 'request', lists: { scopes: [scope] } })),
  ],
  [
    'update',
    (act, id, scope) => clients.updateClient(act, id, { ...UPDATE, lists: { scopes: [scope] } }),
  ],
  [
    'update as requested',
    (act, id, scope) =>
      clients.updateClient(act, id, { ...BY_REQUEST, lists: { scopes: ['a:b', scope] } }),
  ],
  [
    'update with another field',
    (act, id, scope) =>
      clients.updateClient(act, id, {
        ...UPDATE,
        fields: { name: 'N' },
        lists: { scopes: [scope] },
      }),
  ],
  ['authorize', (act, id, scope) => clients.authorizeClient(act, id, { scopes: ['a:b', scope] })],
  ['withdraw', (act, id, scope) => clients.withdrawFromClient(act, id, { scopes: [scope] })],
]
const GIVING_USERS: readonly [string, Giving][] = [
  [
    'register',
    (act, _, scope) => users.createUser(act, givenUser({ lists: { scopes: ['a:b', scope] } })),
  ],
  [
    'update',
    (act, id, scope) => users.updateUser(act, id, { ...USER_UPDATE, lists: { scopes: [scope] } }),
  ],
  ['authorize', (act, id, scope) => users.authorizeUser(act, id, { scopes: ['a:b', scope] })],
  ['withdraw', (act, id, scope) => users.withdrawFromUser(act, id, { scopes: [scope] })],
]

/** Changes of a client or a user with a scope of the registry: each would give the actor this scope, or deny it to the holder. */
type Changing = (act: Act, id: string) => Promise<unknown>
const update =
  (given: Partial<Parameters<typeof clients.updateClient>[2]>): Changing =>
  (act, id) =>
    clients.updateClient(act, id, { ...UPDATE, ...given })
const CHANGING_CLIENTS: readonly [string, Changing][] = [
  ['a new secret', (act, id) => clients.rotateSecret(act, id, 3600)],
  ['a new secret at once', (act, id) => clients.rotateSecret(act, id, 0)],
  ['another redirect URI', update({ lists: { redirectUris: ['https://evil.example/cb'] } })],
  ['no secret', update({ fields: { authMethod: 'none' }, lists: { grantTypes: [] } })],
  ['no proof of possession', update({ fields: { requireDpop: false } })],
  ['another name', update({ fields: { name: 'Evil' } })],
  ['fewer scopes', update({ lists: { scopes: [] } })],
  ['nothing', update({})],
  ['the end of being disabled', update({ isDisabled: false })],
  ['another scope', (act, id) => clients.authorizeClient(act, id, { scopes: ['e:f'] })],
  [
    'one grant type more',
    (act, id) => clients.authorizeClient(act, id, { grantTypes: ['refresh_token'] }),
  ],
  ['one scope less', (act, id) => clients.withdrawFromClient(act, id, { scopes: ['a:b'] })],
  ['being enabled', (act, id) => clients.enableClient(act, id)],
  ['being disabled', (act, id) => clients.disableClient(act, id)],
  ['deletion', (act, id) => clients.deleteClient(act, id)],
]
const CHANGING_USERS: readonly [string, Changing][] = [
  ['a new password', (act, id) => users.setPassword(act, id, 'a long password')],
  [
    'another address',
    (act, id) => users.updateUser(act, id, { ...USER_UPDATE, fields: { email: 'e@vil' } }),
  ],
  [
    'another name',
    (act, id) => users.updateUser(act, id, { ...USER_UPDATE, fields: { username: `evil-${id}` } }),
  ],
  ['nothing', (act, id) => users.updateUser(act, id, USER_UPDATE)],
  [
    'fewer scopes',
    (act, id) => users.updateUser(act, id, { ...USER_UPDATE, lists: { scopes: [] } }),
  ],
  ['another scope', (act, id) => users.authorizeUser(act, id, { scopes: ['e:f'] })],
  ['one scope less', (act, id) => users.withdrawFromUser(act, id, { scopes: ['a:b'] })],
  ['being enabled', (act, id) => enableUser(act, id)],
  ['being disabled', (act, id) => disableUser(act, id)],
  ['deletion', (act, id) => users.deleteUser(act, id)],
]

const clientWith = async (scopes: readonly string[], mode: 'authorize' | 'request' = 'authorize') =>
  (
    await clients.createClient(
      admin(),
      givenClient({ mode, lists: { scopes, redirectUris: ['https://a.example/cb'] } }),
    )
  ).record.clientId
const userWith = async (scopes: readonly string[]) =>
  (await users.createUser(admin(), givenUser({ lists: { scopes } }))).record.userId

/** Every actor without registry:admin is refused, and nothing is written. */
async function expectRefused(run: (act: Act) => Promise<unknown>) {
  const before = await everything()
  for (const scopes of ACTORS) {
    expect([scopes, await refusedAs(run(actBy(scopes)))]).toEqual([scopes, 'forbidden'])
  }
  expect(await everything()).toEqual(before)
}

const nth = (ways: readonly (readonly [string, unknown])[], name: string) =>
  ways.findIndex(([one]) => one === name)

describe('scopes of the registry', () => {
  it.each(GIVING_CLIENTS)(
    'an actor without registry:admin can neither give a client a scope of the registry nor withdraw it: %s',
    async (name, give) => {
      const id = await clientWith(['a:b'])
      for (const scope of sampled(GREATER, 3, nth(GIVING_CLIENTS, name)))
        await expectRefused((act) => give(act, id, scope))
      // Control: other scopes need no registry:admin, and registry:admin may give any.
      expect(await refusedAs(give(actBy(['registry:clients']), id, 'x:y'))).toBeNull()
      expect(await refusedAs(give(admin(), id, 'registry:read'))).toBeNull()
    },
  )

  it.each(GIVING_USERS)(
    'an actor without registry:admin can neither give a user a scope of the registry nor withdraw it: %s',
    async (name, give) => {
      const id = await userWith(['a:b'])
      for (const scope of sampled(GREATER, 3, nth(GIVING_USERS, name)))
        await expectRefused((act) => give(act, id, scope))
      expect(await refusedAs(give(actBy(['registry:users']), id, 'x:y'))).toBeNull()
      expect(await refusedAs(give(admin(), id, 'registry:read'))).toBeNull()
    },
  )

  it.each(CHANGING_CLIENTS)(
    'a change of a client that holds or requests a scope of the registry is refused without registry:admin: %s',
    async (_, change) => {
      const privileged = [
        await clientWith(['a:b', 'registry:read']),
        await clientWith(['registry:admin']),
        await clientWith(['registry:*']),
        await clientWith(['a:b', 'registry:admin'], 'request'),
      ]
      for (const id of privileged) await expectRefused((act) => change(act, id))
      const plain = await clientWith(['a:b'])
      expect(await refusedAs(change(actBy(['registry:clients']), plain))).toBeNull()
      const [one = ''] = privileged
      expect(await refusedAs(change(admin(), one))).toBeNull()
    },
  )

  it.each(CHANGING_USERS)(
    'a change of a user with a scope of the registry is refused without registry:admin: %s',
    async (_, change) => {
      const privileged = [
        await userWith(['a:b', 'registry:read']),
        await userWith(['registry:admin']),
        await userWith(['registry:*']),
      ]
      for (const id of privileged) await expectRefused((act) => change(act, id))
      const plain = await userWith(['a:b'])
      expect(await refusedAs(change(actBy(['registry:users']), plain))).toBeNull()
      const [one = ''] = privileged
      expect(await refusedAs(change(admin(), one))).toBeNull()
    },
  )

  it('a registration with an id that begins with registry- is refused without registry:admin', async () => {
    for (const id of ['registry-operator', 'registry-command-line', 'registry-']) {
      await expectRefused((act) => clients.createClient(act, givenClient({ clientId: id })))
      await expectRefused((act) => users.createUser(act, givenUser({ userId: id })))
    }
    const chosen = `registry-${chosenId()}`
    expect(
      await refusedAs(clients.createClient(admin(), givenClient({ clientId: chosen }))),
    ).toBeNull()
  })

  it('an import of clients is refused without registry:admin, whatever scopes the clients have', async () => {
    const { fields } = givenClient()
    const imported = (scope: string): ImportedClient => ({
      clientId: chosenId(),
      fields,
      redirectUris: [],
      permissions: [{ kind: 'scope', value: scope, requestedAt: 1, authorizedAt: 1 }],
      credentials: [],
      createdAt: 1,
      disabledAt: null,
    })
    for (const scope of [...GREATER, 'a:b']) {
      await expectRefused((act) => importClients(act, [imported(scope)]))
    }
    expect(await refusedAs(importClients(admin(), [imported('registry:read')]))).toBeNull()
  })

  it('a change of a client that gets a scope of the registry between the check and the change is refused', async () => {
    const id = await clientWith(['a:b'])
    const ports = portsOn()
    let isFirst = true
    const find = async (clientId: string) => {
      const found = await ports.clients.find(clientId)
      if (isFirst) await clients.authorizeClient(admin(), clientId, { scopes: ['registry:admin'] })
      isFirst = false
      return found
    }
    const late = actBy(['registry:clients'], { ...ports, clients: { ...ports.clients, find } })
    expect(await refusedAs(clients.rotateSecret(late, id, 0))).toBe('forbidden')
    expect(isFirst).toBe(false)
    const { credentials } = await clients.findClient(admin(), id)
    expect(credentials.map(({ expiresAt }) => expiresAt)).toEqual([null])
  })
})
