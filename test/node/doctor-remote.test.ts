/** `doctor --remote` on a running registry, with the credential of its operator and a stand-in for Cloudflare's API. */

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { filledIn } from '../unit/filled-in.ts'
import { commandLine, temporaryDirectory } from './command-line.ts'
import { refuse, succeed } from './deploy-stand-ins.ts'
import { type Answered, type Asked, passOn, type StandIn, standIn } from './doctor-stand-ins.ts'
import { PROXY_SECRET, type RunningRegistry, startRegistry } from './running-registry.ts'
import { databaseIn } from './state-database.ts'

/** Whether the configuration files are filled in. */
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
const SET = ['JWT_SECRET', 'PROXY_SECRET']

let running: RunningRegistry
/** The folder for the files of the command line. */
let home: string
let api: StandIn
/** The deployed registry, behind a stand-in for the network. */
let front: StandIn
let seen: Asked[] = []
let env: Record<string, string> = {}
/** Null for the real response of Cloudflare or of the registry. */
let spoiled: (asked: Asked) => Answered | null = () => null

beforeAll(async () => {
  home = await temporaryDirectory()
  running = await startRegistry()
  const db = databaseIn(running.stateDir)
  await db
    .prepare(
      `INSERT INTO housekeeping (task, ran_at, removed, left_over) VALUES ('codes', unixepoch(), 0, 0)`,
    )
    .run()
  db.close()
  api = await standIn(async (asked) => {
    seen.push(asked)
    if (asked.headers.authorization !== `Bearer ${TOKEN}`)
      return refuse(401, 'Authentication error')
    return (
      spoiled(asked) ??
      (asked.path === SECRETS ? succeed(SET.map((name) => ({ name }))) : refuse(404, 'Unknown'))
    )
  })
  front = await standIn(async (asked) => {
    const answer = spoiled(asked)
    if (answer) return answer
    const passed = await passOn(running.registry, asked)
    const { location } = passed.headers ?? {}
    return {
      ...passed,
      headers: {
        ...passed.headers,
        ...(typeof location === 'string' && {
          location: location.replace(running.registry, front.url),
        }),
      },
    }
  })
})
afterAll(async () => {
  await api.close()
  await front.close()
  await running.end()
  await rm(home, { recursive: true, force: true })
})
beforeEach(() => {
  seen = []
  spoiled = () => null
  files.areFilledIn = false
  env = {
    CLOUDFLARE_API_BASE_URL: api.url,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_ACCOUNT_ID: 'account-1',
    ISSUER: running.registry,
    CREDENTIALS_FILE: join(running.stateDir, 'operator.json'),
    XDG_CONFIG_HOME: home,
    PROXY_SECRET,
  }
})

async function doctor(...words: string[]) {
  const { status, stdout, stderr } = await commandLine(['doctor', '--remote', '--json', ...words], {
    env,
  })
  expect(stdout + stderr).not.toContain(TOKEN)
  const findings = JSON.parse(stdout) as Record<'check' | 'state' | 'seen', string>[]
  const inState = (wanted: string) =>
    findings.filter(({ state }) => state === wanted).map(({ check }) => check)
  const said = Object.fromEntries(findings.map((one) => [one.check, one.seen]))
  return { status, said, failed: inState('fail'), notChecked: inState('not_checked') }
}
const withAuthenticator = () => doctor('--authenticator', running.authenticator)

/** The bindings check fails, because the repository's own wrangler.toml is not filled in. */
const NOT_READY = 'bindings'

