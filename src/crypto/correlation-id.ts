/** Correlation ids: short names for refusals, read out by people and typed in by others. Random, not secret. */

/** Crockford's base 32: no I, L, O or U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 10

/** 50 random bits: two refusals of one day do not share one. */
export const newCorrelationId = () =>
  Array.from(
    crypto.getRandomValues(new Uint8Array(LENGTH)),
    (byte) => ALPHABET[byte % ALPHABET.length],
  ).join('')

/** What somebody typed, as it was given: case, hyphens and look-alikes aside. Null if it is no such id. */
export function readCorrelationId(text: string): string | null {
  const id = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  return id.length === LENGTH && [...id].every((digit) => ALPHABET.includes(digit)) ? id : null
}
