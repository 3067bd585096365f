/** The doctor: what it examines, and its checks in order. */

import { proxySecretsIn } from '../../crypto/proxy-secret.ts'
import { KV_STALENESS_SECONDS, SESSION_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { type Configs, readConfigs, withVars } from '../../local/deploy-problems.ts'
import { readIfPresent } from '../../local/files.ts'
import { stateDirectory } from '../../local/project.ts'
import { jwtSecretFile, proxySecretFile, readStartSettings } from '../../local/settings.ts'
import { findRunningRegistry } from '../../local/state-lock.ts'
import type { ManagementApi } from '../api.ts'
import { deployedApi, secretNames } from '../cloudflare-api.ts'
import { NoCredential, withApi } from '../reach.ts'
import type { Io } from '../verb.ts'
import { type Examined, type Finding, look, type Status } from './check.ts'
import { DEPLOYMENT_CHECKS } from './deployment-checks.ts'
import { newTrial, once } from './trial.ts'
import { CLEAN_UP, TRIAL_CHECKS } from './trial-checks.ts'

/** KV on one machine shows a write at once. */
const SEEN_LOCALLY_SECONDS = 5

type RunOptions = Readonly<{
  isDeployed: boolean
  /** The address takes precedence over that of a running registry. */
  authenticatorUrl: string | null
  /** Epoch seconds, if the deployment was made just now. */
  deployedAt?: number
  /** True if the doctor may examine what it can without the credential of an operator. */
  mayLackCredential?: boolean
}>

/** Throws a Refusal for a wrong setting. Writes nothing. `api` is null without the credential of an operator. */
export async function readExamined(
  io: Io,
  where: RunOptions,
  api: ManagementApi | null,
): Promise<Examined> {
  const configs = readConfigs()
  const { isDeployed } = where
  const known = isDeployed
    ? knownOfDeployed(io, where, configs)
    : await knownHere(io, where, configs)
  const bounds = {
    seenSeconds: isDeployed ? KV_STALENESS_SECONDS : SEEN_LOCALLY_SECONDS,
    revokedSeconds: SESSION_REVOKED_WITHIN_SECONDS,
  }
  const administered = api && {
    status: once(async () => (await api.call<Status>({ method: 'GET', path: '/status' })).body),
    trial: newTrial(api, known),
  }
  return { isDeployed, api: administered, ...known, bounds }
}

type Known = Omit<Examined, 'isDeployed' | 'api' | 'bounds'>

/** During a rotation there are two secrets: the first one, which is the new secret, is sent. */
const givenProxySecret = ({ env }: Io) => proxySecretsIn(env.PROXY_SECRET ?? '')[0] ?? null

const isCloudflareKnown = ({ env }: Io) =>
  Boolean(env.CLOUDFLARE_API_TOKEN && env.CLOUDFLARE_ACCOUNT_ID)

function knownOfDeployed(
  io: Io,
  { authenticatorUrl, deployedAt }: RunOptions,
  configs: Configs,
): Known {
  return {
    ...configs,
    issuer: io.env.ISSUER || configs.registry.vars.ISSUER || '',
    authenticatorUrl,
    startedAt: deployedAt ?? null,
    secretNames: isCloudflareKnown(io)
      ? (worker) => secretNames(deployedApi(io.env), configs[worker].name)
      : null,
    jwtSecret: null,
    proxySecret: givenProxySecret(io),
  }
}

async function knownHere(
  io: Io,
  { authenticatorUrl }: RunOptions,
  configs: Configs,
): Promise<Known> {
  const stateDir = stateDirectory(io.env)
  const { vars, authenticatorPort } = readStartSettings(io.env, configs.registry.vars)
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
  // The call gets the token that the checks share.
  await examined.api?.status().catch(() => {})
  const findings = checksAtOnce.map((check) => look(check, examined))
  for (const finding of findings) yield await finding
  try {
    for (const check of TRIAL_CHECKS) yield await look(check, examined)
  } finally {
    yield await look(CLEAN_UP, examined)
  }
}

/** Calls `tell` with each finding. Returns the number of checks that failed. */
export async function runDoctor(
  io: Io,
  where: RunOptions,
  tell: (finding: Finding) => Promise<void>,
): Promise<number> {
  let failed = 0
  const run = async (api: ManagementApi | null) => {
    for await (const finding of examine(await readExamined(io, where, api))) {
      if (finding.state === 'FAIL') failed += 1
      await tell(finding)
    }
  }
  await withApi({ ...io, remote: where.isDeployed }, run).catch((fault: unknown) => {
    if (fault instanceof NoCredential && where.mayLackCredential) return run(null)
    throw fault
  })
  return failed
}
