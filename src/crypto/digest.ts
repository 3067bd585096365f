/** SHA-256, the only form in which a secret is stored, thumbprints of keys, and comparison in constant time. */

import { encode } from 'jose/base64url'
import type { SecretDigest, SessionKey, TokenDigest } from '../domain/ids.ts'

const encoder = new TextEncoder()

const sha256 = (text: string) => crypto.subtle.digest('SHA-256', encoder.encode(text))

/** The digest of public content: base64url, 43 characters without padding. */
export const contentDigest = async (bytes: Uint8Array<ArrayBuffer>) =>
  encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))

/** The digest of a secret: base64url, 43 characters without padding. */
export const digest = async (secret: string) => encode(new Uint8Array(await sha256(secret)))

export const sessionKeyOf = (token: string) => digest(token) as Promise<SessionKey>
const SIGNED_KEY_BYTES = 16
/** The key of a signed access token. The key is short, because every check reads the list of revoked keys. */
export const signedTokenKeyOf = async (jti: string) =>
  encode(new Uint8Array(await sha256(jti), 0, SIGNED_KEY_BYTES)) as SessionKey
export const tokenDigestOf = (token: string) => digest(token) as Promise<TokenDigest>

/** Workers have `toHex`; Node.js 24 does not. */
const hexOf = (bytes: Uint8Array) =>
  bytes.toHex?.() ?? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Lower-case hex: the form in which client secrets are stored, as in the original registry. */
export const hexDigest = async (secret: string) =>
  hexOf(new Uint8Array(await sha256(secret))) as SecretDigest

/** The id has the form of `randomId`, is the same for the same text (RFC 9562 §5.8), and does not reveal the text. */
export async function idFrom(secret: string): Promise<string> {
  const hex = await hexDigest(secret)
  const [version, variant] = [`8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`]
  return [hex.slice(0, 8), hex.slice(8, 12), version, variant, hex.slice(20, 32)].join('-')
}

/** Compares two strings whose length is not secret. The time does not depend on where the strings differ. */
export function equalInConstantTime(left: string, right: string): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= left.charCodeAt(i) ^ right.charCodeAt(i)
  return difference === 0
}

/** RFC 7638 §3.2: the required members of each key type, in lexicographic order. */
const MEMBERS: Readonly<Record<string, string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** The thumbprint of a public key (RFC 7638): base64url SHA-256, 43 characters. */
export const thumbprintOf = (jwk: { kty?: string }) =>
  digest(JSON.stringify(jwk, MEMBERS[jwk.kty ?? ''] ?? []))
