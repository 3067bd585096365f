/** Scopes and categories over the management API. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Administrator,
  call,
  documentIn,
  itemsOf,
  newAdministrator,
} from './administration.ts'
import { authStatus, machineToken } from './obtaining.ts'
import { newClient, serve } from './registry.ts'

let admin: Administrator
let reader: Administrator
beforeAll(async () => {
  admin = await newAdministrator()
  reader = await newAdministrator('registry:read')
})

type List = { items: { name: string }[]; next: string | null }
const pathOf = (name: string): `/${string}` => `/scopes/${encodeURIComponent(name)}`

describe('scopes', () => {
  it.each([
    'files:read',
    'read',
    'user.email',
    'imports',
    'https://example.org/scope?a=b&c#d',
    'a%2Fb',
    'a%b',
    '/',
    '...',
    "~!$'()*+,;=:@[]{}|^`",
  ])(
    'the scope %s is declared, shown, changed and deleted under its percent-encoded name',
    async (name) => {
      const body = { name, sentence: 'Read your files' }
      const created = await call(admin, 'POST /scopes', { body })
      const document = await documentIn(created, 201)
      expect(document).toMatchObject({ ...body, sensitive: false, self_registered: false })
      expect(created.headers.get('Location')).toBe(`/admin/v1${pathOf(name)}`)
      const etag = created.headers.get('ETag') ?? ''

      const shown = await call(reader, `GET ${pathOf(name)}`)
      expect(await documentIn(shown)).toEqual(document)
      expect(shown.headers.get('ETag')).toBe(etag)

      const changed = await call(admin, `PATCH ${pathOf(name)}`, {
        body: { sensitive: true },
        ifMatch: etag,
      })
      expect(await documentIn(changed)).toMatchObject({ ...body, sensitive: true })
      const stale = await call(admin, `PATCH ${pathOf(name)}`, {
        body: { sensitive: false },
        ifMatch: etag,
      })
      expect(await documentIn(stale, 412)).toMatchObject({ field: 'If-Match' })
      const without = await call(admin, `DELETE ${pathOf(name)}`)
      expect(without.status).toBe(428)

      const deleted = await call(admin, `DELETE ${pathOf(name)}`, {
        ifMatch: changed.headers.get('ETag') ?? '',
      })
      expect(await documentIn(deleted)).toMatchObject({ name, sensitive: true })
      expect((await call(reader, `GET ${pathOf(name)}`)).status).toBe(404)
    },
  )

  it('the declaration of a scope can be repeated, and different content is a conflict', async () => {
    const body = { name: 'repeated', sentence: 'See it again' }
    const first = await call(admin, 'POST /scopes', { body })
    expect(first.status).toBe(201)
    const again = await call(admin, 'POST /scopes', { body })
    expect(await documentIn(again)).toMatchObject(body)
    expect(again.headers.get('ETag')).toBe(first.headers.get('ETag'))
    const other = await call(admin, 'POST /scopes', { body: { ...body, sensitive: true } })
    expect(await documentIn(other, 409)).toMatchObject({ field: 'name' })
  })

  it('a scope that a client holds is deleted only with withdrawal, which ends its tokens', async () => {
    await call(admin, 'POST /scopes', { body: { name: 'held:read', sentence: 'See what is held' } })
    const token = await machineToken(await newClient({ scopes: ['held:read'] }))
    const refused = await call(admin, `DELETE ${pathOf('held:read')}`, { ifMatch: '*' })
    expect(await documentIn(refused, 409)).toMatchObject({
      field: 'withdraw',
      detail: expect.stringContaining('1 client and 0 users hold the scope'),
    })
    expect(await authStatus(token)).toBe(200)
    const path: `/${string}` = `${pathOf('held:read')}?withdraw=true`
    expect((await call(admin, `DELETE ${path}`, { ifMatch: '*' })).status).toBe(200)
    expect(await authStatus(token)).toBe(401)
  })

  it('PATCH /scopes declares all scopes or none, and a repeated request changes nothing', async () => {
    const items = ['one', 'two'].map((word) => ({
      name: `many:${word}`,
      sentence: `See ${word}`,
    }))
    const put = (all: object[]) => call(admin, 'PATCH /scopes', { body: { items: all } })
    const bad = await put([...items, { name: 'many:three', sentence: '' }])
    expect(await documentIn(bad, 400)).toMatchObject({ field: 'items[2].sentence' })
    expect((await call(reader, `GET ${pathOf('many:one')}`)).status).toBe(404)
    const twice = await put([...items, items[0] as object])
    expect(await documentIn(twice, 400)).toMatchObject({ field: 'items[2].name' })
    expect(await documentIn(await put(items))).toEqual({
      created: ['many:one', 'many:two'],
      updated: [],
    })
    const [one] = items
    expect(await documentIn(await put([{ ...one, sensitive: true }]))).toEqual({
      created: [],
      updated: ['many:one'],
    })
    expect(await documentIn(await put([{ ...one, sensitive: true }]))).toEqual({
      created: [],
      updated: [],
    })
  })

  it('the list of scopes is paged, and never has more than 200 entries', async () => {
    const items = Array.from({ length: 205 }, (_, n) => ({
      name: `list:${String(n).padStart(3, '0')}`,
      sentence: 'See a list',
    }))
    expect((await call(admin, 'PATCH /scopes', { body: { items } })).status).toBe(200)
    const listed = await itemsOf<{ name: string }>(reader, '/scopes?limit=200')
    const names = listed.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('list:'))).toEqual(items.map(({ name }) => name))
    expect(new Set(names).size).toBe(names.length)
    expect((await call(reader, 'GET /scopes?limit=201')).status).toBe(400)
    // A new registry, because another one may cache the list of scopes of an earlier file for a minute.
    const metadata = await serve()('/.well-known/oauth-authorization-server')
    const { scopes_supported } = (await metadata.json()) as { scopes_supported: string[] }
    expect(scopes_supported).toContain('list:204')
  })

  it.each<[object, string, string]>([
    [{ sentence: 'x' }, 'name', 'name is required'],
    [{ name: 'a b', sentence: 'x' }, 'name', 'is not a scope'],
    [{ name: '..', sentence: 'x' }, 'name', 'name must not be . or ..'],
    [{ name: 'registry:own', sentence: 'x' }, 'name', 'must not begin with registry:'],
    [{ name: 'bad', sentence: 'a\nb' }, 'sentence', 'one line'],
    [{ name: 'bad', sentence: 'a', sensitive: 'yes' }, 'sensitive', 'must be true or false'],
    [{ name: 'bad', sentence: 'a', more: 1 }, 'more', 'there is no member more'],
  ])(
    'the declaration %j is refused, and the problem names the member',
    async (body, field, detail) => {
      const refused = await call(admin, 'POST /scopes', { body })
      expect(await documentIn(refused, 400)).toMatchObject({
        field,
        detail: expect.stringContaining(detail),
      })
    },
  )
})

it('the list of categories is paged, and replaced as a whole at the version that was read', async () => {
  const list = (query = '') => call(reader, `GET /categories${query}` as 'GET /categories')
  const before = await list()
  const items = Array.from({ length: 205 }, (_, n) => ({
    name: `cs.${String.fromCharCode(65 + Math.floor(n / 26), 65 + (n % 26))}`,
    title: `Title ${n}`,
  }))
  const replace = (all: object[], ifMatch?: string) =>
    call(admin, 'PUT /categories', { body: { items: all }, ...(ifMatch && { ifMatch }) })
  expect((await replace(items)).status).toBe(428)
  const replaced = await replace(items, before.headers.get('ETag') ?? '')
  expect(await documentIn(replaced)).toMatchObject({ added: 205, changed: 0 })
  expect((await replace([], before.headers.get('ETag') ?? '')).status).toBe(412)

  const first = await list('?limit=200')
  expect(first.headers.get('ETag')).toBe(replaced.headers.get('ETag'))
  const page = await documentIn<List>(first)
  expect(page.items).toEqual(items.slice(0, 200))
  const rest = await documentIn<List>(await list(`?limit=200&after=${page.next}`))
  expect(rest).toEqual({ items: items.slice(200), next: null })

  const bad = await replace([...items, { name: 'cs.*', title: 'All' }], '*')
  expect(await documentIn(bad, 400)).toMatchObject({ field: 'items[205].name' })
  const emptied = await replace([], '*')
  expect(await documentIn(emptied)).toEqual({ added: 0, changed: 0, removed: 205 })
})

it('a declaration needs registry:admin, and its refusal names this scope', async () => {
  for (const scope of [
    'registry:read',
    'registry:clients',
    'registry:users',
    'registry:sessions',
  ]) {
    const caller = await newAdministrator(scope)
    for (const [what, body] of [
      ['POST /scopes', { name: 'escalated', sentence: 'x' }],
      ['PATCH /scopes', { items: [{ name: 'escalated', sentence: 'x' }] }],
      ['PATCH /scopes/escalated', { sentence: 'x' }],
      ['DELETE /scopes/escalated', undefined],
      ['PUT /categories', { items: [] }],
    ] as const) {
      const refused = await call(caller, what, { body, ifMatch: '*' })
      expect([what, refused.status]).toEqual([what, 403])
      expect(refused.headers.get('WWW-Authenticate')).toContain('scope="registry:admin"')
    }
  }
  expect((await call(reader, 'GET /scopes/escalated')).status).toBe(404)
})
