/** `scoped()` behind nginx: the JWT that the authenticator made, and everything that only looks like it. */

import { SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import {
  authenticatorEnv,
  authorizing,
  bearer,
  ISSUER,
  JWT_SECRET,
  record,
  storeToken,
} from './stored-session.ts'

const AUTHENTICATOR = createAuthenticator(authenticatorEnv())
let lines: string[]
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)))
})
afterEach(() => vi.restoreAllMocks())

describe('by the JWT that nginx sends on', () => {
  const jwt = { secret: () => JWT_SECRET, issuer: ISSUER }
  const { ask } = scopedService('submission:read', { jwt }, {})
  const key = (secret: string) => new TextEncoder().encode(secret)
  const sign = (claims: object, secret = JWT_SECRET, alg = 'HS256') =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(key(secret))
  const now = () => Math.floor(Date.now() / 1000)
  const claims = () => ({ ...record(), iss: ISSUER, iat: now(), exp: now() + 300 })
  const asked = async (Authorization: string) => ask('/submissions', { Authorization })

  it("accepts the authenticator's own, bare or as a bearer", async () => {
    const request = new Request('https://a.example/auth', { headers: bearer(await storeToken()) })
    const made = (await AUTHENTICATOR.fetch(request)).headers.get('Authorization') ?? ''
    expect((await asked(made)).status).toBe(200)
    expect((await asked(`Bearer ${made}`)).status).toBe(200)
  })

  it('still asks for the scope, and for somebody', async () => {
    const create = scopedService('submission:create', { jwt }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await create.ask('/submissions', headers), 403, 'insufficient_scope')
    expect((await ask('/submissions', headers)).status).toBe(200)
    await expectRefusal(await ask('/submissions'), 401)
  })

  it.each<[string, () => Promise<string> | string]>([
    ['another key', () => sign(claims(), 'another secret, also longer than 32 bytes')],
    ['alg none', () => new UnsecuredJWT({ ...claims() }).encode()],
    ['alg HS512 under our own key', () => sign(claims(), JWT_SECRET.repeat(2), 'HS512')],
    ['another issuer', () => sign({ ...claims(), iss: 'https://evil.example' })],
    ['no end', () => sign({ ...claims(), exp: undefined })],
    ['an end that has come', () => sign({ ...claims(), exp: now() })],
    ['an access token instead', () => storeToken()],
    ['an access token as a bearer', async () => `Bearer ${await storeToken()}`],
    ['an empty header', () => ''],
    [
      'a changed payload',
      async () => {
        const [head, , signature] = (await sign(claims())).split('.')
        const forged = { ...claims(), ...authorizing(['submission:read:*']) }
        return `${head}.${btoa(JSON.stringify(forged)).replace(/=+$/, '')}.${signature}`
      },
    ],
  ])('refuses %s', async (_, made) => {
    expect((await asked(await sign(claims()))).status).toBe(200)
    await expectRefusal(await asked(await made()), 401, 'invalid_token')
  })

  it('answers 503 with a short secret or a signed claim of the wrong shape', async () => {
    const short = scopedService(null, { jwt: { secret: () => 'short', issuer: ISSUER } }, {})
    const headers = { Authorization: await sign(claims()) }
    await expectRefusal(await short.ask('/submissions', headers), 503)
    await expectRefusal(await asked(await sign({ ...claims(), authorizations: {} })), 503)
    expect(lines.join()).not.toContain(JWT_SECRET)
  })
})
