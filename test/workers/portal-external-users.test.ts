/** The portal with an external accounts service (`LOGIN_URL`), whose users own clients too. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../src/crypto/token.ts'
import { formsOf } from '../node/forms.ts'
import { approvalPath, decide, newWaitingClient } from './approving.ts'
import {
  answerOffer,
  externalOwner,
  filled,
  minted,
  newOwner,
  offer,
  ownerWith,
  register,
} from './portal.ts'
import { recordOf } from './registering.ts'
import { ISSUER, newUser, serve, type TestUser } from './registry.ts'
import { authorizing, browserRecord, LIFETIME_SECONDS, store } from './stored-session.ts'

const LOGIN_URL = 'https://accounts.example/login'
const fetch = serve({ LOGIN_URL, DIRECTORY: 'on' })

/** A client that asks for two permissions, and an approver who decides on one at a time. */
async function waitingRequest(
  user: TestUser = { id: `e-${crypto.randomUUID()}`, username: 'kim' },
) {
  const [first, second] = [0, 1].map(() => `e${crypto.randomUUID().slice(0, 8)}:read`)
  const { clientId } = await newWaitingClient({
    lists: { scopes: [first, second].map(String), grantTypes: [] },
  })
  const path = approvalPath(clientId)
  const token = mintToken('browserSession')
  const approver = ownerWith(user, `registry_session=${token}`, fetch)
  const signedIn = (minutesAgo: number) => {
    const { start_time, end_time: _, ...session } = browserRecord()
    const start = Date.parse(start_time) - minutesAgo * 60_000
    return store(token, {
      ...session,
      start_time: new Date(start).toISOString(),
      end_time: new Date(start + LIFETIME_SECONDS * 1000).toISOString(),
      user: { user_id: user.id, username: user.username, email: 'kim@example.org' },
      ...authorizing(['registry:approve']),
    })
  }
  return {
    ...{ clientId, path, approver, signedIn },
    decideOnOne: async () => {
      const [waiting] = (await recordOf(clientId)).permissions.filter(
        ({ authorizedAt }) => authorizedAt === null,
      )
      const ticked = [`scope ${waiting?.value}`]
      expect((await decide(approver, clientId, 'approve', { ticked })).status).toBe(303)
    },
    states: async () =>
      (await recordOf(clientId)).permissions
        .map(({ authorizedAt }) => (authorizedAt === null ? 'requested' : 'authorized'))
        .toSorted(),
  }
}

