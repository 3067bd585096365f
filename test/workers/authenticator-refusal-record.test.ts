/** The refusals of the authenticator, recorded for `npm run admin -- why ID`: their content and their limit. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { limiter } from './limits.ts'
import { loggedBy } from './logged.ts'
import { authenticatorEnv, authorizing, bearer, storeToken } from './stored-session.ts'

const AUTH = 'https://authenticator.example/auth'
const now = () => Math.floor(Date.now() / 1000)

const lines = loggedBy('error', 'log')

function recording(bindings: Record<string, unknown> = {}) {
  const { DB } = env
  const authenticator = createAuthenticator({
    ...authenticatorEnv(),
    ...{ DB, REFUSAL_LIMIT: limiter(1000), ...bindings },
  })
  const deferred: Promise<unknown>[] = []
  const defer = (work: Promise<unknown>) => deferred.push(work)
  return {
    /** Returns the refusal that is recorded under the id of the response. */
    async ask(query: string, headers: Record<string, string>) {
      const answer = await authenticator.fetch(new Request(AUTH + query, { headers }), defer)
      await Promise.all(deferred)
      const id = answer.headers.get('X-Correlation-Id') ?? ''
      return { status: answer.status, id, recorded: await refusalStore(DB).find(id, now()) }
    },
    async authenticate(authorization: string) {
      const outcome = await authenticator.authenticate({ authorization }, defer)
      await Promise.all(deferred)
      const id = outcome.kind === 'refused' ? (outcome.refusal.correlationId ?? '') : ''
      return { id, recorded: await refusalStore(DB).find(id, now()) }
    },
  }
}
const rows = () => env.DB.prepare('SELECT COUNT(*) AS count FROM refusal').first<number>('count')

describe("records of the authenticator's refusals", () => {
  it('a refusal is recorded under the id of its response, with its cause, the requirement and the client', async () => {
    const token = await storeToken(authorizing(['public:read']))
    const { status, id, recorded } = await recording().ask('?scope=submission:read', bearer(token))
    expect(status).toBe(403)
    expect(recorded).toEqual({
      correlationId: id,
      refusedAt: expect.any(Number),
      endpoint: 'GET /auth',
      error: 'insufficient_scope',
      detail: 'The session does not hold the scope. Required: submission:read',
      clientId: 'client-1',
    })
    expect(JSON.stringify(recorded)).not.toContain(token)
  })

  it.each<[string, string, Record<string, string>, number, string]>([
    ['an unknown token', '', bearer('junk'), 401, 'invalid_token'],
    ['a requirement that cannot be read', '?scopes=a:b', {}, 400, 'invalid_request'],
    ['a wrong secret of the proxy', '', { 'X-Proxy-Secret': 'x' }, 403, 'access_denied'],
  ])('a refusal for %s is recorded', async (_, query, headers, status, error) => {
    const answer = await recording().ask(query, headers)
    expect(answer.status).toBe(status)
    expect(answer.recorded).toMatchObject({ error })
  })

  it('a refusal over a binding is recorded, and carries the id of the record', async () => {
    const { id, recorded } = await recording().authenticate('Bearer junk')
    expect(recorded).toMatchObject({ correlationId: id, endpoint: 'authenticate' })
  })

  it('an anonymous request, a successful check and a fault record no refusal', async () => {
    const before = await rows()
    const good = bearer(await storeToken())
    const broken = { get: () => Promise.reject(new Error('KV is away')) }
    const asked = [
      await recording().ask('?required', {}),
      await recording().ask('', good),
      await recording({ SESSIONS: broken }).ask('', good),
    ]
    expect(asked.map(({ status }) => status)).toEqual([401, 200, 503])
    expect(await rows()).toBe(before)
  })
})

describe('the limit on records', () => {
  const from = (address: string) => ({ ...bearer('junk'), 'CF-Connecting-IP': address })

  it('the recorded refusals of one network stay within the limit, which has the same key as that of the registry', async () => {
    const REFUSAL_LIMIT = limiter(2)
    const { ask } = recording({ REFUSAL_LIMIT })
    const asked = []
    for (const end of ['1', '2', '3']) asked.push(await ask('', from(`2001:db8:1:2::${end}`)))
    asked.push(await ask('', from('192.0.2.7')))
    expect(asked.map(({ recorded }) => recorded !== null)).toEqual([true, true, false, true])
    expect(REFUSAL_LIMIT.keys()).toEqual(['recorded 2001:db8:1:2', 'recorded 192.0.2.7'])
    expect(asked.every(({ status, id }) => status === 401 && id !== '')).toBe(true)
  })

  it('all callers without an address share the limit of one network', async () => {
    const REFUSAL_LIMIT = limiter(2)
    const { ask, authenticate } = recording({ REFUSAL_LIMIT })
    const asked = [
      await authenticate('Bearer junk'),
      await ask('', bearer('junk')),
      await authenticate('Bearer junk'),
    ]
    expect(asked.map(({ recorded }) => recorded !== null)).toEqual([true, true, false])
  })

  it.each<[string, Record<string, unknown>]>([
    ['no limit is bound', { REFUSAL_LIMIT: undefined }],
    ['the limit fails', { REFUSAL_LIMIT: { limit: () => Promise.reject(new Error('away')) } }],
    ['the limit never answers', { REFUSAL_LIMIT: { limit: () => new Promise(() => {}) } }],
  ])('a refusal is not recorded when %s', async (_, bindings) => {
    const before = await rows()
    const { status, recorded } = await recording(bindings).ask('', bearer('junk'))
    expect([status, recorded]).toEqual([401, null])
    expect(await rows()).toBe(before)
  })

  it('without D1 a refusal has the same response and is not recorded', async () => {
    const before = await rows()
    expect((await recording({ DB: undefined }).ask('', bearer('junk'))).status).toBe(401)
    expect(await rows()).toBe(before)
  })

  it('the log says that a refusal could not be recorded', async () => {
    const DB = {
      prepare: () => {
        throw new Error('D1 is away')
      },
    }
    const { id } = await recording({ DB }).ask('', bearer('junk'))
    const lost = lines.filter(({ event }) => event === 'refusal_not_recorded')
    expect(lost).toMatchObject([{ correlationId: id }])
  })
})
