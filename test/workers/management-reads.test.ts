/** What the management API says of the deployment: `audit`, `refusals`, `status`. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/flows/registration/clients.ts'
import { createScope } from '../../src/flows/registration/scopes.ts'
import { createUser } from '../../src/flows/registration/users.ts'
import { recordStatement } from '../../src/stores/audit.ts'
import {
  type Administrator,
  call,
  documentIn,
  itemsOf,
  newAdministrator,
} from './administration.ts'
import { admin, disableUser, givenClient, givenUser } from './registering.ts'
import { credentialsOf, nowSeconds, post, registry } from './registry.ts'

let reader: Administrator
beforeAll(async () => {
  reader = await newAdministrator('registry:read')
})

describe('audit', () => {
  it('GET /audit lists the newest rows first, page by page, and every filter narrows the list', async () => {
    // Later than the rows of other tests.
    const now = nowSeconds() + 1_000_000
    const since = (seconds: number) => `since=${new Date(seconds * 1000).toISOString()}`
    for (let n = 0; n < 5; n += 1) {
      await env.DB.batch([
        env.DB.prepare('UPDATE client SET updated_at = updated_at WHERE client_id = ?1').bind(
          reader.client.id,
        ),
        recordStatement(env.DB, {
          happenedAt: now - n,
          actor: 'a test',
          event: n % 2 === 0 ? 'client.update' : 'user.update',
          clientId: n % 2 === 0 ? `c${n}` : null,
          userId: n % 2 === 0 ? null : `u${n}`,
          detail: { n },
        }),
      ])
    }
    type Row = { detail: { n: number } }
    const numbers = async (query: string) =>
      (await itemsOf<Row>(reader, `/audit?${since(now - 4)}&${query}`)).map(
        ({ detail }) => detail.n,
      )
    expect(await numbers('limit=200')).toEqual([0, 1, 2, 3, 4])
    expect(await numbers('event=user.update')).toEqual([1, 3])
    expect(await numbers('client_id=c2')).toEqual([2])
    expect(await numbers('user_id=u3')).toEqual([3])
    const later = await call(reader, `GET /audit?${since(now - 1)}`)
    expect(await documentIn<{ items: unknown[] }>(later)).toMatchObject({ items: { length: 2 } })
    expect(await numbers('limit=2')).toEqual([0, 1, 2, 3, 4])
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['after=x', 'after'],
    ['event=client.made', 'event'],
    ['since=yesterday', 'since'],
    ['client=c1', 'client'],
    ['access_token=x', 'access_token'],
  ])('GET /audit refuses the query %s and names the parameter', async (query, field) => {
    const response = await call(reader, `GET /audit?${query}`)
    const problem = await documentIn(response, 400)
    expect(problem).toMatchObject({ field, status: 400, detail: expect.stringContaining(field) })
  })
})

describe('refusals', () => {
  it('GET /refusals/{id} finds a refusal by its correlation id in any spelling', async () => {
    const refused = await post('/token', credentialsOf({ id: 'nobody', secret: 'x' }))
    const id = refused.headers.get('X-Correlation-Id') ?? ''
    const typed = `${id.slice(0, 5)}-${id.slice(5)}`.toLowerCase()
    expect(await documentIn(await call(reader, `GET /refusals/${typed}`))).toMatchObject({
      correlation_id: id,
      endpoint: 'POST /token',
      error: 'invalid_client',
      client_id: 'nobody',
    })
  })

  it.each(['0000000000', 'x', '%00', 'a%2Fb', '%zz'])(
    'GET /refusals/%s, an id without a record, is 404 with a correlation id of its own',
    async (id) => {
      const response = await call(reader, `GET /refusals/${id}`)
      const problem = await documentIn(response, 404)
      expect(problem.correlation_id).toBe(response.headers.get('X-Correlation-Id'))
      expect(problem.type).toBe('http://127.0.0.1:8787/docs#not_found')
    },
  )
})

it('GET /status states the schema, every setting and the last run of cron', async () => {
  await env.DB.prepare(
    "INSERT INTO housekeeping (task, ran_at, removed, left_over) VALUES ('refusal', 1790856000, 17, 3)",
  ).run()
  const status = await documentIn(await call(reader, 'GET /status'))
  expect(status).toMatchObject({
    issuer: 'http://127.0.0.1:8787',
    schema: {
      version: env.TEST_MIGRATIONS.at(-1)?.name,
      migrations: env.TEST_MIGRATIONS.map(({ name }) => name),
    },
    settings: { SESSION_LIFETIME_SECONDS: 7200, LOGIN_URL: null, LOG_ANSWERS: 'all' },
    cron: [{ task: 'refusal', ran_at: '2026-10-01T12:00:00.000Z', removed: 17, left_over: 3 }],
  })
})

describe('the permissions in the status', () => {
  const permissions = async () => {
    const body = await documentIn<{ permissions: Record<string, unknown> }>(
      await call(reader, 'GET /status'),
    )
    return body.permissions
  }

  it('the status counts only the clients and users that can administer', async () => {
    const before = (await permissions()) as { operators: number; administrators: number }
    const { client } = await newAdministrator()
    const isOneMore = { operators: before.operators + 1, administrators: before.administrators }
    expect(await permissions()).toMatchObject(isOneMore)
    await newAdministrator('registry:clients')
    expect(await permissions()).toMatchObject(isOneMore)
    await createUser(admin(), givenUser({ lists: { scopes: ['registry:admin'] } }))
    const disabled = await createUser(admin(), givenUser({ lists: { scopes: ['registry:admin'] } }))
    await disableUser(admin(), { userId: disabled.record.userId })
    expect(await permissions()).toMatchObject({
      ...isOneMore,
      administrators: before.administrators + 1,
    })
    await env.DB.prepare('UPDATE client SET disabled_at = 1 WHERE client_id = ?1')
      .bind(client.id)
      .run()
    expect(await permissions()).toMatchObject({ operators: before.operators })
  })

  it('the status names once each scope that is held and not declared, without the registry: scopes', async () => {
    const sentence = 'Do a thing'
    await createScope(admin(), {
      name: 'wiki:read',
      sentence,
      selfRegistered: false,
      sensitive: false,
    })
    const scopes = ['wiki:read', 'wiki:read:page-1', 'wiki:write', 'zoo', 'registry:read']
    await createClient(admin(), givenClient({ lists: { scopes } }))
    await createClient(admin(), givenClient({ lists: { scopes } }))
    await createUser(
      admin(),
      givenUser({ lists: { scopes: ['wiki:write', 'zebra', 'wiki:read:*'] } }),
    )
    const { undeclared_scopes, declared_scopes } = await permissions()
    const ours = (undeclared_scopes as string[]).filter((scope) => /^(wiki|z|registry)/.test(scope))
    expect(ours).toEqual(['wiki:write', 'zebra', 'zoo'])
    expect(declared_scopes).toBeGreaterThanOrEqual(1)
  })
})

it('HEAD returns the headers of GET, and OPTIONS the methods of the path without a token', async () => {
  const head = await call(reader, 'HEAD /status')
  expect([head.status, await head.text()]).toEqual([200, ''])
  const options = await registry('/admin/v1/status', { method: 'OPTIONS' })
  expect([options.status, options.headers.get('Allow')]).toEqual([204, 'GET, HEAD, OPTIONS'])
  expect(options.headers.get('Access-Control-Allow-Origin')).toBeNull()
})

it('an unsupported method is 405 with Allow, and an unknown path is 404 without a correlation id', async () => {
  const refused = await call(reader, 'POST /status', { body: {} })
  expect([refused.status, refused.headers.get('Allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  const nowhere = await call(reader, 'GET /nothing')
  expect(nowhere.status).toBe(404)
  expect(nowhere.headers.get('X-Correlation-Id')).toBeNull()
})
