/** The doctor: what it examines, and its checks in their order. */

import { proxySecretsIn } from '../../crypto/proxy-secret.ts'
import { KV_STALENESS_SECONDS, SESSION_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { type Configs, readConfigs, withVars } from '../../local/deploy-problems.ts'
import { readIfPresent } from '../../local/files.ts'
import { stateDirectory } from '../../local/project.ts'
import { findRunningRegistry } from '../../local/running-registry.ts'
import { jwtSecretFile, proxySecretFile, readStartSettings } from '../../local/settings.ts'
import type { Storage } from '../../local/state.ts'
import type { WranglerConfig } from '../../local/wrangler-config.ts'
import { secretNames } from '../cloudflare-api.ts'
import { deployedApi, withStorage } from '../open-storage.ts'
import type { Io } from '../verb.ts'
import { type Finding, look } from './check.ts'
import { DEPLOYMENT_CHECKS } from './deployment-checks.ts'
import { newTrial, type Trial } from './trial.ts'
import { CLEAN_UP, TRIAL_CHECKS } from './trial-checks.ts'

/** How long a promise may take. */
export type Bounds = Readonly<{ seenSeconds: number; revokedSeconds: number }>

/** KV on one machine shows at once what is written. */
const SEEN_LOCALLY_SECONDS = 5

export type Examined = Readonly<{
  isDeployed: boolean
  storage: Storage
  registry: WranglerConfig
  management: WranglerConfig
  authenticator: WranglerConfig
  issuer: string
  /** Null: not known. */
  authenticatorUrl: string | null
  /** Epoch seconds; null: not known. */
  startedAt: number | null
  /** The secrets that the deployed authenticator has. Null on this machine. */
  secretNames: (() => Promise<readonly string[]>) | null
  /** The authenticator's; null: not known. */
  jwtSecret: string | null
  /** For the authenticator; null: not known. */
  proxySecret: string | null
  bounds: Bounds
  trial: Trial
}>

/** The options of a run. */
export type Where = Readonly<{
  isDeployed: boolean
  /** Takes precedence over the address of a running registry. */
  authenticatorUrl: string | null
  /** Epoch seconds, where it has only just been deployed. */
  deployedAt?: number
}>

/** Throws a Refusal for a bad setting. Nothing is written yet. */
export async function readExamined(io: Io, where: Where, storage: Storage): Promise<Examined> {
  const configs = readConfigs()
  const { isDeployed } = where
  const known = isDeployed
    ? knownOfDeployed(io, where, configs)
    : await knownHere(io, where, configs)
  const bounds = {
    seenSeconds: isDeployed ? KV_STALENESS_SECONDS : SEEN_LOCALLY_SECONDS,
    revokedSeconds: SESSION_REVOKED_WITHIN_SECONDS,
  }
  const trial = newTrial(storage, known)
  return { isDeployed, storage, ...known, bounds, trial }
}

type Known = Omit<Examined, 'isDeployed' | 'storage' | 'bounds' | 'trial'>

/** While the secret is rotated there are two: the new one is shown. */
const givenProxySecret = ({ env }: Io) => proxySecretsIn(env.PROXY_SECRET ?? '')[0] ?? null

function knownOfDeployed(io: Io, { authenticatorUrl, deployedAt }: Where, configs: Configs): Known {
  return {
    ...configs,
    issuer: io.env.ISSUER || configs.registry.vars.ISSUER || '',
    authenticatorUrl,
    startedAt: deployedAt ?? null,
    secretNames: () => secretNames(deployedApi(io.env), configs.authenticator.name),
    jwtSecret: null,
    proxySecret: givenProxySecret(io),
  }
}

async function knownHere(io: Io, { authenticatorUrl }: Where, configs: Configs): Promise<Known> {
  const stateDir = stateDirectory(io.env)
  const env = { ...io.env, JWT_SECRET: '', PROXY_SECRET: '' }
  const { vars, authenticatorPort } = readStartSettings(env, configs.registry.vars)
  const running = await findRunningRegistry(stateDir)
  return {
    ...withVars(configs, vars),
    issuer: running?.issuer ?? vars.ISSUER ?? '',
    authenticatorUrl:
      authenticatorUrl ?? running?.authenticatorUrl ?? `http://127.0.0.1:${authenticatorPort}`,
    startedAt: running?.startedAt ?? null,
    secretNames: null,
    jwtSecret: io.env.JWT_SECRET || (await readIfPresent(jwtSecretFile(stateDir))),
    proxySecret: givenProxySecret(io) ?? (await readIfPresent(proxySecretFile(stateDir))),
  }
}

export async function* examine(
  examined: Examined,
  checksAtOnce = DEPLOYMENT_CHECKS,
): AsyncGenerator<Finding> {
  const findings = checksAtOnce.map((check) => look(check, examined))
  for (const finding of findings) yield await finding
  try {
    for (const check of TRIAL_CHECKS) yield await look(check, examined)
  } finally {
    yield await look(CLEAN_UP, examined)
  }
}

/** Calls `tell` with each finding. Returns how many checks failed. */
export async function runDoctor(
  io: Io,
  where: Where,
  tell: (finding: Finding) => Promise<void>,
): Promise<number> {
  let failed = 0
  await withStorage({ remote: where.isDeployed, env: io.env }, async (storage) => {
    for await (const finding of examine(await readExamined(io, where, storage))) {
      if (finding.state === 'FAIL') failed += 1
      await tell(finding)
    }
  })
  return failed
}
