/** Clients that are identified by a metadata document: their registration, what they get, and what is refused. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { sessionKeyOf } from '../../src/crypto/digest.ts'
import {
  authorizeClient,
  createClient,
  disableClient,
  withdrawFromClient,
} from '../../src/flows/registration/clients.ts'
import { createDocumentHost } from '../../src/flows/registration/document-hosts.ts'
import { CLIENT_CREATION, newClientIn } from '../../src/protocol/registration/client-fields.ts'
import { requireValid } from '../../src/protocol/registration/field.ts'
import { clientReader } from '../../src/stores/client-registry.ts'
import { revokeStatement } from '../../src/stores/revocation-statements.ts'
import {
  accepting,
  age,
  asked,
  codeFor,
  consent,
  declareOpenScope,
  forgetAttempt,
  granted,
  newDocument,
  type Published,
  redeem,
  refresh,
  republish,
  tokensFor,
  visit,
} from './document-clients.ts'
import { admin, refusedAs } from './registering.ts'
import {
  allowing,
  authorizePath,
  basicOf,
  type Fetch,
  newClient,
  newUser,
  post,
  refusal,
  serve,
  sessionOf,
  sessionTokenIn,
  signIn,
} from './registry.ts'
import { documentAt, newHost, publish, requestsTo, served } from './world.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})

let cookie: string
beforeAll(async () => {
  await declareOpenScope()
  cookie = await signIn(await newUser())
})

const recordOf = (client: Pick<Published, 'id'>) => clientReader(env.DB).find(client.id)
const auditOf = async ({ id }: Pick<Published, 'id'>) =>
  (
    await env.DB.prepare(
      'SELECT actor, event, detail FROM audit WHERE client_id = ?1 ORDER BY audit_id',
    )
      .bind(id)
      .all<{ actor: string; event: string; detail: string }>()
  ).results

/** The status and the text of an error page, which has no redirect. */
async function refusedPage(response: Response) {
  expect(response.headers.get('Location')).toBeNull()
  return { status: response.status, text: await response.text() }
}

