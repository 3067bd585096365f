/** Resource indicators (RFC 8707): the audience of a token at each endpoint, and that no request widens a grant. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { updateClient } from '../../src/flows/registration/clients.ts'
import { deleteResource, updateResource } from '../../src/flows/registration/resources.ts'
import { newKey, proofOf } from './keys.ts'
import {
  issuedIn,
  newPublicClient,
  newRefreshingClient,
  renewal,
  renewalOf,
  sendAs,
} from './obtaining.ts'
import { admin } from './registering.ts'
import {
  allowing,
  answerConsent,
  authorizePath,
  codeIn,
  credentialsOf,
  ISSUER,
  newClient,
  newUser,
  obtainCode,
  type Pairs,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  serve,
  sessionOf,
  signIn,
  type TokenBody,
  withChallenge,
} from './registry.ts'
import { newResource, withResources } from './resources.ts'

const INVALID_TARGET = { status: 400, error: 'invalid_target' }
const INVALID_GRANT = { status: 400, error: 'invalid_grant' }
const INVALID_SCOPE = { status: 400, error: 'invalid_scope' }
const SCOPES = ['files:read', 'files:write', 'mail:read']

/** The tokens of a successful response, with the audience of the session. */
async function issued(response: Response) {
  const body = await issuedIn(response)
  const session = await sessionOf(body.access_token)
  expect(body.scope).toBe([...(session?.authorizations.scopes ?? [])].sort().join(' '))
  return { ...body, audience: session?.audience }
}

let files: string
let mail: string
let client: RegisteredClient
let cookie: string
beforeAll(async () => {
  files = await newResource(['files:read', 'files:write'])
  mail = await newResource(['mail:read'])
  client = await newRefreshingClient({ scopes: SCOPES })
  cookie = await signIn(await newUser({ scopes: SCOPES }))
})

const all = SCOPES.join(' ')
const codeFor = (resources: readonly string[], more: Record<string, string> = {}) =>
  obtainCode(
    cookie,
    withResources(requestOf(client, { scope: all, ...withChallenge, ...more }), ...resources),
  )
const redeem = (code: string, ...resources: string[]) =>
  post(
    '/token',
    withResources(redemptionOf(client, code, { code_verifier: PKCE.verifier }), ...resources),
  )
const refreshing = (token: string, ...resources: string[]) =>
  post('/token', withResources(renewalOf(client, token), ...resources))
const machine = (...resources: string[]) =>
  post('/token', withResources(credentialsOf(client), ...resources))

