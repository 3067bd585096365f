/** A refresh whose response was lost: a retry gets the same tokens, and a replay still ends the family. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { secretNarrowing } from '../../src/stores/narrowing.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { clientRegistry } from '../rows.ts'
import { failing, over } from './counting.ts'
import { passTime } from './d1-clock.ts'
import { type Key, newKey, proofOf } from './keys.ts'
import {
  type Issued,
  issuedIn,
  newPublicClient,
  newRefreshingClient,
  renewal,
  renewalOf,
  sendAs,
} from './obtaining.ts'
import {
  countSessions,
  type Fetch,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestUser,
  withChallenge,
} from './registry.ts'

const INVALID_GRANT = { status: 400, error: 'invalid_grant' }
const SCOPE = 'public:read submission:read'
const WINDOW_SECONDS = 10

/** The members that are the same in every response. */
const pairOf = ({ access_token, refresh_token, scope }: Issued) => ({
  access_token,
  refresh_token,
  scope,
})
const isAlive = async ({ access_token }: Issued) => (await sessionOf(access_token)) !== null

let user: TestUser
beforeEach(async () => {
  user = await newUser()
})
afterEach(() => {
  vi.useRealTimers()
})

async function begin(client: RegisteredClient, headers: Record<string, string> = {}) {
  const code = await obtainCode(
    await signIn(user),
    requestOf(client, { scope: SCOPE, ...withChallenge }),
  )
  const redemption = redemptionOf(client, code, { code_verifier: PKCE.verifier })
  return issuedIn(await post('/token', redemption, headers))
}

const KINDS = [
  ['a confidential client', () => newRefreshingClient()],
  ['a public client', () => newPublicClient()],
] as const

describe.each(KINDS)('a retry by %s', (kind, newClient) => {
  it(`a second refresh by ${kind} with one token within the window gets the same tokens, with their remaining lifetime`, async () => {
    const client = await newClient()
    const first = await begin(client)
    // From here on the clock stands still but for the step below, so that the window is open however long the requests take.
    passTime(0)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    const before = await countSessions()
    const later = WINDOW_SECONDS - 1
    passTime(later)
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
    expect(second.expires_in).toBe(7200)
    expect(again.expires_in).toBeGreaterThanOrEqual(7200 - later - 1)
    expect(again.expires_in).toBeLessThanOrEqual(7200 - later + 1)
    expect(await countSessions()).toBe(before)
    expect(await isAlive(second)).toBe(true)
    expect((await renewal(client, again.refresh_token)).status).toBe(200)
  })

  it(`all of 50 simultaneous refreshes by ${kind} with one token get the same tokens, and only one successor is unspent`, async () => {
    const client = await newClient()
    const first = await begin(client)
    const before = await countSessions()
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => renewal(client, first.refresh_token)),
    )
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200))
    const answers = await Promise.all(responses.map(issuedIn))
    const [winner] = answers as [Issued]
    expect(new Set(answers.map((one) => JSON.stringify(pairOf(one)))).size).toBe(1)
    expect(await countSessions()).toBe(before + 1)
    const unspent = await env.DB.prepare(
      `SELECT count(*) AS n FROM refresh_token t JOIN refresh_family f ON f.family_id = t.family_id
        WHERE f.client_id = ?1 AND t.spent_at IS NULL`,
    )
      .bind(client.id)
      .first('n')
    expect(unspent).toBe(1)
    expect((await renewal(client, winner.refresh_token)).status).toBe(200)
  })

  it(`a spent refresh token that ${kind} uses after the window ends its family`, async () => {
    const client = await newClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    passTime(WINDOW_SECONDS + 1)
    expect(await refusal(await renewal(client, first.refresh_token))).toEqual(INVALID_GRANT)
    expect(await isAlive(second)).toBe(false)
    expect(await refusal(await renewal(client, second.refresh_token))).toEqual(INVALID_GRANT)
  })

  it(`a refresh by ${kind} with a spent token gets the same tokens in the last second of the window, and ends the family a second later`, async () => {
    passTime(0)
    const client = await newClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    passTime(WINDOW_SECONDS)
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
    passTime(1)
    expect(await refusal(await renewal(client, first.refresh_token))).toEqual(INVALID_GRANT)
    expect(await isAlive(second)).toBe(false)
  })

  it(`a spent refresh token that ${kind} uses within the window, after its successor was used, ends its family`, async () => {
    const client = await newClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    const third = await issuedIn(await renewal(client, second.refresh_token))
    expect(await refusal(await renewal(client, first.refresh_token))).toEqual(INVALID_GRANT)
    expect([await isAlive(second), await isAlive(third)]).toEqual([false, false])
  })
})

