/** For the tests of `npm run deploy`: a Cloudflare account, with stand-ins for its API and for wrangler. */

import { chmod, copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inProject } from '../../src/local/project.ts'
import { type Answered, type Asked, type StandIn, standIn } from './doctor-stand-ins.ts'
import type { RunningRegistry } from './running-registry.ts'
import { databaseFileIn } from './state-database.ts'
import { wranglerStandIn } from './wrangler-stand-in.ts'

export const TOKEN = 'cloudflare-token-that-nobody-may-see'
export const ACCOUNT = 'account-1'

type Worker = Readonly<{
  isDeployed: boolean
  secrets: Readonly<Record<string, string>>
  domain: string | null
}>

/** The contents of the account, and the commands that changed it. */
export type Account = {
  token: string
  isSignedIn: boolean
  isMigrated: boolean
  /** The applied migrations, if the database is migrated. */
  migrations: string[]
  /** The file of the database of the running registry. */
  database: string
  /** The first words of the wrangler command that fails; null if none fails. */
  failing: string | null
  /** Whether the command fails after it has done its work. */
  failsAfterwards: boolean
  commands: string[]
  /** `services`: workers that already exist. */
  deployed: { worker: string; secrets: string[]; isMigrated: boolean; services: string[] }[]
  workers: Record<string, Worker>
  databases: { uuid: string; name: string }[]
  namespaces: { id: string; title: string }[]
}

const FRESH: Account = {
  token: TOKEN,
  isSignedIn: true,
  isMigrated: false,
  migrations: [],
  database: '',
  failing: null,
  failsAfterwards: false,
  commands: [],
  deployed: [],
  workers: {},
  databases: [],
  namespaces: [],
}

export const succeed = (result: unknown): Answered => ({
  status: 200,
  body: JSON.stringify({ success: true, errors: [], result }),
})
export const refuse = (status: number, message: string): Answered => ({
  status,
  body: JSON.stringify({ success: false, errors: [{ code: 1, message }], result: null }),
})

export type Spoil = (asked: Asked) => Answered | 'drop' | null

/** A folder with every wrangler.toml, the account in a file, and the API in front of a running registry. */
export async function cloudflare(running: RunningRegistry, folder: string) {
  const bin = join(folder, 'bin')
  const stateFile = join(folder, 'account.json')
  const files = {
    registry: join(folder, 'wrangler.toml'),
    management: join(folder, 'src/management/wrangler.toml'),
    authenticator: join(folder, 'src/authenticator/wrangler.toml'),
  }
  await mkdir(bin)
  await cp(inProject('migrations'), join(folder, 'migrations'), { recursive: true })
  await mkdir(join(folder, 'src/management'), { recursive: true })
  await mkdir(join(folder, 'src/authenticator'), { recursive: true })
  await copyFile(inProject('test/node/wrangler-stand-in.sh'), join(bin, 'wrangler'))
  await chmod(join(bin, 'wrangler'), 0o755)

  const wrangler = await wranglerStandIn(stateFile)
  const database = databaseFileIn(running.stateDir)

  const read = async () => JSON.parse(await readFile(stateFile, 'utf8')) as Account
  const write = async (change: (account: Account) => void) => {
    const account = await read()
    change(account)
    await writeFile(stateFile, JSON.stringify(account))
  }

  const box: { spoil: Spoil; asked: Asked[] } = { spoil: () => null, asked: [] }
  let made = 0

  async function create(path: string, body: string): Promise<Answered> {
    const id = `00000000-aaaa-4000-8000-${String(++made).padStart(12, '0')}`
    const { name = '', title = '' } = JSON.parse(body) as { name?: string; title?: string }
    const isDatabase = path.startsWith('/d1')
    const row = isDatabase ? { uuid: id, name } : { id, title }
    await write(({ databases, namespaces }) => {
      if (isDatabase) databases.push({ uuid: id, name })
      else namespaces.push({ id, title })
    })
    return succeed(row)
  }

  /** Answers requests to the paths of the account. */
  async function answer(asked: Asked): Promise<Answered> {
    const [path = '', query = ''] = asked.path.replace(`/accounts/${ACCOUNT}`, '').split('?')
    const asking = new URLSearchParams(query)
    const account = await read()
    if (path === '/accounts') return succeed([{ id: ACCOUNT, name: 'One' }])
    if (path === '/subscriptions') return succeed([{ rate_plan: { id: 'workers_paid' } }])
    if (path === '/zones') {
      return succeed(asking.get('name') === 'example.org' ? [{ id: 'zone-1' }] : [])
    }
    if (path === '/zones/zone-1/dns_records') return succeed([])
    if (path === '/workers/domains') {
      return succeed(
        Object.entries(account.workers)
          .filter(([, { domain }]) => domain === asking.get('hostname'))
          .map(([service, { domain }]) => ({ hostname: domain, service })),
      )
    }
    if (path === '/d1/database' || path === '/storage/kv/namespaces') {
      if (asked.method === 'POST') return create(path, asked.body)
      const all = path === '/d1/database' ? account.databases : account.namespaces
      return succeed(asking.get('page') === '1' ? all : [])
    }
    const secretsOf = /^\/workers\/scripts\/(\w+)\/secrets$/.exec(path)?.[1]
    if (secretsOf !== undefined) {
      const worker = account.workers[secretsOf]
      if (!worker) return refuse(404, 'This Worker does not exist on your account.')
      return succeed(Object.keys(worker.secrets).map((name) => ({ name, type: 'secret_text' })))
    }
    return refuse(404, `the stand-in does not know: ${asked.path}`)
  }

  const api: StandIn = await standIn(async (asked) => {
    box.asked.push(asked)
    if (asked.headers.authorization !== `Bearer ${TOKEN}`) return refuse(401, 'Unauthorized')
    const spoiled = box.spoil(asked)
    if (spoiled === 'drop') {
      // The request takes effect, and its response is lost.
      await answer(asked)
      return refuse(502, 'Bad gateway')
    }
    return spoiled ?? answer(asked)
  })

  /** Changes the database of the running registry directly, as wrangler changes a deployed database. */
  function onDatabase(sql: string) {
    const db = new DatabaseSync(database, { timeout: 10_000 })
    db.exec(`PRAGMA foreign_keys = ON; ${sql}`)
    db.close()
  }

  return {
    folder,
    files,
    onDatabase,
    rows: (sql: string) => {
      const db = new DatabaseSync(database, { timeout: 10_000, readOnly: true })
      try {
        return db.prepare(sql).all()
      } finally {
        db.close()
      }
    },
    api,
    read,
    write,
    box,
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      WRANGLER_PORT: wrangler.port,
      CLOUDFLARE_API_BASE_URL: api.url,
    },
    /** The unchanged configuration of the repository, and an empty account. */
    async reset() {
      box.spoil = () => null
      box.asked = []
      await rm(join(folder, '.wrangler'), { recursive: true, force: true })
      await copyFile(inProject('wrangler.toml'), files.registry)
      await copyFile(inProject('src/management/wrangler.toml'), files.management)
      await copyFile(inProject('src/authenticator/wrangler.toml'), files.authenticator)
      await writeFile(stateFile, JSON.stringify({ ...FRESH, database }))
      onDatabase(`DELETE FROM client WHERE client_id LIKE 'registry-%'; DELETE FROM audit`)
    },
    async close() {
      await api.close()
      await wrangler.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Cloudflare = Awaited<ReturnType<typeof cloudflare>>
