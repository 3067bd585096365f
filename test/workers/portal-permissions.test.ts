/**
 * `/clients/{id}/permissions` and `/owners`: the requests of owners, the decisions on them, and the owners of a client.
 */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  authorizeClient,
  disableClient,
  updateClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import { createScope, deleteScope } from '../../src/flows/registration/scopes.ts'
import { formsOf } from '../node/forms.ts'
import { call, documentIn, newAdministrator } from './administration.ts'
import { declareScope } from './approving.ts'
import {
  answerOffer,
  CLIENT,
  filled,
  minted,
  newOwnedClient,
  newOwner,
  type Owner,
  offer,
  ownerWith,
  register,
  share,
} from './portal.ts'
import { admin, auditOf, changeClient, recordOf, refusedAs, statesOf } from './registering.ts'
import { newClient, serve } from './registry.ts'
import { newResource } from './resources.ts'

const MINE = `asked${crypto.randomUUID().slice(0, 8)}`
const [READ, WRITE, FREE] = [`${MINE}:read`, `${MINE}:write`, `${MINE}:free`]

beforeAll(async () => {
  await declareScope(READ, 'Read what you keep')
  await declareScope(WRITE, 'Change what you keep', { sensitive: true })
})

const ask = (owner: Owner, id: string, changed: Record<string, string | string[]>) =>
  owner.submit(`/clients/${id}/permissions`, changed, 'ask')
const takeBack = (owner: Owner, id: string, take: string[]) =>
  owner.submit(`/clients/${id}/permissions`, { take }, 'take_back')

describe('asking for permissions', () => {
  it('a request of an owner is recorded, and the owner sees it authorized, declined and withdrawn with reasons', async () => {
    const { owner, id } = await newOwnedClient()
    await newResource([READ], { name: 'The shelf' })
    const words = await owner.page(`/clients/${id}/permissions`)
    expect(words).toContain('“Read what you keep”')
    expect(words).toContain('are what users read when a client asks them')
    expect(words).not.toContain('“Ask users for access')
    expect(await owner.page(`/clients/${id}/permissions`)).toContain('Permissions for The shelf')
    const answer = await ask(owner, id, {
      scopes: [READ, WRITE],
      grant_types: ['client_credentials'],
      endorsements: 'cs.DL math.*',
    })
    expect(answer.headers.get('Location')).toBe(`/clients/${id}?done=asked`)
    expect((await statesOf(id)).requested.sort()).toEqual(
      [READ, WRITE, 'client_credentials', 'cs.DL', 'math.*'].sort(),
    )
    expect((await statesOf(id)).authorized).not.toContain(READ)
    expect(await owner.page(`/clients/${id}`)).toMatch(/requested<\/strong><code>asked[^<]*:read/)

    await authorizeClient(admin(), id, { scopes: [READ] })
    const reason = 'A reading list <b>does not</b> write.'
    await withdrawFromClient(admin(), id, { scopes: [WRITE], reason })
    const shown = await owner.page(`/clients/${id}`)
    expect(shown).toMatch(/authorized<\/strong><code>asked[^<]*:read/)
    expect(shown).toMatch(/declined<\/strong><code>asked[^<]*:write/)
    expect(shown).toContain('A reading list &lt;b&gt;does not&lt;/b&gt; write.')
    expect(shown).toContain('Change what you keep')

    await withdrawFromClient(admin(), id, { scopes: [READ], reason: 'The shelf is closed.' })
    expect(await owner.page(`/clients/${id}`)).toMatch(/withdrawn<\/strong><code>asked[^<]*:read/)
    expect((await statesOf(id)).decided.sort()).toEqual(
      [
        [READ, 'withdrawn', 'The shelf is closed.'],
        [WRITE, 'declined', reason],
      ].sort(),
    )
    await ask(owner, id, { scopes: [WRITE] })
    expect(await owner.page(`/clients/${id}`)).toMatch(/before that[^<]*declined/)
    await authorizeClient(admin(), id, { scopes: [WRITE] })
    expect((await statesOf(id)).authorized).toContain(WRITE)
  })

  it('a requested scope that the catalogue gives to every client is authorized at once', async () => {
    const { owner, id } = await newOwnedClient()
    await createScope(admin(), {
      name: FREE,
      sentence: 'Read what is free',
      selfRegistered: true,
      sensitive: false,
    })
    expect(await owner.page(`/clients/${id}/permissions`)).toContain('No approval needed')
    await ask(owner, id, { scopes: [FREE, READ], other_scopes: `${FREE}:17 ${READ}:17` })
    const states = await statesOf(id)
    expect(states.authorized).toContain(FREE)
    expect(states.requested.sort()).toEqual([READ, `${READ}:17`, `${FREE}:17`].sort())
    expect(await auditOf('client_id', id)).toEqual(['client.create', 'client.request'])
  })

  it.each([
    ['nothing', {}, 'Choose at least one.'],
    ['a scope that is not declared', { other_scopes: 'unknown:read' }, 'There is no scope'],
    [
      'a scope of the registry itself',
      { scopes: ['registry:admin'] },
      'which an administrator gives',
    ],
    [
      'a scope with an id of the registry',
      { other_scopes: 'registry:read:1' },
      'an administrator gives',
    ],
    ['a malformed scope', { other_scopes: 'a"b' }, 'is not a scope'],
    ['an unknown grant type', { grant_types: ['password'] }, 'unknown grant type'],
    ['a malformed endorsement', { endorsements: 'cs.DL *' }, 'write *.* for every category'],
  ])(
    'a request for %s is refused beside the field, and keeps what was typed',
    async (_, changed, why) => {
      const { owner, id } = await newOwnedClient()
      const before = await recordOf(id)
      const typed = { other_scopes: '', endorsements: '', ...changed }
      const answer = await ask(owner, id, typed)
      expect(answer.status).toBe(400)
      const page = await answer.text()
      expect(page.toLowerCase()).toContain(why.toLowerCase().replaceAll('"', '&quot;'))
      if (typed.endorsements) expect(page).toContain(`value="${typed.endorsements}"`)
      expect((await recordOf(id)).version).toBe(before.version)
    },
  )

  it('a public client cannot request client_credentials', async () => {
    const { owner, id } = await newOwnedClient({ kind: 'browser' })
    expect(await owner.page(`/clients/${id}/permissions`)).not.toContain(
      'value="client_credentials"',
    )
    const answer = await ask(owner, id, { grant_types: ['client_credentials'] })
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('needs a client that keeps a secret'),
    ])
  })

  it('a client has at most 100 open requests', async () => {
    const { owner, id } = await newOwnedClient()
    const many = Array.from({ length: 60 }, (_, n) => `${READ}:${n}`).join(' ')
    expect((await ask(owner, id, { other_scopes: many })).status).toBe(303)
    const more = Array.from({ length: 60 }, (_, n) => `${WRITE}:${n}`).join(' ')
    const answer = await ask(owner, id, { other_scopes: more })
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('At most 100 requests can wait for approval.'),
    ])
  })
})