describe('a client that is identified by its metadata document', () => {
  it('a public client with a metadata document gets and refreshes tokens, and its document is fetched once', async () => {
    const client = await newDocument()
    const page = await visit(cookie, client)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Example host')
    const redeemed = await redeem(client, await codeFor(cookie, client))
    expect(redeemed.status).toBe(200)
    const tokens = await granted(redeemed)
    expect(tokens.scope).toBe('public:read')
    expect((await refresh(client, tokens.refresh_token)).status).toBe(200)
    expect(await requestsTo(client.host)).toHaveLength(1)
    expect((await sessionOf(tokens.access_token))?.client?.client_id).toBe(client.id)
  })

  it('a metadata document registers its client without an owner, with PKCE and with an audit row', async () => {
    const client = await newDocument({
      scope: 'public:read submission:create registry:admin offline_access',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials', 'implicit'],
      client_uri: 'https://app.example/about',
      software_id: 'the-app',
    })
    await visit(cookie, client)
    const record = await recordOf(client)
    expect(record).toMatchObject({
      name: 'Example host',
      ownerId: '',
      url: 'https://app.example/about',
      authMethod: 'none',
      requirePkce: true,
      mayIntrospect: false,
      softwareId: 'the-app',
      redirectUris: [client.callback],
      scopes: ['public:read'],
      grantTypes: ['authorization_code', 'refresh_token'],
      selfRegistered: { kind: 'document', approvedScopes: [] },
    })
    const requested = record?.permissions.filter(({ authorizedAt }) => authorizedAt === null)
    // A scope that an operator must approve is recorded as requested, and a registry: scope is not.
    expect(requested?.map(({ value }) => value)).toEqual(['submission:create'])
    expect(await auditOf(client)).toEqual([
      expect.objectContaining({ actor: 'document', event: 'client.create' }),
    ])
  })

  it('a metadata document with unusable redirect URIs still allows the usable ones', async () => {
    const client = await newDocument()
    const bad = ['http://app.example/callback', 'https://app.example/#a', 'javascript:alert(1)']
    await republish(client, { redirect_uris: [...bad, client.callback] })
    expect((await visit(cookie, client)).status).toBe(200)
    for (const redirect_uri of bad) {
      expect((await refusedPage(await visit(cookie, client, { redirect_uri }))).status).toBe(400)
    }
  })

  it('a loopback redirect URI of a metadata document matches with any port', async () => {
    const client = await newDocument({ redirect_uris: ['http://localhost/callback'] })
    const redirect_uri = 'http://localhost:49152/callback'
    expect((await consent(cookie, client, { redirect_uri })).href).toMatch(
      /^http:\/\/localhost:49152\/callback\?code=/,
    )
  })

  it('a redirect URI that is not in the metadata document is refused without a redirect', async () => {
    const client = await newDocument()
    for (const redirect_uri of [
      'https://evil.example/callback',
      `${client.callback}/`,
      `${client.callback}?a=b`,
      `https://${client.host}.evil.example/callback`,
    ]) {
      expect((await refusedPage(await visit(cookie, client, { redirect_uri }))).status).toBe(400)
    }
  })

  it('an authorization request without PKCE of a client with a metadata document is refused', async () => {
    const client = await newDocument()
    const { code_challenge: _, code_challenge_method: __, ...rest } = asked(client)
    const response = await accepting(authorizePath(rest), { headers: { Cookie: cookie } })
    const { status, text } = await refusedPage(response)
    expect([status, text]).toEqual([400, expect.stringContaining('?error=invalid_request&amp;')])
  })

  it('a client whose metadata document does not list refresh_token gets no refresh token', async () => {
    const client = await newDocument({ grant_types: undefined })
    const tokens = await tokensFor(client, {}, cookie)
    expect(tokens.refresh_token).toBeUndefined()
  })

  it('a client with a metadata document is refused with client_credentials, a secret or Basic', async () => {
    const client = await newDocument()
    await visit(cookie, client)
    const machine = { grant_type: 'client_credentials', client_id: client.id }
    expect(await refusal(await post('/token', machine, {}, accepting))).toMatchObject({
      error: 'unauthorized_client',
    })
    const withSecret = { ...machine, client_secret: 'x'.repeat(40) }
    expect(await refusal(await post('/token', withSecret, {}, accepting))).toMatchObject({
      status: 401,
    })
  })
})

