/** `/approvals`: the queue of what clients ask for, and the decisions of approvers. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { deleteClient } from '../../src/flows/registration/clients.ts'
import { updateUser } from '../../src/flows/registration/users.ts'
import { formsOf, type Pair } from '../node/forms.ts'
import {
  approvalPath,
  decide,
  declareScope,
  newApprover,
  newRequest,
  newWaitingClient,
} from './approving.ts'
import { over } from './counting.ts'
import { minted, newOwner, type Owner, ownerWith, register, share } from './portal.ts'
import {
  admin,
  changeClient,
  everythingButRefusals,
  NO_CHANGE,
  recordOf,
  statesOf,
} from './registering.ts'
import { declare, newUser, registry, serve } from './registry.ts'
import { newResource } from './resources.ts'

const MINE = `approved${crypto.randomUUID().slice(0, 8)}`
const [READ, WRITE] = [`${MINE}:read`, `${MINE}:write`]

let approver: Owner
beforeAll(async () => {
  await declareScope(READ, 'Read what you keep')
  await declareScope(WRITE, 'Change what you keep', { sensitive: true })
  approver = await newApprover()
})

/** Expects that forged forms of this approver are refused, and that another approver can decide. */
async function expectSomebodyElseDecides(approver: Owner, id: string) {
  const { version } = await recordOf(id)
  for (const act of ['approve', 'decline']) {
    const answer = await approver.send(approvalPath(id), [
      ...(await minted(approver, 'decide', id, version)),
      ['decide', `scope ${READ}`],
      ['reason', 'Mine.'],
      ['act', act],
    ])
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining('another person decides'),
    ])
  }
  expect((await statesOf(id)).requested).toEqual([READ])
  const other = await newApprover()
  expect((await decide(other, id, 'approve')).status).toBe(303)
  expect((await statesOf(id)).authorized).toContain(READ)
}

describe('the decision of an approver', () => {
  it('an approver approves some of the requested permissions and declines the others with a reason, which the owner reads', async () => {
    await newResource([READ], { name: 'The shelf' })
    const { id, owner } = await newRequest({
      scopes: [READ, WRITE],
      other_scopes: `${READ}:* ${WRITE}:17`,
      grant_types: ['client_credentials'],
      endorsements: 'cs.DL math.*',
    })
    const page = await approver.page(approvalPath(id))
    for (const words of [
      'Read what you keep',
      'Read what you keep (all of them)',
      'Change what you keep (only “17”)',
      'Submit in every category of math',
      'Get tokens for itself',
      'The shelf',
      'Reading list',
      owner.user.username,
      'https://reading.example/callback',
    ]) {
      expect(page).toContain(words)
    }
    expect(page.match(/Sensitive<\/strong>/g)).toHaveLength(2)

    const some = [`scope ${READ}:*`, 'endorsement math.*', 'grant_type client_credentials']
    const approved = await decide(approver, id, 'approve', { ticked: some })
    expect([approved.status, approved.headers.get('Location')]).toEqual([
      303,
      `${approvalPath(id)}?done=approved`,
    ])
    expect((await statesOf(id)).requested).toEqual([READ, WRITE, `${WRITE}:17`, 'cs.DL'].sort())
    expect((await statesOf(id)).authorized).toEqual(
      expect.arrayContaining([`${READ}:*`, 'math.*', 'client_credentials']),
    )

    const reason = 'A reading list <b>does not</b> write.'
    const declined = await decide(approver, id, 'decline', { reason })
    expect(declined.headers.get('Location')).toBe('/approvals?done=declined')
    const { requested, decided } = await statesOf(id)
    expect(requested).toEqual([])
    expect(decided).toEqual(
      [READ, WRITE, `${WRITE}:17`, 'cs.DL'].map((value) => [value, 'declined', reason]).sort(),
    )
    const shown = await owner.page(`/clients/${id}`)
    expect(shown).toContain('A reading list &lt;b&gt;does not&lt;/b&gt; write.')
    expect(await approver.page('/approvals')).not.toContain(id)
    const history = await approver.page(approvalPath(id))
    expect(history).toContain('It has no open requests.')
    for (const did of ['registered it', 'asked for', 'approved', 'declined']) {
      expect(history).toContain(` ${did}<`)
    }
    const actors = await env.DB.prepare(
      `SELECT actor, event FROM audit WHERE client_id = ?1 ORDER BY audit_id DESC LIMIT 2`,
    )
      .bind(id)
      .all()
    expect(actors.results).toEqual([
      { actor: `user:${approver.user.id}`, event: 'client.withdraw' },
      { actor: `user:${approver.user.id}`, event: 'client.authorize' },
    ])
  })

  it.each([
    ['nothing ticked', { act: 'approve', decide: [] }, 'Choose at least one.'],
    ['no reason for a refusal', { act: 'decline' }, 'Say why, for the owners.'],
    ['a reason of spaces', { act: 'decline', reason: ' \r\n ' }, 'Say why, for the owners.'],
    ['a reason that is too long', { act: 'decline', reason: 'x'.repeat(1001) }, 'than 1000 char'],
    ['neither button', {}, 'Choose to approve or to decline.'],
    ['another button', { act: 'delete' }, 'Choose to approve or to decline.'],
    [
      'a value that is not requested',
      { act: 'approve', decide: ['scope registry:admin', `scope ${MINE}:none`] },
      'Choose at least one.',
    ],
  ])(
    'a decision form with %s is refused with 400 and decides nothing',
    async (_, changed, sentence) => {
      const { id } = await newRequest({ scopes: [READ] })
      const before = await everythingButRefusals()
      const answer = await approver.submit(approvalPath(id), changed)
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(sentence)])
      expect(await everythingButRefusals()).toEqual(before)
    },
  )

  it('an undeclared scope and an undeclared endorsement are marked on the pages of approvers and of owners', async () => {
    await declare({ categories: [{ name: 'yy', title: 'Zoology' }] })
    const { id, owner } = await newRequest({ scopes: [READ], endorsements: 'yy.* zz.ZZ' })
    await changeClient(id, { lists: { scopes: ['unheard:of'] } })
    for (const page of [
      await approver.page(approvalPath(id)),
      await owner.page(`/clients/${id}`),
    ]) {
      const shown = [...page.matchAll(/Not declared<\/strong><code>([^<]*)/g)]
      expect(shown.map(([, value]) => value).toSorted()).toEqual(['unheard:of', 'zz.ZZ'])
      // Control: declared values are shown without the mark.
      for (const value of [READ, 'yy.*']) expect(page).toContain(`<code>${value}</code>`)
    }
  })

  it('a refused decision form keeps the typed reason and the ticked boxes', async () => {
    const { id } = await newRequest({ scopes: [READ, WRITE] })
    const answer = await decide(approver, id, 'decline', {
      ticked: [`scope ${WRITE}`],
      reason: 'x'.repeat(1001),
    })
    const [fields = []] = formsOf(await answer.text(), approvalPath(id))
    expect(fields.filter(([name]) => name === 'decide')).toEqual([['decide', `scope ${WRITE}`]])
    expect(new Map(fields).get('reason')).toBe('x'.repeat(1001))
  })
})

