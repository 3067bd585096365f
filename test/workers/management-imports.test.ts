/** Clients of another registry over the management API: whole, with their ids, digests and dates. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { over } from './counting.ts'
import { auditOf, everything, everythingButRefusals } from './registering.ts'
import {
  basicOf,
  post,
  redemptionOf,
  refusal,
  serve,
  type TestClient,
  tokenIn,
} from './registry.ts'

let admin: Administrator
beforeAll(async () => {
  admin = await newAdministrator()
})

/** A secret as the original registry created it: 48 characters. */
const SECRET = 'kzBn4TqVwG8sYd1LrM6pXc3FhJ9aEo2uKiQ7bRtNyZ5mDfCg'

let made = 0
async function row(more: Record<string, unknown> = {}) {
  made += 1
  return {
    client_id: `${1000 + made}`,
    name: 'Reading list',
    owner_id: '17',
    auth_method: 'client_secret_post',
    redirect_uris: ['https://reading.example/callback'],
    permissions: [
      permission('scope', 'public:read', '2018-03-02T09:30:00Z'),
      permission('scope', 'submission:create', null),
      permission('grant_type', 'client_credentials', '2018-03-02T09:30:00Z'),
    ],
    credentials: [{ secret_digest: await hexDigest(SECRET), created_at: CREATED }],
    created_at: CREATED,
    ...more,
  }
}
const CREATED = '2018-03-01T12:00:00Z'
const permission = (kind: string, value: string, authorized_at: string | null) => ({
  kind,
  value,
  requested_at: CREATED,
  authorized_at,
})
type Row = Awaited<ReturnType<typeof row>>

type Result = {
  client_id: string | null
  outcome: string
  problem?: { field: string | null; detail: string }
}
async function imported(clients: readonly unknown[], more: object = {}): Promise<Result[]> {
  const response = await call(admin, 'POST /imports', { body: { clients, ...more } })
  return (await documentIn<{ results: Result[] }>(response)).results
}

/** The id of an imported client, whose secret is `SECRET`. */
async function importedId() {
  const given = await row()
  await imported([given])
  return given.client_id
}

const tokenFor = (client: TestClient, more: Record<string, string> = {}) =>
  post('/token', {
    grant_type: 'client_credentials',
    client_id: client.id,
    client_secret: client.secret,
    ...more,
  })