describe('invalid metadata documents', () => {
  async function refusedDocument(more: Readonly<Record<string, unknown>>) {
    const client = await newDocument(more)
    const refused = await refusedPage(await visit(cookie, client))
    expect(await recordOf(client)).toBeNull()
    return refused
  }

  it.each<[string, Record<string, unknown>]>([
    ['client_id must be the address of the document', { client_id: 'https://other.example/a' }],
    ['client_name is missing', { client_name: undefined }],
    ['redirect_uris is missing', { redirect_uris: undefined }],
    ['redirect_uris has none that can be used', { redirect_uris: ['http://app.example/callback'] }],
    ['redirect_uris has none that can be used: https', { redirect_uris: ['cursor://callback'] }],
    ['client_secret must not be in a document', { client_secret: 'x' }],
    ['a method with a shared secret', { token_endpoint_auth_method: 'client_secret_post' }],
    ['the JWK Set of jwks', { jwks: { keys: [] } }],
    [
      'holds private members',
      { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } },
    ],
    ['is symmetric', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['jwks_uri must be an https URL', { jwks_uri: 'http://app.example/jwks' }],
    ['jwks_uri must not name an IP address', { jwks_uri: 'https://127.0.0.1/jwks' }],
    ['jwks_uri answered with the status 530', { jwks_uri: 'https://nobody.example/jwks' }],
  ])(
    'an invalid metadata document is refused with its fault, and no client is stored: %s',
    async (words, more) => {
      const { status, text } = await refusedDocument(more)
      expect(status).toBe(400)
      expect(text.replaceAll('&quot;', '"')).toContain(words)
    },
  )

  it.each<[string, Parameters<typeof publish>[1]]>([
    ['answered with the status 530', null],
    ['answered with the status 404', { status: 404 }],
    ['answered with the status 302', { status: 302, headers: { Location: 'https://a.example' } }],
    ['answered with another content type', { headers: { 'Content-Type': 'text/html' } }],
    ['answered with more than 5120 bytes', { ...served({}), fillingBytes: 5 * 1024 * 1024 }],
    ['the document must be JSON', { ...served({}), body: '{' }],
    ['nested deeper', { ...served({}), body: `${'['.repeat(2500)}${']'.repeat(2500)}` }],
  ])(
    'a response that is not a metadata document is refused, and no client is stored: %s',
    async (words, answer) => {
      const id = `https://${newHost()}/client.json`
      if (answer) await publish(id, answer)
      const client = { id, host: new URL(id).host, callback: `${id}/callback` }
      const { status, text } = await refusedPage(await visit(cookie, client))
      expect(status).toBe(400)
      expect(text).toContain(words)
      expect(await recordOf(client)).toBeNull()
    },
  )

  it('the error page for a metadata document never shows a text of the document as markup', async () => {
    const client = await newDocument({ redirect_uris: ['http://<script>alert(1)</script>'] })
    expect((await refusedPage(await visit(cookie, client))).text).not.toContain('<script>alert')
  })

  it.each([
    'https://10.0.0.7/client.json',
    'https://app.example:8443/client.json',
    'https://user@app.example/client.json',
    'https://app.example/',
    'https://app.example/a/../client.json',
    'http://app.example/client.json',
    'https://printer.local/client.json',
  ])('a client_id that must not be fetched is refused without a request: %s', async (id) => {
    const { host } = new URL(id)
    const before = (await requestsTo(host)).length
    const { status } = await refusedPage(
      await visit(cookie, { id, host, callback: 'https://app.example/callback' }),
    )
    expect(status).toBe(400)
    expect(await requestsTo(host)).toHaveLength(before)
  })

  it('while ISSUER is a loopback address, documents at loopback addresses are accepted', async () => {
    const id = 'http://127.0.0.1:9107/client.json'
    await publish(id, served(documentAt(id)))
    const local = { id, host: '127.0.0.1', callback: 'http://127.0.0.1:9107/callback' }
    expect((await visit(cookie, local)).status).toBe(200)
    const elsewhere = serve({ CLIENT_DOCUMENTS: 'any', ISSUER: 'https://auth.example.org' })
    await age(local, 100_000)
    const Cookie = cookie.replace('registry_session', '__Host-registry_session')
    const page = await elsewhere(authorizePath(asked(local)), { headers: { Cookie } })
    expect([page.status, await page.text()]).toEqual([
      400,
      expect.stringContaining('its address must be an https URL'),
    ])
  })
})

describe('which requests fetch a metadata document', () => {
  it('an authorization request without a session redirects to sign-in and fetches no metadata document', async () => {
    const client = await newDocument()
    const response = await accepting(authorizePath(asked(client)))
    const location = response.headers.get('Location') ?? ''
    expect([response.status, location]).toEqual([303, expect.stringMatching(/^\/login\?/)])
    const page = await accepting(location)
    expect(await page.text()).not.toContain('Example host')
    expect(await requestsTo(client.host)).toEqual([])
    expect(await recordOf(client)).toBeNull()
  })

  it('a request with prompt=none without a session is refused on a page and fetches no metadata document', async () => {
    const client = await newDocument()
    const response = await accepting(authorizePath(asked(client, { prompt: 'none' })))
    expect((await refusedPage(response)).status).toBe(400)
    expect(await requestsTo(client.host)).toEqual([])
  })

  it('a request with an ended session fetches no metadata document', async () => {
    const ended = await signIn(await newUser())
    const page = await (await accepting('/', { headers: { Cookie: ended } })).text()
    const form_token = /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? ''
    await post('/logout', { form_token }, { Cookie: ended })
    const client = await newDocument()
    expect((await visit(ended, client)).status).toBe(303)
    expect(await requestsTo(client.host)).toEqual([])
  })

  it('a request with a revoked session fetches no metadata document, even while KV still shows the session', async () => {
    const revoked = await signIn(await newUser())
    const key = await sessionKeyOf(sessionTokenIn(revoked))
    await revokeStatement(env.DB, 'session', [key], 7200).run()
    const client = await newDocument()
    expect((await visit(revoked, client)).status).toBe(303)
    expect(await requestsTo(client.host)).toEqual([])
  })

  it('a HEAD request fetches no metadata document', async () => {
    const client = await newDocument()
    const init = { method: 'HEAD', headers: { Cookie: cookie } }
    expect((await accepting(authorizePath(asked(client)), init)).status).toBe(200)
    expect(await requestsTo(client.host)).toEqual([])
  })

  it('a token request of an unknown client fetches no metadata document', async () => {
    const client = await newDocument()
    expect(await refusal(await redeem(client, 'regc_junk'))).toEqual({
      status: 401,
      error: 'invalid_client',
    })
    expect(await requestsTo(client.host)).toEqual([])
  })

  it('requests for metadata documents beyond the limit of a network are refused', async () => {
    const limit = { limit: async () => ({ success: false }) }
    const limited = serve({ CLIENT_DOCUMENTS: 'any', REFUSAL_LIMIT: limit })
    const client = await newDocument()
    const headers = { Cookie: cookie, 'CF-Connecting-IP': '192.0.2.1' }
    expect((await limited(authorizePath(asked(client)), { headers })).status).toBe(429)
    expect(await requestsTo(client.host)).toEqual([])
  })
})

