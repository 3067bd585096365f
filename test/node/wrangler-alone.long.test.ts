/** The wrangler commands of docs/operate.md for a registry that does not serve, on the state of a stopped registry. */

import { execFile } from 'node:child_process'
import { cp, readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SETTINGS } from '../../src/config.ts'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { openState } from '../../src/local/state.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { DOCUMENT_KEY, projectRevocations } from '../../src/stores/revocation-document.ts'
import { KEPT_LONGER_SECONDS } from '../../src/stores/revocation-statements.ts'
import { commandLine, dump, temporaryDirectory } from './command-line.ts'
import { demoUser } from './person.ts'
import { type RegisteredClient, type RunningRegistry, startRegistry } from './running-registry.ts'

const run = promisify(execFile)
const CALLBACK = 'http://127.0.0.1:5000/callback'
const SECTION = '## When the registry does not serve\n'
const PASSWORD = 'the password of another user'
/** The time limit for four wrangler commands on two busy cores. */

/** The grants of one user to one client. */
type Held = Readonly<{ access: string; refresh: string; code: string }>

let stateDir: string
/** A copy of the state before the wrangler commands, on which the command line runs. */
let copyDir: string
let running: RunningRegistry
let ended: RegisteredClient
let disabled: RegisteredClient
let control: RegisteredClient
let userId: string
const held = {} as Record<'ended' | 'disabled' | 'control' | 'ofUser', Held>
const own = {} as Record<'ended' | 'disabled' | 'control', string>

type Client = RegisteredClient
type Answered = Readonly<{
  status: number
  error?: string
  access_token?: string
  refresh_token?: string
}>
type Fields = Readonly<Record<string, string>>

async function token({ id, secret }: Client, fields: Fields): Promise<Answered> {
  const body = new URLSearchParams({ client_id: id, client_secret: secret, ...fields })
  const response = await fetch(`${running.registry}/token`, { method: 'POST', body })
  const answer = (await response.json()) as Omit<Answered, 'status'>
  return { status: response.status, ...answer }
}
const redeem = (client: Client, code: string) =>
  token(client, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK })
const refresh = (client: Client, refresh_token: string) =>
  token(client, { grant_type: 'refresh_token', refresh_token })
const ownToken = (client: Client) => running.tokenFor(client)

const check = async (access: string) =>
  (
    await fetch(`${running.authenticator}/auth`, {
      headers: { Authorization: `Bearer ${access}` },
    })
  ).status

/** A redeemed code and an unredeemed code. */
async function hold(client: Client, username: string, password: string): Promise<Held> {
  const person = demoUser({ ...running, demo: { ...running.demo, username, password } })
  const asked = { response_type: 'code', client_id: client.id, redirect_uri: CALLBACK }
  const url = `${running.registry}/authorize?${new URLSearchParams(asked)}`
  const code = async () => (await person.visit(url)).searchParams.get('code') ?? ''
  const { access_token = '', refresh_token = '' } = await redeem(client, await code())
  return { access: access_token, refresh: refresh_token, code: await code() }
}

