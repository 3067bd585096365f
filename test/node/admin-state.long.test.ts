/** The command line on the state of a stopped registry, which it opens and migrates as wrangler does. */

import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { applyMigrations, migrationNames } from '../../src/local/migrations.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { persistencePath } from '../../src/local/run-workers.ts'
import { openState } from '../../src/local/state.ts'
import { databaseOf, readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { temporaryDirectory } from './command-line.ts'
import { fill, IDS, idsIn, NOUNS } from './many-records.ts'
import { runAdmin } from './project-programs.ts'
import { freshEnv, refusedStart } from './starting.ts'
import { databaseFileIn, databaseIn } from './state-database.ts'

const config = readWranglerConfig(CONFIG_PATHS.registry)

let stateDir = ''
beforeAll(async () => {
  stateDir = await temporaryDirectory()
})
afterAll(() => rm(stateDir, { recursive: true, force: true }))

it('four commands at the same time all write to a new state', async () => {
  const create = ['client', 'create', '--owner', 'u', '--json', '--name']
  const names = ['a', 'b', 'c', 'd']
  const answers = await Promise.all(
    names.map((name) => runAdmin([...create, name], { STATE_DIR: stateDir })),
  )
  expect(answers.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
    names.map(() => ({ status: 0, stderr: '' })),
  )
  const { stdout } = await runAdmin(['client', 'list', '--json'], { STATE_DIR: stateDir })
  const clients = JSON.parse(stdout) as { name: string }[]
  expect(clients.map(({ name }) => name).sort()).toEqual(names)
})

it("a new state records each migration once in wrangler's table, by its file name", async () => {
  const state = await openState(stateDir, config)
  try {
    const { migrations_dir } = databaseOf(config)
    const read = () => state.db.prepare('SELECT id, name FROM d1_migrations').all()
    const { results } = await read()
    expect(results.map(({ name }) => name)).toEqual(
      migrationNames(migrations_dir).map((n) => basename(n)),
    )
    expect(await applyMigrations(state.db, migrations_dir)).toEqual([])
    expect((await read()).results).toEqual(results)
  } finally {
    await state.close()
  }
})

it('npm start and a command refuse a state that a newer version has migrated, and accept it after that migration is undone', async () => {
  const newer = '9999_newer.sql'
  const database = databaseIn(stateDir)
  await database.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(newer).run()
  const words = ['client', 'create', '--owner', 'u', '--name', 'late', '--json']
  const ofCommand = await runAdmin(words, { STATE_DIR: stateDir })
  const ofStart = await refusedStart({ ...(await freshEnv()), STATE_DIR: stateDir })
  const line = `the database is newer than this version, which does not have ${newer}: run the version that made it\n`
  expect(ofCommand).toEqual({ status: 1, stdout: '', stderr: `error: ${line}` })
  expect(ofStart).toEqual({ status: 1, stdout: '', stderr: line })
  await database.prepare('DELETE FROM d1_migrations WHERE name = ?1').bind(newer).run()
  database.close()
  expect((await runAdmin(words, { STATE_DIR: stateDir })).status).toBe(0)
})

it('npm start and a command name a state that they cannot open, and possible reasons', async () => {
  const env = await freshEnv()
  const { STATE_DIR } = env
  await (await openState(STATE_DIR, config)).close()
  const file = databaseFileIn(STATE_DIR)
  // SQLite could repair the file from its write-ahead log.
  await Promise.all(['-wal', '-shm'].map((part) => rm(file + part, { force: true })))
  await writeFile(file, 'this is no database')
  const said = [await runAdmin(['client', 'list'], { STATE_DIR }), await refusedStart(env)]
  for (const { status, stderr } of said) {
    // The runtime writes its own lines first.
    const line = stderr.trimEnd().split('\n').at(-1)
    expect(status).toBe(1)
    expect(line).toMatch(
      /^(error: )?STATE_DIR: "[^"]+" cannot be opened: its disk may be full or read-only, or its database damaged \(.*\)$/,
    )
    expect(line).toContain(STATE_DIR)
  }
})

it('npm start and a command refuse a state whose database became empty, and a new state may have an empty file', async () => {
  const env = await freshEnv()
  const { STATE_DIR } = env
  const empty = async () => {
    await (await openState(STATE_DIR, config)).close()
    const file = databaseFileIn(STATE_DIR)
    await Promise.all(['-wal', '-shm'].map((part) => rm(file + part, { force: true })))
    await writeFile(file, '')
    return file
  }
  // A first start may be killed when the file has no content yet.
  await empty()
  const file = await empty()
  await writeFile(join(STATE_DIR, 'operator.json'), '{"client_id":"a","client_secret":"b"}')
  const line = `STATE_DIR: ${JSON.stringify(STATE_DIR)} has lost its database: ${file} is empty. Put a copy of the folder in its place, or delete the folder to begin again\n`
  const ofCommand = await runAdmin(['client', 'list'], { STATE_DIR })
  expect(ofCommand).toEqual({ status: 1, stdout: '', stderr: `error: ${line}` })
  expect(await refusedStart(env)).toEqual({ status: 1, stdout: '', stderr: line })
})

it('a command waits while another program such as wrangler dev writes to the state', async () => {
  const files = await readdir(persistencePath(stateDir), { recursive: true })
  const name = files.find((one) => /^d1\/.*\.sqlite$/.test(one) && !one.includes('metadata'))
  const other = new DatabaseSync(join(persistencePath(stateDir), name ?? ''))
  other.exec('BEGIN IMMEDIATE')
  const words = ['client', 'create', '--owner', 'u', '--name', 'patient', '--json']
  const running = runAdmin(words, { STATE_DIR: stateDir })
  const isOver = await Promise.race([running.then(() => true), wait(6000, false)])
  other.exec('ROLLBACK')
  other.close()
  const { status, stderr } = await running
  expect([isOver, status, stderr]).toEqual([false, 0, ''])
})

it('the process of a refused command ends with status 1 and one line', async () => {
  const { status, stdout, stderr } = await runAdmin(['client', 'show', 'x', '--json'], {
    STATE_DIR: stateDir,
  })
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'error: there is no client "x"\n',
  })
})

it('client list and user list read the state of a stopped registry', async () => {
  const stateDir = await temporaryDirectory()
  try {
    const idle = await openState(stateDir, config)
    await fill(idle.db)
    await idle.close()
    for (const noun of NOUNS) {
      const answer = await runAdmin([noun, 'list', '--json'], { STATE_DIR: stateDir })
      expect([answer.status, answer.stderr]).toEqual([0, ''])
      expect(idsIn(answer.stdout)).toEqual(IDS)
    }
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
})
