/** How signed access tokens are revoked, and how soon two authenticators refuse them, on a KV that is as stale as Cloudflare's. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { signedTokenKeyOf } from '../../src/crypto/digest.ts'
import type { SessionKey } from '../../src/domain/ids.ts'
import { MAX_SIGNED_TOKEN_SECONDS } from '../../src/domain/resource.ts'
import {
  ALL_REVOKED_WITHIN_SECONDS,
  consentSubject,
  MAX_REVOKED_TOKENS,
} from '../../src/domain/revocation.ts'
import { disableClient, rotateSecret } from '../../src/flows/registration/clients.ts'
import { deleteResource, updateResource } from '../../src/flows/registration/resources.ts'
import { revokeAnyToken, revokeSessionsOfUser } from '../../src/flows/registration/sessions.ts'
import { withdrawFromUser } from '../../src/flows/registration/users.ts'
import { DOCUMENT_KEY } from '../../src/stores/revocation-document.ts'
import { KEPT_LONGER_SECONDS } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { over } from './counting.ts'
import { clockedDatabase, passTime } from './d1-clock.ts'
import {
  type Issued,
  isActive,
  issuedIn,
  newRefreshingClient,
  renewal,
  sendAs,
} from './obtaining.ts'
import { expectRefusal } from './refusals.ts'
import { actBy, portsOn } from './registering.ts'
import {
  cookiesOf,
  credentialsOf,
  type Fetch,
  newUser,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  removalOf,
  requestOf,
  signIn,
  type TestUser,
  withChallenge,
} from './registry.ts'
import {
  claimsOf,
  headerOf,
  keySetText,
  newSignedResource,
  newSigningKey,
  signingWith,
} from './signed.ts'
import { isolateAt } from './stale-kv.ts'

const LIFETIME_SECONDS = 7200
/** D1 with the clock of the test. */
const DB = clockedDatabase()
const keys = keySetText(await newSigningKey())
const signing = signingWith(keys, { DB })
const revocations = revocationStore(DB, env.SESSIONS, LIFETIME_SECONDS)
const admin = () => actBy(['registry:admin'], portsOn({ DB }))

let uri: string
let client: RegisteredClient
let user: TestUser
let cookie: string
beforeAll(async () => {
  // Its tokens live longer than the bound of a revocation.
  uri = await newSignedResource(['files:read'])
})
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.spyOn(console, 'error').mockImplementation(() => {})
  client = await newRefreshingClient({ scopes: ['files:read'], mayIntrospect: true })
  user = await newUser({ scopes: ['files:read', 'files:write'] })
  cookie = await signIn(user, signing.fetch)
})
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await env.DB.prepare('DELETE FROM revocation').run()
  await env.SESSIONS.delete(DOCUMENT_KEY)
})

async function issued(response: Response): Promise<Issued> {
  const body = await issuedIn(response)
  expect(headerOf(body.access_token).typ).toBe('at+jwt')
  return body
}

const machineToken = async (of = client, fetch = signing.fetch) =>
  (await issued(await post('/token', credentialsOf(of, { resource: uri }), {}, fetch))).access_token
const newCode = () =>
  obtainCode(
    cookie,
    requestOf(client, { scope: 'files:read', resource: uri, ...withChallenge }),
    signing.fetch,
  )
const redeem = (code: string, fetch = signing.fetch, more: Record<string, string> = {}) =>
  post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier, ...more }), {}, fetch)
const renew = (refresh_token: string, fetch = signing.fetch) =>
  renewal(client, refresh_token, {}, fetch)
const userTokens = async () => issued(await redeem(await newCode()))

const isolate = () => isolateAt((SESSIONS) => signing.newAuthenticator({ SESSIONS }))

