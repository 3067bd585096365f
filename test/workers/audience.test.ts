/**
 * A service with an audience accepts only tokens for that audience: `/auth?audience=`, the RPC entry point, `scoped()`.
 */

import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import { scoped } from '../../src/resource-server/hono.ts'
import { expectRefusal } from './refusals.ts'
import { scopedService } from './scoped-service.ts'
import {
  authenticatorEnv,
  bearer,
  cookie,
  ISSUER,
  JWT_SECRET,
  record,
  storeBrowserSession,
  storeToken,
} from './stored-session.ts'

const FILES = 'https://files.example'
const MAIL = 'https://mail.example/mcp'
const AUTHENTICATOR = createAuthenticator(authenticatorEnv())

const overHttp = (audience: string | null, headers: Record<string, string>) => {
  const query = audience === null ? '' : `?audience=${encodeURIComponent(audience)}`
  return AUTHENTICATOR.fetch(new Request(`https://a.example/auth${query}`, { headers }))
}
const overBinding = async (audience: string, authorization: string) => {
  const outcome = await AUTHENTICATOR.authenticate({ authorization, audience })
  return outcome.kind === 'refused' ? outcome.refusal.status : 200
}
const byMiddleware = (audience: string, headers: Record<string, string>) =>
  scopedService('submission:read', { audience }, { AUTHENTICATOR }).ask('/submissions', headers)
const byJwt = (audience: string, jwt: string) =>
  scopedService(null, { audience, jwt: { secret: () => JWT_SECRET, issuer: ISSUER } }).ask(
    '/submissions',
    { Authorization: jwt },
  )

describe('a service that states its audience', () => {
  it.each<[audience: string[], asked: string, status: number]>([
    [[FILES], FILES, 200],
    [[FILES], `${FILES}/`, 200],
    [[FILES], 'HTTPS://Files.Example:443', 200],
    [[FILES, MAIL], MAIL, 200],
    [[FILES], MAIL, 401],
    [[MAIL], 'https://mail.example', 401],
    [[MAIL], `${MAIL}/`, 401],
    [[FILES], 'http://files.example', 401],
    [[FILES], 'https://files.example.evil.example', 401],
    [[], FILES, 401],
  ])(
    'a token for %j at a service with the audience %j gets %i',
    async (audience, asked, status) => {
      const headers = bearer(await storeToken({ audience }))
      const answer = await overHttp(asked, headers)
      expect(answer.status).toBe(status)
      expect(answer.headers.has('Authorization')).toBe(status === 200)
      if (status === 401) await expectRefusal(answer, 401, 'invalid_token')
      expect(await overBinding(asked, headers.Authorization)).toBe(status)
      const service = await byMiddleware(asked, headers)
      expect(service.status).toBe(status)
      if (status === 401) await expectRefusal(service, 401, 'invalid_token')
      const jwt = (await overHttp(null, headers)).headers.get('Authorization') ?? ''
      expect((await byJwt(asked, jwt)).status).toBe(status)
    },
  )

  it('a session record without a member audience is refused by a service with an audience', async () => {
    const { audience, ...old } = record()
    expect(audience).toEqual([])
    const headers = bearer(await storeToken({ ...old, audience: undefined } as never))
    expect((await overHttp(null, headers)).status).toBe(200)
    expect((await overHttp(FILES, headers)).status).toBe(401)
    expect((await byMiddleware(FILES, headers)).status).toBe(401)
  })

  it('a browser session is refused by a service with an audience', async () => {
    const headers = cookie(await storeBrowserSession())
    expect((await overHttp(null, headers)).status).toBe(200)
    await expectRefusal(await overHttp(FILES, headers), 401, 'invalid_token')
    await expectRefusal(await byMiddleware(FILES, headers), 401, 'invalid_token')
  })

  it('an anonymous request is refused by a service with an audience', async () => {
    expect((await overHttp(null, {})).status).toBe(200)
    await expectRefusal(await overHttp(FILES, {}), 401)
  })

  it('a malformed, empty or repeated audience is refused with 400 and never ignored', async () => {
    const headers = bearer(await storeToken({ audience: [FILES] }))
    for (const audience of ['files', '', `${FILES}#a`]) {
      await expectRefusal(await overHttp(audience, headers), 400, 'invalid_request')
      expect(await overBinding(audience, headers.Authorization)).toBe(400)
    }
    const twice = `https://a.example/auth?audience=${FILES}&audience=${MAIL}`
    const answer = await AUTHENTICATOR.fetch(new Request(twice, { headers }))
    await expectRefusal(answer, 400, 'invalid_request')
  })

  it('a token for a resource is accepted by a service without an audience', async () => {
    const headers = bearer(await storeToken({ audience: [FILES] }))
    expect((await overHttp(null, headers)).status).toBe(200)
    expect(
      (await scopedService(null, {}, { AUTHENTICATOR }).ask('/submissions', headers)).status,
    ).toBe(200)
  })

  it('the JWT of a token has the audience of the token', async () => {
    const headers = bearer(await storeToken({ audience: [FILES] }))
    const jwt = (await overHttp(FILES, headers)).headers.get('Authorization') ?? ''
    const claims = JSON.parse(atob(jwt.split('.')[1] ?? '')) as Record<string, unknown>
    expect(claims.audience).toEqual([FILES])
  })

  it('scoped() refuses a malformed audience when the service starts', () => {
    expect(() => scoped('a:b', { audience: 'files' })).toThrow(TypeError)
    expect(() => scoped('a:b', { audience: '' })).toThrow(TypeError)
    expect(() => scoped('a:b', { audience: FILES })).not.toThrow()
  })
})
