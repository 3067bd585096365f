/** JWK Sets (RFC 7517 §5) of clients, and how they are checked at registration. */

import { isObject } from '../domain/json-object.ts'
import { holdsSecret, SIGNATURE_ALGORITHMS } from './client-jwt.ts'
import { isForVerifying } from './signing-keys.ts'

const MAX_KEYS = 10
const MIN_RSA_BITS = 2048

/** How a key is imported, and the algorithms that it can verify, by type and curve. */
const TYPES: Readonly<Record<string, Readonly<{ algorithms: readonly string[]; import: object }>>> =
  {
    RSA: {
      algorithms: ['RS256', 'PS256'],
      import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    },
    'EC P-256': { algorithms: ['ES256'], import: { name: 'ECDSA', namedCurve: 'P-256' } },
    'OKP Ed25519': { algorithms: ['EdDSA', 'Ed25519'], import: { name: 'Ed25519' } },
  }

/** The result of the check of one key. The reason is the end of a sentence that begins with the key. */
type Judgement =
  | Readonly<{ kind: 'usable' }>
  | Readonly<{ kind: 'ignored' | 'refused'; reason: string }>

const ignored = (reason: string): Judgement => ({ kind: 'ignored', reason })
const refused = (reason: string): Judgement => ({ kind: 'refused', reason })

/**
 * RFC 7517 §5: a key that is not understood SHOULD be ignored. A key for another purpose is ignored too. A key is refused if
 * it claims to verify the client's signatures but cannot, or if it contains its secret.
 */
async function judge(jwk: JsonWebKey): Promise<Judgement> {
  if (jwk.kty === 'oct') return refused('is symmetric: only public keys can be registered')
  if (holdsSecret(jwk)) return refused('holds private members: register the public key alone')
  const name = [jwk.kty, jwk.kty === 'RSA' ? undefined : jwk.crv]
    .filter((one) => typeof one === 'string')
    .join(' ')
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
  if (!type) {
    return ignored(
      `has the type ${JSON.stringify(name)}, which is not one of ${Object.keys(TYPES).join(', ')}`,
    )
  }
  if (!isForVerifying(jwk)) return ignored('is not for signatures (its use or key_ops)')
  if (jwk.alg !== undefined && !SIGNATURE_ALGORITHMS.some((alg) => alg === jwk.alg)) {
    return ignored(`is for an algorithm that is not one of ${SIGNATURE_ALGORITHMS.join(', ')}`)
  }
  if (jwk.alg !== undefined && !type.algorithms.includes(jwk.alg)) {
    return refused(`is for the algorithm ${jwk.alg}, which is for keys of another type`)
  }
  return importing(jwk, type.import)
}

async function importing(jwk: JsonWebKey, algorithm: object): Promise<Judgement> {
  try {
    const { kty, crv, x, y, n, e } = jwk
    const key = await crypto.subtle.importKey(
      'jwk',
      JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })),
      algorithm as SubtleCryptoImportKeyAlgorithm,
      true,
      ['verify'],
    )
    const { modulusLength = MIN_RSA_BITS } = key.algorithm as { modulusLength?: number }
    return modulusLength < MIN_RSA_BITS
      ? refused(`is RSA of fewer than ${MIN_RSA_BITS} bits`)
      : { kind: 'usable' }
  } catch {
    return refused('is not a key: a member is missing or wrong')
  }
}

/** A client's JWK Set, as JSON text, with only the keys that can verify, and a sentence about each ignored key. */
type UsableKeySet = Readonly<{ keySet: string; ignored: readonly string[] }>

/** Returns a string if the text cannot be a client's JWK Set: the end of a sentence that begins with the text. */
export async function readKeySet(text: string): Promise<UsableKeySet | string> {
  let set: { keys?: unknown }
  try {
    set = JSON.parse(text) as { keys?: unknown }
  } catch {
    return 'is not JSON'
  }
  if (!Array.isArray(set?.keys)) return 'is not a JWK Set: an object with an array of keys'
  const usable: JsonWebKey[] = []
  const leftOut: string[] = []
  for (const [index, key] of (set.keys as unknown[]).entries()) {
    const judgement = isObject(key)
      ? await judge(key as unknown as JsonWebKey)
      : refused('is not an object')
    if (judgement.kind === 'usable') usable.push(key as JsonWebKey)
    else {
      const sentence = `key ${index + 1} ${judgement.reason}`
      if (judgement.kind === 'refused') return `cannot be used: ${sentence}`
      leftOut.push(sentence)
    }
    if (usable.length > MAX_KEYS) return `holds more than ${MAX_KEYS} keys`
  }
  if (usable.length === 0) {
    return leftOut.length === 0 ? 'holds no key' : `cannot be used: ${leftOut.join('; ')}`
  }
  return { keySet: JSON.stringify({ ...set, keys: usable }), ignored: leftOut }
}
