/** JWTs that the registry's own asymmetric keys sign and verify. */

import { decode, encode } from 'jose/base64url'
import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { isObject } from '../domain/json-object.ts'
import type { Claims } from './client-jwt.ts'
import { thumbprintOf } from './digest.ts'
import {
  identityOf,
  isForVerifying,
  type KeyType,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
  type SigningKeys,
  typeOf,
  typeOfImported,
} from './signing-keys.ts'

/** A key that is ready to sign. It is imported once for each isolate, because importing takes as long as signing. */
type Signer = Readonly<{
  alg: SigningAlgorithm
  kid: string
  signature: KeyType['signature']
  key: CryptoKey
  /** The encoded headers by their `typ`. */
  headers: Map<string, string>
}>
const signers = new WeakMap<SigningKeys, Signer>()

const encoder = new TextEncoder()

const importKey = (jwk: object, { key }: KeyType, operation: 'sign' | 'verify') =>
  crypto.subtle.importKey(
    'jwk',
    jwk as JsonWebKey,
    key as SubtleCryptoImportKeyAlgorithm,
    operation === 'verify',
    [operation],
  )

/** Throws if the members of the key do not fit together, because its signatures would not verify. */
async function signerOf(signing: SigningKey): Promise<Signer> {
  const type = typeOf(signing) as KeyType
  const { alg, signature } = type
  const own = identityOf(signing)
  try {
    const [key, verifying] = await Promise.all([
      importKey({ ...own, d: signing.d }, type, 'sign'),
      importKey(own, type, 'verify'),
    ])
    const trial = encoder.encode(alg)
    const signed = await crypto.subtle.sign(signature, key, trial)
    if (await crypto.subtle.verify(signature, verifying, signed, trial)) {
      return { alg, kid: await thumbprintOf(own), signature, key, headers: new Map() }
    }
  } catch {
    // The platform's message is not passed on, because it could contain a member of the key.
  }
  throw new Error('the first key cannot sign: its public and its private part do not fit together')
}

/** Throws an Error with the reason if the key cannot sign. */
export async function checkSigningKey(key: SigningKey): Promise<void> {
  await signerOf(key)
}

async function importedSigner(keys: SigningKeys): Promise<Signer> {
  const signer = await signerOf(keys[0])
  signers.set(keys, signer)
  return signer
}

function headerOf({ alg, kid, headers }: Signer, typ: string): string {
  const known = headers.get(typ)
  if (known !== undefined) return known
  const header = encode(JSON.stringify({ alg, typ, kid }))
  headers.set(typ, header)
  return header
}

/** Signs the claims unchanged: the caller sets `iss`, `iat` and `exp`. `typ` is one of the registry's (RFC 8725 §3.11). */
export async function signWith(keys: SigningKeys, typ: string, claims: object): Promise<string> {
  const signer = signers.get(keys) ?? (await importedSigner(keys))
  const signed = `${headerOf(signer, typ)}.${encode(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign(signer.signature, signer.key, encoder.encode(signed))
  return `${signed}.${encode(new Uint8Array(signature))}`
}

export type VerificationKeys = Readonly<{
  /** The key of a `kid`; null if there is none. Throws if the key cannot be known now. `nowMs` in epoch milliseconds. */
  find(kid: string, nowMs: number): Promise<CryptoKey | null>
}>

/** The keys of a public JWK Set by their `kid`, without keys that are not understood (RFC 7517 §5). */
export async function importPublicKeys(keys: readonly unknown[]): Promise<Map<string, CryptoKey>> {
  const imported = keys.map(async (jwk) => {
    if (!isObject(jwk) || !isForVerifying(jwk)) return null
    const type = typeOf(jwk)
    if (!type) return null
    const own = identityOf(jwk as SigningKey)
    const key = await importKey(own, type, 'verify').catch(() => null)
    return key && ([await thumbprintOf(own), key] as const)
  })
  return new Map((await Promise.all(imported)).filter((found) => found !== null))
}

const imported = new WeakMap<SigningKeys, ReadonlyMap<string, CryptoKey>>()

/** The keys for the holder of the private keys. They are imported once for each isolate. */
export const ownVerificationKeys = (keys: SigningKeys): VerificationKeys => ({
  async find(kid) {
    const known = imported.get(keys) ?? (await importPublicKeys(keys))
    imported.set(keys, known)
    return known.get(kid) ?? null
  },
})

/** The signature of each of the registry's algorithms has 64 bytes, so four bits of its last character are zero. */
const FORM = /^([\w-]+)\.([\w-]+)\.[\w-]{85}[AQgw]$/

/** RFC 7515 §4, RFC 7519 §4: no member may occur twice. The registry writes JSON in one way, so other text is refused. */
function isWrittenByUs(part: string): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(decode(part))
    return JSON.stringify(JSON.parse(text)) === text
  } catch {
    return false
  }
}

type Expected = Readonly<{ typ: string; issuer: string; nowMs: number }>

/**
 * Returns the claims of one of the registry's JWTs: it must have this `typ` and issuer, be valid at `nowMs` (epoch
 * milliseconds), and be verified by the key of its `kid`. Otherwise returns a string with the reason. `exp` is required. The
 * algorithm is that of the key and never chosen by the token (RFC 8725 §3.1); keys in the header are not used (§3.10). Faults
 * of `keys` are thrown.
 */
export async function verifyWith(
  keys: VerificationKeys,
  jwt: string,
  { typ, issuer, nowMs }: Expected,
): Promise<Claims | string> {
  const [, ...parts] = FORM.exec(jwt) ?? []
  if (parts.length === 0 || !parts.every(isWrittenByUs))
    return 'it is not encoded as the registry encodes'
  const keyFor = async ({ kid, alg }: { kid?: string; alg?: string }) => {
    const key = typeof kid === 'string' ? await keys.find(kid, nowMs) : null
    if (key === null || typeOfImported(key).alg !== alg) throw new JWKSNoMatchingKey()
    return key
  }
  try {
    const { payload } = await jwtVerify(jwt, keyFor, {
      algorithms: [...SIGNING_ALGORITHMS],
      typ,
      issuer,
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    })
    return payload
  } catch (failure) {
    if (failure instanceof JOSEError) return failure.message
    throw failure
  }
}
