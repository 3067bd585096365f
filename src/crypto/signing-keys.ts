/**
 * The registry's own signing keys: a private JWK Set (RFC 7517 §5). The first key signs; the public parts of all keys are
 * published.
 */

import { isObject } from '../domain/json-object.ts'
import { thumbprintOf } from './digest.ts'

/** The algorithms of the registry's signatures, by key type and curve. Each member of such a key has 32 bytes. */
const TYPES = {
  'EC P-256': {
    alg: 'ES256',
    members: ['x', 'y'],
    key: { name: 'ECDSA', namedCurve: 'P-256' },
    signature: { name: 'ECDSA', hash: 'SHA-256' },
  },
  'OKP Ed25519': {
    alg: 'EdDSA',
    members: ['x'],
    key: { name: 'Ed25519' },
    signature: { name: 'Ed25519' },
  },
} as const

export type KeyType = (typeof TYPES)[keyof typeof TYPES]
export type SigningAlgorithm = KeyType['alg']

export const SIGNING_ALGORITHMS = Object.values(TYPES).map(({ alg }) => alg)

/** The most keys. The number is small, because every service that verifies tokens keeps all keys. */
export const MAX_KEYS = 5
const MEMBER = /^[\w-]{43}$/

/** A key with the members that the text has. `first_at` and `added_at`, in epoch seconds, tell how far a rotation is. */
export type SigningKey = Readonly<{
  kty: string
  crv: string
  x: string
  y?: string
  /** Only the first key needs its private part. */
  d?: string
  added_at?: number
  first_at?: number
}>

/** The keys, at least one. The first key has its private part. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]]

export type PublicKey = Omit<SigningKey, 'd'> &
  Readonly<{ kid: string; use: 'sig'; alg: SigningAlgorithm }>

/** The key set that `/jwks.json` serves. */
export type PublicKeySet = Readonly<{ keys: readonly PublicKey[] }>

/** Null for a key of another type. */
export const typeOf = ({ kty, crv }: Readonly<Record<string, unknown>>): KeyType | null => {
  const name = `${kty} ${crv}`
  return Object.hasOwn(TYPES, name) ? TYPES[name as keyof typeof TYPES] : null
}

/** `key` must have a type that is known. */
export const algorithmOf = (key: SigningKey) => (typeOf(key) as KeyType).alg

export const typeOfImported = ({ algorithm: { name } }: CryptoKey) =>
  Object.values(TYPES).find(({ key }) => key.name === name) as KeyType

const isMember = (value: unknown) => typeof value === 'string' && MEMBER.test(value)

/** What is wrong with the key, as the end of a sentence that begins with the key; null if its form is valid. */
function problemOf(key: Readonly<Record<string, unknown>>, mustSign: boolean): string | null {
  const type = typeOf(key)
  if (!type) return `must be of the type ${Object.keys(TYPES).join(' or ')}`
  if (!type.members.every((name) => isMember(key[name]))) {
    return `must have ${type.members.join(' and ')} of 32 bytes in base64url`
  }
  if (key.d === undefined ? mustSign : !isMember(key.d)) {
    return 'must have its private part d, 32 bytes in base64url'
  }
  const isForSigning =
    (key.use ?? 'sig') === 'sig' &&
    (key.alg ?? type.alg) === type.alg &&
    (!Array.isArray(key.key_ops) || !mustSign || key.key_ops.includes('sign'))
  return isForSigning ? null : `must be for ${type.alg} signatures (its use, alg or key_ops)`
}

const instant = (name: string, value: unknown) =>
  Number.isSafeInteger(value) ? { [name]: value as number } : {}

/** The known members of the key. `kid` is not read, because it is always the thumbprint. */
function keyOf(key: Readonly<Record<string, unknown>>): SigningKey {
  const { kty, crv, x, y, d } = key as SigningKey
  return {
    ...{ kty, crv, x },
    ...(y !== undefined && { y }),
    ...(d !== undefined && { d }),
    ...instant('added_at', key.added_at),
    ...instant('first_at', key.first_at),
  }
}

function parse(text: string): readonly unknown[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new Error('must be JSON: a JWK Set')
  }
  if (!isObject(set) || !Array.isArray(set.keys)) {
    throw new Error('must be a JWK Set: an object with a list of keys')
  }
  if (set.keys.length >= 1 && set.keys.length <= MAX_KEYS) return set.keys
  throw new Error(`must have 1 to ${MAX_KEYS} keys`)
}

/**
 * Throws an Error whose message is the end of a sentence that begins with the name of the setting, and never contains a part
 * of the value. Does not check whether the members of a key fit together: only an import of the key shows this. `mustSign`
 * false: the keys may all be public.
 */
export function readSigningKeys(text: string, mustSign = true): SigningKeys {
  const keys = parse(text).map((key, i) => {
    const problem = isObject(key) ? problemOf(key, mustSign && i === 0) : 'must be an object'
    if (problem !== null) throw new Error(`key ${i + 1} ${problem}`)
    return keyOf(key as Readonly<Record<string, unknown>>)
  })
  keys.forEach(({ x }, i) => {
    const first = keys.findIndex((key) => key.x === x)
    if (first < i) throw new Error(`key ${i + 1} must not be key ${first + 1} once more`)
  })
  return keys as [SigningKey, ...SigningKey[]]
}

/** RFC 7517 §4.2, §4.3: a key for another purpose must not verify. */
export const isForVerifying = ({
  use = 'sig',
  key_ops: operations,
}: Readonly<{ use?: unknown; key_ops?: unknown }>) =>
  use === 'sig' && (!Array.isArray(operations) || operations.includes('verify'))

/** What identifies a key, without its private member. */
export const identityOf = ({ kty, crv, x, y }: SigningKey) => ({
  ...{ kty, crv, x },
  ...(y !== undefined && { y }),
})

async function publicKey(key: SigningKey): Promise<PublicKey> {
  const { added_at, first_at } = key
  return {
    ...identityOf(key),
    ...{ kid: await thumbprintOf(key), use: 'sig', alg: algorithmOf(key) },
    ...(added_at !== undefined && { added_at }),
    ...(first_at !== undefined && { first_at }),
  }
}

export const publicKeys = async (keys: readonly SigningKey[]): Promise<PublicKeySet> => ({
  keys: await Promise.all(keys.map(publicKey)),
})
