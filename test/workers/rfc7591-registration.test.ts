/** Dynamic client registration (RFC 7591) with REGISTRATION=open. */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { findClient } from '../../src/flows/registration/clients.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { countedBindings, nothing } from './counting.ts'
import { exceededFor } from './limits.ts'
import { admin, auditOf, everything } from './registering.ts'
import {
  authorizePath,
  basicOf,
  newUser,
  nowSeconds,
  post,
  refusal,
  registry,
  serve,
  withChallenge,
} from './registry.ts'
import {
  askToRegister,
  declareScopes,
  errorIn,
  hostMetadata,
  managementUri,
  newNetwork,
  OPEN,
  registered,
  tokensFor,
} from './self-registering.ts'

beforeAll(declareScopes)

describe('a registration', () => {
  it('a client that registered itself gets a code and a refresh token for a scope that needs no approval', async () => {
    const client = await registered(hostMetadata({ scope: ' submission:read offline_access' }))
    const user = await newUser({ scopes: ['submission:read', 'submission:create'] })
    const asked = { scope: 'submission:read', redirect_uri: 'http://127.0.0.1:51234/callback' }
    expect(await tokensFor(client, asked, user)).toMatchObject({
      scope: 'submission:read',
      refresh_token: expect.stringMatching(/^regr_/),
    })
  })

  it('the registration response has every registered member, with the defaults of RFC 7591, and no secret for a public client', async () => {
    const client = await registered({ redirect_uris: ['https://app.example/cb'] })
    expect(client).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      client_id_issued_at: expect.any(Number),
      client_name: 'Application without a name',
      redirect_uris: ['https://app.example/cb'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      scope: expect.stringContaining('public:read submission:read'),
      application_type: 'web',
      registration_access_token: expect.stringMatching(/^regm_/),
      registration_client_uri: managementUri(client.client_id),
    })
  })

  it('a registration stores and returns every descriptive member, and leaves out an unknown member', async () => {
    const said = {
      client_uri: 'https://app.example/',
      logo_uri: 'https://app.example/logo.png',
      tos_uri: 'https://app.example/terms',
      policy_uri: 'https://app.example/privacy',
      contacts: ['admin@app.example'],
      software_id: 'app',
      software_version: '1.2',
      application_type: 'native',
      dpop_bound_access_tokens: true,
    }
    const client = await registered(hostMetadata({ ...said, id_token_signed_response_alg: 'none' }))
    expect(client).toMatchObject(said)
    expect(client).not.toHaveProperty('id_token_signed_response_alg')
    const record = await findClient(admin(), client.client_id)
    expect(record).toMatchObject({
      ...{ logoUri: said.logo_uri, contacts: said.contacts, softwareId: 'app' },
      ...{ applicationType: 'native', ownerId: '', requireDpop: true },
    })
  })

  it('a registration keeps a scope that needs approval as requested and leaves it out of the response', async () => {
    const client = await registered(
      hostMetadata({ scope: 'public:read submission:create unheard:of registry:admin' }),
    )
    expect(client.scope).toBe('public:read')
    const { permissions, selfRegistered } = await findClient(admin(), client.client_id)
    const requested = permissions.filter(({ authorizedAt }) => authorizedAt === null)
    expect(requested.map(({ value }) => value).sort()).toEqual(['submission:create', 'unheard:of'])
    expect(selfRegistered).toEqual({ kind: 'registration', usedAt: null, approvedScopes: [] })
  })

  it('a registration with a usable and an unusable redirect URI succeeds, and /authorize refuses the unusable one', async () => {
    const uris = ['cursor://anysphere/callback', 'http://evil.example/cb', 'https://app.example/cb']
    const client = await registered(hostMetadata({ redirect_uris: uris }))
    expect(client.redirect_uris.sort()).toEqual([uris[0], uris[2]])
    for (const [uri, status] of [
      [uris[0], 400],
      [uris[1], 400],
      [uris[2], 303],
    ] as const) {
      const asked = { client_id: client.client_id, response_type: 'code', redirect_uri: uri ?? '' }
      expect((await OPEN(authorizePath({ ...asked, ...withChallenge }))).status).toBe(status)
    }
  })

  it.each([
    ['none at all', undefined],
    ['an empty list', []],
    ['only http on another host', ['http://app.example/cb']],
    ['only a scheme without a dot', ['cursor://anysphere/callback']],
    [
      'only a fragment, a wildcard and a scheme of browsers',
      ['https://a.example/#x', 'https://*.a.example/', 'javascript:alert(1)'],
    ],
    ['no list', 'https://app.example/cb'],
    ['a list of numbers', [1]],
  ])(
    'a registration without a usable redirect URI is refused with invalid_redirect_uri: %s',
    async (_, redirect_uris) => {
      const refused = await errorIn(await askToRegister(hostMetadata({ redirect_uris })))
      expect(refused).toMatchObject({ status: 400, error: 'invalid_redirect_uri' })
      expect(refused.description).toMatch(/redirect_uris/)
    },
  )

  it.each<[string, Record<string, unknown>]>([
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['grant_types', { grant_types: ['implicit', 'password'] }],
    ['grant_types', { grant_types: ['refresh_token'] }],
    ['grant_types', { grant_types: ['client_credentials'] }],
    ['grant_types', { grant_types: 'authorization_code' }],
    ['response_types', { response_types: ['token'] }],
    ['client_name', { client_name: 7 }],
    ['client_name', { client_name: 'two\nlines' }],
    ['client_name', { client_name: '\u202eevil' }],
    ['client_uri', { client_uri: 'javascript:alert(1)' }],
    ['logo_uri', { logo_uri: 'data:image/png;base64,AAAA' }],
    ['tos_uri', { tos_uri: ['https://app.example/'] }],
    ['policy_uri', { policy_uri: 'x' }],
    ['contacts', { contacts: 'admin@app.example' }],
    ['contacts', { contacts: Array.from({ length: 11 }, (_, i) => `a${i}@app.example`) }],
    ['software_id', { software_id: {} }],
    ['software_version', { software_version: 2 }],
    ['application_type', { application_type: 'desktop' }],
    ['scope', { scope: ['public:read'] }],
    ['scope', { scope: 'public:read "quoted"' }],
    ['scope', { scope: Array.from({ length: 101 }, (_, i) => `s${i}`).join(' ') }],
    ['jwks', { token_endpoint_auth_method: 'private_key_jwt' }],
    [
      'jwks',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AA' }] } },
    ],
    [
      'jwks_uri',
      {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [] },
        jwks_uri: 'https://app.example/keys',
      },
    ],
    [
      'jwks_uri',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://app.example/keys' },
    ],
    ['dpop_bound_access_tokens', { dpop_bound_access_tokens: 'yes' }],
  ])(
    'a registration with an invalid member is refused with invalid_client_metadata, and the description names the member: %s',
    async (member, more) => {
      const refused = await errorIn(await askToRegister(hostMetadata(more)))
      expect(refused).toMatchObject({ status: 400, error: 'invalid_client_metadata' })
      expect(refused.description).toContain(member)
      expect(refused.description).toMatch(/^[ !#-[\]-~]+\.$/)
    },
  )

  it('a registration with a software statement is refused with invalid_software_statement', async () => {
    const refused = await errorIn(await askToRegister(hostMetadata({ software_statement: 'eyJ' })))
    expect(refused).toMatchObject({ status: 400, error: 'invalid_software_statement' })
  })

  it.each([
    ['not JSON', '{', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a member twice', '{"client_name":"a","client_name":"b"}', 400],
    ['nested too deep', `{"x":${'['.repeat(20)}${']'.repeat(20)}}`, 400],
    ['too long', JSON.stringify({ client_name: 'x'.repeat(20_000) }), 413],
  ])('a registration with a malformed body is refused: %s', async (_, body, status) => {
    expect((await askToRegister(body)).status).toBe(status)
  })

  it('null and an empty string in a registration count as an omitted member', async () => {
    const empty = { client_uri: '', logo_uri: null, contacts: null, scope: '', jwks: null }
    const client = await registered(hostMetadata(empty))
    expect(client).not.toHaveProperty('client_uri')
    expect(client.scope).toContain('public:read')
  })

  it('a client that asks for a secret and for the code grant is registered as public, and the response says so', async () => {
    const client = await registered(
      hostMetadata({ token_endpoint_auth_method: 'client_secret_post' }),
    )
    expect(client.token_endpoint_auth_method).toBe('none')
    expect(client).not.toHaveProperty('client_secret')
  })

  it('a client that registered itself for client_credentials gets no token before an operator approves', async () => {
    const client = await registered({
      client_name: 'Machine',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    expect(client).toMatchObject({ grant_types: [], client_secret_expires_at: 0 })
    const { client_id, client_secret = '' } = client
    const basic = basicOf({ id: client_id, secret: client_secret })
    const asked = { grant_type: 'client_credentials' }
    expect(await refusal(await post('/token', asked, basic, OPEN))).toMatchObject({
      error: 'unauthorized_client',
    })
    const record = await findClient(admin(), client_id)
    expect(record.permissions).toContainEqual(
      expect.objectContaining({ value: 'client_credentials', authorizedAt: null }),
    )
  })

  it('every registration is in the audit, without its registration access token', async () => {
    const { client_id } = await registered(hostMetadata())
    expect(await auditOf('client_id', client_id)).toEqual(['client.create'])
    const row = await env.DB.prepare('SELECT actor, detail FROM audit WHERE client_id = ?1')
      .bind(client_id)
      .first<{ actor: string; detail: string }>()
    expect(row?.actor).toBe('registration')
    expect(row?.detail).not.toMatch(/regm_/)
  })
})

describe('a duplicate of a registration', () => {
  it('an equal registration from the same network gets the same client, which can no longer be managed', async () => {
    const network = newNetwork()
    const metadata = hostMetadata()
    const first = await registered(metadata, { network })
    const second = await registered(metadata, { network })
    expect(second.client_id).toBe(first.client_id)
    expect(second).not.toHaveProperty('registration_access_token')
    const asked = await OPEN(`/register/${first.client_id}`, {
      headers: { Authorization: `Bearer ${first.registration_access_token}` },
    })
    expect(asked.status).toBe(401)
    expect(await auditOf('client_id', first.client_id)).toEqual([
      'client.create',
      'client.revoke_registration_token',
    ])
  })

  it('a registration from another network, with another member, or a day later gets another client', async () => {
    const network = newNetwork()
    const metadata = hostMetadata()
    const first = await registered(metadata, { network })
    const others = [
      await registered(metadata),
      await registered({ ...metadata, scope: 'public:read' }, { network }),
    ]
    await env.DB.prepare(
      'UPDATE self_registered_client SET created_at = created_at - 86400 WHERE client_id = ?1',
    )
      .bind(first.client_id)
      .run()
    others.push(await registered(metadata, { network }))
    const ids = [first, ...others].map(({ client_id }) => client_id)
    expect(new Set(ids).size).toBe(4)
  })

  it('20 simultaneous equal registrations register one client', async () => {
    const network = newNetwork()
    const metadata = hostMetadata()
    const all = await Promise.all(
      Array.from({ length: 20 }, () => registered(metadata, { network })),
    )
    expect(new Set(all.map(({ client_id }) => client_id)).size).toBe(1)
  })
})

describe('the limits of open registration', () => {
  it('exactly as many of 50 simultaneous registrations from one network succeed as the limit allows', async () => {
    const network = newNetwork()
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => askToRegister(hostMetadata(), { network })),
    )
    const byStatus = Map.groupBy(responses, ({ status }) => status)
    expect(byStatus.get(201)).toHaveLength(20)
    expect(byStatus.get(429)).toHaveLength(30)
    const refused = byStatus.get(429)?.[0]
    expect(Number(refused?.headers.get('Retry-After'))).toBeGreaterThan(3000)
    expect((await askToRegister(hostMetadata())).status).toBe(201)
  })

  it('REGISTRATIONS_PER_DAY counts the registrations of all networks', async () => {
    await env.DB.prepare(`DELETE FROM registration_count WHERE subject = ''`).run()
    const fetch = serve({ REGISTRATION: 'open', REGISTRATIONS_PER_DAY: '3' })
    const statuses: number[] = []
    for (let i = 0; i < 5; i += 1) {
      statuses.push((await askToRegister(hostMetadata(), { fetch })).status)
    }
    expect(statuses).toEqual([201, 201, 201, 429, 429])
  })

  it('a registration beyond the limit writes only its refusal, and a duplicate writes nothing', async () => {
    const network = newNetwork()
    const fetch = serve({
      REGISTRATION: 'open',
      REGISTRATIONS_PER_NETWORK_HOUR: '1',
      REGISTRATIONS_PER_DAY: '1000000',
    })
    const known = hostMetadata()
    await registered(known, { network, fetch })
    // A second registration shares the client.
    await registered(known, { network, fetch })
    const rows = async () => ({ ...(await everything()), refusal: [] })
    const before = await rows()
    for (const body of [known, hostMetadata(), '{', hostMetadata({ scope: '"' })]) {
      await askToRegister(body, { network, fetch })
    }
    expect(await rows()).toEqual(before)
  })

  it('a registration over the rate limit of its network is 429 and costs no storage operation', async () => {
    const { bindings, costOf } = countedBindings()
    const REFUSAL_LIMIT = exceededFor(() => true)
    const fetch = serve({ ...bindings, REFUSAL_LIMIT, REGISTRATION: 'open' })
    const cost = await costOf(() => askToRegister(hostMetadata(), { fetch }), 429)
    expect(cost).toEqual(nothing())
  })

  it('a registration costs two D1 reads, for the scopes and for duplicates, and one D1 batch', async () => {
    const { bindings, costOf } = countedBindings()
    const fetch = serve({ ...bindings, REGISTRATION: 'open', REGISTRATIONS_PER_DAY: '1000000' })
    const cost = await costOf(() => askToRegister(hostMetadata(), { fetch }), 201)
    expect(cost).toEqual({ ...nothing(), d1: 3 })
  })

  it('REGISTRATIONS_PER_NETWORK_HOUR counts from zero again after an hour', async () => {
    const network = newNetwork()
    const fetch = serve({
      REGISTRATION: 'open',
      REGISTRATIONS_PER_NETWORK_HOUR: '1',
      REGISTRATIONS_PER_DAY: '1000000',
    })
    const ask = async () => (await askToRegister(hostMetadata(), { network, fetch })).status
    expect([await ask(), await ask()]).toEqual([201, 429])
    await env.DB.prepare('UPDATE registration_count SET began_at = began_at - 3600').run()
    expect([await ask(), await ask()]).toEqual([201, 429])
  })

  it('a refused registration creates no client', async () => {
    const count = async () =>
      (await env.DB.prepare('SELECT count(*) AS n FROM client').first<{ n: number }>())?.n
    const before = await count()
    await askToRegister(hostMetadata({ scope: '"' }))
    expect(await count()).toBe(before)
  })
})

describe('/register', () => {
  it('/register is 404 and not in the metadata unless REGISTRATION switches it on', async () => {
    const endpointOf = async (fetch: typeof registry) =>
      (
        (await (await fetch('/.well-known/oauth-authorization-server')).json()) as {
          registration_endpoint?: string
        }
      ).registration_endpoint
    const off = await askToRegister(hostMetadata(), { fetch: registry })
    expect(off.status).toBe(404)
    expect(off.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(await endpointOf(registry)).toBeUndefined()
    expect(await endpointOf(OPEN)).toBe('http://127.0.0.1:8787/register')
  })

  it('a script of any origin may register a client: the preflight allows the method and the headers', async () => {
    const preflight = await OPEN('/register', {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://host.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type, mcp-protocol-version',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('Access-Control-Allow-Methods')).toBe('POST')
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toContain('mcp-protocol-version')
    for (const body of [hostMetadata(), '{']) {
      const response = await askToRegister(body, { headers: { Origin: 'https://host.example' } })
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(response.headers.get('Cache-Control')).toBe('no-store')
    }
  })

  it('the refusal of a registration is recorded with its cause', async () => {
    const response = await askToRegister(hostMetadata({ redirect_uris: ['http://evil.example/'] }))
    const id = response.headers.get('X-Correlation-Id') ?? ''
    const refused = await refusalStore(env.DB).find(id, nowSeconds())
    expect(refused).toMatchObject({
      endpoint: 'POST /register',
      error: 'invalid_redirect_uri',
      detail: expect.stringContaining('redirect_uris has none that can be used'),
    })
  })

  it('/register refuses other methods than POST with 405', async () => {
    const response = await OPEN('/register')
    expect(response.status).toBe(405)
    expect(response.headers.get('Allow')).toBe('POST')
  })
})
