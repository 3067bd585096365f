/**
 * In a process of its own: compiles and evaluates the module in a file, once, and prints the thread's run time in ms:
 * `node --experimental-vm-modules evaluate.ts FILE`.
 *
 * Run time, since a clock on the wall also counts the neighbours. Linux brings a thread's up to date at a tick, every
 * few ms, or when the whole process is asked about; so that is asked first, and what follows is exact to about 10 µs.
 */

import { readFileSync } from 'node:fs'
import * as vm from 'node:vm'

const stub = (names: readonly string[], exported: Readonly<Record<string, unknown>>) =>
  new vm.SyntheticModule([...names], function () {
    for (const name of names) this.setExport(name, exported[name])
  })

async function external(specifier: string): Promise<vm.Module> {
  if (specifier === 'cloudflare:workers') {
    const WorkerEntrypoint = class {}
    return stub(['WorkerEntrypoint', 'env'], { WorkerEntrypoint, env: {} })
  }
  const exported = (await import(specifier)) as Record<string, unknown>
  return stub(Object.keys(exported), exported)
}

const source = readFileSync(process.argv[2] ?? '', 'utf8')
// What the module imports is loaded beforehand: it is not the module's own cost.
const specifiers = new Set(
  Array.from(source.matchAll(/from\s*"((?:node|cloudflare):[^"]+)"/g), ([, name = '']) => name),
)
const externals = new Map<string, vm.Module>()
for (const specifier of specifiers) externals.set(specifier, await external(specifier))

/** In ms. */
function runTime(): number {
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

async function load(text: string) {
  const module = new vm.SourceTextModule(text)
  await module.link((specifier) => externals.get(specifier) ?? external(specifier))
  await module.evaluate()
}

// Nor is what Node itself loads and compiles when it is first used, and a Worker's runtime does not.
new Headers({ name: 'value' })
await load('export default null')
runTime()
// Keeps workers-oauth-provider from warning that it is not set, as for a fresh isolate.
const compatibilityFlags = { global_fetch_strictly_public: true }
Object.assign(globalThis, { Cloudflare: { compatibilityFlags } })

const before = runTime()
await load(source)
console.log((runTime() - before).toFixed(3))
