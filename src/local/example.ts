/** `npm run example:hono` and `example:mcp`: run an example and its authenticator on the state of a running `npm start`. */

import { Log, LogLevel } from 'miniflare'
import { randomText } from '../crypto/random.ts'
import { buildWorker } from './build-worker.ts'
import { CONFIG_PATHS, inProject, stateDirectory } from './project.ts'
import { Refusal } from './refusal.ts'
import { runUntilEnded } from './run-until-ended.ts'
import { HOST, runWorkers } from './run-workers.ts'
import { readPort } from './settings.ts'
import { findRunningRegistry, type RunningRegistry } from './state-lock.ts'
import { readWranglerConfig } from './wrangler-config.ts'

type Example = Readonly<{
  config: string
  port: number
  /** The path of the example's `RESOURCE`. */
  path: string
  /** The text that is printed when the example serves. */
  welcome: (url: string, registry: RunningRegistry) => string
}>

const EXAMPLES: Readonly<Record<string, Example>> = {
  hono: {
    config: inProject('examples/wrangler.toml'),
    port: 8789,
    path: '',
    welcome: (url, { issuer }) => `
Example service  ${url}
Its registry     ${issuer}

Who you are, with an access token of that registry in $TOKEN:

  curl -si ${url}/me -H "Authorization: Bearer $TOKEN"
`,
  },
  mcp: {
    config: inProject('examples/mcp-server/wrangler.toml'),
    port: 8790,
    path: '/mcp',
    welcome: (url, { issuer }) => `
MCP server    ${url}
Its registry  ${issuer}

Declare it as a resource, and register the MCP host: docs/mcp-server.md
`,
  },
}

async function runningRegistry(stateDir: string): Promise<RunningRegistry> {
  const running = await findRunningRegistry(stateDir)
  if (running) return running
  throw new Refusal(`no registry runs on ${stateDir}: run npm start first, in another terminal`)
}

/** Returns, when the example serves, the function that ends it. */
async function start(takeSignals: () => void): Promise<() => Promise<void>> {
  const name = process.argv[2] ?? ''
  const example = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined
  if (!example) throw new Refusal(`name an example: ${Object.keys(EXAMPLES).join(' or ')}`)
  const port = readPort(process.env, 'EXAMPLE_PORT', example.port)
  const stateDir = stateDirectory(process.env)
  const registry = await runningRegistry(stateDir)
  const service = readWranglerConfig(example.config)
  const authenticator = readWranglerConfig(CONFIG_PATHS.authenticator)
  const [serviceModule, authenticatorModule] = await Promise.all([
    buildWorker(service.main),
    buildWorker(authenticator.main),
  ])
  const url = `http://${HOST}:${port}${example.path}`
  const { issuer } = registry
  const runtime = runWorkers(
    [
      { config: service, module: serviceModule, port, vars: { RESOURCE: url, ISSUER: issuer } },
      {
        // The authenticator reads sessions and binds no D1, because only one process writes the state. It has no port, so
        // only the service reaches it.
        config: { ...authenticator, d1_databases: [] },
        module: authenticatorModule,
        // JWT_SECRET is required but not used, because over RPC there is no JWT.
        vars: { ISSUER: issuer, JWT_SECRET: randomText() },
      },
    ],
    stateDir,
    new Log(LogLevel.ERROR),
  )
  takeSignals()
  await runtime.ready
  console.log(`${example.welcome(url, registry)}\nCtrl-C ends it.\n`)
  return () => runtime.dispose()
}

await runUntilEnded(start)
