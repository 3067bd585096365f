/** `doctor --remote` on a running registry, through a stand-in of Cloudflare's API. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { d1OverHttp } from '../../src/cli/storage-http.ts'
import { REGISTRY_CONFIG } from '../../src/local/project.ts'
import type { RunningRegistry as Announced } from '../../src/local/running-registry.ts'
import { codesOf, readWranglerConfig, sessionsOf } from '../../src/local/wrangler-config.ts'
import { filledIn } from '../unit/filled-in.ts'
import { commandLine } from './command-line.ts'
import { type Answered, type Asked, passOn, type StandIn, standIn } from './doctor-stand-ins.ts'
import { PROXY_SECRET, type RunningRegistry, startRegistry } from './running-registry.ts'

/** Whether an operator has filled in both files. */
const files = vi.hoisted(() => ({ areFilledIn: false }))
vi.mock('../../src/local/wrangler-config.ts', async (original) => {
  const real = await original<typeof import('../../src/local/wrangler-config.ts')>()
  return {
    ...real,
    readWranglerConfig(path: string) {
      const config = real.readWranglerConfig(path)
      return files.areFilledIn ? filledIn(config) : config
    },
  }
})

const TOKEN = 'cloudflare-token-that-nobody-may-see'
const SECRETS = '/accounts/account-1/workers/scripts/authenticator/secrets'
const config = readWranglerConfig(REGISTRY_CONFIG)

const SET = ['JWT_SECRET', 'PROXY_SECRET']

let running: RunningRegistry
let announced: Announced
let api: StandIn
let seen: Asked[] = []
let proxySecret = PROXY_SECRET
/** Null: the response of Cloudflare. */
let spoiled: (asked: Asked) => Answered | null = () => null

const succeed = (result: unknown): Answered => ({
  status: 200,
  body: JSON.stringify({ success: true, errors: [], result }),
})
const refuse = (status: number, message: string): Answered => ({
  status,
  body: JSON.stringify({ success: false, errors: [{ code: 1, message }], result: null }),
})

beforeAll(async () => {
  running = await startRegistry()
  announced = JSON.parse(await readFile(join(running.stateDir, 'admin.json'), 'utf8'))
  const { url: baseUrl, token } = announced
  const db = d1OverHttp({ baseUrl, accountId: 'local', token }, 'DB')
  await db
    .prepare(
      `INSERT INTO housekeeping (task, ran_at, removed, left_over) VALUES ('codes', unixepoch(), 0, 0)`,
    )
    .run()
  api = await standIn(async (asked) => {
    seen.push(asked)
    if (asked.headers.authorization !== `Bearer ${TOKEN}`)
      return refuse(401, 'Authentication error')
    const answer = spoiled(asked)
    if (answer) return answer
    if (asked.path === SECRETS) return succeed(SET.map((name) => ({ name })))
    const path = asked.path
      .replace(new RegExp(`${sessionsOf(config)}|SESSIONS-id`), 'SESSIONS')
      .replace(new RegExp(`${codesOf(config)}|CODES-id`), 'CODES')
    const headers = { ...asked.headers, authorization: `Bearer ${announced.token}` }
    return passOn(announced.url, { ...asked, path, headers })
  })
})
afterAll(async () => {
  await api.close()
  await running.end()
})
beforeEach(() => {
  seen = []
  spoiled = () => null
  files.areFilledIn = false
  proxySecret = PROXY_SECRET
})

async function doctor(...words: string[]) {
  const { status, stdout, stderr } = await commandLine(['doctor', '--remote', '--json', ...words], {
    env: {
      CLOUDFLARE_API_BASE_URL: api.url,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: 'account-1',
      ISSUER: running.registry,
      PROXY_SECRET: proxySecret,
    },
  })
  expect(stdout + stderr).not.toContain(TOKEN)
  const findings = JSON.parse(stdout) as Record<'check' | 'state' | 'seen', string>[]
  const inState = (wanted: string) =>
    findings.filter(({ state }) => state === wanted).map(({ check }) => check)
  const said = Object.fromEntries(findings.map((one) => [one.check, one.seen]))
  return { status, said, failed: inState('fail'), notChecked: inState('not_checked') }
}
const withAuthenticator = () => doctor('--authenticator', running.authenticator)

/** The repository's own wrangler.toml is not ready to be deployed, and the doctor says so. */
const NOT_READY = 'bindings'

