/** A service behind `scoped()` of `edge-registry/fetch`, and a registry that counts its requests. */

import { afterEach, beforeEach, vi } from 'vitest'
import { tokenOf } from '../../src/crypto/token.ts'
import type { Check } from '../../src/resource-server/asked.ts'
import { type ScopedOptions, scoped } from '../../src/resource-server/fetch.ts'

export const ISSUER = 'https://auth.example'
export const FILES = 'https://files.example'

export const opaqueToken = (name = '') => tokenOf('accessToken', name.padEnd(43, 'A'))
export const nowSeconds = () => Math.floor(Date.now() / 1000)

/** Registers hooks: `Date` begins at this time in every test. Returns the log lines of the current test. */
export function useFakeClock(nowMs: number): readonly string[] {
  const lines: string[] = []
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs })
    lines.length = 0
    vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)))
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })
  return lines
}
export const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)

export const activeAnswer = (change: object = {}) => ({
  ...{ active: true, scope: 'files:read', client_id: 'client-1', sub: 'user-1' },
  ...{ aud: [FILES], token_type: 'Bearer', iat: nowSeconds(), exp: nowSeconds() + 600 },
  ...{ iss: ISSUER, endorsements: [], jti: 'session-1' },
  ...change,
})

/** What a registry answers: a response, a value as JSON, or an error that it throws. */
export type Answering = (url: string, init: RequestInit) => unknown

/** `fetch` for the options of a check, as a spy. */
export const registry = (answering: Answering) =>
  vi.fn(async (url: string, init: RequestInit) => {
    const answer = await answering(url, init)
    return answer instanceof Response ? answer : Response.json(answer)
  })

/** The status of a request with a token at a route, and the log line of a fault. */
export function service(check: Check, options: ScopedOptions = {}) {
  const handler = vi.fn(() => new Response('served'))
  const handle = scoped('files:read', { audience: FILES, check, ...options })(handler)
  const ask = (token: string, headers: Record<string, string> = {}) =>
    handle(
      new Request(`${FILES}/reports/7`, {
        headers: { Authorization: `Bearer ${token}`, ...headers },
      }),
    )
  return { ask, statusOf: async (token: string) => (await ask(token)).status, handler }
}
