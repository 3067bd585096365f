/** A consent that is given, narrowed or removed writes an audit row. Tokens write none. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { over, watchedBindings } from './counting.ts'
import { machineToken, newRefreshingClient, renewal, tokensIn } from './obtaining.ts'
import {
  answerConsent,
  codeIn,
  type Fetch,
  newUser,
  nowSeconds,
  obtainCode,
  post,
  redemptionOf,
  registry,
  removalOf,
  requestOf,
  serve,
  signIn,
  type TestClient,
  type TestUser,
} from './registry.ts'

const BOTH = 'public:read submission:read'

let client: TestClient
let user: TestUser
let cookie: string
beforeEach(async () => {
  client = await newRefreshingClient()
  user = await newUser()
  cookie = await signIn(user)
  await env.DB.prepare('DELETE FROM audit').run()
})

const audit = async () => {
  const { results } = await env.DB.prepare('SELECT * FROM audit ORDER BY audit_id').all<{
    detail: string
    happened_at: number
  }>()
  return results.map((row) => ({ ...row, detail: JSON.parse(row.detail) as unknown }))
}
const consents = () =>
  env.DB.prepare('SELECT scopes, granted_at FROM consent WHERE client_id = ?1')
    .bind(client.id)
    .all()
const unticked = (scope: string) => (fields: [string, string][]) =>
  fields.filter(([name, value]) => !(name === 'grant' && value === scope))
const ask = () => requestOf(client, { scope: BOTH })

/** The fields of the removal form on the account page. */
async function removal(): Promise<Record<string, string>> {
  const response = await registry('/account', { headers: { Cookie: cookie } })
  return removalOf(client.id, await response.text())
}

/** Runs `work` while the audit table cannot be written. */
async function withoutAudit<T>(work: () => Promise<T>): Promise<T> {
  await env.DB.prepare('ALTER TABLE audit RENAME TO audit_elsewhere').run()
  try {
    return await work()
  } finally {
    await env.DB.prepare('ALTER TABLE audit_elsewhere RENAME TO audit').run()
  }
}

describe('audit rows of a consent', () => {
  it('a consent writes one audit row with the user, the client and the scopes', async () => {
    const begun = nowSeconds()
    await answerConsent(cookie, ask())
    const rows = await audit()
    expect(rows).toEqual([
      {
        audit_id: expect.any(Number),
        happened_at: expect.any(Number),
        actor: `user:${user.id}`,
        event: 'consent.grant',
        client_id: client.id,
        user_id: user.id,
        detail: { scopes: BOTH.split(' '), declined: [], endorsements: ['cs.DL'] },
      },
    ])
    expect(rows[0]?.happened_at).toBeGreaterThanOrEqual(begun)
  })

  it('the audit row of a narrowed consent names the declined scopes', async () => {
    await answerConsent(cookie, ask(), unticked('public:read'))
    const [row] = await audit()
    expect(row?.detail).toMatchObject({ scopes: ['submission:read'], declined: ['public:read'] })
  })

  it('a remembered consent and a refused consent write no audit row', async () => {
    await answerConsent(cookie, ask())
    expect(await audit()).toHaveLength(1)
    expect(await obtainCode(cookie, ask())).not.toBe('')
    const refuse = (fields: [string, string][]): [string, string][] =>
      fields.map(([name, value]) => (name === 'confirm' ? [name, 'cancel'] : [name, value]))
    const refused = await answerConsent(cookie, requestOf(client), refuse)
    expect(refused.headers.get('Location')).toContain('error=access_denied')
    expect(await audit()).toHaveLength(1)
  })

  it('a consent whose audit row cannot be written is 503, with no code and no consent', async () => {
    await withoutAudit(async () => {
      const response = await answerConsent(cookie, ask())
      expect([response.status, response.headers.has('Location')]).toEqual([503, false])
    })
    expect((await consents()).results).toEqual([])
    expect(codeIn(await answerConsent(cookie, ask()))).not.toBe('')
    expect((await consents()).results).toHaveLength(1)
  })
})

describe('audit rows of a removal', () => {
  const remove = async (fields: Record<string, string>, fetch: Fetch = registry) =>
    post('/account', fields, { Cookie: cookie }, fetch)

  it('a removal writes one audit row with the last consent, and a repeated removal writes none', async () => {
    await answerConsent(cookie, ask())
    await answerConsent(cookie, requestOf(client, { scope: 'public:read' }))
    await answerConsent(cookie, requestOf(await newRefreshingClient()))
    const fields = await removal()
    expect((await remove(fields)).status).toBe(200)
    await remove(fields)
    const rows = (await audit()).filter((row) => !JSON.stringify(row).includes('consent.grant'))
    expect(rows).toEqual([
      {
        audit_id: expect.any(Number),
        happened_at: expect.any(Number),
        actor: `user:${user.id}`,
        event: 'consent.remove',
        client_id: client.id,
        user_id: user.id,
        detail: { scopes: ['public:read'] },
      },
    ])
  })

  it('a removal whose audit row cannot be written keeps the consent', async () => {
    await answerConsent(cookie, ask())
    const fields = await removal()
    const before = await consents()
    expect(await withoutAudit(async () => (await remove(fields)).status)).toBe(503)
    expect((await consents()).results).toEqual(before.results)
    expect((await remove(fields)).status).toBe(200)
    expect((await consents()).results).not.toEqual(before.results)
  })
})

describe('audit rows of tokens', () => {
  it('issuing, refreshing and revoking tokens writes no audit row', async () => {
    const code = await obtainCode(cookie, ask())
    const rows = await audit()
    const { refresh } = await tokensIn(await post('/token', redemptionOf(client, code)))
    expect((await renewal(client, refresh)).status).toBe(200)
    const token = await machineToken(client)
    const body = { client_id: client.id, client_secret: client.secret, token }
    expect((await post('/revoke', body)).status).toBe(200)
    expect(await audit()).toEqual(rows)
    expect(rows).toHaveLength(1)
  })
})

describe('cost of the audit', () => {
  it('the audit row of a consent is written in the same batch as the consent', async () => {
    const batches: number[] = []
    const watched = watchedBindings(() => {})
    const DB = over(watched.DB, {
      batch(statements: D1PreparedStatement[]) {
        batches.push(statements.length)
        return watched.DB.batch(statements)
      },
    })
    await answerConsent(cookie, ask(), undefined, serve({ DB }))
    // The page and its answer each read the user, the consent, the declared scopes and categories in a batch; the third
    // batch writes the code, the consent and the audit row.
    expect(batches).toEqual([4, 4, 3])
    expect(await audit()).toHaveLength(1)
  })
})
