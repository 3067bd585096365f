/** Secrets derived from a secret: HKDF with SHA-256 (RFC 5869). */

import { encode } from 'jose/base64url'

const BYTES = 32
const encoder = new TextEncoder()

/**
 * `count` texts as `randomText` makes them: 43 characters of base64url each. The same secret, salt and purpose give the
 * same texts. The salt is not secret: without `secret` it says nothing about them.
 */
export async function deriveTexts(
  secret: string,
  salt: string,
  purpose: string,
  count: number,
): Promise<string[]> {
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ])
  const how = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: encoder.encode(salt),
    info: encoder.encode(purpose),
  }
  const bits = await crypto.subtle.deriveBits(how, key, count * BYTES * 8)
  return Array.from({ length: count }, (_, i) => encode(new Uint8Array(bits, i * BYTES, BYTES)))
}