describe('who may decide', () => {
  it.each([
    ['as the first owner', async () => {}],
    [
      'as a further owner',
      async (id: string) => {
        const { id: other } = await newUser()
        await changeClient(id, {
          fields: { ownerId: other },
          lists: { furtherOwners: ['somebody', approver.user.id] },
        })
      },
    ],
  ])(
    'an approver who owns a client %s sees the client without a decision form, and a forged form decides nothing',
    async (_, prepare) => {
      const { id } = await register(approver)
      await approver.submit(`/clients/${id}/permissions`, { scopes: [READ] }, 'ask')
      await prepare(id)
      const page = await approver.page(approvalPath(id))
      expect(page).toContain('You own this client, so another person decides.')
      expect(formsOf(page, approvalPath(id))).toEqual([])
      expect(await approver.page('/approvals')).toMatch(/Yours<\/strong>/)
      await expectSomebodyElseDecides(approver, id)
    },
  )

  it('an approver who has handed a client to another user sees no decision form, and a forged form decides nothing', async () => {
    const next = await newOwner()
    const somebody = next.user.id
    const { id } = await register(approver)
    await approver.submit(`/clients/${id}/permissions`, { scopes: [READ] }, 'ask')
    await share(approver, id, next)
    expect((await approver.submit(`/clients/${id}/leave`)).status).toBe(303)
    expect(await recordOf(id)).toMatchObject({ ownerId: somebody, furtherOwners: [] })
    const page = await approver.page(approvalPath(id))
    expect(page).toContain('You have owned this client, so another person decides.')
    expect(formsOf(page, approvalPath(id))).toEqual([])
    await expectSomebodyElseDecides(approver, id)
  })

  it('an approver who becomes an owner while the decision form is open decides nothing', async () => {
    const { id, owner } = await newRequest({ scopes: [READ] })
    const fields = await approver.form(approvalPath(id))
    await share(owner, id, approver)
    const answer = await approver.send(approvalPath(id), [...fields, ['act', 'approve']])
    const page = await answer.text()
    expect(answer.status).toBe(409)
    expect(page).toContain('You own this client, so another person decides.')
    expect((await statesOf(id)).requested).toEqual([READ])
  })

  it('every page below /approvals refuses a user without registry:approve and shows no client', async () => {
    const { id } = await newRequest({ scopes: [READ] })
    const operators = await newApprover(['registry:clients', 'registry:read', 'registry:users'])
    for (const user of [await newOwner(), operators]) {
      expect(await user.page('/clients')).not.toContain('/approvals')
      for (const path of ['/approvals', approvalPath(id), approvalPath('no-such-client')]) {
        const answer = await user.get(path)
        const page = await answer.text()
        expect([path, answer.status]).toEqual([path, 403])
        expect(page).toContain('You are not an approver')
        expect(page).not.toContain(id)
        expect((await user.send(path, [['act', 'approve']])).status).not.toBe(200)
      }
    }
    expect(await approver.page('/clients')).toContain('href="/approvals"')
  })

  it('a user with registry:admin can decide, but cannot approve a registry: scope at /approvals, even with a forged form', async () => {
    const administrator = await newApprover(['registry:admin'])
    const { id } = await newRequest({ scopes: [READ] })
    expect((await decide(administrator, id, 'approve')).status).toBe(303)
    const privileged = await newWaitingClient({ lists: { scopes: [READ, 'registry:read'] } })
    for (const one of [administrator, approver]) {
      const page = await one.page(approvalPath(privileged.clientId))
      expect(page).toContain('so only an administrator decides')
      expect(formsOf(page, approvalPath(privileged.clientId))).toEqual([])
      for (const value of [READ, 'registry:read']) {
        const forged: Pair[] = [
          ...(await minted(one, 'decide', privileged.clientId, privileged.version)),
          ['decide', `scope ${value}`],
          ['act', 'approve'],
        ]
        expect((await one.send(approvalPath(privileged.clientId), forged)).status).toBe(403)
      }
    }
  })

  it.each([
    [
      'an administrator has withdrawn registry:approve, which ends the session',
      (one: Owner) =>
        updateUser(admin(), one.user.id, { ...NO_CHANGE, lists: { scopes: ['a:b'] } }),
      403,
      'You are signed out',
    ],
    [
      'registry:approve was withdrawn and the session is still live',
      (one: Owner) =>
        env.DB.prepare('DELETE FROM user_scope WHERE user_id = ?1').bind(one.user.id).run(),
      403,
      'You are not an approver',
    ],
    [
      'the account was disabled and the session is still live',
      (one: Owner) =>
        env.DB.prepare('UPDATE user SET disabled_at = 1 WHERE user_id = ?1')
          .bind(one.user.id)
          .run(),
      403,
      'This account is disabled',
    ],
    [
      'the approver signed out',
      async (one: Owner) =>
        one.send('/logout', formsOf(await one.page('/clients'), '/logout')[0] ?? []),
      403,
      'You are signed out',
    ],
  ] as const)('a decision form decides nothing once %s', async (_, lose, status, words) => {
    const { id, path } = await newRequest({ scopes: [READ] })
    const one = await newApprover()
    const fields = await one.form(path)
    await lose(one)
    const answer = await one.send(path, [...fields, ['act', 'approve']])
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(words)])
    expect((await statesOf(id)).requested).toEqual([READ])
  })

  it('an approver who loses registry:approve between the check and the commit approves nothing', async () => {
    const { id, path } = await newRequest({ scopes: [READ] })
    const one = await newApprover()
    const fields = await one.form(path)
    let batches = 0
    const DB = over(env.DB, {
      async batch<Row>(statements: D1PreparedStatement[]) {
        batches += 1
        // The first batch reads the page, the second writes the decision.
        if (batches === 2) {
          await updateUser(admin(), one.user.id, { ...NO_CHANGE, lists: { scopes: [] } })
        }
        return env.DB.batch<Row>(statements)
      },
    })
    const racing = ownerWith(one.user, one.cookie, serve({ DB }))
    const answer = await racing.send(path, [...fields, ['act', 'approve']])
    expect(answer.status).toBe(403)
    expect(batches).toBe(3)
    expect((await statesOf(id)).requested).toEqual([READ])
  })

  it('a decision form of another approver, or of another client, decides nothing', async () => {
    const other = await newApprover()
    const [one, two] = [await newRequest({ scopes: [READ] }), await newRequest({ scopes: [READ] })]
    const fields = await other.form(one.path)
    const theirs = await approver.send(one.path, [...fields, ['act', 'approve']])
    expect([theirs.status, await theirs.text()]).toEqual([
      403,
      expect.stringContaining('the page was out of date'),
    ])
    expect((await other.send(two.path, [...fields, ['act', 'approve']])).status).toBe(403)
    for (const { id } of [one, two]) expect((await statesOf(id)).requested).toEqual([READ])
    expect((await other.send(one.path, [...fields, ['act', 'approve']])).status).toBe(303)
  })
})