describe('client_credentials with resources', () => {
  it('a client_credentials token has the requested resource as audience, and only the scopes of this resource', async () => {
    expect(await issued(await machine(files))).toMatchObject({
      audience: [files],
      scope: 'files:read files:write',
      expires_in: 900,
    })
  })

  it('a client_credentials token for two resources has both as audience', async () => {
    const both = await issued(await machine(files, mail))
    expect([...(both.audience ?? [])].sort()).toEqual([files, mail].sort())
    expect(both.scope).toBe(all)
  })

  it('a client_credentials token without a resource has no audience', async () => {
    expect(await issued(await machine())).toMatchObject({
      audience: [],
      scope: all,
      expires_in: 7200,
    })
  })

  it.each([
    ['upper case in scheme and host', (uri: string) => uri.replace('https://s', 'HTTPS://S')],
    ['the default port', (uri: string) => `${uri}:443`],
    ['a slash as the whole path', (uri: string) => `${uri}/`],
    ['the same resource twice', (uri: string) => `${uri} ${uri}`],
  ])('a resource is found when it is written with %s', async (_how, write) => {
    const resources = write(files).split(' ')
    expect(await issued(await machine(...resources))).toMatchObject({ audience: [files] })
  })

  it.each([
    ['another path', (uri: string) => `${uri}/mcp`],
    ['another port', (uri: string) => `${uri}:8443`],
    ['another scheme', (uri: string) => uri.replace('https', 'http')],
    ['a query', (uri: string) => `${uri}?a`],
    ['a fragment', (uri: string) => `${uri}#a`],
    ['a user', (uri: string) => uri.replace('//', '//ada@')],
    ['no scheme', (uri: string) => uri.replace('https://', '')],
    ['a backslash', (uri: string) => `${uri}\\`],
    ['an unknown resource beside it', (uri: string) => `${uri} https://unknown.example`],
  ])('a request for a resource with %s is refused with invalid_target', async (_how, write) => {
    expect(await refusal(await machine(...write(files).split(' ')))).toEqual(INVALID_TARGET)
    expect(await refusal(await machine(write(files)))).toEqual(INVALID_TARGET)
  })

  it('a request for a resource is refused with invalid_target when the client has none of its scopes, even beside another resource', async () => {
    const other = await newResource(['calendar:read'])
    expect(await refusal(await machine(other))).toEqual(INVALID_TARGET)
    expect(await refusal(await machine(files, other))).toEqual(INVALID_TARGET)
  })

  it('a request for scopes that belong to another resource is refused with invalid_scope', async () => {
    const asked = withResources(credentialsOf(client, { scope: 'mail:read' }), files)
    expect(await refusal(await post('/token', asked))).toEqual(INVALID_SCOPE)
    const both = await post(
      '/token',
      withResources(credentialsOf(client, { scope: 'mail:read' }), files, mail),
    )
    expect(await issued(both)).toMatchObject({ audience: [mail], scope: 'mail:read' })
  })

  it('a request for 11 resources is refused with invalid_target', async () => {
    const many = Array.from({ length: 11 }, () => files)
    expect(await refusal(await machine(...many))).toEqual(INVALID_TARGET)
  })

  it('a resource whose scope has no id accepts the scope with any id, and a resource whose scope has an id only with this id', async () => {
    const every = await newResource(['doc:read'])
    const one = await newResource(['doc:read:17'])
    const reader = await newClient({ scopes: ['doc:read:*', 'doc:read:9'] })
    const asked = (uri: string) => post('/token', withResources(credentialsOf(reader), uri))
    expect(await issued(await asked(every))).toMatchObject({ scope: 'doc:read:* doc:read:9' })
    expect(await issued(await asked(one))).toMatchObject({ scope: 'doc:read:17' })
  })

  it('a client that is cached gets tokens for one resource and for another in turn', async () => {
    const own = await newClient({ scopes: SCOPES })
    for (const uri of [files, mail, files, mail]) {
      const response = await post('/token', withResources(credentialsOf(own), uri))
      expect(await issued(response)).toMatchObject({ audience: [uri] })
    }
  })
})

describe('default resources of a client', () => {
  it('a client with a default resource gets a token for it, unless the request names another resource', async () => {
    const own = await newClient({
      scopes: SCOPES,
      grantTypes: ['client_credentials', 'authorization_code'],
    })
    const given = { fields: {}, lists: { defaultResources: [mail] }, mode: 'authorize' as const }
    await updateClient(admin(), own.id, { ...given, isDisabled: undefined })
    expect(await issued(await post('/token', credentialsOf(own)))).toMatchObject({
      audience: [mail],
      scope: 'mail:read',
    })
    const named = await post('/token', withResources(credentialsOf(own), files))
    expect(await issued(named)).toMatchObject({ audience: [files] })
    const code = await obtainCode(cookie, requestOf(own, { scope: all }))
    expect(await issued(await post('/token', redemptionOf(own, code)))).toMatchObject({
      audience: [mail],
      scope: 'mail:read',
    })
    await expect(deleteResource(admin(), mail)).rejects.toThrow('1 client has')
  })

  it('an update with a default resource that is not declared is refused, and the error names the resource', async () => {
    const change = {
      fields: {},
      lists: { defaultResources: ['https://none.example'] },
      mode: 'authorize' as const,
    }
    const work = updateClient(admin(), client.id, { ...change, isDisabled: undefined })
    await expect(work).rejects.toThrow('there is no resource "https://none.example"')
  })
})

