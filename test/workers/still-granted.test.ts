/**
 * A change between the read of a record and the spending of a code or a refresh token: the spending statement decides
 * on the current records. A refusal spends neither a code nor a token.
 */

import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { randomId, randomText } from '../../src/crypto/random.ts'
import type { RegisteredRedirectUri, SessionKey, TokenDigest } from '../../src/domain/ids.ts'
import { stillHeld } from '../../src/flows/still-held.ts'
import { authorizationStore } from '../../src/stores/authorizations.ts'
import { clientStore } from '../../src/stores/clients.ts'
import { codeStore } from '../../src/stores/codes.ts'
import { userStore } from '../../src/stores/users.ts'
import { runs } from '../sample.ts'
import { over } from './counting.ts'
import { loggedBy } from './logged.ts'
import { codeRecord, newRefreshingClient, renewal, type Tokens, tokensIn } from './obtaining.ts'
import {
  CALLBACK,
  countSessions,
  type Fetch,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  requestOf,
  serve,
  signIn,
  type TestClient,
  type TestUser,
  tokenIn,
  UNAVAILABLE,
  withChallenge,
} from './registry.ts'

const SCOPES = 'submission:create submission:read'
const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

let client: TestClient
let user: TestUser
const lines = loggedBy('log')
const lastDetail = () => lines.at(-1)?.detail
let cookie: string
beforeEach(async () => {
  client = await newRefreshingClient()
  user = await newUser({ scopes: SCOPES.split(' ') })
  cookie = await signIn(user)
})

