/** The deletion of a client or a user with many rows: at once for everyone, and the rows in rounds. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { FORGET_DOCUMENT_SECONDS } from '../../src/domain/client-document.ts'
import { NEXT_DELETION } from '../../src/stores/deletions.ts'
import { insertGrant } from '../rows.ts'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { over } from './counting.ts'
import { accepting, declareOpenScope, newDocument, tokensFor, visit } from './document-clients.ts'
import { loggedBy } from './logged.ts'
import { each, giveClients, giveUsers, rowsLeft } from './many-rows.ts'
import { authStatus, machineToken, newRefreshingClient, renewal, userTokens } from './obtaining.ts'
import { ownerWith } from './portal.ts'
import {
  authorizePath,
  CALLBACK,
  credentialsOf,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  refusal,
  requestOf,
  serve,
  signIn,
} from './registry.ts'
import { runCron } from './webhook-receiver.ts'

/** More than go at once, and than one round removes. */
const MANY = 2500

/** A registry that removes nothing after its responses: what is left is for cron. */
const leaving = serve({
  DB: over(env.DB, {
    prepare(sql: string) {
      if (sql === NEXT_DELETION) throw new Error('the isolate has ended')
      return env.DB.prepare(sql)
    },
  } as unknown as Partial<D1Database>),
})

const lines = loggedBy('log')
let admin: Administrator
beforeAll(async () => {
  admin = await newAdministrator()
})

const deletions = async () => (await env.DB.prepare('SELECT kind, id FROM deletion').all()).results
const eventsOf = async (column: 'client_id' | 'user_id', id: string) => {
  const sql = `SELECT event FROM audit WHERE ${column} = ?1 ORDER BY audit_id`
  const { results } = await env.DB.prepare(sql).bind(id).all<{ event: string }>()
  return results.map(({ event }) => event)
}

describe('a client with many users', () => {
  const NEW = {
    name: 'Again',
    owner_id: 'o',
    redirect_uris: [CALLBACK],
    scopes: ['submission:read'],
  }

  it('a deleted client is gone for everyone at once, and cron removes its rows', async () => {
    const owner = await newUser()
    const user = await newUser()
    const client = await newRefreshingClient({ ownerId: owner.id, mayIntrospect: true })
    const machine = await machineToken(client)
    const { access, refresh } = await userTokens(client, user)
    const cookie = await signIn(user)
    const code = await obtainCode(cookie, requestOf(client))
    await giveUsers(client.id, MANY)
    const path = `/clients/${client.id}` as const
    const deleted = await call(admin, `DELETE ${path}`, { ifMatch: '*', fetch: leaving })
    expect(await documentIn(deleted)).toMatchObject({
      client_id: client.id,
      owner_id: owner.id,
      notes: [expect.stringContaining('cron removes the remaining rows')],
    })
    expect(await deletions()).toEqual([{ kind: 'client', id: client.id }])
    // The control: the rows are there.
    expect(await rowsLeft({ clientId: client.id })).toMatchObject({ consent: MANY + 1 })

    expect(await authStatus(machine)).toBe(401)
    expect(await authStatus(access)).toBe(401)
    const refused = { status: 401, error: 'invalid_client', token: undefined }
    // Another isolate: one that keeps the client's record gives tokens that are refused.
    expect(await refusal(await post('/token', credentialsOf(client), {}, leaving))).toEqual(refused)
    expect(await refusal(await renewal(client, refresh))).toEqual(refused)
    expect(await refusal(await post('/token', redemptionOf(client, code)))).toEqual(refused)
    const asked = { token: refresh, client_id: client.id, client_secret: client.secret }
    expect((await post('/introspect', asked)).status).toBe(401)
    const page = await leaving(authorizePath(requestOf(client)), { headers: { Cookie: cookie } })
    expect([page.status, page.headers.get('Location')]).toEqual([400, null])

    for (const what of [`GET ${path}`, `GET ${path}/permissions`] as const) {
      expect([what, (await call(admin, what)).status]).toEqual([what, 404])
    }
    for (const [what, body] of [
      [`DELETE ${path}`, undefined],
      [`PATCH ${path}`, { disabled: false }],
      [`POST ${path}/secrets`, { overlap_seconds: 0 }],
      [`POST ${path}/permissions`, { authorize: { scopes: ['public:read'] } }],
    ] as const) {
      const changed = await call(admin, what, { body, ifMatch: '*' })
      expect([what, changed.status]).toEqual([what, 404])
    }
    for (const query of ['', `&name=Example`, `&owner_id=${owner.id}`]) {
      const list = await call(admin, `GET /clients?limit=200${query}`)
      const { items } = await documentIn<{ items: { client_id: string }[] }>(list)
      expect(items.map(({ client_id }) => client_id)).not.toContain(client.id)
    }
    const portal = ownerWith(owner, await signIn(owner))
    expect(await portal.page('/clients')).not.toContain(client.id)
    expect((await portal.get(`/clients/${client.id}`)).status).toBe(404)

    const body = { ...NEW, client_id: client.id }
    const again = await call(admin, 'POST /clients', { body })
    expect(await documentIn(again, 409)).toMatchObject({
      field: 'client_id',
      detail: expect.stringContaining('the id is free when the last rows are removed'),
    })
    expect(await eventsOf('client_id', client.id)).toEqual(['consent.grant', 'client.delete'])

    await runCron({})
    expect(await rowsLeft({ clientId: client.id })).toEqual(each(0))
    expect(await deletions()).toEqual([])
    expect((await call(admin, 'POST /clients', { body })).status).toBe(201)
    const fresh = await leaving(authorizePath(requestOf(client)), { headers: { Cookie: cookie } })
    // The consent to the deleted client does not answer for this one.
    expect(fresh.status).toBe(200)
  })

  it('the rows are removed after the response, without cron', async () => {
    const client = await newRefreshingClient()
    await giveUsers(client.id, MANY)
    await call(admin, `DELETE /clients/${client.id}`, { ifMatch: '*' })
    expect(await rowsLeft({ clientId: client.id })).toEqual(each(0))
    expect(await deletions()).toEqual([])
  })

  it('control: a client with few users is deleted by one statement', async () => {
    const client = await newRefreshingClient()
    await giveUsers(client.id, 5)
    const deleted = await call(admin, `DELETE /clients/${client.id}`, {
      ifMatch: '*',
      fetch: leaving,
    })
    expect((await documentIn(deleted)).notes).toBeUndefined()
    expect(await rowsLeft({ clientId: client.id })).toEqual(each(0))
    expect(await deletions()).toEqual([])
    expect(lines.filter(({ event }) => event === 'deletion_not_finished')).toEqual([])
  })

  it('a change that was decided before the deletion changes nothing', async () => {
    const client = await newRefreshingClient()
    const shown = await call(admin, `GET /clients/${client.id}`)
    await giveUsers(client.id, MANY)
    await call(admin, `DELETE /clients/${client.id}`, { ifMatch: '*', fetch: leaving })
    const version = /\d+/.exec(shown.headers.get('ETag') ?? '')?.[0] ?? ''
    const late = env.DB.prepare(
      'INSERT INTO expected_version (kind, id, version) VALUES (?1, ?2, ?3)',
    )
    await expect(late.bind('client', client.id, Number(version)).run()).rejects.toThrow('stale')
    await runCron({})
  })

  it('cron deletes an unused client by its document in rounds, and the document then registers it again', async () => {
    await declareOpenScope()
    const cookie = await signIn(await newUser())
    const document = await newDocument()
    await tokensFor(document, {}, cookie)
    await giveUsers(document.id, MANY)
    const later = nowSeconds() + FORGET_DOCUMENT_SECONDS + 90_000
    await runCron({ CLIENT_DOCUMENTS: 'any' }, later * 1000)
    expect(await deletions()).toEqual([{ kind: 'client', id: document.id }])
    expect(await eventsOf('client_id', document.id)).toContain('client.delete')
    expect((await visit(cookie, document)).status).not.toBe(200)
    await runCron({ CLIENT_DOCUMENTS: 'any' })
    expect(await rowsLeft({ clientId: document.id })).toEqual(each(0))
    expect((await visit(cookie, document, {}, accepting)).status).toBe(200)
  })
})