describe('what a retry gives', () => {
  it('a retry stores the same session again when KV lost it', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    const begunMs = Date.now()
    const second = await issuedIn(await renewal(client, first.refresh_token))
    const tookMs = Date.now() - begunMs
    const key = await digest(second.access_token)
    const stored = await sessionOf(second.access_token)
    await env.SESSIONS.delete(key)
    expect(await isAlive(second)).toBe(false)
    passTime(2)
    await renewal(client, first.refresh_token)
    const { start_time, end_time, as_of, ...same } = stored ?? {}
    expect(await sessionOf(second.access_token)).toMatchObject(same)
    const restored = (await sessionOf(second.access_token))?.end_time ?? ''
    // D1 keeps the second in which it committed the refresh.
    expect(Math.abs(Date.parse(restored) - Date.parse(end_time ?? ''))).toBeLessThan(1000 + tookMs)
  })

  it('a retry gets the narrower scope of the first request, even when it asks for another scope', async () => {
    const client = await newRefreshingClient()
    const { refresh_token } = await begin(client)
    const narrow = await issuedIn(await renewal(client, refresh_token, { scope: 'public:read' }))
    for (const more of [{}, { scope: 'public:read' }, { scope: 'submission:read' }]) {
      const again = await issuedIn(await renewal(client, refresh_token, more))
      expect(pairOf(again)).toEqual(pairOf(narrow))
    }
    const wider = await renewal(client, refresh_token, { scope: 'submission:create' })
    expect(await refusal(wider)).toMatchObject({ error: 'invalid_scope' })
  })

  it('a scope that was withdrawn after the first response is not in the session that the retry stores', async () => {
    const client = await newRefreshingClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    await clientRegistry(env.DB).withdraw(client.id, { scopes: ['submission:read'] }, nowSeconds())
    await env.SESSIONS.delete(await digest(second.access_token))
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(again).toMatchObject({ access_token: second.access_token, scope: 'public:read' })
    const session = await sessionOf(again.access_token)
    expect(session?.authorizations.scopes).toEqual(['public:read'])
  })

  it.each<[string, (client: RegisteredClient) => Promise<unknown>, number]>([
    [
      'the client is disabled',
      (client) => clientRegistry(env.DB).disable(client.id, nowSeconds()),
      401,
    ],
    [
      'the client lost the grant type',
      (client) =>
        clientRegistry(env.DB).withdraw(client.id, { grantTypes: ['refresh_token'] }, nowSeconds()),
      400,
    ],
    [
      'the user removed the client',
      (client) => revocationStore(env.DB, env.SESSIONS, 7200).removeConsent(user.id, client.id),
      400,
    ],
  ])('a retry is refused once %s', async (_, change, status) => {
    const client = await newRefreshingClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    expect((await renewal(client, first.refresh_token)).status).toBe(200)
    await change(client)
    const late = await renewal(client, first.refresh_token)
    expect(await refusal(late)).toMatchObject({ status, token: undefined })
    expect((await renewal(client, second.refresh_token)).status).toBe(status)
  })

  it('a retry does not restore a revoked access token, even when KV lost the tombstone record', async () => {
    const client = await newRefreshingClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    await sendAs(client, '/revoke', { token: second.access_token })
    const key = await digest(second.access_token)
    for (const lose of [async () => {}, () => env.SESSIONS.delete(key)]) {
      await lose()
      const again = await issuedIn(await renewal(client, first.refresh_token))
      expect(again.refresh_token).toBe(second.refresh_token)
      expect(await env.SESSIONS.get(key)).toBe('{"revoked":true}')
      expect(await isAlive(second)).toBe(false)
    }
  })

  it('a retry after a secret rotation without overlap does not restore a session that was opened with the old secret', async () => {
    const client = await newRefreshingClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    // Control: without a rotation the retry stores the lost session again.
    await env.SESSIONS.delete(await digest(second.access_token))
    await renewal(client, first.refresh_token)
    expect(await isAlive(second)).toBe(true)
    await env.DB.batch([...secretNarrowing(env.DB, client.id, 7200)])
    await env.SESSIONS.delete(await digest(second.access_token))
    await renewal(client, first.refresh_token)
    expect(await isAlive(second)).toBe(false)
  })

  it('a retry with a refresh token without a stored derivation of its successor is refused with invalid_grant', async () => {
    const client = await newRefreshingClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    await env.DB.prepare('UPDATE refresh_token SET salt = NULL, scopes = NULL').run()
    expect(await refusal(await renewal(client, first.refresh_token))).toEqual(INVALID_GRANT)
    expect((await renewal(client, second.refresh_token)).status).toBe(200)
  })
})

