/** The events that the webhook sends: one for every request and every decision of any person or program, and no others. */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  findClient,
  updateClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import {
  declineListing,
  listClient,
  requestListing,
  takeBackListing,
} from '../../src/flows/registration/listings.ts'
import { createScope, deleteScope } from '../../src/flows/registration/scopes.ts'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { decide, declareScope, newApprover, newWaitingClient } from './approving.ts'
import { newDocument, visit } from './document-clients.ts'
import { newOwner, register } from './portal.ts'
import { admin } from './registering.ts'
import { CALLBACK, ISSUER, newUser, signIn } from './registry.ts'
import { hostMetadata, registered } from './self-registering.ts'
import { forgetDeliveries, type WebhookEvent, waiting, withWebhook } from './webhook-receiver.ts'

const MINE = `told${crypto.randomUUID().slice(0, 8)}`
const [READ, WRITE, FREE] = [`${MINE}:read`, `${MINE}:write`, `${MINE}:free`]
const LONG_AGO = '2020-01-01T00:00:00.000Z'
const ACCEPTED = { status: 204 }

let operator: Administrator
beforeAll(async () => {
  operator = await newAdministrator()
  const declare = (name: string, more = {}) =>
    createScope(admin(), {
      name,
      sentence: 'Do it',
      selfRegistered: false,
      sensitive: false,
      ...more,
    })
  await declare(READ)
  await declare(WRITE)
  await declare(FREE, { selfRegistered: true })
})
beforeEach(forgetDeliveries)

const typeAndValues = ({ type, data }: WebhookEvent) => [
  type,
  data.permissions.map((one) => [one.decision ?? 'requested', one.value]),
]

async function ownedClient(webhook: Awaited<ReturnType<typeof withWebhook>>) {
  const owner = await newOwner(webhook.fetch)
  const { id } = await register(owner)
  const ask = (changed: Record<string, string | string[]>) =>
    owner.submit(`/clients/${id}/permissions`, changed, 'ask')
  const change = (body: object, how: object = {}) =>
    call(operator, `POST /clients/${id}/permissions`, {
      body,
      ifMatch: '*',
      fetch: webhook.fetch,
      ...how,
    })
  return { owner, id, ask, change }
}

