/** Passwords are hashed with scrypt (RFC 7914), and the stored string contains the parameters. */

import type { BinaryLike, ScryptOptions } from 'node:crypto'

/** The parameters take 32 MiB and about a quarter of a second. OWASP's N=2^17 does not fit into a Worker's 128 MiB. */
const PARAMETERS = { N: 2 ** 15, r: 8, p: 3 }
const KEY_BYTES = 32
const MAX_MEMORY_BYTES = 64 * 1024 * 1024
const FORM = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/

/** A dummy hash: an unknown user's password is compared with it, so that the response takes as long as for a known user. */
export const NO_ONES_HASH = `scrypt$${PARAMETERS.N}$${PARAMETERS.r}$${PARAMETERS.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** The module is loaded with the first password and not with the isolate, because few requests need it. */
const nodeCrypto = () => import('node:crypto')

async function derive(password: BinaryLike, salt: Buffer, options: ScryptOptions) {
  const { scrypt } = await nodeCrypto()
  return new Promise<Buffer>((resolve, reject) =>
    scrypt(password, salt, KEY_BYTES, { ...options, maxmem: MAX_MEMORY_BYTES }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )
}

/** Returns `scrypt$N$r$p$salt$key`, where salt and key are base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = (await nodeCrypto()).randomBytes(16)
  const key = await derive(password.normalize('NFKC'), salt, PARAMETERS)
  const { N, r, p } = PARAMETERS
  return ['scrypt', N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/**
 * False for a wrong password and for a malformed stored string. Refuses a password with a NUL: HMAC pads with NULs
 * (RFC 2104 §2), so NULs at the end would not change the key.
 */
export async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const [, N, r, p, salt, key] = FORM.exec(stored) ?? []
  if (!salt || !key || password.includes('\0')) return false
  const expected = Buffer.from(key, 'base64url')
  const options = { N: Number(N), r: Number(r), p: Number(p) }
  const derived = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64url'), options)
  const { timingSafeEqual } = await nodeCrypto()
  return expected.length === derived.length && timingSafeEqual(expected, derived)
}
