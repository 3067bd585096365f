/**
 * `/approvals`: the queue of clients of every kind, what an approver sees of a client, and which permissions stay
 * approved when a client changes.
 */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { authorizeClient, disableClient } from '../../src/flows/registration/clients.ts'
import { QUEUE, WAITING_LISTINGS } from '../../src/stores/approvals.ts'
import { FIRST_PLACE } from '../../src/stores/waiting-clients.ts'
import {
  approvalPath,
  decide,
  declareScope,
  newApprover,
  newRequest,
  newWaitingClient,
} from './approving.ts'
import { accepting, newDocument, republish, visit } from './document-clients.ts'
import { listMany, withDirectory } from './listed.ts'
import { externalOwner, type Owner } from './portal.ts'
import { admin, recordOf } from './registering.ts'
import { newUser, serve, signIn } from './registry.ts'
import { hostMetadata, manage, registered } from './self-registering.ts'

const READ = `queue${crypto.randomUUID().slice(0, 8)}:read`
const WRITE = READ.replace('read', 'write')

let approver: Owner
beforeAll(async () => {
  await declareScope(READ, 'Read the queue')
  await declareScope(WRITE, 'Write to the queue')
  approver = await newApprover()
})

const scopesOf = async (id: string) => (await recordOf(id)).scopes
/** The clients of all pages of the queue, in its order. */
async function queued(one = approver): Promise<string[]> {
  const ids: string[] = []
  let path: string | undefined = '/approvals'
  while (path !== undefined) {
    const page: string = await one.page(path)
    ids.push(
      ...[...page.matchAll(/<li><a href="\/approvals\/([^"]+)"/g)].map(([, id = '']) =>
        decodeURIComponent(id),
      ),
    )
    path = /<a href="([^"]+)">Next<\/a>/.exec(page)?.[1]?.replaceAll('&amp;', '&')
  }
  return ids
}

/** Sets `requested_at`, in epoch seconds, of everything that the client requests. */
const setRequestedAt = (id: string, requestedAt: number) =>
  env.DB.batch(
    ['client_authorization', 'client_grant_type', 'client_endorsement'].map((table) =>
      env.DB.prepare(
        `UPDATE ${table} SET requested_at = ?2 WHERE client_id = ?1 AND authorized_at IS NULL`,
      ).bind(id, requestedAt),
    ),
  )

async function newDocumentRequest() {
  const document = await newDocument({ client_name: 'Calls itself so', scope: `${READ} ${WRITE}` })
  await visit(await signIn(await newUser()), document, { scope: READ })
  return document
}

