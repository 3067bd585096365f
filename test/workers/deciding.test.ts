/** Who may decide on permission requests: the same rules for the portal, the management API and the command line. */

import { beforeAll, describe, expect, it } from 'vitest'
import { changedSinceApproval } from '../../src/domain/client-approval.ts'
import {
  authorizeClient,
  createClient,
  updateClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import { ownerActor } from '../../src/flows/registration/own-clients.ts'
import { call, documentIn, itemsOf } from './administration.ts'
import { newWaitingClient } from './approving.ts'
import { tokensIn } from './obtaining.ts'
import {
  actBy,
  admin,
  changeClient,
  givenClient,
  NO_CHANGE,
  portsOn,
  recordOf,
  refusedAs,
} from './registering.ts'
import {
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  requestOf,
  signIn,
  type TestUser,
  withChallenge,
} from './registry.ts'

const UPDATE = { ...NO_CHANGE, mode: 'authorize' as const }

/** A person who signed in at a program, and an access token with these scopes. */
async function signedIn(...scopes: string[]): Promise<TestUser & { token: string }> {
  const user = await newUser({ scopes, endorsements: [] })
  const client = await newClient({ scopes, endorsements: [], grantTypes: ['authorization_code'] })
  const request = requestOf(client, { ...withChallenge, scope: scopes.join(' ') })
  const code = await obtainCode(await signIn(user), request)
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return { ...user, token: (await tokensIn(await post('/token', redemption))).access }
}

const actOfPerson = (userId: string, ...scopes: string[]) => ({
  actor: { name: `client:tests user:${userId}`, scopes, userId },
  now: nowSeconds(),
  ports: portsOn(),
})

const permissionsAt = (id: string) => `POST /clients/${id}/permissions` as const
const requested = { scopes: ['a:b', 'c:d'], grantTypes: ['client_credentials'] as const }
const waiting = (ownerId = 'o') =>
  newWaitingClient({ fields: { ownerId }, lists: { ...requested, endorsements: ['cs.*'] } })

let ada: Awaited<ReturnType<typeof signedIn>>
let operator: Awaited<ReturnType<typeof signedIn>>
beforeAll(async () => {
  ada = await signedIn('registry:approve')
  operator = await signedIn('registry:clients')
})

describe('an approver at the management API', () => {
  it('a person with registry:approve reads the queue and a client, authorizes one requested permission and declines another', async () => {
    const { clientId } = await waiting()
    const { items } = await documentIn<{ items: { client_id: string }[] }>(
      await call(ada, 'GET /clients?has_requests=true'),
    )
    expect(items.map(({ client_id }) => client_id)).toContain(clientId)
    const answer = await call(ada, permissionsAt(clientId), {
      body: { authorize: { scopes: ['a:b'], endorsements: ['cs.*'] } },
      ifMatch: '*',
    })
    expect(await documentIn(answer)).toMatchObject({
      scopes: ['a:b'],
      endorsements: ['cs.*'],
      requested_scopes: ['c:d'],
      approved_at: expect.any(String),
      changed_since_approval: [],
    })
    const declined = await call(ada, permissionsAt(clientId), {
      body: { withdraw: { scopes: ['c:d'] }, reason: 'No.' },
      ifMatch: '*',
    })
    expect(await documentIn(declined)).toMatchObject({
      requested_scopes: [],
      decisions: [{ value: 'c:d', decision: 'declined', reason: 'No.' }],
    })
  })

  it.each([
    ['an authorization of a scope that is not requested', { authorize: { scopes: ['x:y'] } }, 409],
    [
      'an authorization of a requested scope and another one',
      { authorize: { scopes: ['a:b', 'x:y'] } },
      409,
    ],
    ['a withdrawal of an authorized scope', { withdraw: { scopes: ['held:one'] } }, 409],
    ['an authorization of a registry: scope', { authorize: { scopes: ['registry:read'] } }, 403],
    ['a withdrawal of a registry: scope', { withdraw: { scopes: ['registry:read'] } }, 403],
  ])(
    'a person with only registry:approve is refused %s, and nothing changes',
    async (_, body, status) => {
      const { clientId } = await waiting()
      await authorizeClient(admin(), clientId, { scopes: ['held:one'] })
      const before = await recordOf(clientId)
      const answer = await call(ada, permissionsAt(clientId), { body, ifMatch: '*' })
      expect(answer.status).toBe(status)
      expect(await recordOf(clientId)).toMatchObject({
        version: before.version,
        permissions: before.permissions,
      })
    },
  )

  it('a program with only registry:approve cannot decide, and one with registry:clients can', async () => {
    const { clientId } = await waiting()
    for (const decide of [
      authorizeClient(actBy(['registry:approve']), clientId, { scopes: ['a:b'] }),
      withdrawFromClient(actBy(['registry:approve']), clientId, { scopes: ['a:b'] }),
    ]) {
      expect(await refusedAs(decide)).toBe('forbidden')
    }
    const both = actBy(['registry:approve', 'registry:clients'])
    expect(await refusedAs(authorizeClient(both, clientId, { scopes: ['x:y'] }))).toBeNull()
  })

  it('a person with registry:approve can change nothing but permissions', async () => {
    const { clientId } = await waiting()
    for (const what of [`PATCH /clients/${clientId}`, `DELETE /clients/${clientId}`] as const) {
      const body = what.startsWith('PATCH') ? { name: 'Taken' } : undefined
      expect((await call(ada, what, { body, ifMatch: '*' })).status).toBe(403)
    }
    const body = { name: 'New', owner_id: 'o', scopes: ['a:b'] }
    expect((await call(ada, 'POST /clients', { body })).status).toBe(403)
    expect((await call(ada, 'GET /users')).status).toBe(403)
    expect((await call(ada, 'GET /audit')).status).toBe(403)
  })

  it('of two simultaneous decisions on one version one takes effect, and the other is refused with 412', async () => {
    const { clientId, version } = await waiting()
    const answers = await Promise.all(
      [{ authorize: { scopes: ['a:b'] } }, { withdraw: { scopes: ['a:b'] } }].map((body) =>
        call(ada, permissionsAt(clientId), { body, ifMatch: `"v${version}"` }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412])
  })
})

describe('a client of the deciding person', () => {
  it.each([
    ['the first owner', (id: string) => ({ ownerId: id, furtherOwners: [] as string[] })],
    ['a further owner', (id: string) => ({ ownerId: 'o', furtherOwners: ['p', id] })],
  ])(
    'a person who is %s of a client cannot authorize anything for it, with any scope and any verb',
    async (_, ownersWith) => {
      for (const scopes of [['registry:approve'], ['registry:clients'], ['registry:admin']]) {
        const { id } = await newUser()
        const { ownerId, furtherOwners } = ownersWith(id)
        const { clientId } = await newWaitingClient({
          fields: { ownerId },
          lists: { ...requested, redirectUris: ['https://a.example/'], furtherOwners },
        })
        const act = actOfPerson(id, ...scopes)
        const given = { scopes: ['a:b'] }
        expect(await refusedAs(authorizeClient(act, clientId, given))).toBe('forbidden')
        if (!scopes.includes('registry:approve')) {
          const update = { ...UPDATE, lists: given }
          expect(await refusedAs(updateClient(act, clientId, update))).toBe('forbidden')
          const alsoMoved = { ...update, fields: { ownerId: 'somebody' } }
          expect(await refusedAs(updateClient(act, clientId, alsoMoved))).toBe('forbidden')
          const renamed = { ...UPDATE, fields: { name: 'Renamed' } }
          expect(await refusedAs(updateClient(act, clientId, renamed))).toBeNull()
        }
        expect((await recordOf(clientId)).scopes).toEqual([])
        const other = actOfPerson('another', ...scopes)
        expect(await refusedAs(authorizeClient(other, clientId, given))).toBeNull()
      }
    },
  )

  it('a signed-in operator can narrow or keep the permissions of a client that they own', async () => {
    const { clientId } = await waiting(operator.id)
    await authorizeClient(admin(), clientId, { scopes: ['a:b', 'c:d'] })
    for (const body of [{ scopes: ['a:b', 'c:d'] }, { scopes: ['a:b'] }]) {
      const answer = await call(operator, `PATCH /clients/${clientId}`, { body, ifMatch: '*' })
      expect(await documentIn(answer)).toMatchObject(body)
    }
    const more = { scopes: ['a:b', 'c:d'] }
    const widened = await call(operator, `PATCH /clients/${clientId}`, { body: more, ifMatch: '*' })
    expect(widened.status).toBe(403)
    const body = { withdraw: { scopes: ['a:b'] } }
    expect((await call(operator, permissionsAt(clientId), { body, ifMatch: '*' })).status).toBe(200)
  })

  it('the management API refuses a decision by an owner of the client and says that another person decides', async () => {
    const { clientId } = await waiting(ada.id)
    for (const body of [{ authorize: { scopes: ['a:b'] } }, { withdraw: { scopes: ['a:b'] } }]) {
      const answer = await call(ada, permissionsAt(clientId), { body, ifMatch: '*' })
      expect(await documentIn(answer, 403)).toMatchObject({
        detail: expect.stringContaining('another person decides'),
      })
    }
  })

  it('an owner who is not an approver cannot decide, not even on clients of others', async () => {
    const { clientId } = await waiting('owner-1')
    for (const userId of ['owner-1', 'owner-2']) {
      const act = { ...admin(), actor: ownerActor(userId) }
      expect(await refusedAs(authorizeClient(act, clientId, { scopes: ['a:b'] }))).toBe('forbidden')
    }
  })
})

describe('the queue of the management API', () => {
  it('the queue of the management API lists clients by their oldest request, page by page, and can be filtered', async () => {
    const name = `Queue ${crypto.randomUUID()}`
    const ids: string[] = []
    for (const requestedAt of [300, 100, 200, 100]) {
      const lists = { scopes: ['a:b'], grantTypes: [] }
      const act = { ...admin(), now: requestedAt }
      const given = givenClient({ mode: 'request', fields: { name }, lists })
      const { record } = await createClient(act, given)
      // A later request does not move the client.
      await changeClient(record.clientId, {
        mode: 'request',
        lists: { scopes: ['a:b', 'later:one'] },
      })
      ids.push(record.clientId)
    }
    const [third = '', one = '', second = '', two = ''] = ids
    const named = `/clients?has_requests=true&name=${encodeURIComponent(name)}` as const
    const seen = await itemsOf<{ client_id: string }>(ada, `${named}&limit=1`)
    expect(seen.map(({ client_id }) => client_id)).toEqual([
      ...[one, two].toSorted(),
      second,
      third,
    ])
    await authorizeClient(admin(), one, { scopes: ['a:b', 'later:one'] })
    const left = await documentIn<{ items: { client_id: string }[] }>(
      await call(ada, `GET ${named}`),
    )
    expect(left.items.map(({ client_id }) => client_id)).toEqual([two, second, third])
    const behind = await documentIn<{ items: { client_id: string }[] }>(
      await call(ada, `GET ${named}&after=${second}`),
    )
    expect(behind.items.map(({ client_id }) => client_id)).toEqual([third])
    // A client without open requests leaves the queue.
    expect((await call(ada, `GET ${named}&after=${one}`)).status).toBe(400)
  })

  it.each(['a', '1', '[1]', '["a","b"]', '[1,"a"', '[1,"a","b"]', '[1e999,"a"]', '[1,"a"] '])(
    'the cursor %j of the queue is refused with 400 that names the parameter',
    async (after) => {
      const answer = await call(
        ada,
        `GET /clients?has_requests=true&after=${encodeURIComponent(after)}`,
      )
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain('after must be next of the page before')
    },
  )
})

describe('what has changed since the last approval', () => {
  it("each change of a client's own fields and of its owners since the approval is listed, and another approval clears the list", async () => {
    const { clientId } = await waiting()
    await authorizeClient(admin(), clientId, { scopes: ['a:b'] })
    const changes = {
      fields: { name: 'Other', url: 'https://o.example/', logoUri: 'https://o.example/l.png' },
      lists: { redirectUris: ['https://o.example/cb'], furtherOwners: ['p'] },
    }
    await changeClient(clientId, changes)
    const changed = await recordOf(clientId)
    expect(changedSinceApproval(changed)).toEqual([
      ...['name', 'url', 'logoUri', 'redirectUris', 'furtherOwners'],
    ])
    expect(changed.scopes).toEqual(['a:b'])
    await authorizeClient(admin(), clientId, { scopes: ['c:d'] })
    expect(changedSinceApproval(await recordOf(clientId))).toEqual([])
  })

  it('no change is listed for a client that no decision gave a permission', async () => {
    const { clientId } = await waiting()
    expect((await recordOf(clientId)).approval).toBeNull()
    await withdrawFromClient(admin(), clientId, { scopes: ['a:b'] })
    expect(changedSinceApproval(await recordOf(clientId))).toBeNull()
  })
})
