/** `npm start`: the registry, its management and the authenticator, ready to use, on one local state. */

import { createServer } from 'node:net'
import { Log, LogLevel } from 'miniflare'
import { lifetimesOf, readSettings } from '../config.ts'
import { createKeys, formatKeys, isUsable } from '../crypto/key-rotation.ts'
import { randomText } from '../crypto/random.ts'
import { CRON_INTERVAL_SECONDS } from '../domain/revocation.ts'
import { registrationPorts } from '../stores/registration.ts'
import { webhookProblems } from '../webhook-settings.ts'
import { buildWorker } from './build-worker.ts'
import { prepareDemo } from './demo.ts'
import { configurationProblems, readConfigs, withVars } from './deploy-problems.ts'
import { makePrivate, readIfPresent, writePrivateFile } from './files.ts'
import { prepareOperators } from './operators.ts'
import { oneLine, Refusal } from './refusal.ts'
import { runUntilEnded } from './run-until-ended.ts'
import { HOST, runCron, runWorkers } from './run-workers.ts'
import {
  checkKeySettings,
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

/** As often as the cron of wrangler.toml, which repeats a lost write of a revocation. */
const SWEEP_EVERY_MS = CRON_INTERVAL_SECONDS * 1000

const requireFreePort = (name: string, port: number) =>
  new Promise<void>((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (fault: NodeJS.ErrnoException) =>
      reject(new Refusal(`${name}: cannot listen on ${HOST}:${port} (${fault.code})`)),
    )
    probe.listen(port, HOST, () => probe.close(() => resolve()))
  })

/** A secret that is made once and kept in `file`. */
async function keptSecret(file: string): Promise<string> {
  const kept = await readIfPresent(file)
  if (kept) return kept
  const secret = randomText()
  await writePrivateFile(file, secret)
  return secret
}

/** Keys that are made once and kept in `file`. Broken ones are replaced. */
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

/** Returns, once both serve, what ends them. */
async function start(takeSignals: () => void): Promise<() => Promise<void>> {
  if (process.argv.length > 2) {
    throw new Refusal(
      'npm start takes no arguments: PORT, STATE_DIR and the rest are environment variables',
    )
  }
  const configs = readConfigs()
  const { registry, management, authenticator } = configs
  const settings = readStartSettings(process.env, registry.vars)
  const { port, authenticatorPort, stateDir, vars } = settings
  const webhookSecret = settings.webhookSecret ?? ''
  const [problem] = [
    ...configurationProblems(withVars(configs, vars)),
    ...webhookProblems({ ...vars, WEBHOOK_SECRET: webhookSecret }),
  ]
  if (problem !== undefined) throw new Refusal(problem)

  const claim = await claimState(stateDir)
  if (claim.kind === 'served') {
    const { pid } = claim.by
    throw new Refusal(
      `STATE_DIR: ${stateDir} is already served by another npm start (process ${pid})`,
    )
  }
  const ending: (() => unknown)[] = [claim.release]
  const end = async () => {
    for (const step of ending.splice(0).reverse()) await step()
  }
  try {
    await withdrawAnnouncement(stateDir)
    await requireFreePort('PORT', port)
    await requireFreePort('AUTHENTICATOR_PORT', authenticatorPort)
    const [demo, registryModule, managementModule, authenticatorModule] = await Promise.all([
      prepareState(settings, registry),
      buildWorker(registry.main),
      buildWorker(management.main),
      buildWorker(authenticator.main),
    ])
    const proxyFile = settings.proxySecret === null ? proxySecretFile(stateDir) : null
    const signingKeys = settings.signingKeys ?? (await keptKeys(signingKeysFile(stateDir)))
    await checkKeySettings({
      SIGNING_KEYS: signingKeys,
      AUTHENTICATOR_KEYS: settings.authenticatorKeys ?? '',
    })
    const secrets = {
      JWT_SECRET: settings.jwtSecret ?? (await keptSecret(jwtSecretFile(stateDir))),
      PROXY_SECRET: settings.proxySecret ?? (await keptSecret(proxySecretFile(stateDir))),
      ...(settings.authenticatorKeys && { AUTHENTICATOR_KEYS: settings.authenticatorKeys }),
    }
    const runtime = runWorkers(
      [
        {
          config: registry,
          module: registryModule,
          port,
          vars: { ...vars, SIGNING_KEYS: signingKeys },
        },
        {
          config: management,
          module: managementModule,
          vars: { ...vars, WEBHOOK_SECRET: webhookSecret },
        },
        {
          // With the database and the limit, so that `/auth?fresh` answers here and `why` knows its refusals.
          config: {
            ...authenticator,
            d1_databases: registry.d1_databases,
            ratelimits: registry.ratelimits.filter(({ name }) => name === 'REFUSAL_LIMIT'),
          },
          module: authenticatorModule,
          port: authenticatorPort,
          vars: { ...vars, ...secrets },
        },
      ],
      stateDir,
      new Log(LogLevel.ERROR),
    )
    takeSignals()
    ending.push(() => runtime.dispose())
    await runtime.ready

    const issuer = vars.ISSUER ?? ''
    const registryUrl = `http://${HOST}:${port}`
    const authenticatorUrl = `http://${HOST}:${authenticatorPort}`
    await announceRegistry(stateDir, {
      pid: process.pid,
      issuer,
      registryUrl,
      authenticatorUrl,
      startedAt: Math.floor(Date.now() / 1000),
    })
    ending.push(() => withdrawAnnouncement(stateDir))

    const sweeping = setInterval(() => {
      runCron(runtime).catch((fault) => console.error(oneLine(fault)))
    }, SWEEP_EVERY_MS)
    ending.push(() => clearInterval(sweeping))

    console.log(
      welcome({
        registryUrl,
        authenticatorUrl,
        issuer,
        proxyFile,
        demo,
        loginUrl: vars.LOGIN_URL || null,
      }),
    )
    return end
  } catch (fault) {
    await end()
    throw fault
  }
}

await runUntilEnded(start)