describe('the queue', () => {
  it('the queue lists clients of the portal, of an operator, of a registration and of a metadata document, the oldest request first', async () => {
    const portal = (await newRequest({ scopes: [READ] })).id
    const operators = (await newWaitingClient({ lists: { scopes: [READ] } })).clientId
    const registration = (await registered(hostMetadata({ scope: READ }))).client_id
    const document = (await newDocumentRequest()).id
    const ids = [document, portal, registration, operators]
    for (const [index, id] of ids.entries()) await setRequestedAt(id, 100 + index)
    expect((await queued()).slice(0, 4)).toEqual(ids)
    const page = await approver.page('/approvals')
    expect(page).toContain(new URL(document).host)
    expect(page).toContain('calls itself “<bdi>Calls itself so</bdi>”')
    expect(page).toContain('registered itself, without an owner')
    const kinds = [
      'known by its metadata document at',
      'registered in the portal or by an operator',
      'registered itself by a request',
      'registered in the portal or by an operator',
    ]
    for (const [index, id] of ids.entries()) {
      expect(await approver.page(approvalPath(id))).toContain(kinds[index])
      expect(await scopesOf(id)).not.toContain(READ)
      const shown = await approver.page(approvalPath(id))
      expect(shown).toContain('Read the queue')
      expect((await decide(approver, id, 'approve')).status).toBe(303)
      expect(await scopesOf(id)).toContain(READ)
    }
    for (const id of ids) expect(await queued()).not.toContain(id)
  })

  it('the queue shows 51 clients on two pages, and a malformed cursor leads to the first page', async () => {
    const ids: string[] = []
    for (let index = 0; index < 51; index += 1) {
      const { clientId } = await newWaitingClient({ lists: { scopes: [READ], grantTypes: [] } })
      await setRequestedAt(clientId, 10 + (index % 3))
      ids.push(clientId)
    }
    const all = await queued()
    expect(new Set(all).size).toBe(all.length)
    const byPlace = ids.toSorted(
      (a, b) => (ids.indexOf(a) % 3) - (ids.indexOf(b) % 3) || (a < b ? -1 : 1),
    )
    expect(all.slice(0, 51)).toEqual(byPlace)
    const first = await approver.page('/approvals')
    for (const after of ['', '0', '[1]', '["a","b"]', '[1,2]', '[1,"a"', 'null', '[-1,"a"]']) {
      const page = await approver.page(`/approvals?after=${encodeURIComponent(after)}`)
      expect(page.match(/<li><a /g)).toEqual(first.match(/<li><a /g))
    }
    const last = await approver.page(`/approvals?after=${encodeURIComponent('[999999999999,"x"]')}`)
    expect(last).toContain('No more clients wait for a decision.')
    await env.DB.prepare('DELETE FROM client WHERE client_id IN (SELECT value FROM json_each(?1))')
      .bind(JSON.stringify(ids))
      .run()
  })

  it('the queue shows 120 waiting listings on three pages, each once and the oldest first, even while others are decided', async () => {
    const deciding = await newApprover(undefined, withDirectory)
    await listMany(120, (n) => `Waiting ${n}`)
    await env.DB.prepare(
      `UPDATE listing SET listed_at = NULL, requested_at = 10 + length(client_id) WHERE client_id LIKE 'many-%'`,
    ).run()
    const { results } = await env.DB.prepare(
      `SELECT client_id FROM listing WHERE client_id LIKE 'many-%' ORDER BY requested_at, client_id`,
    ).all<{ client_id: string }>()
    const expected = results.map(({ client_id }) => client_id)
    const seen: string[] = []
    const pages: string[] = []
    let path: string | undefined = '/approvals'
    while (path !== undefined) {
      const page: string = await deciding.page(path)
      const [waiting = '', listings = ''] = page.split('wait to be listed in the directory</h2>')
      pages.push(waiting)
      const ids = [...listings.matchAll(/<a href="\/approvals\/(many-[^"]+)"/g)].map(([, id]) => id)
      seen.push(...ids.map(String))
      path = /<a href="([^"]+)">Next<\/a>/.exec(listings)?.[1]?.replaceAll('&amp;', '&')
      // A listing that was already shown leaves the queue.
      await env.DB.prepare('UPDATE listing SET declined_at = 1 WHERE client_id = ?1')
        .bind(seen[0])
        .run()
    }
    expect(seen).toEqual(expected)
    expect(pages).toHaveLength(3)
    expect(pages[0]).toContain('class="lead"')
    for (const later of pages.slice(1)) expect(later).not.toMatch(/class="lead"|<li><a/)
    const beyond = `/approvals?listings_after=${encodeURIComponent('[999999999999,"x"]')}`
    expect(await deciding.page(beyond)).toContain('No more clients wait to be listed.')
    // Control: without the directory no page shows a listing.
    for (const address of ['/approvals', beyond]) {
      expect(await approver.page(address)).not.toContain('many-')
    }
    const { meta } = await env.DB.prepare(WAITING_LISTINGS).bind(FIRST_PLACE, 51).run()
    expect(meta.rows_read).toBeLessThan(300)
    await env.DB.prepare(`DELETE FROM client WHERE client_id LIKE 'many-%'`).run()
  })

  it('a page of the queue reads fewer than 3,000 rows when 2,000 clients wait with 10,000 requests', async () => {
    const rowsFor = async () => {
      const { meta } = await env.DB.prepare(QUEUE).bind(FIRST_PLACE, 51, 'u').run()
      return meta.rows_read
    }
    await env.DB.batch([
      env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
         SELECT 'crowd-' || i, 'Crowd', 'u', 1, 1 FROM n`,
      ),
      env.DB.prepare(
        `INSERT INTO client_authorization (client_id, scope, requested_at)
         SELECT client_id, 'crowd:' || j.value, length(client_id) FROM client, json_each('[1,2,3,4,5]') j
         WHERE client_id LIKE 'crowd-%'`,
      ),
    ])
    const read = await rowsFor()
    expect(read).toBeGreaterThan(51)
    expect(read).toBeLessThan(3000)
    await env.DB.prepare(`DELETE FROM client WHERE client_id LIKE 'crowd-%'`).run()
  })

  it('a disabled client is marked in the queue, and an approval does not enable it', async () => {
    const { clientId } = await newWaitingClient({ lists: { scopes: [READ] } })
    await setRequestedAt(clientId, 5)
    await disableClient(admin(), clientId)
    expect(await approver.page('/approvals')).toContain('Disabled</strong>')
    expect(await approver.page(approvalPath(clientId))).toContain('It is disabled')
    expect((await decide(approver, clientId, 'approve')).status).toBe(303)
    expect((await recordOf(clientId)).disabledAt).not.toBeNull()
  })
})

describe('a client that changes after it was approved', () => {
  it("an owner's edit keeps the approved permissions, and the next approver sees the old and the new values", async () => {
    const { id, owner } = await newRequest({ scopes: [READ] })
    await decide(approver, id, 'approve')
    expect(await approver.page(approvalPath(id))).not.toContain(
      'Changed since it was last approved',
    )
    await owner.submit(`/clients/${id}/edit`, {
      name: 'Reading <i>everything</i>',
      redirect_uris: 'https://elsewhere.example/callback',
    })
    expect(await scopesOf(id)).toContain(READ)
    await owner.submit(`/clients/${id}/permissions`, { scopes: [WRITE] }, 'ask')
    const page = await approver.page(approvalPath(id))
    const [, changes = ''] = /Changed since it was last approved(.*?)<\/section>/.exec(page) ?? []
    for (const words of [
      'before: <bdi>Reading list</bdi>',
      'now: <bdi>Reading &lt;i&gt;everything&lt;/i&gt;</bdi>',
      'before: <bdi>https://reading.example/callback</bdi>',
      'now: <bdi>https://elsewhere.example/callback</bdi>',
    ]) {
      expect(changes).toContain(words)
    }
    expect(changes).not.toContain('Web page')
    await decide(approver, id, 'approve')
    expect(await scopesOf(id)).toEqual(expect.arrayContaining([READ, WRITE]))
    expect(await approver.page(approvalPath(id))).not.toContain(
      'Changed since it was last approved',
    )
  })

  it('a self-registered client that changes its name loses its approved permissions and waits in the queue again', async () => {
    const metadata = hostMetadata({ scope: READ })
    const client = await registered(metadata)
    await decide(approver, client.client_id, 'approve')
    expect(await scopesOf(client.client_id)).toEqual([READ])
    const changed = { ...metadata, client_name: 'Another', client_id: client.client_id }
    expect((await manage('PUT', client, { body: changed })).status).toBe(200)
    expect(await scopesOf(client.client_id)).toEqual([])
    expect(await queued()).toContain(client.client_id)
    const page = await approver.page(approvalPath(client.client_id))
    expect(page).toContain('Changed since it was last approved')
    expect(page).toContain('now: <bdi>Another</bdi>')
    expect(page).toContain('The client itself')
  })

  it('an approver sees the approved and the current values of a metadata document that has changed', async () => {
    const document = await newDocumentRequest()
    await decide(approver, document.id, 'approve', { ticked: [`scope ${READ}`] })
    const more = { client_name: 'Other words', scope: `${READ} ${WRITE}` }
    await republish(document, more)
    await env.DB.prepare('UPDATE client_document SET fresh_until = 0 WHERE client_id = ?1')
      .bind(document.id)
      .run()
    await env.DB.prepare('DELETE FROM document_attempt').run()
    await visit(await signIn(await newUser()), document, { scope: READ }, accepting)
    const page = await approver.page(approvalPath(document.id))
    expect(page).toContain('before: <bdi>Calls itself so</bdi>')
    expect(page).toContain('now: <bdi>Other words</bdi>')
    expect(page).toContain('Its metadata document')
  })
})

describe('approvers of an accounts service', () => {
  const fetch = serve({ LOGIN_URL: 'https://accounts.example/login' })

  it('an approver of an accounts service needs registry:approve in the session record, and cannot decide on a client of their own', async () => {
    const [yes, no] = [
      await externalOwner('x-1', fetch, ['registry:approve']),
      await externalOwner('x-2', fetch, ['a:b']),
    ]
    const { clientId } = await newWaitingClient({ lists: { scopes: [READ] } })
    expect((await no.get(approvalPath(clientId))).status).toBe(403)
    expect((await decide(yes, clientId, 'approve')).status).toBe(303)
    expect(await scopesOf(clientId)).toContain(READ)
    const own = await newWaitingClient({ fields: { ownerId: 'x-1' }, lists: { scopes: [READ] } })
    expect(await yes.page(approvalPath(own.clientId))).toContain('You own this client')
    await authorizeClient(admin(), own.clientId, { scopes: [READ] })
  })
})
