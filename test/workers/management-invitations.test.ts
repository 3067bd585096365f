/** Invitations over the management API: who may make one, and that its link works. */

import { beforeAll, describe, expect, it } from 'vitest'
import { type Administrator, call, documentIn, newAdministrator } from './administration.ts'
import { NEW_PASSWORD, setPassword } from './inviting.ts'
import { attemptSignIn, ISSUER, newUser, PASSWORD, registry, serve } from './registry.ts'

let users: Administrator
beforeAll(async () => {
  users = await newAdministrator('registry:users')
})

type Invited = Readonly<{ invitation_url: string }>
const ANY = { ifMatch: '*' }
const canSignIn = async (username: string, password: string) =>
  (await attemptSignIn(username, { password })).status === 303

describe('an invitation over the management API', () => {
  it('an operator creates a user without a password and gets a link with which the user sets one', async () => {
    const body = { username: 'invited1', email: 'invited1@example.org' }
    const created = await call(users, 'POST /users', { body })
    const { user_id: id } = await documentIn(created, 201)
    expect(await canSignIn('invited1', '')).toBe(false)
    const ifMatch = created.headers.get('ETag') ?? ''
    const response = await call(users, `POST /users/${id}/invitations`, { ifMatch })
    const invited = await documentIn<Invited>(response, 201)
    expect(invited).toEqual({
      user_id: id,
      invitation_url: expect.stringMatching(new RegExp(`^${ISSUER}/invitation#regi_[\\w-]{49}$`)),
      expires_in_seconds: 86_400,
    })
    expect(response.headers.get('ETag')).not.toBe(ifMatch)
    const { pathname } = new URL(invited.invitation_url)
    expect((await registry(pathname)).status).toBe(200)
    expect((await setPassword(invited.invitation_url)).status).toBe(200)
    expect(await canSignIn('invited1', NEW_PASSWORD)).toBe(true)
    const audit = await documentIn<{ items: { actor: string; event: string }[] }>(
      await call(await newAdministrator('registry:read'), `GET /audit?user_id=${id}`),
    )
    expect(audit.items.map(({ actor, event }) => `${event} by ${actor.split(':')[0]}`)).toEqual([
      'user.set_password by invitation',
      'user.invite by client',
      'user.create by client',
    ])
  })

  it('a user is invited by name, and keeps the old password until the link is used', async () => {
    const { username } = await newUser()
    const path = `/users/${username}/invitations?by=username` as const
    await documentIn(await call(users, `POST ${path}`, ANY), 201)
    expect(await canSignIn(username, PASSWORD)).toBe(true)
  })

  it('an invitation without If-Match, for another version or with a body is refused, and an earlier link stays open', async () => {
    const { id, username } = await newUser()
    const path = `POST /users/${id}/invitations` as const
    const { invitation_url: link } = await documentIn<Invited>(await call(users, path, ANY), 201)
    expect((await call(users, path)).status).toBe(428)
    expect((await call(users, path, { ifMatch: '"v1"' })).status).toBe(412)
    expect((await call(users, path, { ...ANY, body: {} })).status).toBe(400)
    expect((await setPassword(link)).status).toBe(200)
    expect(await canSignIn(username, NEW_PASSWORD)).toBe(true)
  })

  it.each(['registry:clients', 'registry:read', 'registry:sessions'])(
    'a caller with only %s cannot invite a user',
    async (scope) => {
      const { id } = await newUser()
      const caller = await newAdministrator(scope)
      expect((await call(caller, `POST /users/${id}/invitations`, ANY)).status).toBe(403)
    },
  )

  it('only registry:admin can invite a user with a scope that administers the registry', async () => {
    const { id } = await newUser({ scopes: ['registry:read'] })
    const path = `POST /users/${id}/invitations` as const
    expect((await call(users, path, ANY)).status).toBe(403)
    expect((await call(await newAdministrator(), path, ANY)).status).toBe(201)
  })

  it('an invitation of an unknown user is 404, and with LOGIN_URL every invitation is 409', async () => {
    expect((await call(users, 'POST /users/nobody/invitations', ANY)).status).toBe(404)
    const { id } = await newUser()
    const fetch = serve({ LOGIN_URL: 'https://accounts.example/login' })
    const answer = await call(users, `POST /users/${id}/invitations`, { ...ANY, fetch })
    expect(await documentIn(answer, 409)).toMatchObject({
      detail: expect.stringContaining('users sign in at LOGIN_URL'),
    })
  })
})

describe('the page of invitations', () => {
  it('/invitation refuses another method with 405 and names the allowed ones', async () => {
    const answer = await registry('/invitation', { method: 'DELETE' })
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'GET, HEAD, POST'])
  })

  it('without a management worker /invitation is 404, as HTML', async () => {
    const answer = await serve({ MANAGEMENT: undefined })('/invitation')
    expect(answer.status).toBe(404)
    expect(answer.headers.get('Content-Type')).toContain('text/html')
  })

  it('while the management worker fails, /invitation is 503, as HTML', async () => {
    const fails = { fetch: () => Promise.reject(new Error('no answer')) }
    const answer = await serve({ MANAGEMENT: fails })('/invitation')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Content-Type')).toContain('text/html')
  })
})
