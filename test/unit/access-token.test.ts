/** Signed access tokens as claims and as session records: the conversion loses nothing that revokes or limits a token. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKeys } from '../../src/crypto/key-rotation.ts'
import { ownVerificationKeys, signWith } from '../../src/crypto/signed-jwt.ts'
import { MAX_SIGNED_TOKEN_LENGTH, mayBeSigned } from '../../src/crypto/token.ts'
import type { Client } from '../../src/domain/client.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import { isRevokedBy, subjectsOf } from '../../src/domain/revocation.ts'
import { type NewSession, type SessionRecord, sessionRecord } from '../../src/domain/session.ts'
import { readSession } from '../../src/domain/session-shape.ts'
import {
  ACCESS_TOKEN_TYP,
  accessTokenClaims,
  requireSigned,
} from '../../src/protocol/access-token.ts'
import { readAccessToken, unverifiedId } from '../../src/protocol/read-access-token.ts'

const issuer = 'https://registry.example.org'
const NOW = 1_800_000_000
const nowMs = NOW * 1000
const keys = await createKeys('ES256', NOW)
const own = ownVerificationKeys(keys)
const signed = (claims: object) => signWith(keys, ACCESS_TOKEN_TYP, claims)
const read = (token: string) => readAccessToken(token, { keys: own, issuer, nowMs })

const client = {
  ownerId: 'o',
  name: 'A client',
  url: 'https://client.example',
  description: 'd',
} as Partial<Client>

/** Longer than any random id, so that no id contains it. */
const USERNAME = 'the name by which the user signs in, which no token may have'
const id = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.isWellFormed())
const session: fc.Arbitrary<NewSession & { client: Client; lifetimeSeconds: number }> = fc
  .record({
    sessionId: fc.uuid(),
    clientId: id,
    userId: fc.option(id, { nil: null }),
    scopes: fc.uniqueArray(fc.constantFrom('a:b', 'a:b:1', 'c:d:*', 'files:read', 'x'), {
      minLength: 1,
    }),
    endorsements: fc.uniqueArray(fc.constantFrom('cs.DL', 'cs.*', 'math', '*.*')),
    audience: fc.uniqueArray(fc.constantFrom('https://a.example', 'urn:b', 'https://c.example/d'), {
      minLength: 1,
    }),
    jkt: fc.option(fc.stringMatching(/^[\w-]{43}$/), { nil: null }),
    ageMs: fc.integer({ min: 0, max: 60_000 }),
    readMs: fc.integer({ min: 0, max: 100_000 }),
    clientReadMs: fc.integer({ min: 0, max: 100_000 }),
    lifetimeSeconds: fc.integer({ min: 61, max: 3600 }),
  })
  .filter(({ clientId, userId }) => clientId !== userId)
  .map(({ clientId, userId, ageMs, readMs, clientReadMs, ...rest }) => {
    const startAtMs = nowMs - ageMs
    return {
      ...rest,
      nonce: '',
      redirectUri: '',
      ipAddress: '',
      user:
        userId === null
          ? null
          : { userId, username: USERNAME, email: 'a@b', scopes: [], endorsements: [] },
      client: {
        ...client,
        clientId: clientId as ClientId,
        readAtMs: startAtMs - clientReadMs,
      } as Client,
      asOfMs: startAtMs - readMs,
      startAtMs,
    }
  })

/** The fields on which checks decide: all except the texts that a signed token does not carry. */
const decisive = ({ client: held, user, start_time, end_time, ...rest }: SessionRecord) => ({
  ...rest,
  authorizations: {
    ...rest.authorizations,
    scopes: [...rest.authorizations.scopes].sort(),
  },
  clientId: held?.client_id,
  userId: user?.user_id ?? null,
  // A signed token states times in whole seconds.
  startAt: Math.floor(Date.parse(start_time) / 1000),
  endAt: Math.floor(Date.parse(end_time) / 1000),
})

