/** Users over the management API, from their registration to their end. */

import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Administrator,
  call,
  documentIn,
  itemsOf,
  newAdministrator,
} from './administration.ts'
import { authStatus, userTokens } from './obtaining.ts'
import { attemptSignIn, newClient, newUser } from './registry.ts'

let users: Administrator
let reader: Administrator
beforeAll(async () => {
  users = await newAdministrator('registry:users')
  reader = await newAdministrator('registry:read')
})

type Document = Record<string, unknown> & { user_id: string }
const PASSWORD = 'a password of eight words is long enough'
let made = 0
const newName = () => {
  made += 1
  return `keeper${made}`
}
const bodyOf = (username: string) => ({
  username,
  email: `${username}@example.org`,
  scopes: ['submission:read'],
})

const created = async (more: object = {}) => {
  const body = { ...bodyOf(newName()), ...more }
  const response = await call(users, 'POST /users', { body })
  const document = await documentIn<Document & { username: string }>(response, 201)
  return { body, document, etag: response.headers.get('ETag') ?? '', response }
}

describe('a user', () => {
  it('a user is registered, shown by id and by name, changed, disabled and deleted', async () => {
    const { document, etag, response } = await created()
    const { user_id: id, username } = document
    expect(response.headers.get('Location')).toBe(`/admin/v1/users/${id}`)
    for (const path of [
      `/users/${id}`,
      `/users/${username}?by=username`,
      `/users/${id}?by=any`,
      `/users/${username}?by=any`,
    ] as const) {
      const shown = await call(reader, `GET ${path}`)
      expect(shown.headers.get('ETag')).toBe(etag)
      expect(await documentIn(shown)).toEqual(document)
    }
    expect((await call(reader, `GET /users/${username}`)).status).toBe(404)
    expect((await call(reader, `GET /users/${id}?by=username`)).status).toBe(404)

    const renamed = await call(users, `PATCH /users/${id}`, {
      body: { email: 'new@example.org' },
      ifMatch: etag,
    })
    expect(await documentIn(renamed)).toMatchObject({ email: 'new@example.org', username })
    const stale = await call(users, `PATCH /users/${id}`, {
      body: { email: 'old@example.org' },
      ifMatch: etag,
    })
    expect(await documentIn(stale, 412)).toMatchObject({ field: 'If-Match' })

    const disabled = await call(users, `PATCH /users/${username}?by=username`, {
      body: { disabled: true },
      ifMatch: renamed.headers.get('ETag') ?? '',
    })
    expect(await documentIn(disabled)).toMatchObject({ disabled_at: expect.any(String) })
    const deleted = await call(users, `DELETE /users/${id}`, { ifMatch: '*' })
    expect(await documentIn(deleted)).toMatchObject({ user_id: id })
    expect((await call(reader, `GET /users/${id}`)).status).toBe(404)
    const { items } = await documentIn<{ items: { event: string }[] }>(
      await call(reader, `GET /audit?user_id=${id}`),
    )
    expect(items.map(({ event }) => event)).toContain('user.delete')
  })

  it('the deletion of a user names the clients that lose their owner, and changes none of them', async () => {
    const { document } = await created()
    const owned = await newClient({ ownerId: document.user_id })
    const deleted = await call(users, `DELETE /users/${document.user_id}`, { ifMatch: '*' })
    expect(await documentIn(deleted)).toMatchObject({
      notes: [expect.stringContaining(`was the first owner of ${owned.id}: `)],
    })
    // Control: a user who owns none.
    const other = (await created()).document.user_id
    const answer = await call(users, `DELETE /users/${other}`, { ifMatch: '*' })
    expect(await documentIn(answer)).not.toHaveProperty('notes')
  })

  it('a user without a password cannot sign in until one is set, and a new password ends the tokens of the user', async () => {
    const { document, etag } = await created()
    const { user_id: id, username } = document
    const signsIn = async () => (await attemptSignIn(username, { password: PASSWORD })).status
    expect(await signsIn()).toBe(403)
    const set = await call(users, `PUT /users/${id}/password`, {
      body: { password: PASSWORD },
      ifMatch: etag,
    })
    expect(JSON.stringify(await documentIn(set))).not.toContain(PASSWORD)
    expect(await signsIn()).toBe(303)

    const person = await newUser()
    const { access } = await userTokens(await newClient(), person)
    expect(await authStatus(access)).toBe(200)
    const again = await call(users, `PUT /users/${person.id}/password`, {
      body: { password: PASSWORD },
      ifMatch: '*',
    })
    expect(again.status).toBe(200)
    expect(await authStatus(access)).toBe(401)
  })

  it('permissions of a user are given and withdrawn, and a token with a withdrawn scope ends', async () => {
    const person = await newUser()
    const { access } = await userTokens(await newClient(), person)
    const path = `/users/${person.id}/permissions` as const
    const given = await call(users, `POST ${path}`, {
      body: { authorize: { scopes: ['upload:read'] } },
      ifMatch: '*',
    })
    expect(await documentIn(given)).toMatchObject({
      scopes: ['public:read', 'submission:read', 'upload:read'],
    })
    expect(await authStatus(access)).toBe(200)
    const taken = await call(users, `POST ${path}`, {
      body: { withdraw: { scopes: ['submission:read'] } },
      ifMatch: given.headers.get('ETag') ?? '',
    })
    expect(await documentIn(taken)).toMatchObject({ scopes: ['public:read', 'upload:read'] })
    expect(await authStatus(access)).toBe(401)
  })

  it('a registration with a chosen user_id can be repeated, and different content or a taken name is a conflict', async () => {
    const name = newName()
    const body = { ...bodyOf(name), user_id: `id-of.${name}`, password: PASSWORD }
    const first = await call(users, 'POST /users', { body })
    await documentIn(first, 201)
    const again = await call(users, 'POST /users', { body })
    expect(await documentIn(again, 200)).toMatchObject({ username: name })
    expect(again.headers.get('ETag')).toBe(first.headers.get('ETag'))
    const other = await call(users, 'POST /users', { body: { ...body, email: 'x@example.org' } })
    expect(await documentIn(other, 409)).toMatchObject({ field: 'user_id' })
    const taken = await call(users, 'POST /users', { body: bodyOf(name.toUpperCase()) })
    expect(await documentIn(taken, 409)).toMatchObject({ field: 'username' })
  })
})

