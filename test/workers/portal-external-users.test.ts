/** The portal with an external accounts service (`LOGIN_URL`): its users own clients too. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { newOwner, ownerWith, register } from './portal.ts'
import { ISSUER, serve } from './registry.ts'
import { browserRecord, store } from './stored-session.ts'

const LOGIN_URL = 'https://accounts.example/login'
const fetch = serve({ LOGIN_URL })

async function externalOwner(userId: string) {
  const user = { user_id: userId, username: `name-of-${userId}`, email: 'e@example.org' }
  const token = await store(mintToken('browserSession'), { ...browserRecord(), user })
  return ownerWith({ id: userId, username: user.username }, `registry_session=${token}`, fetch)
}

describe('the portal with an external accounts service', () => {
  it('a visitor who is not signed in is sent to the accounts service and back', async () => {
    const answer = await fetch('/clients?page=2')
    const to = new URL(answer.headers.get('Location') ?? '')
    expect([answer.status, to.origin + to.pathname]).toEqual([303, LOGIN_URL])
    expect(to.searchParams.get('next_page')).toBe(`${ISSUER}/clients?page=2`)
  })

  it('a user of the accounts service registers a client, and no other user sees it', async () => {
    const [ada, bea] = [await externalOwner('e-1'), await externalOwner('e-2')]
    const { id } = await register(ada)
    const row = await env.DB.prepare('SELECT owner_id FROM client WHERE client_id = ?1')
      .bind(id)
      .first()
    expect(row).toEqual({ owner_id: 'e-1' })
    expect(await ada.page(`/clients/${id}`)).toContain('Reading list')
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
  })

  it('an owner names a user whom the registry has seen by name or id', async () => {
    const [ada, bea] = [await externalOwner('e-3'), await externalOwner('e-4')]
    const { id } = await register(ada)
    const path = `/clients/${id}/owners`
    expect((await ada.submit(path, { owner: bea.user.username }, 'add')).status).toBe(400)
    await env.DB.prepare(
      'INSERT INTO external_user (user_id, username_key, seen_at) VALUES (?1, ?2, 1)',
    )
      .bind('e-4', bea.user.username)
      .run()
    expect((await ada.submit(path, { owner: bea.user.username }, 'add')).status).toBe(303)
    expect(await bea.page(`/clients/${id}`)).toContain('Reading list')
  })

  it('owners see each other by the name that was last seen, with the id beside it, and themselves by their own', async () => {
    const [ada, bea] = [await externalOwner('e-7'), await externalOwner('e-8')]
    const { id } = await register(ada)
    const path = `/clients/${id}/owners`
    // The registry has not seen this user, but knows the id by a consent.
    await env.DB.prepare(
      `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES ('e-8', ?1, '', '', 1)`,
    )
      .bind(id)
      .run()
    expect((await ada.submit(path, { owner: 'e-8' }, 'add')).status).toBe(303)
    expect(await bea.page(path)).toContain('<bdi>name-of-e-7 (e-7)</bdi>')
    expect(await bea.page(path)).toContain('<bdi>name-of-e-8</bdi></strong> (you)')
    expect(await ada.page(path)).toContain('<bdi>e-8</bdi>')
    await register(bea)
    for (const page of [path, `/clients/${id}`, `/clients/${id}/leave`]) {
      expect(await ada.page(page)).toContain('name-of-e-8 (e-8)')
    }
  })

  it('a registration by a user of the registry itself notes no external user', async () => {
    const owner = await newOwner()
    await register(owner)
    const seen = await env.DB.prepare('SELECT 1 FROM external_user WHERE user_id = ?1')
      .bind(owner.user.id)
      .first()
    expect(seen).toBe(null)
  })

  it('a name that several users have names none of them, and tells no id', async () => {
    const ada = await externalOwner('e-5')
    const { id } = await register(ada)
    const insert = 'INSERT INTO external_user (user_id, username_key, seen_at) VALUES (?1, ?2, 1)'
    await env.DB.batch(['twin-1', 'twin-2'].map((one) => env.DB.prepare(insert).bind(one, 'twin')))
    const answer = await ada.submit(`/clients/${id}/owners`, { owner: 'twin' }, 'add')
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toContain('twin-1')
  })

  it('control: a registry with users of its own does not take the session of a user whom it does not know', async () => {
    const { cookie, user } = await externalOwner('e-6')
    const answer = await ownerWith(user, cookie).get('/clients')
    expect(answer.headers.get('Location')).toMatch(/^\/login/)
    expect((await newOwner()).user.id).not.toBe('e-6')
  })
})
