/** The `ts` blocks of README.md and docs/ compile. A block without imports is put after the lines that its page leaves out. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const LEFT_OUT = `import { protectedResource, type ScopedEnv, scoped } from 'edge-registry/hono'
import { type Handler, Hono, type MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
declare const ownerOf: (id: string) => string | undefined
declare const handleMcp: Handler
const app = new Hono<ScopedEnv>()
`
const CONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: { noUnusedLocals: false },
  include: ['*.ts'],
}

const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const blocks = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => ({
    page,
    code,
  })),
)

/** The compiler's errors for each block that does not compile. */
function problemsOf(written: readonly { page: string; code: string }[]): string {
  mkdirSync('.wrangler', { recursive: true })
  const folder = mkdtempSync('.wrangler/docs-code-')
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG))
    for (const [index, { page, code }] of written.entries()) {
      const whole = code.startsWith('import ') ? code : LEFT_OUT + code
      writeFileSync(join(folder, `${page.replaceAll(/\W/g, '-')}-${index}.ts`), whole)
    }
    const tsc = spawnSync('node_modules/.bin/tsc', ['--noEmit', '-p', folder], { encoding: 'utf8' })
    return tsc.stdout + tsc.stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

it('every ts block of README.md and docs/ compiles', () => {
  expect(blocks.length).toBeGreaterThan(0)
  expect(problemsOf(blocks)).toBe('')
})

it('control: a ts block with an option that does not exist is found', () => {
  const code = "app.get('/', scoped('public:read', { resourse: () => 'x' }))\n"
  expect(problemsOf([{ page: 'PAGE.md', code }])).toContain('PAGE-md-0.ts')
})
