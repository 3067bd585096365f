/** JWK Sets (RFC 7517 §5) of clients: judged when they are registered, and verified against when they are used. */

import { JWKSMultipleMatchingKeys } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import { holdsSecret, SIGNATURE_ALGORITHMS } from './signature-algorithms.ts'

export type Claims = Readonly<Record<string, unknown>>

const MAX_KEYS = 10
const MIN_RSA_BITS = 2048

/** How to import a key, by its type and curve, and the algorithms that it can verify. */
const TYPES: Readonly<Record<string, Readonly<{ algorithms: readonly string[]; import: object }>>> =
  {
    RSA: {
      algorithms: ['RS256', 'PS256'],
      import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    },
    'EC P-256': { algorithms: ['ES256'], import: { name: 'ECDSA', namedCurve: 'P-256' } },
    'OKP Ed25519': { algorithms: ['EdDSA', 'Ed25519'], import: { name: 'Ed25519' } },
  }

/** What becomes of a key at registration. The reason is the rest of a sentence about it. */
type Judgement =
  | Readonly<{ kind: 'usable' }>
  | Readonly<{ kind: 'ignored' | 'refused'; reason: string }>

const ignored = (reason: string): Judgement => ({ kind: 'ignored', reason })
const refused = (reason: string): Judgement => ({ kind: 'refused', reason })

/** RFC 7517 §4.3: a key for other operations alone verifies nothing. */
const isForVerifying = ({ use, key_ops: operations }: JsonWebKey) =>
  (use === undefined || use === 'sig') &&
  (!Array.isArray(operations) || operations.includes('verify'))

/**
 * RFC 7517 §5: a key that is not understood SHOULD be ignored; so is one that is for something else. Refused is a key
 * that says it is for our signatures and can never verify one, and a key that gives its secret away.
 */
async function judge(jwk: JsonWebKey): Promise<Judgement> {
  if (jwk.kty === 'oct') return refused('is symmetric: only public keys can be registered')
  if (holdsSecret(jwk)) return refused('holds private members: register the public key alone')
  const name = [jwk.kty, jwk.kty === 'RSA' ? undefined : jwk.crv].filter(Boolean).join(' ')
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
  if (!type) {
    return ignored(
      `has the type ${JSON.stringify(name)}: it is one of ${Object.keys(TYPES).join(', ')}`,
    )
  }
  if (!isForVerifying(jwk)) return ignored('is not for signatures (its use or key_ops)')
  if (jwk.alg !== undefined && !SIGNATURE_ALGORITHMS.some((alg) => alg === jwk.alg)) {
    return ignored(`is for an algorithm that is none of ${SIGNATURE_ALGORITHMS.join(', ')}`)
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

/** A client's JWK Set with the keys that can verify, as JSON text, and a sentence on each key that was left out. */
export type UsableKeySet = Readonly<{ keySet: string; ignored: readonly string[] }>

const isObject = (value: unknown): value is JsonWebKey =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A string is why this cannot be a client's JWK Set: the rest of a sentence about it. */
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
    const judgement = isObject(key) ? await judge(key) : refused('is not an object')
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

/** What is no JSON object cannot even be asked for its type: jose would refuse the whole set for it. */
const keysIn = (keySet: string) => {
  const { keys } = JSON.parse(keySet) as { keys: unknown[] }
  return { keys: keys.filter(isObject) } as Parameters<typeof createLocalJWKSet>[0]
}

/** The claims as they stand, nothing verified; null when it is no JWT. */
export function unverifiedClaims(jwt: string): Claims | null {
  try {
    return decodeJwt(jwt)
  } catch {
    return null
  }
}

/**
 * The claims of a JWT signed with a key of this set: chosen by `kid` where the header has one, else any that fits
 * the algorithm. Keys that the header itself brings or points to (`jwk`, `jku`, `x5u`) are passed over (RFC 8725
 * §3.10), and an extension that it calls critical is not known (RFC 7515 §4.1.11). A string says why not.
 */
export async function verifyByKeySet(
  jwt: string,
  keySet: string,
  time: Readonly<{ now: number; skewSeconds: number }>,
): Promise<Claims | string> {
  const options = {
    algorithms: [...SIGNATURE_ALGORITHMS],
    currentDate: new Date(time.now * 1000),
    clockTolerance: time.skewSeconds,
  }
  try {
    const keys = createLocalJWKSet(keysIn(keySet))
    try {
      return (await jwtVerify(jwt, keys, options)).payload
    } catch (failure) {
      if (!(failure instanceof JWKSMultipleMatchingKeys)) throw failure
      for await (const key of failure) {
        const verified = await jwtVerify(jwt, key, options).catch(() => null)
        if (verified) return verified.payload
      }
      return 'no key of the set verifies the signature'
    }
  } catch (failure) {
    // Nothing was asked of anybody else here: whatever fails, fails because of what the caller sent.
    return (failure as Error).message
  }
}
