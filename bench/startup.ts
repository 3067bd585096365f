/** The bundles: their size, the time to compile and evaluate them, and the first response of a new isolate. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Miniflare } from 'miniflare'
import { buildWorker } from '../src/local/build-worker.ts'
import { CONFIG_PATHS } from '../src/local/project.ts'
import { moduleWorker, ON_ITS_OWN } from '../src/local/run-workers.ts'
import { readWranglerConfig } from '../src/local/wrangler-config.ts'
import { type Spread, spreadOf } from './figures.ts'
import { ISSUER, JWT_SECRET } from './subject.ts'

export type Started = Readonly<{
  name: string
  bytes: number
  gzippedBytes: number
  evaluateMs: Spread
  /** The first response of a new isolate in a running workerd, minus that of an empty isolate. */
  firstAnswerMs: Spread
}>

type Subject = Readonly<{
  name: string
  entry: string
  path: string
  status: number
  env: Readonly<Record<string, unknown>>
}>

const METADATA = '/.well-known/oauth-authorization-server'
const EMPTY = 'export default { fetch: () => new Response(null) }'
const LOADER = 'loader'

const here = (path: string) => resolve(import.meta.dirname, path)

/** Every path is served without storage. */
const subjects = (): readonly Subject[] => [
  {
    name: 'registry',
    entry: readWranglerConfig(CONFIG_PATHS.registry).main,
    // Not its metadata, which list the declared scopes from D1.
    path: '/login',
    status: 200,
    env: { ISSUER, DB: {}, SESSIONS: {}, CODES: {}, LOGIN_LIMIT: {}, REFUSAL_LIMIT: {} },
  },
  {
    name: 'authenticator',
    entry: readWranglerConfig(CONFIG_PATHS.authenticator).main,
    path: '/auth',
    status: 200,
    env: { ISSUER, JWT_SECRET, SESSIONS: {} },
  },
  {
    name: 'workers-oauth-provider',
    entry: here('workers/provider-alone.js'),
    path: METADATA,
    status: 200,
    env: { OAUTH_KV: {} },
  },
]

function evaluateMs(file: string): number {
  const words = ['--experimental-vm-modules', '--no-warnings', here('evaluate.ts'), file]
  return Number(execFileSync(process.execPath, words, { encoding: 'utf8' }))
}

async function openLoader() {
  const { compatibility_date: date } = readWranglerConfig(CONFIG_PATHS.registry)
  const module = await buildWorker(here('workers/loader.ts'))
  const runtime = new Miniflare({
    ...ON_ITS_OWN,
    workers: [
      {
        config: {
          ...moduleWorker({ name: LOADER, date, module }),
          env: { LOADER: { type: 'worker-loader' } },
        },
      },
    ],
  })
  const worker = await runtime.getWorker(LOADER)
  const firstAnswerMs = async (
    module: string,
    { path, status, env }: Omit<Subject, 'entry' | 'name'>,
  ) => {
    const body = JSON.stringify({ module, path, env, date })
    const response = await worker.fetch('http://127.0.0.1/', { method: 'POST', body })
    const answered = (await response.json()) as { ms: number; status: number }
    if (answered.status !== status) throw new Error(`a fresh isolate answered ${answered.status}`)
    return answered.ms
  }
  return { firstAnswerMs, close: () => runtime.dispose() }
}

/** Measures all bundles, or the named ones. A first round is not counted. */
export async function measureStart(
  rounds: number,
  names: readonly string[] = subjects().map(({ name }) => name),
): Promise<readonly Started[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const loader = await openLoader()
  try {
    const built = await Promise.all(
      subjects()
        .filter(({ name }) => names.includes(name))
        .map(async (subject) => {
          const module = await buildWorker(subject.entry, { minify: true })
          const file = join(directory, `${subject.name}.mjs`)
          writeFileSync(file, module)
          return { subject, module, file, evaluate: [] as number[], first: [] as number[] }
        }),
    )
    const nothing = { path: '/', status: 200, env: {} }
    for (let round = -1; round < rounds; round++) {
      const emptyMs = await loader.firstAnswerMs(EMPTY, nothing)
      for (const one of built) {
        const evaluated = evaluateMs(one.file)
        const answered = (await loader.firstAnswerMs(one.module, one.subject)) - emptyMs
        if (round < 0) continue
        one.evaluate.push(evaluated)
        one.first.push(answered)
      }
    }
    return built.map(({ subject, module, evaluate, first }) => ({
      name: subject.name,
      bytes: Buffer.byteLength(module),
      gzippedBytes: gzipSync(module, { level: 9 }).length,
      evaluateMs: spreadOf(evaluate),
      firstAnswerMs: spreadOf(first),
    }))
  } finally {
    await loader.close()
    rmSync(directory, { recursive: true })
  }
}