describe('the session of a signed token', () => {
  it('a signed token carries the session of an opaque token, except names and addresses of the user and the client', async () => {
    await fc.assert(
      fc.asyncProperty(session, async (given) => {
        const token = await signed(accessTokenClaims(given, issuer))
        expect(mayBeSigned(token)).toBe(true)
        const found = await read(token)
        if (typeof found === 'string') throw new Error(found)
        expect(readSession(found)).toEqual(found)
        expect(decisive(found)).toEqual(
          decisive(readSession(sessionRecord(given)) as SessionRecord),
        )
        expect(JSON.stringify(accessTokenClaims(given, issuer))).not.toContain(USERNAME)
      }),
    )
  })

  it('every revocation that covers an opaque token covers the signed token with the same session', async () => {
    await fc.assert(
      fc.asyncProperty(session, async (given) => {
        const found = await read(await signed(accessTokenClaims(given, issuer)))
        if (typeof found === 'string') throw new Error(found)
        expect(subjectsOf(found)).toEqual(subjectsOf(sessionRecord(given)))
      }),
    )
  })

  it('a revocation document with the key of a token revokes that token and no other', () => {
    const document = {
      ...{ client: {}, client_record: {}, user: {}, consent: {}, resource: {}, version: 1 },
      token: new Set(['a']),
    }
    const record = { audience: [], user: null, client: null, start_time: new Date().toISOString() }
    expect(isRevokedBy(document, 'a' as never, record as never)).toBe(true)
    expect(isRevokedBy(document, 'b' as never, record as never)).toBe(false)
  })

  it('claims of any kind are read as a session or a reason for the refusal, and never throw', async () => {
    const good = accessTokenClaims(
      {
        ...{ sessionId: 'j', user: null, scopes: ['a:b'], endorsements: [], audience: ['urn:a'] },
        ...{ jkt: null, asOfMs: nowMs, startAtMs: nowMs, lifetimeSeconds: 600 },
        client: { ...client, clientId: 'c' as ClientId, readAtMs: nowMs } as Client,
      },
      issuer,
    )
    const names = [...Object.keys(good), 'cnf', 'client_as_of_ms', 'nbf', 'auth_time']
    const change = fc.dictionary(fc.constantFrom(...names), fc.jsonValue(), { maxKeys: 3 })
    await fc.assert(
      fc.asyncProperty(change, async (changes) => {
        const found = await read(await signed({ ...good, ...changes }))
        if (typeof found !== 'string') expect(readSession(found)).not.toBeNull()
      }),
      { numRuns: 500 },
    )
  })

  it('any text that is not a signed token is read as a reason for the refusal, even in three parts', async () => {
    const part = fc.stringMatching(/^eyJ[\w-]{0,80}$/)
    const text = fc.oneof(
      fc.string(),
      fc.tuple(part, part, fc.stringMatching(/^[\w-]{80,90}$/)).map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        expect(await read(token)).toEqual(expect.any(String))
        expect(unverifiedId(token)).toBeNull()
      }),
    )
  })
})

describe('what may be signed', () => {
  const claimed = {
    issuer,
    clientId: 'c',
    userId: 'u',
    scopes: ['a:b'],
    endorsements: ['cs.*'],
    audience: ['urn:a'],
  }

  it('claims that may be signed give a token within the length limit, whatever their values are', async () => {
    const part = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 120 })
      .filter((one) => one.isWellFormed())
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { maxLength: 120 }),
        part,
        part,
        async (parts, clientId, userId) => {
          const scopes = parts.map((one) => one.replaceAll(' ', ''))
          try {
            requireSigned({ ...claimed, clientId, userId, scopes })
          } catch {
            return
          }
          const claims = accessTokenClaims(
            {
              ...{ sessionId: 's'.repeat(43), scopes, endorsements: claimed.endorsements },
              ...{
                audience: claimed.audience,
                jkt: 'j'.repeat(43),
                asOfMs: nowMs,
                startAtMs: nowMs,
              },
              ...{ lifetimeSeconds: 3600, authTime: NOW },
              user: { userId, username: '', email: '', scopes: [], endorsements: [] },
              client: { ...client, clientId: clientId as ClientId, readAtMs: nowMs - 1 } as Client,
            },
            issuer,
          )
          expect((await signed(claims)).length).toBeLessThanOrEqual(MAX_SIGNED_TOKEN_LENGTH)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('claims are refused if the user has the id of the client or the scopes are too long, and accepted for a client without a user', () => {
    expect(() => requireSigned({ ...claimed, userId: 'c' })).toThrow('that of the client')
    expect(() => requireSigned({ ...claimed, userId: undefined })).not.toThrow()
    const some = Array.from({ length: 100 }, (_, i) => `${'x'.repeat(30)}:${i}`)
    expect(() => requireSigned({ ...claimed, scopes: some })).not.toThrow()
    const scopes = Array.from({ length: 200 }, (_, i) => `${'x'.repeat(30)}:${i}`)
    expect(() => requireSigned({ ...claimed, scopes })).toThrow('bytes of scopes')
  })
})

describe('the jti of an unverified token', () => {
  it('the jti is read from an access token and from no other JWT', async () => {
    expect(unverifiedId(await signed({ jti: 'j' }))).toBe('j')
    for (const jwt of [
      await signWith(keys, 'JWT', { jti: 'j' }),
      await signed({}),
      await signed({ jti: 5 }),
      await signed({ jti: '' }),
      'eyJ.eyJ.x',
    ]) {
      expect(unverifiedId(jwt)).toBeNull()
    }
  })
})