describe('taking back', () => {
  it('an owner takes back an authorized permission, which is recorded, and a requested one, which is not', async () => {
    const { owner, id } = await newOwnedClient()
    await authorizeClient(admin(), id, { scopes: [READ] })
    await ask(owner, id, { scopes: [WRITE] })
    const take = [`scope ${READ}`, `scope ${WRITE}`, 'scope not:held']
    expect((await takeBack(owner, id, take)).headers.get('Location')).toContain('done=taken_back')
    const states = await statesOf(id)
    expect(states.decided).toEqual([[READ, 'taken_back', '']])
    expect([...states.authorized, ...states.requested]).not.toContain(READ)
    expect([...states.authorized, ...states.requested]).not.toContain(WRITE)
    expect(await owner.page(`/clients/${id}`)).toMatch(/taken back<\/strong><code>asked[^<]*:read/)
    expect((await takeBack(owner, id, [])).status).toBe(400)
  })
})

describe('owners', () => {
  it('an owner offers a client to a user, who manages it after accepting, and leaves it', async () => {
    const [ada, bea] = [await newOwner(), await newOwner()]
    const { id } = await register(ada)
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
    const owner = bea.user.username.toUpperCase()
    expect((await offer(ada, id, owner)).status).toBe(303)
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
    expect((await answerOffer(bea, id, 'accept')).headers.get('Location')).toBe(
      `/clients/${id}?done=accepted`,
    )
    expect(await bea.page('/clients')).toContain(`/clients/${id}`)
    expect((await bea.submit(`/clients/${id}/edit`, { name: 'By Bea' })).status).toBe(303)
    expect((await recordOf(id)).name).toBe('By Bea')
    expect(await bea.page(`/clients/${id}/owners`)).not.toContain('Remove <bdi>')
    const left = await bea.submit(`/clients/${id}/leave`)
    expect(left.headers.get('Location')).toBe('/clients?done=left')
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
    expect(await recordOf(id)).toMatchObject({ ownerId: ada.user.id, furtherOwners: [] })
  })

  it('the user who accepted first succeeds a first owner who leaves, and the last owner cannot leave', async () => {
    const [ada, bea, cy] = [await newOwner(), await newOwner(), await newOwner()]
    const { id } = await register(ada)
    for (const user of [bea, cy]) await share(ada, id, user)
    await env.DB.prepare('UPDATE client_owner SET added_at = 1 WHERE user_id = ?1')
      .bind(cy.user.id)
      .run()
    const successor = (name: string) => `<bdi>${name}</bdi></strong> becomes the first owner`
    expect(await ada.page(`/clients/${id}/leave`)).toContain(successor(cy.user.username))
    expect(await bea.page(`/clients/${id}/leave`)).not.toContain('becomes the first owner')
    expect(await bea.page(`/clients/${id}/owners`)).toContain(`/clients/${id}/leave`)
    await ada.submit(`/clients/${id}/leave`)
    expect(await recordOf(id)).toMatchObject({ ownerId: cy.user.id, furtherOwners: [bea.user.id] })
    await bea.submit(`/clients/${id}/leave`)
    expect(await cy.page(`/clients/${id}/owners`)).not.toContain(`/clients/${id}/leave`)
    const alone = await cy.page(`/clients/${id}/leave`)
    expect(alone).toContain('You are its only owner, so you cannot leave it.')
    expect(formsOf(alone, `/clients/${id}/leave`)).toEqual([])
    const { version } = await recordOf(id)
    const answer = await cy.send(`/clients/${id}/leave`, await minted(cy, 'leave', id, version))
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('The last owner cannot leave'),
    ])
    expect((await recordOf(id)).ownerId).toBe(cy.user.id)
  })

  it('no user gets more clients than CLIENTS_PER_USER when other owners leave', async () => {
    const fetch = serve({ CLIENTS_PER_USER: '1' })
    const limited = async () => {
      const { user, cookie } = await newOwner()
      return ownerWith(user, cookie, fetch)
    }
    const [ada, bea] = [await limited(), await limited()]
    const { id } = await register(ada)
    await register(bea)
    await share(ada, id, bea)
    const answer = await ada.submit(`/clients/${id}/leave`)
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('as many clients as a user may have'),
    ])
    expect((await recordOf(id)).ownerId).toBe(ada.user.id)
  })

  it('no user gets more clients than CLIENTS_PER_USER when owners leave while the user registers', async () => {
    const fetch = serve({ CLIENTS_PER_USER: '3' })
    const limited = async () => {
      const { user, cookie } = await newOwner()
      return ownerWith(user, cookie, fetch)
    }
    const [ada, bea] = [await limited(), await limited()]
    const ids = await Promise.all([1, 2, 3].map(async () => (await register(ada)).id))
    for (const id of ids) {
      await share(ada, id, bea)
    }
    const registering = await bea.form('/new-client')
    const answers = await Promise.all([
      ...ids.map((id) => ada.submit(`/clients/${id}/leave`)),
      bea.send('/new-client', filled(registering, CLIENT)),
      bea.submit('/new-client', CLIENT),
    ])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 409)).toHaveLength(2)
    const { count } = (await env.DB.prepare(
      'SELECT count(*) AS count FROM client WHERE owner_id = ?1',
    )
      .bind(bea.user.id)
      .first<{ count: number }>()) ?? { count: 0 }
    expect(count).toBe(3)
  })

  it('the first owner can remove another owner, and a further owner cannot', async () => {
    const [ada, bea, cy] = [await newOwner(), await newOwner(), await newOwner()]
    const { id } = await register(ada)
    for (const user of [bea, cy]) await share(ada, id, user)
    const path = `/clients/${id}/owners`
    const { version } = await recordOf(id)
    for (const user of [cy.user.id, ada.user.id]) {
      const forged = await bea.send(path, [
        ['act', 'remove_owner'],
        ['user', user],
        ...(await minted(bea, 'remove_owner', id, version)),
      ])
      expect([forged.status, await forged.text()]).toEqual([
        403,
        expect.stringContaining('Only the first owner removes another owner.'),
      ])
    }
    const { furtherOwners } = await recordOf(id)
    expect([...furtherOwners].sort()).toEqual([bea.user.id, cy.user.id].sort())
    const answer = await ada.submit(path, { user: bea.user.id }, 'remove_owner')
    expect(answer.status).toBe(303)
    expect((await recordOf(id)).furtherOwners).toEqual([cy.user.id])
  })

  it.each([
    ['a name that no user has', 'no-such-user', 'no user is known by the name'],
    ['nobody', ' ', 'must not be empty'],
  ])('an offer to %s is refused beside the field', async (_, owner, why) => {
    const { owner: ada, id } = await newOwnedClient()
    const answer = await offer(ada, id, owner)
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringMatching(new RegExp(why, 'i')),
    ])
    expect((await recordOf(id)).furtherOwners).toEqual([])
  })

  it('a client cannot be offered to its owner, and has at most 21 owners', async () => {
    const { owner: ada, id } = await newOwnedClient()
    const again = await offer(ada, id, ada.user.username)
    expect(again.status).toBe(409)
    const furtherOwners = Array.from({ length: 20 }, (_, n) => `someone-${n}`)
    await changeClient(id, { lists: { furtherOwners } })
    const { user } = await newOwner()
    expect((await offer(ada, id, user.username)).status).toBe(409)
  })

  it('a self-registered client has no owner, not even a user without an id', async () => {
    const { id } = await newClient({ ownerId: '' })
    const owner = await newOwner()
    expect((await owner.get(`/clients/${id}`)).status).toBe(404)
    expect(await owner.page('/clients')).not.toContain(id)
    const { portalReader } = await import('../../src/stores/portal.ts')
    const session = { user: null, client: null, audience: [], start_time: '' } as never
    const visitor = { key: 'k' as never, session, userId: '' }
    expect((await portalReader(env.DB).client(visitor, id)).found).toBe(null)
    expect((await portalReader(env.DB).list(visitor, 50, 0)).found.clients).toEqual([])
  })
})

