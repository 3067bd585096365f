/** SIGNING_KEYS and AUTHENTICATOR_KEYS: their form, the published part, signing and verifying. */

import { calculateJwkThumbprint, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { startProblems } from '../../src/config.ts'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import {
  importPublicKeys,
  ownVerificationKeys,
  signWith,
  verifyWith,
} from '../../src/crypto/signed-jwt.ts'
import { publicKeys, readSigningKeys, SIGNING_ALGORITHMS } from '../../src/crypto/signing-keys.ts'

const NOW = 1_800_000_000
const nowMs = NOW * 1000
const issuer = 'https://auth.example.org'
const typ = 'at+jwt'

async function jwkOf(alg: string, options: object = {}) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, ...options })
  return exportJWK(privateKey)
}
const EC = await jwkOf('ES256')
const OTHER_EC = await jwkOf('ES256')
const OKP = await jwkOf('EdDSA')
const textOf = (...keys: unknown[]) => JSON.stringify({ keys })
const RSA = await jwkOf('RS256')
const P384 = await jwkOf('ES384')
const { d: _, ...EC_PUBLIC } = EC

const claims = { iss: issuer, exp: NOW + 60, sub: 'somebody' }

describe('the form of a key set', () => {
  it.each([
    ['', 'must be JSON: a JWK Set'],
    ['{', 'must be JSON: a JWK Set'],
    ['null', 'must be a JWK Set: an object with a list of keys'],
    ['[]', 'must be a JWK Set: an object with a list of keys'],
    [JSON.stringify(EC), 'must be a JWK Set: an object with a list of keys'],
    ['{"keys":{}}', 'must be a JWK Set: an object with a list of keys'],
    ['{"keys":[]}', 'must have 1 to 5 keys'],
    [textOf(EC, 1, 2, 3, 4, 5), 'must have 1 to 5 keys'],
    [textOf('key'), 'key 1 must be an object'],
    [textOf(EC, null), 'key 2 must be an object'],
    [textOf(RSA), 'key 1 must be of the type EC P-256 or OKP Ed25519'],
    [textOf(P384), 'key 1 must be of the type EC P-256 or OKP Ed25519'],
    [textOf({ kty: 'oct', k: 'c2VjcmV0' }), 'key 1 must be of the type EC P-256 or OKP Ed25519'],
    [textOf({ kty: 'toString', crv: '' }), 'key 1 must be of the type EC P-256 or OKP Ed25519'],
    [textOf({ ...EC, y: undefined }), 'key 1 must have x and y of 32 bytes in base64url'],
    [textOf({ ...EC, x: 'short' }), 'key 1 must have x and y of 32 bytes in base64url'],
    [textOf({ ...OKP, x: 1 }), 'key 1 must have x of 32 bytes in base64url'],
    [textOf(EC_PUBLIC), 'key 1 must have its private part d, 32 bytes in base64url'],
    [textOf({ ...EC, d: '' }), 'key 1 must have its private part d, 32 bytes in base64url'],
    [textOf(OKP, { ...EC, d: 'AA' }), 'key 2 must have its private part d, 32 bytes in base64url'],
    [textOf({ ...EC, use: 'enc' }), 'key 1 must be for ES256 signatures (its use, alg or key_ops)'],
    [
      textOf({ ...OKP, alg: 'ES256' }),
      'key 1 must be for EdDSA signatures (its use, alg or key_ops)',
    ],
    [
      textOf({ ...EC, key_ops: ['verify'] }),
      'key 1 must be for ES256 signatures (its use, alg or key_ops)',
    ],
    [textOf(EC, OKP, EC), 'key 3 must not be key 1 once more'],
    [textOf(EC, EC_PUBLIC), 'key 2 must not be key 1 once more'],
  ])('the key set %# is refused with an error that contains no part of it', (text, sentence) => {
    let refused = ''
    try {
      readSigningKeys(text)
    } catch (problem) {
      refused = (problem as Error).message
    }
    expect(refused).toBe(sentence)
    for (const key of [EC, OKP]) expect(refused).not.toContain(key.d)
  })

  it('a bad key set stops its worker with an error that names the setting, and an empty one counts as not set', () => {
    const bound = { DB: {}, SESSIONS: {}, CODES: {}, LOGIN_LIMIT: {}, REFUSAL_LIMIT: {} }
    const registry = (SIGNING_KEYS: unknown) =>
      startProblems('registry', { ...bound, ISSUER: issuer, SIGNING_KEYS })
    expect(registry(textOf(EC, OKP))).toEqual([])
    expect(registry('')).toEqual([])
    expect(registry(undefined)).toEqual([])
    for (const bad of [textOf(EC_PUBLIC), 'x', {}, 1]) {
      expect(registry(bad)).toEqual([expect.stringMatching(/^SIGNING_KEYS: (must|key 1)/)])
    }
    const authenticator = (AUTHENTICATOR_KEYS: unknown, JWT_SECRET?: string) =>
      startProblems('authenticator', {
        SESSIONS: {},
        ISSUER: issuer,
        AUTHENTICATOR_KEYS,
        JWT_SECRET,
      })
    expect(authenticator(textOf(OKP))).toEqual([])
    expect(authenticator(textOf(OKP), 's'.repeat(32))).toEqual([])
    expect(authenticator('', 's'.repeat(32))).toEqual([])
    expect(authenticator(textOf(OKP), 'short')).toEqual(['JWT_SECRET: must be at least 32 bytes'])
    expect(authenticator('')).toEqual(['JWT_SECRET: must be at least 32 bytes'])
    expect(authenticator('x', 's'.repeat(32))).toEqual([
      'AUTHENTICATOR_KEYS: must be JSON: a JWK Set',
    ])
    // Management reads neither setting.
    expect(startProblems('management', { ...bound, ISSUER: issuer, SIGNING_KEYS: 'x' })).toEqual([])
  })

  it('only the first key of a set needs its private part, and each kid is computed and not taken from the setting', async () => {
    const keys = readSigningKeys(textOf(OKP, { ...EC_PUBLIC, kid: 'chosen', key_ops: ['verify'] }))
    const { keys: published } = await publicKeys(keys)
    expect(published.map(({ kid }) => kid)).toEqual([
      await calculateJwkThumbprint(OKP),
      await calculateJwkThumbprint(EC),
    ])
  })
})