const run = (sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .run()

/** A registry in which `happens` runs after all records were read, right before the spending statement. */
function meanwhile(happens: () => Promise<unknown>, settings: Record<string, unknown> = {}): Fetch {
  let isOver = false
  const batch = async <T>(statements: D1PreparedStatement[]) => {
    if (!isOver) {
      isOver = true
      await happens()
    }
    return env.DB.batch<T>(statements)
  }
  return serve({ DB: over(env.DB, { batch }), ...settings })
}

const codeFor = () => obtainCode(cookie, requestOf(client, { scope: SCOPES }))
const redeem = (code: string, fetch?: Fetch) =>
  post('/token', redemptionOf(client, code), {}, fetch)
const begin = async (): Promise<Tokens> => tokensIn(await redeem(await codeFor()))
const refresh = (tokens: Tokens, fetch?: Fetch, more = {}) =>
  renewal(client, tokens.refresh, more, fetch)
const isCodeSpent = async (code: string) =>
  (await env.DB.prepare('SELECT spent_at FROM authorization_code WHERE code_digest = ?1')
    .bind(await digest(code))
    .first('spent_at')) !== null

type Change = readonly [
  what: string,
  happens: () => Promise<unknown>,
  undone: () => Promise<unknown>,
  detail: string,
]

const withdraw = (table: string, what: string) => [
  () => run(`UPDATE ${table} SET authorized_at = NULL WHERE client_id = ?1 AND ${what}`, client.id),
  () => run(`UPDATE ${table} SET authorized_at = 1 WHERE client_id = ?1 AND ${what}`, client.id),
]
const both = (scopes: string[]) => () =>
  Promise.all(
    scopes.map((scope) =>
      run(
        'INSERT INTO user_scope (user_id, scope) VALUES (?1, ?2) ON CONFLICT DO NOTHING',
        user.id,
        scope,
      ),
    ),
  )

const OF_EITHER: Change[] = [
  [
    'the client is disabled',
    () => run('UPDATE client SET disabled_at = 1 WHERE client_id = ?1', client.id),
    () => run('UPDATE client SET disabled_at = NULL WHERE client_id = ?1', client.id),
    'the client is disabled',
  ],
  [
    'all scopes are withdrawn from the client',
    ...(withdraw('client_authorization', "scope LIKE 'submission:%'") as [Change[1], Change[2]]),
    'every granted scope has been withdrawn',
  ],
  [
    'the user is disabled',
    () => run('UPDATE user SET disabled_at = 1 WHERE user_id = ?1', user.id),
    () => run('UPDATE user SET disabled_at = NULL WHERE user_id = ?1', user.id),
    'the user is disabled',
  ],
  [
    'all scopes are withdrawn from the user',
    () => run('DELETE FROM user_scope WHERE user_id = ?1', user.id),
    both(SCOPES.split(' ')),
    'every granted scope has been withdrawn',
  ],
  [
    'one scope is withdrawn from the client and the other from the user',
    async () => {
      await run(
        "UPDATE client_authorization SET authorized_at = NULL WHERE client_id = ?1 AND scope = 'submission:read'",
        client.id,
      )
      await run(
        "DELETE FROM user_scope WHERE user_id = ?1 AND scope = 'submission:create'",
        user.id,
      )
    },
    async () => {
      await run('UPDATE client_authorization SET authorized_at = 1 WHERE client_id = ?1', client.id)
      await both(SCOPES.split(' '))()
    },
    'every granted scope has been withdrawn',
  ],
]

const grantType = (name: string): Change => [
  'the grant type is withdrawn',
  ...(withdraw('client_grant_type', `grant_type = '${name}'`) as [Change[1], Change[2]]),
  'the client may no longer use this grant type',
]
const uri = 'client_redirect_uri (client_id, redirect_uri)'
const REDIRECT: Change = [
  'the redirect URI is removed',
  () => run('DELETE FROM client_redirect_uri WHERE client_id = ?1', client.id),
  () => run(`INSERT INTO ${uri} VALUES (?1, ?2)`, client.id, CALLBACK),
  'redirect_uri is no longer registered',
]

describe('changes during the redemption of a code', () => {
  it.each([...OF_EITHER, grantType('authorization_code'), REDIRECT])(
    'a code is refused and not spent when %s during its redemption',
    async (_, happens, undone, detail) => {
      const code = await codeFor()
      const before = await countSessions()
      expect(await refusal(await redeem(code, meanwhile(happens)))).toEqual(INVALID_GRANT)
      expect(lastDetail()).toBe(detail)
      expect([await isCodeSpent(code), await countSessions()]).toEqual([false, before])
      await undone()
      expect((await redeem(code)).status).toBe(200)
    },
  )

  it('a code is redeemed for the remaining scope when one scope is withdrawn from the client during its redemption', async () => {
    const code = await codeFor()
    const [happens] = withdraw('client_authorization', "scope = 'submission:read'")
    const response = await redeem(code, meanwhile(happens as Change[1]))
    expect((await tokenIn(response)).scope).toBe('submission:create')
  })

  it('a redemption is 503, and succeeds at the next attempt, when a scope is withdrawn and restored during it', async () => {
    const code = await codeFor()
    const [happens, undone] = withdraw('client_authorization', "scope LIKE 'submission:%'")
    let batches = 0
    const batch = async <T>(statements: D1PreparedStatement[]) => {
      batches += 1
      if (batches === 1) await happens?.()
      if (batches === 2) await undone?.()
      return env.DB.batch<T>(statements)
    }
    const fetch = serve({ DB: over(env.DB, { batch }) })
    expect(await refusal(await redeem(code, fetch))).toEqual(UNAVAILABLE)
    expect((await redeem(code, fetch)).status).toBe(200)
  })
})

describe('changes before the redemption of a code', () => {
  it.each([...OF_EITHER.slice(1), REDIRECT])(
    'a code is refused and not spent when %s before its redemption',
    async (_, happens, undone, detail) => {
      const code = await codeFor()
      await happens()
      expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
      expect([lastDetail(), await isCodeSpent(code)]).toEqual([detail, false])
      await undone()
      expect((await redeem(code)).status).toBe(200)
    },
  )

  it('a code is refused and not spent when its user is deleted before its redemption', async () => {
    const code = await codeFor()
    await run('DELETE FROM user WHERE user_id = ?1', user.id)
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    expect([lastDetail(), await isCodeSpent(code)]).toEqual(['the user is gone', false])
    // A user of an accounts service needs no row in the user table.
    const external = serve({ LOGIN_URL: 'https://accounts.example/login' })
    expect((await redeem(code, external)).status).toBe(200)
  })
})

describe('codes for a redirect URI that was removed', () => {
  it('a second redemption of a code ends its tokens even after its redirect URI was removed', async () => {
    const code = await codeFor()
    const issued = await tokensIn(await redeem(code))
    await REDIRECT[1]()
    await run('UPDATE authorization_code SET spent_at = spent_at - 10')
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    await REDIRECT[2]()
    expect(await refusal(await refresh(issued))).toEqual(INVALID_GRANT)
  })

  it('a code of a public client is redeemed on any port of a registered loopback address', async () => {
    const redirect_uri = 'http://127.0.0.1:5123/callback'
    const native = await newClient({
      authMethod: 'none',
      redirectUris: ['http://127.0.0.1/callback'],
    })
    const code = await obtainCode(cookie, requestOf(native, { redirect_uri, ...withChallenge }))
    const fields = redemptionOf(native, code, { redirect_uri, code_verifier: PKCE.verifier })
    await run(
      'UPDATE client_redirect_uri SET redirect_uri = ?2 WHERE client_id = ?1',
      native.id,
      'http://127.0.0.1/other',
    )
    expect(await refusal(await post('/token', fields))).toEqual(INVALID_GRANT)
    await run(
      'UPDATE client_redirect_uri SET redirect_uri = ?2 WHERE client_id = ?1',
      native.id,
      'http://127.0.0.1:80/callback',
    )
    expect((await post('/token', fields)).status).toBe(200)
  })
})

describe('changes during a refresh', () => {
  it.each([...OF_EITHER, grantType('refresh_token')])(
    'a refresh token is refused and not spent when %s during the refresh',
    async (_, happens, undone, detail) => {
      const tokens = await begin()
      const before = await countSessions()
      const { status, error } = await refusal(await refresh(tokens, meanwhile(happens)))
      expect([status, error, lastDetail()]).toEqual([400, 'invalid_grant', detail])
      expect(await countSessions()).toBe(before)
      await undone()
      expect((await refresh(tokens)).status).toBe(200)
    },
  )

  it('a refresh is refused with invalid_scope when the only requested scope is withdrawn during it', async () => {
    const tokens = await begin()
    const [happens, undone] = withdraw('client_authorization', "scope = 'submission:read'")
    const asked = { scope: 'submission:read' }
    const answer = await refresh(tokens, meanwhile(happens as Change[1]), asked)
    expect(await refusal(answer)).toEqual({ status: 400, error: 'invalid_scope' })
    await undone?.()
    expect((await refresh(tokens)).status).toBe(200)
  })

  it('a refresh gives the remaining scope when one scope is withdrawn from the user during it', async () => {
    const tokens = await begin()
    const happens = () =>
      run("DELETE FROM user_scope WHERE user_id = ?1 AND scope = 'submission:read'", user.id)
    const response = await refresh(tokens, meanwhile(happens))
    expect((await tokenIn(response)).scope).toBe('submission:create')
  })

  it('a refresh is refused when its family is ended during it, and the recorded cause says so', async () => {
    const tokens = await begin()
    const happens = () =>
      run('UPDATE refresh_family SET ended_at = ?2 WHERE user_id = ?1', user.id, nowSeconds())
    expect(await refusal(await refresh(tokens, meanwhile(happens)))).toEqual(INVALID_GRANT)
    expect(lastDetail()).toMatch(/^its family ended \d+ s ago$/)
  })

  it('a refresh gets the same tokens when another request uses the token during it', async () => {
    const tokens = await begin()
    let other: Response | undefined
    const happens = async () => {
      other = await refresh(tokens)
    }
    const own = await refresh(tokens, meanwhile(happens))
    expect(await own.json()).toEqual(await other?.json())
  })
})

describe('the rule for granted scopes in SQL', () => {
  const ALL = ['a:b', 'a:b:*', 'a:b:1', 'a:b:12', 'a:bb', 'a:bb:*', 'a:c', 'a:c:*', 'a:c:1']
  let seed = 1
  /** One to three scopes, the same in each run. */
  function some() {
    const pick = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % ALL.length
    }
    return [...new Set(Array.from({ length: 1 + (pick() % 3) }, () => ALL[pick()] as string))]
  }
  let own: RegisteredClient
  let holder: TestUser
  beforeAll(async () => {
    own = await newClient({ scopes: [], grantTypes: ['authorization_code'] })
    holder = await newUser({ scopes: [] })
  })

  it('SQL and domain/scope.ts agree on what was granted, what the client may have and what the user holds', async () => {
    const codes = codeStore(env.DB, env.CODES)
    const authorizations = authorizationStore(env.DB, env.CODES)
    const kinds = new Set<string>()
    for (let times = 0; times < runs(40, 300); times++) {
      const [granted, ofClient, ofUser] = [some(), some(), some()]
      await run('DELETE FROM client_authorization WHERE client_id = ?1', own.id)
      await run('DELETE FROM user_scope WHERE user_id = ?1', holder.id)
      await run(
        `INSERT INTO client_authorization (client_id, scope, requested_at, authorized_at)
           SELECT ?1, value, 1, 1 FROM json_each(?2)`,
        own.id,
        JSON.stringify(ofClient),
      )
      await run(
        'INSERT INTO user_scope SELECT ?1, value FROM json_each(?2)',
        holder.id,
        JSON.stringify(ofUser),
      )
      const { id: userId, username } = holder
      const to = { userId, username, email: 'a@example.org', scopes: granted, endorsements: [] }
      const at = nowSeconds()
      const key = randomId() as TokenDigest
      await authorizations.grant(key, codeRecord(own.id, to, at), null, 0)
      const terms = {
        scopes: granted,
        usersAreExternal: false,
        proof: null,
        redirectUri: CALLBACK as RegisteredRedirectUri,
      }
      const purchase = {
        sessionKey: randomText() as SessionKey,
        clientId: own.id,
        userId: holder.id,
        asOfMs: at * 1000,
        terms,
        family: null,
      }
      const { kind } = await codes.spend(key, purchase, at)
      const client = await clientStore(env.DB, () => env.DB).findFresh(own.id)
      const { user } = await userStore(env.DB).standing(holder.id, own.id, {
        scopes: [],
        endorsements: [],
      })
      const held = client && stillHeld(to, client, user, false)
      const words = `${granted} / ${ofClient} / ${ofUser}`
      expect([words, kind]).toEqual([words, typeof held === 'string' ? 'withdrawn' : 'won'])
      kinds.add(kind)
    }
    expect([...kinds].sort()).toEqual(['withdrawn', 'won'])
  })
})