describe('/authorize with resources', () => {
  const ask = (parameters: Pairs) =>
    registry(authorizePath(parameters), { headers: { Cookie: cookie } })

  it('the consent page names the requested resource and offers only its scopes', async () => {
    const own = await newClient({ scopes: SCOPES })
    const page = await (await ask(withResources(requestOf(own, { scope: all }), files))).text()
    expect(page).toContain(files)
    expect(page).not.toContain(mail)
    expect(
      allowing(page)
        .filter(([name]) => name === 'grant')
        .map(([, scope]) => scope),
    ).toEqual(['files:read', 'files:write'])
  })

  it('an authorization request for an unknown or malformed resource is redirected to the client with invalid_target', async () => {
    for (const uri of ['https://unknown.example', 'files', `${files}#a`]) {
      const response = await ask(withResources(requestOf(client, { scope: all }), uri))
      expect(response.status).toBe(303)
      expect(sentTo(response).searchParams.get('error')).toBe('invalid_target')
      expect(sentTo(response).searchParams.get('code')).toBeNull()
    }
  })

  it('a remembered consent answers a request for the same resources in any order, and no request for other resources', async () => {
    const own = await newClient({ scopes: SCOPES })
    const request = requestOf(own, { scope: all })
    await answerConsent(cookie, withResources(request, files, mail))
    expect((await ask(withResources(request, mail, files))).status).toBe(303)
    const narrower = await ask(withResources(request, files))
    expect(narrower.status).toBe(200)
    expect((await ask(request)).status).toBe(200)
  })

  it('a remembered consent without resources answers a request without resources', async () => {
    const own = await newClient({ scopes: SCOPES })
    const request = requestOf(own, { scope: all })
    await answerConsent(cookie, request)
    expect((await ask(request)).status).toBe(303)
  })

  it('a resource whose scopes are all unticked is not granted', async () => {
    const own = await newClient({ scopes: SCOPES })
    const parameters = withResources(requestOf(own, { scope: all }), files, mail)
    const untick = (fields: [string, string][]) =>
      fields.filter(([name, value]) => name !== 'grant' || value !== 'mail:read')
    const code = codeIn(await answerConsent(cookie, parameters, untick))
    const response = await post('/token', withResources(redemptionOf(own, code), mail))
    expect(await refusal(response)).toEqual(INVALID_TARGET)
    expect(await issued(await post('/token', redemptionOf(own, code)))).toMatchObject({
      audience: [files],
      scope: 'files:read files:write',
    })
  })

  it('the sign-in page leads back to the request with all its resources', async () => {
    const response = await registry(authorizePath(withResources(requestOf(client), files, mail)))
    const login = new URL(response.headers.get('Location') ?? '', ISSUER)
    const next = new URL(login.searchParams.get('next_page') ?? '', ISSUER)
    expect(next.searchParams.getAll('resource')).toEqual([files, mail])
  })
})

