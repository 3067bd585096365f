/** `import arxiv`: the clients of the original registry, over the management API into a running registry. */

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { inProject } from '../../src/local/project.ts'
import { mysqlDump, type Tables, writeCsv, writeSqlite } from '../arxiv-registry.ts'
import { commandLine, temporaryDirectory } from './command-line.ts'
import { runProgram } from './project-programs.ts'
import { type Lost, type Played, type RegistryFront, registryFront } from './registry-front.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

let running: RunningRegistry
let front: RegistryFront
let folder = ''
let machine: Record<string, string> = {}
beforeAll(async () => {
  running = await startRegistry()
  front = await registryFront(() => running.registry)
  folder = await temporaryDirectory()
  const { id, secret } = await running.newClient('client_secret', '--scope', 'registry:admin')
  machine = { REGISTRY_CLIENT_ID: id, REGISTRY_CLIENT_SECRET: secret }
})
afterAll(async () => {
  await front.close()
  await running.end()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  front.box.spoil = () => null
})

const CREATED = '2018-03-01 12:00:00'
/** A secret as the original registry made it: 48 characters. */
const secretOf = (id: number) => `${id}-kzBn4TqVwG8sYd1LrM6pXc3FhJ9aEo2uKiQ7bRtNyZ5mD`.slice(0, 48)

/** Clients with consecutive ids, each with a secret, an authorized and a requested scope, and the grant client_credentials. */
async function tablesOf(first: number, count: number): Promise<Tables> {
  const ids = Array.from({ length: count }, (_, index) => first + index)
  return {
    client: ids.map((id) => [id, 17, CREATED, `Client ${id}`, null, null, null]),
    client_credential: await Promise.all(
      ids.map(async (id) => [id, id, await hexDigest(secretOf(id)), CREATED]),
    ),
    client_authorization: ids.flatMap((id) => [
      [2 * id, id, CREATED, CREATED, 'public:read'],
      [2 * id + 1, id, CREATED, null, 'submission:create'],
    ]),
    client_grant_type: ids.map((id) => [id, id, CREATED, CREATED, 'client_credentials']),
  }
}

async function written(name: string, text: string) {
  const file = join(folder, name)
  await writeFile(file, text)
  return file
}

const run = (...words: string[]) =>
  commandLine(['import', 'arxiv', ...words], { env: { STATE_DIR: running.stateDir } })
/** The import through the stand-in, as with a remote registry. */
const remotely = (file: string) =>
  [
    ['import', 'arxiv', file, '--remote', '--json'],
    { ISSUER: front.url, XDG_CONFIG_HOME: folder, ...machine },
  ] as const
const runRemotely = (file: string) => {
  const [words, env] = remotely(file)
  return commandLine(words, { env })
}
const imports = () => front.box.seen.filter(({ url }) => url.endsWith('/imports')).length

