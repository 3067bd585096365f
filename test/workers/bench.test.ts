/** The workers that `npm run bench` measures, on both kinds of storage. */

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import {
  HANDOUT_PATH,
  type Handout,
  isSigned,
  OPERATIONS,
  type Operation,
} from '../../bench/operations.ts'
import { authenticatorWorker } from '../../bench/workers/authenticator.ts'
import type { BenchEnv } from '../../bench/workers/bindings.ts'
import { cryptoFloor } from '../../bench/workers/crypto-floor.ts'
import { floor } from '../../bench/workers/floor.ts'
import { registryWorker } from '../../bench/workers/registry.ts'
import { FIND_CLIENT } from '../../src/stores/clients.ts'
import { SPEND_CODE, TOUCH_CONSENT } from '../../src/stores/codes.ts'
import { over, tellingKv } from './counting.ts'
import { ISSUER } from './registry.ts'

type Worker = ExportedHandler<BenchEnv>
type Storage = BenchEnv['STORAGE']

const registryFor = (operation: Operation) =>
  operation.endsWith('check') ? authenticatorWorker() : registryWorker()

/** The floor without cryptography has no signed tokens. */
const floorsFor = (operation: Operation): Worker[] =>
  isSigned(operation) ? [cryptoFloor()] : [floor(), cryptoFloor()]

/** Bindings that record each statement and each KV operation. */
function recordedStorage() {
  const told: string[] = []
  const database = <T extends Pick<D1Database, 'prepare'>>(db: T): T =>
    over(db, {
      prepare: (sql: string) => {
        told.push(sql)
        return db.prepare(sql)
      },
      withSession: (how: string) => database((db as unknown as D1Database).withSession(how)),
    } as unknown as Partial<T>)
  const namespace = (name: string, kv: KVNamespace) =>
    tellingKv(name, kv, ['get', 'put', 'delete'], (operation) => told.push(operation))
  return {
    DB: database(env.DB),
    SESSIONS: namespace('SESSIONS', env.SESSIONS),
    CODES: namespace('CODES', env.CODES),
    take: () => told.splice(0).sort(),
  }
}

/** Parses the text of a request that the load generator sends. */
function asRequest(text: string): Request {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = first.split(' ')
  const headers = lines.map((line): [string, string] => {
    const [name = '', value = ''] = line.split(': ')
    return [name, value]
  })
  return new Request(`http://127.0.0.1${path}`, {
    method,
    headers,
    body: body === '' ? null : body,
  })
}

/** Sends two requests of an operation, checks both responses, and returns the storage operations of the second. */
async function storageOperationsOf(worker: Worker, operation: Operation, storage: Storage) {
  const { take, ...bindings } = recordedStorage()
  const given = {
    ...bindings,
    ISSUER,
    STORAGE: storage,
    OPERATION: operation,
    LOG_ANSWERS: 'refusals',
    CLIENT_CACHE_SECONDS: operation === 'token_cold' ? '0' : '300',
  }
  const send = async (request: Request) => {
    const context = createExecutionContext()
    const response = await worker.fetch?.(request as never, given, context)
    if (!response) throw new Error('not a worker')
    const text = await response.text()
    await waitOnExecutionContext(context)
    return { status: response.status, text }
  }
  const handout = await send(
    new Request(`http://127.0.0.1${HANDOUT_PATH}?operation=${operation}&n=2`),
  )
  const { requests, once, status, text } = JSON.parse(handout.text) as Handout
  const [first = '', second = ''] = once ? requests : [requests[0], requests[0]]
  const answers = [await send(asRequest(first))]
  take()
  answers.push(await send(asRequest(second)))
  for (const answer of answers) {
    expect(answer).toEqual({ status, text: expect.stringContaining(text) })
  }
  return take()
}

describe.each(OPERATIONS)('%s in the benchmark', (operation) => {
  it(`the registry and the floors answer ${operation} in the benchmark on storage in memory`, async () => {
    for (const worker of [registryFor(operation), ...floorsFor(operation)]) {
      expect(await storageOperationsOf(worker, operation, 'memory')).toEqual([])
    }
  })

  it(`${operation} in the benchmark performs the same storage operations in the registry and in the floors`, async () => {
    const asked = await storageOperationsOf(registryFor(operation), operation, 'simulator')
    for (const worker of floorsFor(operation)) {
      expect(await storageOperationsOf(worker, operation, 'simulator')).toEqual(asked)
    }
  })
})

it('control: an exchange in the benchmark reads and spends the code, and stores a session unless the token is signed', async () => {
  const asked = await storageOperationsOf(registryWorker(), 'exchange', 'simulator')
  expect(asked).toEqual(
    [FIND_CLIENT, SPEND_CODE, TOUCH_CONSENT, 'delete CODES', 'get CODES', 'put SESSIONS'].sort(),
  )
  expect(await storageOperationsOf(registryWorker(), 'signed_exchange', 'simulator')).toEqual(
    asked.filter((one) => one !== 'put SESSIONS'),
  )
})
