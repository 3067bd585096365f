/** One day of an operator with the programs of a cloned repository, from `npm run deploy` to the audit in the evening. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { ACCOUNT, type Cloudflare, cloudflare } from '../node/deploy-stand-ins.ts'
import { PROXY_SECRET, type RunningRegistry, startRegistry } from '../node/running-registry.ts'
import { CONSENT, expectHeading, it, press, signIn } from './fixtures.ts'

const DAY_MS = 300_000
const ADA = { username: 'ada', password: 'correct horse battery staple' }
const CREDENTIAL = `.wrangler/deployment/${ACCOUNT}/operator.json`

let running: RunningRegistry
let clone: string
let cloud: Cloudflare
/** The programs to end after the test, even one that still waits for a browser. */
const children: ChildProcess[] = []

beforeAll(async () => {
  // Without this the test would have to wait until an isolate reads a changed client again.
  running = await startRegistry({ CLIENT_CACHE_SECONDS: '0' })
  clone = await mkdtemp(join(tmpdir(), 'registry-clone-'))
  for (const name of ['src', 'package.json']) {
    await cp(inProject(name), join(clone, name), { recursive: true })
  }
  await symlink(inProject('node_modules'), join(clone, 'node_modules'))
  cloud = await cloudflare(running, clone)
  await cloud.reset()
  // The state after a deployment.
  await cloud.write((account) => {
    account.isMigrated = true
  })
  const config = await readFile(cloud.files.registry, 'utf8')
  const id = 'database_id = "5f0c31a2-6c1b-4f0e-9a53-b1b6a0d9a001"'
  await writeFile(cloud.files.registry, config.replace(/database_id = "[^"]*"/, id))
})
afterAll(async () => {
  for (const child of children) child.kill()
  await running?.end()
  await cloud?.close()
  await rm(clone, { recursive: true, force: true })
})

type Ended = Readonly<{ status: number | null; stdout: string; stderr: string }>

/** `heard` is called with the text on stderr so far. */
async function program(
  file: string,
  words: readonly string[],
  { env = {}, stdin = '', heard }: Partial<Outside> = {},
): Promise<Ended> {
  const { ISSUER, DEMO, JWT_SECRET, LOGIN_URL, STATE_DIR, ...inherited } = process.env
  const child = spawn(process.execPath, [join(clone, file), ...words], {
    cwd: clone,
    env: {
      ...inherited,
      ...cloud.env,
      ISSUER: running.registry,
      PROXY_SECRET,
      XDG_CONFIG_HOME: join(clone, 'config'),
      ...env,
    },
  })
  children.push(child)
  child.stdin.end(stdin)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
    heard?.(stderr)
  })
  const [[status], stdout] = await Promise.all([once(child, 'close'), text(child.stdout)])
  return { status: status as number | null, stdout, stderr }
}
type Outside = Readonly<{
  env: Record<string, string>
  stdin: string
  heard: (stderr: string) => void
}>

/** Runs the command line of the clone on the deployed registry. Throws its output if it ends with another status. */
async function admin(
  words: readonly string[],
  { status = 0, ...outside }: Partial<Outside & Readonly<{ status: number }>> = {},
): Promise<string> {
  const ended = await program('src/cli/main.ts', [...words, '--remote'], outside)
  if (ended.status !== status) {
    throw new Error(`${words.join(' ')} ended with ${ended.status}: ${ended.stderr}${ended.stdout}`)
  }
  return ended.stdout
}
const json = async <T = Record<string, string>>(...words: string[]) =>
  JSON.parse(await admin([...words, '--json'])) as T