describe('a retry after a fault', () => {
  /** A registry whose KV cannot store a session. `before` runs before each write fails. */
  const withoutSessions = (before: () => Promise<unknown>): Fetch =>
    serve({
      SESSIONS: over(env.SESSIONS, {
        async put() {
          await before()
          throw new Error('KV is out of reach')
        },
      } as Partial<KVNamespace>),
    })

  it('a refresh that cannot store its session undoes the rotation, and the retry gets new tokens', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    const failed = await renewal(client, first.refresh_token, {}, failing('kvWrite'))
    expect(failed.status).toBe(503)
    passTime(3600)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    expect(await isAlive(second)).toBe(true)
  })

  it('a refresh that cannot store its session does not undo the rotation of a retry that was answered meanwhile', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    let meanwhile: Issued | undefined
    const answerRetry = async () => {
      meanwhile = await issuedIn(await renewal(client, first.refresh_token))
    }
    const failed = await renewal(client, first.refresh_token, {}, withoutSessions(answerRetry))
    expect(failed.status).toBe(503)
    const second = meanwhile as Issued
    expect(await isAlive(second)).toBe(true)
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
    expect((await renewal(client, second.refresh_token)).status).toBe(200)
  })

  it('a retry that cannot store the session is 503, and the next retry gets the same tokens', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    await env.SESSIONS.delete(await digest(second.access_token))
    const failed = await renewal(client, first.refresh_token, {}, failing('kvWrite'))
    expect(failed.status).toBe(503)
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
    expect(await isAlive(again)).toBe(true)
  })

  it('a retry that D1 cannot record is 503, and the next retry gets the tokens of the first response', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    // The first two operations read the client and the token.
    const faulty = failing('d1', { from: 3, times: 1 })
    expect((await renewal(client, first.refresh_token, {}, faulty)).status).toBe(503)
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
  })

  it('an undone refresh does not end the retry window of the preceding token', async () => {
    const client = await newPublicClient()
    const first = await begin(client)
    const second = await issuedIn(await renewal(client, first.refresh_token))
    await renewal(client, second.refresh_token, {}, failing('kvWrite'))
    const again = await issuedIn(await renewal(client, first.refresh_token))
    expect(pairOf(again)).toEqual(pairOf(second))
  })
})

describe('a refresh token that is bound to a key', () => {
  const proving = async (key: Key) => ({ DPoP: await proofOf(key) })
  const renewBound = async (
    client: RegisteredClient,
    token: string,
    key: Key,
    fetch: Fetch = registry,
  ) => post('/token', renewalOf(client, token), await proving(key), fetch)

  it('a bound refresh token that a public client uses a second time ends its family', async () => {
    const [client, key] = [await newPublicClient(), await newKey()]
    const first = await begin(client, await proving(key))
    const second = await issuedIn(await renewBound(client, first.refresh_token, key))
    expect(await refusal(await renewBound(client, first.refresh_token, key))).toEqual(INVALID_GRANT)
    expect(await isAlive(second)).toBe(false)
  })

  it('with DPOP_REFRESH_RETRY_SECONDS a retry with a bound refresh token gets the same tokens only with a proof of its key', async () => {
    const [client, key] = [await newPublicClient(), await newKey()]
    const windowed = serve({ DPOP_REFRESH_RETRY_SECONDS: 10 })
    const first = await begin(client, await proving(key))
    const second = await issuedIn(await renewBound(client, first.refresh_token, key, windowed))
    const stolen = await renewBound(client, first.refresh_token, await newKey(), windowed)
    expect(await refusal(stolen)).toEqual(INVALID_GRANT)
    const again = await issuedIn(await renewBound(client, first.refresh_token, key, windowed))
    expect(pairOf(again)).toEqual(pairOf(second))
    expect(await isAlive(again)).toBe(true)
  })
})
