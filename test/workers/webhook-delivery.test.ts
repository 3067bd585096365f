/** How events are sent to the webhook: signed, at least once, with growing delays, and without delaying the change. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KEEP_DELIVERY_SECONDS, RETRY_AFTER_SECONDS } from '../../src/domain/webhook.ts'
import { authorizeClient, findClient } from '../../src/flows/registration/clients.ts'
import { DAY_SECONDS } from '../days.ts'
import { watchedBindings } from './counting.ts'
import { newOwner, register } from './portal.ts'
import { admin } from './registering.ts'
import { newClient, nowSeconds } from './registry.ts'
import {
  forgetDeliveries,
  later,
  WEBHOOK_SECRET,
  waiting,
  withWebhook,
} from './webhook-receiver.ts'
import type { Seen } from './world.ts'

const ACCEPTED = { status: 204 }
const MAX_DELIVERIES = 1000

beforeEach(forgetDeliveries)
afterEach(() => vi.restoreAllMocks())

/** Creates this many requests of new clients, none of which is sent yet. */
async function requested(count = 1) {
  for (let n = 0; n < count; n += 1) await newClient({ requestedOnly: true })
  expect(await waiting()).toHaveLength(count)
}

/** An owner of a registry with a webhook asks for a grant type. */
async function ownerAsks(webhook: Awaited<ReturnType<typeof withWebhook>>) {
  const owner = await newOwner(webhook.fetch)
  const { id } = await register(owner)
  const form = await owner.form(`/clients/${id}/permissions`, 'ask')
  const ask = () =>
    owner.send(`/clients/${id}/permissions`, [...form, ['grant_types', 'client_credentials']])
  return { id, ask }
}

type Inserted = Readonly<{
  /** SQL text: `i` is the number of the delivery. */
  actor: string
  count: number
  /** SQL text. */
  clientId?: string
  kind?: string
  event?: string
}>

/** Inserts deliveries that are not due yet. */
async function insertDeliveries(asked: Inserted) {
  const { actor, count, clientId = `'c'`, kind = 'operator', event = 'request.created' } = asked
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
      INSERT INTO webhook_delivery (audit_id, client_id, event, webhook_id, actor, client_name, client_kind, permissions, created_at, attempt_at)
      SELECT ?4 + i, ${clientId}, ?3, 'msg_${actor}_' || i, '${actor}', '', ?2, '[]', unixepoch(), unixepoch() + 60 FROM n`,
  )
    .bind(count, kind, event, nextAuditId)
    .run()
  nextAuditId += 1_000_000
  await env.DB.prepare('UPDATE webhook_delivery SET attempt_at = unixepoch() + 60').run()
}
let nextAuditId = 1_000_000_000

/** Runs `work` while no delivery can be written. */
async function withoutDeliveries<T>(work: () => Promise<T>): Promise<T> {
  await env.DB.prepare(
    `CREATE TRIGGER broken BEFORE INSERT ON webhook_delivery BEGIN SELECT RAISE(ABORT, 'broken'); END`,
  ).run()
  return work().finally(() => env.DB.prepare('DROP TRIGGER broken').run())
}

/** The record without the moment at which it was read. */
async function stateOf(id: string) {
  const { readAtMs: _, ...state } = await findClient(admin(), id)
  return state
}

const linesOf = (log: { mock: { calls: unknown[][] } }, event: string) =>
  log.mock.calls
    .map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
    .filter((line) => line.event === event)

const idOf = ({ headers }: Seen) => headers['webhook-id']

async function signatureOf({ headers, body }: Seen, secret: string) {
  const bytes = Uint8Array.from(atob(secret.replace('whsec_', '')), (one) => one.charCodeAt(0))
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['sign'])
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed))
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`
}

