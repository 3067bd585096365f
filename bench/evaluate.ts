/**
 * A program that compiles and evaluates the module in a file once, and prints the run time of the thread in ms:
 * `node --experimental-vm-modules evaluate.ts FILE`.
 *
 * Wall-clock time would include other processes. Linux updates the run time of a thread every few ms, and when the run time
 * of the process is read. So the program reads that first, and the result is exact to about 10 µs.
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
// The imports of the module are loaded before, because they are not its own cost.
const specifiers = new Set(
  Array.from(source.matchAll(/from\s*"((?:node|cloudflare):[^"]+)"/g), ([, name = '']) => name),
)
const externals = new Map<string, vm.Module>()
for (const specifier of specifiers) externals.set(specifier, await external(specifier))

/** The run time of this thread in ms. */
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

// Node.js loads and compiles parts of itself at the first use, which the Workers runtime does not.
new Headers({ name: 'value' })
await load('export default null')
runTime()
// Without this flag workers-oauth-provider prints a warning.
const compatibilityFlags = { global_fetch_strictly_public: true }
Object.assign(globalThis, { Cloudflare: { compatibilityFlags } })

const before = runTime()
await load(source)
console.log((runTime() - before).toFixed(3))
