/** Workers in one local runtime, each on its own port, on one D1 and one KV. */

import { join } from 'node:path'
import { type Log, Miniflare } from 'miniflare'
import type { WranglerConfig } from './wrangler-config.ts'

export const HOST = '127.0.0.1'

/** The folder whose layout and ids are those of `wrangler dev --persist-to`. */
export const persistencePath = (stateDir: string) => join(stateDir, 'v3')

/**
 * Options for Miniflare. Its registry of Workers would make workerd listen for debuggers, which reach D1 and KV without a
 * key, and would bind the Workers of another project by their names.
 */
export const ON_ITS_OWN = {
  telemetry: { enabled: false },
  enableDevRegistry: false,
  cf: false,
} as const

type RunnableWorker = Readonly<{
  config: WranglerConfig
  /** One module, which `buildWorker` makes. */
  module: string
  /** The port; without a port only the other Workers reach this Worker. */
  port?: number
  vars: Readonly<Record<string, string>>
}>

/** A service that is not among the `running` Workers stays unbound. */
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
  module: string
}>

/** A Worker in the form that Miniflare takes, without its bindings. */
export const moduleWorker = ({ name, date, flags = [], module }: ModuleWorker) => ({
  name,
  compatibilityDate: date,
  compatibilityFlags: [...flags],
  manifest: {
    mainModule: `${name}.mjs`,
    modules: { [`${name}.mjs`]: { type: 'esm' as const, contents: module } },
  },
})

/** The caller awaits `ready` and disposes of the result. `hear` gets each line of the log; the default prints them. */
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
    // `runCron` needs this option.
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

/** Runs the first Worker's cron. `getWorker` can do this too, but each of its calls blocks this thread. */
export async function runCron(runtime: Miniflare): Promise<void> {
  const response = await runtime.dispatchFetch(`http://${HOST}/cdn-cgi/local/scheduled`)
  const text = await response.text()
  if (!response.ok) throw new Error(`cron: ${text}`)
}