describe('a deployment', () => {
  it('doctor --remote examines a deployment over the API and HTTP, and names what it cannot check', async () => {
    const { status, said, failed, notChecked } = await withAuthenticator()
    expect([status, failed, notChecked]).toEqual([1, [NOT_READY], ['fresh']])
    expect(said.bindings).toContain('wrangler.toml: the id of SESSIONS is a placeholder')
    expect(said['jwt-secret']).toBe(
      'JWT_SECRET of the authenticator is set; how strong it is cannot be seen from here',
    )
    expect(said.fresh).toContain('the authenticator does not bind DB')
  })

  it('doctor --remote ends with status 0 when every check is ok except `fresh`, for which the authenticator binds no DB', async () => {
    files.areFilledIn = true
    const { status, said, failed, notChecked } = await withAuthenticator()
    expect(failed, JSON.stringify(said)).toEqual([])
    expect([status, notChecked]).toEqual([0, ['fresh']])
    // Control: with one fault the status is 1.
    spoiled = ({ path }) => (path === SECRETS ? succeed([{ name: 'PROXY_SECRET' }]) : null)
    expect(await withAuthenticator()).toMatchObject({ status: 1, failed: ['jwt-secret'] })
  })

  it('doctor --remote leaves nothing in KV', async () => {
    await withAuthenticator()
    const keysOf = (wanted: string) =>
      seen
        .filter(({ method }) => method === wanted)
        .map(({ path }) => path.replace(/^.*namespaces\/|\?.*$/g, ''))
    expect(keysOf('PUT').length).toBeGreaterThanOrEqual(4)
    expect(keysOf('DELETE')).toEqual(expect.arrayContaining(keysOf('PUT')))
  })

  it('doctor --remote without --authenticator reports the checks that need it as not checked, which is not ok', async () => {
    const { failed, notChecked, said } = await doctor()
    expect(failed).toEqual([NOT_READY])
    expect(notChecked).toEqual(['session', 'fresh', 'revocation'])
    expect(said.session).toContain('give --authenticator URL')
  })
})

it('doctor --remote without the PROXY_SECRET of the authenticator does not check sessions, which is not a fault', async () => {
  const strict = await standIn(async (asked) =>
    asked.headers['x-proxy-secret'] === PROXY_SECRET
      ? passOn(running.authenticator, asked)
      : { status: 403 },
  )
  try {
    files.areFilledIn = true
    proxySecret = ''
    const without = await doctor('--authenticator', strict.url)
    expect(without).toMatchObject({
      status: 0,
      failed: [],
      notChecked: ['session', 'fresh', 'revocation'],
      said: { session: 'give the doctor PROXY_SECRET in its environment' },
    })
    // Control.
    proxySecret = PROXY_SECRET
    const shown = await doctor('--authenticator', strict.url)
    expect(shown).toMatchObject({ status: 0, notChecked: ['fresh'] })
  } finally {
    await strict.close()
  }
})

describe('failures of one check', () => {
  const expectAlso = async (failed: readonly string[]) => {
    const found = await withAuthenticator()
    expect(found.failed, JSON.stringify(found.said)).toEqual([NOT_READY, ...failed])
    expect(found.status).toBe(1)
    return found.said
  }

  it("the doctor's check jwt-secret fails when the authenticator has no JWT_SECRET", async () => {
    spoiled = ({ path }) => (path === SECRETS ? succeed([{ name: 'PROXY_SECRET' }]) : null)
    const said = await expectAlso(['jwt-secret'])
    expect(said['jwt-secret']).toBe('the authenticator has no secret JWT_SECRET')
  })

  it("the doctor's check proxy-secret fails when the authenticator has no PROXY_SECRET", async () => {
    spoiled = ({ path }) => (path === SECRETS ? succeed([{ name: 'JWT_SECRET' }]) : null)
    const said = await expectAlso(['proxy-secret'])
    expect(said['proxy-secret']).toBe(
      'the authenticator has no secret PROXY_SECRET: over HTTP it answers 503 to everything',
    )
  })

  it("the doctor's check proxy-secret fails when the doctor has another PROXY_SECRET than the authenticator", async () => {
    proxySecret = 'another-secret-than-that-of-the-authenticator'
    const said = await expectAlso(['session'])
    expect(said.session).toBe(
      'the authenticator has another PROXY_SECRET than the doctor was given',
    )
  })

  it("the doctor's checks of secrets fail when the token may not list secrets", async () => {
    spoiled = ({ path }) => (path === SECRETS ? refuse(403, 'Forbidden') : null)
    const said = await expectAlso(['jwt-secret', 'proxy-secret'])
    expect(said['jwt-secret']).toBe('the list of secrets answered 403: Forbidden')
  })

  it("the doctor's checks of D1 fail when D1 does not respond", async () => {
    spoiled = ({ path }) => (path.includes('/d1/') ? refuse(503, 'Down') : null)
    const tried = ['pkce', 'single-use', 'session']
    const said = await expectAlso(['d1', 'schema', 'cron', ...tried, 'clean-up'])
    // Each check begins with a write, and after such a response it is unknown whether the write was made.
    for (const check of ['d1', ...tried])
      expect(said[check]).toContain(`the answer of the database at ${api.url} was lost (503: Down)`)
    expect(said.schema).toBe('the database answered 503: Down')
  })

  it("the doctor's check kv fails when a namespace cannot be written", async () => {
    spoiled = ({ method, path }) =>
      method === 'PUT' && path.includes(codesOf(config)) ? refuse(403, 'Forbidden') : null
    const said = await expectAlso(['kv'])
    expect(said.kv).toBe('KV answered 403: Forbidden')
  })

  it("the doctor's check clean-up fails when the temporary rows cannot be deleted", async () => {
    spoiled = ({ body }) =>
      body.includes('DELETE FROM client WHERE client_id = ?1') ? refuse(503, 'Down') : null
    await expectAlso(['clean-up'])
  })
})
