/**
 * An owner offers a client to a user. Before accepting, the user has no right to the client and cannot become the first
 * owner.
 */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { KEEP_OFFERS_SECONDS } from '../../src/domain/client.ts'
import {
  authorizeClient,
  deleteClient,
  disableClient,
} from '../../src/flows/registration/clients.ts'
import { createUser, deleteUser } from '../../src/flows/registration/users.ts'
import { PORTAL_PAGES } from '../../src/management/portal/portal-pages.ts'
import { formsOf, type Pair } from '../node/forms.ts'
import { approvalPath, decide, newApprover, newRequest } from './approving.ts'
import {
  answerOffer,
  minted,
  newOwner,
  type Owner,
  offer,
  offerForm,
  register,
  share,
} from './portal.ts'
import { admin, changeClient, recordOf } from './registering.ts'

const rowsOf = async (id: string) =>
  (await env.DB.prepare('SELECT * FROM client_owner_offer WHERE client_id = ?1').bind(id).all())
    .results

/** A client of a new owner, which was offered to another user. */
async function offered(changed: Parameters<typeof register>[1] = {}) {
  const [ada, bea] = [await newOwner(), await newOwner()]
  const { id } = await register(ada, changed)
  expect((await offer(ada, id, bea.user.username)).status).toBe(303)
  return { ada, bea, id }
}

const fieldsFor = async (user: Owner, id: string, act: 'accept' | 'decline'): Promise<Pair[]> => [
  ...((await offerForm(user, id)) ?? []),
  ['act', act],
]

const forged = async (user: Owner, id: string, act: 'accept' | 'decline') => {
  const { version } = await recordOf(id)
  const fields = [
    ...(await minted(user, 'answer_offer', id, version)),
    ['client', id],
    ['act', act],
  ]
  return user.send('/clients', fields as Pair[])
}

const ownersOf = async (id: string) => {
  const { ownerId, furtherOwners } = await recordOf(id)
  return [ownerId, ...furtherOwners]
}

