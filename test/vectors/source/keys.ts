/** The keys of the vectors, and functions that sign with them. The keys are public, so they must never sign anything else. */

import { decode, encode } from 'jose/base64url'
import keys from '../keys.json' with { type: 'json' }

type PrivateKey = Readonly<{ kty: string; crv?: string; kid: string; alg: string }>
export type KeyName = keyof typeof keys

export const keyNamed = (name: KeyName): PrivateKey => keys[name]

const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi']

export function publicPart(name: KeyName) {
  const members = Object.entries(keys[name]).filter(([member]) => !SECRET_MEMBERS.includes(member))
  return Object.fromEntries(members) as unknown as JsonWebKey & { kid: string; alg: string }
}

/** The public members that identify a key, as in a DPoP proof. */
export function bare(name: KeyName) {
  const { kid, alg, use, ...members } = publicPart(name)
  return members
}

export const thumbprintOf = (name: KeyName) => keys[name].kid

/** The key set at `/jwks.json` of the registry of the vectors. The last key is only for encryption. */
export const KEY_SET = {
  keys: [
    { ...publicPart('registry'), use: 'sig' },
    { ...publicPart('registryEd25519'), use: 'sig' },
    { ...publicPart('encryption'), use: 'enc' },
  ],
}

const text = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** The signatures by their input. ECDSA makes a new signature each time, and the files should not change without need. */
const written = new Map<string, string[]>()

export function reuseSignatures(file: string): void {
  for (const [, input = '', signature = ''] of file.matchAll(
    /(?<![\w.-])([\w-]+\.[\w-]+)\.([\w-]+)(?![\w.-])/g,
  )) {
    // Prefers the signature in the file to one that this process has made before.
    written.set(input, [signature, ...(written.get(input) ?? [])])
  }
}

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
const ALGORITHMS = {
  EC: {
    importAs: { name: 'ECDSA', namedCurve: 'P-256' },
    signWith: { name: 'ECDSA', hash: 'SHA-256' },
  },
  OKP: { importAs: { name: 'Ed25519' }, signWith: { name: 'Ed25519' } },
  RSA: { importAs: RSA, signWith: RSA },
}

/** A compact JWS. `payload` may be any text. */
export async function signed(name: KeyName, header: object, payload: unknown): Promise<string> {
  const input = `${encode(text(header))}.${encode(text(payload))}`
  const { importAs, signWith } = ALGORITHMS[keys[name].kty as keyof typeof ALGORITHMS]
  const { subtle } = crypto
  const verifying = await subtle.importKey('jwk', bare(name), importAs, false, ['verify'])
  for (const signature of written.get(input) ?? []) {
    const isGood = await subtle.verify(signWith, verifying, decode(signature), text(input))
    if (isGood) return `${input}.${signature}`
  }
  const { alg, ...jwk } = keys[name]
  const signing = await subtle.importKey('jwk', jwk, importAs, false, ['sign'])
  const made = encode(new Uint8Array(await subtle.sign(signWith, signing, text(input))))
  written.set(input, [...(written.get(input) ?? []), made])
  return `${input}.${made}`
}

/** The token with this signature in place of its own. */
export const withSignature = (jws: string, signature: string) =>
  `${jws.slice(0, jws.lastIndexOf('.'))}.${signature}`

/** A JWS under a shared secret, which an attacker would take from a public key. */
export async function signedWithSecret(secret: string, header: object, payload: object) {
  const input = `${encode(text(header))}.${encode(text(payload))}`
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', text(secret), hmac, false, ['sign'])
  return `${input}.${encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, text(input))))}`
}
