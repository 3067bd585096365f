/** The settings of `npm start` and of the command line: from the environment, then wrangler.toml, then the defaults. */

import { join } from 'node:path'
import { ALL_WORKERS, readSettings, SETTING_NAMES } from '../config.ts'
import { readUsableKeys, shareKey } from '../crypto/key-rotation.ts'
import { randomText } from '../crypto/random.ts'
import type { SigningKeys } from '../crypto/signing-keys.ts'
import {
  ALL_SECRET_NAMES,
  KEY_SETTINGS,
  type KeySetting,
  type SecretName,
  secretProblems,
} from '../secrets.ts'
import { webhookProblems } from '../webhook-settings.ts'
import { CONFIG_PATHS, type Environment, stateDirectory } from './project.ts'
import { Refusal } from './refusal.ts'
import { readWranglerConfig } from './wrangler-config.ts'

/** The file of a secret that was made for this state, so that JWTs and a proxy's configuration stay valid after a restart. */
export const jwtSecretFile = (stateDir: string) => join(stateDir, 'jwt-secret')
export const proxySecretFile = (stateDir: string) => join(stateDir, 'proxy-secret')
export const signingKeysFile = (stateDir: string) => join(stateDir, 'signing-keys.json')

/** An empty value counts as not set. */
const givenIn = (env: Environment) =>
  Object.fromEntries(SETTING_NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))

/** The given settings as vars of a Worker. Throws an Error that names the setting if one is wrong. */
export function readRegistryVars(env: Environment): Readonly<Record<string, string>> {
  const vars = { ...readWranglerConfig(CONFIG_PATHS.registry).vars, ...givenIn(env) }
  readSettings(vars)
  return vars
}

export function readPort(env: Environment, name: string, fallback: number): number {
  const text = env[name] || String(fallback)
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new Refusal(`${name}: must be a port from 1 to 65535`)
  }
  return port
}

/** True unless it is 0. */
function readFlag(value: string | undefined, name: string): boolean {
  if (!['', '0', '1'].includes(value ?? '')) throw new Refusal(`${name}: must be 0 or 1`)
  return value !== '0'
}

/** A secret is empty if it is not given. `npm start` then makes what a Worker needs, and stores it in the state. */
export type GivenSecrets = Readonly<Record<SecretName, string>>

/** `configured` are the vars of wrangler.toml. Throws a Refusal, or the same errors as `readRegistryVars`. */
export function readStartSettings(env: Environment, configured: Readonly<Record<string, string>>) {
  const port = readPort(env, 'PORT', 8787)
  const authenticatorPort = readPort(env, 'AUTHENTICATOR_PORT', 8788)
  if (port === authenticatorPort) throw new Refusal('AUTHENTICATOR_PORT: must differ from PORT')

  const vars = { ...configured, ISSUER: `http://127.0.0.1:${port}`, ...givenIn(env) }
  readSettings(vars)

  const secrets = ALL_SECRET_NAMES.map((name) => [name, env[name] ?? ''] as const)
  return {
    port,
    authenticatorPort,
    stateDir: stateDirectory(env),
    /** True if a demo client and a demo user are put into an empty database. */
    demo: readFlag(env.DEMO, 'DEMO'),
    /** The secrets are not checked here. */
    secrets: Object.fromEntries(secrets) as GivenSecrets,
    /** The vars for all Workers: the settings that the environment gives, and ISSUER. */
    vars: vars as Readonly<Record<string, string>>,
  }
}

export type StartSettings = Readonly<ReturnType<typeof readStartSettings>>

/** Throws a Refusal that names the setting, without its value. */
async function usableKeys(name: KeySetting, text: string): Promise<SigningKeys> {
  return readUsableKeys(text).catch((problem: Error) => {
    throw new Refusal(`${name}: ${problem.message}`)
  })
}

/**
 * Throws a Refusal if a Worker would not start with its secret. Also throws a Refusal, which no Worker would do, for keys
 * that cannot sign or that belong to both Workers: their tokens would be refused or could be forged. `vars`: the settings
 * with which the secrets are to be served.
 */
export async function checkSecrets(secrets: GivenSecrets, vars: Environment = {}) {
  // If JWT_SECRET is not given, it is made later.
  const given = { ...vars, ...secrets, JWT_SECRET: secrets.JWT_SECRET || randomText() }
  const [problem] = [
    ...ALL_WORKERS.flatMap((worker) => secretProblems(worker, given)),
    ...webhookProblems(given),
  ]
  if (problem !== undefined) throw new Refusal(problem)
  const [signing, own] = await Promise.all(
    KEY_SETTINGS.map(async (name) => (secrets[name] ? usableKeys(name, secrets[name]) : null)),
  )
  if (signing && own && shareKey(signing, own)) {
    throw new Refusal('AUTHENTICATOR_KEYS: must not have a key of SIGNING_KEYS')
  }
}
