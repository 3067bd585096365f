/** The secrets of each worker, which are never in `[vars]`. config.ts makes them part of its checks. */

import { isLongEnough, MIN_SECRET_BYTES } from './crypto/jws.ts'
import { proxySecretProblem } from './crypto/proxy-secret.ts'
import { readSigningKeys, type SigningKeys } from './crypto/signing-keys.ts'

/** In the order in which `npm run deploy` sets them. */
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

/** Null if there are none. Throws an Error of one line that names the setting and never its value. */
export function readKeys(name: KeySetting, given: Given): SigningKeys | null {
  if (!isGiven(given[name])) return null
  try {
    return readSigningKeys(textOf(given[name]))
  } catch (problem) {
    throw new Error(`${name}: ${(problem as Error).message}`)
  }
}

function problemOfKeys(name: KeySetting, given: Given): string[] {
  try {
    readKeys(name, given)
    return []
  } catch (problem) {
    return [(problem as Error).message]
  }
}

/** Without AUTHENTICATOR_KEYS, JWT_SECRET must be set. */
function problemOfJwtSecret(given: Given): string[] {
  if (isGiven(given.AUTHENTICATOR_KEYS) && !isGiven(given.JWT_SECRET)) return []
  return isLongEnough(textOf(given.JWT_SECRET))
    ? []
    : [`JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`]
}

function problemOfProxySecret(given: Given): string[] {
  const problem = proxySecretProblem(textOf(given.PROXY_SECRET), textOf(given.JWT_SECRET))
  return problem === null ? [] : [`PROXY_SECRET: ${problem}`]
}

const PROBLEMS = {
  registry: (given) => problemOfKeys('SIGNING_KEYS', given),
  management: () => [],
  authenticator: (given) =>
    [
      ...problemOfKeys('AUTHENTICATOR_KEYS', given),
      ...problemOfJwtSecret(given),
      ...problemOfProxySecret(given),
    ].slice(0, 1),
} satisfies Record<keyof SecretsOf, (given: Given) => string[]>

/** At most one line: a name, then the problem, never the value. */
export const secretProblems = (worker: keyof SecretsOf, given: Given): string[] =>
  PROBLEMS[worker](given)