/** The commands of the steps 3 and 4 as documented, on local storage instead of a deployment. */
async function documented(choice: Readonly<{ ID: string; WHOSE: string; KIND: string }>) {
  const page = await readFile(inProject('docs/operate.md'), 'utf8')
  const section = page.split(SECTION)[1]?.split('\n## ')[0] ?? ''
  const blocks = [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
  const [find = '', choices = '', ...steps] = blocks
  expect(choices).toMatch(new RegExp(`WHOSE=${choice.WHOSE} +KIND=${choice.KIND} `))
  const folder = await temporaryDirectory()
  const local = [find, ...steps]
    .join('\n')
    .replaceAll('npx wrangler', 'wrangler --cwd "$PROJECT"')
    .replaceAll('--remote', '--local --persist-to "$STATE"')
    .replace('--path ', '--path "$PWD"/')
  try {
    await run('bash', ['-euo', 'pipefail', '-c', local], {
      cwd: folder,
      env: {
        ...process.env,
        ...choice,
        PATH: `${inProject('node_modules/.bin')}:${process.env.PATH}`,
        PROJECT: inProject('.'),
        STATE: stateDir,
        WRANGLER_SEND_METRICS: 'false',
      },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** All tables and the document in KV. `rebuilds`: whether the document is first written again from D1. */
async function contents(folder: string, rebuilds = false) {
  const state = await openState(folder, readWranglerConfig(CONFIG_PATHS.registry))
  try {
    if (rebuilds) await projectRevocations(state.db, state.sessions)
    const document: unknown = JSON.parse((await state.sessions.get(DOCUMENT_KEY)) ?? 'null')
    return { tables: (await dump(state.db)) as Record<string, Row[]>, document }
  } finally {
    await state.close()
  }
}

type Row = Record<string, unknown>

beforeAll(async () => {
  stateDir = await temporaryDirectory()
  copyDir = await temporaryDirectory()
  running = await startRegistry({ STATE_DIR: stateDir })
  const client = () =>
    running.newClient(
      'client_secret_post',
      ...['--redirect-uri', CALLBACK, '--scope', 'public:read', '--grant-type', 'refresh_token'],
      ...['--grant-type', 'authorization_code client_credentials'],
    )
  ended = await client()
  disabled = await client()
  control = await client()
  const described = ['--username', 'eve', '--email', 'eve@example.org', '--scope', 'public:read']
  const made = await running.administer('user', 'create', ...described, '--password', PASSWORD)
  userId = (made as { user_id: string }).user_id
  const { username, password } = running.demo
  held.ended = await hold(ended, username, password)
  held.disabled = await hold(disabled, username, password)
  held.control = await hold(control, username, password)
  held.ofUser = await hold(control, 'eve', PASSWORD)
  own.ended = await ownToken(ended)
  own.disabled = await ownToken(disabled)
  own.control = await ownToken(control)
  const all = [...Object.values(held).map(({ access }) => access), ...Object.values(own)]
  expect(await Promise.all(all.map(check))).toEqual(all.map(() => 200))
  await running.end()
  await cp(stateDir, copyDir, { recursive: true })

  await documented({ ID: ended.id, WHOSE: 'client_id', KIND: 'client' })
  await documented({ ID: disabled.id, WHOSE: 'client_id', KIND: 'client_record' })
  await documented({ ID: userId, WHOSE: 'user_id', KIND: 'user' })
})
afterAll(async () => {
  await running?.end()
  for (const folder of [stateDir, copyDir]) await rm(folder, { recursive: true, force: true })
})

it('the documented SQL changes D1 as the command line does, and the document in KV then equals the one in D1', async () => {
  const env = { STATE_DIR: copyDir }
  for (const words of [
    ['session', 'revoke', '--client', ended.id],
    ['client', 'disable', disabled.id],
    ['session', 'revoke', '--user', userId],
  ]) {
    expect(await commandLine([...words, '--json'], { env })).toMatchObject({ status: 0 })
  }
  const mine = await contents(stateDir)
  const theirs = await contents(copyDir)
  // The times of the commands and their actors differ.
  const first = Math.min(...(mine.tables.revocation ?? []).map((row) => Number(row.revoked_at_ms)))
  const isOfCommand = (value: unknown) =>
    typeof value === 'number' && value >= (value > 1e12 ? first : Math.floor(first / 1000))
  const comparable = ({ actor, ...row }: Row) =>
    Object.entries(row).map(([name, value]) => [name, isOfCommand(value) ? 'now' : value])
  for (const table of ['client', 'refresh_family', 'authorization_code', 'revocation', 'audit']) {
    expect(mine.tables[table]?.map(comparable), table).toEqual(
      theirs.tables[table]?.map(comparable),
    )
  }
  const endsOf = ({ tables }: typeof mine) =>
    tables.revocation?.map((row) => Number(row.expires_at))
  for (const [i, endsAt] of (endsOf(mine) ?? []).entries()) {
    expect(endsAt).toBeGreaterThanOrEqual(endsOf(theirs)?.[i] ?? Number.POSITIVE_INFINITY)
  }
  expect(mine.document).toMatchObject({
    client: { [ended.id]: expect.any(Number) },
    client_record: { [disabled.id]: expect.any(Number) },
    user: { [userId]: expect.any(Number) },
    consent: {},
    resource: {},
  })
  expect((await contents(stateDir, true)).document).toEqual(mine.document)
})

it('the documented revocation is stored for longer than any session can be valid', async () => {
  const page = await readFile(inProject('docs/operate.md'), 'utf8')
  const [, seconds] = /unixepoch\(\) \+ (\d+)/.exec(page) ?? []
  const longestOf = (values: string) => Number(values.split(' to ')[1])
  const { SESSION_LIFETIME_SECONDS, BROWSER_SESSION_LIFETIME_SECONDS } = SETTINGS
  const longest = Math.max(
    longestOf(SESSION_LIFETIME_SECONDS.values) +
      Math.max(
        longestOf(SETTINGS.STALE_CLIENT_SECONDS.values),
        longestOf(SETTINGS.CLIENT_CACHE_SECONDS.values),
      ),
    longestOf(BROWSER_SESSION_LIFETIME_SECONDS.values),
  )
  expect(Number(seconds)).toBeGreaterThanOrEqual(longest + KEPT_LONGER_SECONDS)
  expect(page).toContain(`--ttl ${seconds} `)
  expect(page).toContain(`The ${seconds} s (31 days)`)
})

describe('a registry that serves again after the documented commands', () => {
  beforeAll(async () => {
    // The authenticator has cached nothing yet, and cron does not run within the first minute.
    running = await startRegistry({ STATE_DIR: stateDir })
  })

  it('every check refuses the access tokens of a client that was revoked with wrangler, and accepts others', async () => {
    const refused = [held.ended.access, own.ended, held.disabled.access, own.disabled]
    expect(await Promise.all(refused.map(check))).toEqual([401, 401, 401, 401])
    expect(await check(held.ofUser.access)).toBe(401)
    expect(await Promise.all([held.control.access, own.control].map(check))).toEqual([200, 200])
  })

  it('a refresh token and a code that were revoked with wrangler are refused, and others are accepted', async () => {
    for (const [client, { refresh: spent, code }] of [
      [ended, held.ended],
      [control, held.ofUser],
    ] as const) {
      expect(await refresh(client, spent)).toMatchObject({ status: 400, error: 'invalid_grant' })
      expect(await redeem(client, code)).toMatchObject({ status: 400, error: 'invalid_grant' })
    }
    expect(await refresh(control, held.control.refresh)).toMatchObject({ status: 200 })
    expect(await redeem(control, held.control.code)).toMatchObject({ status: 200 })
    // The client itself still gets tokens.
    expect(await check(await ownToken(ended))).toBe(200)
  })

  it('a client that was disabled with wrangler is refused, and its earlier tokens stay revoked after it is enabled', async () => {
    const asked = { grant_type: 'client_credentials' }
    expect(await token(disabled, asked)).toMatchObject({ status: 401, error: 'invalid_client' })
    await running.administer('client', 'enable', disabled.id)
    const { refresh: spent, code } = held.disabled
    expect(await refresh(disabled, spent)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(await redeem(disabled, code)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(await check(held.disabled.access)).toBe(401)
    expect(await check(await ownToken(disabled))).toBe(200)
  })
})