const tokenFor = (client_id: string, client_secret: string) =>
  fetch(`${running.registry}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret }),
  })
const check = async (token: string) =>
  (
    await fetch(`${running.authenticator}/auth?fresh`, {
      headers: { Authorization: `Bearer ${token}`, 'X-Proxy-Secret': PROXY_SECRET },
    })
  ).status

it('an operator gets a credential with wrangler, signs in with a browser, and runs the registry for a day', {
  timeout: DAY_MS,
}, async ({ page }) => {
  // Morning: there is no credential yet, so the operator uses wrangler.
  const deployed = await program('src/cli/deploy/deploy.ts', ['--new-operator'], {
    env: { ISSUER: '' },
  })
  expect([deployed.status, deployed.stderr]).toEqual([0, ''])
  expect(deployed.stdout).toContain(`CREDENTIALS_FILE=${CREDENTIAL} npm run --silent admin -- `)
  const { client_id: operatorId } = JSON.parse(
    await readFile(join(clone, CREDENTIAL), 'utf8'),
  ) as Record<string, string>

  // With this credential the operator creates a user for each person who administers.
  const created = ['user', 'create', '--username', ADA.username, '--email', 'ada@example.org']
  await admin([...created, '--scope', 'registry:admin', '--password-stdin'], {
    env: { CREDENTIALS_FILE: CREDENTIAL },
    stdin: ADA.password,
  })

  // The person signs in with a browser. From here on only this sign-in is used.
  let address: string | undefined
  const signedIn = admin(['login', '--json'], {
    heard: (stderr) => {
      address ??= /^ {2}(http\S+)$/m.exec(stderr)?.[1]
    },
  })
  while (address === undefined) await Promise.race([wait(20), signedIn])
  await page.goto(address)
  await signIn(page, ADA)
  await expectHeading(page, CONSENT)
  const consent = await page.getByRole('main').textContent()
  expect(consent).toContain('Command line of this registry')
  expect(consent).toContain('Change everything in this registry, also who may administer it')
  await press(page, 'Allow')
  await expectHeading(page, 'You are back')
  expect(JSON.parse(await signedIn)).toMatchObject({
    issuer: running.registry,
    scopes: ['registry:admin'],
  })

  // A scope and a client of a new service.
  await admin(['scope', 'create', 'notes:read', '--sentence', 'Read your notes'])
  const { client_id, client_secret = '' } = await json(
    ...['client', 'create', '--name', 'Notes', '--owner', 'tools'],
    ...['--grant-type', 'client_credentials', '--scope', 'public:read'],
  )
  if (client_id === undefined) throw new Error('no client')
  await admin(['client', 'authorize', client_id, '--scope', 'notes:read'])
  const bought = (await (await tokenFor(client_id, client_secret)).json()) as Token
  expect(bought.scope.split(' ').sort()).toEqual(['notes:read', 'public:read'])
  expect(await check(bought.access_token)).toBe(200)

  // The secret leaked and is rotated.
  const rotated = await json('client', 'rotate-secret', client_id)
  const refused = await tokenFor(client_id, client_secret)
  expect(refused.status).toBe(401)
  expect(await check(bought.access_token)).toBe(401)
  const again = (await (await tokenFor(client_id, rotated.client_secret ?? '')).json()) as Token
  expect(await check(again.access_token)).toBe(200)

  // The client's developer asks for the cause of a refusal.
  const why = await admin(['why', refused.headers.get('X-Correlation-Id') ?? ''])
  expect(why).toContain(client_id)

  // The registry as a file: exported, changed, planned, applied.
  const file = join(clone, 'registry.json')
  await admin(['export', file])
  expect(await admin(['apply', file, '--check'])).toContain('Nothing to change')
  const registry = JSON.parse(await readFile(file, 'utf8')) as Described
  const ours = registry.clients.find((one) => one.client_id === client_id)
  expect(ours).toMatchObject({ name: 'Notes', scopes: ['notes:read', 'public:read'] })
  Object.assign(ours ?? {}, { name: 'Notes of the day', scopes: ['notes:read'] })
  await writeFile(file, JSON.stringify(registry))
  await admin(['apply', file, '--check'], { status: 2 })
  await admin(['apply', file, '--yes'])
  await admin(['apply', file, '--check'])
  expect(await json('client', 'show', client_id)).toMatchObject({
    name: 'Notes of the day',
    scopes: ['notes:read'],
  })
  // The token has a scope that was deleted.
  expect(await check(again.access_token)).toBe(401)

  // A token is found on the web and is revoked.
  const found = (await (await tokenFor(client_id, rotated.client_secret ?? '')).json()) as Token
  expect(await check(found.access_token)).toBe(200)
  await admin(['session', 'revoke', '--token-stdin'], { stdin: found.access_token })
  expect(await check(found.access_token)).toBe(401)

  // Evening: who did what.
  const { user_id } = await json('user', 'show', ADA.username)
  const ada = `client:registry-command-line user:${user_id}`
  const entries = await json<Entry[]>('audit')
  const acts = entries.map(({ actor, event }) => [actor, event] as const).reverse()
  expect(acts.slice(0, 3)).toEqual([
    ['npm run deploy', 'client.create'],
    ['npm run deploy', 'client.create'],
    [`client:${operatorId}`, 'user.create'],
  ])
  expect(acts.filter(([actor]) => actor === ada).map(([, event]) => event)).toEqual(
    expect.arrayContaining([
      'scope.create',
      'client.create',
      'client.authorize',
      'client.rotate_secret',
      'client.update',
      'session.revoke',
    ]),
  )
  expect(JSON.stringify(entries)).not.toMatch(/reg[crsb]?_[\w-]{43}/)

  await admin(['logout'])
  await admin(['client', 'list'], { status: 1 })
})

type Token = Readonly<{ access_token: string; scope: string }>
type Described = Readonly<{ clients: Record<string, unknown>[] }>
type Entry = Readonly<{ actor: string; event: string }>
