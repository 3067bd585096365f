/** `/clients/{id}/history`: the events of a client, in words, for its owners. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import {
  authorizeClient,
  createClient,
  deleteClient,
  disableClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import { newOwnedClient, newOwner, type Owner, register, share } from './portal.ts'
import { actBy, admin, changeClient, givenClient } from './registering.ts'
import { newClient } from './registry.ts'

const textOf = (html: string) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '')
    .replace(/\s+/g, ' ')
    .trim()

/** Newest first. */
const historyOf = async (owner: Owner, id: string, query = '') => {
  const page = await owner.page(`/clients/${id}/history${query}`)
  const [, list = ''] = /<ul class="listed history">(.*?)<\/ul>/s.exec(page) ?? []
  return (list.match(/<li>.*?<\/li>/gs) ?? []).map(textOf)
}

const nameOf = ({ user }: Owner) => user.username

describe('the history of a client', () => {
  it('the history tells owners in words what owners, approvers and operators did, with the changes and the reasons', async () => {
    const [ada, bea] = [await newOwner(), await newOwner()]
    const { id } = await register(ada)
    const at = (page: string) => `/clients/${id}/${page}`
    await share(ada, id, bea)
    await bea.submit(at('edit'), { name: 'Renamed' })
    await ada.submit(at('secrets'), { overlap: '3600' })
    await ada.submit(at('secrets'), { overlap: '0' })
    await ada.submit(at('permissions'), { grant_types: 'client_credentials' }, 'ask')
    await withdrawFromClient(admin(), id, {
      grantTypes: ['client_credentials'],
      reason: 'Not <b>needed</b>.',
    })
    await authorizeClient(admin(), id, { endorsements: ['cs.DL'] })
    await bea.submit(at('permissions'), { take: 'endorsement cs.DL' }, 'take_back')
    await ada.submit(at('disable'))
    await ada.submit(at('enable'))
    await disableClient(admin(), id)
    expect(await historyOf(ada, id)).toEqual([
      'An operator disabled it',
      'You enabled it',
      'You disabled it',
      `${nameOf(bea)} took back cs.DL`,
      'An operator approved cs.DL',
      'An operator declined client_credentials Not &lt;b&gt;needed&lt;/b&gt;.',
      'You asked for client_credentials',
      'You gave it a new secret, and ended older ones',
      'You gave it a new secret; older ones stay good for 1 hour',
      `${nameOf(bea)} changed its name Renamed`,
      `${nameOf(bea)} accepted to own it`,
      `You offered it to ${nameOf(bea)}`,
      expect.stringMatching(/^You registered it/),
    ])
    expect((await historyOf(bea, id))[3]).toBe('You took back cs.DL')
    expect(await ada.page(`/clients/${id}`)).toContain(at('history'))
  })

  it('the history does not name approvers, operators or their programs', async () => {
    const [ada, approver] = [await newOwner(), await newOwner()]
    const { id } = await register(ada)
    const acts = [
      { ...admin(), actor: { name: `user:${approver.user.id}`, scopes: ['registry:admin'] } },
      {
        ...admin(),
        actor: { name: `client:some-program user:${approver.user.id}`, scopes: ['registry:admin'] },
      },
      { ...actBy(['registry:admin']), actor: { name: 'a-program', scopes: ['registry:admin'] } },
    ]
    for (const [n, act] of acts.entries()) {
      await authorizeClient(act, id, { endorsements: [`cs.A${'ABC'[n]}`] })
    }
    const page = await ada.page(`/clients/${id}/history`)
    expect((await historyOf(ada, id)).slice(0, 3)).toEqual([
      'An operator approved cs.AC',
      'An operator approved cs.AB',
      'An approver approved cs.AA',
    ])
    for (const secret of [approver.user.username, approver.user.id, 'some-program', 'a-program']) {
      expect(page).not.toContain(secret)
    }
  })

  it('the history omits consents of users, events of other clients, and events before the id was deleted', async () => {
    const [ada, bea] = [await newOwner(), await newOwner()]
    const id = crypto.randomUUID()
    const made = (owner: Owner, name: string) => {
      const { fields, ...given } = givenClient()
      const own = { ...fields, name, ownerId: owner.user.id }
      return createClient(admin(), { ...given, clientId: id, fields: own })
    }
    await made(ada, 'Before')
    await changeClient(id, { fields: { name: 'Secret plan' } })
    await deleteClient(admin(), id)
    await made(bea, 'After')
    const other = await newClient({ ownerId: ada.user.id })
    await changeClient(other.id, { fields: { name: 'Another' } })
    await env.DB.prepare(
      `INSERT INTO audit (happened_at, actor, event, client_id, user_id, detail)
       VALUES (1, 'user:a-user', 'consent.grant', ?1, 'a-user', '{"scopes":["secret:read"]}')`,
    )
      .bind(id)
      .run()
    const entries = await historyOf(bea, id)
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatch(/^An operator registered it/)
    expect((await ada.get(`/clients/${id}/history`)).status).toBe(404)
  })

  it('a long history has 50 entries a page, each once', async () => {
    const { owner: ada, id } = await newOwnedClient()
    await env.DB.batch(
      Array.from({ length: 120 }, (_, n) =>
        env.DB.prepare(
          `INSERT INTO audit (happened_at, actor, event, client_id, detail)
           VALUES (unixepoch(), ?1, 'client.update', ?2, ?3)`,
        ).bind(`user:${ada.user.id}`, id, JSON.stringify({ name: `Name ${n}` })),
      ),
    )
    const pages = [await historyOf(ada, id), await historyOf(ada, id, '?page=2')]
    pages.push(await historyOf(ada, id, '?page=3'))
    expect(pages.map(({ length }) => length)).toEqual([50, 50, 21])
    expect(new Set(pages.flat()).size).toBe(121)
    expect(await ada.page(`/clients/${id}/history?page=2`)).toMatch(/page=1">Newer.*page=3">Older/)
    expect(await historyOf(ada, id, '?page=4')).toEqual([])
    expect(await historyOf(ada, id, '?page=-1')).toEqual(pages[0])
  })
})
