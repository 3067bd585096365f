/** What is examined: where it serves, how it is configured, and how to reach its storage. */

import { proxySecretsIn } from '../../crypto/proxy-secret.ts'
import { withVars } from '../../operate/deploy-problems.ts'
import { readIfPresent } from '../../operate/private-file.ts'
import { AUTHENTICATOR_CONFIG, REGISTRY_CONFIG, stateDirectory } from '../../operate/project.ts'
import { findRunningRegistry } from '../../operate/running-registry.ts'
import { jwtSecretFile, proxySecretFile, readStartSettings } from '../../operate/start-settings.ts'
import type { Storage } from '../../operate/state.ts'
import { readWranglerConfig, type WranglerConfig } from '../../operate/wrangler-config.ts'
import { callApi } from '../cloudflare-api.ts'
import { deployedApi } from '../open-storage.ts'
import type { Io } from '../verb.ts'

/** What can be known of the authenticator's JWT_SECRET: on this machine itself, of the deployed one that it is set. */
export type KnownSecret =
  | Readonly<{ kind: 'local'; secret: string | null }>
  | Readonly<{ kind: 'deployed'; secretNames: () => Promise<readonly string[]> }>

export type Patient = Readonly<{
  isDeployed: boolean
  storage: Storage
  registry: WranglerConfig
  authenticator: WranglerConfig
  issuer: string
  /** Null: not known. */
  authenticatorUrl: string | null
  /** Epoch seconds; null: not known. */
  startedAt: number | null
  jwtSecret: KnownSecret
  /** What the doctor shows the authenticator; null: nothing. */
  proxySecret: string | null
}>

/** What the doctor is told. */
export type Examined = Readonly<{
  isDeployed: boolean
  /** Goes before what is known otherwise. */
  authenticatorUrl: string | null
  /** Epoch seconds, where it has only just been deployed. */
  deployedAt?: number
}>

/** Throws a Refusal for a bad setting. */
export async function meetPatient(
  io: Io,
  { isDeployed, authenticatorUrl, deployedAt }: Examined,
  storage: Storage,
): Promise<Patient> {
  const registry = readWranglerConfig(REGISTRY_CONFIG)
  const authenticator = readWranglerConfig(AUTHENTICATOR_CONFIG)
  const common = { isDeployed, storage, registry, authenticator }
  // While the secret is rotated there are two: the new one is shown.
  const [given] = proxySecretsIn(io.env.PROXY_SECRET ?? '')
  if (isDeployed) {
    const issuer = io.env.ISSUER || registry.vars.ISSUER || ''
    const secretNames = () => namesOfSecrets(io, authenticator.name)
    return {
      ...common,
      issuer,
      authenticatorUrl,
      startedAt: deployedAt ?? null,
      jwtSecret: { kind: 'deployed', secretNames },
      proxySecret: given ?? null,
    }
  }
  const stateDir = stateDirectory(io.env)
  const settings = readStartSettings({ ...io.env, JWT_SECRET: '', PROXY_SECRET: '' }, registry.vars)
  const running = await findRunningRegistry(stateDir)
  const secret = io.env.JWT_SECRET || (await readIfPresent(jwtSecretFile(stateDir)))
  return {
    ...common,
    ...withVars(common, settings.vars),
    issuer: running?.issuer ?? settings.vars.ISSUER ?? '',
    authenticatorUrl:
      authenticatorUrl ??
      running?.authenticatorUrl ??
      `http://127.0.0.1:${settings.authenticatorPort}`,
    startedAt: running?.startedAt ?? null,
    jwtSecret: { kind: 'local', secret },
    proxySecret: given ?? (await readIfPresent(proxySecretFile(stateDir))),
  }
}

async function namesOfSecrets({ env }: Io, script: string): Promise<string[]> {
  const path = `/workers/scripts/${encodeURIComponent(script)}/secrets`
  const { result } = await callApi(deployedApi(env), 'the list of secrets', { method: 'GET', path })
  return (result as { name: string }[]).map(({ name }) => name)
}