describe('an imported client', () => {
  it('an imported client keeps its id and its dates, and its old secret gets a token with only the authorized scopes', async () => {
    const given = await row()
    const { client_id: id } = given
    expect(await imported([given])).toEqual([{ client_id: id, outcome: 'created' }])

    const response = await tokenFor({ id, secret: SECRET })
    expect(response.status).toBe(200)
    expect((await tokenIn(response)).scope).toBe('public:read')
    const unauthorized = await tokenFor({ id, secret: SECRET }, { scope: 'submission:create' })
    expect(await refusal(unauthorized)).toMatchObject({ status: 400, error: 'invalid_scope' })

    const shown = await documentIn(await call(admin, `GET /clients/${id}`))
    expect(shown).toMatchObject({
      client_id: id,
      redirect_uris: given.redirect_uris,
      requested_scopes: ['submission:create'],
      created_at: '2018-03-01T12:00:00.000Z',
      permissions: expect.arrayContaining([
        {
          kind: 'scope',
          value: 'public:read',
          requested_at: '2018-03-01T12:00:00.000Z',
          authorized_at: '2018-03-02T09:30:00.000Z',
        },
        {
          kind: 'scope',
          value: 'submission:create',
          requested_at: '2018-03-01T12:00:00.000Z',
          authorized_at: null,
        },
      ]),
    })
  })

  it('an imported secret is accepted only in the body, as in the original registry, and a wrong secret is refused', async () => {
    const id = await importedId()
    const basic = await post(
      '/token',
      { grant_type: 'client_credentials' },
      basicOf({ id, secret: SECRET }),
    )
    expect(await refusal(basic)).toMatchObject({ status: 401, error: 'invalid_client' })
    const other = await tokenFor({ id, secret: SECRET.toLowerCase() })
    expect(await refusal(other)).toMatchObject({ status: 401, error: 'invalid_client' })
    expect((await tokenFor({ id, secret: SECRET })).status).toBe(200)
  })

  it('a digest presented as the secret is refused', async () => {
    const id = await importedId()
    const presented = await tokenFor({ id, secret: await hexDigest(SECRET) })
    expect(await refusal(presented)).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  it('a new secret replaces an imported one', async () => {
    const id = await importedId()
    const rotation = await call(admin, `POST /clients/${id}/secrets`, {
      body: { overlap_seconds: 0 },
      ifMatch: '*',
    })
    const { client_secret: secret = '' } = await documentIn<{ client_secret: string }>(
      rotation,
      201,
    )
    expect((await tokenFor({ id, secret })).status).toBe(200)
    expect((await tokenFor({ id, secret: SECRET })).status).toBe(401)
  })

  it('a client that is imported as disabled obtains no token', async () => {
    const given = await row({ disabled_at: '2019-01-01T00:00:00Z' })
    await imported([given])
    const refused = await tokenFor({ id: given.client_id, secret: SECRET })
    expect(await refusal(refused)).toMatchObject({ status: 401, token: undefined })
  })

  it('an imported grant type that was only requested is refused', async () => {
    const given = await row({
      permissions: [
        permission('scope', 'public:read', CREATED),
        permission('grant_type', 'client_credentials', null),
      ],
    })
    await imported([given])
    const refused = await tokenFor({ id: given.client_id, secret: SECRET })
    expect(await refusal(refused)).toMatchObject({ status: 400, error: 'unauthorized_client' })
    const code = await post(
      '/token',
      redemptionOf({ id: given.client_id, secret: SECRET }, 'regc_unknown'),
    )
    expect(await refusal(code)).toMatchObject({ status: 400, token: undefined })
  })

  it('the audit names who imported a client, and contains no digest', async () => {
    const given = await row()
    await imported([given])
    expect(await auditOf('client_id', given.client_id)).toEqual(['client.import'])
    const found = await env.DB.prepare('SELECT actor, detail FROM audit WHERE client_id = ?1')
      .bind(given.client_id)
      .first<{ actor: string; detail: string }>()
    expect(found?.actor).toBe(`client:${admin.client.id}`)
    expect(JSON.parse(found?.detail ?? '')).toMatchObject({
      name: 'Reading list',
      owner_id: '17',
      scopes: ['public:read'],
      grant_types: ['client_credentials'],
      requested: ['submission:create'],
    })
    expect(found?.detail).not.toContain(await hexDigest(SECRET))
  })

  it('an import keeps a description with any characters unchanged', async () => {
    const description = 'Å "quoted" \\ \u2028 \u{1F600} \t\n{field} %s ?1 \' -- ; \u0001 {"a":1}'
    const given = await row({ description })
    await imported([given])
    const shown = await documentIn(await call(admin, `GET /clients/${given.client_id}`))
    expect(shown.description).toBe(description)
    expect(await imported([given])).toMatchObject([{ outcome: 'unchanged' }])
  })
})

describe('a repeated import', () => {
  it('a repeated import changes nothing', async () => {
    const clients = [
      await row(),
      await row({ permissions: undefined, credentials: undefined, redirect_uris: undefined }),
    ]
    await imported(clients)
    const before = await everything()
    expect(await imported(clients)).toMatchObject([
      { outcome: 'unchanged' },
      { outcome: 'unchanged' },
    ])
    expect(await everything()).toEqual(before)
  })

  it('a repeated import after an interruption keeps existing clients and creates the others', async () => {
    const clients = [await row(), await row(), await row()]
    await imported(clients.slice(0, 2))
    const outcomes = (await imported(clients)).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(['unchanged', 'unchanged', 'created'])
  })

  const DIFFERENCES: readonly [string, (given: Row) => object][] = [
    ['name', () => ({ name: 'Other' })],
    ['redirect URI', () => ({ redirect_uris: [] })],
    ['secret', () => ({ credentials: [] })],
    ['permission', ({ permissions }) => ({ permissions: permissions.slice(1) })],
    [
      'authorization',
      ({ permissions }) => ({
        permissions: permissions.map((one) => ({ ...one, authorized_at: CREATED })),
      }),
    ],
    ['state', () => ({ disabled_at: CREATED })],
  ]
  it.each(DIFFERENCES)(
    'an import of an existing client with another %s is refused and changes nothing',
    async (_, change) => {
      const given = await row()
      await imported([given])
      const before = await everything()
      const other = { ...given, ...change(given) }
      expect(await imported([other])).toMatchObject([
        { client_id: given.client_id, outcome: 'refused', problem: { field: 'client_id' } },
      ])
      expect(await everything()).toEqual(before)
    },
  )

  it('a dry run of an import states the outcomes and writes nothing', async () => {
    const known = await row()
    await imported([known])
    const before = await everything()
    const results = await imported([known, await row(), await row({ name: '' })], { dry_run: true })
    expect(results.map(({ outcome }) => outcome)).toEqual(['unchanged', 'created', 'refused'])
    expect(await everything()).toEqual(before)
  })

  it('two simultaneous imports of the same clients create each client once', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => row()))
    const both = await Promise.all([imported(clients), imported([...clients].reverse())])
    const outcomes = both.flat().map(({ outcome }) => outcome)
    expect(outcomes.filter((one) => one === 'created')).toHaveLength(clients.length)
    expect(outcomes.filter((one) => one === 'unchanged')).toHaveLength(clients.length)
    for (const { client_id } of clients) {
      expect(await auditOf('client_id', client_id)).toEqual(['client.import'])
    }
  })
})

