/** Two hundred sign-ins and two hundred commands of the administrator at the same time, on one local state. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { DEMO_REDIRECT_URI } from '../../src/local/demo.ts'
import { commandLine } from './command-line.ts'
import { demoUser, type Person } from './person.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

const FLOWS = 200
const WRITES = 200
const FLOWS_AT_ONCE = 10
const WRITES_AT_ONCE = 10

/** Runs `work` `count` times, at most `atOnce` at a time. */
async function inParallel<T>(count: number, atOnce: number, work: (i: number) => Promise<T>) {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < count; i = next++) results[i] = await work(i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

let running: RunningRegistry
beforeAll(async () => {
  running = await startRegistry()
})
afterAll(() => running.end())

async function codeFlow(person: Person, i: number): Promise<number> {
  const { registry, demoClient } = running
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: demoClient.id,
    redirect_uri: DEMO_REDIRECT_URI,
    scope: 'submission:read',
    state: `flow-${i}`,
  })
  const sentBack = await person.visit(`${registry}/authorize?${asked}`)
  expect(sentBack.searchParams.get('state')).toBe(`flow-${i}`)
  const response = await fetch(`${registry}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: sentBack.searchParams.get('code') ?? '',
      redirect_uri: DEMO_REDIRECT_URI,
      client_id: demoClient.id,
      client_secret: demoClient.secret,
    }),
  })
  await response.arrayBuffer()
  return response.status
}

it('two hundred sign-ins during two hundred commands all get a token, every write is stored, and the log has a line for every response', async () => {
  const env = { STATE_DIR: running.stateDir }
  const person = demoUser(running)
  expect(await codeFlow(person, -1)).toBe(200)

  const create = [
    'client',
    'create',
    '--owner',
    'busy',
    '--scope',
    'submission:read public:read',
    '--json',
    '--name',
  ]
  const [statuses, writes] = await Promise.all([
    inParallel(FLOWS, FLOWS_AT_ONCE, (i) => codeFlow(person, i)),
    inParallel(WRITES, WRITES_AT_ONCE, (i) => commandLine([...create, `client ${i}`], { env })),
  ])
  expect(statuses).toEqual(Array.from({ length: FLOWS }, () => 200))
  expect(writes.filter(({ status, stderr }) => status !== 0 || stderr !== '')).toEqual([])

  const { stdout } = await commandLine(['client', 'list', '--json'], { env })
  const clients = JSON.parse(stdout) as { name: string; owner_id: string }[]
  const names = clients.filter(({ owner_id }) => owner_id === 'busy').map(({ name }) => name)
  expect(names.sort()).toEqual(Array.from({ length: WRITES }, (_, i) => `client ${i}`).sort())

  // The commands get tokens too, as another client.
  const line = new RegExp(
    `"endpoint":"POST /token","clientId":"${running.demo.clientId}".*"outcome":"answered"`,
    'g',
  )
  await expect.poll(() => running.printed().match(line)?.length).toBe(1 + FLOWS)
})
