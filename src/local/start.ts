/** `npm start`: the registry, its management Worker and the authenticator, ready to use, on one local state. */

import { createServer } from 'node:net'
import { Log, LogLevel } from 'miniflare'
import { lifetimesOf, readSettings, type WorkerName } from '../config.ts'
import { createKeys, formatKeys, isUsable } from '../crypto/key-rotation.ts'
import { randomText } from '../crypto/random.ts'
import { CRON_INTERVAL_SECONDS } from '../domain/revocation.ts'
import { registrationPorts } from '../stores/registration.ts'
import { buildWorker } from './build-worker.ts'
import { prepareDemo } from './demo.ts'
import { type Configs, configurationProblems, readConfigs, withVars } from './deploy-problems.ts'
import { makePrivate, readIfPresent, writePrivateFile } from './files.ts'
import { prepareOperators } from './operators.ts'
import { stateDirectory } from './project.ts'
import { oneLine, Refusal } from './refusal.ts'
import { runUntilEnded } from './run-until-ended.ts'
import { HOST, runCron, runWorkers } from './run-workers.ts'
import {
  checkSecrets,
  jwtSecretFile,
  proxySecretFile,
  readStartSettings,
  type StartSettings,
  signingKeysFile,
} from './settings.ts'
import { openState } from './state.ts'
import { announceRegistry, claimState, retryWhenBusy, withdrawAnnouncement } from './state-lock.ts'
import { welcome } from './welcome.ts'
import type { WranglerConfig } from './wrangler-config.ts'

/** The interval is that of the cron in wrangler.toml, which repeats a lost write of a revocation. */
const SWEEP_EVERY_MS = CRON_INTERVAL_SECONDS * 1000

const requireFreePort = (name: string, port: number) =>
  new Promise<void>((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (fault: NodeJS.ErrnoException) =>
      reject(new Refusal(`${name}: cannot listen on ${HOST}:${port} (${fault.code})`)),
    )
    probe.listen(port, HOST, () => probe.close(() => resolve()))
  })

/** A secret that is made once and stored in `file`. */
async function keptSecret(file: string): Promise<string> {
  const kept = await readIfPresent(file)
  if (kept) return kept
  const secret = randomText()
  await writePrivateFile(file, secret)
  return secret
}

/** Keys that are made once and stored in `file`. Damaged keys are replaced. */
async function keptKeys(file: string): Promise<string> {
  const kept = await readIfPresent(file)
  if (kept !== null && (await isUsable(kept))) {
    await makePrivate(file)
    return kept
  }
  if (kept !== null) console.error(`note: ${file} is replaced: its keys cannot be used`)
  const keys = await formatKeys(await createKeys('ES256', Math.floor(Date.now() / 1000)))
  await writePrivateFile(file, keys)
  return keys
}

/** Applies the migrations, seeds the demo and makes the clients of operators, before anything is served. */
async function prepareState(settings: StartSettings, config: WranglerConfig) {
  const state = await openState(settings.stateDir, config)
  const { stateDir } = settings
  const now = Math.floor(Date.now() / 1000)
  try {
    const demo = settings.demo
      ? await retryWhenBusy(() => prepareDemo(state.db, stateDir, now))
      : null
    const ports = registrationPorts(
      state.db,
      state.sessions,
      lifetimesOf(readSettings(settings.vars)),
    )
    await retryWhenBusy(() => prepareOperators(ports, stateDir, now))
    return demo
  } finally {
    await state.close()
  }
}

/** The secrets of each Worker. A secret that is not given is made once and stored in the state. */
async function secretsOf({ stateDir, secrets }: StartSettings) {
  const { WEBHOOK_SECRET, AUTHENTICATOR_KEYS } = secrets
  const SIGNING_KEYS = secrets.SIGNING_KEYS || (await keptKeys(signingKeysFile(stateDir)))
  await checkSecrets({ ...secrets, SIGNING_KEYS })
  return {
    registry: { SIGNING_KEYS },
    management: { WEBHOOK_SECRET },
    authenticator: {
      JWT_SECRET: secrets.JWT_SECRET || (await keptSecret(jwtSecretFile(stateDir))),
      PROXY_SECRET: secrets.PROXY_SECRET || (await keptSecret(proxySecretFile(stateDir))),
      ...(AUTHENTICATOR_KEYS && { AUTHENTICATOR_KEYS }),
    },
  }
}

type Modules = Readonly<Record<WorkerName, string>>

