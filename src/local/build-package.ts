/** Writes the package for resource servers, `edge-registry/hono`, `/fetch` and `/express`, to dist/ before `npm pack`. */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { inProject } from './project.ts'
import { oneLine } from './refusal.ts'

const ENTRIES = ['hono', 'fetch', 'express']
const DIST = inProject('dist')
const TYPES = join(DIST, 'types')

/** The entries share their common code in separate files, so that a program that uses two entries has this code once. */
const buildCode = () =>
  build({
    entryPoints: ENTRIES.map((name) => inProject(`src/resource-server/${name}.ts`)),
    outdir: DIST,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    packages: 'external',
    logLevel: 'silent',
  })

/** The declarations name each other with an extension that every TypeScript version resolves. */
function buildTypes(): void {
  const tsc = inProject('node_modules/.bin/tsc')
  execFileSync(tsc, ['--project', inProject('tsconfig.package.json'), '--outDir', TYPES], {
    encoding: 'utf8',
  })
  for (const entry of readdirSync(TYPES, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.d.ts')) continue
    const file = join(TYPES, entry)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
  }
}

try {
  rmSync(DIST, { recursive: true, force: true })
  await buildCode()
  buildTypes()
} catch (fault) {
  const { stdout } = Object(fault) as { stdout?: string }
  console.error(stdout || oneLine(fault))
  process.exitCode = 1
}
