/** Random texts and ids, and texts derived from a secret by HKDF with SHA-256 (RFC 5869). */

import { encode } from 'jose/base64url'

const BYTES = 32
const encoder = new TextEncoder()

/** 256 random bits as 43 characters of base64url. */
export const randomText = () => encode(crypto.getRandomValues(new Uint8Array(BYTES)))

/** A public identifier, which is unique and not secret. */
export const randomId = () => crypto.randomUUID()

/**
 * Derives `count` texts in the form of `randomText`: 43 characters of base64url each. The same secret, salt and purpose give
 * the same texts. The salt is not secret: without `secret` it does not reveal the texts.
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

/** Crockford's base 32: no I, L, O or U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 10

/** People read the id out and type it. It has 50 random bits, so that two refusals of one day do not get the same id. */
export const newCorrelationId = () =>
  Array.from(
    crypto.getRandomValues(new Uint8Array(LENGTH)),
    (byte) => ALPHABET[byte % ALPHABET.length],
  ).join('')

/** Reads the id that a person typed, in any case, with hyphens and look-alikes. Null if the text is not an id. */
export function readCorrelationId(text: string): string | null {
  const id = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  return id.length === LENGTH && [...id].every((digit) => ALPHABET.includes(digit)) ? id : null
}