describe('the events of the webhook', () => {
  it('a request of an owner is one event with all its permissions, the actor, the time, the client and the address for the decision', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const { owner, id, ask } = await ownedClient(webhook)
    expect(await webhook.events()).toEqual([])
    const before = Math.floor(Date.now() / 1000) * 1000
    await ask({ scopes: [READ, WRITE], grant_types: ['client_credentials'], endorsements: 'cs.DL' })
    const [event, ...more] = await webhook.events()
    expect(more).toEqual([])
    expect(event).toEqual({
      type: 'request.created',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      data: {
        client_id: id,
        client_name: 'Reading list',
        client_kind: 'operator',
        permissions: [
          { kind: 'scope', value: READ },
          { kind: 'scope', value: WRITE },
          { kind: 'grant_type', value: 'client_credentials' },
          { kind: 'endorsement', value: 'cs.DL' },
        ],
        actor: `user:${owner.user.id}`,
        user_id: owner.user.id,
        approvals_url: `${ISSUER}/approvals`,
      },
    })
    expect(Date.parse(event?.timestamp ?? '')).toBeGreaterThanOrEqual(before)
    expect(await waiting()).toEqual([])
  })

  it('authorizing, declining and withdrawing each send a decision event with the reason and the actor', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const { id, ask, change } = await ownedClient(webhook)
    await ask({ scopes: [READ, WRITE], grant_types: ['client_credentials'], endorsements: 'cs.DL' })
    await change({
      authorize: { scopes: [READ], grant_types: ['client_credentials'], endorsements: ['cs.DL'] },
    })
    await change({ withdraw: { scopes: [WRITE] }, reason: 'It does not write.' })
    await change({ withdraw: { scopes: [READ] }, reason: 'The shelf is closed.' })
    // Requested and declined once more: a row of the decision exists already.
    await ask({ scopes: [WRITE] })
    await change({ withdraw: { scopes: [WRITE] } })
    const events = await webhook.events()
    const actor = `client:${operator.client.id}`
    expect(events.map(({ type, data }) => [type, data.actor === actor, data.permissions])).toEqual([
      ['request.created', false, expect.anything()],
      [
        'decision.made',
        true,
        [
          { kind: 'grant_type', value: 'client_credentials' },
          { kind: 'scope', value: READ },
          { kind: 'endorsement', value: 'cs.DL' },
        ]
          .map((one) => ({ ...one, decision: 'authorized', reason: '' }))
          .sort(
            (a, b) =>
              ['scope', 'grant_type', 'endorsement'].indexOf(a.kind) -
              ['scope', 'grant_type', 'endorsement'].indexOf(b.kind),
          ),
      ],
      [
        'decision.made',
        true,
        [{ kind: 'scope', value: WRITE, decision: 'declined', reason: 'It does not write.' }],
      ],
      [
        'decision.made',
        true,
        [{ kind: 'scope', value: READ, decision: 'withdrawn', reason: 'The shelf is closed.' }],
      ],
      ['request.created', false, [{ kind: 'scope', value: WRITE }]],
      ['decision.made', true, [{ kind: 'scope', value: WRITE, decision: 'declined', reason: '' }]],
    ])
    expect(events[1]?.data).toMatchObject({ client_id: id, actor, user_id: null })
  })

  it('a decision at /approvals is sent at once, with the id of the approver', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const { id, ask } = await ownedClient(webhook)
    await ask({ scopes: [READ, WRITE] })
    const approver = await newApprover(undefined, webhook.fetch)
    await decide(approver, id, 'approve', { ticked: [`scope ${READ}`] })
    await decide(approver, id, 'decline', { reason: 'It does not write.' })
    const [, ...decisions] = await webhook.events()
    expect(decisions.map(typeAndValues)).toEqual([
      ['decision.made', [['authorized', READ]]],
      ['decision.made', [['declined', WRITE]]],
    ])
    expect(decisions.map(({ data }) => data.user_id)).toEqual([approver.user.id, approver.user.id])
  })

  it('the requests of a client that registers itself, and of a client with a metadata document, are sent with the kind of the client', async () => {
    const webhook = await withWebhook(ACCEPTED, {
      REGISTRATION: 'open',
      REGISTRATIONS_PER_DAY: '1000000',
      CLIENT_DOCUMENTS: 'any',
    })
    const { client_id } = await registered(hostMetadata({ scope: `${FREE} ${READ}` }), webhook)
    const document = await newDocument({ scope: `${FREE} ${WRITE}` })
    await visit(await signIn(await newUser()), document, {}, webhook.fetch)
    const events = await webhook.events()
    expect(
      events.map(({ type, data }) => [type, data.client_id, data.client_kind, data.permissions]),
    ).toEqual([
      ['request.created', client_id, 'registration', [{ kind: 'scope', value: READ }]],
      ['request.created', document.id, 'document', [{ kind: 'scope', value: WRITE }]],
    ])
    expect(events.map(({ data }) => data.actor)).toEqual(['registration', 'document'])
  })

  it('a creation and an update of a client by the management API send an event for the scopes that they request', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const body = {
      name: 'App',
      owner_id: 'o',
      redirect_uris: [CALLBACK],
      scopes: [READ],
      grant_types: [],
      requested_only: true,
    }
    const { client_id } = await documentIn<{ client_id: string }>(
      await call(operator, 'POST /clients', { body, fetch: webhook.fetch }),
      201,
    )
    const update = { scopes: [READ, WRITE], requested_only: true }
    await documentIn(
      await call(operator, `PATCH /clients/${client_id}`, {
        body: update,
        ifMatch: '*',
        fetch: webhook.fetch,
      }),
    )
    expect((await webhook.events()).map(typeAndValues)).toEqual([
      ['request.created', [['requested', READ]]],
      ['request.created', [['requested', WRITE]]],
    ])
  })

  it('the webhook sends no event without a request or a decision', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const { owner, id, ask, change } = await ownedClient(webhook)
    await ask({ scopes: [FREE] })
    await owner.submit(`/clients/${id}/edit`, { name: 'Another name' })
    // Authorized without a request.
    await change({ authorize: { scopes: [READ] } })
    // Taken back by the owner.
    await owner.submit(`/clients/${id}/permissions`, { take: [`scope ${READ}`] }, 'take_back')
    expect(await webhook.events()).toEqual([])
    // Control: the scope was taken back, and the next request is sent.
    expect(await owner.page(`/clients/${id}`)).toMatch(/taken back<\/strong><code>told[^<]*:read/)
    await ask({ scopes: [WRITE] })
    expect((await webhook.events()).map(typeAndValues)).toEqual([
      ['request.created', [['requested', WRITE]]],
    ])
  })

  it('a request for the directory and each decision on it are sent, with the actor and the reason', async () => {
    const webhook = await withWebhook(ACCEPTED, { DIRECTORY: 'on' })
    const { owner, id } = await ownedClient(webhook)
    const ask = (act = 'ask_listing') => owner.submit(`/clients/${id}/listing`, {}, act)
    const approver = await newApprover(undefined, webhook.fetch)
    const decided = (act: string, reason = '') =>
      approver.submit(`/approvals/${id}`, { act, listing_reason: reason })
    await ask()
    await decided('unlist', 'Its page is empty.')
    await ask()
    await decided('list')
    await decided('unlist', 'Its page is gone.')
    const events = await webhook.events()
    expect(
      events.map(({ type, data }) => [type, data.decision, data.reason, data.user_id]),
    ).toEqual([
      ['listing.requested', undefined, undefined, owner.user.id],
      ['listing.decided', 'declined', 'Its page is empty.', approver.user.id],
      ['listing.requested', undefined, undefined, owner.user.id],
      ['listing.decided', 'listed', '', approver.user.id],
      ['listing.decided', 'withdrawn', 'Its page is gone.', approver.user.id],
    ])
    expect(events[1]?.data).toEqual({
      client_id: id,
      client_name: 'Reading list',
      client_kind: 'operator',
      decision: 'declined',
      reason: 'Its page is empty.',
      actor: `user:${approver.user.id}`,
      user_id: approver.user.id,
      approvals_url: `${ISSUER}/approvals`,
    })
    await ask()
    await ask('take_back_listing')
    expect((await webhook.events()).slice(5).map(({ type }) => type)).toEqual(['listing.requested'])
  })

  it('a change of a listed client sends a listing request without an actor, even while earlier events wait', async () => {
    const { clientId } = await newWaitingClient({ lists: { scopes: [], grantTypes: [] } })
    const by = admin()
    await requestListing(by, clientId)
    await listClient(by, clientId)
    const fields = { name: 'Another name' }
    await updateClient(by, clientId, {
      fields,
      lists: {},
      mode: 'authorize',
      isDisabled: undefined,
    })
    await declineListing(by, clientId, 'No.')
    await declineListing(by, clientId, 'Still no.')
    await takeBackListing(by, clientId)
    const { results } = await env.DB.prepare(
      `SELECT event, actor, permissions FROM webhook_delivery WHERE client_id = ?1 ORDER BY audit_id, event DESC`,
    )
      .bind(clientId)
      .all<{ event: string; actor: string; permissions: string }>()
    const actor = by.actor.name
    expect(results.map((row) => [row.event, row.actor, JSON.parse(row.permissions)])).toEqual([
      ['listing.requested', actor, [{}]],
      ['listing.requested', '', [{}]],
      ['listing.decided', actor, [{ decision: 'listed', reason: '' }]],
      ['listing.decided', actor, [{ decision: 'declined', reason: 'No.' }]],
      ['listing.decided', actor, [{ decision: 'declined', reason: 'Still no.' }]],
    ])
  })

  it('an import sends no event, because its requests are not new', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const client = (name: string) => ({
      client_id: `${MINE}-${name}`,
      name,
      owner_id: 'o',
      auth_method: 'none',
      redirect_uris: [CALLBACK],
      permissions: [{ kind: 'scope', value: READ, requested_at: LONG_AGO, authorized_at: null }],
      credentials: [],
      created_at: LONG_AGO,
    })
    const body = { clients: [client('one'), client('two')] }
    await documentIn(await call(operator, 'POST /imports', { body, fetch: webhook.fetch }))
    const requested = await env.DB.prepare(
      `SELECT count(*) AS n FROM client_authorization WHERE client_id LIKE ?1 AND authorized_at IS NULL`,
    )
      .bind(`${MINE}-%`)
      .first('n')
    expect(requested).toBe(2)
    expect(await waiting()).toEqual([])
  })

  it('a decision with more permissions than an event can have is made, and the event has the first of them', async () => {
    const scopes = Array.from({ length: 1000 }, (_, n) => `${MINE}:n${n}`)
    const { clientId } = await newWaitingClient({ lists: { scopes, grantTypes: [] } })
    const reason = '\u2603'.repeat(1000)
    const { record } = await withdrawFromClient(admin(), clientId, { scopes, reason })
    expect(record.permissions.filter(({ kind }) => kind === 'scope')).toEqual([])
    const { results } = await env.DB.prepare(
      `SELECT event, json_array_length(permissions) AS listed, length(permissions) AS characters
        FROM webhook_delivery WHERE client_id = ?1 ORDER BY audit_id`,
    )
      .bind(clientId)
      .all<{ event: string; listed: number; characters: number }>()
    expect(results.map(({ event }) => event)).toEqual(['request.created', 'decision.made'])
    expect(results[0]?.listed).toBe(1000)
    expect(results[1]?.listed).toBeGreaterThan(90)
    expect(results[1]?.characters).toBeLessThan(105_000)
  })

  it('the deletion of a scope withdraws it from 300 clients, and sends the events of 100', async () => {
    const scope = `${MINE}:everywhere`
    await declareScope(scope, 'Do it')
    await env.DB.batch(
      [
        `INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
          SELECT ?1 || '-' || value, 'N', 'o', 1, 1 FROM json_each(?2)`,
        `INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at)
          SELECT ?1 || '-' || value, ?1, 1, 1 FROM json_each(?2)`,
      ].map((sql) =>
        env.DB.prepare(sql).bind(scope, JSON.stringify(Array.from({ length: 300 }, (_, n) => n))),
      ),
    )
    await deleteScope(admin(), scope, true)
    const count = (sql: string) => env.DB.prepare(sql).bind(scope).first('n')
    expect(await count(`SELECT count(*) AS n FROM client_decision WHERE value = ?1`)).toBe(300)
    expect(
      await count(`SELECT count(*) AS n FROM webhook_delivery WHERE client_id GLOB ?1 || '-*'`),
    ).toBe(100)
    // Control: the next request of one of the other clients is sent.
    const { clientId } = await findClient(admin(), `${scope}-299`)
    await updateClient(admin(), clientId, {
      ...{ fields: {}, lists: { scopes: [READ] }, mode: 'request' as const },
      isDisabled: undefined,
    })
    const ofClient = 'SELECT max(audit_id) AS n FROM webhook_delivery WHERE client_id = ?1'
    expect(await env.DB.prepare(ofClient).bind(clientId).first('n')).toBeGreaterThan(0)
  })

  it('a delivery is sent even after its client was deleted', async () => {
    const webhook = await withWebhook({ status: 500 })
    const { id, ask } = await ownedClient(webhook)
    await ask({ scopes: [READ] })
    await call(operator, `DELETE /clients/${id}`, { ifMatch: '*' })
    await webhook.answers(ACCEPTED)
    await env.DB.prepare('UPDATE webhook_delivery SET attempt_at = 0').run()
    await webhook.cron()
    expect((await webhook.events()).map(({ data }) => [data.client_id, data.client_name])).toEqual([
      [id, 'Reading list'],
      [id, 'Reading list'],
    ])
  })
})
