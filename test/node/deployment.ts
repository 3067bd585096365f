/** For the tests of `npm run deploy`: a Cloudflare account, and the command in this process, whose output is searched for secrets. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest'
import { deploy } from '../../src/cli/deploy/deploy.ts'
import { collected } from './collected.ts'
import type { Answer } from './command-line.ts'
import { ACCOUNT, type Account, type Cloudflare, cloudflare, TOKEN } from './deploy-stand-ins.ts'
import { PROXY_SECRET, type RunningRegistry, startRegistry } from './running-registry.ts'

const project = vi.hoisted(() => ({ folder: '' }))
vi.mock('../../src/local/project.ts', async (original) => {
  const { mkdtempSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  project.folder = mkdtempSync(join(tmpdir(), 'registry-deploy-'))
  return {
    ...(await original<typeof import('../../src/local/project.ts')>()),
    CONFIG_PATHS: {
      registry: join(project.folder, 'wrangler.toml'),
      management: join(project.folder, 'src/management/wrangler.toml'),
      authenticator: join(project.folder, 'src/authenticator/wrangler.toml'),
    },
    DEPLOYED_SECRETS: join(project.folder, '.wrangler/deployment'),
  }
})

export const ISSUER = 'https://auth.example.org'
export const AUTHENTICATOR = 'https://authn.example.org'
export const WORDS = ['--issuer', ISSUER, '--authenticator', AUTHENTICATOR, '--wait-seconds', '0']
/** The secrets that a run creates, by worker. */
export const MADE_SECRETS = {
  registry: ['SIGNING_KEYS'],
  authenticator: ['JWT_SECRET', 'PROXY_SECRET'],
} as const

let running: RunningRegistry
export let cloud: Cloudflare

/** Requests to the two addresses succeed after their workers are deployed. */
function answerAtTheAddresses() {
  const real = globalThis.fetch
  const serve = async (url: string, init: RequestInit = {}) => {
    const { origin, pathname, search } = new URL(url)
    const { workers } = await cloud.read()
    const [worker, local] =
      origin === ISSUER
        ? [workers.registry, /^Registry +(\S+)$/m.exec(running.welcome)?.[1]]
        : [workers.authenticator, running.authenticator]
    if (!worker?.isDeployed) {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error(), { code: 'ENOTFOUND' }),
      })
    }
    const headers = new Headers(init.headers)
    // The running registry uses its own secret instead of the one that was set.
    if (headers.get('X-Proxy-Secret') === workers.authenticator?.secrets.PROXY_SECRET) {
      headers.set('X-Proxy-Secret', PROXY_SECRET)
    }
    return real(`${local}${pathname}${search}`, { ...init, headers })
  }
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    /^https:\/\/auth[n]?\.example\.org/.test(url) ? serve(url, init) : real(url, init),
  )
}

/** Registers hooks, so that every test of the file begins with an empty account. */
export function useAccount() {
  beforeAll(async () => {
    running = await startRegistry({ ISSUER })
    cloud = await cloudflare(running, project.folder)
    answerAtTheAddresses()
  })
  afterAll(async () => {
    vi.unstubAllGlobals()
    await cloud.close()
    await running.end()
  })
  beforeEach(() => cloud.reset())
}

type Run = Readonly<{ env?: Record<string, string>; answers?: string[] }>

export async function run(
  words: readonly string[],
  { env = {}, answers }: Run = {},
): Promise<Answer> {
  const { written, ...io } = collected()
  const left = [...(answers ?? [])]
  const status = await deploy(words, {
    ...io,
    stdin: (async function* () {})(),
    env: { ...cloud.env, ...env },
    askOperator:
      answers === undefined
        ? null
        : async (question) => {
            written.stdout += question
            const answer = left.shift()
            if (answer === undefined) throw new Error(`unexpected question: ${question}`)
            return answer
          },
  })
  await expectNoSecretIn(written.stdout + written.stderr)
  return { status, ...written }
}

async function expectNoSecretIn(printed: string) {
  const { workers, commands } = await cloud.read()
  const secrets = [
    TOKEN,
    ...Object.values(workers).flatMap((worker) => Object.values(worker.secrets)),
    ...filesOfSecrets().map((path) => readFileSync(path, 'utf8')),
    ...(existsSync(operatorFile()) ? [operator().client_secret] : []),
    ...(existsSync(tokenFile())
      ? [JSON.parse(readFileSync(tokenFile(), 'utf8')).access_token]
      : []),
  ]
  const files = readdirSync(cloud.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'account.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(secretFolder()))
    .map((path) => readFileSync(path, 'utf8'))
  for (const secret of secrets) {
    for (const text of [printed, ...commands, ...files]) expect(text).not.toContain(secret)
  }
}

export const secretFolder = () => join(cloud.folder, '.wrangler/deployment', ACCOUNT)
export const operatorFile = () => join(secretFolder(), 'operator.json')
const tokenFile = () => `${operatorFile()}.token`
/** The credential in the file that a run wrote. */
export const operator = () =>
  JSON.parse(readFileSync(operatorFile(), 'utf8')) as { client_id: string; client_secret: string }
/** The operators in the deployed database, and the client of `login`. */
export const operatorsInDatabase = () =>
  cloud
    .rows(`SELECT client_id FROM client WHERE client_id LIKE 'registry-%' ORDER BY client_id DESC`)
    .map(({ client_id }) => String(client_id))
/** The credential of the file opens the management API. */
export async function expectAdministers() {
  const credential = { ...operator(), grant_type: 'client_credentials' }
  const bought = await fetch(`${ISSUER}/token`, {
    method: 'POST',
    body: new URLSearchParams(credential),
  })
  const { access_token } = (await bought.json()) as { access_token?: string }
  const headers = { Authorization: `Bearer ${access_token}` }
  expect((await fetch(`${ISSUER}/admin/v1/status`, { headers })).status).toBe(200)
}
export const filesOfSecrets = () =>
  existsSync(secretFolder())
    ? readdirSync(secretFolder()).map((name) => join(secretFolder(), name))
    : []

/** The checks after every successful run. */
export async function expectDeployed({ status, stdout, stderr }: Answer): Promise<Account> {
  expect([status, stderr], stdout).toEqual([0, ''])
  expect(stdout).not.toContain('FAIL')
  const account = await cloud.read()
  expect(account.databases.map(({ name }) => name)).toEqual(['registry'])
  expect(account.namespaces.map(({ title }) => title)).toEqual([
    'registry-SESSIONS',
    'registry-CODES',
  ])
  const { registry, authenticator } = account.workers
  expect(registry).toMatchObject({ isDeployed: true, domain: 'auth.example.org' })
  expect(authenticator).toMatchObject({ isDeployed: true, domain: 'authn.example.org' })
  expect(account.workers.management).toMatchObject({ isDeployed: true, domain: null, secrets: {} })
  // Every worker had its storage and its secrets when it was deployed.
  for (const { worker, secrets, isMigrated, services } of account.deployed) {
    expect(isMigrated).toBe(true)
    expect(secrets).toEqual(MADE_SECRETS[worker as 'registry'] ?? [])
    if (worker === 'registry') expect(services).toContain('management')
  }
  const config = readFileSync(cloud.files.registry, 'utf8')
  expect(config).toContain(`ISSUER = "${ISSUER}"`)
  expect(config).toContain(`database_id = "${account.databases[0]?.uuid}"`)
  for (const { id } of account.namespaces) expect(config).toContain(`\nid = "${id}"\n`)
  return account
}
