/**
 * Makes and rotates signing keys: a new key is added as the last one, then made the first, and then the old key is retired.
 */

import { thumbprintOf } from './digest.ts'
import { checkSigningKey } from './signed-jwt.ts'
import {
  algorithmOf,
  identityOf,
  publicKeys,
  readSigningKeys,
  type SigningAlgorithm,
  type SigningKey,
  type SigningKeys,
} from './signing-keys.ts'

/** After this time every service that keeps a key set as long as its headers allow has read the new set. */
export const PUBLISHED_AFTER_SECONDS = 900
/** After this time all that a key signed has expired: a token lives an hour at most, and a change takes time to arrive. */
export const EXPIRED_AFTER_SECONDS = 4500

const HOW = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
} as const satisfies Record<SigningAlgorithm, object>

async function generate(alg: SigningAlgorithm): Promise<SigningKey> {
  const made = await crypto.subtle.generateKey(HOW[alg], true, ['sign', 'verify'])
  const pair = made as CryptoKeyPair
  const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey)
  const { d, ...own } = jwk as unknown as SigningKey & { d: string }
  return { ...identityOf(own), d }
}

/** A `kid` that begins with a hyphen is not used, because a command line would take it for an option. */
async function newKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const key = await generate(alg)
  return (await thumbprintOf(key)).startsWith('-') ? newKey(alg) : key
}

/** The value of the setting, on one line. */
export async function formatKeys(keys: SigningKeys): Promise<string> {
  const described = keys.map(async (key) => ({
    ...key,
    ...{ kid: await thumbprintOf(key), use: 'sig', alg: algorithmOf(key) },
  }))
  return JSON.stringify({ keys: await Promise.all(described) })
}

/** The new key signs. `published`: keys whose private parts are lost, and which still verify what they have signed. */
export async function createKeys(
  alg: SigningAlgorithm,
  now: number,
  published: readonly SigningKey[] = [],
): Promise<SigningKeys> {
  const others = published.map(({ d, ...key }) => ({ first_at: now, ...key }))
  return [{ ...(await newKey(alg)), added_at: now, first_at: now }, ...others]
}

/** Adds a new key as the last one: it is published, and signs nothing yet. */
export async function addKey(
  keys: SigningKeys,
  alg: SigningAlgorithm,
  now: number,
): Promise<SigningKeys> {
  return [...keys, { ...(await newKey(alg)), added_at: now }]
}

async function indexOf(keys: SigningKeys, kid: string): Promise<number> {
  const kids = await Promise.all(keys.map(thumbprintOf))
  const index = kids.indexOf(kid)
  if (index === -1) throw new Error(`no key has the kid ${kid}`)
  return index
}

/** The key signs from now on; the key that signed until now becomes the second. */
export async function promoteKey(
  keys: SigningKeys,
  kid: string,
  now: number,
): Promise<SigningKeys> {
  const index = await indexOf(keys, kid)
  if (index === 0) throw new Error(`${kid} is the key that signs already`)
  const [first, ...others] = keys
  const promoted = { ...(keys[index] as SigningKey), first_at: now }
  if (promoted.d === undefined) throw new Error(`${kid} has no private part: it can only verify`)
  const rest = others.filter((_, i) => i + 1 !== index)
  return [promoted, { first_at: now, ...first }, ...rest]
}

export async function retireKey(keys: SigningKeys, kid: string): Promise<SigningKeys> {
  const index = await indexOf(keys, kid)
  if (index === 0) {
    throw new Error(`${kid} is the key that signs: make another key the first before`)
  }
  return keys.filter((_, i) => i !== index) as unknown as SigningKeys
}

/** Throws an Error if any part cannot be used. Its message is the end of a sentence that begins with the setting. */
export async function readUsableKeys(text: string): Promise<SigningKeys> {
  const keys = readSigningKeys(text)
  for (const [i, key] of keys.entries()) {
    if (key.d === undefined) continue
    await checkSigningKey(key).catch(() => {
      throw new Error(
        `key ${i + 1} cannot sign: its public and its private part do not fit together`,
      )
    })
  }
  return keys
}

/** Do the two settings have a key in common? The holder of one could then sign for the other. */
export const shareKey = (one: SigningKeys, other: SigningKeys) =>
  one.some(({ x }) => other.some((key) => key.x === x))

export const isUsable = (text: string) =>
  readUsableKeys(text).then(
    () => true,
    () => false,
  )

/** `from`: the earliest moment at which the step causes no valid token to be refused, in epoch seconds. */
export type NextStep =
  | Readonly<{ step: 'add' }>
  | Readonly<{ step: 'promote' | 'retire'; kid: string; from: number }>
  /** The keys were made elsewhere, so their age is not known. */
  | Readonly<{ step: 'unknown' }>

type Published = Readonly<{ kid: string; added_at?: number; first_at?: number }>

/** Only a key that has signed has `first_at`. */
export function nextStep([first, ...others]: readonly Published[]): NextStep {
  if (first === undefined || others.length === 0) return { step: 'add' }
  if (first.first_at === undefined) return { step: 'unknown' }
  const old = others.find(({ first_at }) => first_at !== undefined)
  if (old) return { step: 'retire', kid: old.kid, from: first.first_at + EXPIRED_AFTER_SECONDS }
  const [added] = others as [Published]
  return added.added_at === undefined
    ? { step: 'unknown' }
    : { step: 'promote', kid: added.kid, from: added.added_at + PUBLISHED_AFTER_SECONDS }
}

export const nextStepOf = async (keys: SigningKeys) => nextStep((await publicKeys(keys)).keys)