it('the list of users is paged, filtered by a part of the name, and never has more than 200 entries', async () => {
  for (let n = 0; n < 3; n += 1) await created({ username: `page-of-${n}` })
  const found = await itemsOf<Document>(reader, '/users?name=PAGE-OF&limit=2')
  const ids = found.map(({ user_id }) => user_id)
  expect(new Set(ids).size).toBe(3)
  expect((await call(reader, 'GET /users?limit=201')).status).toBe(400)
})

it.each<[object, string | undefined, string]>([
  [{ email: 'a@example.org' }, 'username', 'username is required'],
  [{ ...bodyOf('two words') }, 'username', 'username must be one word'],
  [{ ...bodyOf('short'), password: 'short' }, 'password', 'at least 8 characters'],
  [{ ...bodyOf('mail'), email: 'mail' }, 'email', 'is not an e-mail address'],
  [{ ...bodyOf('listed'), scopes: ['a', ''] }, 'scopes[1]', 'is not a scope'],
  [{ ...bodyOf('more'), password_hash: 'x' }, 'password_hash', 'there is no member password_hash'],
])(
  'a registration of a user with %j is refused, and the problem names the member',
  async (body, field, detail) => {
    const problem = await documentIn(await call(users, 'POST /users', { body }), 400)
    expect(problem).toMatchObject({ field, detail: expect.stringContaining(detail) })
    expect(JSON.stringify(problem)).not.toContain('"short"')
  },
)

it('a caller without registry:admin can neither give a user a registry: scope nor set the password of a user who has one', async () => {
  const given = await call(users, 'POST /users', {
    body: { ...bodyOf(newName()), scopes: ['registry:read'] },
  })
  expect(await documentIn(given, 403)).toMatchObject({ field: 'scopes' })
  const operator = await newUser({ scopes: ['registry:admin'] })
  const set = await call(users, `PUT /users/${operator.id}/password`, {
    body: { password: PASSWORD },
    ifMatch: '*',
  })
  expect(set.status).toBe(403)
  expect((await attemptSignIn(operator.username, { password: PASSWORD })).status).toBe(403)
})