describe('the portal with an external accounts service', () => {
  it('with LOGIN_URL the portal redirects a visitor without a session to the accounts service and back', async () => {
    const answer = await fetch('/clients?page=2')
    const to = new URL(answer.headers.get('Location') ?? '')
    expect([answer.status, to.origin + to.pathname]).toEqual([303, LOGIN_URL])
    expect(to.searchParams.get('next_page')).toBe(`${ISSUER}/clients?page=2`)
  })

  it('a user of the accounts service registers a client, and no other user sees it', async () => {
    const [ada, bea] = [await externalOwner('e-1', fetch), await externalOwner('e-2', fetch)]
    const { id } = await register(ada)
    const row = await env.DB.prepare('SELECT owner_id FROM client WHERE client_id = ?1')
      .bind(id)
      .first()
    expect(row).toEqual({ owner_id: 'e-1' })
    expect(await ada.page(`/clients/${id}`)).toContain('Reading list')
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
  })

  it('an owner can offer a client, by name or id, to a user whom the registry has seen, who owns the client after accepting', async () => {
    const [ada, bea] = [await externalOwner('e-3', fetch), await externalOwner('e-4', fetch)]
    const { id } = await register(ada)
    expect((await offer(ada, id, bea.user.username)).status).toBe(400)
    await env.DB.prepare(
      'INSERT INTO external_user (user_id, username_key, seen_at) VALUES (?1, ?2, 1)',
    )
      .bind('e-4', bea.user.username)
      .run()
    expect((await offer(ada, id, bea.user.username)).status).toBe(303)
    expect((await bea.get(`/clients/${id}`)).status).toBe(404)
    expect((await answerOffer(bea, id, 'accept')).status).toBe(303)
    expect(await bea.page(`/clients/${id}`)).toContain('Reading list')
  })

  it('owners see each other by the last seen name with the id, and themselves by their own name', async () => {
    const [ada, bea] = [await externalOwner('e-7', fetch), await externalOwner('e-8', fetch)]
    const { id } = await register(ada)
    const path = `/clients/${id}/owners`
    // The registry has not seen this user, but knows the id by a consent.
    await env.DB.prepare(
      `INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at) VALUES ('e-8', ?1, '', '', 1)`,
    )
      .bind(id)
      .run()
    expect((await offer(ada, id, 'e-8')).status).toBe(303)
    expect(await bea.page('/clients')).toContain('offered by <bdi>name-of-e-7 (e-7)</bdi>')
    expect((await answerOffer(bea, id, 'accept')).status).toBe(303)
    expect(await bea.page(path)).toContain('<bdi>name-of-e-7 (e-7)</bdi>')
    expect(await bea.page(path)).toContain('<bdi>name-of-e-8</bdi></strong> (you)')
    expect(await ada.page(path)).toContain('<bdi>e-8</bdi>')
    await register(bea)
    for (const page of [path, `/clients/${id}`, `/clients/${id}/leave`]) {
      expect(await ada.page(page)).toContain('name-of-e-8 (e-8)')
    }
  })

  it('a registration by a user of the registry itself records no external user', async () => {
    const owner = await newOwner()
    await register(owner)
    const seen = await env.DB.prepare('SELECT 1 FROM external_user WHERE user_id = ?1')
      .bind(owner.user.id)
      .first()
    expect(seen).toBe(null)
  })

  it('an offer to a name that several users have is refused, and shows no id', async () => {
    const ada = await externalOwner('e-5', fetch)
    const { id } = await register(ada)
    const insert = 'INSERT INTO external_user (user_id, username_key, seen_at) VALUES (?1, ?2, 1)'
    await env.DB.batch(['twin-1', 'twin-2'].map((one) => env.DB.prepare(insert).bind(one, 'twin')))
    const answer = await offer(ada, id, 'twin')
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toContain('twin-1')
  })

  it('an approver of the accounts service can decide within 15 minutes of the sign-in, then only read, and decide again after another sign-in', async () => {
    const { clientId, states, decideOnOne, approver, signedIn, path } = await waitingRequest()
    await signedIn(14)
    expect(await approver.page(path)).not.toContain('Sign in again')
    await decideOnOne()
    expect(await states()).toEqual(['authorized', 'requested'])
    await signedIn(16)
    const page = await approver.page(path)
    const address = `${LOGIN_URL}?next_page=${encodeURIComponent(ISSUER + path)}&amp;prompt=login`
    expect(page).toContain(`<a href="${address}">Sign in again</a>`)
    expect(formsOf(page, path)).toEqual([])
    for (const [act, more] of [
      ['approve', {}],
      ['decline', { reason: 'No.' }],
      ['list', {}],
      ['unlist', { listing_reason: 'No.' }],
    ] as const) {
      const { version } = await recordOf(clientId)
      const form = act === 'list' || act === 'unlist' ? 'decide_listing' : 'decide'
      const fields = filled(await minted(approver, form, clientId, version), { act, ...more })
      const answer = await approver.send(path, fields)
      expect([act, answer.status, await answer.text()]).toEqual([
        act,
        403,
        expect.stringContaining('You signed in more than 15 minutes ago: sign in again to decide.'),
      ])
    }
    expect(await states()).toEqual(['authorized', 'requested'])
    expect(await approver.page('/approvals')).toContain(path)
    await signedIn(0)
    await decideOnOne()
    expect(await states()).toEqual(['authorized', 'authorized'])
  })

  it('control: an approver whom the registry knows can decide as long as the session lives, because D1 has the scope', async () => {
    const user = await newUser({ scopes: ['registry:approve'], endorsements: [] })
    const { states, decideOnOne, signedIn } = await waitingRequest(user)
    await signedIn(100)
    await decideOnOne()
    expect(await states()).toEqual(['authorized', 'requested'])
  })

  it('control: a registry with its own users does not accept the session of an unknown user', async () => {
    const { cookie, user } = await externalOwner('e-6', fetch)
    const answer = await ownerWith(user, cookie).get('/clients')
    expect(answer.headers.get('Location')).toMatch(/^\/login/)
    expect((await newOwner()).user.id).not.toBe('e-6')
  })
})
