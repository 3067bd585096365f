/** Correlation ids: short ids of refusals that people read out and type. Random, not secret. */

/** Crockford's base 32: no I, L, O or U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 10

/** 50 random bits: two refusals of one day do not share an id. */
export const newCorrelationId = () =>
  Array.from(
    crypto.getRandomValues(new Uint8Array(LENGTH)),
    (byte) => ALPHABET[byte % ALPHABET.length],
  ).join('')

/** The id that a person typed, in any case, with hyphens and look-alikes. Null if the text is not an id. */
export function readCorrelationId(text: string): string | null {
  const id = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  return id.length === LENGTH && [...id].every((digit) => ALPHABET.includes(digit)) ? id : null
}
