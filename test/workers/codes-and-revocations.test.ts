/** Codes whose client, user or consent is revoked before or while they are redeemed. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { refusalStore } from '../../src/stores/refusals.ts'
import { type Revoked, revocationStatements } from '../../src/stores/revocation-statements.ts'
import { over } from './counting.ts'
import { newRefreshingClient } from './obtaining.ts'
import {
  answerConsent,
  authorizePath,
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
  signIn,
  type TestClient,
  type TestUser,
  UNAVAILABLE,
  withChallenge,
} from './registry.ts'

const LIFETIME_SECONDS = 7200

async function scene() {
  const [client, user] = [await newRefreshingClient(), await newUser()]
  const cookie = await signIn(user)
  const redeem = (code: string, fetch = registry) =>
    post('/token', redemptionOf(client, code, { code_verifier: PKCE.verifier }), {}, fetch)
  return { client, user, cookie, asked: requestOf(client, withChallenge), redeem }
}

const REVOKED: [Revoked['kind'], (client: TestClient, user: TestUser) => Revoked][] = [
  ['client', (client) => ({ kind: 'client', clientId: client.id })],
  ['client_record', (client) => ({ kind: 'client_record', clientId: client.id })],
  ['user', (_, user) => ({ kind: 'user', userId: user.id })],
  ['consent', (client, user) => ({ kind: 'consent', clientId: client.id, userId: user.id })],
]

const revoke = (revoked: Revoked) =>
  env.DB.batch(revocationStatements(env.DB, revoked, LIFETIME_SECONDS))

/** A registry on a KV that cannot store a session; `first` runs before the fault. */
const withoutSessionWrites = (first: () => Promise<unknown>) =>
  serve({
    SESSIONS: over(env.SESSIONS, {
      async put() {
        await first()
        throw new Error('storage is out of reach')
      },
    }),
  })

describe('codes whose session could not be stored', () => {
  it.each(REVOKED)(
    'a code whose session could not be stored is refused when its %s was revoked between the spending and the fault',
    async (_, of) => {
      const { client, user, cookie, asked, redeem } = await scene()
      const code = await obtainCode(cookie, asked)
      const failed = await redeem(
        code,
        withoutSessionWrites(() => revoke(of(client, user))),
      )
      expect(await refusal(failed)).toEqual(UNAVAILABLE)
      expect(await refusal(await redeem(code))).toEqual({ status: 400, error: 'invalid_grant' })
    },
  )

  it('control: a code whose session could not be stored is accepted again when another client was revoked', async () => {
    const { cookie, asked, redeem } = await scene()
    const code = await obtainCode(cookie, asked)
    const { id: clientId } = await newRefreshingClient()
    const failed = await redeem(
      code,
      withoutSessionWrites(() => revoke({ kind: 'client', clientId })),
    )
    expect(await refusal(failed)).toEqual(UNAVAILABLE)
    expect((await redeem(code)).status).toBe(200)
  })
})

describe('consent answers that commit after a removal on /account', () => {
  /** Answers the page, with `first` before the commit, and then sends the same request again. */
  async function answered(first: (client: TestClient, user: TestUser) => Promise<unknown>) {
    const { client, user, cookie, asked } = await scene()
    let batches = 0
    const racing = over(env.DB, {
      async batch<T>(statements: D1PreparedStatement[]) {
        batches += 1
        // The first two batches read the user, for the page and the answer; the third records the answer.
        if (batches === 3) await first(client, user)
        return env.DB.batch<T>(statements)
      },
    })
    await answerConsent(cookie, asked, undefined, serve({ DB: racing }))
    expect(batches).toBe(3)
    const again = await registry(authorizePath(asked), { headers: { Cookie: cookie } })
    const grants = env.DB.prepare(
      `SELECT count(*) AS n FROM audit WHERE event = 'consent.grant' AND user_id = ?1`,
    )
    return { again: again.status, granted: await grants.bind(user.id).first<number>('n') }
  }

  it('a consent answer that commits after a removal is neither remembered nor recorded in the audit', async () => {
    const removed = (client: TestClient, user: TestUser) =>
      revoke({ kind: 'consent', clientId: client.id, userId: user.id })
    expect(await answered(removed)).toEqual({ again: 200, granted: 0 })
  })

  it('control: a consent answer is remembered and recorded when nothing was removed', async () => {
    expect(await answered(async () => {})).toEqual({ again: 303, granted: 1 })
  })
})

it.each(REVOKED)(
  'the recorded cause of a code that ended with its revoked %s is the revocation',
  async (_, of) => {
    const { client, user, cookie, asked, redeem } = await scene()
    const code = await obtainCode(cookie, asked)
    await revoke(of(client, user))
    const refused = await redeem(code)
    const id = refused.headers.get('X-Correlation-Id') ?? ''
    expect(await refusal(refused)).toEqual({ status: 400, error: 'invalid_grant' })
    const recorded = await refusalStore(env.DB).find(id, nowSeconds())
    expect(recorded?.detail).toMatch(/^revoked \d+ s ago, before it was used$/)
  },
)
