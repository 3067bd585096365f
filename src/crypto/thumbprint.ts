/** The thumbprint of a public key (RFC 7638): base64url SHA-256, 43 characters. */

import { digest } from './digest.ts'

/** §3.2: the required members of each key type, in lexicographic order. */
const MEMBERS: Readonly<Record<string, string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

export const thumbprintOf = (jwk: { kty?: string }) =>
  digest(JSON.stringify(jwk, MEMBERS[jwk.kty ?? ''] ?? []))
