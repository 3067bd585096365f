/** Workers in one local runtime, each on its own port, on one D1 and one KV. */

import { join } from 'node:path'
import { type Log, Miniflare } from 'miniflare'
import type { WranglerConfig } from './wrangler-config.ts'

export const HOST = '127.0.0.1'

/** Layout and ids are those of `wrangler dev --persist-to`. */
export const persistencePath = (stateDir: string) => join(stateDir, 'v3')

/**
 * For Miniflare. Its registry of workers would make workerd listen for debuggers, which reach D1 and KV without a key,
 * and would bind another project's workers to ours by their names.
 */
export const ON_ITS_OWN = {
  telemetry: { enabled: false },
  enableDevRegistry: false,
  cf: false,
} as const

type RunnableWorker = Readonly<{
  config: WranglerConfig
  /** One module, as `buildWorker` makes it. */
  module: string
  /** Without one, only the other workers reach it. */
  port?: number
  vars: Readonly<Record<string, string>>
}>

/** A service that is not among the `running` workers stays unbound. */
function bindingsOf({ config, vars }: RunnableWorker, running: readonly string[]) {
  const text = { ...config.vars, ...vars }
  return Object.fromEntries([
    ...Object.entries(text).map(([name, value]) => [name, { type: 'text', value }] as const),
    ...config.d1_databases.map((d1) => [d1.binding, { type: 'd1', id: d1.database_id }] as const),
    ...config.kv_namespaces.map((kv) => [kv.binding, { type: 'kv', id: kv.id }] as const),
    ...config.ratelimits.map(
      ({ name, namespace_id: namespace, simple }) =>
        [name, { type: 'rate-limit', namespace, simple }] as const,
    ),
    ...config.services
      .filter(({ service }) => running.includes(service))
      .map(({ binding, service: worker }) => [binding, { type: 'worker', worker }] as const),
  ])
}

type ModuleWorker = Readonly<{
  name: string
  date: string
  flags?: readonly string[]
  /** One module, as `buildWorker` makes it. */
  module: string
}>

/** A worker as Miniflare takes it, but for its bindings. */
export const moduleWorker = ({ name, date, flags = [], module }: ModuleWorker) => ({
  name,
  compatibilityDate: date,
  compatibilityFlags: [...flags],
  manifest: {
    mainModule: `${name}.mjs`,
    modules: { [`${name}.mjs`]: { type: 'esm' as const, contents: module } },
  },
})

/** The caller awaits `ready` and disposes of it. `hear` gets each line of the workers, which is printed without it. */
export const runWorkers = (
  workers: readonly [RunnableWorker, ...RunnableWorker[]],
  stateDir: string,
  log?: Log,
  hear?: (line: string) => void,
) =>
  new Miniflare({
    resourcePersistencePath: persistencePath(stateDir),
    ...ON_ITS_OWN,
    ...(log && { log }),
    ...(hear && {
      handleStructuredLogs: ({ message }: Readonly<{ message: string }>) => hear(message),
    }),
    // For `runCron`.
    unsafeTriggerHandlers: true,
    workers: workers.map((worker) => ({
      config: {
        ...moduleWorker({
          name: worker.config.name,
          date: worker.config.compatibility_date,
          flags: worker.config.compatibility_flags,
          module: worker.module,
        }),
        env: bindingsOf(
          worker,
          workers.map(({ config }) => config.name),
        ),
      },
      ...(worker.port !== undefined && {
        dev: { unsafeDirectSockets: [{ host: HOST, port: worker.port }] },
      }),
    })),
  })

/** Runs the first worker's cron. `getWorker` can do that too, but each of its calls blocks this thread. */
export async function runCron(runtime: Miniflare): Promise<void> {
  const response = await runtime.dispatchFetch(`http://${HOST}/cdn-cgi/local/scheduled`)
  const text = await response.text()
  if (!response.ok) throw new Error(`cron: ${text}`)
}
