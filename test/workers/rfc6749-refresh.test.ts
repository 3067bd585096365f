/** RFC 6749 §6 and RFC 9700 §4.14: refresh tokens, their families, and the end of a family. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { isWellFormed } from '../../src/crypto/token.ts'
import { revocationStatements } from '../../src/stores/revocation-statements.ts'
import { revocationStore } from '../../src/stores/revocations.ts'
import { clientRegistry, userRegistry } from '../rows.ts'
import { countedBindings, failing, nothing } from './counting.ts'
import { clockedDatabase, passTime } from './d1-clock.ts'
import { type Issued, issuedIn, newRefreshingClient, renewal } from './obtaining.ts'
import {
  countSessions,
  credentialsOf,
  type Fetch,
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
  serve,
  sessionOf,
  signIn,
  type TestClient,
  type TestUser,
  UNAVAILABLE,
  withChallenge,
} from './registry.ts'

const INVALID_GRANT = { status: 400, error: 'invalid_grant' }
const INVALID_SCOPE = { status: 400, error: 'invalid_scope' }
const GRANTS = ['authorization_code', 'refresh_token'] as const
const LIFETIME_SECONDS = 7200
const SCOPE = 'public:read submission:read'

let client: TestClient
let user: TestUser
let cookie: string
beforeAll(async () => {
  client = await newClient({ grantTypes: [...GRANTS] })
  user = await newUser()
  cookie = await signIn(user)
})
afterEach(() => {
  vi.useRealTimers()
})

const codeOf = (own: TestClient, as = cookie) =>
  obtainCode(as, requestOf(own, { scope: SCOPE, ...withChallenge }))
const exchange = async (own: TestClient, code: string, fetch: Fetch = registry) =>
  post('/token', redemptionOf(own, code, { code_verifier: PKCE.verifier }), {}, fetch)
/** The first tokens of a new family. */
const begin = async (own = client, as = cookie) =>
  issuedIn(await exchange(own, await codeOf(own, as)))

const refresh = (
  token: string,
  own = client,
  more: Record<string, string> = {},
  fetch: Fetch = registry,
) => renewal(own, token, more, fetch)

const isAlive = async (accessToken: string) => (await sessionOf(accessToken)) !== null

async function expectEnded(tokens: Issued, own = client) {
  expect(await refusal(await refresh(tokens.refresh_token, own))).toEqual(INVALID_GRANT)
  expect(await isAlive(tokens.access_token)).toBe(false)
}

describe('the issue of refresh tokens', () => {
  it('a client with the grant type gets a refresh token from the code flow', async () => {
    const tokens = await begin()
    expect(isWellFormed('refreshToken', tokens.refresh_token)).toBe(true)
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: SCOPE })
  })

  it('a client without the grant type gets no refresh token and cannot use one', async () => {
    const own = await newClient({ grantTypes: ['authorization_code'] })
    expect(await begin(own)).not.toHaveProperty('refresh_token')
    const { refresh_token } = await begin()
    const answer = await refusal(await refresh(refresh_token, own))
    expect(answer).toEqual({ status: 400, error: 'unauthorized_client' })
  })

  it('the client credentials grant issues no refresh token (RFC 6749 §4.4.3)', async () => {
    const own = await newClient({ grantTypes: ['client_credentials', 'refresh_token'] })
    const issued = await post('/token', credentialsOf(own))
    expect(await issuedIn(issued)).not.toHaveProperty('refresh_token')
  })

  it('a refresh token is stored as a digest', async () => {
    const { refresh_token } = await begin()
    const rows = await env.DB.prepare('SELECT * FROM refresh_token').all()
    expect(JSON.stringify(rows.results)).toContain(await digest(refresh_token))
    expect(JSON.stringify(rows.results)).not.toContain(refresh_token)
  })
})

