/**
 * In a process of its own: compiles and evaluates the module in a file, once, and prints the thread's run time in ms:
 * `node --experimental-vm-modules evaluate.ts FILE`.
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

// Nor are the platform's classes, which Node loads when one is first used.
new Headers()

const before = process.threadCpuUsage()
const module = new vm.SourceTextModule(source)
await module.link((specifier) => externals.get(specifier) ?? external(specifier))
await module.evaluate()
const { user, system } = process.threadCpuUsage(before)
console.log(((user + system) / 1000).toFixed(3))
