/**
 * A program with one runtime and a Worker for each operation, each with its own port and storage:
 * `node servers/workers.ts WHO STORAGE [INSPECTOR_PORT]`. With the inspector the bundle is not minified. Prints one line when
 * all Workers serve.
 */

import { resolve } from 'node:path'
import { Log, LogLevel, Miniflare } from 'miniflare'
import { buildWorker } from '../../src/local/build-worker.ts'
import { applyMigrations } from '../../src/local/migrations.ts'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { moduleWorker, ON_ITS_OWN } from '../../src/local/run-workers.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { freePorts, HOST } from '../../test/node/free-ports.ts'
import { isSigned, OPERATIONS, type Operation, type Ready } from '../operations.ts'
import { ISSUER } from '../subject.ts'

/** Long enough for the record to stay cached for a whole run. */
const WARM_SECONDS = '300'

/** Without this flag workers-oauth-provider prints a warning at every start. No Worker here sends a request. */
const QUIETLY = ['global_fetch_strictly_public']

const answering = (operations: readonly Operation[], entry: string) =>
  Object.fromEntries(operations.map((operation) => [operation, entry]))

/** The Worker for an operation; undefined if it has no such operation. */
const WORKERS: Readonly<Record<string, Partial<Record<Operation, string>>>> = {
  registry: {
    ...answering(OPERATIONS, 'registry.ts'),
    ...answering(['check', 'signed_check'], 'authenticator.ts'),
  },
  floor: answering(
    OPERATIONS.filter((operation) => !isSigned(operation)),
    'floor.ts',
  ),
  'crypto-floor': answering(OPERATIONS, 'crypto-floor.ts'),
  'workers-oauth-provider': answering(['exchange', 'check'], 'provider.js'),
}

async function serve(
  who: string,
  storage: string,
  inspectorPort: number | undefined,
): Promise<Ready> {
  const entries = WORKERS[who]
  if (!entries) throw new Error(`there is no worker ${who}`)
  const { compatibility_date: date, compatibility_flags } = readWranglerConfig(
    CONFIG_PATHS.registry,
  )
  const flags = [...compatibility_flags, ...QUIETLY]
  const operations = OPERATIONS.filter((operation) => entries[operation])
  const modules = new Map<string, string>()
  for (const entry of new Set(Object.values(entries))) {
    const path = resolve(import.meta.dirname, '../workers', entry)
    modules.set(entry, await buildWorker(path, { minify: inspectorPort === undefined }))
  }
  const ports = await freePorts(operations.length)
  const workers = operations.map((operation, i) => {
    const name = operation.replace('_', '-')
    const text = (value: string) => ({ type: 'text' as const, value })
    return {
      operation,
      name,
      port: ports[i] ?? 0,
      module: modules.get(entries[operation] ?? '') ?? '',
      env: {
        STORAGE: text(storage),
        OPERATION: text(operation),
        ISSUER: text(ISSUER),
        // The peers do not log either. docs/performance.md says what a line costs.
        LOG_ANSWERS: text('refusals'),
        CLIENT_CACHE_SECONDS: text(operation === 'token_cold' ? '0' : WARM_SECONDS),
        ...(storage === 'simulator' && {
          DB: { type: 'd1' as const, id: `db-${name}` },
          SESSIONS: { type: 'kv' as const, id: `sessions-${name}` },
          CODES: { type: 'kv' as const, id: `codes-${name}` },
        }),
        ...(who === 'workers-oauth-provider' &&
          storage === 'simulator' && { OAUTH_KV: { type: 'kv' as const, id: `oauth-${name}` } }),
      },
    }
  })
  const runtime = new Miniflare({
    ...ON_ITS_OWN,
    log: new Log(LogLevel.ERROR),
    ...(inspectorPort !== undefined && { inspectorPort }),
    workers: workers.map(({ name, port, module, env }) => ({
      config: { ...moduleWorker({ name, date, flags, module }), env },
      dev: { unsafeDirectSockets: [{ host: HOST, port }] },
    })),
  } as ConstructorParameters<typeof Miniflare>[0])
  await runtime.ready
  if (storage === 'simulator' && who !== 'workers-oauth-provider') {
    for (const { name } of workers) {
      await applyMigrations(await runtime.getD1Database('DB', name), inProject('migrations'))
    }
  }
  return { ports: Object.fromEntries(workers.map(({ operation, port }) => [operation, port])) }
}

const [who = '', storage = '', port] = process.argv.slice(2)
const inspectorPort = port === undefined ? undefined : Number(port)
console.log(JSON.stringify(await serve(who, storage, inspectorPort)))