describe('an attempt', () => {
  it('a delivery is a POST of JSON with the id, the moment and the signature of Standard Webhooks, and no credential', async () => {
    const webhook = await withWebhook(ACCEPTED)
    await requested()
    const before = nowSeconds()
    await webhook.cron()
    const [seen] = (await webhook.received()) as [Seen]
    expect(seen.method).toBe('POST')
    expect(seen.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'edge-registry',
      'webhook-id': expect.stringMatching(/^msg_[0-9a-f]{32}$/),
      'webhook-signature': await signatureOf(seen, WEBHOOK_SECRET),
    })
    expect(Number(seen.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(before)
    expect(Number(seen.headers['webhook-timestamp'])).toBeLessThanOrEqual(nowSeconds())
    expect(Object.keys(seen.headers)).not.toEqual(
      expect.arrayContaining(['authorization', 'cookie', 'referer']),
    )
    expect(JSON.stringify(seen)).not.toContain(WEBHOOK_SECRET)
  })

  it('a delivery during a rotation of WEBHOOK_SECRET has a signature by each of the two secrets', async () => {
    const next = `whsec_${btoa('the next secret, of thirty bytes..')}`
    const webhook = await withWebhook(ACCEPTED, { WEBHOOK_SECRET: `${next} ${WEBHOOK_SECRET}` })
    await requested()
    await webhook.cron()
    const [seen] = (await webhook.received()) as [Seen]
    const signatures = await Promise.all(
      [next, WEBHOOK_SECRET].map((secret) => signatureOf(seen, secret)),
    )
    expect(seen.headers['webhook-signature']).toBe(signatures.join(' '))
  })

  it('an event is sent right after its change, which does not wait for the receiver', async () => {
    const webhook = await withWebhook({ ...ACCEPTED, delayMs: 300 })
    const { ask } = await ownerAsks(webhook)
    expect((await ask()).status).toBe(303)
    expect(await webhook.events()).toHaveLength(1)
    expect(await waiting()).toEqual([])
  })

  it.each<[what: string, answer: object, failure: string]>([
    ['answers 500', { status: 500 }, 'answered with the status 500'],
    ['answers 404', { status: 404 }, 'answered with the status 404'],
    [
      'redirects',
      { status: 301, headers: { Location: 'https://elsewhere.example/hook' } },
      'answered with the status 301',
    ],
    ['cannot be reached', { status: 530 }, 'answered with the status 530'],
    [
      'answers a large body with 503',
      { status: 503, fillingBytes: 5_000_000 },
      'answered with the status 503',
    ],
  ])(
    'a change succeeds when the receiver %s, and the delivery is sent again later',
    async (_, answer, failure) => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {})
      const webhook = await withWebhook(answer)
      const { id, ask } = await ownerAsks(webhook)
      expect((await ask()).status).toBe(303)
      const { permissions } = await findClient(admin(), id)
      expect(permissions.some(({ authorizedAt }) => authorizedAt === null)).toBe(true)
      const [delivery] = await waiting()
      expect(delivery).toMatchObject({ attempts: 1, failure })
      expect(delivery?.seconds).toBeGreaterThan(50)
      expect(linesOf(log, 'webhook_failed')).toEqual([
        { event: 'webhook_failed', webhookId: delivery?.webhook_id, attempts: 1, why: failure },
      ])
      // Control: a receiver that accepts gets the same delivery.
      await webhook.answers({ status: 200, fillingBytes: 5_000_000 })
      await later(60)
      await webhook.cron()
      expect(await waiting()).toEqual([])
      expect(new Set((await webhook.received()).map(idOf))).toEqual(new Set([delivery?.webhook_id]))
    },
  )

  it('a delivery follows no redirect', async () => {
    const [webhook, canary] = [await withWebhook(ACCEPTED), await withWebhook(ACCEPTED)]
    await webhook.answers({ status: 307, headers: { Location: canary.settings.WEBHOOK_URL } })
    await requested()
    await webhook.cron()
    expect(await webhook.received()).toHaveLength(1)
    expect(await canary.received()).toEqual([])
  })
})

