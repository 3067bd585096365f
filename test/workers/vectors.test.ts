/** The vectors (test/vectors) against the authenticator: `/auth` behind a proxy, on sessions in KV and the registry's keys. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { SessionRecord } from '../../src/domain/session.ts'
import type { Vector } from '../vectors/source/vector.ts'
import { expectAnswer, vectorsFor } from '../vectors/vectors.ts'
import { authenticatorEnv, record, store } from './stored-session.ts'

const PROXY_SECRET = 'the-proxy-secret-of-the-tests-7Yw'
const VECTORS = vectorsFor(['any', 'opaque', 'signed'])

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

type Introspected = Readonly<{
  scope: string
  client_id: string
  username?: string
  sub: string
  aud?: string[]
  cnf?: { jkt: string }
  exp: number
  iat: number
  endorsements: string[]
}>

const isoTime = (epochSeconds: number) => new Date(epochSeconds * 1000).toISOString()

/** The session for which the registry gives this introspection response. */
function recordOf(answer: Introspected): SessionRecord {
  const { client } = record()
  return record({
    start_time: isoTime(answer.iat),
    end_time: isoTime(answer.exp),
    user:
      answer.username === undefined
        ? null
        : { user_id: answer.sub, username: answer.username, email: '' },
    client: client && { ...client, client_id: answer.client_id },
    authorizations: {
      classic: 0,
      scopes: answer.scope.split(' ').filter(Boolean),
      endorsements: answer.endorsements,
    },
    audience: answer.aud ?? [],
    ...(answer.cnf && { cnf: answer.cnf }),
  })
}

/** The request of a proxy. It has `required` because a vector without scopes needs a session too. */
function proxyRequest({ request, required }: Vector): Request {
  const asked = new URLSearchParams({ required: '' })
  for (const scope of required.scopes) asked.append('scope', scope)
  for (const name of ['audience', 'resource', 'category'] as const) {
    const value = required[name]
    if (value !== undefined) asked.set(name, value)
  }
  return new Request(`https://authenticator.example/auth?${asked}`, {
    headers: {
      ...request.headers,
      'X-Proxy-Secret': PROXY_SECRET,
      'X-Original-Method': request.method,
      'X-Original-URL': request.url,
    },
  })
}

function sessionIn(response: Response): SessionRecord | null {
  const [, payload] = response.headers.get('Authorization')?.split('.') ?? []
  if (payload === undefined) return null
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as SessionRecord
}

describe('the vectors at /auth', () => {
  it.each(VECTORS)('%s', async (_, { issuer, now, introspection, keySet, vector }) => {
    vi.setSystemTime((vector.now ?? now) * 1000)
    const [, token = ''] = (vector.request.headers.Authorization ?? '').split(/ +/)
    const known = introspection[token]
    if (known) await store(token, recordOf(known as Introspected))
    const authenticator = createAuthenticator({
      ...authenticatorEnv(),
      ISSUER: issuer,
      PROXY_SECRET,
      REGISTRY: { fetch: async () => Response.json(keySet) },
    })
    for (const answer of [vector.answer, vector.repeated].filter((one) => one !== undefined)) {
      const response = await authenticator.fetch(proxyRequest(vector))
      await expectAnswer(response, answer, sessionIn(response))
    }
  })

  it('control: the authenticator has more than 250 vectors', () => {
    expect(VECTORS.length).toBeGreaterThan(250)
  })
})