type Way = readonly [what: string, revoke: (tokens: Issued, code: string) => Promise<unknown>]
const WAYS: readonly Way[] = [
  [
    '/revoke of the token',
    ({ access_token: token }) => sendAs(client, '/revoke', { token }, signing.fetch),
  ],
  [
    '/revoke of its refresh token',
    ({ refresh_token: token }) => sendAs(client, '/revoke', { token }, signing.fetch),
  ],
  [
    'session revoke of the token',
    ({ access_token }) => revokeAnyToken(admin(), access_token, false),
  ],
  [
    'session revoke of its refresh token',
    ({ refresh_token }) => revokeAnyToken(admin(), refresh_token, false),
  ],
  [
    'a replay of its code',
    async (_, code) => {
      passTime(60)
      expect((await redeem(code)).status).toBe(400)
    },
  ],
  [
    'a replay of its refresh token',
    async ({ refresh_token }) => {
      expect((await renew(refresh_token)).status).toBe(200)
      passTime(60)
      expect((await renew(refresh_token)).status).toBe(400)
    },
  ],
  ['client disable', () => disableClient(admin(), client.id)],
  ['client rotate-secret', () => rotateSecret(admin(), client.id, 0)],
  ['session revoke --user', () => revokeSessionsOfUser(admin(), user.id)],
  ['user withdraw', () => withdrawFromUser(admin(), user.id, { scopes: ['files:write'] })],
  [
    'a removal on /account',
    async () => {
      const page = await signing.fetch('/account', { headers: { Cookie: cookie } })
      const fields = removalOf(client.id, await page.text())
      expect((await post('/account', fields, { Cookie: cookie }, signing.fetch)).status).toBe(200)
    },
  ],
  ['a resource that demands DPoP', () => updateResource(admin(), uri, { requireDpop: true })],
]

describe.each(WAYS)('the revocation of a signed token by %s', (what, revoke) => {
  it(`after ${what} a signed token is refused at once with fresh and at /introspect, and within ${ALL_REVOKED_WITHIN_SECONDS} s everywhere`, async () => {
    const code = await newCode()
    const tokens = await issued(await redeem(code))
    const other = await machineToken(await newRefreshingClient({ scopes: ['files:read'] }))
    const token = tokens.access_token
    const isolates = [isolate(), isolate()]
    for (const { check } of isolates) expect(await check(token)).toBe(200)
    passTime(61)
    for (const { check } of isolates) expect(await check(token)).toBe(200)
    expect(await isActive(client, token, signing.fetch)).toBe(true)
    passTime(0.001)
    await revoke(tokens, code)
    const revokedAtMs = Date.now()

    await expectRefusal(await isolate().ask('?fresh', token), 401, 'invalid_token')
    if (!/^client/.test(what)) expect(await isActive(client, token, signing.fetch)).toBe(false)
    // A location that reads KV for the first time sees it already.
    expect(await isolate().check(token)).toBe(401)
    vi.setSystemTime(revokedAtMs + ALL_REVOKED_WITHIN_SECONDS * 1000)
    for (const one of isolates) await expectRefusal(await one.ask('', token), 401, 'invalid_token')
    if (!/resource/.test(what)) expect(await isolate().check(other)).toBe(200)

    for (const { recall } of isolates) recall()
    for (const seconds of [0, 30, 60, 300]) {
      passTime(seconds)
      for (const { check } of isolates) expect(await check(token)).toBe(401)
    }
    if (/resource/.test(what)) await updateResource(admin(), uri, { requireDpop: false })
  })
})