describe('decisions of an operator', () => {
  it('with CLIENT_DOCUMENTS off, the default, a client with a metadata document is unknown, even an existing one', async () => {
    const off = serve()
    const client = await newDocument()
    expect((await refusedPage(await visit(cookie, client, {}, off))).status).toBe(400)
    expect((await refusedPage(await off(authorizePath(asked(client))))).status).toBe(400)
    expect(await requestsTo(client.host)).toEqual([])
    const { refresh_token } = await tokensFor(client, {}, cookie)
    expect((await refusedPage(await visit(cookie, client, {}, off))).status).toBe(400)
    expect(await refusal(await refresh(client, refresh_token, {}, off))).toMatchObject({
      error: 'invalid_client',
    })
    const server = basicOf(await newClient({ mayIntrospect: true }))
    const isActive = async (registry: Fetch) =>
      (await post('/introspect', { token: refresh_token }, server, registry)).json()
    expect(await isActive(off)).toEqual({ active: false })
    expect(await isActive(accepting)).toMatchObject({ active: true })
    expect((await refresh(client, refresh_token)).status).toBe(200)
  })

  it('with the allowlist only clients at allowed hosts are accepted', async () => {
    const listing = serve({ CLIENT_DOCUMENTS: 'allowlist' })
    const [allowed, other] = [await newDocument(), await newDocument()]
    await createDocumentHost(admin(), { host: allowed.host, rule: 'allow' })
    expect((await visit(cookie, allowed, {}, listing)).status).toBe(200)
    const { status, text } = await refusedPage(await visit(cookie, other, {}, listing))
    expect([status, text]).toEqual([400, expect.stringContaining('its host is not allowed here')])
    expect(await requestsTo(other.host)).toEqual([])
  })

  it('clients at a blocked host are refused, even existing ones, and block takes precedence over allow', async () => {
    const client = await newDocument()
    const { refresh_token } = await tokensFor(client, {}, cookie)
    await createDocumentHost(admin(), { host: client.host, rule: 'allow' })
    expect((await visit(cookie, client)).status).toBe(303)
    await env.DB.prepare(`UPDATE document_host SET rule = 'block' WHERE host = ?1`)
      .bind(client.host)
      .run()
    expect((await refusedPage(await visit(cookie, client))).status).toBe(400)
    expect(await refusal(await refresh(client, refresh_token))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
  })

  it('a disabled client stays disabled when its metadata document changes', async () => {
    const client = await newDocument()
    const { refresh_token } = await tokensFor(client, {}, cookie)
    await disableClient(admin(), client.id)
    await republish(client, { client_name: 'Another name' })
    await age(client, 100_000)
    expect((await refusedPage(await visit(cookie, client))).status).toBe(400)
    expect(await refusal(await refresh(client, refresh_token))).toMatchObject({ status: 401 })
    expect(await requestsTo(client.host)).toHaveLength(1)
    expect(await recordOf(client)).toMatchObject({ name: 'Example host' })
  })

  it('a permission that an operator withdrew or authorized stays so when the metadata document is fetched again', async () => {
    const client = await newDocument({ scope: 'public:read submission:read' })
    await visit(cookie, client)
    await withdrawFromClient(admin(), client.id, { scopes: ['public:read'] })
    await authorizeClient(admin(), client.id, { scopes: ['submission:read'] })
    await age(client, 100_000)
    await republish(client, { scope: 'public:read submission:read', client_name: 'Renamed' })
    expect((await visit(cookie, client)).status).toBe(200)
    expect(await recordOf(client)).toMatchObject({ name: 'Renamed', scopes: ['submission:read'] })
  })

  it('a client of the management API cannot have an id that looks like the URL of a metadata document', async () => {
    const body = { client_id: 'https://app.example/client.json', name: 'a', owner_id: 'b' }
    const given = (body: unknown) => newClientIn(requireValid(CLIENT_CREATION, body))
    const creating = async () => createClient(admin(), given(body))
    expect(await refusedAs(creating())).toBe('invalid')
    const made = await createClient(admin(), given({ name: 'a', owner_id: 'b' }))
    expect(made.record.clientId).not.toMatch(/^https?:/)
  })
})

describe('a metadata document that changes', () => {
  it('the user is asked for consent again when the name, the redirect URIs or the keys in a metadata document change, and not otherwise', async () => {
    const client = await newDocument()
    await codeFor(cookie, client)
    const again = async (more: Record<string, unknown>) => {
      await age(client, 100_000)
      await republish(client, more)
      return (await visit(cookie, client)).status
    }
    expect((await visit(cookie, client)).status).toBe(303)
    expect(await again({})).toBe(303)
    expect(await again({ software_version: '2' })).toBe(303)
    expect(await again({ client_name: 'Another' })).toBe(200)
    expect(await again({})).toBe(303)
    const redirect_uris = [client.callback, 'https://app.example/other']
    expect(await again({ redirect_uris })).toBe(200)
    expect(await again({})).toBe(303)
  })

  it('a changed metadata document writes one audit row with the changes, and an unchanged one writes none', async () => {
    const client = await newDocument()
    await visit(cookie, client)
    await age(client, 100_000)
    await visit(cookie, client)
    await age(client, 100_000)
    await republish(client, { client_name: 'Another' })
    await visit(cookie, client)
    const rows = await auditOf(client)
    expect(rows.map(({ event }) => event)).toEqual(['client.create', 'client.update'])
    expect(JSON.parse(rows[1]?.detail ?? '')).toEqual({ name: 'Another' })
  })

  it('a scope that a metadata document no longer lists is taken back, and a scope that it now lists is given', async () => {
    await declareOpenScope('public:search')
    const client = await newDocument({ scope: 'public:read' })
    await visit(cookie, client)
    await age(client, 100_000)
    await republish(client, { scope: 'public:search' })
    await visit(cookie, client)
    expect(await recordOf(client)).toMatchObject({
      scopes: ['public:search'],
      decisions: [{ value: 'public:read', decision: 'taken_back' }],
    })
  })

  it('a code is refused when its redirect URI is no longer in the metadata document', async () => {
    const client = await newDocument()
    const code = await codeFor(cookie, client)
    await age(client, 100_000)
    await republish(client, { redirect_uris: ['https://app.example/other'] })
    expect(await refusal(await redeem(client, code))).toMatchObject({ error: 'invalid_grant' })
    await forgetAttempt(client)
  })

  it('an answer to a consent page with an earlier metadata document gets the page again', async () => {
    const client = await newDocument()
    const page = await (await visit(cookie, client)).text()
    await age(client, 100_000)
    await republish(client, { client_name: 'Another' })
    const answer = await post('/authorize', allowing(page), { Cookie: cookie }, accepting)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('has changed since you opened this page')
  })
})
