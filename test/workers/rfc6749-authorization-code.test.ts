/** RFC 6749 §4.1.3: a code is redeemed once, by its client, under the conditions of the authorization request. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { clientRegistry, userRegistry } from '../rows.ts'
import { passTime } from './d1-clock.ts'
import {
  CALLBACK,
  countSessions,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sessionOf,
  signIn,
  type TestClient,
  type TestUser,
  tokenIn,
  withChallenge,
} from './registry.ts'

const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

let client: TestClient
let user: TestUser
let cookie: string
beforeAll(async () => {
  client = await newClient()
  user = await newUser()
  cookie = await signIn(user)
})
afterEach(() => void vi.useRealTimers())

const codeFor = (more: Record<string, string> = {}, whose = client) =>
  obtainCode(cookie, requestOf(whose, more))
const redeem = (code: string, more: Record<string, string> = {}, whose = client) =>
  post('/token', redemptionOf(whose, code, more))

describe('RFC 6749 §4.1.3: the redemption of a code', () => {
  it('a code is redeemed for a token whose session holds the user, the client and the granted scopes', async () => {
    const token = await tokenIn(await redeem(await codeFor()))
    expect(token).toMatchObject({
      token_type: 'Bearer',
      expires_in: 7200,
      scope: 'submission:read',
    })
    expect(await sessionOf(token.access_token)).toMatchObject({
      user: { user_id: user.id, username: user.username, email: `${user.username}@example.org` },
      client: { client_id: client.id, redirect_uri: CALLBACK },
      // The client's cs.* and the user's cs.DL and math.* have cs.DL in common.
      authorizations: { scopes: ['submission:read'], endorsements: ['cs.DL'] },
    })
  })

  it('neither a code nor a token is stored in clear, in KV or in D1', async () => {
    const code = await codeFor()
    const { access_token } = await tokenIn(await redeem(code))
    const names = async (kv: KVNamespace) => (await kv.list()).keys.map(({ name }) => name)
    const keys = [...(await names(env.SESSIONS)), ...(await names(env.CODES))]
    const ledger = await env.DB.prepare('SELECT * FROM authorization_code').all()
    const kept = JSON.stringify([keys, ledger.results])
    expect(kept).toContain(await digest(code))
    expect(kept).not.toContain(code)
    expect(kept).not.toContain(access_token)
  })

  it('a code is redeemed from D1 when KV does not have it', async () => {
    const code = await codeFor()
    await env.CODES.delete(await digest(code))
    expect((await redeem(code)).status).toBe(200)
  })

  it('a redemption removes the code from KV', async () => {
    const code = await codeFor()
    expect(await env.CODES.get(await digest(code))).not.toBeNull()
    await redeem(code)
    expect(await env.CODES.get(await digest(code))).toBeNull()
  })
})

describe('RFC 6749 §4.1.2: one use of a code', () => {
  it.each([20, 50])(
    'exactly one of %i simultaneous redemptions of a code gets a token',
    async (crowd) => {
      const code = await codeFor(withChallenge)
      const before = await countSessions()
      const attempts = Array.from({ length: crowd }, () =>
        redeem(code, { code_verifier: PKCE.verifier }),
      )
      const answers = await Promise.all(attempts)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      const losers = answers.filter(({ status }) => status !== 200)
      for (const loser of losers) expect(await refusal(loser)).toEqual(INVALID_GRANT)
      expect(await countSessions()).toBe(before + 1)
    },
  )

  it('a second redemption of a code is refused with invalid_grant even when KV still shows the code', async () => {
    const code = await codeFor()
    const carried = (await env.CODES.get(await digest(code))) ?? ''
    expect((await redeem(code)).status).toBe(200)
    await env.CODES.put(await digest(code), carried)
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
  })

  it('a second redemption of a code ends the session that the first one opened', async () => {
    const code = await codeFor()
    const { access_token } = await tokenIn(await redeem(code))
    expect(await sessionOf(access_token)).not.toBeNull()
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    expect(await sessionOf(access_token)).toBeNull()
  })

  it('a retry of a redemption with PKCE within CODE_RETRY_SECONDS is refused and ends nothing', async () => {
    const code = await codeFor(withChallenge)
    const proof = { code_verifier: PKCE.verifier }
    const { access_token } = await tokenIn(await redeem(code, proof))
    expect(await refusal(await redeem(code, proof))).toEqual(INVALID_GRANT)
    expect(await sessionOf(access_token)).not.toBeNull()
    passTime(3)
    expect(await refusal(await redeem(code, proof))).toEqual(INVALID_GRANT)
    expect(await sessionOf(access_token)).toBeNull()
  })

  it('a second redemption with PKCE ends nothing in the last second of CODE_RETRY_SECONDS, and ends the session a second later', async () => {
    passTime(0)
    const code = await codeFor(withChallenge)
    const proof = { code_verifier: PKCE.verifier }
    const { access_token } = await tokenIn(await redeem(code, proof))
    passTime(2)
    expect(await refusal(await redeem(code, proof))).toEqual(INVALID_GRANT)
    expect(await sessionOf(access_token)).not.toBeNull()
    passTime(1)
    expect(await refusal(await redeem(code, proof))).toEqual(INVALID_GRANT)
    expect(await sessionOf(access_token)).toBeNull()
  })

  it('a second redemption with a wrong client, secret, redirect_uri or verifier ends nothing', async () => {
    const code = await codeFor(withChallenge)
    const proof = { code_verifier: PKCE.verifier }
    const { access_token } = await tokenIn(await redeem(code, proof))
    passTime(3)
    const stranger = await newClient()
    expect((await redeem(code, proof, stranger)).status).toBe(400)
    expect((await redeem(code, { ...proof, client_secret: 'wrong' })).status).toBe(401)
    expect((await redeem(code, { ...proof, redirect_uri: `${CALLBACK}2` })).status).toBe(400)
    expect((await redeem(code, { code_verifier: 'x'.repeat(43) })).status).toBe(400)
    expect(await sessionOf(access_token)).not.toBeNull()
    expect((await redeem(code, proof)).status).toBe(400)
    expect(await sessionOf(access_token)).toBeNull()
  })
})

describe('RFC 6749 §4.1.3: the conditions of a redemption', () => {
  const refused: [string, Record<string, string>][] = [
    ['another redirect_uri', { redirect_uri: 'https://client.example/other' }],
    ['no redirect_uri although the request had one', { redirect_uri: '' }],
    ['a verifier although the request had no challenge', { code_verifier: PKCE.verifier }],
    ['a well-formed code that was never issued', { code: `regc_${'A'.repeat(49)}` }],
    ['a malformed code', { code: 'junk' }],
  ]
  it.each(refused)(
    'a redemption with %s is refused with invalid_grant, and the code stays valid',
    async (_, change) => {
      const code = await codeFor()
      const before = await countSessions()
      expect(await refusal(await redeem(code, change))).toEqual(INVALID_GRANT)
      expect(await countSessions()).toBe(before)
      expect((await redeem(code)).status).toBe(200)
    },
  )

  it('a redemption without a code is refused with invalid_request', async () => {
    expect(await refusal(await redeem(''))).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('a redemption by another client is refused, and the code stays valid for its own client', async () => {
    const code = await codeFor()
    expect(await refusal(await redeem(code, {}, await newClient()))).toEqual(INVALID_GRANT)
    expect((await redeem(code)).status).toBe(200)
  })

  it('a redemption may omit redirect_uri only when the request omitted it', async () => {
    const request = requestOf(client, { redirect_uri: '' })
    const without = await obtainCode(cookie, request)
    expect((await redeem(without, { redirect_uri: 'https://evil.example' })).status).toBe(400)
    expect((await redeem(without, { redirect_uri: '' })).status).toBe(200)
    expect((await redeem(await obtainCode(cookie, request))).status).toBe(200)
  })

  it('a code is redeemed just before CODE_LIFETIME_SECONDS and refused afterwards, even when KV still has it', async () => {
    const [late, early] = [await codeFor(), await codeFor()]
    const expiryOf = async (code: string) =>
      (await env.DB.prepare('SELECT expires_at FROM authorization_code WHERE code_digest = ?1')
        .bind(await digest(code))
        .first<number>('expires_at')) ?? 0
    vi.setSystemTime((await expiryOf(early)) * 1000 - 1)
    expect((await redeem(early)).status).toBe(200)
    vi.setSystemTime((await expiryOf(late)) * 1000)
    expect(await env.CODES.get(await digest(late))).not.toBeNull()
    expect(await refusal(await redeem(late))).toEqual(INVALID_GRANT)
  })

  it('a code that expires while the body of the request arrives is refused', async () => {
    const code = await codeFor()
    vi.useFakeTimers({ toFake: ['Date'] })
    const text = new URLSearchParams(redemptionOf(client, code)).toString()
    const expireThenSend = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      passTime(3600)
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    }
    // Nothing is sent before the registry reads.
    const body = new ReadableStream({ pull: expireThenSend }, { highWaterMark: 0 })
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const response = await registry('/token', { method: 'POST', headers, body })
    expect(await refusal(response)).toEqual(INVALID_GRANT)
  })
})

describe('changes between authorization and redemption', () => {
  it('a token has no scope that its client lost between the authorization and the redemption', async () => {
    const own = await newClient()
    const code = await codeFor({ scope: 'submission:read public:read' }, own)
    await clientRegistry(env.DB).withdraw(own.id, { scopes: ['submission:read'] }, nowSeconds())
    expect((await tokenIn(await redeem(code, {}, own))).scope).toBe('public:read')
  })

  it('a code of a user who was disabled after the authorization is refused with invalid_grant', async () => {
    const other = await newUser()
    const code = await obtainCode(await signIn(other), requestOf(client))
    await userRegistry(env.DB).disable(other.id, nowSeconds())
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
  })
})
