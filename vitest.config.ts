import { globSync, readFileSync } from 'node:fs'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'
import { outboundWorld } from './test/outbound-world.ts'
import { seedFrom } from './test/seed.ts'

/** What reads or judges what others wrote. */
const READERS = [
  'src/protocol/**',
  'src/domain/**',
  'src/crypto/**',
  'src/config.ts',
  'src/flows/{authenticate-client,logos,still-held,token/proof-of-possession,webhook}.ts',
  'src/stores/live-sessions.ts',
  'src/http/{flood,form-token,next-page,browser-session}.ts',
  'src/routes/client-post.ts',
  'src/authenticator/{check,proxy,query,refusal-record,seen-proofs,settings}.ts',
  'src/resource-server/**',
  'src/cli/{cloudflare-api,input,record-commands}.ts',
  'src/local/{deploy-problems,settings}.ts',
]

/** Long enumerations and fuzzing: `npm run test:long`. */
const LONG = ['test/**/*.long.test.ts']
/** Two files at a time: each takes about one core. */
export const MAX_WORKERS = 2

/** Every project draws its random cases from one seed. */
const SEEDED = { setupFiles: ['test/seeded.ts'], provide: { seed: seedFrom(process.env.SEED) } }
const TEST_OF_SEED = 'test/seed.test.ts'
if (process.env.SEED === 'random') {
  // vitest reads this file once for each project.
  process.env.SEED = String(SEEDED.provide.seed)
  process.stdout.write(`SEED=${process.env.SEED}\n`)
}

const FILES_IN_MEMORY = 'test/files-in-memory.ts'
/** A globalSetup: `test/node/running-registry.ts` needs it. */
export const MIGRATED_STATE = 'test/node/migrated-state.ts'

/** Their cases run in part with `npm test`, and all with `npm run test:long`. */
const SAMPLED = globSync('test/{unit,workers}/**/*.test.{ts,tsx}').filter((path) =>
  readFileSync(path, 'utf8').includes("'../sample.ts'"),
)
const isUnit = (path: string) => path.startsWith('test/unit/')
const ALL_CASES = { env: { CASES: 'all' } }
/** They end what hangs. A busy machine may need a minute for what takes three seconds on a quiet one. */
export const TIMEOUTS = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
}

type Files = Readonly<{
  include: string[]
  exclude?: string[]
  env?: Record<string, string>
}>

/** Tests in workerd, on real D1 and KV, with the bindings of the registry. */
const workersProject = (files: Files) => ({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: { TEST_MIGRATIONS: await readD1Migrations('./migrations') },
        // The tests compose the management worker themselves: `serve` in test/workers/registry.ts.
        serviceBindings: { MANAGEMENT: () => new Response(null, { status: 503 }) },
        // No test reaches a network.
        outboundService: outboundWorld(),
      },
    })),
  ],
  test: {
    name: 'workers',
    globalSetup: [FILES_IN_MEMORY],
    ...SEEDED,
    setupFiles: [...SEEDED.setupFiles, 'test/workers/setup.ts'],
    ...TIMEOUTS,
    ...files,
    // One runtime serves all files of a process: each start takes a second. Its files share D1 and KV.
    isolate: false,
  },
})

/** Tests on plain data. */
const unitProject = (files: Files) => ({
  test: {
    name: 'unit',
    ...SEEDED,
    ...TIMEOUTS,
    ...files,
    environment: 'node' as const,
    isolate: false,
  },
  oxc: { jsx: { runtime: 'automatic' as const, importSource: 'hono/jsx' } },
})

/** Tests of the programs. They wait for processes, so that two cores have time for a third file. */
const nodeProject = (files: Files) => ({
  test: {
    name: 'node',
    globalSetup: [FILES_IN_MEMORY, MIGRATED_STATE],
    maxWorkers: 3,
    sequence: { groupOrder: 1 },
    ...SEEDED,
    ...TIMEOUTS,
    ...files,
    environment: 'node' as const,
  },
})

/** They mock modules. The others do not, so that a process loads the programs once for many files. */
const MOCKING = 'test/node/{deploy,deploy-operator,doctor-remote}.test.ts'
const sharing = (files: Files) => {
  const { test } = nodeProject(files)
  return { test: { ...test, isolate: false } }
}

/** The tests of the command line once more, on a state that no registry serves. What is remote is not in them. */
const stopped = sharing({
  include: ['test/node/admin-*.test.ts'],
  exclude: ['test/node/admin-{import,list,remote,sign-in,state.long}.test.ts'],
})

/** The projects of `npm run test:long`. */
export const LONG_PROJECTS = [
  unitProject({ include: SAMPLED.filter(isUnit), ...ALL_CASES }),
  workersProject({
    include: ['test/workers/**/*.long.test.ts', ...SAMPLED.filter((path) => !isUnit(path))],
    ...ALL_CASES,
  }),
  nodeProject({ include: ['test/node/**/*.long.test.ts'] }),
  // Each command starts a runtime of its own.
  {
    test: {
      ...stopped.test,
      name: 'stopped',
      env: { REGISTRY_OF_TESTS: 'stopped', ...ALL_CASES.env },
    },
  },
]

/** Three kinds of test: `unit` on plain data, `workers` in workerd on real D1 and KV, `node` and `mocking` on the programs. */
export default defineConfig({
  test: {
    silent: 'passed-only',
    maxWorkers: MAX_WORKERS,
    // `npm run test:coverage`: what reads or judges what others wrote has no branch that no test takes.
    coverage: {
      provider: 'istanbul', // V8's cannot look into workerd.
      include: READERS,
      reporter: [['text', { skipFull: true }]],
      thresholds: { branches: 100 },
    },
    projects: [
      unitProject({ include: ['test/unit/**/*.test.{ts,tsx}', TEST_OF_SEED] }),
      workersProject({ include: ['test/workers/**/*.test.{ts,tsx}', TEST_OF_SEED], exclude: LONG }),
      sharing({ include: ['test/node/**/*.test.ts', TEST_OF_SEED], exclude: [...LONG, MOCKING] }),
      { test: { ...nodeProject({ include: [MOCKING] }).test, name: 'mocking' } },
    ],
  },
})