describe('further attempts', () => {
  it('the delays between attempts grow, each attempt has the same id and body, and the delivery is dropped after 36 hours with a log line', async () => {
    const webhook = await withWebhook({ status: 500 })
    await requested()
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const delays: number[] = []
    await webhook.cron()
    for (const expected of RETRY_AFTER_SECONDS) {
      const [delivery] = await waiting()
      delays.push(delivery?.seconds ?? 0)
      // Control: a run before the time sends nothing.
      const before = (await webhook.received()).length
      await webhook.cron()
      expect(await webhook.received()).toHaveLength(before)
      await later(expected)
      await webhook.cron()
    }
    const seen = await webhook.received()
    expect(seen).toHaveLength(RETRY_AFTER_SECONDS.length + 1)
    expect(new Set(seen.map(idOf)).size).toBe(1)
    const events = await webhook.events()
    expect(new Set(events.map(({ data }) => JSON.stringify(data))).size).toBe(1)
    delays.forEach((delay, i) => {
      expect(Math.abs(delay - (RETRY_AFTER_SECONDS[i] ?? 0))).toBeLessThan(10)
    })
    expect(delays).toEqual([...delays].sort((a, b) => a - b))
    expect(RETRY_AFTER_SECONDS.reduce((sum, one) => sum + one, 0)).toBeLessThan(
      KEEP_DELIVERY_SECONDS,
    )
    await later(DAY_SECONDS / 24)
    await webhook.cron()
    expect(await waiting()).toEqual([])
    expect(linesOf(log, 'housekeeping')).toMatchObject([{ webhook_delivery: 1 }])
    await later(DAY_SECONDS)
    await webhook.cron()
    expect(await webhook.received()).toHaveLength(seen.length)
  })

  it('a delivery that is answered with 410 is not sent again', async () => {
    const webhook = await withWebhook({ status: 410 })
    await requested()
    await webhook.cron()
    await later(KEEP_DELIVERY_SECONDS - 60)
    await webhook.cron()
    expect(await webhook.received()).toHaveLength(1)
    expect(await waiting()).toMatchObject([{ failure: 'answered with the status 410' }])
  })

  it('at most 1000 deliveries wait: beyond 1000 the sender with the most deliveries loses its oldest', async () => {
    const webhook = await withWebhook({ status: 500 })
    await requested()
    const [others] = await waiting()
    await insertDeliveries({ actor: 'user:loud', count: MAX_DELIVERIES })
    await webhook.cron()
    const left = (await waiting()).map(({ webhook_id }) => webhook_id)
    expect(left).toHaveLength(MAX_DELIVERIES)
    expect(left).toContain(others?.webhook_id)
    expect(left).not.toContain('msg_user:loud_1')
    expect(left).toContain('msg_user:loud_2')
    await forgetDeliveries()
  })

  it.each([
    ['an owner with many clients', { actor: 'user:loud', clientId: `'loud-' || i` }],
    ['an owner with one client', { actor: 'user:loud', clientId: `'loud'` }],
    [
      'everybody who registers clients by requests',
      { actor: 'registration', clientId: `'loud-' || i`, kind: 'registration' },
    ],
    [
      'clients that registered themselves, each of which asks for more',
      { actor: `client:loud-' || i || '`, clientId: `'loud-' || i`, kind: 'registration' },
    ],
    [
      'everybody who publishes metadata documents',
      { actor: 'document', clientId: `'loud-' || i`, kind: 'document' },
    ],
  ])('deliveries of %s do not displace those of others', async (_, loud) => {
    await insertDeliveries({ actor: 'user:a', count: 20 })
    await insertDeliveries({ actor: 'client:operator user:b', count: 20, event: 'decision.made' })
    await insertDeliveries({ ...loud, count: MAX_DELIVERIES + 20 })
    await insertDeliveries({ actor: 'user:c', count: 20 })
    const { results } = await env.DB.prepare(
      `SELECT actor, count(*) AS n FROM webhook_delivery WHERE created_at > 0
        AND actor IN ('user:a', 'client:operator user:b', 'user:c') GROUP BY actor ORDER BY actor`,
    ).all()
    expect(results.map(({ n }) => n)).toEqual([20, 20, 20])
    const all = env.DB.prepare('SELECT count(*) AS n FROM webhook_delivery WHERE created_at > 0')
    expect(await all.first('n')).toBe(MAX_DELIVERIES)
    await forgetDeliveries()
  })

  it('among the clients that registered themselves, the one with the most deliveries loses one', async () => {
    const own = { kind: 'registration', actor: 'registration' }
    await insertDeliveries({ ...own, clientId: `'quiet'`, count: 5 })
    await insertDeliveries({
      ...own,
      actor: 'client:loud',
      clientId: `'loud'`,
      count: MAX_DELIVERIES,
    })
    const quiet = env.DB.prepare(
      `SELECT count(*) AS n FROM webhook_delivery WHERE created_at > 0 AND client_id = 'quiet'`,
    )
    expect(await quiet.first('n')).toBe(5)
    await forgetDeliveries()
  })
})