async function tokenFor(id: number | string, secret: string) {
  const response = await fetch(`${running.registry}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: String(id),
      client_secret: secret,
    }),
  })
  const body = (await response.json()) as { scope?: string; error?: string }
  return { status: response.status, scope: body.scope, error: body.error }
}

const counts = (stdout: string) => JSON.parse(stdout) as Record<string, number | boolean>

it('import arxiv writes nothing in a dry run, then imports a dump whose secrets get tokens, and a second import changes nothing', async () => {
  const file = await written('registry.sql', mysqlDump(await tablesOf(100, 3)))
  const all = { clients: 3, not_imported: 0, bad_rows: 0 }

  const tried = await run(file, '--dry-run', '--json')
  expect(tried).toMatchObject({ status: 0, stderr: '' })
  expect(counts(tried.stdout)).toEqual({ ...all, dry_run: true, created: 3, unchanged: 0 })
  expect(await tokenFor(100, secretOf(100))).toMatchObject({ status: 401 })

  const first = await run(file, '--json')
  expect(first).toMatchObject({ status: 0, stderr: '' })
  expect(counts(first.stdout)).toEqual({ ...all, dry_run: false, created: 3, unchanged: 0 })
  for (const id of [100, 101, 102]) {
    expect(await tokenFor(id, secretOf(id))).toMatchObject({ status: 200, scope: 'public:read' })
    expect(await tokenFor(id, secretOf(id + 1))).toMatchObject({ status: 401 })
  }

  const audit = await running.administer('audit', '--event', 'client.import')
  const second = await run(file, '--json')
  expect(counts(second.stdout)).toEqual({ ...all, dry_run: false, created: 0, unchanged: 3 })
  expect(await running.administer('audit', '--event', 'client.import')).toEqual(audit)
  expect(audit).toHaveLength(3)
  expect(audit).toMatchObject([{ actor: 'client:registry-operator', client_id: '102' }, {}, {}])
})

it('import arxiv of the CSV files finds every client unchanged after the import of the SQLite file with the same tables', async () => {
  const tables = await tablesOf(200, 2)
  writeSqlite(join(folder, 'registry.db'), tables)
  writeCsv(join(folder, 'csv'), tables)
  expect(counts((await run(join(folder, 'registry.db'), '--json')).stdout)).toMatchObject({
    created: 2,
  })
  expect(counts((await run(join(folder, 'csv'), '--json')).stdout)).toMatchObject({
    created: 0,
    unchanged: 2,
  })
  expect(await tokenFor(201, secretOf(201))).toMatchObject({ status: 200 })
})

it('import arxiv of the example prints what docs/moving-from-arxiv.md says', async () => {
  const { status, stdout } = await run(inProject('examples/arxiv-registry.sql'))
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `${[
      ...['dry_run:      no', 'clients:      2', 'created:      2', 'unchanged:    0'],
      ...['not_imported: 0', 'bad_rows:     0'],
    ].join('\n')}\n`,
  })
})

it('import arxiv also works on the state of a stopped registry', async () => {
  const file = await written('stopped.sql', mysqlDump(await tablesOf(900, 2)))
  const env = { STATE_DIR: join(folder, 'stopped') }
  const { status, stdout, stderr } = await commandLine(['import', 'arxiv', file, '--json'], { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(counts(stdout)).toMatchObject({ clients: 2, created: 2 })
  const list = await commandLine(['client', 'list', '--json'], { env })
  expect(JSON.parse(list.stdout)).toMatchObject([{ client_id: '900' }, { client_id: '901' }])
})

it('import arxiv reports each bad row in one line with table, key, line, column and rule, imports the others and ends with status 1', async () => {
  const tables = await tablesOf(300, 3)
  const dump = mysqlDump({
    ...tables,
    client: [...tables.client.slice(0, 2), [302, 17, CREATED, '\u001b[2J', 'ftp://x', null, null]],
    client_authorization: [...tables.client_authorization, [999, 300, CREATED, null, 'a b']],
  })
  const file = await written('bad.sql', dump)
  const line = (part: string) => dump.slice(0, dump.indexOf(part)).split('\n').length
  const { status, stdout, stderr } = await run(file, '--json')
  expect(stderr.split('\n')).toEqual([
    expect.stringContaining(
      `bad row: client_authorization, authorization_id 999, line ${line('(999,')}: scope "a b" is not a scope`,
    ),
    `bad row: client, client_id 302, line ${line('(302,')}: url "ftp://x" is not an http or https URL`,
    'error: rows left out: 2, each in a line above',
    '',
  ])
  expect(status).toBe(1)
  expect(counts(stdout)).toMatchObject({ clients: 3, created: 2, not_imported: 1, bad_rows: 2 })
  expect(await tokenFor(301, secretOf(301))).toMatchObject({ status: 200 })
  expect(await tokenFor(302, secretOf(302))).toMatchObject({ status: 401 })
})

it('import arxiv reports a client that was changed after its import, and does not change it', async () => {
  const file = await written('changed.sql', mysqlDump(await tablesOf(400, 2)))
  await run(file)
  await running.administer('client', 'update', '400', '--name', 'Renamed')
  const { status, stdout, stderr } = await run(file, '--json')
  expect(status).toBe(1)
  expect(stderr).toContain('client_id 400')
  expect(stderr).toContain('is there with other content')
  expect(counts(stdout)).toMatchObject({ created: 0, unchanged: 1, not_imported: 1 })
  expect(await running.administer('client', 'show', '400')).toMatchObject({ name: 'Renamed' })
})

it('import arxiv refuses a file that lacks tables in one line, and writes nothing', async () => {
  const dump = mysqlDump(await tablesOf(500, 2))
  const cut = await written('cut.sql', dump.slice(0, dump.lastIndexOf('(')))
  for (const path of [cut, join(folder, 'nowhere.sql'), folder]) {
    const { status, stdout, stderr } = await run(path)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^error: "[^\n]*\n$/)
  }
  expect(await tokenFor(500, secretOf(500))).toMatchObject({ status: 401 })
})

it('import arxiv --owner sets the owner of clients without one, and must not be empty', async () => {
  const tables = await tablesOf(600, 1)
  const client = [[600, null, CREATED, 'Client', null, null, null]]
  const file = await written('ownerless.sql', mysqlDump({ ...tables, client }))
  expect(await run(file, '--owner', ' ')).toMatchObject({
    status: 1,
    stdout: '',
    stderr: 'error: --owner must not be empty\n',
  })
  expect((await run(file)).stderr).toContain('owner_id must not be empty')
  expect(await run(file, '--owner', 'library')).toMatchObject({ status: 0, stderr: '' })
  expect(await running.administer('client', 'show', '600')).toMatchObject({ owner_id: 'library' })
})

it.each<readonly [Lost, number]>([
  ['connection', 1],
  ['text', 1],
  // After the third loss the command waits a second before it sends the request again.
  ['gateway', 3],
])(
  'an import whose responses are lost (%s, times: %i) repeats its requests, and imports each client once',
  async (how, losses) => {
    const first = { connection: 700, text: 710, gateway: 720 }[how]
    const file = await written(`${how}.sql`, mysqlDump(await tablesOf(first, 2)))
    let left = losses
    front.box.spoil = ({ url }) => {
      if (!url.endsWith('/imports') || left === 0) return null
      left -= 1
      return how
    }
    const { status, stdout, stderr } = await runRemotely(file)
    expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: 0 })
    // The request whose response was lost has created them.
    expect(counts(stdout)).toMatchObject({ clients: 2, created: 0, unchanged: 2 })
    expect(await tokenFor(first + 1, secretOf(first + 1))).toMatchObject({ status: 200 })
  },
)

it('an import request that the registry refuses is not repeated', async () => {
  const file = await written('refused.sql', mysqlDump(await tablesOf(800, 2)))
  const problem = { status: 403, detail: 'The operation needs the scope registry:admin.' }
  const refused: Played = {
    status: 403,
    type: 'application/problem+json',
    body: JSON.stringify(problem),
  }
  front.box.spoil = ({ url }) => (url.endsWith('/imports') ? refused : null)
  const before = imports()
  const { status, stdout, stderr } = await runRemotely(file)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toBe('error: The operation needs the scope registry:admin.\n')
  expect(imports() - before).toBe(1)
})

it('the same command continues an import that was killed, and imports each of 1,000 clients once', async () => {
  const tables = await tablesOf(10_000, 1000)
  const file = join(folder, 'many.db')
  writeSqlite(file, tables)
  const killed = runProgram('src/cli/main.ts', ...remotely(file))
  const before = imports()
  front.box.spoil = () => {
    if (imports() < before + 3) return null
    killed.child.kill('SIGKILL')
    return 'connection'
  }
  expect(await killed.ended).toBeNull()

  front.box.spoil = () => null
  const { status, stdout, stderr } = await runRemotely(file)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { created, unchanged } = counts(stdout)
  expect(Number(created) + Number(unchanged)).toBe(1000)
  expect(created).toBeGreaterThan(0)
  expect(unchanged).toBeGreaterThanOrEqual(400)
  for (const id of [10_000, 10_500, 10_999]) {
    expect(await tokenFor(id, secretOf(id))).toMatchObject({ status: 200 })
  }
  expect(counts((await runRemotely(file)).stdout)).toMatchObject({ created: 0, unchanged: 1000 })
})