describe('an offer', () => {
  it('the portal shows a user who offers which client, with markup and text directions as plain text', async () => {
    const name = '<b>Bank</b>\u202e"'
    const { ada, bea, id } = await offered({ name: '<b>Bank</b>"' })
    const page = await bea.page('/clients')
    expect(page).toContain('<bdi>&lt;b&gt;Bank&lt;/b&gt;&quot;</bdi>')
    expect(page).not.toContain('<b>Bank')
    expect(page).toContain(`<code>${id}</code>, offered by <bdi>${ada.user.username}</bdi>`)
    await env.DB.prepare('UPDATE client SET name = ?2 WHERE client_id = ?1').bind(id, name).run()
    expect(await bea.page('/clients')).toContain('<bdi>&lt;b&gt;Bank&lt;/b&gt;\u202e&quot;</bdi>')
    expect(await (await newOwner()).page('/clients')).not.toContain(id)
  })

  it('before a user accepts an offer, every page and form of the client answers as for other users', async () => {
    const { ada, bea, id } = await offered()
    const { version } = await recordOf(id)
    const paths = PORTAL_PAGES.map(({ path }) => path).filter((path) => path.includes('/clients/:'))
    const stranger = await newOwner()
    for (const path of paths) {
      const at = path.replace(':client_id', id)
      expect([path, (await bea.get(at)).status]).toEqual([path, 404])
      const form = path.split('/').at(-1) ?? ''
      const [theirs, nobodys] = await Promise.all(
        [bea, stranger].map(async (one) => one.send(at, await minted(one, form, id, version))),
      )
      expect([path, theirs?.status]).toEqual([path, nobodys?.status])
      expect([404, 405]).toContain(theirs?.status)
    }
    expect(await recordOf(id)).toMatchObject({ version, furtherOwners: [] })
    expect(await bea.page('/clients')).toContain('You have none yet')
    // Control: the same pages are there after accepting.
    await answerOffer(bea, id, 'accept')
    expect((await bea.get(`/clients/${id}/owners`)).status).toBe(200)
    expect(await ownersOf(id)).toEqual([ada.user.id, bea.user.id])
  })

  it('only the user to whom a client was offered can accept or decline, even with a forged form', async () => {
    const { ada, bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    const stranger = await newOwner()
    const { version } = await recordOf(id)
    for (const act of ['accept', 'decline'] as const) {
      expect((await forged(stranger, id, act)).status).toBe(409)
    }
    expect((await stranger.send('/clients', fields)).status).toBe(403)
    // An owner who accepts already owns the client, and cannot decline.
    expect((await forged(ada, id, 'accept')).status).toBe(303)
    expect((await forged(ada, id, 'decline')).status).toBe(409)
    expect((await recordOf(id)).version).toBe(version)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    expect((await bea.send('/clients', fields)).status).toBe(303)
  })

  it('an answer to an offer that was not made is refused as for an unknown client', async () => {
    const { id } = await offered()
    const stranger = await newOwner()
    const answers = await Promise.all(
      [id, 'no-such-client'].map(async (one) => {
        const fields = await minted(stranger, 'answer_offer', one, 1)
        const answer = await stranger.send('/clients', [
          ...fields,
          ['client', one],
          ['act', 'accept'],
        ])
        return [answer.status, (await answer.text()).replace(/[\w-]{43}/g, '')]
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.[0]).toBe(409)
    expect(answers[0]?.[1]).toContain('There is no such offer')
  })

  it('an answer without a choice, or without the token of its form, changes nothing', async () => {
    const { bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    expect((await bea.send('/clients', fields.slice(0, -1))).status).toBe(400)
    const without = fields.filter(([name]) => name !== 'form_token')
    expect((await bea.send('/clients', without)).status).toBe(403)
    const foreign = { 'Sec-Fetch-Site': 'cross-site' }
    expect((await bea.send('/clients', fields, foreign)).status).toBe(403)
    expect((await recordOf(id)).furtherOwners).toEqual([])
  })

  it('a user who declines owns nothing, and gets no other offer of the same client while the offer would last', async () => {
    const { ada, bea, id } = await offered()
    const declined = await answerOffer(bea, id, 'decline')
    expect(declined.headers.get('Location')).toBe('/clients?done=offer_declined')
    expect(await offerForm(bea, id)).toBe(null)
    expect((await forged(bea, id, 'accept')).status).toBe(409)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    const page = await ada.page(`/clients/${id}/owners`)
    expect(page).toMatch(new RegExp(`${bea.user.username}</bdi></strong>, declined on`))
    const { version } = await recordOf(id)
    const path = `/clients/${id}/owners`
    // A forged form takes back what was declined, as if it had never been offered.
    await ada.send(path, [
      ...(await minted(ada, 'take_back_offer', id, version)),
      ...([
        ['act', 'take_back_offer'],
        ['user', bea.user.id],
      ] as Pair[]),
    ])
    const again = await offer(ada, id, bea.user.username)
    expect([again.status, await again.text()]).toEqual([
      409,
      expect.stringContaining('has declined: the client can be offered again 30 days after'),
    ])
  })

  it('an offer to a name goes to the user with that name, even if it is the id of another user', async () => {
    const [ada, bea] = [await newOwner(), await newOwner()]
    const { id } = await register(ada)
    const { record: other } = await createUser(admin(), {
      ...{ userId: bea.user.username, fields: { username: 'other', email: 'o@example.org' } },
      ...{ lists: {}, password: null },
    })
    expect((await offer(ada, id, bea.user.username)).status).toBe(303)
    expect((await rowsOf(id)).map((row) => row.user_id)).toEqual([bea.user.id])
    // Control: the offer names a user by an id that is not a username.
    expect((await offer(ada, id, (await newOwner()).user.id)).status).toBe(303)
    expect((await rowsOf(id)).map((row) => row.user_id)).not.toContain(other.userId)
  })

  it('an offer expires after 30 days, and can then be made again', async () => {
    const { ada, bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    const old = Math.floor(Date.now() / 1000) - KEEP_OFFERS_SECONDS
    const age = (at: number) =>
      env.DB.prepare('UPDATE client_owner_offer SET offered_at = ?2 WHERE client_id = ?1')
        .bind(id, at)
        .run()
    await age(old)
    expect(await offerForm(bea, id)).toBe(null)
    expect((await bea.send('/clients', fields)).status).toBe(409)
    expect(await ada.page(`/clients/${id}/owners`)).not.toContain(bea.user.username)
    expect((await offer(ada, id, bea.user.username)).status).toBe(303)
    await age(old + 60)
    expect((await answerOffer(bea, id, 'accept')).status).toBe(303)
  })

  it('any owner can take back an open offer, and the user can no longer accept it', async () => {
    const { ada, bea, id } = await offered()
    const cy = await newOwner()
    await share(ada, id, cy)
    const fields = await fieldsFor(bea, id, 'accept')
    const answer = await cy.submit(`/clients/${id}/owners`, {}, 'take_back_offer')
    expect(answer.headers.get('Location')).toBe(`/clients/${id}?done=taken_back`)
    const late = await bea.send('/clients', fields)
    expect([late.status, await late.text()]).toEqual([
      409,
      expect.stringContaining('There is no such offer'),
    ])
    expect(await ownersOf(id)).toEqual([ada.user.id, cy.user.id])
    expect(await rowsOf(id)).toEqual([])
  })

  it('the open offers of an owner who leaves or is removed end, and those of other owners stay', async () => {
    const [ada, bea, cy, dan, eve] = await Promise.all(Array.from({ length: 5 }, () => newOwner()))
    if (!ada || !bea || !cy || !dan || !eve) throw new Error('not signed in')
    const { id } = await register(ada)
    await share(ada, id, bea)
    await share(ada, id, cy)
    await offer(ada, id, dan.user.username)
    await offer(bea, id, eve.user.username)
    await ada.submit(`/clients/${id}/owners`, { user: bea.user.id }, 'remove_owner')
    expect((await rowsOf(id)).map(({ user_id }) => user_id)).toEqual([dan.user.id])
    expect(await offerForm(eve, id)).toBe(null)
    await offer(cy, id, eve.user.username)
    await ada.submit(`/clients/${id}/leave`)
    // The new first owner keeps their own offers.
    expect((await rowsOf(id)).map(({ user_id }) => user_id)).toEqual([eve.user.id])
    expect((await recordOf(id)).ownerId).toBe(cy.user.id)
  })

  it('an operator can add an owner without an offer, which ends an open offer to that user', async () => {
    const { bea, id } = await offered()
    await changeClient(id, { lists: { furtherOwners: [bea.user.id] } })
    expect(await rowsOf(id)).toEqual([])
    expect((await bea.get(`/clients/${id}`)).status).toBe(200)
    const second = await offered()
    await changeClient(second.id, { fields: { ownerId: second.bea.user.id } })
    expect(await rowsOf(second.id)).toEqual([])
    expect((await second.bea.get(`/clients/${second.id}`)).status).toBe(200)
  })

  it('an offer of a client with a registry: scope cannot be accepted, and can be declined', async () => {
    const { ada, bea, id } = await offered()
    await authorizeClient(admin(), id, { scopes: ['registry:read'] })
    const answer = await answerOffer(bea, id, 'accept')
    expect(answer.status).toBe(403)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    expect((await answerOffer(bea, id, 'decline')).status).toBe(303)
  })
})

describe('the limit on offers', () => {
  it('a client has at most 20 further owners and offers together, even when an operator adds owners meanwhile', async () => {
    const { ada, bea, id } = await offered()
    const owners = (count: number) =>
      changeClient(id, {
        lists: { furtherOwners: Array.from({ length: count }, (_, n) => `someone-${n}`) },
      })
    await owners(19)
    const { user } = await newOwner()
    expect((await offer(ada, id, user.username)).status).toBe(409)
    await owners(20)
    expect((await answerOffer(bea, id, 'accept')).status).toBe(409)
    await owners(19)
    expect((await answerOffer(bea, id, 'accept')).status).toBe(303)
  })

  it('many offers by one user do not hide the offer of another, and a page shows 20 offers', async () => {
    const [ada, bea, cy] = [await newOwner(), await newOwner(), await newOwner()]
    const ids = Array.from(
      { length: 30 },
      (_, n) => `flood-${String(n).padStart(2, '0')}-${ada.user.id}`,
    )
    await env.DB.batch(
      ids.flatMap((id) => [
        env.DB.prepare(
          `INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES (?1, 'Flood', ?2, 1, 1)`,
        ).bind(id, ada.user.id),
        env.DB.prepare(
          `INSERT INTO client_owner_offer (client_id, user_id, offered_by, offered_at) VALUES (?1, ?2, ?3, unixepoch() - 60)`,
        ).bind(id, bea.user.id, ada.user.id),
      ]),
    )
    const { id } = await register(cy)
    await offer(cy, id, bea.user.username)
    const page = await bea.page('/clients')
    expect(formsOf(page, '/clients')).toHaveLength(20)
    expect(await offerForm(bea, id)).not.toBe(null)
    expect(await offerForm(bea, ids[0] ?? '')).not.toBe(null)
    await answerOffer(bea, ids[0] ?? '', 'decline')
    expect(formsOf(await bea.page('/clients'), '/clients')).toHaveLength(20)
  })
})

describe('simultaneous acts', () => {
  it('of a simultaneous acceptance and withdrawal of an offer one takes effect, and the other is refused', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ada, bea, id } = await offered()
      const accepting = await fieldsFor(bea, id, 'accept')
      const takingBack = await ada.form(`/clients/${id}/owners`, 'take_back_offer')
      const [accepted, takenBack] = await Promise.all([
        bea.send('/clients', accepting),
        ada.send(`/clients/${id}/owners`, takingBack),
      ])
      expect([accepted.status, takenBack.status].sort()).toEqual([303, 409])
      const isOwner = accepted.status === 303
      expect(await ownersOf(id)).toEqual(isOwner ? [ada.user.id, bea.user.id] : [ada.user.id])
      expect((await bea.get(`/clients/${id}`)).status).toBe(isOwner ? 200 : 404)
      expect(await rowsOf(id)).toEqual([])
    }
  })

  it('an acceptance that is sent twice, at once or later, makes one owner and redirects to the client', async () => {
    const { ada, bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    const twice = await Promise.all([bea.send('/clients', fields), bea.send('/clients', fields)])
    const answers = [...twice, await bea.send('/clients', fields)]
    for (const answer of answers) {
      expect(answer.headers.get('Location')).toBe(`/clients/${id}?done=accepted`)
    }
    expect(await ownersOf(id)).toEqual([ada.user.id, bea.user.id])
    const { results } = await env.DB.prepare(
      `SELECT actor, detail FROM audit WHERE client_id = ?1 AND event = 'client.accept_offer'`,
    )
      .bind(id)
      .all()
    expect(results).toEqual([
      { actor: `user:${bea.user.id}`, detail: JSON.stringify({ user_id: bea.user.id }) },
    ])
  })

  it('of a simultaneous acceptance and refusal of an offer one takes effect', async () => {
    const { ada, bea, id } = await offered()
    const [accept, no] = [await fieldsFor(bea, id, 'accept'), await fieldsFor(bea, id, 'decline')]
    const [accepted, declined] = await Promise.all([
      bea.send('/clients', accept),
      bea.send('/clients', no),
    ])
    const isOwner = (await ownersOf(id)).includes(bea.user.id)
    expect([accepted.status, declined.status]).toEqual(isOwner ? [303, 409] : [409, 303])
    expect((await ownersOf(id))[0]).toBe(ada.user.id)
  })

  it('an offer of a client that is deleted meanwhile cannot be accepted', async () => {
    const { bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    await deleteClient(admin(), id)
    expect((await bea.send('/clients', fields)).status).toBe(409)
    expect(await rowsOf(id)).toEqual([])
    expect(await offerForm(bea, id)).toBe(null)
  })

  it('an offer of a client that was changed or disabled meanwhile is accepted only after the user has seen the change', async () => {
    const { ada, bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'accept')
    await disableClient(admin(), id)
    const answer = await bea.send('/clients', fields)
    const page = await answer.text()
    expect(answer.status).toBe(409)
    expect(page).toContain('the client has been changed since you opened the page')
    expect(page).toMatch(/disabled,\s+client id <code>/)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    expect((await answerOffer(bea, id, 'accept')).status).toBe(303)
  })

  it('an owner who keeps changing a client cannot prevent a user from declining it', async () => {
    const { ada, bea, id } = await offered()
    const fields = await fieldsFor(bea, id, 'decline')
    await ada.submit(`/clients/${id}/edit`, { name: 'Changed' })
    expect((await bea.send('/clients', fields)).status).toBe(303)
    expect(await offerForm(bea, id)).toBe(null)
  })
})

describe('the first owner', () => {
  it('only a user who has accepted can succeed the first owner, who sees whose acceptance is missing', async () => {
    const { ada, bea, id } = await offered()
    const page = await ada.page(`/clients/${id}/leave`)
    expect(page).toContain('You are its only owner, so you cannot leave it.')
    expect(page).toContain(`<bdi>${bea.user.username}</bdi></strong> was offered it, and has not`)
    expect(page).toContain(`/clients/${id}/owners`)
    expect(formsOf(page, `/clients/${id}/leave`)).toEqual([])
    const { version } = await recordOf(id)
    const forgedLeave = await ada.send(
      `/clients/${id}/leave`,
      await minted(ada, 'leave', id, version),
    )
    expect(forgedLeave.status).toBe(409)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    await answerOffer(bea, id, 'accept')
    expect(await ada.page(`/clients/${id}/leave`)).toContain(
      `<bdi>${bea.user.username}</bdi></strong> becomes the first owner`,
    )
    expect((await ada.submit(`/clients/${id}/leave`)).status).toBe(303)
    expect(await ownersOf(id)).toEqual([bea.user.id])
  })

  it('a deleted user is no longer a further owner, and does not succeed the first owner', async () => {
    const { ada, bea, id } = await offered()
    await answerOffer(bea, id, 'accept')
    const [cy, dan] = [await newOwner(), await newOwner()]
    await share(ada, id, cy)
    await offer(ada, id, dan.user.username)
    for (const { user } of [bea, dan]) await deleteUser(admin(), { userId: user.id })
    expect(await ownersOf(id)).toEqual([ada.user.id, cy.user.id])
    expect(await rowsOf(id)).toEqual([])
    expect((await ada.submit(`/clients/${id}/leave`)).status).toBe(303)
    expect(await ownersOf(id)).toEqual([cy.user.id])
  })

  it('a further owner whom an operator makes the first owner owns the client once, and no longer after leaving', async () => {
    const { ada, bea, id } = await offered()
    await answerOffer(bea, id, 'accept')
    await changeClient(id, { fields: { ownerId: bea.user.id } })
    expect(await ownersOf(id)).toEqual([bea.user.id])
    const both = { furtherOwners: [bea.user.id, ada.user.id] }
    await changeClient(id, { lists: both })
    expect(await ownersOf(id)).toEqual([bea.user.id, ada.user.id])
    expect((await bea.submit(`/clients/${id}/leave`)).status).toBe(303)
    expect(await ownersOf(id)).toEqual([ada.user.id])
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
  })

  it('a user who was offered the client first and accepts last succeeds after the user who accepted first', async () => {
    const { ada, bea, id } = await offered()
    const cy = await newOwner()
    await share(ada, id, cy)
    await env.DB.prepare('UPDATE client_owner SET added_at = added_at - 60 WHERE user_id = ?1')
      .bind(cy.user.id)
      .run()
    await answerOffer(bea, id, 'accept')
    await ada.submit(`/clients/${id}/leave`)
    expect(await ownersOf(id)).toEqual([cy.user.id, bea.user.id])
  })

  it('the client has an owner who accepted, even if the last but one leaves while another accepts', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ada, bea, id } = await offered()
      const cy = await newOwner()
      await share(ada, id, cy)
      const accepting = await fieldsFor(bea, id, 'accept')
      const [byAda, byCy] = [
        await ada.form(`/clients/${id}/leave`),
        await cy.form(`/clients/${id}/leave`),
      ]
      const answers = await Promise.all([
        ada.send(`/clients/${id}/leave`, byAda),
        cy.send(`/clients/${id}/leave`, byCy),
        bea.send('/clients', accepting),
      ])
      const done = answers.map(({ status }) => status === 303)
      expect(done.filter(Boolean)).toHaveLength(1)
      const [hasLeft, cyHasLeft, hasAccepted] = done
      const expected = [
        ...(hasLeft ? [] : [ada.user.id]),
        ...(cyHasLeft ? [] : [cy.user.id]),
        ...(hasAccepted ? [bea.user.id] : []),
      ]
      expect((await ownersOf(id)).sort()).toEqual(expected.sort())
      expect(await ownersOf(id)).not.toContain('')
    }
  })
})

describe('approvers', () => {
  it('an approver to whom a client was offered can decide on it only after declining', async () => {
    const { id, owner } = await newRequest({ grant_types: 'client_credentials' })
    const approver = await newApprover()
    const path = approvalPath(id)
    const open = await approver.form(path)
    await offer(owner, id, approver.user.username)
    const page = await approver.page(path)
    expect(page).toContain('This client was offered to you, so another person decides.')
    expect(formsOf(page, path)).toEqual([])
    const { version } = await recordOf(id)
    const fields: Pair[] = [...(await minted(approver, 'decide', id, version)), ['act', 'approve']]
    const decided: Pair[] = [...fields, ['decide', 'grant_type client_credentials']]
    expect((await approver.send(path, decided)).status).toBe(403)
    expect((await approver.send(path, [...open, ['act', 'approve']])).status).toBe(409)
    await answerOffer(approver, id, 'decline')
    const ticked = ['grant_type client_credentials']
    expect((await decide(approver, id, 'approve', { ticked })).status).toBe(303)
    expect((await recordOf(id)).grantTypes).toContain('client_credentials')
  })

  it.each(['leaves', 'is removed'])(
    'an approver who was a further owner of a client and %s cannot decide on it',
    async (how) => {
      const { id, owner } = await newRequest({ grant_types: 'client_credentials' })
      const [approver, other] = [await newApprover(), await newApprover()]
      await share(owner, id, approver)
      const left =
        how === 'leaves'
          ? await approver.submit(`/clients/${id}/leave`)
          : await owner.submit(`/clients/${id}/owners`, {}, 'remove_owner')
      expect(left.status).toBe(303)
      expect(await ownersOf(id)).toEqual([owner.user.id])
      const path = approvalPath(id)
      expect(await approver.page(path)).toContain(
        'You have owned this client, so another person decides.',
      )
      const { version } = await recordOf(id)
      const fields: Pair[] = [
        ...(await minted(approver, 'decide', id, version)),
        ['act', 'approve'],
      ]
      const decided: Pair[] = [...fields, ['decide', 'grant_type client_credentials']]
      expect((await approver.send(path, decided)).status).toBe(403)
      expect((await recordOf(id)).grantTypes).not.toContain('client_credentials')
      // Control: an approver who never owned it.
      expect((await decide(other, id, 'approve')).status).toBe(303)
      expect((await recordOf(id)).grantTypes).toContain('client_credentials')
    },
  )

  it('an approver sees who owns a client, to whom it was offered, and who declined', async () => {
    const { id, owner } = await newRequest({ grant_types: 'client_credentials' })
    const [bea, cy] = [await newOwner(), await newOwner()]
    await offer(owner, id, bea.user.username)
    await offer(owner, id, cy.user.username)
    await answerOffer(cy, id, 'decline')
    const page = await (await newApprover()).page(approvalPath(id))
    const named = (name: string, state: string) =>
      new RegExp(`<dd><strong><bdi>${name}</bdi></strong>, ${state}`)
    expect(page).toMatch(named(bea.user.username, 'offered on .*, has not accepted'))
    expect(page).toMatch(named(cy.user.username, 'declined on'))
    expect(page).toContain(`<dd><bdi>${owner.user.username}</bdi></dd>`)
  })
})

describe('the history', () => {
  it('the history names the users of each offer, acceptance, refusal, withdrawal, removal and departure, and the new first owner', async () => {
    const { ada, bea, id } = await offered()
    const [cy, dan] = [await newOwner(), await newOwner()]
    await answerOffer(bea, id, 'accept')
    await offer(bea, id, cy.user.username)
    await answerOffer(cy, id, 'decline')
    await offer(ada, id, dan.user.username)
    await ada.submit(`/clients/${id}/owners`, {}, 'take_back_offer')
    await changeClient(id, { lists: { furtherOwners: [bea.user.id, dan.user.id] } })
    await ada.submit(`/clients/${id}/owners`, { user: dan.user.id }, 'remove_owner')
    await ada.submit(`/clients/${id}/leave`)
    const page = await bea.page(`/clients/${id}/history`)
    const entries = (page.match(/<li>.*?<\/li>/gs) ?? []).map((item) =>
      item
        .replace(/<p.*?<\/p>/gs, '')
        .replace(/<code>/g, ' ')
        .replace(/<[^>]*>/g, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    const [a, b, c, d] = [ada, bea, cy, dan].map(({ user }) => user.username)
    expect(entries.slice(0, -1)).toEqual([
      `${a} left it, so the first owner is now ${b}`,
      `${a} removed the owner ${d}`,
      expect.stringMatching(new RegExp(`^An operator changed its owners (${b} ${d}|${d} ${b})$`)),
      `${a} took back the offer to ${d}`,
      `${a} offered it to ${d}`,
      `${c} declined to own it`,
      `You offered it to ${c}`,
      'You accepted to own it',
      `${a} offered it to ${b}`,
    ])
  })
})