describe('at least once', () => {
  it('simultaneous runs of cron and a change send each delivery once, and lose none', async () => {
    const webhook = await withWebhook({ ...ACCEPTED, delayMs: 200 })
    const { ask } = await ownerAsks(webhook)
    await requested(12)
    const ids = (await waiting()).map(({ webhook_id }) => webhook_id)
    await Promise.all([webhook.cron(), webhook.cron(), ask(), webhook.cron()])
    const sent = (await webhook.received()).map(idOf)
    expect(sent).toHaveLength(13)
    expect(new Set(sent).size).toBe(13)
    expect(ids.every((id) => sent.includes(id))).toBe(true)
    expect(await waiting()).toEqual([])
  })

  it('a run of cron stops after five failed attempts, and the next run sends the rest', async () => {
    const webhook = await withWebhook({ status: 500 })
    await requested(12)
    await webhook.cron()
    expect(await webhook.received()).toHaveLength(5)
    await webhook.answers(ACCEPTED)
    await webhook.cron()
    expect(await waiting()).toHaveLength(5)
  })

  /** Storage of the management worker that fails at its nth operation. */
  const brokenAt = (nth: number) => {
    let seen = 0
    const { DB } = watchedBindings((operation) => {
      if (operation !== 'd1') return
      seen += 1
      if (seen === nth) throw new Error('D1 is away')
    })
    return DB
  }

  it.each([
    [1, 'before the attempt', 0],
    [2, 'after the attempt', 1],
  ])(
    'a delivery is sent with the same id by a later run after a storage fault at operation %i, %s',
    async (nth, _, sent) => {
      const webhook = await withWebhook(ACCEPTED)
      await requested()
      const [delivery] = await waiting()
      vi.spyOn(console, 'log').mockImplementation(() => {})
      const { composeManagement } = await import('../../src/management/compose.ts')
      const broken = composeManagement(
        {
          ...env,
          ISSUER: 'http://127.0.0.1:8787',
          ...webhook.settings,
          DB: brokenAt(nth),
        } as never,
        () => {},
      )
      await expect(broken.sendWebhooks()).rejects.toThrow('D1 is away')
      expect(await webhook.received()).toHaveLength(sent)
      await later(60)
      await webhook.cron()
      expect(await waiting()).toEqual([])
      const ids = (await webhook.received()).map(idOf)
      expect(ids).toEqual(Array.from({ length: sent + 1 }, () => delivery?.webhook_id))
    },
  )

  it('a run of cron that cannot reach the management worker fails, and the next run sends the delivery', async () => {
    const webhook = await withWebhook(ACCEPTED)
    await requested()
    vi.spyOn(console, 'log').mockImplementation(() => {})
    const MANAGEMENT = { sendWebhooks: () => Promise.reject(new Error('away')) }
    await expect(webhook.cron({ MANAGEMENT })).rejects.toThrow('housekeeping failed: webhook')
    await webhook.cron()
    expect(await webhook.events()).toHaveLength(1)
  })

  it('a change whose delivery cannot be written is not made, and answers 503', async () => {
    const webhook = await withWebhook(ACCEPTED)
    const { id, ask } = await ownerAsks(webhook)
    const before = await stateOf(id)
    vi.spyOn(console, 'log').mockImplementation(() => {})
    expect((await withoutDeliveries(ask)).status).toBe(503)
    expect(await stateOf(id)).toEqual(before)
    expect(await waiting()).toEqual([])
    // Control.
    expect((await ask()).status).toBe(303)
    expect(await webhook.events()).toHaveLength(1)
  })

  it('a decision whose delivery cannot be written is not made', async () => {
    const { id } = await newClient({ requestedOnly: true })
    const before = await stateOf(id)
    const decide = () => authorizeClient(admin(), id, { scopes: ['public:read'] })
    await expect(withoutDeliveries(decide)).rejects.toThrow('broken')
    expect(await stateOf(id)).toEqual(before)
  })
})

describe('without WEBHOOK_URL', () => {
  it('without WEBHOOK_URL no event is sent, and the events are deleted after 36 hours', async () => {
    const webhook = await withWebhook(ACCEPTED)
    await requested()
    const off = { WEBHOOK_URL: '' }
    await webhook.cron(off)
    expect(await waiting()).toHaveLength(1)
    await later(KEEP_DELIVERY_SECONDS)
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    await webhook.cron(off)
    expect(await waiting()).toEqual([])
    expect(await webhook.received()).toEqual([])
    expect(linesOf(log, 'housekeeping')).toMatchObject([{ webhook_delivery: 1 }])
  })
})