describe('how soon a revocation of one signed token is known', () => {
  it('control: a stale location still accepts a revoked signed token before the bound', async () => {
    const token = await machineToken()
    const { check } = isolate()
    passTime(61)
    expect(await check(token)).toBe(200)
    passTime(0.001)
    await sendAs(client, '/revoke', { token }, signing.fetch)
    for (const seconds of [30, 29, 9]) {
      passTime(seconds)
      expect(await check(token)).toBe(200)
    }
    passTime(ALL_REVOKED_WITHIN_SECONDS - 68)
    expect(await check(token)).toBe(401)
  })

  it('an isolate that has seen the revocation with fresh refuses the token at once', async () => {
    const token = await machineToken()
    const { check, fresh, recall } = isolate()
    expect(await check(token)).toBe(200)
    await sendAs(client, '/revoke', { token }, signing.fetch)
    expect(await fresh(token)).toBe(401)
    recall()
    expect(await check(token)).toBe(401)
  })

  it('cron repeats the lost KV write of the revocation of a signed token', async () => {
    const lossy = { ...env.SESSIONS, put: async () => Promise.reject(new Error('lost')) }
    const lost = revocationStore(DB, lossy, LIFETIME_SECONDS)
    const token = await machineToken()
    const key = await signedTokenKeyOf(claimsOf(token).jti as string)
    expect(await lost.endSessions([key])).toBe(false)
    expect(await isolate().check(token)).toBe(200)
    expect(await isolate().fresh(token)).toBe(401)
    await revocations.repairKv()
    expect(await isolate().check(token)).toBe(401)
  })
})

describe('whose signed token may be revoked', () => {
  it('another client can neither revoke nor introspect a signed token', async () => {
    const token = await machineToken()
    const other = await newRefreshingClient()
    const response = await sendAs(other, '/revoke', { token }, signing.fetch)
    expect(await refusal(response)).toEqual({ status: 400, error: 'invalid_grant' })
    const introspection = await sendAs(other, '/introspect', { token }, signing.fetch)
    expect(await introspection.json()).toEqual({ active: false })
    expect(await isolate().fresh(token)).toBe(200)
  })

  it('the revocation of an invalid signed token is answered with 200 and revokes nothing', async () => {
    const token = await machineToken()
    const [header, payload] = token.split('.')
    const forged = `${header}.${payload}.${'A'.repeat(86)}`
    expect((await sendAs(client, '/revoke', { token: forged }, signing.fetch)).status).toBe(200)
    expect(await isolate().fresh(token)).toBe(200)
    const rows = await env.DB.prepare('SELECT count(*) AS n FROM revocation').first<number>('n')
    expect(rows).toBe(0)
  })

  it('session revoke revokes a signed token, and refuses another kind of JWT', async () => {
    const token = await machineToken()
    const answer = await revokeAnyToken(admin(), token, false)
    expect(answer).toEqual({ effectiveWithinSeconds: ALL_REVOKED_WITHIN_SECONDS, notes: [] })
    expect(await isolate().fresh(token)).toBe(401)
    const { refresh_token } = await userTokens()
    expect(await revokeAnyToken(admin(), refresh_token, false)).toEqual(answer)
    const [, payload, signature] = token.split('.')
    const typed = btoa('{"alg":"ES256","typ":"JWT"}').replace(/=+$/, '')
    const other = `${typed}.${payload}.${signature}`
    await expect(revokeAnyToken(admin(), other, false)).rejects.toThrow('is not an access')
  })

  it('the revocation of one signed token revokes no other token of its client and its family', async () => {
    const { access_token: first, refresh_token } = await userTokens()
    const second = await issued(await renew(refresh_token))
    await sendAs(client, '/revoke', { token: first }, signing.fetch)
    expect(await isolate().fresh(first)).toBe(401)
    expect(await isolate().check(second.access_token)).toBe(200)
    expect(await isolate().fresh(second.access_token)).toBe(200)
  })

  it('the revocation of a refresh token revokes every signed token of its family, and of no other', async () => {
    const first = await userTokens()
    const second = await issued(await renew(first.refresh_token))
    const third = await issued(await renew(second.refresh_token))
    const other = await userTokens()
    await sendAs(client, '/revoke', { token: third.refresh_token }, signing.fetch)
    for (const { access_token } of [first, second, third]) {
      expect(await isolate().fresh(access_token)).toBe(401)
      expect(await isolate().check(access_token)).toBe(401)
    }
    expect(await isolate().fresh(other.access_token)).toBe(200)
  })
})

