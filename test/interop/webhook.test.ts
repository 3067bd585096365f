/** `npm start` sends events to the receiver of docs/approvals.md, which uses the library standardwebhooks. */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newWebhookSecret } from '../../src/crypto/webhook-signature.ts'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'

/** The folder in which the library is installed. */
const RECEIVER = join(import.meta.dirname, 'programs/receiver-of-the-docs.mjs')
const [OLD, NEW] = [newWebhookSecret(), newWebhookSecret()]

let registry: RecordedRegistry
let receiver: Program
let url: string

beforeAll(async () => {
  const page = await readFile(inProject('docs/approvals.md'), 'utf8')
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(page) ?? []
  const [port] = await freePorts(1)
  url = `http://127.0.0.1:${port}/`
  const listening = `, () => console.log('READY'))\n`
  await writeFile(RECEIVER, code.replace('9100', String(port)).replace(/\)\n$/, listening))
  // The receiver has only the old secret, while both secrets sign.
  receiver = startProgram(process.execPath, [RECEIVER], { WEBHOOK_SECRET: OLD })
  await receiver.untilPrints('READY')
  registry = await startRecordedRegistry({ WEBHOOK_URL: url, WEBHOOK_SECRET: `${NEW} ${OLD}` })
})
afterAll(async () => {
  await registry?.end()
  await receiver?.end()
  await rm(RECEIVER, { force: true })
})

it('the receiver of docs/approvals.md accepts the events of a request and of a decision, and refuses an unsigned one', async () => {
  const { id } = await registry.newClient(
    'client_secret',
    '--scope',
    'public:read',
    '--requested-only',
  )
  await receiver.untilPrints('request.created A client')
  const reason = 'It does not read.'
  await registry.administer('client', 'withdraw', id, '--scope', 'public:read', '--reason', reason)
  await receiver.untilPrints('decision.made A client')
  await receiver.untilPrints(reason)
  const forged = await fetch(url, {
    method: 'POST',
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': 'v1,AAAA',
    },
    body: JSON.stringify({ type: 'decision.made', data: {} }),
  })
  expect(forged.status).toBe(401)
  registry.note(...linesOf('the receiver', receiver.printed()))
})

leavesNoSecret(() => registry, {
  ...{ secrets: 5, line: 5, row: 10, key: 0, value: 0, file: 5, answer: 3 },
})
