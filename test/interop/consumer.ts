/** Projects outside this repository that install the package from its tarball, and the services that they run. */

import { execFile } from 'node:child_process'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { inProject } from '../../src/local/project.ts'

const run = promisify(execFile)
const CONSUMERS = inProject('test/interop/consumers')

export type Consumers = Readonly<{
  /** The files in the tarball. */
  packed: readonly string[]
  /** The folder of an installed project. */
  folderOf: (name: string) => string
  remove: () => Promise<void>
}>

/** Packs the package and installs it into a copy of each project, with the versions of its lock file. */
export async function installConsumers(names: readonly string[]): Promise<Consumers> {
  const folder = await mkdtemp(join(tmpdir(), 'consumers-'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: inProject('.'),
  })
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ]
  for (const name of names) {
    const project = join(folder, name)
    cpSync(join(CONSUMERS, name), project, { recursive: true })
    cpSync(join(CONSUMERS, 'ways.mjs'), join(project, 'ways.mjs'))
    cpSync(join(folder, filename), join(project, 'edge-registry.tgz'))
    const words = ['ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
    await run('npm', words, { cwd: project })
  }
  return {
    packed: files.map(({ path }) => path),
    folderOf: (name) => join(folder, name),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The program of a package that has one package for each platform: `@deno/linux-x64-glibc` has `deno`. */
export function runtimeIn(project: string, scope: string, path: string): string {
  const packages = join(project, 'node_modules', scope)
  const found = readdirSync(packages)
    .map((name) => join(packages, name, path))
    .find(existsSync)
  if (found === undefined) throw new Error(`no ${path} in ${packages}`)
  return found
}

/** The Worker of a project, as wrangler bundles it. */
export async function workerOf(project: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(project, 'worker.mjs')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