describe('the published keys', () => {
  it('a published key has only the members of a public key', async () => {
    const given = {
      ...EC,
      p: 'p',
      k: 'k',
      priv: 'p',
      ext: true,
      x5c: ['x'],
      added_at: 1,
      first_at: 2,
    }
    const { keys } = await publicKeys(readSigningKeys(textOf(given, { ...OKP, added_at: 'soon' })))
    expect(keys).toEqual([
      {
        ...{ kty: 'EC', crv: 'P-256', x: EC.x, y: EC.y },
        ...{ kid: await calculateJwkThumbprint(EC), use: 'sig', alg: 'ES256' },
        ...{ added_at: 1, first_at: 2 },
      },
      {
        ...{ kty: 'OKP', crv: 'Ed25519', x: OKP.x },
        ...{ kid: await calculateJwkThumbprint(OKP), use: 'sig', alg: 'EdDSA' },
      },
    ])
    expect(JSON.stringify(keys)).not.toContain(EC.d)
    expect(JSON.stringify(keys)).not.toContain(OKP.d)
  })
})

describe('signing and verifying', () => {
  it.each(SIGNING_ALGORITHMS)(
    'a JWT that the first key (%s) signs verifies under the kid of that key',
    async (alg) => {
      const keys = await createKeys(alg, NOW)
      const jwt = await signWith(keys, typ, claims)
      const [published] = (await publicKeys(keys)).keys
      expect(decodeProtectedHeader(jwt)).toEqual({ alg, typ, kid: published?.kid })
      expect(await verifyWith(ownVerificationKeys(keys), jwt, { typ, issuer, nowMs })).toEqual(
        claims,
      )
      const read = readSigningKeys(await formatKeys(keys))
      // Signs twice, because the header for each typ is cached.
      const again = await signWith(read, typ, claims)
      expect(await verifyWith(ownVerificationKeys(read), again, { typ, issuer, nowMs })).toEqual(
        claims,
      )
      expect(decodeProtectedHeader(await signWith(read, typ, claims))).toEqual(
        decodeProtectedHeader(jwt),
      )
    },
  )

  it('a JWT with another key, type, issuer or time is refused with a reason', async () => {
    const keys = readSigningKeys(textOf(EC, OKP))
    const own = ownVerificationKeys(keys)
    const judge = (jwt: string) => verifyWith(own, jwt, { typ, issuer, nowMs })
    expect(await judge(await signWith(keys, typ, claims))).toEqual(claims)
    const bad = [
      await signWith(readSigningKeys(textOf(OTHER_EC)), typ, claims),
      await signWith(keys, 'JWT', claims),
      await signWith(keys, typ, { ...claims, iss: 'https://other.example.org' }),
      await signWith(keys, typ, { ...claims, exp: NOW }),
      await signWith(keys, typ, { ...claims, exp: undefined }),
      await signWith(keys, typ, { ...claims, nbf: NOW + 1 }),
      'not.a.jwt',
      '',
    ]
    for (const jwt of bad) expect(await judge(jwt)).toEqual(expect.any(String))
  })

  it('a JWT is refused if its alg is not that of the key, or if its kid is missing', async () => {
    const keys = readSigningKeys(textOf(EC, OKP))
    const own = ownVerificationKeys(keys)
    const [kid, other] = (await publicKeys(keys)).keys.map((key) => key.kid)
    const key = await crypto.subtle.importKey(
      'jwk',
      EC as JsonWebKey,
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    )
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    /** A JWT with any header and a valid signature by the first key. */
    const signedUnder = async (header: object) => {
      const signed = `${encoded(header)}.${encoded(claims)}`
      const how = { name: 'ECDSA', hash: 'SHA-256' }
      const signature = await crypto.subtle.sign(how, key, Buffer.from(signed))
      return `${signed}.${Buffer.from(signature).toString('base64url')}`
    }
    const judge = (jwt: string) => verifyWith(own, jwt, { typ, issuer, nowMs })
    // Control: with the right header the JWT is accepted.
    expect(await judge(await signedUnder({ alg: 'ES256', typ, kid }))).toEqual(claims)
    const headers = [
      { alg: 'none', typ, kid },
      { alg: 'HS256', typ, kid },
      { alg: 'EdDSA', typ, kid },
      { typ, kid },
      { alg: 'ES256', typ, kid: other },
      { alg: 'EdDSA', typ, kid: other },
      { alg: 'ES256', typ },
      { alg: 'ES256', typ, kid: [kid] },
      { alg: 'ES256', typ, kid, crit: ['exp'], exp: 1 },
      { alg: 'ES256', typ, kid, crit: [] },
      { alg: 'ES256', typ, jwk: EC_PUBLIC },
      { alg: 'ES256', kid },
    ]
    for (const header of headers) {
      const jwt = await signedUnder(header)
      for (const one of [jwt, jwt.replace(/[^.]+$/, '')]) {
        expect(await judge(one), JSON.stringify(header)).toEqual(expect.any(String))
      }
    }
  })

  it('a JWT whose claims were changed after signing is refused', async () => {
    const keys = readSigningKeys(textOf(EC))
    const [head, , tail] = (await signWith(keys, typ, claims)).split('.')
    const [, changed] = (await signWith(keys, typ, { ...claims, sub: 'another' })).split('.')
    const judged = await verifyWith(ownVerificationKeys(keys), `${head}.${changed}.${tail}`, {
      ...{ typ, issuer, nowMs },
    })
    expect(judged).toEqual(expect.any(String))
  })

  it('verifying a JWT throws if the keys cannot be read, and does not report an invalid JWT', async () => {
    const jwt = await signWith(readSigningKeys(textOf(EC)), typ, claims)
    const down = { find: () => Promise.reject(new TypeError('down')) }
    await expect(verifyWith(down, jwt, { typ, issuer, nowMs })).rejects.toThrow('down')
  })

  it.each([
    ['EC', { ...EC, d: OTHER_EC.d }],
    ['EC off its curve', { ...EC, y: EC.x }],
    ['OKP', { ...OKP, d: OTHER_EC.d }],
  ])(
    'a key whose public and private part do not match (%s) signs nothing, and the error does not contain its members',
    async (_, jwk) => {
      const refused = await signWith(readSigningKeys(textOf(jwk)), typ, claims).catch(
        (fault: Error) => fault.message,
      )
      expect(refused).toBe(
        'the first key cannot sign: its public and its private part do not fit together',
      )
    },
  )

  it('importing a public key set skips the keys that cannot be used', async () => {
    const off = { ...EC_PUBLIC, y: EC.x }
    const imported = await importPublicKeys([RSA, null, 'key', off, EC_PUBLIC, { kty: 'EC' }])
    expect([...imported.keys()]).toEqual([await calculateJwkThumbprint(EC)])
    // Only the public part of a private key is imported.
    const [key] = [...(await importPublicKeys([OKP])).values()]
    expect([key?.type, key?.usages]).toEqual(['public', ['verify']])
  })
})