describe('owners and permissions over the management API', () => {
  it('the management API shows and changes owners, and declines and withdraws with a reason that the owner sees', async () => {
    const operator = await newAdministrator('registry:clients')
    const [ada, bea] = [await newOwner(), await newOwner()]
    const { id } = await register(ada)
    await ask(ada, id, { scopes: [READ] })
    const changed = await documentIn(
      await call(operator, `PATCH /clients/${id}`, {
        body: { further_owners: [bea.user.id] },
        ifMatch: '*',
      }),
    )
    expect(changed).toMatchObject({ owner_id: ada.user.id, further_owners: [bea.user.id] })
    expect(await bea.page('/clients')).toContain(`/clients/${id}`)
    const declined = await documentIn(
      await call(operator, `POST /clients/${id}/permissions`, {
        body: { withdraw: { scopes: [READ] }, reason: 'Not now.' },
        ifMatch: '*',
      }),
    )
    expect(declined).toMatchObject({
      requested_scopes: [],
      decisions: [{ kind: 'scope', value: READ, decision: 'declined', reason: 'Not now.' }],
    })
    expect(await ada.page(`/clients/${id}`)).toContain('Not now.')
    const wrong = await call(operator, `POST /clients/${id}/permissions`, {
      body: { authorize: { scopes: [READ] }, reason: 'Because.' },
      ifMatch: '*',
    })
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      expect.objectContaining({ field: 'reason' }),
    ])
  })

  it('an update that replaces the list of permissions records a decision for each removed one', async () => {
    const { owner, id } = await newOwnedClient()
    await authorizeClient(admin(), id, { scopes: [READ] })
    await ask(owner, id, { scopes: [WRITE] })
    const replace = (mode: 'authorize' | 'request') =>
      changeClient(id, { lists: { scopes: [] }, mode })
    await replace('authorize')
    await replace('request')
    expect((await statesOf(id)).decided.sort()).toEqual(
      expect.arrayContaining([
        [READ, 'withdrawn', ''],
        [WRITE, 'declined', ''],
      ]),
    )
  })

  it('the deletion of a scope records a decision for every client that held or requested it', async () => {
    const { owner, id } = await newOwnedClient()
    const name = `${MINE}:gone`
    await createScope(admin(), { name, sentence: 'Go', selfRegistered: false, sensitive: false })
    await authorizeClient(admin(), id, { scopes: [name] })
    await ask(owner, id, { other_scopes: `${name}:1` })
    await deleteScope(admin(), name, true)
    const { decided, requested } = await statesOf(id)
    expect(requested).toEqual([])
    expect(decided.sort()).toEqual([
      [name, 'withdrawn', 'The scope no longer exists.'],
      [`${name}:1`, 'declined', 'The scope no longer exists.'],
    ])
    expect(await owner.page(`/clients/${id}`)).toContain('The scope no longer exists.')
  })

  it('an owner cannot authorize, withdraw or update as an administrator does, nor disable another client', async () => {
    const { ownerActor } = await import('../../src/flows/registration/own-clients.ts')
    const { owner, id } = await newOwnedClient()
    const other = await newClient()
    const act = { ...admin(), actor: ownerActor(owner.user.id) }
    const change = { fields: { mayIntrospect: true }, lists: {}, mode: 'authorize' as const }
    expect(await refusedAs(authorizeClient(act, id, { scopes: [READ] }))).toBe('forbidden')
    expect(await refusedAs(withdrawFromClient(act, id, { scopes: [READ] }))).toBe('forbidden')
    const given = { ...change, isDisabled: undefined }
    expect(await refusedAs(updateClient(act, id, given))).toBe('forbidden')
    expect(await refusedAs(disableClient(act, other.id))).toBe('not_found')
    expect(await refusedAs(disableClient(act, id))).toBe(null)
  })
})
