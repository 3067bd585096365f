/** Who decides whether a client is in the directory: its owners ask and take back, an approver lists and declines. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { ClientFields } from '../../src/domain/client.ts'
import { deleteClient } from '../../src/flows/registration/clients.ts'
import {
  declineListing,
  listClient,
  requestListing,
  takeBackListing,
} from '../../src/flows/registration/listings.ts'
import { ownerActor } from '../../src/flows/registration/own-clients.ts'
import { deleteUser, updateUser } from '../../src/flows/registration/users.ts'
import { formsOf } from '../node/forms.ts'
import { call, newAdministrator } from './administration.ts'
import { approvalPath, decide, declareScope, newApprover } from './approving.ts'
import { newListed, newWord, search, stateOf, withDirectory } from './listed.ts'
import { filled, minted, newOwner, type Owner, ownerWith, register, share } from './portal.ts'
import {
  admin,
  auditOf,
  changeClient,
  NO_CHANGE,
  portsOn,
  recordOf,
  refusedAs,
} from './registering.ts'
import { newClient, newUser, nowSeconds, registry, signIn } from './registry.ts'

const newMember = () => newOwner(withDirectory)
const byOwner = (userId: string) => ({
  actor: ownerActor(userId),
  now: nowSeconds(),
  ports: portsOn(),
})
const update = (id: string, fields: Partial<ClientFields>) => changeClient(id, { fields })

describe('an owner at /clients/{id}/listing', () => {
  it('/clients/{id}/listing says what becomes public, and the client is listed after an owner asks and an approver decides', async () => {
    const [owner, word] = [await newMember(), newWord()]
    const { id } = await register(owner, { name: word, url: `https://${word}.example` })
    const path = `/clients/${id}/listing`
    const page = await owner.page(path)
    for (const published of [word, `${word}.example`, 'Keeps what a user', owner.user.username]) {
      expect(page).toContain(published)
    }
    expect(await owner.page(`/clients/${id}`)).toContain(`href="${path}"`)
    const asked = await owner.submit(path, {}, 'ask_listing')
    expect([asked.status, asked.headers.get('Location')]).toEqual([
      303,
      `/clients/${id}?done=listing_asked`,
    ])
    expect(await owner.page(`/clients/${id}?done=listing_asked`)).toContain('An approver decides.')
    expect(await owner.page(path)).toContain('It has waited for an approver since')
    expect((await search(word)).names).toEqual([])
    await listClient(admin(), id)
    expect((await search(word)).names).toEqual([word])
    expect(await owner.page(path)).toContain('href="/directory"')
    const left = await owner.submit(path, {}, 'take_back_listing')
    expect(left.headers.get('Location')).toBe(`/clients/${id}?done=listing_taken_back`)
    expect((await search(word)).names).toEqual([])
    expect(await auditOf('client_id', id)).toEqual([
      ...['client.create', 'client.request_listing', 'client.list', 'client.take_back_listing'],
    ])
  })

  it('the owners see that and why a listing was declined, and can ask again', async () => {
    const owner = await newMember()
    const { id } = await register(owner)
    const path = `/clients/${id}/listing`
    await owner.submit(path, {}, 'ask_listing')
    await declineListing(admin(), id, 'Its page <is> empty.')
    const page = await owner.page(path)
    expect(page).toContain('An approver declined on')
    expect(page).toContain('Its page &lt;is&gt; empty.')
    await owner.submit(path, {}, 'ask_listing')
    expect(await stateOf(id)).toBe('requested')
    expect(await owner.page(path)).not.toContain('empty.')
  })

  it('without the directory /clients/{id}/listing and its form are 404, and the client page has no link to it', async () => {
    const [owner, { user, cookie }] = await Promise.all([newMember(), newOwner()])
    const { id } = await register(owner)
    const form = await owner.form(`/clients/${id}/listing`, 'ask_listing')
    const without = ownerWith(owner.user, owner.cookie, registry)
    expect((await without.get(`/clients/${id}/listing`)).status).toBe(404)
    expect((await without.send(`/clients/${id}/listing`, form)).status).toBe(404)
    expect(await without.page(`/clients/${id}`)).not.toContain('/listing')
    expect(await stateOf(id)).toBe(null)
    expect([user.id, cookie]).toHaveLength(2)
  })

  it('a listing form that shows an older version of the client changes nothing', async () => {
    const owner = await newMember()
    const { id } = await register(owner)
    const form = await owner.form(`/clients/${id}/listing`, 'ask_listing')
    await update(id, { name: 'Meanwhile' })
    expect((await owner.send(`/clients/${id}/listing`, form)).status).toBe(409)
    expect(await stateOf(id)).toBe(null)
  })

  it('an owner can neither list nor decline a client, and can ask only for their own clients', async () => {
    const [owner, other] = [await newMember(), await newMember()]
    const { id } = await register(owner)
    await owner.submit(`/clients/${id}/listing`, {}, 'ask_listing')
    for (const user of [owner.user, other.user]) {
      expect(await refusedAs(listClient(byOwner(user.id), id))).toBe('forbidden')
      expect(await refusedAs(declineListing(byOwner(user.id), id, ''))).toBe('forbidden')
    }
    expect(await refusedAs(takeBackListing(byOwner(other.user.id), id))).toBe('not_found')
    expect(await refusedAs(requestListing(byOwner(other.user.id), id))).toBe('not_found')
    expect(await stateOf(id)).toBe('requested')
  })

  it('a self-registered client has no owner, so it cannot be listed', async () => {
    const { id } = await newClient({ ownerId: '' })
    expect(await refusedAs(requestListing(admin(), id))).toBe('conflict')
    expect(await refusedAs(listClient(admin(), id))).toBe('conflict')
  })

  it('a client cannot be listed unless an owner has requested it', async () => {
    const { id } = await newClient()
    expect(await refusedAs(listClient(admin(), id))).toBe('conflict')
    expect(await refusedAs(declineListing(admin(), id, ''))).toBe('conflict')
    await requestListing(admin(), id)
    await takeBackListing(admin(), id)
    expect(await refusedAs(listClient(admin(), id))).toBe('conflict')
  })

  it('a request about a listing that changes nothing leaves the version and the audit as they are', async () => {
    const id = await newListed()
    const { version } = await recordOf(id)
    await requestListing(admin(), id)
    await listClient(admin(), id)
    expect((await recordOf(id)).version).toBe(version)
    await takeBackListing(admin(), id)
    const gone = await recordOf(id)
    await takeBackListing(admin(), id)
    expect((await recordOf(id)).version).toBe(gone.version)
  })
})

describe('changes of a listed client', () => {
  const logoRow = (uri: string, digest: string | null) =>
    env.DB.prepare(
      `INSERT INTO logo (logo_uri, host, tried_at, digest) VALUES (?1, 'h', 1, ?2) ON CONFLICT DO UPDATE SET digest = excluded.digest`,
    )
      .bind(uri, digest)
      .run()
  const ownerOf = async (id: string) => (await recordOf(id)).ownerId

  const CHANGES: readonly [string, (id: string, word: string) => Promise<unknown>][] = [
    ['name', (id, word) => update(id, { name: `New ${word}` })],
    ['web page', (id) => update(id, { url: 'https://elsewhere.example' })],
    ['description', (id) => update(id, { description: 'Something else' })],
    ['address of the logo', (id) => update(id, { logoUri: 'https://elsewhere.example/logo.png' })],
    ['image of the logo', (_, word) => logoRow(`https://${word}.example/logo.png`, 'other')],
    ['first owner', (id) => update(id, { ownerId: 'somebody-else' })],
    [
      "first owner's username",
      async (id, word) =>
        updateUser(admin(), { userId: await ownerOf(id) }, {
          ...NO_CHANGE,
          fields: { username: `renamed-${word}` },
        } as never),
    ],
    [
      "first owner's username in another case",
      async (id) => {
        const userId = await ownerOf(id)
        await env.DB.prepare('UPDATE user SET username = upper(username) WHERE user_id = ?1')
          .bind(userId)
          .run()
      },
    ],
    [
      'first owner, who is deleted',
      async (id) => deleteUser(admin(), { userId: await ownerOf(id) }),
    ],
  ]

  it.each(CHANGES)('a client whose %s changes waits for an approver again', async (_, change) => {
    const word = newWord()
    const logoUri = `https://${word}.example/logo.png`
    const id = await newListed({ name: word, url: `https://${word}.example`, logoUri })
    await logoRow(logoUri, 'first')
    await listClient(admin(), id)
    expect((await search(word)).names).toEqual([word])
    const { version } = await recordOf(id)
    await change(id, word)
    expect((await search(word)).names).toEqual([])
    expect(await stateOf(id)).toBe('requested')
    // A decision on the version before the change is refused.
    expect(await refusedAs(listClient(admin(), id, version))).toBe('stale')
    await listClient(admin(), id)
    expect((await search(word)).names).toHaveLength(1)
  })

  it('a client whose other fields change stays listed', async () => {
    const word = newWord()
    const id = await newListed({ name: word })
    await update(id, { name: word, contacts: ['a@b.example'], requirePkce: true })
    await changeClient(id, { lists: { redirectUris: ['https://new.example/cb'], scopes: ['x:y'] } })
    expect((await search(word)).names).toEqual([word])
  })

  it('a declined listing stays declined when the client changes', async () => {
    const { id } = await newClient()
    await requestListing(admin(), id)
    await declineListing(admin(), id, 'No.')
    await update(id, { name: 'Changed' })
    expect((await recordOf(id)).listing).toMatchObject({ reason: 'No.', listedAt: null })
    expect(await stateOf(id)).toBe('declined')
  })

  it('a client whose name changes, or that is deleted, leaves no search key of its old entry', async () => {
    const [before, after] = [newWord(), newWord()]
    const id = await newListed({ name: before })
    await update(id, { name: after })
    await listClient(admin(), id)
    expect([(await search(before)).names, (await search(after)).names]).toEqual([[], [after]])
    await deleteClient(admin(), id)
    for (const table of ['listing', 'listing_key']) {
      const left = await env.DB.prepare(`SELECT 1 FROM ${table} WHERE client_id = ?1`)
        .bind(id)
        .all()
      expect(left.results).toEqual([])
    }
  })
})

describe('simultaneous changes of a listing', () => {
  it('of an owner who takes a listing back and an approver who lists the same version one wins, and the client is not listed against the owner', async () => {
    for (let round = 0; round < 10; round += 1) {
      const word = newWord()
      const { id } = await newClient({ name: word })
      await requestListing(admin(), id)
      const { version } = await recordOf(id)
      const [taken, listed] = await Promise.all([
        refusedAs(takeBackListing(admin(), id, version)),
        refusedAs(listClient(admin(), id, version)),
      ])
      expect([taken, listed].filter((one) => one === null)).toHaveLength(1)
      // The owner sends the form again.
      await takeBackListing(admin(), id)
      expect([await stateOf(id), (await search(word)).names]).toEqual([null, []])
    }
  })

  it('an approver cannot undo that an owner has taken a listing back', async () => {
    for (let round = 0; round < 10; round += 1) {
      const word = newWord()
      const { id } = await newClient({ name: word })
      await requestListing(admin(), id)
      await Promise.all([
        takeBackListing(admin(), id),
        listClient(admin(), id).catch(() => null),
        requestListing(admin(), id).catch(() => null),
      ])
      await takeBackListing(admin(), id)
      expect((await search(word)).names).toEqual([])
    }
  })

  it('the directory never shows an unapproved name when an owner renames a client while an approver lists it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [before, after] = [newWord(), newWord()]
      const { id } = await newClient({ name: before })
      await requestListing(admin(), id)
      const { version } = await recordOf(id)
      await Promise.all([
        listClient(admin(), id, version).catch(() => null),
        update(id, { name: after }),
      ])
      expect([(await search(before)).names, (await search(after)).names]).toEqual([[], []])
      expect(await stateOf(id)).toBe('requested')
    }
  })
})

describe('the management API', () => {
  it('the management API lists, declines, requests and takes back a listing, filters by its state, and shows the state of a client', async () => {
    const caller = await newAdministrator()
    const { id } = await newClient({ ownerId: `owner-${newWord()}` })
    const { ownerId } = await recordOf(id)
    const act = async (body: object) => {
      const answer = await call(caller, `POST /clients/${id}/listing`, { body, ifMatch: '*' })
      return [answer.status, await answer.json()] as [number, Record<string, unknown>]
    }
    const listedAs = async (state: string) => {
      const answer = await call(caller, `GET /clients?owner_id=${ownerId}&listing=${state}`)
      return ((await answer.json()) as { items: unknown[] }).items.length
    }
    expect((await act({ act: 'list' }))[0]).toBe(409)
    expect((await act({ act: 'request' }))[1]).toMatchObject({
      listing: { state: 'requested', listed_at: null },
    })
    expect([await listedAs('requested'), await listedAs('listed')]).toEqual([1, 0])
    expect((await act({ act: 'list' }))[1]).toMatchObject({
      listing: { state: 'listed', reason: '' },
    })
    expect((await act({ act: 'decline', reason: 'Not yet.' }))[1]).toMatchObject({
      listing: { state: 'declined', reason: 'Not yet.', listed_at: null },
    })
    expect([await listedAs('declined'), await listedAs('listed')]).toEqual([1, 0])
    expect((await act({ act: 'take_back' }))[1]).toMatchObject({ listing: null })
    for (const [body, field] of [
      [{ act: 'publish' }, 'act'],
      [{}, 'act'],
      [{ act: 'list', reason: 'Good.' }, 'reason'],
      [{ act: 'decline', reason: 'x'.repeat(1001) }, 'reason'],
      [{ act: 'list', more: 1 }, 'more'],
    ] as const) {
      const [status, problem] = await act(body)
      expect([status, problem.field]).toEqual([400, field])
    }
  })
})

it('control: /clients/{id}/listing is 404 for a user who does not own the client', async () => {
  const user = await newUser()
  const stranger = ownerWith(user, await signIn(user), withDirectory)
  const id = await newListed()
  expect((await stranger.get(`/clients/${id}/listing`)).status).toBe(404)
})

describe('an approver in the queue', () => {
  const newDecider = () => newApprover(['registry:approve'], withDirectory)
  async function newListingRequest(changed: Record<string, string> = {}) {
    const [owner, word] = [await newMember(), newWord()]
    const { id } = await register(owner, { name: word, ...changed })
    await owner.submit(`/clients/${id}/listing`, {}, 'ask_listing')
    return { owner, word, id, path: approvalPath(id) }
  }
  type ListingRequest = Awaited<ReturnType<typeof newListingRequest>>
  const listingForm = async (approver: Owner, path: string) =>
    formsOf(await approver.page(path), path).find((fields) =>
      fields.some(([name]) => name === 'listing_reason'),
    ) ?? []

  it('an approver sees a waiting listing in the queue, lists the client, takes it out and lists it again', async () => {
    const approver = await newDecider()
    const { word, id, path, owner } = await newListingRequest()
    expect(await approver.page('/approvals')).toContain(`<a href="${path}" dir="auto"><bdi>${word}`)
    const decideListing = async (act: string, reason: string) =>
      approver.send(
        path,
        filled(await listingForm(approver, path), { act, listing_reason: reason }),
      )
    expect((await decideListing('list', '')).headers.get('Location')).toBe('/approvals?done=listed')
    expect((await search(word)).names).toEqual([word])
    expect(await approver.page('/approvals')).not.toContain(path)
    expect((await decideListing('unlist', '')).status).toBe(400)
    const out = await decideListing('unlist', 'It moved.')
    expect(out.headers.get('Location')).toBe('/approvals?done=listing_declined')
    expect((await search(word)).names).toEqual([])
    expect(await owner.page(`/clients/${id}/listing`)).toContain('It moved.')
    const again = formsOf(await approver.page(path), path).at(-1) ?? []
    const named = formsOf(await approver.page(path), path).filter((fields) =>
      fields.some(([name]) => name === 'seen'),
    )
    expect([again.length > 0, named.length]).toEqual([true, 1])
    await approver.send(path, filled(named[0] ?? [], { act: 'list' }))
    expect((await search(word)).names).toEqual([word])
    expect(await auditOf('client_id', id)).toEqual([
      ...['client.create', 'client.request_listing', 'client.list', 'client.decline_listing'],
      'client.list',
    ])
  })

  it('an approver who has decided stays on the page of a client with more open requests, and otherwise returns to the queue', async () => {
    const approver = await newDecider()
    const scope = `${await newWord()}:read`
    await declareScope(scope, 'Read')
    const both = async () => {
      const wish = await newListingRequest()
      await wish.owner.submit(`/clients/${wish.id}/permissions`, { scopes: scope }, 'ask')
      return wish
    }
    const list = async ({ path }: ListingRequest) =>
      (
        await approver.send(path, filled(await listingForm(approver, path), { act: 'list' }))
      ).headers.get('Location')
    const approve = async ({ id }: ListingRequest) =>
      (await decide(approver, id, 'approve')).headers.get('Location')
    const [first, second] = [await both(), await both()]
    expect(await list(first)).toBe(`${first.path}?done=listed`)
    expect(await approve(first)).toBe('/approvals?done=approved')
    expect(await approve(second)).toBe(`${second.path}?done=approved`)
    expect(await list(second)).toBe('/approvals?done=listed')
  })

  it('the first owner of a listed client is told that an edit, or their departure, ends the listing', async () => {
    const LEAVES = 'leaves the directory until an approver has decided again'
    const { owner, id } = await newListingRequest()
    const second = await newMember()
    await share(owner, id, second)
    const saying = async () =>
      Promise.all(
        [
          owner.page(`/clients/${id}/edit`),
          owner.page(`/clients/${id}/leave`),
          second.page(`/clients/${id}/leave`),
        ].map(async (page) => (await page).includes(LEAVES)),
      )
    expect(await saying()).toEqual([false, false, false])
    await listClient(admin(), id)
    expect(await saying()).toEqual([true, true, false])
  })

  it('an approver cannot list a client that they own, as the first owner or a further one', async () => {
    const approver = await newDecider()
    const { id } = await register(approver)
    await approver.submit(`/clients/${id}/listing`, {}, 'ask_listing')
    const other = await newListingRequest()
    const form = await listingForm(approver, other.path)
    await share(other.owner, other.id, approver)
    for (const [path, of] of [
      [approvalPath(id), id],
      [other.path, other.id],
    ] as const) {
      expect(await approver.page(path)).toContain('You own this client')
      const { version } = await recordOf(of)
      const forged = filled(await minted(approver, 'decide_listing', of, version), { act: 'list' })
      expect([path, (await approver.send(path, forged)).status]).toEqual([path, 403])
      expect(await stateOf(of)).toBe('requested')
    }
    expect((await approver.send(other.path, filled(form, { act: 'list' }))).status).toBe(409)
  })

  it("an approver's form that shows an older version of the client lists nothing, and the approver sees what happened since", async () => {
    const approver = await newDecider()
    const { owner, id, path, word } = await newListingRequest()
    const form = filled(await listingForm(approver, path), { act: 'list' })
    await owner.submit(`/clients/${id}/edit`, { name: `${word} other` })
    const late = await approver.send(path, form)
    expect([late.status, await late.text()]).toEqual([
      409,
      expect.stringContaining('has been changed'),
    ])
    expect(await stateOf(id)).toBe('requested')
    const gone = filled(await listingForm(approver, path), { act: 'list' })
    await owner.submit(`/clients/${id}/listing`, {}, 'take_back_listing')
    expect((await approver.send(path, gone)).status).toBe(409)
    expect(await stateOf(id)).toBe(null)
  })

  it('without the directory the queue and the page of a client show no listing, and the form decides nothing', async () => {
    const approver = await newDecider()
    const { path, id } = await newListingRequest()
    const form = filled(await listingForm(approver, path), { act: 'list' })
    const without = ownerWith(approver.user, approver.cookie, registry)
    expect(await without.page('/approvals')).not.toContain(path)
    expect(await without.page(path)).not.toContain('listing_reason')
    expect((await without.send(path, form)).status).toBeGreaterThanOrEqual(400)
    expect(await stateOf(id)).toBe('requested')
  })

  it('neither a user who is not an approver nor a program with registry:approve can decide on a listing', async () => {
    const { path, id, owner } = await newListingRequest()
    const forged = filled(await minted(owner, 'decide_listing', id, 1), { act: 'list' })
    expect((await owner.send(path, forged)).status).toBe(403)
    const approving = { ...admin(), actor: { name: 'client:x', scopes: ['registry:approve'] } }
    expect(await refusedAs(listClient(approving, id))).toBe('forbidden')
    expect(await refusedAs(declineListing(approving, id, 'x'))).toBe('forbidden')
    const person = { ...approving, actor: { ...approving.actor, userId: 'somebody' } }
    expect(await refusedAs(takeBackListing(person, id))).toBe('forbidden')
    expect(await refusedAs(requestListing(person, id))).toBe('forbidden')
    expect(await refusedAs(listClient(person, id))).toBe(null)
  })
})