describe('an invalid client in an import', () => {
  const BAD: readonly [string, object, string | null][] = [
    ['an id with a space', { client_id: 'a b' }, 'client_id'],
    ['an id that is a number', { client_id: 7 }, 'client_id'],
    ['an empty name', { name: ' ' }, 'name'],
    ['no owner', { owner_id: undefined }, 'owner_id'],
    ['an unknown member', { redirect_uri: 'https://a.example' }, 'redirect_uri'],
    ['an http redirect URI', { redirect_uris: ['http://a.example/cb'] }, 'redirect_uris'],
    ['a url with the scheme javascript', { url: 'javascript:alert(1)' }, 'url'],
    ['a digest in upper case', { credentials: [credential('A'.repeat(64))] }, digestAt(0)],
    ['a digest that is too short', { credentials: [credential('a'.repeat(40))] }, digestAt(0)],
    [
      'a digest twice',
      { credentials: [credential('a'.repeat(64)), credential('a'.repeat(64))] },
      'credentials',
    ],
    ['a scope with a space', { permissions: [permission('scope', 'a b', null)] }, valueAt(0)],
    [
      'an unsupported grant type',
      { permissions: [permission('grant_type', 'implicit', null)] },
      valueAt(0),
    ],
    [
      'a permission of an unknown kind',
      { permissions: [permission('role', 'a', null)] },
      'permissions[0].kind',
    ],
    [
      'a permission twice',
      { permissions: [permission('scope', 'a:b', null), permission('scope', 'a:b', CREATED)] },
      'permissions',
    ],
    [
      'the 31st of February',
      { permissions: [permission('scope', 'a:b', '2018-02-31T00:00:00Z')] },
      'permissions[0].authorized_at',
    ],
    ['an instant without a zone', { created_at: '2018-03-01 12:00:00' }, 'created_at'],
    [
      'the code grant without a redirect URI',
      { redirect_uris: [], permissions: [permission('grant_type', 'authorization_code', null)] },
      'redirect_uris',
    ],
    [
      'a secret that its method does not use',
      { auth_method: 'private_key_jwt', jwks: JWKS() },
      'credentials',
    ],
    ['keys that cannot be read', { auth_method: 'private_key_jwt', jwks: { keys: [{}] } }, 'jwks'],
  ]
  it.each(BAD)(
    'an import of a client with %s is refused, and the other client of the request is imported',
    async (_, fault, field) => {
      const good = await row()
      const bad = { ...(await row()), ...fault }
      const [first, second] = await imported([bad, good])
      expect(first).toMatchObject({ outcome: 'refused', problem: { field } })
      expect(first?.problem?.detail).not.toMatch(/\{|\n/)
      expect(second).toEqual({ client_id: good.client_id, outcome: 'created' })
      if (typeof bad.client_id !== 'string') return
      const shown = await call(admin, `GET /clients/${encodeURIComponent(bad.client_id)}`)
      expect(shown.status).toBe(404)
    },
  )

  it.each([null, 7, 'client', [], [[]], {}])(
    'an imported row that is %j is refused, and the other row is imported',
    async (bad) => {
      const good = await row()
      const results = await imported([bad, good])
      expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'created'])
    },
  )

  it('an import that names an id twice refuses the second row', async () => {
    const given = await row()
    const results = await imported([given, { ...given, name: 'Other' }])
    expect(results).toMatchObject([
      { outcome: 'created' },
      { outcome: 'refused', problem: { field: 'client_id', detail: 'client_id is given twice' } },
    ])
  })
})