describe('a revocation that races an issue', () => {
  /** Runs `meanwhile` before or after the first batch of the request. */
  const interrupted = (meanwhile: () => Promise<unknown>, when: 'before' | 'after'): Fetch => {
    let isDone = false
    const slow = over(DB, {
      async batch<T>(statements: D1PreparedStatement[]) {
        const first = !isDone
        isDone = true
        if (first && when === 'before') await meanwhile()
        const outcome = await DB.batch<T>(statements)
        if (first && when === 'after') await meanwhile()
        return outcome
      },
    })
    return signingWith(keys, { DB: slow }).fetch
  }

  it.each([
    ['client', () => disableClient(admin(), client.id)],
    ['user', () => revokeSessionsOfUser(admin(), user.id)],
    ['resource', () => deleteResource(admin(), uri)],
  ] as const)(
    'a token whose code was spent just before the revocation of its %s is refused',
    async (what, revoke) => {
      const code = await newCode()
      const response = await redeem(code, interrupted(revoke, 'after'))
      const { access_token } = await issued(response)
      expect(await isolate().fresh(access_token)).toBe(401)
      expect(await isolate().check(access_token)).toBe(401)
      if (what === 'resource') uri = await newSignedResource(['files:read'])
    },
  )

  it('a code that was revoked before it is spent gives no token', async () => {
    const code = await newCode()
    const revoke = () => revokeSessionsOfUser(admin(), user.id)
    const response = await redeem(code, interrupted(revoke, 'before'))
    expect(await refusal(response)).toEqual({ status: 400, error: 'invalid_grant' })
  })

  it('a client_credentials token from a cached client record is revoked by the revocation of that client', async () => {
    await machineToken()
    passTime(5)
    const isolated = signingWith(keys, { DB }).fetch
    await machineToken(client, isolated)
    await disableClient(admin(), client.id)
    passTime(3)
    // The isolate has cached the client from before the revocation.
    const token = await machineToken(client, isolated)
    expect(claimsOf(token).client_as_of_ms).toBeLessThan(claimsOf(token).as_of_ms as number)
    expect(await isolate().fresh(token)).toBe(401)
    expect(await isolate().check(token)).toBe(401)
  })

  it('a signed token that is issued after a revocation is valid', async () => {
    await revokeSessionsOfUser(admin(), user.id)
    passTime(0.002)
    cookie = cookiesOf(await post('/login', {}, {}, signing.fetch))
    cookie = await signIn(user, signing.fetch)
    const { access_token } = await userTokens()
    expect(await isolate().check(access_token)).toBe(200)
    expect(await isolate().fresh(access_token)).toBe(200)
  })

  it('a retry of a refresh whose token was revoked gets the same, revoked token', async () => {
    const { refresh_token } = await userTokens()
    const { access_token } = await issued(await renew(refresh_token))
    await sendAs(client, '/revoke', { token: access_token }, signing.fetch)
    const again = await issued(await renew(refresh_token))
    const { as_of_ms, ...claims } = claimsOf(again.access_token)
    const { as_of_ms: before, ...same } = claimsOf(access_token)
    expect(claims).toEqual(same)
    expect(as_of_ms).toBeLessThanOrEqual(before as number)
    expect(await isolate().fresh(again.access_token)).toBe(401)
    expect(await isolate().check(again.access_token)).toBe(401)
  })
})

