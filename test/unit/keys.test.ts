/** Keys, signatures and tokens: cases that no request reaches. */

import { describe, expect, it } from 'vitest'
import { holdsSecret, SIGNATURE_ALGORITHMS } from '../../src/crypto/client-jwt.ts'
import { importSecret, signJwt, verifyJwt } from '../../src/crypto/jws.ts'
import { isWellFormed, mintToken, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'

const ISSUER = 'https://auth.example.org'
const SECRET = 'a secret of at least 32 bytes, for tests'
const now = 1_700_000_000

describe('the verification of a JWT', () => {
  it('verifying a JWT with a key that cannot verify throws, and does not report an invalid JWT', async () => {
    const own = await importSecret(SECRET)
    const jwt = await signJwt({ iss: ISSUER, iat: now, exp: now + 60 }, own)
    expect(await verifyJwt(jwt, [own], { issuer: ISSUER, now })).toMatchObject({ iss: ISSUER })
    const bytes = new TextEncoder().encode(SECRET)
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['sign'])
    await expect(verifyJwt(jwt, [{ ...own, key }], { issuer: ISSUER, now })).rejects.toThrow()
  })
})

describe('tokens', () => {
  const kinds = Object.keys(TOKEN_PREFIXES) as TokenKind[]
  it.each(kinds)(
    'a token minted as %s is well-formed as that kind and as no other kind',
    (kind) => {
      const token = mintToken(kind)
      expect(kinds.filter((one) => isWellFormed(one, token))).toEqual([kind])
    },
  )
})

describe('the signature algorithms of clients', () => {
  it('the signature algorithms that clients may use are asymmetric (RFC 8725 §3.2)', () => {
    for (const alg of SIGNATURE_ALGORITHMS) expect(alg).toMatch(/^(RS|PS|ES)256$|^Ed/)
  })
})

describe('the private members of a key', () => {
  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'])(
    'a key whose only private member is %s is a private key',
    (member) => expect(holdsSecret({ kty: 'any', [member]: '' })).toBe(true),
  )

  it('a key with the public members of every kind of key is a public key', () => {
    const members = { kty: 'EC', crv: 'P-256', x: '', y: '', n: '', e: 'AQAB', kid: '', pub: '' }
    expect(holdsSecret(members)).toBe(false)
  })
})
