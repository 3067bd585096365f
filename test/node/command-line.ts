/** The command line in the test's process, on a state that is served as `npm start` serves it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log, LogLevel } from 'miniflare'
import { run } from '../../src/cli/main.ts'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { buildWorker } from '../../src/local/build-worker.ts'
import { readConfigs } from '../../src/local/deploy-problems.ts'
import { writePrivateFile } from '../../src/local/files.ts'
import { credentialFile, OPERATOR_ID, writeCredential } from '../../src/local/operators.ts'
import { operatorSession } from '../../src/local/own-management.ts'
import { runWorkers } from '../../src/local/run-workers.ts'
import { announceRegistry, tryToLock } from '../../src/local/state-lock.ts'
import type { Database, TextNamespace } from '../../src/stores/database.ts'
import { collected } from './collected.ts'
import { freePorts } from './free-ports.ts'
import { migratedState } from './migrated-state.ts'
import { databaseIn } from './state-database.ts'

export type Answer = Readonly<{ status: number; stdout: string; stderr: string }>
type Outside = Readonly<{
  env?: Record<string, string>
  stdin?: string
  /** Called with the text of stderr so far. */
  heard?: (stderr: string) => void
}>

export async function commandLine(argv: readonly string[], outside: Outside): Promise<Answer> {
  const { written, ...io } = collected(outside.heard)
  const stdin = (async function* () {
    if (outside.stdin !== undefined) yield outside.stdin
  })()
  const status = await run(argv, { ...io, stdin, env: outside.env ?? {} })
  return { status, ...written }
}

export const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'registry-state-'))

/**
 * Every row of every table except the recorded refusals, which a refused command may add. If two dumps are equal, nothing was
 * written.
 */
export async function dump(db: Database) {
  const tables = await db
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'refusal' AND name NOT LIKE 'sqlite%'
         AND name NOT LIKE '\\_%' ESCAPE '\\'`,
    )
    .all<{ name: string }>()
  const statements = tables.results.map(({ name }) => db.prepare(`SELECT * FROM "${name}"`))
  const rows = await db.batch(statements)
  return Object.fromEntries(tables.results.map(({ name }, i) => [name, rows[i]?.results]))
}

/** The lifetime of the token: longer than any test. */
const SESSION_SECONDS = 3600

/**
 * A token of the operator of `npm start`, issued without `/token`, so that the state has only the rows of the test.
 */
async function signInOperator(stateDir: string, sessions: TextNamespace) {
  const token = mintToken('accessToken')
  const nowMs = Date.now()
  const session = {
    ...operatorSession(nowMs),
    end_time: new Date(nowMs + SESSION_SECONDS * 1000).toISOString(),
  }
  await sessions.put(await sessionKeyOf(token), JSON.stringify(session), {
    expirationTtl: SESSION_SECONDS,
  })
  const expiresAt = Math.floor(nowMs / 1000) + SESSION_SECONDS
  const kept = { client_id: OPERATOR_ID, access_token: token, expires_at: expiresAt }
  await writePrivateFile(join(stateDir, 'operator-token.json'), JSON.stringify(kept))
  await writeCredential(credentialFile(stateDir), {
    clientId: OPERATOR_ID,
    clientSecret: mintToken('clientSecret'),
  })
}

/** Built once for all files of a process. */
const modules = new Map<string, Promise<string>>()
function moduleOf(main: string): Promise<string> {
  const module = modules.get(main) ?? buildWorker(main)
  modules.set(main, module)
  return module
}

/** The registry and its management, as `npm start` runs them, announced to the command line. */
async function runRegistry(stateDir: string) {
  const release = tryToLock(stateDir)
  const { registry, management } = readConfigs()
  const [port = 0] = await freePorts(1)
  const registryUrl = `http://127.0.0.1:${port}`
  const vars = { ISSUER: registryUrl, LOG_ANSWERS: 'refusals' }
  const keys = await formatKeys(await createKeys('ES256', Math.floor(Date.now() / 1000)))
  const runtime = runWorkers(
    [
      {
        config: registry,
        module: await moduleOf(registry.main),
        port,
        vars: { ...vars, SIGNING_KEYS: keys },
      },
      { config: management, module: await moduleOf(management.main), vars },
    ],
    stateDir,
    new Log(LogLevel.ERROR),
  )
  await runtime.ready
  await signInOperator(stateDir, await runtime.getKVNamespace('SESSIONS'))
  await announceRegistry(stateDir, {
    pid: process.pid,
    issuer: registryUrl,
    registryUrl,
    authenticatorUrl: 'http://127.0.0.1:9',
    startedAt: Math.floor(Date.now() / 1000),
  })
  const close = async () => {
    await runtime.dispose()
    release?.()
  }
  return { registryUrl, close }
}

/** No registry runs: each command runs the management worker itself. */
const stopRegistry = async () => ({ registryUrl: '', close: async () => {} })

/** `npm run test:long` runs the tests of the command line a second time, on the state of a stopped registry. */
export const IS_STOPPED = process.env.REGISTRY_OF_TESTS === 'stopped'

/** A state and the command line on it. */
export async function servedState() {
  const stateDir = await migratedState()
  const { registryUrl, close } = await (IS_STOPPED ? stopRegistry() : runRegistry(stateDir))
  // Opens the file itself, because each call through Miniflare waits for another thread and for workerd.
  const database = databaseIn(stateDir)
  const admin = (words: readonly string[], stdin?: string, more: Record<string, string> = {}) =>
    commandLine(words, {
      env: { STATE_DIR: stateDir, ...more },
      ...(stdin !== undefined && { stdin }),
    })

  return {
    stateDir,
    registryUrl,
    database,
    dump: () => dump(database),
    admin,
    /** The JSON that the command prints. Throws its output if the command fails. */
    async json<T = Record<string, unknown>>(words: readonly string[], stdin?: string): Promise<T> {
      const { status, stdout, stderr } = await admin([...words, '--json'], stdin)
      if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`)
      return JSON.parse(stdout) as T
    },
    async close() {
      database.close()
      await close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}
export type ServedState = Awaited<ReturnType<typeof servedState>>