describe('simultaneous decisions', () => {
  it('of two simultaneous decisions one takes effect, and the other approver is shown who decided what', async () => {
    for (const acts of [
      ['approve', 'approve'],
      ['approve', 'decline'],
      ['decline', 'decline'],
    ]) {
      const other = await newApprover()
      const { id, path } = await newRequest({ scopes: [READ, WRITE] })
      const both = [approver, other]
      const forms = await Promise.all(both.map((one) => one.form(path)))
      const answers = await Promise.all(
        both.map((one, index) =>
          one.send(path, [
            ...(forms[index] ?? []).filter(([name]) => name !== 'reason'),
            ['act', acts[index] ?? ''],
            ['reason', 'Not now.'],
          ]),
        ),
      )
      const statuses = answers.map(({ status }) => status)
      expect(statuses.toSorted()).toEqual([303, 409])
      const winner = statuses.indexOf(303)
      const loser = await answers[1 - winner]?.text()
      expect(loser).toContain('changed since you opened the page')
      expect(loser).toContain(`<bdi>${both[winner]?.user.username}</bdi>`)
      const approved = acts[winner] === 'approve'
      expect(loser).toMatch(approved ? / approved</ : / declined</)
      const { authorized, decided } = await statesOf(id)
      expect(authorized.includes(READ)).toBe(approved)
      expect(decided).toHaveLength(approved ? 0 : 2)
    }
  })

  it('a decision form that was opened before another decision is refused with 409 and shows what happened since', async () => {
    const other = await newApprover()
    const { id, path } = await newRequest({ scopes: [READ, WRITE] })
    const fields = await approver.form(path)
    await decide(other, id, 'decline', { ticked: [`scope ${READ}`], reason: 'Not this.' })
    const answer = await approver.send(path, [...fields, ['act', 'approve']])
    const page = await answer.text()
    expect(answer.status).toBe(409)
    const [, since = ''] =
      /aria-label="Since you opened the page">(.*?)<\/section>/.exec(page) ?? []
    expect(since).toContain(other.user.username)
    expect(since).toContain('Not this.')
    expect(since).not.toContain('registered it')
    expect((await statesOf(id)).requested).toEqual([WRITE])
    const again = formsOf(page, path)[0] ?? []
    expect((await approver.send(path, [...again, ['act', 'approve']])).status).toBe(303)
    expect((await statesOf(id)).authorized).toContain(WRITE)
  })

  it('a request that its owner took back while the decision form was open is not approved', async () => {
    const { id, owner, path } = await newRequest({ scopes: [READ] })
    const fields = await approver.form(path)
    await owner.submit(`/clients/${id}/permissions`, { take: [`scope ${READ}`] }, 'take_back')
    const answer = await approver.send(path, [...fields, ['act', 'approve']])
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('took back'),
    ])
    expect((await statesOf(id)).authorized).not.toContain(READ)
  })

  it('a decision on a client that was deleted meanwhile is answered 404 and names who deleted it', async () => {
    const { id, owner, path } = await newRequest({ scopes: [READ] })
    const fields = await approver.form(path)
    await owner.submit(`/clients/${id}/delete`)
    const answer = await approver.send(path, [...fields, ['act', 'approve']])
    const page = await answer.text()
    expect([answer.status, page]).toEqual([404, expect.stringContaining('There is no such client')])
    expect(page).toContain(owner.user.username)
    expect(page).toContain(' deleted it<')
    expect((await approver.get(approvalPath('no-such-client'))).status).toBe(404)
  })

  it('a decision and a simultaneous deletion of the client cause no fault', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id, path } = await newRequest({ scopes: [READ] })
      const fields = await approver.form(path)
      const [answer] = await Promise.all([
        approver.send(path, [...fields, ['act', 'approve']]),
        deleteClient(admin(), id),
      ])
      expect([303, 404]).toContain(answer?.status)
    }
  })
})

describe('without a session', () => {
  it('/approvals without a session redirects to sign-in and back', async () => {
    const answer = await registry('/approvals')
    expect([answer.status, answer.headers.get('Location')]).toEqual([
      303,
      '/login?next_page=/approvals',
    ])
  })
})
