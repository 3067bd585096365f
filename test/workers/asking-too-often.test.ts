/** The limit on requests for permissions and listings by an owner or a self-registered client, counted in D1. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { REQUESTS_IN_AN_HOUR } from '../../src/flows/registration/create-client.ts'
import { declareScope } from './approving.ts'
import { withDirectory } from './listed.ts'
import { newOwnedClient, newOwner, type Owner, offer, register } from './portal.ts'
import { recordOf } from './registering.ts'
import { declareScopes, errorIn, hostMetadata, manage, registered } from './self-registering.ts'

const MINE = `often${crypto.randomUUID().slice(0, 8)}`
const [READ, WRITE, FREE] = [`${MINE}:read`, `${MINE}:write`, `${MINE}:free`]

beforeAll(async () => {
  await declareScopes()
  await declareScope(READ, 'Read it')
  await declareScope(WRITE, 'Change it')
  await declareScope(FREE, 'Look at it', { selfRegistered: true })
})

const countOf = (actor: string) =>
  env.DB.prepare('SELECT registered FROM registration_count WHERE subject = ?1')
    .bind(actor)
    .first<number>('registered')
const setCount = (actor: string, count: number) =>
  env.DB.prepare('UPDATE registration_count SET registered = ?2 WHERE subject = ?1')
    .bind(actor, count)
    .run()
const anHourPasses = (actor: string) =>
  env.DB.prepare('UPDATE registration_count SET began_at = began_at - 3600 WHERE subject = ?1')
    .bind(actor)
    .run()

const actorOf = ({ user }: Owner) => `user:${user.id}`
const pathOf = (id: string) => `/clients/${id}/permissions`
const ask = (owner: Owner, id: string, asked: Record<string, string | string[]>) =>
  owner.submit(pathOf(id), asked, 'ask')
const takeBack = (owner: Owner, id: string, scope: string) =>
  owner.submit(pathOf(id), { take: [`scope ${scope}`] }, 'take_back')

describe('an owner', () => {
  it('an owner who repeatedly asks and takes back is refused with 429 after 60 requests within an hour, and nothing is written', async () => {
    const { owner, id } = await newOwnedClient()
    const statuses: number[] = []
    for (let n = 0; n < 3; n += 1) {
      statuses.push((await ask(owner, id, { scopes: [READ] })).status)
      statuses.push((await takeBack(owner, id, READ)).status)
    }
    expect(statuses).toEqual([303, 303, 303, 303, 303, 303])
    expect(await countOf(actorOf(owner))).toBe(3)
    await setCount(actorOf(owner), REQUESTS_IN_AN_HOUR - 1)
    expect((await ask(owner, id, { scopes: [READ] })).status).toBe(303)
    const before = await recordOf(id)
    const late = await ask(owner, id, { scopes: [WRITE], other_scopes: FREE })
    const latePage = await late.text()
    expect([late.status, latePage]).toEqual([
      429,
      expect.stringContaining(
        `At most ${REQUESTS_IN_AN_HOUR} requests and offers are noted within an hour: ask again later.`,
      ),
    ])
    expect(latePage).toMatch(new RegExp(`value="${WRITE}"[^>]*checked`))
    expect(latePage).toContain(FREE)
    const { readAtMs: _, ...after } = await recordOf(id)
    expect(before).toMatchObject(after)
    await anHourPasses(actorOf(owner))
    expect((await ask(owner, id, { scopes: [WRITE] })).status).toBe(303)
    expect(await countOf(actorOf(owner))).toBe(1)
  })

  it('offers count towards the limit of requests: a user over the limit is refused with 429, and nothing is written', async () => {
    const [owner, friend] = [await newOwner(), await newOwner()]
    const { id } = await register(owner)
    await offer(owner, id, friend.user.username)
    await owner.submit(`/clients/${id}/owners`, {}, 'take_back_offer')
    await ask(owner, id, { scopes: [READ] })
    expect(await countOf(actorOf(owner))).toBe(2)
    await setCount(actorOf(owner), REQUESTS_IN_AN_HOUR)
    const before = await recordOf(id)
    expect((await offer(owner, id, friend.user.username)).status).toBe(429)
    const { readAtMs: _, ...after } = await recordOf(id)
    expect(before).toMatchObject(after)
    expect(await friend.page('/clients')).not.toContain(id)
    await anHourPasses(actorOf(owner))
    expect((await offer(owner, id, friend.user.username)).status).toBe(303)
  })

  it('requests for permissions and for listings count together for all clients of an owner, including deleted ones', async () => {
    const owner = await newOwner(withDirectory)
    const [{ id: first }, { id: second }] = [await register(owner), await register(owner)]
    await ask(owner, first, { scopes: [READ] })
    await owner.submit(`/clients/${second}/listing`, {}, 'ask_listing')
    expect(await countOf(actorOf(owner))).toBe(2)
    await setCount(actorOf(owner), REQUESTS_IN_AN_HOUR)
    await owner.submit(`/clients/${first}/delete`, {})
    await owner.submit(`/clients/${second}/listing`, {}, 'take_back_listing')
    expect((await ask(owner, second, { scopes: [READ] })).status).toBe(429)
    const listing = await owner.submit(`/clients/${second}/listing`, {}, 'ask_listing')
    expect([listing.status, await listing.text()]).toEqual([
      429,
      expect.stringContaining('ask again later'),
    ])
    expect((await recordOf(second)).listing).toBeNull()
    const { id: third } = await register(owner)
    expect((await ask(owner, third, { scopes: [READ] })).status).toBe(429)
    // Control: another owner asks.
    const { owner: other, id: others } = await newOwnedClient()
    expect((await ask(other, others, { scopes: [READ] })).status).toBe(303)
  })

  it('of simultaneous requests for different clients only as many are recorded as the limit allows', async () => {
    const owner = await newOwner()
    const clients = [await register(owner), await register(owner), await register(owner)]
    const { id } = await register(owner)
    await ask(owner, id, { scopes: [READ] })
    await setCount(actorOf(owner), REQUESTS_IN_AN_HOUR - 1)
    const answers = await Promise.all(
      clients.map((client) => ask(owner, client.id, { scopes: [READ] })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 429, 429])
  })

  it('a request for a scope that needs no approval, or is already requested, is not counted', async () => {
    const { owner, id } = await newOwnedClient()
    await ask(owner, id, { scopes: [READ] })
    await takeBack(owner, id, FREE)
    await setCount(actorOf(owner), REQUESTS_IN_AN_HOUR)
    expect((await ask(owner, id, { scopes: [FREE] })).status).toBe(303)
    expect((await ask(owner, id, { other_scopes: READ })).status).toBe(303)
    expect(await countOf(actorOf(owner))).toBe(REQUESTS_IN_AN_HOUR)
  })
})

describe('a client that registered itself', () => {
  it('a self-registered client that repeatedly asks and takes back is refused with 429 after 60 requests within an hour', async () => {
    let client = await registered(hostMetadata({ scope: 'public:read' }))
    const { client_id } = client
    const actor = `client:${client_id}`
    const update = async (scope: string) => {
      const { registration_access_token: _, registration_client_uri: __, ...rest } = client
      const { client_id_issued_at: ___, ...body } = rest
      const answer = await manage('PUT', client, { body: { ...body, scope } })
      if (answer.status === 200) client = await answer.clone().json()
      return answer
    }
    const more = `public:read ${READ}`
    for (const scope of [more, 'public:read', more, more]) {
      expect((await update(scope)).status).toBe(200)
    }
    expect(await countOf(actor)).toBe(2)
    await update('public:read')
    await setCount(actor, REQUESTS_IN_AN_HOUR)
    const refused = await update(more)
    expect(refused.headers.get('Retry-After')).toBe('3600')
    expect(await errorIn(refused)).toMatchObject({ status: 429, error: 'temporarily_unavailable' })
    const { permissions, decisions } = await recordOf(client_id)
    expect(permissions.map(({ value }) => value)).not.toContain(READ)
    // What a client gave up itself is neither declined nor withdrawn.
    expect(decisions).toEqual([])
    expect((await update('public:read')).status).toBe(200)
  })
})
