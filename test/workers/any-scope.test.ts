/**
 * Every scope-token of RFC 6749 §3.3 works as a scope: in a request, on the pages, in a token and at a resource server.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatScopes } from '../../src/domain/scope.ts'
import { ask, authenticator } from './asking.ts'
import { newRefreshingClient, redeemCode, renewal } from './obtaining.ts'
import {
  allowing,
  authorizePath,
  basicOf,
  codeIn,
  fieldsOf,
  newUser,
  obtainCode,
  post,
  refusal,
  registry,
  requestOf,
  signIn,
  tokenIn,
} from './registry.ts'
import { scopedService } from './scoped-service.ts'
import { bearer } from './stored-session.ts'

const SCOPES = [
  'openid',
  'read',
  'user.email',
  'https://example.org/scope',
  'read:org',
  'Files.ReadWrite.All',
  'submission:*',
  'a:b:c:d',
  '__proto__',
  '1',
  `<b>&'`,
  'x'.repeat(256),
]

async function userWith(scopes: string[]) {
  const client = await newRefreshingClient({ scopes, mayIntrospect: true })
  return { client, cookie: await signIn(await newUser({ scopes })) }
}
const has = (query: string, token: string) => ask(`/auth?${query}`, bearer(token))
const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&#39;')
const authQuery = (scope: string) => new URLSearchParams({ scope }).toString()

describe('a scope of any form, from the request to the resource', () => {
  it.each(SCOPES)(
    'the scope %s can be requested, allowed, issued, introspected and checked',
    async (scope) => {
      const { client, cookie } = await userWith([scope, 'other'])
      const page = await registry(authorizePath(requestOf(client, { scope })), {
        headers: { Cookie: cookie },
      })
      const shown = await page.text()
      expect(fieldsOf(shown, '/authorize').filter(([name]) => name === 'grant')).toEqual([
        ['grant', scope],
      ])
      const code = codeIn(await post('/authorize', allowing(shown), { Cookie: cookie }))
      const issued = await redeemCode(client, code)
      expect(issued.scope).toBe(scope)

      const introspected = await post(
        '/introspect',
        { token: issued.access_token },
        basicOf(client),
      )
      expect(await introspected.json()).toMatchObject({ active: true, scope })
      expect((await has(authQuery(scope), issued.access_token)).status).toBe(200)
      expect((await has('scope=other', issued.access_token)).status).toBe(403)
      const challenge = (await ask(`/auth?${authQuery(scope)}`)).headers.get('WWW-Authenticate')
      expect(challenge).toContain(`scope="${scope}"`)

      const options = { authenticator: () => authenticator }
      for (const [asked, status] of [
        [scope, 200],
        ['other', 403],
      ] as const) {
        const service = scopedService(asked, options)
        expect((await service.ask('/submissions', bearer(issued.access_token))).status).toBe(status)
      }
      const renewed = await tokenIn(await renewal(client, issued.refresh_token))
      expect(renewed.scope).toBe(scope)
      const account = await registry('/account', { headers: { Cookie: cookie } })
      expect(await account.text()).toContain(escaped(scope))
    },
  )

  it('several scopes of any form are issued together, sorted', async () => {
    const { client, cookie } = await userWith(SCOPES)
    const code = await obtainCode(cookie, requestOf(client, { scope: SCOPES.join(' ') }))
    const issued = await redeemCode(client, code)
    expect(issued.scope).toBe(formatScopes(SCOPES))
  })
})

describe('a scope without a hierarchy', () => {
  it.each([
    ['submission:*', 'submission:read'],
    ['read', 'read:org'],
    ['https://example.org/scope:*', 'https://example.org/scope'],
    ['Submission:read:*', 'Submission:read:7'],
    ['a:b:*', 'a:b:c:d'],
    ['*', 'read'],
  ])('a client that is authorized for %s may not request %s', async (held, asked) => {
    const client = await newRefreshingClient({
      scopes: [held],
      grantTypes: ['client_credentials'],
    })
    const request = (scope: string) =>
      post('/token', { grant_type: 'client_credentials', scope }, basicOf(client))
    expect(await refusal(await request(asked))).toEqual({ status: 400, error: 'invalid_scope' })
    expect((await tokenIn(await request(held))).scope).toBe(held)
  })

  it('GET /auth refuses the parameter resource for a scope without a hierarchy with 400', async () => {
    const { client, cookie } = await userWith(['read', 'read:5', 'read:abc'])
    const code = await obtainCode(cookie, requestOf(client, { scope: '' }))
    const { access_token } = await redeemCode(client, code)
    expect((await has('scope=read', access_token)).status).toBe(200)
    for (const resource of ['5', 'abc', 'b:5']) {
      expect((await has(`scope=read&resource=${resource}`, access_token)).status).toBe(400)
    }
  })
})

describe('a malformed scope', () => {
  it('a scope that RFC 6749 does not allow is refused with invalid_scope', async () => {
    const client = await newRefreshingClient({
      scopes: ['read'],
      grantTypes: ['client_credentials'],
    })
    const bad = fc.oneof(
      fc.constantFrom('"', '\\', 'é', '\t', '\u0000', '\u007f', 'a'.repeat(257)),
      fc.string({ unit: 'binary', minLength: 1 }).filter((text) => /[^ !#-[\]-~]/.test(text)),
    )
    await fc.assert(
      fc.asyncProperty(bad, async (text) => {
        const fields = { grant_type: 'client_credentials', scope: `read ${text.toWellFormed()}` }
        const refused = await post('/token', fields, basicOf(client))
        expect(await refusal(refused)).toEqual({ status: 400, error: 'invalid_scope' })
      }),
      { numRuns: 40 },
    )
  })
})