describe('a user with many consents', () => {
  it('a deleted user is gone at once, and cron removes the rows', async () => {
    const user = await newUser()
    const client = await newRefreshingClient()
    const { access, refresh } = await userTokens(client, user)
    await giveClients(user.id, MANY)
    const path = `/users/${user.id}` as const
    const deleted = await call(admin, `DELETE ${path}`, { ifMatch: '*', fetch: leaving })
    expect(await documentIn(deleted)).toMatchObject({
      user_id: user.id,
      notes: [expect.stringContaining('cron removes the remaining rows')],
    })
    expect(await deletions()).toEqual([{ kind: 'user', id: user.id }])
    expect(await authStatus(access)).toBe(401)
    expect((await renewal(client, refresh)).status).toBe(400)
    const live = `SELECT count(*) AS n FROM refresh_family WHERE user_id = ?1 AND ended_at IS NULL`
    expect(await env.DB.prepare(live).bind(user.id).first('n')).toBe(0)
    expect((await call(admin, `GET ${path}`)).status).toBe(404)
    const body = { user_id: user.id, username: 'another', email: 'another@example.org' }
    const again = await call(admin, 'POST /users', { body })
    expect(await documentIn(again, 409)).toMatchObject({
      field: 'user_id',
      detail: expect.stringContaining('the id is free when the last rows are removed'),
    })
    await runCron({})
    expect(await rowsLeft({ userId: user.id })).toEqual(each(0))
    expect(await deletions()).toEqual([])
    expect((await call(admin, 'POST /users', { body })).status).toBe(201)
  })

  it('control: a user with few consents is deleted by one batch', async () => {
    const user = await newUser()
    const client = await newRefreshingClient()
    await insertGrant(env.DB, { clientId: client.id, userId: user.id, now: nowSeconds() })
    await call(admin, `DELETE /users/${user.id}`, { ifMatch: '*', fetch: leaving })
    expect(await rowsLeft({ userId: user.id })).toEqual(each(0))
    expect(await deletions()).toEqual([])
  })
})
