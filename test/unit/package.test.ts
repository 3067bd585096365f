/** The package for resource servers: its size, its dependencies, and that it needs no module of Node.js. */

import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const MAX_KIB = 12

type Package = Readonly<{
  files: string[]
  exports: Record<string, Record<'types' | 'default', string>>
  dependencies: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional: boolean }>
}>
const PACKAGE = JSON.parse(readFileSync('package.json', 'utf8')) as Package

/** Bundles for a platform without the modules of Node.js: an import of one does not resolve. */
async function bundled(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
const kib = (text: string) => gzipSync(text, { level: 9 }).length / 1024

describe('the package', () => {
  it(`the middleware for Hono with a service binding is smaller than ${MAX_KIB} KiB gzipped`, async () => {
    const text = await bundled("export { protectedResource, scoped } from 'edge-registry/hono'")
    expect(text.length).toBeGreaterThan(5000)
    expect(kib(text)).toBeLessThan(MAX_KIB)
  })

  it.each(['hono', 'fetch', 'express'])(
    'edge-registry/%s needs no module of Node.js',
    async (name) => {
      const text = await bundled(`export * from 'edge-registry/${name}'`)
      expect(text).toContain('/introspect')
      expect(text).not.toMatch(/\bnode:|\bprocess\b|\bBuffer\b|\brequire\(/)
      await expect(bundled("import 'node:http'")).rejects.toThrow(/node:http/)
    },
  )

  it('the package depends only on jose, and each adapter also on its framework', () => {
    expect(Object.keys(PACKAGE.dependencies)).toEqual(['jose'])
    expect(Object.keys(PACKAGE.peerDependencies)).toEqual(['express', 'hono'])
    for (const { optional } of Object.values(PACKAGE.peerDependenciesMeta)) {
      expect(optional).toBe(true)
    }
    expect(PACKAGE.files).toEqual(['dist'])
    expect(Object.keys(PACKAGE.exports)).toEqual(['./hono', './fetch', './express'])
  })
})