describe('the code grant with resources', () => {
  it('a code gives a token for all allowed resources, or for the one that the token request names', async () => {
    const whole = await issued(await redeem(await codeFor([files, mail])))
    expect([...(whole.audience ?? [])].sort()).toEqual([files, mail].sort())
    expect(await issued(await redeem(await codeFor([files, mail]), mail))).toMatchObject({
      audience: [mail],
      scope: 'mail:read',
    })
  })

  it('a redemption for a resource that was not allowed is refused, and the code stays valid', async () => {
    const code = await codeFor([files])
    for (const uris of [[mail], [files, mail], ['https://unknown.example'], ['files']]) {
      expect(await refusal(await redeem(code, ...uris))).toEqual(INVALID_TARGET)
    }
    expect(await issued(await redeem(code, files))).toMatchObject({ audience: [files] })
  })

  it('a code without a resource gives a token without an audience, and no token for a resource', async () => {
    const code = await codeFor([])
    expect(await refusal(await redeem(code, files))).toEqual(INVALID_TARGET)
    expect(await issued(await redeem(code))).toMatchObject({ audience: [], scope: all })
  })

  it('a code and a family without a stored audience give tokens without an audience', async () => {
    const code = await codeFor([])
    await env.DB.prepare(
      `UPDATE authorization_code SET record = json_remove(record, '$.audience', '$.audienceReadAtMs')`,
    ).run()
    for (const { name } of (await env.CODES.list()).keys) await env.CODES.delete(name)
    const first = await issued(await redeem(code))
    expect(first.audience).toEqual([])
    await env.DB.prepare(
      `UPDATE refresh_family SET record = json_remove(record, '$.audience', '$.audienceReadAtMs')`,
    ).run()
    expect(await refusal(await refreshing(first.refresh_token, files))).toEqual(INVALID_TARGET)
    expect(await issued(await refreshing(first.refresh_token))).toMatchObject({ audience: [] })
  })

  it('a code for a resource that was deleted is refused, also after the resource is declared again', async () => {
    const gone = await newResource(['files:read'])
    const code = await codeFor([gone])
    await deleteResource(admin(), gone)
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    await newResource(['files:read'], { uri: gone })
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    expect(await refusal(await redeem(code, gone))).toEqual(INVALID_GRANT)
    expect(await issued(await redeem(await codeFor([gone])))).toMatchObject({ audience: [gone] })
  })

  it('a code gives no scope that its resource has lost', async () => {
    const shrinking = await newResource(['files:read', 'files:write'])
    const code = await codeFor([shrinking])
    await updateResource(admin(), shrinking, { scopes: ['files:read'] })
    expect(await issued(await redeem(code))).toMatchObject({ scope: 'files:read' })
  })

  it('an authorization request and a code without PKCE are refused for a resource that requires PKCE', async () => {
    const strict = await newResource(['files:read'])
    const plain = requestOf(client, { scope: 'files:read' })
    const code = await obtainCode(cookie, withResources(plain, strict))
    await updateResource(admin(), strict, { requirePkce: true })
    expect(await refusal(await post('/token', redemptionOf(client, code)))).toEqual(INVALID_GRANT)
    const response = await registry(authorizePath(withResources(plain, strict)), {
      headers: { Cookie: cookie },
    })
    expect(sentTo(response).searchParams.get('error')).toBe('invalid_request')
    expect(await issued(await redeem(await codeFor([strict])))).toMatchObject({
      audience: [strict],
    })
  })
})

