/** The secrets of each Worker, which are never in `[vars]`. config.ts includes them in its checks. */

import { isLongEnough, MIN_SECRET_BYTES } from './crypto/jws.ts'
import { proxySecretProblem } from './crypto/proxy-secret.ts'
import { readSigningKeys, type SigningKeys } from './crypto/signing-keys.ts'

/** The secrets are in the order in which `npm run deploy` sets them. */
export const SECRET_NAMES = {
  registry: ['SIGNING_KEYS'],
  management: ['WEBHOOK_SECRET'],
  authenticator: ['JWT_SECRET', 'AUTHENTICATOR_KEYS', 'PROXY_SECRET'],
} as const

type SecretsOf = typeof SECRET_NAMES
export type SecretName = SecretsOf[keyof SecretsOf][number]

export const KEY_SETTINGS = ['SIGNING_KEYS', 'AUTHENTICATOR_KEYS'] as const
export type KeySetting = (typeof KEY_SETTINGS)[number]

export const ALL_SECRET_NAMES: readonly SecretName[] = Object.values(SECRET_NAMES).flat()

type Given = Readonly<Record<string, unknown>>

/** A value that is not text is not a secret. */
const textOf = (secret: unknown) => (typeof secret === 'string' ? secret : '')

const isGiven = (secret: unknown) => secret !== undefined && secret !== ''

/** Throws an Error of one line that names the setting. The messages of `read` must not contain the value. */
export function readNamed<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (problem) {
    throw new Error(`${name}: ${(problem as Error).message}`)
  }
}

/** The message of the error that `read` throws; null if it throws none. */
export function problemIn(read: () => unknown): string | null {
  try {
    read()
    return null
  } catch (problem) {
    return (problem as Error).message
  }
}

/** Null if there are no keys. Throws the same errors as `readNamed`. */
export const readKeys = (name: KeySetting, given: Given): SigningKeys | null =>
  isGiven(given[name]) ? readNamed(name, () => readSigningKeys(textOf(given[name]))) : null

const problemOfKeys = (name: KeySetting) => (given: Given) => problemIn(() => readKeys(name, given))

/** JWT_SECRET must be set if AUTHENTICATOR_KEYS is not. */
function problemOfJwtSecret(given: Given): string | null {
  if (isGiven(given.AUTHENTICATOR_KEYS) && !isGiven(given.JWT_SECRET)) return null
  return isLongEnough(textOf(given.JWT_SECRET))
    ? null
    : `JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`
}

function problemOfProxySecret(given: Given): string | null {
  const problem = proxySecretProblem(textOf(given.PROXY_SECRET), textOf(given.JWT_SECRET))
  return problem && `PROXY_SECRET: ${problem}`
}

const PROBLEMS: Readonly<Record<keyof SecretsOf, readonly ((given: Given) => string | null)[]>> = {
  registry: [problemOfKeys('SIGNING_KEYS')],
  management: [],
  authenticator: [problemOfKeys('AUTHENTICATOR_KEYS'), problemOfJwtSecret, problemOfProxySecret],
}

/** At most one line: a name, then the problem, never the value. */
export const secretProblems = (worker: keyof SecretsOf, given: Given): string[] =>
  PROBLEMS[worker]
    .map((problemOf) => problemOf(given))
    .filter((problem) => problem !== null)
    .slice(0, 1)