function credential(secret_digest: string) {
  return { secret_digest, created_at: CREATED }
}
function digestAt(index: number) {
  return `credentials[${index}].secret_digest`
}
function valueAt(index: number) {
  return `permissions[${index}].value`
}
/** RFC 7517, appendix A.1. */
function JWKS() {
  return {
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
        y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
      },
    ],
  }
}

describe('a request to import', () => {
  it('200 clients are imported in two round trips to D1 and six statements for its tables', async () => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => row()))
    const sizes: number[] = []
    const DB = over(env.DB, {
      batch: ((statements: D1PreparedStatement[]) => {
        sizes.push(statements.length)
        return env.DB.batch(statements)
      }) as D1Database['batch'],
    })
    const response = await call(admin, 'POST /imports', { body: { clients }, fetch: serve({ DB }) })
    const { results } = await documentIn<{ results: Result[] }>(response)
    expect(results.every(({ outcome }) => outcome === 'created')).toBe(true)
    expect(sizes.filter((size) => size > 1)).toEqual([6])
  })

  it.each([
    ['no client', []],
    ['201 clients', Array.from({ length: 201 }, () => ({}))],
  ])('an import of %s is refused, and the problem names the field', async (_, clients) => {
    const response = await call(admin, 'POST /imports', { body: { clients } })
    expect(await documentIn(response, 400)).toMatchObject({ field: 'clients' })
  })

  it('an import with a body of more than 1 MiB is refused with 413', async () => {
    const clients = [{ description: 'x'.repeat(2 ** 20) }]
    expect((await call(admin, 'POST /imports', { body: { clients } })).status).toBe(413)
  })

  it.each(['registry:clients', 'registry:users', 'registry:sessions', 'registry:read'])(
    'the scope %s does not suffice for an import, and nothing is written',
    async (scope) => {
      const lesser = await newAdministrator(scope)
      const before = await everythingButRefusals()
      const response = await call(lesser, 'POST /imports', { body: { clients: [await row()] } })
      expect(response.status).toBe(403)
      expect(await everythingButRefusals()).toEqual(before)
    },
  )

  it('an import whose batch fails is answered 503, writes nothing, and succeeds when it is repeated', async () => {
    const clients = [await row(), await row()]
    const before = await everything()
    const DB = over(env.DB, { batch: () => Promise.reject(new Error('storage is out of reach')) })
    const failed = await call(admin, 'POST /imports', { body: { clients }, fetch: serve({ DB }) })
    expect(failed.status).toBe(503)
    expect((await everything()).client).toEqual(before.client)
    expect(await imported(clients)).toMatchObject([{ outcome: 'created' }, { outcome: 'created' }])
  })
})
