/**
 * Opaque credentials: a prefix, 256 random bits in base64url and a checksum of what precedes it, so that
 * a secret scanner can know one and junk is refused before storage is asked.
 */

import { crc32 } from 'node:zlib'
import { randomText } from './random.ts'

export const TOKEN_PREFIXES = {
  accessToken: 'reg_',
  authorizationCode: 'regc_',
  refreshToken: 'regr_',
  clientSecret: 'regs_',
  browserSession: 'regb_',
} as const
export type TokenKind = keyof typeof TOKEN_PREFIXES

const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** CRC-32 in base 62, six digits: the scheme that secret scanners already know from GitHub's tokens. */
function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET[rest % ALPHABET.length] + digits
    rest = Math.floor(rest / ALPHABET.length)
  }
  return digits
}

export function mintToken(kind: TokenKind): string {
  const unchecked = TOKEN_PREFIXES[kind] + randomText()
  return unchecked + checksum(unchecked)
}

/** Could this have been minted by us, as this kind? Says nothing about whether it was. */
export function isWellFormed(kind: TokenKind, token: string): boolean {
  const prefix = TOKEN_PREFIXES[kind]
  if (token.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH) return false
  if (!token.startsWith(prefix)) return false
  return checksum(token.slice(0, -CHECKSUM_LENGTH)) === token.slice(-CHECKSUM_LENGTH)
}
