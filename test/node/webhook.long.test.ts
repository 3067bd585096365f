/** The webhook of `npm start`, sent to real servers of this machine, some of which misbehave. */

import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { poll } from '../../src/cli/doctor/check.ts'
import { newWebhookSecret } from '../../src/crypto/webhook-signature.ts'
import { type Listening, listen } from './listen.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'
import { databaseIn } from './state-database.ts'

type Told = Readonly<{ headers: IncomingMessage['headers']; body: string }>
type Answer = (response: ServerResponse) => void

const WEBHOOK_SECRET = newWebhookSecret()

let registry: RunningRegistry
let db: ReturnType<typeof databaseIn>
let receiver: Listening
let canary: Listening
let reached = 0
let answer: Answer
const told: Told[] = []
let heard: () => void

beforeAll(async () => {
  receiver = await listen(
    createServer((request, response) => {
      void text(request).then((body) => {
        told.push({ headers: request.headers, body })
        answer(response)
        heard()
      })
    }),
  )
  canary = await listen(
    createServer((_, response) => {
      reached += 1
      response.end()
    }),
  )
  registry = await startRegistry({ WEBHOOK_URL: `${receiver.url}/hook`, WEBHOOK_SECRET })
  db = databaseIn(registry.stateDir)
})
afterAll(async () => {
  db?.close()
  await registry?.end()
  await Promise.all([receiver, canary].map((server) => server?.close()))
})
beforeEach(async () => {
  told.length = 0
  await db.prepare('DELETE FROM webhook_delivery').run()
})

/** Creates a client with a request. Returns how long the command took, when the receiver has answered. */
async function request(then: Answer) {
  answer = then
  const hearing = new Promise<void>((resolve) => {
    heard = resolve
  })
  const begun = performance.now()
  await registry.newClient('client_secret', '--scope', 'public:read', '--requested-only')
  const seconds = (performance.now() - begun) / 1000
  await hearing
  return seconds
}

const waiting = async () =>
  (await db.prepare('SELECT attempts, failure FROM webhook_delivery').all()).results

/** Waits until the current delivery attempt has ended. */
const settled = async (isSettled: (rows: readonly Record<string, unknown>[]) => boolean) =>
  (await poll(20, waiting, isSettled)).seen

describe('the webhook of npm start', () => {
  it('the webhook sends an event to a receiver on this machine at once with a valid signature', async () => {
    await request((response) => response.writeHead(204).end())
    expect(await settled((rows) => rows.length === 0)).toEqual([])
    const [{ headers, body }] = told as [Told]
    const key = Buffer.from(WEBHOOK_SECRET.slice('whsec_'.length), 'base64')
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    expect(headers['webhook-signature']).toBe(
      `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    )
    expect(JSON.parse(body)).toMatchObject({
      type: 'request.created',
      data: { approvals_url: `${registry.registry}/approvals` },
    })
  })

  it.each<[what: string, answer: Answer, failure: string]>([
    ['answers 500', (response) => response.writeHead(500).end(), 'answered with the status 500'],
    [
      'redirects to another server',
      (response) => response.writeHead(301, { Location: canary.url }).end(),
      'answered with the status 301',
    ],
    ['is gone', (response) => response.writeHead(410).end(), 'answered with the status 410'],
    [
      'sends 5 MB with its refusal',
      (response) => response.writeHead(400).end(Buffer.alloc(5_000_000)),
      'answered with the status 400',
    ],
    ['hangs up', (response) => response.destroy(), 'cannot be reached'],
  ])(
    'a webhook receiver that %s does not make the change fail, and the event is kept for another attempt',
    async (_, then, failure) => {
      expect(await request(then)).toBeLessThan(8)
      expect(await settled(([row]) => row?.failure !== null)).toEqual([{ attempts: 1, failure }])
      expect(told).toHaveLength(1)
      expect(reached).toBe(0)
    },
  )

  it('the webhook counts a 200 response with 5 MB as accepted, and does not read the body', async () => {
    await request((response) => response.writeHead(200).end(Buffer.alloc(5_000_000)))
    expect(await settled((rows) => rows.length === 0)).toEqual([])
  })

  it('a webhook receiver that never answers delays no change, and the attempt is aborted after ten seconds', async () => {
    const begun = performance.now()
    expect(await request(() => {})).toBeLessThan(8)
    const rows = await settled(([row]) => row?.failure !== null)
    expect(rows).toEqual([{ attempts: 1, failure: 'has not answered within 10 s' }])
    expect((performance.now() - begun) / 1000).toBeGreaterThan(9)
  })

  it('control: the canary server serves requests', async () => {
    await fetch(canary.url)
    expect(reached).toBe(1)
  })
})

describe('npm start', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'without a secret',
      { WEBHOOK_URL: 'http://127.0.0.1:9/hook', WEBHOOK_SECRET: '' },
      /WEBHOOK_SECRET: must be set/,
    ],
    [
      'with a bad secret',
      { WEBHOOK_URL: 'http://127.0.0.1:9/hook', WEBHOOK_SECRET: 'hunter2' },
      /WEBHOOK_SECRET: must be whsec_/,
    ],
    [
      'with a URL of a private network',
      { WEBHOOK_URL: 'https://10.0.0.7/hook', WEBHOOK_SECRET },
      /WEBHOOK_URL: must not name an IP address/,
    ],
  ])('npm start refuses a WEBHOOK_URL %s', async (_, settings, sentence) => {
    const refused = await startRegistry(settings).then(
      () => 'started',
      (fault: Error) => fault.message,
    )
    expect(refused).toMatch(sentence)
    expect(refused).not.toContain('hunter2')
  })
})
