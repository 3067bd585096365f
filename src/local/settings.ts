/** The settings of `npm start` and of the command line: from the environment, then wrangler.toml, then the defaults. */

import { join } from 'node:path'
import { readSettings, SETTING_NAMES } from '../config.ts'
import { isLongEnough, MIN_SECRET_BYTES } from '../crypto/jws.ts'
import { readUsableKeys, shareKey } from '../crypto/key-rotation.ts'
import { proxySecretProblem } from '../crypto/proxy-secret.ts'
import type { SigningKeys } from '../crypto/signing-keys.ts'
import { KEY_SETTINGS, type KeySetting, readKeys } from '../secrets.ts'
import { type Environment, REGISTRY_CONFIG, stateDirectory } from './project.ts'
import { Refusal } from './refusal.ts'
import { readWranglerConfig } from './wrangler-config.ts'

/** Secrets made for this state, so that JWTs and a proxy's configuration stay good after a restart. */
export const jwtSecretFile = (stateDir: string) => join(stateDir, 'jwt-secret')
export const proxySecretFile = (stateDir: string) => join(stateDir, 'proxy-secret')
export const signingKeysFile = (stateDir: string) => join(stateDir, 'signing-keys.json')

/** An empty value counts as not set. */
const givenIn = (env: Environment) =>
  Object.fromEntries(SETTING_NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))

/** The settings that are given, as vars of a worker. Throws, naming the setting, when one is bad. */
export function readRegistryVars(env: Environment): Readonly<Record<string, string>> {
  const vars = { ...readWranglerConfig(REGISTRY_CONFIG).vars, ...givenIn(env) }
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

/** `configured` are the vars of wrangler.toml. Throws a Refusal, or as `readRegistryVars`. */
export function readStartSettings(env: Environment, configured: Readonly<Record<string, string>>) {
  const port = readPort(env, 'PORT', 8787)
  const authenticatorPort = readPort(env, 'AUTHENTICATOR_PORT', 8788)
  if (port === authenticatorPort) throw new Refusal('AUTHENTICATOR_PORT: must differ from PORT')

  const vars = { ...configured, ISSUER: `http://127.0.0.1:${port}`, ...givenIn(env) }
  readSettings(vars)

  const jwtSecret = env.JWT_SECRET || null
  if (jwtSecret && !isLongEnough(jwtSecret)) {
    throw new Refusal(`JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`)
  }
  for (const name of KEY_SETTINGS) readKeys(name, env)
  const proxySecret = env.PROXY_SECRET || null
  const problem = proxySecretProblem(proxySecret ?? '', jwtSecret ?? '')
  if (problem) throw new Refusal(`PROXY_SECRET: ${problem}`)
  return {
    port,
    authenticatorPort,
    stateDir: stateDirectory(env),
    /** Seed a demo client and a demo user into an empty database? */
    demo: readFlag(env.DEMO, 'DEMO'),
    /** Null: `npm start` makes one and keeps it in the state. */
    jwtSecret,
    proxySecret,
    /** The same. */
    signingKeys: env.SIGNING_KEYS || null,
    /** Null: there is none. */
    webhookSecret: env.WEBHOOK_SECRET || null,
    /** Null: JWT_SECRET signs. */
    authenticatorKeys: env.AUTHENTICATOR_KEYS || null,
    /** For both workers: the settings that the environment gives, and ISSUER. */
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
 * What the workers cannot see when they start: whether keys that are given can sign, and belong to one worker alone. Throws a
 * Refusal for keys with which tokens would be refused or forged. What is not given is empty.
 */
export async function checkKeySettings(given: Readonly<Record<KeySetting, string>>) {
  const [signing, own] = await Promise.all(
    KEY_SETTINGS.map(async (name) => (given[name] ? usableKeys(name, given[name]) : null)),
  )
  if (signing && own && shareKey(signing, own)) {
    throw new Refusal('AUTHENTICATOR_KEYS: must not have a key of SIGNING_KEYS')
  }
}