describe('the size and lifetime of the revocations of signed tokens', () => {
  it('the revocation of a signed token is kept for the longest lifetime of a signed token', async () => {
    const token = await machineToken()
    await sendAs(client, '/revoke', { token }, signing.fetch)
    const row = await env.DB.prepare('SELECT kind, subject, expires_at FROM revocation').first<{
      kind: string
      subject: string
      expires_at: number
    }>()
    const key = await signedTokenKeyOf(claimsOf(token).jti as string)
    expect(row).toMatchObject({ kind: 'token', subject: key })
    const keptSeconds = (row?.expires_at ?? 0) - Math.floor(Date.now() / 1000)
    expect(keptSeconds).toBe(MAX_SIGNED_TOKEN_SECONDS + KEPT_LONGER_SECONDS)
    const { token: listed } = JSON.parse((await env.SESSIONS.get(DOCUMENT_KEY)) ?? '') as {
      token: string[]
    }
    expect(listed).toEqual([key])
  })

  it('a document of 10,000 revoked signed tokens is under 256 KiB, and an isolate that has read it reads it once', async () => {
    const token = await machineToken()
    const key = await signedTokenKeyOf(claimsOf(token).jti as string)
    const others = Array.from({ length: 9999 }, () => {
      const bytes = crypto.getRandomValues(new Uint8Array(16))
      return bytes.toBase64({ alphabet: 'base64url', omitPadding: true }) as SessionKey
    })
    expect(await isolate().check(token)).toBe(200)
    await revocations.endSessions([...others, key])
    const text = (await env.SESSIONS.get(DOCUMENT_KEY)) ?? ''
    expect(text.length).toBeLessThan(256 * 1024)
    const one = isolate()
    expect(await one.check(token)).toBe(401)
    const reads = one.reads()
    expect(await one.check(await machineToken())).toBe(200)
    expect(one.reads()).toBe(reads)
  })

  /** Revokes as many single tokens as the document may list. */
  const fill = () =>
    env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at)
       SELECT 'token', printf('%022d', i), ?2, ?3 FROM n`,
    )
      .bind(MAX_REVOKED_TOKENS, Date.now(), Math.floor(Date.now() / 1000) + 600)
      .run()
  const kinds = async () => {
    const { results } = await env.DB.prepare(
      `SELECT kind, subject FROM revocation WHERE subject NOT GLOB '000*'`,
    ).all()
    return results
  }

  it('beyond MAX_REVOKED_TOKENS a revocation of one token revokes all access tokens of its client, and of no other client', async () => {
    const [token, second] = [await machineToken(), await machineToken()]
    const other = await machineToken(await newRefreshingClient({ scopes: ['files:read'] }))
    await fill()
    await sendAs(client, '/revoke', { token }, signing.fetch)
    expect(await kinds()).toEqual([{ kind: 'client', subject: client.id }])
    for (const one of [token, second]) {
      expect(await isolate().fresh(one)).toBe(401)
      expect(await isolate().check(one)).toBe(401)
    }
    expect(await isolate().fresh(other)).toBe(200)
    const text = (await env.SESSIONS.get(DOCUMENT_KEY)) ?? ''
    expect(text.length).toBeLessThan(512 * 1024)
  })

  it('beyond MAX_REVOKED_TOKENS a revocation of one token of a user revokes all access tokens of the user at the client, and no others', async () => {
    const code = await newCode()
    const tokens = await issued(await redeem(code))
    const [second, machine] = [await userTokens(), await machineToken()]
    await fill()
    const consent = [{ kind: 'consent', subject: consentSubject(user.id, client.id) }]
    const forget = () => env.DB.prepare(`DELETE FROM revocation WHERE kind = 'consent'`).run()
    await sendAs(client, '/revoke', { token: second.access_token }, signing.fetch)
    expect(await kinds()).toEqual(consent)
    await forget()
    passTime(60)
    expect((await redeem(code)).status).toBe(400)
    expect(await kinds()).toEqual(consent)
    await forget()
    await sendAs(client, '/revoke', { token: second.refresh_token }, signing.fetch)
    expect(await kinds()).toEqual(consent)
    for (const token of [tokens.access_token, second.access_token]) {
      expect(await isolate().check(token)).toBe(401)
    }
    expect(await isolate().check(machine)).toBe(200)
  })

  it('an administrator revokes one signed token even beyond MAX_REVOKED_TOKENS', async () => {
    const [token, second] = [await machineToken(), await machineToken()]
    await fill()
    await revokeAnyToken(admin(), token, false)
    expect(await isolate().fresh(token)).toBe(401)
    expect(await isolate().fresh(second)).toBe(200)
  })
})
