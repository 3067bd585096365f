/** Times, lengths and counts at their bound and one beyond it. */

import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { createKeys } from '../../src/crypto/key-rotation.ts'
import { ownVerificationKeys, signWith } from '../../src/crypto/signed-jwt.ts'
import { mayBeSigned } from '../../src/crypto/token.ts'
import { isEndorsement } from '../../src/domain/category.ts'
import { type Client, canBeGuessed, liveCredentials } from '../../src/domain/client.ts'
import {
  isFresh,
  mayServeRefreshes,
  STALE_DOCUMENT_SECONDS,
} from '../../src/domain/client-document.ts'
import type { SessionKey } from '../../src/domain/ids.ts'
import { waitSeconds } from '../../src/domain/lockout.ts'
import { redirectUriProblem } from '../../src/domain/registration.ts'
import { canonicalResource } from '../../src/domain/resource.ts'
import { isScope } from '../../src/domain/scope.ts'
import { ACCESS_TOKEN_TYP } from '../../src/protocol/access-token.ts'
import { verifyAssertion } from '../../src/protocol/client-authentication.ts'
import { readProof } from '../../src/protocol/dpop.ts'
import { type Interaction, signInFor } from '../../src/protocol/interaction.ts'
import { outboundUrlProblem } from '../../src/protocol/outbound-url.ts'
import { readCodeVerifier } from '../../src/protocol/pkce.ts'
import { readAccessToken } from '../../src/protocol/read-access-token.ts'
import { readClientMetadata } from '../../src/protocol/registration/client-metadata.ts'
import { readMetadataDocument } from '../../src/protocol/registration/metadata-document.ts'
import { readResources } from '../../src/protocol/resource-parameter.ts'
import { readSessionCookie } from '../../src/protocol/session-cookie.ts'
import { KnownSessions, liveSessions } from '../../src/stores/live-sessions.ts'

const ISSUER = 'https://auth.example.org'
const NOW = 1_700_000_000

let pair: Awaited<ReturnType<typeof generateKeyPair>>
let jwk: Awaited<ReturnType<typeof exportJWK>>
beforeAll(async () => {
  pair = await generateKeyPair('ES256', { extractable: true })
  jwk = await exportJWK(pair.publicKey)
})

const signed = (header: object, claims: object) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', ...header }).sign(pair.privateKey)

