/** Clients over the management API, from their registration to their end. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Administrator,
  call,
  documentIn,
  itemsOf,
  newAdministrator,
} from './administration.ts'
import { authStatus, machineToken } from './obtaining.ts'
import { CALLBACK, credentialsOf, newClient, post } from './registry.ts'

let clients: Administrator
let reader: Administrator
beforeAll(async () => {
  clients = await newAdministrator('registry:clients')
  reader = await newAdministrator('registry:read')
})

const NEW = {
  name: 'Reading list',
  owner_id: 'library',
  redirect_uris: [CALLBACK],
  grant_types: ['client_credentials', 'authorization_code'],
  scopes: ['submission:read'],
}
type Document = Record<string, unknown> & { client_id: string; client_secret?: string }

const created = async (body: object = NEW) => {
  const response = await call(clients, 'POST /clients', { body })
  const document = await documentIn<Document>(response, 201)
  return { document, etag: response.headers.get('ETag') ?? '', response }
}

describe('a client over the management API', () => {
  it('a client is registered, obtains a token with its secret, is changed, rotated, disabled and deleted', async () => {
    const { document, etag, response } = await created()
    const { client_id: id, client_secret: secret = '' } = document
    expect(response.headers.get('Location')).toBe(`/admin/v1/clients/${id}`)
    expect(etag).toMatch(/^"v\d+"$/)
    const token = await machineToken({ id, secret })
    expect(await authStatus(token)).toBe(200)

    const shown = await call(reader, `GET /clients/${id}`)
    expect(shown.headers.get('ETag')).toBe(etag)
    const { client_secret: _, notes, ...rest } = document
    expect(notes).toEqual([expect.stringMatching(/not declared.*: submission:read$/)])
    expect(await documentIn(shown)).toEqual({ ...rest, credentials: expect.any(Array) })

    const renamed = await call(clients, `PATCH /clients/${id}`, {
      body: { name: 'Reading', require_pkce: true },
      ifMatch: etag,
    })
    const second = renamed.headers.get('ETag') ?? ''
    expect(await documentIn(renamed)).toMatchObject({ name: 'Reading', require_pkce: true })
    const stale = await call(clients, `PATCH /clients/${id}`, {
      body: { name: 'X' },
      ifMatch: etag,
    })
    expect(await documentIn(stale, 412)).toMatchObject({ field: 'If-Match' })

    const rotated = await call(clients, `POST /clients/${id}/secrets`, {
      body: { overlap_seconds: 60 },
      ifMatch: second,
    })
    const { client_secret: next } = await documentIn<{ client_secret: string }>(rotated, 201)
    expect((await post('/token', credentialsOf({ id, secret }))).status).toBe(200)
    expect((await post('/token', credentialsOf({ id, secret: next }))).status).toBe(200)

    const disabled = await call(clients, `PATCH /clients/${id}`, {
      body: { disabled: true },
      ifMatch: '*',
    })
    expect(await documentIn(disabled)).toMatchObject({ disabled_at: expect.any(String) })
    expect(await authStatus(token)).toBe(401)

    const deleted = await call(clients, `DELETE /clients/${id}`, { ifMatch: '*' })
    expect(await documentIn(deleted)).toMatchObject({ client_id: id, name: 'Reading' })
    expect((await call(reader, `GET /clients/${id}`)).status).toBe(404)
  })

  it('the audit row of a change names the calling client', async () => {
    const { document } = await created()
    const { items } = await documentIn<{ items: object[] }>(
      await call(reader, `GET /audit?client_id=${document.client_id}`),
    )
    expect(items).toEqual([
      expect.objectContaining({
        actor: `client:${clients.client.id}`,
        event: 'client.create',
        detail: expect.objectContaining({ name: 'Reading list' }),
      }),
    ])
  })

  it('permissions of a client are given and withdrawn, and a note names a wider permission that still covers a withdrawn one', async () => {
    const { document, etag } = await created({ ...NEW, scopes: ['upload:read:*'] })
    const path = `/clients/${document.client_id}/permissions` as const
    const given = await call(clients, `POST ${path}`, {
      body: { authorize: { scopes: ['upload:read:1', 'public:read'] } },
      ifMatch: etag,
    })
    expect(await documentIn(given)).toMatchObject({
      scopes: ['public:read', 'upload:read:*', 'upload:read:1'],
    })
    const taken = await call(clients, `POST ${path}`, {
      body: { withdraw: { scopes: ['upload:read:1'] } },
      ifMatch: given.headers.get('ETag') ?? '',
    })
    expect(await documentIn(taken)).toMatchObject({
      scopes: ['public:read', 'upload:read:*'],
      notes: ['upload:read:* is still held and covers upload:read:1'],
    })
    const shown = await call(reader, `GET ${path}`)
    expect(shown.headers.get('ETag')).toBe(taken.headers.get('ETag'))
    expect(await documentIn(shown)).toMatchObject({ scopes: ['public:read', 'upload:read:*'] })
  })

  it('a registration with a chosen client_id can be repeated, and different content under that id is a conflict', async () => {
    const body = { ...NEW, client_id: 'my.client-1' }
    const first = await call(clients, 'POST /clients', { body })
    expect((await documentIn<Document>(first, 201)).client_secret).toMatch(/^regs_/)
    const again = await call(clients, 'POST /clients', { body })
    expect((await documentIn<Document>(again, 200)).client_secret).toBeUndefined()
    expect(again.headers.get('ETag')).toBe(first.headers.get('ETag'))
    const other = await call(clients, 'POST /clients', { body: { ...body, name: 'Other' } })
    expect(await documentIn(other, 409)).toMatchObject({ field: 'client_id' })
  })

  it('of two simultaneous changes of one version of a client one succeeds, and the other is refused with 412 and changes nothing', async () => {
    const { document, etag } = await created()
    const change = (name: string) =>
      call(clients, `PATCH /clients/${document.client_id}`, { body: { name }, ifMatch: etag })
    const answers = await Promise.all(['one', 'two', 'three'].map(change))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412])
    const won = await documentIn(answers.find(({ status }) => status === 200) as Response)
    const { name } = await documentIn(await call(reader, `GET /clients/${document.client_id}`))
    expect(name).toBe(won.name)
  })

  it.each([
    [undefined, 428],
    ['v1', 400],
    ['"v1", "v2"', 400],
    ['"x"', 400],
    ['', 400],
    ['"v1"', 412],
    ['W/"v1"', 412],
  ])(
    'a change of a client with If-Match %j is refused with %i and changes nothing',
    async (ifMatch, status) => {
      const { document } = await created()
      const headers = ifMatch === '' ? { 'If-Match': '' } : {}
      const refused = await call(clients, `PATCH /clients/${document.client_id}`, {
        body: { name: 'Other' },
        headers,
        ...(ifMatch && { ifMatch }),
      })
      expect(await documentIn(refused, status)).toMatchObject({ field: 'If-Match' })
      const { name } = await documentIn(await call(reader, `GET /clients/${document.client_id}`))
      expect(name).toBe(NEW.name)
    },
  )

  it('a weak ETag in If-Match still names the version', async () => {
    const { document, etag } = await created()
    const changed = await call(clients, `PATCH /clients/${document.client_id}`, {
      body: { name: 'Other' },
      ifMatch: `W/${etag}`,
    })
    expect(changed.status).toBe(200)
  })
})

describe('lists of clients', () => {
  it('the list of clients is paged, filtered by owner and name, and never has more than 200 entries', async () => {
    for (let n = 0; n < 3; n += 1) await created({ ...NEW, owner_id: 'shelf', name: `Shelf ${n}` })
    const ids = (await itemsOf<Document>(reader, '/clients?owner_id=shelf&limit=2')).map(
      ({ client_id }) => client_id,
    )
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(3)
    const named = await documentIn<{ items: Document[] }>(
      await call(reader, 'GET /clients?name=SHELF%201'),
    )
    expect(named.items.map(({ name }) => name)).toEqual(['Shelf 1'])
    expect((await call(reader, 'GET /clients?limit=201')).status).toBe(400)
  })

  it.each([
    ['clients', 'client', 'client_id, name, owner_id', "'o'"],
    ['users', 'user', 'user_id, username, email, password_hash', "'a@example.org', ''"],
  ])(
    'a list of %s by name reads 4,000 names a request, and an empty page has the cursor of the next one',
    async (nouns, noun, columns, others) => {
      await env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4100)
         INSERT INTO ${noun} (${columns}, created_at, updated_at)
         SELECT printf('fill-%05d', i), iif(i = 4100, 'needle', 'hay-' || i), ${others}, i, i FROM n`,
      ).run()
      type Page = { items: Document[]; next: string | null }
      const path = `GET /${nouns}?name=NEEDLE&limit=5&after=` as const
      const first = await documentIn<Page>(await call(reader, `${path}fill-`))
      expect(first).toEqual({ items: [], next: 'fill-04000' })
      const second = await documentIn<Page>(await call(reader, `${path}${first.next}`))
      expect(second.items).toEqual([expect.objectContaining({ [`${noun}_id`]: 'fill-04100' })])
    },
  )
})

describe('request bodies', () => {
  const refused = async (body: unknown, more: object = {}) => {
    const before = await env.DB.prepare('SELECT count(*) AS n FROM client').first('n')
    const response = await call(clients, 'POST /clients', { body, ...more })
    expect(await env.DB.prepare('SELECT count(*) AS n FROM client').first('n')).toBe(before)
    return documentIn(response, 400)
  }

  it.each<[object, string, string]>([
    [{ owner_id: 'x' }, 'name', 'name is required'],
    [{ ...NEW, name: '' }, 'name', 'name must not be empty'],
    [{ ...NEW, name: 7 }, 'name', 'name must be text'],
    [{ ...NEW, owner: 'x' }, 'owner', 'there is no member owner'],
    [{ ...NEW, scopes: ['a', '"'] }, 'scopes[1]', 'is not a scope'],
    [{ ...NEW, scopes: 'a' }, 'scopes', 'scopes must be a list'],
    [{ ...NEW, auth_method: 'x' }, 'auth_method', 'unknown authentication method "x"'],
    [{ ...NEW, redirect_uris: ['http://a.example'] }, 'redirect_uris', 'must be https'],
    [{ ...NEW, client_id: 'https://a.example/b' }, 'client_id', 'must not be an address'],
    [{ ...NEW, client_id: 'a b' }, 'client_id', 'client_id must have 1 to 64 characters'],
    [{ ...NEW, access_token_lifetime_seconds: 1 }, 'access_token_lifetime_seconds', 'nor null'],
    [{ ...NEW, __proto__x: 1 }, '__proto__x', 'there is no member'],
  ])(
    'the registration of a client with the body %j is refused, and the problem names the member',
    async (body, field, detail) => {
      expect(await refused(body)).toMatchObject({ field, detail: expect.stringContaining(detail) })
    },
  )

  it.each<[string, string, string, number, string?]>([
    ['that is empty', '', 'application/json', 400],
    ['that is cut off', '{', 'application/json', 400],
    ['that is a list', '[]', 'application/json', 400],
    ['that is null', 'null', 'application/json', 400],
    ['with a duplicate member', '{"name":"a","name":"b"}', 'application/json', 400, 'name'],
    [
      'with a duplicate inner member',
      '{"jwks":{"keys":[{"kid":"1","kid":"2"}]}}',
      'application/json',
      400,
      'jwks.keys[0].kid',
    ],
    ['with a lone surrogate', '{"name":"\\ud800"}', 'application/json', 400, 'name'],
    ['with a NUL', '{"name":"\\u0000"}', 'application/json', 400, 'name'],
    [
      'with 500 nested lists',
      `{"name":${'['.repeat(500)}${']'.repeat(500)}}`,
      'application/json',
      400,
    ],
    ['of a client', JSON.stringify(NEW), 'text/plain', 415],
    ['of a client', JSON.stringify(NEW), 'application/x-www-form-urlencoded', 415],
    [
      'of more than 64 KiB',
      JSON.stringify({ ...NEW, description: 'x'.repeat(70_000) }),
      'application/json',
      413,
    ],
  ])('a request body %s is refused', async (_, text, type, status, field) => {
    const { token } = clients
    const { registry } = await import('./registry.ts')
    const response = await registry('/admin/v1/clients', {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': type },
      body: text,
    })
    const problem = await documentIn(response, status)
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    if (field !== undefined) expect(problem.field).toBe(field)
  })

  it('a request body with bytes that are not UTF-8 is refused', async () => {
    const { registry } = await import('./registry.ts')
    const response = await registry('/admin/v1/clients', {
      method: 'POST',
      headers: { Authorization: `Bearer ${clients.token}`, 'Content-Type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    })
    expect(await documentIn(response, 400)).toMatchObject({ detail: 'the body must be UTF-8' })
  })
})

it('a caller without registry:admin can neither give a client a registry: scope nor change a client that has one', async () => {
  const given = await call(clients, 'POST /clients', {
    body: { ...NEW, scopes: ['registry:read'] },
  })
  expect(await documentIn(given, 403)).toMatchObject({
    type: expect.stringMatching(/#forbidden$/),
    field: 'scopes',
  })
  expect(given.headers.get('WWW-Authenticate')).toContain('scope="registry:admin"')
  const rotated = await call(clients, `POST /clients/${reader.client.id}/secrets`, {
    body: {},
    ifMatch: '*',
  })
  expect(rotated.status).toBe(403)
  const admin = await newAdministrator()
  expect(
    (await call(admin, 'POST /clients', { body: { ...NEW, scopes: ['registry:read'] } })).status,
  ).toBe(201)
})

it('POST /sessions/revocations revokes sessions by token, by client and by user', async () => {
  const sessions = await newAdministrator('registry:sessions')
  const client = await newClient()
  const revoke = (body: object) => call(sessions, 'POST /sessions/revocations', { body })
  const first = await machineToken(client)
  expect(await documentIn(await revoke({ token: first }))).toEqual({
    revoked: true,
    effective_within_seconds: 60,
  })
  expect(await authStatus(first)).toBe(401)
  const second = await machineToken(client)
  expect(await authStatus(second)).toBe(200)
  expect(await documentIn(await revoke({ client_id: client.id }))).toMatchObject({ revoked: true })
  expect(await authStatus(second)).toBe(401)
  expect((await revoke({ user_id: 'nobody' })).status).toBe(404)
  expect((await revoke({ user_id: 'nobody', even_unknown: true })).status).toBe(200)
  for (const body of [
    {},
    { token: 'x' },
    { client_id: 'a', user_id: 'b' },
    { client_id: 'a', even_unknown: true },
  ]) {
    expect((await revoke(body)).status).toBe(400)
  }
})