describe('a deployment', () => {
  it('doctor --remote examines a deployment over the API and HTTP, and prints what it cannot check', async () => {
    const { status, said, failed, notChecked } = await withAuthenticator()
    expect([status, failed, notChecked]).toEqual([1, [NOT_READY], ['fresh']])
    expect(said.bindings).toContain('wrangler.toml: the id of SESSIONS is a placeholder')
    expect(said['jwt-secret']).toBe(
      'JWT_SECRET of the authenticator is set; Cloudflare does not show how strong it is',
    )
    expect(said.fresh).toContain('the authenticator does not bind DB')
  })

  it('doctor --remote ends with status 0 when every check is ok except `fresh`, which needs a DB binding of the authenticator', async () => {
    files.areFilledIn = true
    const { status, said, failed, notChecked } = await withAuthenticator()
    expect(failed, JSON.stringify(said)).toEqual([])
    expect([status, notChecked]).toEqual([0, ['fresh']])
    // Control: with one failed check the status is 1.
    spoiled = ({ path }) => (path === SECRETS ? succeed([{ name: 'PROXY_SECRET' }]) : null)
    expect(await withAuthenticator()).toMatchObject({ status: 1, failed: ['jwt-secret'] })
  })

  it("doctor --remote asks Cloudflare's API only for the names of the secrets", async () => {
    await withAuthenticator()
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET ${SECRETS}`,
      `GET ${SECRETS}`,
      `GET ${SECRETS}`,
    ])
  })

  it('doctor --remote without a Cloudflare token checks everything except the secrets', async () => {
    files.areFilledIn = true
    env = { ...env, CLOUDFLARE_API_TOKEN: '' }
    const { status, notChecked, said } = await withAuthenticator()
    expect([status, notChecked]).toEqual([0, ['jwt-secret', 'proxy-secret', 'fresh']])
    expect(said['jwt-secret']).toBe('set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID')
  })

  it('doctor --remote without a credential is refused, and prints how to get one', async () => {
    env = { ...env, CREDENTIALS_FILE: '' }
    const { status, stdout, stderr } = await commandLine(['doctor', '--remote'], { env })
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(
      /^error: --remote needs a sign-in \(npm run admin -- login --remote\), or /,
    )
  })

  it('doctor --remote without --authenticator reports the checks that need it as not checked', async () => {
    const { failed, notChecked, said } = await doctor()
    expect(failed).toEqual([NOT_READY])
    expect(notChecked).toEqual(['session', 'keys-read', 'fresh', 'revocation'])
    expect(said.session).toContain('give --authenticator URL')
  })
})

it('doctor --remote without the PROXY_SECRET of the authenticator reports the checks of sessions as not checked and ends with status 0', async () => {
  const strict = await standIn(async (asked) =>
    asked.path === '/jwks.json' || asked.headers['x-proxy-secret'] === PROXY_SECRET
      ? passOn(running.authenticator, asked)
      : { status: 403 },
  )
  try {
    files.areFilledIn = true
    env = { ...env, PROXY_SECRET: '' }
    const without = await doctor('--authenticator', strict.url)
    expect(without).toMatchObject({
      status: 0,
      failed: [],
      notChecked: ['session', 'keys-read', 'fresh', 'revocation'],
      said: { session: 'give the doctor PROXY_SECRET in its environment' },
    })
    // Control: with the secret the checks run.
    env = { ...env, PROXY_SECRET }
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

  it("the doctor's check proxy-secret fails when the doctor and the authenticator have different PROXY_SECRETs", async () => {
    env = { ...env, PROXY_SECRET: 'another-secret-than-that-of-the-authenticator' }
    const said = await expectAlso(['session'])
    expect(said.session).toBe(
      'the authenticator has another PROXY_SECRET than the doctor was given',
    )
  })

  it("the doctor's checks of secrets fail when the token may not list secrets", async () => {
    spoiled = ({ path }) => (path === SECRETS ? refuse(403, 'Forbidden') : null)
    const said = await expectAlso(['jwt-secret', 'proxy-secret', 'key-set'])
    expect(said['jwt-secret']).toBe('the list of secrets answered 403: Forbidden')
  })

  it("the doctor's checks that write fail when the management API fails, and say that a change may have been made", async () => {
    env = { ...env, ISSUER: front.url }
    spoiled = ({ method, path }) =>
      method !== 'GET' && path.startsWith('/admin/v1') ? { status: 503, body: '{}' } : null
    const { failed, said } = await withAuthenticator()
    const writing = ['d1', 'kv', 'signing', 'pkce', 'single-use', 'session']
    // The issuer of the registry is not the URL of the stand-in.
    expect(failed).toEqual([NOT_READY, 'd1', 'issuer', ...writing.slice(1), 'clean-up'])
    for (const check of writing) {
      expect(said[check]).toContain(`the answer of the registry at ${front.url} was lost (503`)
    }
    expect(said.schema).toMatch(/^all \d+ migrations are applied/)
  })

  it("the doctor's check clean-up fails when the temporary client cannot be deleted", async () => {
    env = { ...env, ISSUER: front.url }
    spoiled = ({ method, path }) =>
      method === 'DELETE' && path.startsWith('/admin/v1/clients/') ? { status: 503 } : null
    const { failed, said } = await withAuthenticator()
    expect(failed, JSON.stringify(said)).toEqual([NOT_READY, 'issuer', 'clean-up'])
    spoiled = () => null
    const left = (await running.administer('client', 'list')) as { client_id: string }[]
    for (const { client_id } of left.filter((one) => one.client_id.startsWith('doctor-'))) {
      await running.administer('client', 'delete', client_id)
    }
  })

  it("the doctor's check single-use is reported as not checked if users sign in at an accounts service", async () => {
    env = { ...env, ISSUER: front.url }
    const status = await withStatus({ LOGIN_URL: 'https://accounts.example.org/sign-in' })
    spoiled = ({ path }) => (path === '/admin/v1/status' ? status : null)
    const { notChecked, said } = await withAuthenticator()
    expect(notChecked).toEqual(['pkce', 'single-use', 'fresh'])
    expect(said.pkce).toBe('users sign in at LOGIN_URL')
  })
})

/** The status of the running registry, with other settings. */
async function withStatus(settings: Readonly<Record<string, string>>): Promise<Answered> {
  const { registry } = running
  const { client_id = '', client_secret = '' } = JSON.parse(
    await readFile(join(running.stateDir, 'operator.json'), 'utf8'),
  ) as Record<string, string>
  const token = await running.tokenFor({ id: client_id, secret: client_secret })
  const headers = { Authorization: `Bearer ${token}` }
  const answer = await fetch(`${registry}/admin/v1/status`, { headers })
  const status = (await answer.json()) as { settings: object }
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...status, settings: { ...status.settings, ...settings } }),
  }
}