describe('the refresh grant', () => {
  it('a refresh gives an access token of the same grant and a new refresh token', async () => {
    const first = await begin()
    const response = await refresh(first.refresh_token)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const second = await issuedIn(response)
    expect(second).toMatchObject({
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
      scope: SCOPE,
    })
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await sessionOf(second.access_token)).toMatchObject({
      user: { user_id: user.id },
      client: { client_id: client.id },
      authorizations: { scopes: SCOPE.split(' '), endorsements: ['cs.DL'] },
    })
    expect(await isAlive(first.access_token)).toBe(true)
    expect((await refresh(second.refresh_token)).status).toBe(200)
  })

  it.each([
    ['missing', {}, 'invalid_request'],
    ['empty', { refresh_token: '' }, 'invalid_request'],
    ['malformed', { refresh_token: 'regr_junk' }, 'invalid_grant'],
    ['an access token', { refresh_token: `reg_${'A'.repeat(49)}` }, 'invalid_grant'],
  ])('a refresh with a token that is %s is refused', async (_, fields, error) => {
    const asked = { grant_type: 'refresh_token', client_id: client.id }
    const response = await post('/token', { ...asked, client_secret: client.secret, ...fields })
    expect(await refusal(response)).toEqual({ status: 400, error })
  })

  it('a refresh with a wrong secret is refused and does not spend the token', async () => {
    const { refresh_token } = await begin()
    const wrong = await refresh(refresh_token, { ...client, secret: 'wrong' })
    expect(await refusal(wrong)).toEqual({ status: 401, error: 'invalid_client' })
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it("a refresh with another client's token is refused and ends nothing", async () => {
    const tokens = await begin()
    const thief = await newClient({ grantTypes: [...GRANTS] })
    expect(await refusal(await refresh(tokens.refresh_token, thief))).toEqual(INVALID_GRANT)
    expect(await isAlive(tokens.access_token)).toBe(true)
    const next = await issuedIn(await refresh(tokens.refresh_token))
    // The same holds for a spent token.
    passTime(3600)
    expect(await refusal(await refresh(tokens.refresh_token, thief))).toEqual(INVALID_GRANT)
    expect((await refresh(next.refresh_token)).status).toBe(200)
  })
})

describe('RFC 9700 §4.14.2: one use of a refresh token', () => {
  const strict = serve({ REFRESH_RETRY_SECONDS: 0 })
  const crowd = async (token: string, own: TestClient) => {
    const before = await countSessions()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(token, own, {}, strict)),
    )
    const winners = answers.filter(({ status }) => status === 200)
    expect(winners).toHaveLength(1)
    for (const loser of answers.filter(({ status }) => status !== 200)) {
      expect(await refusal(loser)).toEqual(INVALID_GRANT)
    }
    expect(await countSessions()).toBe(before + 1)
    return issuedIn(winners[0] as Response)
  }

  it('with REFRESH_RETRY_SECONDS=0, only one of 20 simultaneous refreshes by a confidential client succeeds, and the family stays valid', async () => {
    const winner = await crowd((await begin()).refresh_token, client)
    expect(await isAlive(winner.access_token)).toBe(true)
    expect((await refresh(winner.refresh_token)).status).toBe(200)
  })

  it('with REFRESH_RETRY_SECONDS=0, only one of 20 simultaneous refreshes by a public client succeeds, and the family ends with all its sessions', async () => {
    const own = await newClient({ authMethod: 'none', grantTypes: [...GRANTS] })
    const first = await begin(own)
    const winner = await crowd(first.refresh_token, own)
    await expectEnded(winner, own)
    expect(await isAlive(first.access_token)).toBe(false)
  })

  it('a spent refresh token that is used later ends its family and its sessions, and no other family', async () => {
    const other = await begin()
    const first = await begin()
    const second = await issuedIn(await refresh(first.refresh_token))
    passTime(11)
    expect(await refusal(await refresh(first.refresh_token))).toEqual(INVALID_GRANT)
    await expectEnded(second)
    expect(await isAlive(first.access_token)).toBe(false)
    expect(await isAlive(other.access_token)).toBe(true)
    expect((await refresh(other.refresh_token)).status).toBe(200)
  })

  it('a spent refresh token whose successor was used ends the family even within REFRESH_RETRY_SECONDS', async () => {
    const first = await begin()
    const second = await issuedIn(await refresh(first.refresh_token))
    const third = await issuedIn(await refresh(second.refresh_token))
    // The second was just spent and the third is unused, so the response may have been lost.
    expect((await refresh(second.refresh_token)).status).toBe(200)
    expect(await isAlive(third.access_token)).toBe(true)
    expect(await refusal(await refresh(first.refresh_token))).toEqual(INVALID_GRANT)
    await expectEnded(third)
    expect(await isAlive(second.access_token)).toBe(false)
  })

  it('with REFRESH_RETRY_SECONDS=0 a spent refresh token that is used a second later ends its family', async () => {
    const first = await begin()
    const second = await issuedIn(await refresh(first.refresh_token, client, {}, strict))
    passTime(1)
    await refresh(first.refresh_token, client, {}, strict)
    await expectEnded(second)
  })

  it('cron writes a tombstone record again when a session has overwritten it', async () => {
    const own = await newClient({ authMethod: 'none', grantTypes: [...GRANTS] })
    const first = await begin(own)
    const second = await issuedIn(await refresh(first.refresh_token, own))
    const key = await digest(second.access_token)
    const record = (await env.SESSIONS.get(key)) ?? ''
    await refresh(first.refresh_token, own, {}, strict)
    await env.SESSIONS.put(key, record)
    const later = clockedDatabase(() => Date.now() + 60_000)
    await revocationStore(later, env.SESSIONS, LIFETIME_SECONDS).repairKv()
    expect(await env.SESSIONS.get(key)).toBe('{"revoked":true}')
    const unshown = await env.DB.prepare(
      `SELECT count(*) AS n FROM revocation WHERE kind = 'session' AND is_shown = 0`,
    ).first('n')
    expect(unshown).toBe(0)
  })
})

