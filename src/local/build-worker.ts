/** Builds a Worker and all that it imports as one module, in the way of wrangler. */

import { build } from 'esbuild'

export async function buildWorker(
  entryPoint: string,
  { minify = false }: { minify?: boolean } = {},
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    minify,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
