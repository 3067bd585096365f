/** Resources over the management API: declared, read, changed, deleted, and who may. */

import { beforeAll, describe, expect, it } from 'vitest'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { everythingButRefusals } from './registering.ts'
import { serve } from './registry.ts'
import { newKeyText } from './signing.ts'

let admin: Administrator
beforeAll(async () => {
  admin = await newAdministrator()
})

let count = 0
const newBody = (more: object = {}) => {
  count += 1
  return { uri: `https://api${count}.example`, name: 'Your files', scopes: ['files:read'], ...more }
}
const at = (uri: string) => `/resources/${encodeURIComponent(uri)}` as const
const ANY = { ifMatch: '*' }

describe('resources over the management API', () => {
  it('a resource is declared once, in its canonical form, and a repeated request changes nothing', async () => {
    const body = newBody()
    const written = { ...body, uri: `${body.uri.replace('https', 'HTTPS')}:443/` }
    const created = await call(admin, 'POST /resources', { body: written })
    expect(created.headers.get('Location')).toContain(encodeURIComponent(body.uri))
    expect(created.headers.get('ETag')).toMatch(/^"v\d+"$/)
    expect(await documentIn(created, 201)).toMatchObject({
      ...body,
      access_token_lifetime_seconds: 900,
      require_dpop: false,
      require_pkce: false,
      token_format: 'opaque',
    })
    expect((await call(admin, 'POST /resources', { body })).status).toBe(200)
    const other = { ...body, name: 'Another' }
    expect((await call(admin, 'POST /resources', { body: other })).status).toBe(409)
  })

  it('a resource is shown, listed, changed at the version that was read, and deleted', async () => {
    const body = newBody({ require_dpop: true })
    await call(admin, 'POST /resources', { body })
    const shown = await call(admin, `GET ${at(body.uri)}`)
    const etag = shown.headers.get('ETag') ?? ''
    expect(await documentIn(shown)).toMatchObject(body)
    const change = { body: { require_dpop: false }, ifMatch: etag }
    const changed = await call(admin, `PATCH ${at(`${body.uri}/`)}`, change)
    expect(await documentIn(changed)).toMatchObject({ ...body, require_dpop: false })
    expect((await call(admin, `PATCH ${at(body.uri)}`, change)).status).toBe(412)
    const { items } = await documentIn<{ items: { uri: string }[] }>(
      await call(admin, 'GET /resources?limit=200'),
    )
    expect(items.map(({ uri }) => uri)).toContain(body.uri)
    expect((await call(admin, `DELETE ${at(body.uri)}`, ANY)).status).toBe(200)
    expect((await call(admin, `GET ${at(body.uri)}`)).status).toBe(404)
  })

  it('a resource with signed tokens is declared with their lifetime, unless the body says otherwise', async () => {
    const fetch = serve({ SIGNING_KEYS: await newKeyText() })
    const declare = async (more: object) =>
      documentIn(await call(admin, 'POST /resources', { body: newBody(more), fetch }), 201)
    expect(await declare({ token_format: 'jwt' })).toMatchObject({
      token_format: 'jwt',
      access_token_lifetime_seconds: 600,
    })
    const explicit = { token_format: 'jwt', access_token_lifetime_seconds: 120 }
    expect(await declare(explicit)).toMatchObject(explicit)
    const { uri } = await declare({})
    const change = { body: { token_format: 'jwt' }, ...ANY, fetch }
    expect(await documentIn(await call(admin, `PATCH ${at(String(uri))}`, change))).toMatchObject({
      token_format: 'jwt',
      access_token_lifetime_seconds: 900,
    })
  })

  it('a registry without SIGNING_KEYS refuses a resource with signed tokens, even if the caller sends Registry-Signs', async () => {
    const headers = { 'Registry-Signs': 'yes' }
    const body = newBody({ token_format: 'jwt' })
    const before = await everythingButRefusals()
    const answers = [
      await call(admin, 'POST /resources', { body }),
      await call(admin, 'POST /resources', { body, headers }),
    ]
    for (const answer of answers) {
      expect(await documentIn(answer, 400)).toMatchObject({
        detail: 'token_format cannot be jwt: the registry has no SIGNING_KEYS to sign tokens with',
      })
    }
    expect(await everythingButRefusals()).toEqual(before)
    const { uri } = await documentIn(await call(admin, 'POST /resources', { body: newBody() }), 201)
    const change = { body: { token_format: 'jwt' }, ...ANY, headers }
    expect((await call(admin, `PATCH ${at(String(uri))}`, change)).status).toBe(400)
    // Control: a field that needs no keys can be changed.
    const renamed = { body: { name: 'Files' }, ...ANY }
    expect((await call(admin, `PATCH ${at(String(uri))}`, renamed)).status).toBe(200)
  })

  it.each<[field: string, more: object]>([
    ['uri', { uri: 'files' }],
    ['uri', { uri: 'https://files.example#a' }],
    ['name', { name: '' }],
    ['scopes', { scopes: [] }],
    ['scopes', { scopes: ['registry:read'] }],
    ['scopes', { scopes: ['offline_access'] }],
    ['scopes', { scopes: ['a b'] }],
    ['access_token_lifetime_seconds', { access_token_lifetime_seconds: 59 }],
    ['access_token_lifetime_seconds', { access_token_lifetime_seconds: null }],
    ['require_dpop', { require_dpop: 1 }],
    ['token_format', { token_format: 'JWT' }],
    ['token_format', { token_format: null }],
    ['audience', { audience: 'x' }],
  ])(
    'a resource with an invalid %s is refused, the problem names the field, and nothing is written',
    async (field, more) => {
      const before = await everythingButRefusals()
      const response = await call(admin, 'POST /resources', { body: newBody(more) })
      expect((await documentIn(response, 400)).field).toContain(field)
      expect(await everythingButRefusals()).toEqual(before)
    },
  )

  it('the default resources of a client must be declared, and cannot be deleted', async () => {
    const body = newBody()
    await call(admin, 'POST /resources', { body })
    const client = {
      name: 'C',
      owner_id: 'o',
      scopes: ['files:read'],
      default_resources: [`${body.uri}/`],
    }
    const created = await documentIn(await call(admin, 'POST /clients', { body: client }), 201)
    expect(created.default_resources).toEqual([body.uri])
    expect((await call(admin, `DELETE ${at(body.uri)}`, ANY)).status).toBe(409)
    const unknown = { ...client, default_resources: ['https://none.example'] }
    const refused = await call(admin, 'POST /clients', { body: unknown })
    expect((await documentIn(refused, 400)).field).toBe('default_resources')
    const path = `/clients/${created.client_id}` as const
    const emptied = await call(admin, `PATCH ${path}`, { body: { default_resources: [] }, ...ANY })
    expect((await documentIn(emptied)).default_resources).toEqual([])
    expect((await call(admin, `DELETE ${at(body.uri)}`, ANY)).status).toBe(200)
  })

  it.each(['registry:read', 'registry:clients', 'registry:users', 'registry:sessions'])(
    'a caller with the scope %s cannot change a resource',
    async (scope) => {
      const body = newBody()
      await call(admin, 'POST /resources', { body })
      const lesser = await newAdministrator(scope)
      const attempts = [
        () => call(lesser, 'POST /resources', { body: newBody() }),
        () => call(lesser, `PATCH ${at(body.uri)}`, { body: { name: 'X' }, ...ANY }),
        () => call(lesser, `DELETE ${at(body.uri)}`, ANY),
      ]
      for (const attempt of attempts) expect((await attempt()).status).toBe(403)
      expect(await documentIn(await call(admin, `GET ${at(body.uri)}`))).toMatchObject(body)
    },
  )
})
