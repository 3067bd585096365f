/**
 * Opaque credentials: a prefix, 256 random bits in base64url and a checksum. So a secret scanner recognizes a credential, and
 * a malformed one is refused without a read of storage.
 */

import { randomText } from './random.ts'

export const TOKEN_PREFIXES = {
  accessToken: 'reg_',
  authorizationCode: 'regc_',
  refreshToken: 'regr_',
  clientSecret: 'regs_',
  browserSession: 'regb_',
  invitation: 'regi_',
  registration: 'regm_',
} as const
export type TokenKind = keyof typeof TOKEN_PREFIXES

const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** CRC-32 (ISO 3309, as in zlib) of each half byte. `node:zlib` or a table of whole bytes would slow each isolate's start. */
const CRC = Uint32Array.from({ length: 16 }, (_, half) => {
  let rest = half
  for (let bit = 0; bit < 4; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest
})

const afterHalf = (rest: number) => (rest >>> 4) ^ (CRC[rest & 0xf] as number)

/** Works for ASCII text; other text has no valid checksum. */
function crc32(text: string): number {
  let rest = 0xffffffff
  for (let i = 0; i < text.length; i++) rest = afterHalf(afterHalf(rest ^ text.charCodeAt(i)))
  return (rest ^ 0xffffffff) >>> 0
}

/** CRC-32 in base 62, six digits, as in GitHub's tokens, which secret scanners support. */
function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET[rest % ALPHABET.length] + digits
    rest = Math.floor(rest / ALPHABET.length)
  }
  return digits
}

/** `secret`: 43 characters of base64url, 256 bits that cannot be guessed. */
export function tokenOf(kind: TokenKind, secret: string): string {
  const unchecked = TOKEN_PREFIXES[kind] + secret
  return unchecked + checksum(unchecked)
}

export const mintToken = (kind: TokenKind) => tokenOf(kind, randomText())

export const hasTokenPrefix = (token: string) =>
  Object.values(TOKEN_PREFIXES).some((prefix) => token.startsWith(prefix))

export function isWellFormed(kind: TokenKind, token: string): boolean {
  const prefix = TOKEN_PREFIXES[kind]
  if (token.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH) return false
  if (!token.startsWith(prefix)) return false
  return checksum(token.slice(0, -CHECKSUM_LENGTH)) === token.slice(-CHECKSUM_LENGTH)
}

/** The length of the longest token: most servers accept no longer header. */
export const MAX_SIGNED_TOKEN_LENGTH = 8192
/** The token has three parts in base64url: the first is a JSON object, and the last is a signature of 64 bytes. */
const SIGNED_TOKEN = /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}$/

export const mayBeSigned = (token: string) =>
  token.length <= MAX_SIGNED_TOKEN_LENGTH && SIGNED_TOKEN.test(token)

/** An accounts service may use a form of its own in the cookie, but no token with a prefix of the registry. */
export const mayBeBrowserSession = (token: string) =>
  !hasTokenPrefix(token) || isWellFormed('browserSession', token)