async function runAll(configs: Configs, settings: StartSettings, modules: Modules) {
  const { port, authenticatorPort, stateDir, vars } = settings
  const { registry, authenticator } = configs
  const secrets = await secretsOf(settings)
  const worker = (name: WorkerName) => ({
    config: configs[name],
    module: modules[name],
    vars: { ...vars, ...secrets[name] },
  })
  // The authenticator has the database and the limit, so that `/auth?fresh` works here and `why` knows its refusals.
  const withDatabase = {
    ...authenticator,
    d1_databases: registry.d1_databases,
    ratelimits: registry.ratelimits.filter(({ name }) => name === 'REFUSAL_LIMIT'),
  }
  return runWorkers(
    [
      { ...worker('registry'), port },
      worker('management'),
      { ...worker('authenticator'), config: withDatabase, port: authenticatorPort },
    ],
    stateDir,
    new Log(LogLevel.ERROR),
  )
}

/** Throws a Refusal if the Workers would not start with these settings. */
async function requireStartable(configs: Configs, { vars, secrets }: StartSettings) {
  const [problem] = configurationProblems(withVars(configs, vars))
  if (problem !== undefined) throw new Refusal(problem)
  await checkSecrets(secrets, vars)
}

/** Returns the function that releases the state. Throws a Refusal if a registry serves the state. */
async function claimAlone(stateDir: string): Promise<() => void> {
  const claim = await claimState(stateDir)
  if (claim.kind === 'claimed') return claim.release
  throw new Refusal(
    `STATE_DIR: ${stateDir} is already served by another npm start (process ${claim.by.pid})`,
  )
}

/** Adds what ends each part to `ending`, in the order of the start. Returns the welcome text when all parts serve. */
async function serve(
  configs: Configs,
  settings: StartSettings,
  { ending, takeSignals }: Readonly<{ ending: (() => unknown)[]; takeSignals: () => void }>,
): Promise<string> {
  const { port, authenticatorPort, stateDir, vars } = settings
  await withdrawAnnouncement(stateDir)
  await requireFreePort('PORT', port)
  await requireFreePort('AUTHENTICATOR_PORT', authenticatorPort)
  const [demo, registry, management, authenticator] = await Promise.all([
    prepareState(settings, configs.registry),
    buildWorker(configs.registry.main),
    buildWorker(configs.management.main),
    buildWorker(configs.authenticator.main),
  ])
  const runtime = await runAll(configs, settings, { registry, management, authenticator })
  takeSignals()
  ending.push(() => runtime.dispose())
  await runtime.ready

  const addresses = {
    issuer: vars.ISSUER ?? '',
    registryUrl: `http://${HOST}:${port}`,
    authenticatorUrl: `http://${HOST}:${authenticatorPort}`,
  }
  const startedAt = Math.floor(Date.now() / 1000)
  await announceRegistry(stateDir, { pid: process.pid, ...addresses, startedAt })
  ending.push(() => withdrawAnnouncement(stateDir))

  const sweeping = setInterval(() => {
    runCron(runtime).catch((fault) => console.error(oneLine(fault)))
  }, SWEEP_EVERY_MS)
  ending.push(() => clearInterval(sweeping))
  const proxyFile = settings.secrets.PROXY_SECRET ? null : proxySecretFile(stateDir)
  const hasDirectory = vars.DIRECTORY === 'on'
  const otherStateDir = stateDir === stateDirectory({}) ? null : stateDir
  const loginUrl = vars.LOGIN_URL || null
  return welcome({ ...addresses, otherStateDir, proxyFile, demo, loginUrl, hasDirectory })
}

/** Returns, when all parts serve, the function that ends them. */
async function start(takeSignals: () => void): Promise<() => Promise<void>> {
  if (process.argv.length > 2) {
    throw new Refusal(
      'npm start takes no arguments: PORT, STATE_DIR and the other settings are environment variables (docs/settings.md)',
    )
  }
  const configs = readConfigs()
  const settings = readStartSettings(process.env, configs.registry.vars)
  await requireStartable(configs, settings)
  const ending: (() => unknown)[] = [await claimAlone(settings.stateDir)]
  const end = async () => {
    for (const step of ending.splice(0).reverse()) await step()
  }
  try {
    console.log(await serve(configs, settings, { ending, takeSignals }))
    return end
  } catch (fault) {
    await end()
    throw fault
  }
}

await runUntilEnded(start)