describe('RFC 6749 §6: the scope of a refresh', () => {
  it('a refresh with a narrower scope narrows its access token and not the family', async () => {
    const first = await begin()
    const narrow = await issuedIn(
      await refresh(first.refresh_token, client, { scope: 'public:read' }),
    )
    expect(narrow.scope).toBe('public:read')
    const session = await sessionOf(narrow.access_token)
    expect(session?.authorizations.scopes).toEqual(['public:read'])
    expect((await issuedIn(await refresh(narrow.refresh_token))).scope).toBe(SCOPE)
  })

  it('a refresh with a wider scope than was granted is refused with invalid_scope, even when the client is authorized for it', async () => {
    const { refresh_token } = await begin()
    for (const scope of ['submission:create', `${SCOPE} submission:create`, 'a:b', 'nonsense']) {
      expect(await refusal(await refresh(refresh_token, client, { scope }))).toEqual(INVALID_SCOPE)
    }
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it('a refresh gives no scope that the client has lost', async () => {
    const own = await newClient({ grantTypes: [...GRANTS] })
    const first = await begin(own)
    await clientRegistry(env.DB).withdraw(own.id, { scopes: ['submission:read'] }, nowSeconds())
    const second = await issuedIn(await refresh(first.refresh_token, own))
    expect(second.scope).toBe('public:read')
    await clientRegistry(env.DB).withdraw(own.id, { scopes: ['public:read'] }, nowSeconds())
    expect(await refusal(await refresh(second.refresh_token, own))).toEqual(INVALID_GRANT)
    await clientRegistry(env.DB).authorize(own.id, { scopes: SCOPE.split(' ') }, nowSeconds())
    expect((await issuedIn(await refresh(second.refresh_token, own))).scope).toBe(SCOPE)
  })

  it('a refresh gives no scope and no endorsement that the user has lost', async () => {
    const own = await newUser()
    const first = await begin(client, await signIn(own))
    await env.DB.batch([
      env.DB.prepare(
        `DELETE FROM user_scope WHERE user_id = ?1 AND scope = 'submission:read'`,
      ).bind(own.id),
      env.DB.prepare('DELETE FROM user_endorsement WHERE user_id = ?1').bind(own.id),
    ])
    const second = await issuedIn(await refresh(first.refresh_token))
    expect(second.scope).toBe('public:read')
    expect((await sessionOf(second.access_token))?.authorizations.endorsements).toEqual([])
  })
})

describe('the end of a family', () => {
  it('a family ends when its user is disabled with a revocation, and stays ended when the user is enabled', async () => {
    const own = await newUser()
    const tokens = await begin(client, await signIn(own))
    const registered = userRegistry(env.DB)
    const revoked = { kind: 'user', userId: own.id } as const
    const also = revocationStatements(env.DB, revoked, LIFETIME_SECONDS)
    await registered.disable(own.id, nowSeconds(), also)
    await expectEnded(tokens)
    await registered.enable(own.id, nowSeconds())
    await expectEnded(tokens)
  })

  it('a refresh is refused while its user is disabled', async () => {
    const own = await newUser()
    const { refresh_token } = await begin(client, await signIn(own))
    await userRegistry(env.DB).disable(own.id, nowSeconds())
    expect(await refusal(await refresh(refresh_token))).toEqual(INVALID_GRANT)
  })

  it('a family ends when its client is disabled or deleted', async () => {
    const own = await newClient({ grantTypes: [...GRANTS] })
    const tokens = await begin(own)
    const clients = clientRegistry(env.DB)
    const revoked = { kind: 'client', clientId: own.id } as const
    const also = revocationStatements(env.DB, revoked, LIFETIME_SECONDS)
    await clients.disable(own.id, nowSeconds(), also)
    const asDisabled = await refusal(await refresh(tokens.refresh_token, own))
    expect(asDisabled).toEqual({ status: 401, error: 'invalid_client' })
    await clients.enable(own.id, nowSeconds())
    await expectEnded(tokens, own)
    await clients.delete(own.id)
    const asDeleted = await refusal(await refresh(tokens.refresh_token, own))
    expect(asDeleted).toEqual({ status: 401, error: 'invalid_client' })
    const row = env.DB.prepare('SELECT 1 FROM refresh_token WHERE token_digest = ?1')
    expect(await row.bind(await digest(tokens.refresh_token)).first()).toBeNull()
  })

  it('a family ends when its consent is removed, and other clients of the user keep theirs', async () => {
    const own = await newClient({ grantTypes: [...GRANTS] })
    const [tokens, others] = [await begin(own), await begin()]
    const revocations = revocationStore(env.DB, env.SESSIONS, LIFETIME_SECONDS)
    await revocations.removeConsent(user.id, own.id)
    await expectEnded(tokens, own)
    expect((await refresh(others.refresh_token)).status).toBe(200)
  })

  it('a family ends after REFRESH_LIFETIME_SECONDS, which a refresh does not prolong', async () => {
    const short = serve({ REFRESH_LIFETIME_SECONDS: 600 })
    const code = await codeOf(client)
    const first = await issuedIn(await exchange(client, code, short))
    passTime(590)
    const second = await issuedIn(await refresh(first.refresh_token, client, {}, short))
    passTime(11)
    const late = await refresh(second.refresh_token, client, {}, short)
    expect(await refusal(late)).toEqual(INVALID_GRANT)
  })

  it('a refresh token is renewed in the last second before its family expires, and refused in the second in which it expires', async () => {
    const own = await newRefreshingClient()
    const first = await begin(own)
    // Later than D1's clock says, so that the clock of the worker decides.
    const expiresAt = nowSeconds() + 1000
    await env.DB.prepare('UPDATE refresh_family SET expires_at = ?2 WHERE client_id = ?1')
      .bind(own.id, expiresAt)
      .run()
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(expiresAt * 1000 - 1)
    const second = await issuedIn(await refresh(first.refresh_token, own))
    vi.setSystemTime(expiresAt * 1000)
    expect(await refusal(await refresh(second.refresh_token, own))).toEqual(INVALID_GRANT)
  })

  it('a family ends when its code is redeemed a second time', async () => {
    const code = await codeOf(client)
    const first = await issuedIn(await exchange(client, code))
    const second = await issuedIn(await refresh(first.refresh_token))
    passTime(3)
    expect(await refusal(await exchange(client, code))).toEqual(INVALID_GRANT)
    await expectEnded(second)
    expect(await isAlive(first.access_token)).toBe(false)
  })
})

describe('a refresh under storage faults', () => {
  it.each<[string, Fetch]>([
    ['KV cannot store the session', failing('kvWrite')],
    ['D1 cannot be reached', failing('d1')],
    // The first two operations read the client and the token.
    ['D1 cannot decide', failing('d1', { from: 3 })],
  ])(
    'a refresh is 503 and stores no session when %s, and the refresh token stays valid',
    async (_, fetch) => {
      const { refresh_token } = await begin()
      const before = await countSessions()
      const response = await refresh(refresh_token, client, {}, fetch)
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(await refusal(response)).toEqual(UNAVAILABLE)
      expect(await countSessions()).toBe(before)
      expect((await refresh(refresh_token)).status).toBe(200)
    },
  )

  it('the rotation of a refresh token is repeated when D1 fails once', async () => {
    const { refresh_token } = await begin()
    expect(
      (await refresh(refresh_token, client, {}, failing('d1', { from: 3, times: 1 }))).status,
    ).toBe(200)
  })

  it('a second use of a refresh token is 503 when D1 cannot record it, and ends the family when it is repeated', async () => {
    const first = await begin()
    const second = await issuedIn(await refresh(first.refresh_token))
    passTime(11)
    const faulty = await refresh(first.refresh_token, client, {}, failing('d1', { from: 3 }))
    expect(faulty.status).toBe(503)
    expect(await isAlive(second.access_token)).toBe(true)
    await refresh(first.refresh_token)
    await expectEnded(second)
  })

  it('a second use of a refresh token ends its family even when KV fails', async () => {
    const first = await begin()
    const second = await issuedIn(await refresh(first.refresh_token))
    passTime(11)
    const response = await refresh(first.refresh_token, client, {}, failing('kvWrite'))
    expect(await refusal(response)).toEqual(INVALID_GRANT)
    await expectEnded(second)
  })
})

describe('storage operations of the grants with refresh tokens', () => {
  const { bindings, costOf } = countedBindings()
  const fetch = serve(bindings)

  it('a code exchange that begins a family costs no more operations than one that does not', async () => {
    const code = await codeOf(client)
    const cost = await costOf(() => exchange(client, code, fetch), 200)
    expect(cost).toEqual({ d1: 2, kvRead: 1, kvWrite: 1, kvDelete: 1 })
  })

  it('a refresh costs two D1 reads, one D1 batch and one KV write', async () => {
    const { refresh_token } = await begin()
    const cost = await costOf(() => refresh(refresh_token, client, {}, fetch), 200)
    expect(cost).toEqual({ ...nothing(), d1: 3, kvWrite: 1 })
  })

  it('a retry of a refresh costs two D1 reads, one D1 batch and one KV read, and a malformed refresh token one D1 read and the write of the refusal', async () => {
    const { refresh_token } = await begin()
    await refresh(refresh_token, client, {}, fetch)
    const again = await costOf(() => refresh(refresh_token, client, {}, fetch), 200)
    expect(again).toEqual({ ...nothing(), d1: 3, kvRead: 1 })
    const junk = await costOf(() => refresh('regr_junk', client, {}, fetch), 400)
    expect(junk).toEqual({ ...nothing(), d1: 2 })
  })
})
