/** Which requests need less than the 10 ms of CPU time of Cloudflare's free plan (docs/plans.md). */

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldsOf } from '../node/forms.ts'
import { type RunningRegistry, startRegistry } from '../node/running-registry.ts'

const FREE_PLAN_MS = 10
/** The clock of /proc in Hz, on every Linux. */
const TICKS_PER_SECOND = 100

/** Fields 14 and 15 of proc(5), user and system time. Fields are counted after the name in parentheses. */
function statOf(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { name, parent: rest[1], ticks: Number(rest[11]) + Number(rest[12]) }
  } catch {
    return null
  }
}

/** The workerd of this registry. It also runs the simulators of D1 and KV, so the measured time is an upper bound. */
function runtimeOf(port: string): string {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const stat = statOf(pid)
    if (stat?.name !== 'workerd') continue
    const environment = readFileSync(`/proc/${stat.parent}/environ`, 'utf8')
    if (environment.split('\0').includes(`PORT=${port}`)) return pid
  }
  throw new Error('no workerd serves the registry')
}

let product: RunningRegistry
let pid: string
beforeAll(async () => {
  product = await startRegistry()
  pid = runtimeOf(new URL(product.registry).port)
})
afterAll(() => product?.end())

async function msOfEach(times: number, ask: (time: number) => Promise<unknown>) {
  // The first requests include compilation by V8.
  for (let time = 0; time < Math.ceil(times / 4); time++) await ask(-1 - time)
  const before = statOf(pid)?.ticks ?? 0
  for (let time = 0; time < times; time++) await ask(time)
  const ticks = (statOf(pid)?.ticks ?? 0) - before
  return (ticks * 1000) / TICKS_PER_SECOND / times
}

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(product.registry + path, { headers, redirect: 'manual' })
  return { response, text: await response.text() }
}
const post = async (path: string, fields: Record<string, string>, headers = {}) => {
  const body = new URLSearchParams(fields)
  const response = await fetch(product.registry + path, {
    method: 'POST',
    headers,
    body,
    redirect: 'manual',
  })
  return { response, text: await response.text() }
}
const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((one) => one.split(';')[0] ?? '')
    .filter((one) => !one.endsWith('='))
    .join('; ')

async function signIn() {
  const { response, text } = await get('/login')
  const { username, password } = product.demo
  const fields = { ...Object.fromEntries(fieldsOf(text, '/login') ?? []), username, password }
  return post('/login', fields, { Cookie: cookiesOf(response) })
}

describe('the CPU time of requests', () => {
  it('a sign-in needs many times the CPU time limit of the free plan', async () => {
    const ms = await msOfEach(6, async () => expect((await signIn()).response.status).toBe(303))
    console.log(`sign-in: ${ms.toFixed(1)} ms`)
    expect(ms).toBeGreaterThan(FREE_PLAN_MS * 5)
  })

  const token = () => {
    const { clientId, clientSecret } = product.demo
    const fields = { client_id: clientId, client_secret: clientSecret }
    return post('/token', { grant_type: 'client_credentials', ...fields })
  }
  it.each<[string, () => Promise<() => Promise<unknown>>]>([
    ['the sign-in page', async () => () => get('/login')],
    ['a token', async () => token],
    [
      'the consent page',
      async () => {
        const Cookie = cookiesOf((await signIn()).response)
        const query = { response_type: 'code', client_id: product.demo.clientId, state: 's' }
        const path = `/authorize?${new URLSearchParams(query)}`
        return async () => expect((await get(path, { Cookie })).response.status).toBe(200)
      },
    ],
    [
      'the page of connected applications',
      async () => {
        const Cookie = cookiesOf((await signIn()).response)
        return async () => expect((await get('/account', { Cookie })).response.status).toBe(200)
      },
    ],
    [
      'a check',
      async () => {
        const { access_token } = JSON.parse((await token()).text) as { access_token: string }
        const headers = { Authorization: `Bearer ${access_token}` }
        return async () =>
          expect((await fetch(`${product.authenticator}/auth`, { headers })).status).toBe(200)
      },
    ],
  ])('the CPU time for %s is within the limit of the free plan', async (name, ready) => {
    const ms = await msOfEach(150, await ready())
    console.log(`${name}: ${ms.toFixed(1)} ms`)
    expect(ms).toBeLessThan(FREE_PLAN_MS)
  })
})
