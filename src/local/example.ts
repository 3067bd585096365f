/** `npm run example:hono`: the example service and an authenticator for it, on the state of a running `npm start`. */

import { Log, LogLevel } from 'miniflare'
import { randomText } from '../crypto/random.ts'
import { buildWorker } from './build-worker.ts'
import { AUTHENTICATOR_CONFIG, inProject, stateDirectory } from './project.ts'
import { Refusal } from './refusal.ts'
import { runUntilEnded } from './run-until-ended.ts'
import { HOST, runWorkers } from './run-workers.ts'
import { findRunningRegistry, type RunningRegistry } from './running-registry.ts'
import { readPort } from './settings.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const EXAMPLE_CONFIG = inProject('examples/wrangler.toml')

async function runningRegistry(stateDir: string): Promise<RunningRegistry> {
  const running = await findRunningRegistry(stateDir)
  if (running) return running
  throw new Refusal(`no registry runs on ${stateDir}: run npm start first, in another terminal`)
}

const welcome = (url: string, { issuer }: RunningRegistry) => `
Example service  ${url}
Its registry     ${issuer}

Who you are, with an access token of that registry in $TOKEN:

  curl -si ${url}/me -H "Authorization: Bearer $TOKEN"

Ctrl-C ends it.
`

/** Returns, once it serves, what ends it. */
async function start(takeSignals: () => void): Promise<() => Promise<void>> {
  const port = readPort(process.env, 'EXAMPLE_PORT', 8789)
  const stateDir = stateDirectory(process.env)
  const registry = await runningRegistry(stateDir)
  const service = readWranglerConfig(EXAMPLE_CONFIG)
  const authenticator = readWranglerConfig(AUTHENTICATOR_CONFIG)
  const [serviceModule, authenticatorModule] = await Promise.all([
    buildWorker(service.main),
    buildWorker(authenticator.main),
  ])
  const url = `http://${HOST}:${port}`
  const { issuer } = registry
  const runtime = runWorkers(
    [
      { config: service, module: serviceModule, port, vars: { RESOURCE: url, ISSUER: issuer } },
      {
        // It reads sessions and binds no D1: one process writes the state. Without a port only the service reaches it.
        config: { ...authenticator, d1_databases: [] },
        module: authenticatorModule,
        // JWT_SECRET is required, and not used: over RPC there is no JWT.
        vars: { ISSUER: issuer, JWT_SECRET: randomText() },
      },
    ],
    stateDir,
    new Log(LogLevel.ERROR),
  )
  takeSignals()
  await runtime.ready
  console.log(welcome(url, registry))
  return () => runtime.dispose()
}

await runUntilEnded(start)