describe('a DPoP proof (RFC 9449 §11.1)', () => {
  const read = async (claims: object, now = NOW) => {
    const url = `${ISSUER}/token`
    const whole = { htm: 'POST', htu: url, iat: NOW, jti: 'j', ...claims }
    const proof = await signed({ typ: 'dpop+jwt', jwk }, whole)
    return readProof(proof, { method: 'POST', url, accessToken: null }, now)
  }
  const isAccepted = async (claims: object, now = NOW) =>
    typeof (await read(claims, now)) !== 'string'

  it('a DPoP proof is accepted up to 60 s before and after its iat, and refused a second further', async () => {
    const at = async (ahead: number) => isAccepted({ iat: NOW + ahead })
    expect([await at(-61), await at(-60), await at(60), await at(61)]).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  it.each([NOW, NOW + 0.5])(
    'the jti of a DPoP proof with iat %d is stored until the proof is refused for its age',
    async (iat) => {
      const proof = await read({ iat })
      const expiresAt = typeof proof === 'string' ? Number.NaN : proof.expiresAt
      expect(await isAccepted({ iat }, NOW + 60)).toBe(true)
      expect(expiresAt).toBeGreaterThan(NOW + 60)
      expect(await isAccepted({ iat }, expiresAt)).toBe(false)
    },
  )

  it('a DPoP proof with a jti of 256 characters is accepted, and with one of 257 refused', async () => {
    expect(await isAccepted({ jti: 'j'.repeat(256) })).toBe(true)
    expect(await isAccepted({ jti: 'j'.repeat(257) })).toBe(false)
  })
})

describe('a client assertion (RFC 7523 §3)', () => {
  const verify = async (claims: object, now = NOW) => {
    const keySet = JSON.stringify({ keys: [jwk] })
    const whole = { iss: 'c', sub: 'c', aud: ISSUER, exp: NOW + 60, jti: 'j', ...claims }
    return verifyAssertion(await signed({}, whole), { clientId: 'c', keySet, issuer: ISSUER, now })
  }
  const isAccepted = async (claims: object, now = NOW) =>
    typeof (await verify(claims, now)) !== 'string'

  it('a client assertion may expire up to 600 s ahead, and up to 59 s ago for a slow clock', async () => {
    const at = (ahead: number) => isAccepted({ exp: NOW + ahead })
    expect([await at(601), await at(600), await at(-59), await at(-60)]).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  it('a client assertion may be issued up to 60 s ahead', async () => {
    expect([await isAccepted({ iat: NOW + 60 }), await isAccepted({ iat: NOW + 61 })]).toEqual([
      true,
      false,
    ])
  })

  it.each([NOW + 60, NOW + 60.5])(
    'the jti of a client assertion with exp %d is stored until the assertion is refused for its age',
    async (exp) => {
      const assertion = await verify({ exp })
      const expiresAt = typeof assertion === 'string' ? Number.NaN : assertion.expiresAt
      expect(await isAccepted({ exp }, expiresAt - 1)).toBe(true)
      expect(await isAccepted({ exp }, expiresAt)).toBe(false)
    },
  )
})

describe('a signed access token (RFC 9068)', () => {
  const isAccepted = async (iat: number, lifetimeSeconds: number) => {
    const keys = await createKeys('ES256', NOW)
    const token = await signWith(keys, ACCESS_TOKEN_TYP, {
      ...{ iss: ISSUER, sub: 'c', client_id: 'c', aud: 'https://files.example', jti: 'j' },
      ...{ iat, exp: iat + lifetimeSeconds, scope: 'a', endorsements: [], as_of_ms: NOW * 1000 },
    })
    const own = ownVerificationKeys(keys)
    const read = await readAccessToken(token, { keys: own, issuer: ISSUER, nowMs: NOW * 1000 })
    return typeof read !== 'string'
  }

  it('a signed access token for an hour is accepted, and one for a second more refused', async () => {
    expect([await isAccepted(NOW, 3600), await isAccepted(NOW, 3601)]).toEqual([true, false])
  })

  it('a signed access token may be issued up to 60 s ahead', async () => {
    expect([await isAccepted(NOW + 60, 600), await isAccepted(NOW + 61, 600)]).toEqual([
      true,
      false,
    ])
  })

  it('a signed access token that expires now is refused', async () => {
    expect([await isAccepted(NOW - 99, 100), await isAccepted(NOW - 100, 100)]).toEqual([
      true,
      false,
    ])
  })
})

describe('the longest texts', () => {
  const of = (length: number, begin: string) => begin + 'a'.repeat(length - begin.length)

  it.each<[string, number, (length: number) => boolean]>([
    ['a scope', 256, (length) => isScope('a'.repeat(length))],
    ['an endorsement', 64, (length) => isEndorsement('a'.repeat(length))],
    ['a resource', 256, (length) => canonicalResource(of(length, 'https://a.example/')) !== null],
    [
      'a redirect URI',
      2000,
      (length) => redirectUriProblem(of(length, 'https://a.example/'), true) === null,
    ],
    [
      'a URL that is fetched',
      500,
      (length) => outboundUrlProblem(of(length, 'https://a.example/'), false) === null,
    ],
    [
      'a session cookie',
      512,
      (length) =>
        readSessionCookie(`registry_session=${'a'.repeat(length)}`, 'http://127.0.0.1:8787')
          .kind === 'session',
    ],
    [
      'a signed token',
      8192,
      (length) => mayBeSigned(`eyJh.eyJ${'a'.repeat(length - 95)}.${'a'.repeat(86)}`),
    ],
  ])('%s of %i characters is accepted, and a longer one refused', (_, most, isAccepted) => {
    expect([isAccepted(most), isAccepted(most + 1)]).toEqual([true, false])
  })

  it('a request for ten resources is read, and one for eleven refused', () => {
    const named = (count: number) =>
      new Map([
        ['resource', Array.from({ length: count }, (_, i) => `https://a.example/${i}`).join(' ')],
      ])
    expect(readResources(named(10))).toHaveLength(10)
    expect(() => readResources(named(11))).toThrow('At most 10 resources')
  })
})

describe('max_age and a new sign-in', () => {
  const asked = (more: Partial<Interaction>): Interaction => ({
    isSilent: false,
    asksAgain: false,
    signsIn: false,
    maxAgeSeconds: null,
    askedAt: null,
    ...more,
  })

  it('a sign-in that is max_age seconds old is accepted, and with one that is a second older the user must sign in again', () => {
    const request = asked({ maxAgeSeconds: 100 })
    expect(signInFor(request, NOW - 100, NOW)).toBe('none')
    expect(signInFor(request, NOW - 101, NOW)).toBe('ask')
  })

  it('a sign-in in the second of the request is accepted for an hour, and then the user must sign in again', () => {
    const request = asked({ signsIn: true, askedAt: NOW })
    expect(signInFor(request, NOW, NOW + 3600)).toBe('none')
    expect(signInFor(request, NOW - 1, NOW + 3600)).toBe('asked')
    expect(signInFor(request, NOW, NOW + 3601)).toBe('ask')
  })
})

describe('secrets, documents and sessions', () => {
  it('a secret that expires now is not valid any more', () => {
    const expiresAt = NOW
    const client = { credentials: [{ expiresAt }, { expiresAt: null }] } as unknown as Client
    expect(liveCredentials(client, NOW - 1)).toHaveLength(2)
    expect(liveCredentials(client, NOW)).toEqual([{ expiresAt: null }])
  })

  it('a secret can be guessed if it has fewer than 32 characters or fewer than 8 different ones', () => {
    expect(canBeGuessed('abcdefgh'.repeat(4))).toBe(false)
    expect(canBeGuessed('abcdefgh'.repeat(4).slice(1))).toBe(true)
    expect(canBeGuessed('abcdefgg'.repeat(4))).toBe(true)
  })

  it('a metadata document is fresh until the second in which it expires, and serves refreshes for a further day', () => {
    const document = { freshUntil: NOW, rule: null }
    expect([isFresh(document, NOW - 1), isFresh(document, NOW)]).toEqual([true, false])
    const end = NOW + STALE_DOCUMENT_SECONDS
    expect([mayServeRefreshes(document, end - 1), mayServeRefreshes(document, end)]).toEqual([
      true,
      false,
    ])
  })

  it('the fifth failed sign-in in a row causes the first wait', () => {
    const waits = [4, 5, 6].map((failures) => waitSeconds('name_from_network', failures))
    expect(waits).toEqual([0, 1, 2])
  })

  it('a session is valid in the last second before its end, and not at its end', async () => {
    const session = {
      ...{
        session_id: 's',
        start_time: new Date((NOW - 60) * 1000),
        end_time: new Date(NOW * 1000),
      },
      ...{ user: { user_id: 'u', username: '', email: '' }, client: null, audience: [] },
      authorizations: { classic: 0, scopes: [], endorsements: [] },
      ...{ ip_address: '', remote_host: '', nonce: '' },
    }
    const kept = new Map([[await digest('token'), JSON.stringify(session)]])
    const namespace = { get: async (key: string) => kept.get(key) ?? null }
    const sessions = liveSessions(namespace as never, null, new KnownSessions())
    const key = (await digest('token')) as SessionKey
    expect(await sessions.find(key, NOW * 1000 - 1, false)).toMatchObject({ session_id: 's' })
    expect(await sessions.find(key, NOW * 1000, false)).toBeNull()
  })
})

const problemIn = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (problem) {
    return (problem as Error).message
  }
}
const listed = (count: number, of: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => of(n))

describe('the lengths and counts in requests of clients', () => {
  it('a code verifier of 43 to 128 characters is accepted, and one of 42 or 129 refused', () => {
    const lengths = [42, 43, 128, 129]
    const problems = lengths.map((length) =>
      problemIn(() => readCodeVerifier(new Map([['code_verifier', '~'.repeat(length)]]))),
    )
    const sentence = expect.stringContaining('must be 43 to 128 characters')
    expect(problems).toEqual([sentence, null, null, sentence])
  })

  it('a registration has at most 100 scopes, 20 redirect URIs, 20 grant types and a name of at most 200 characters', () => {
    const redirect_uris = ['https://app.example/callback']
    const problemWith = (more: object) =>
      problemIn(() => readClientMetadata({ redirect_uris, ...more }))
    const scopes = (count: number) => ({ scope: listed(count, (n) => `s${n}`).join(' ') })
    const uris = (count: number) => ({
      redirect_uris: listed(count, (n) => `https://app.example/${n}`),
    })
    const grants = (count: number) => ({
      grant_types: ['authorization_code', ...listed(count - 1, (n) => `g${n}`)],
    })
    const named = (length: number) => ({ client_name: 'n'.repeat(length) })
    expect([scopes(100), uris(20), grants(20), named(200)].map(problemWith)).toEqual(
      Array(4).fill(null),
    )
    expect([scopes(101), uris(21), grants(21), named(201)].map(problemWith)).toEqual([
      expect.stringContaining('more than 100 scopes'),
      expect.stringContaining('more than 20 values'),
      expect.stringContaining('more than 20 values'),
      expect.stringContaining('200 characters'),
    ])
  })

  it('a client metadata document has at most 50 scopes, 30 redirect URIs and a name of at most 100 characters', () => {
    const client_id = 'https://app.example/client.json'
    const problemWith = (more: object) => {
      const document = {
        client_id,
        client_name: 'n',
        redirect_uris: ['https://app.example/callback'],
        ...more,
      }
      const bytes = new TextEncoder().encode(JSON.stringify(document))
      return problemIn(() => readMetadataDocument(bytes, client_id))
    }
    const scopes = (count: number) => ({ scope: listed(count, (n) => `s${n}`).join(' ') })
    const uris = (count: number) => ({
      redirect_uris: listed(count, (n) => `https://app.example/${n}`),
    })
    const named = (length: number) => ({ client_name: 'n'.repeat(length) })
    expect([scopes(50), uris(30), named(100)].map(problemWith)).toEqual(Array(3).fill(null))
    expect([scopes(51), uris(31), named(101)].map(problemWith)).toEqual([
      expect.stringContaining('more than 50 values'),
      expect.stringContaining('more than 30 values'),
      expect.stringContaining('more than 100 characters'),
    ])
  })
})