describe('refresh with resources', () => {
  const grantedFor = async (...uris: string[]) =>
    (await issued(await redeem(await codeFor(uris)))).refresh_token

  it('a refresh gives a token for all allowed resources, and a refresh for one resource narrows only its access token', async () => {
    const first = await grantedFor(files, mail)
    const narrow = await issued(await refreshing(first, files))
    expect(narrow).toMatchObject({ audience: [files], scope: 'files:read files:write' })
    const whole = await issued(await refreshing(narrow.refresh_token))
    expect([...(whole.audience ?? [])].sort()).toEqual([files, mail].sort())
    expect(whole.scope).toBe(all)
  })

  it('a family whose first token was for one resource can be refreshed for the other allowed resource', async () => {
    const { refresh_token } = await issued(await redeem(await codeFor([files, mail]), files))
    expect(await issued(await refreshing(refresh_token, mail))).toMatchObject({ audience: [mail] })
  })

  it('a refresh for a resource that was not allowed is refused, and the refresh token stays valid', async () => {
    const token = await grantedFor(files)
    expect(await refusal(await refreshing(token, mail))).toEqual(INVALID_TARGET)
    expect(await refusal(await refreshing(token, files, mail))).toEqual(INVALID_TARGET)
    expect(await issued(await refreshing(token, files))).toMatchObject({ audience: [files] })
  })

  it('a family loses a deleted resource, and a refresh is refused when no resource is left', async () => {
    const gone = await newResource(['files:read'])
    const token = await grantedFor(gone, mail)
    await deleteResource(admin(), gone)
    const rest = await issued(await refreshing(token))
    expect(rest).toMatchObject({ audience: [mail], scope: 'mail:read' })
    await newResource(['files:read'], { uri: gone })
    expect(await refusal(await refreshing(rest.refresh_token, gone))).toEqual(INVALID_TARGET)
    const last = await newResource(['files:read'])
    const alone = await grantedFor(last)
    await deleteResource(admin(), last)
    expect(await refusal(await refreshing(alone))).toEqual(INVALID_GRANT)
  })

  it('a retry of a refresh for the same resources, in any order and spelling, gets the same tokens', async () => {
    const token = await grantedFor(files, mail)
    const first = await issued(await refreshing(token, files, mail))
    const second = await issued(await refreshing(token, `${mail}/`, files))
    expect([second.access_token, second.refresh_token]).toEqual([
      first.access_token,
      first.refresh_token,
    ])
  })

  it('a retry of a refresh for other resources is refused, and ends nothing', async () => {
    const token = await grantedFor(files, mail)
    const first = await issued(await refreshing(token, files))
    for (const uris of [[mail], [], [files, mail]]) {
      expect(await refusal(await refreshing(token, ...uris))).toEqual(INVALID_GRANT)
    }
    expect(await sessionOf(first.access_token)).not.toBeNull()
    expect(await issued(await refreshing(first.refresh_token, mail))).toMatchObject({
      audience: [mail],
    })
  })

  it('only one of two simultaneous refreshes for different resources gets tokens, and the family stays valid', async () => {
    const own = await newPublicClient({ scopes: SCOPES })
    const request = withResources(requestOf(own, { scope: all, ...withChallenge }), files, mail)
    const code = await obtainCode(cookie, request)
    const redemption = redemptionOf(own, code, { code_verifier: PKCE.verifier })
    const { refresh_token } = await issued(await post('/token', redemption))
    const fields = renewalOf(own, refresh_token)
    const answers = await Promise.all(
      [files, mail].map(async (uri) => ({
        uri,
        response: await post('/token', withResources(fields, uri)),
      })),
    )
    const [won, ...others] = answers.filter(({ response }) => response.status === 200)
    expect(others).toEqual([])
    const body = await issued(won?.response as Response)
    expect(body.audience).toEqual([won?.uri])
    const next = { ...fields, refresh_token: body.refresh_token }
    expect((await post('/token', withResources(next, mail))).status).toBe(200)
  })
})

describe('requirements of a resource', () => {
  it('a request without a proof for a resource that requires DPoP is refused, and spends nothing', async () => {
    const bound = await newResource(['files:read'], { requireDpop: true })
    const key = await newKey()
    expect(await refusal(await machine(bound))).toEqual({ status: 400, error: 'invalid_request' })
    const code = await codeFor([bound, mail])
    expect(await refusal(await redeem(code, bound))).toEqual({
      status: 400,
      error: 'invalid_request',
    })
    expect(await refusal(await redeem(code))).toEqual({ status: 400, error: 'invalid_request' })
    const fields = withResources(
      redemptionOf(client, code, { code_verifier: PKCE.verifier }),
      bound,
    )
    const proven = await issued(await post('/token', fields, { DPoP: await proofOf(key) }))
    expect(proven).toMatchObject({ audience: [bound], token_type: 'DPoP' })
  })

  it('a token for only the resource that does not require DPoP needs no proof, even from a code for both', async () => {
    const bound = await newResource(['files:read'], { requireDpop: true })
    expect(await issued(await redeem(await codeFor([bound, mail]), mail))).toMatchObject({
      token_type: 'Bearer',
      audience: [mail],
    })
  })

  it('a token has the shortest lifetime of its resources, its client and the deployment', async () => {
    const [short, long] = [
      await newResource(['files:read'], { accessTokenLifetimeSeconds: 120 }),
      await newResource(['mail:read'], { accessTokenLifetimeSeconds: 86_400 }),
    ]
    expect((await issued(await machine(short))).expires_in).toBe(120)
    expect((await issued(await machine(long))).expires_in).toBe(7200)
    expect((await issued(await machine(short, long))).expires_in).toBe(120)
    const brief = await newClient({ scopes: SCOPES, accessTokenLifetimeSeconds: 90 })
    expect(
      (await issued(await post('/token', withResources(credentialsOf(brief), short)))).expires_in,
    ).toBe(90)
  })
})

