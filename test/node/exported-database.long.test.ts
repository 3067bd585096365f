/** The commands of docs/operate.md that write D1 to an SQL file and read the file again, with the real wrangler. */

import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { openState } from '../../src/local/state.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { dump, temporaryDirectory } from './command-line.ts'
import { startRegistry } from './running-registry.ts'

const run = promisify(execFile)
/** The time limit for three wrangler commands on two busy cores. */
const WRANGLER_MS = 120_000

/** A folder with a `wrangler.toml`, because `wrangler d1 export` reads only the state beside that file. */
let project: string
const stateDir = () => join(project, '.wrangler/state')

beforeAll(async () => {
  project = await temporaryDirectory()
  await cp(CONFIG_PATHS.registry, join(project, 'wrangler.toml'))
  await mkdir(stateDir(), { recursive: true })
  await (await startRegistry({ STATE_DIR: stateDir() })).end()
})
afterAll(() => rm(project, { recursive: true, force: true }))

async function documented(command: RegExp) {
  const page = await readFile(inProject('docs/operate.md'), 'utf8')
  const blocks = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  const block = blocks.find((one) => command.test(one)) ?? ''
  const local = block.replaceAll('npx wrangler', 'wrangler').replaceAll('--remote', '--local')
  const path = `${inProject('node_modules/.bin')}:${process.env.PATH}`
  const env = { ...process.env, PATH: path, WRANGLER_SEND_METRICS: 'false' }
  await run('bash', ['-euo', 'pipefail', '-c', local], { cwd: project, env })
}

/** Every row, and the definitions of tables, indexes, triggers and views. */
async function contents() {
  const state = await openState(stateDir(), readWranglerConfig(CONFIG_PATHS.registry))
  const schema = `SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY type, name`
  try {
    return [await dump(state.db), (await state.db.prepare(schema).all()).results]
  } finally {
    await state.close()
  }
}

it(
  'a database that wrangler exports and imports by the documented commands has the same rows and the same schema',
  async () => {
    const before = await contents()
    await documented(/^npx wrangler d1 export /m)
    await rm(join(stateDir(), 'v3/d1'), { recursive: true })
    await documented(/--file views-first\.sql$/m)
    expect(await contents()).toEqual(before)
    expect(JSON.stringify(before)).toContain('demo@example.org')
  },
  WRANGLER_MS,
)
