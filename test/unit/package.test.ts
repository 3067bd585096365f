/** The package for resource servers: what it weighs, what it depends on, and that it runs without Node.js. */

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

/** For a platform that has no module of Node.js: one that is imported does not resolve. */
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
  it(`the middleware for Hono with a service binding weighs less than ${MAX_KIB} KiB gzipped`, async () => {
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

  it('the package depends on jose alone, and on a framework only where one is used', () => {
    expect(Object.keys(PACKAGE.dependencies)).toEqual(['jose'])
    expect(Object.keys(PACKAGE.peerDependencies)).toEqual(['express', 'hono'])
    for (const { optional } of Object.values(PACKAGE.peerDependenciesMeta)) {
      expect(optional).toBe(true)
    }
    expect(PACKAGE.files).toEqual(['dist'])
    expect(Object.keys(PACKAGE.exports)).toEqual(['./hono', './fetch', './express'])
  })
})