describe('changes of a resource', () => {
  it('the deletion of a resource revokes the tokens for this resource and no others, at once for a check that asks D1', async () => {
    const gone = await newResource(['files:read'])
    const [first, both, other, unbound] = [
      await issued(await machine(gone)),
      await issued(await machine(gone, mail)),
      await issued(await machine(mail)),
      await issued(await machine()),
    ]
    await deleteResource(admin(), gone)
    expect(await sessionOf(first.access_token)).toBeNull()
    expect(await sessionOf(both.access_token)).toBeNull()
    expect(await sessionOf(other.access_token)).not.toBeNull()
    expect(await sessionOf(unbound.access_token)).not.toBeNull()
  })

  it('a token that an isolate issues from the cached record of a deleted resource is revoked', async () => {
    const gone = await newResource(['files:read'])
    const fetch = serve()
    const ask = () => post('/token', withResources(credentialsOf(client), gone), {}, fetch)
    await ask()
    await deleteResource(admin(), gone)
    const late = (await (await ask()).json()) as TokenBody
    expect(await sessionOf(late.access_token)).toBeNull()
  })

  it.each([
    ['loses a scope', { scopes: ['files:read'] }, true],
    ['begins to require DPoP', { requireDpop: true }, true],
    ['gets another name', { name: 'Another' }, false],
    ['gets a scope', { scopes: ['files:read', 'files:write', 'mail:read'] }, false],
    [
      'gets another lifetime and requires PKCE',
      { accessTokenLifetimeSeconds: 60, requirePkce: true },
      false,
    ],
  ])(
    'a resource that %s revokes its tokens only if a new token would have fewer rights',
    async (_what, change, ends) => {
      const uri = await newResource(['files:read', 'files:write'])
      const { access_token } = await issued(await machine(uri))
      await updateResource(admin(), uri, change)
      expect((await sessionOf(access_token)) === null).toBe(ends)
    },
  )
})

describe('introspection and metadata', () => {
  it('introspection states the audience of access and refresh tokens, and no aud for a token without an audience', async () => {
    const tokens = await issued(await redeem(await codeFor([files, mail]), files))
    const seen = async (token: string) =>
      (await (await sendAs(client, '/introspect', { token })).json()) as Record<string, unknown>
    expect(await seen(tokens.access_token)).toMatchObject({ active: true, aud: [files] })
    const refresh = await seen(tokens.refresh_token)
    expect([...(refresh.aud as string[])].sort()).toEqual([files, mail].sort())
    expect(await seen((await issued(await machine())).access_token)).not.toHaveProperty('aud')
  })

  it('a refresh token whose only resource was deleted is inactive at /introspect', async () => {
    const gone = await newResource(['files:read'])
    const { refresh_token } = await issued(await redeem(await codeFor([gone])))
    await deleteResource(admin(), gone)
    const seen = await sendAs(client, '/introspect', { token: refresh_token })
    expect(await seen.json()).toEqual({ active: false })
  })

  it('the metadata lists the resources whose identifiers are URLs', async () => {
    await newResource(['files:read'], { uri: 'urn:example:files' })
    const response = await serve()('/.well-known/oauth-authorization-server')
    const { protected_resources } = (await response.json()) as { protected_resources: string[] }
    expect(protected_resources).toContain(files)
    expect(protected_resources.filter((uri) => !uri.startsWith('https://'))).toEqual([])
  })

  it('a refresh that names a resource twice can be retried with the resource once', async () => {
    const token = (await issued(await redeem(await codeFor([files])))).refresh_token
    const once = await issued(await refreshing(token, files, files))
    expect(await issued(await refreshing(token, files))).toMatchObject({
      access_token: once.access_token,
    })
    expect((await renewal(client, once.refresh_token)).status).toBe(200)
  })
})
