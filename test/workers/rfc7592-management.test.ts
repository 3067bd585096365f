/** A client manages its own registration (RFC 7592), and registers with an access token (RFC 7591 §3). */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  authorizeClient,
  disableClient,
  findClient,
  revokeRegistrationToken,
  updateClient,
} from '../../src/flows/registration/clients.ts'
import { isToday } from '../days.ts'
import { newAdministrator } from './administration.ts'
import { asserting, assertionOf, newKey, proofOf, resourceProofOf } from './keys.ts'
import { admin, auditOf } from './registering.ts'
import {
  basicOf,
  credentialsOf,
  ISSUER,
  post,
  refusal,
  serve,
  sessionOf,
  tokenIn,
} from './registry.ts'
import {
  askToRegister,
  declareScopes,
  errorIn,
  hostMetadata,
  type Information,
  manage,
  OPEN,
  registered,
  TOKEN,
  tokensFor,
} from './self-registering.ts'
import { newHost, publish, requestsTo, served } from './world.ts'

beforeAll(declareScopes)

const informationIn = async (response: Response) => {
  if (response.status !== 200) throw new Error(`answered ${response.status}`)
  return (await response.json()) as Information
}
/** What RFC 7592 §2.2 asks of an update: the members of the response, without those that were issued. */
const bodyOf = (
  {
    registration_access_token: _,
    registration_client_uri: __,
    client_id_issued_at: ___,
    ...rest
  }: Information,
  more: Record<string, unknown> = {},
) => ({ ...rest, client_secret_expires_at: undefined, ...more })

describe('a registration access token', () => {
  it('a registration access token reads the registration, and each response has its successor', async () => {
    const first = await registered(hostMetadata())
    const second = await informationIn(await manage('GET', first))
    expect(second).toMatchObject({ client_id: first.client_id, client_name: first.client_name })
    expect(second.registration_access_token).not.toBe(first.registration_access_token)
    const third = await informationIn(await manage('GET', second))
    expect(third.registration_access_token).not.toBe(second.registration_access_token)
    expect((await manage('GET', first)).status).toBe(401)
  })

  it('a registration access token is accepted again until its successor is used, and gets the same successor', async () => {
    const first = await registered(hostMetadata())
    const lost = await informationIn(await manage('GET', first))
    const retried = await informationIn(await manage('GET', first))
    expect(retried.registration_access_token).toBe(lost.registration_access_token)
    await informationIn(await manage('GET', retried))
    expect((await manage('GET', first)).status).toBe(401)
    expect((await manage('GET', retried)).status).toBe(200)
  })

  it('simultaneous uses of one registration access token all get the same successor', async () => {
    const first = await registered(hostMetadata())
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => informationIn(await manage('GET', first))),
    )
    const following = new Set(answers.map((one) => one.registration_access_token))
    expect(following.size).toBe(1)
    expect((await manage('GET', answers[0] as Information)).status).toBe(200)
  })

  it('two simultaneous updates with one registration access token both succeed, and the client has the name of one of them', async () => {
    const first = await registered(hostMetadata())
    const rename = (client_name: string) =>
      manage('PUT', first, { body: bodyOf(first, { client_name }) })
    const [one, other] = await Promise.all([rename('One'), rename('Other')])
    const [left, right] = [await informationIn(one), await informationIn(other)]
    expect(left.registration_access_token).toBe(right.registration_access_token)
    const { name } = await findClient(admin(), first.client_id)
    expect(['One', 'Other']).toContain(name)
    expect((await manage('GET', left)).status).toBe(200)
  })

  it.each<[string, (client: Information, other: Information) => Information]>([
    [
      'of another client',
      (client, other) => ({
        ...client,
        registration_access_token: other.registration_access_token ?? '',
      }),
    ],
    ['that is malformed', (client) => ({ ...client, registration_access_token: 'regm_x' })],
    ['for a client that does not exist', (client) => ({ ...client, client_id: 'nobody' })],
  ])('a registration access token %s is refused with 401 and changes nothing', async (_, spoil) => {
    const [client, other] = [await registered(hostMetadata()), await registered(hostMetadata())]
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const refused = await manage(method, spoil(client, other), {
        body: method === 'GET' ? undefined : bodyOf(client),
      })
      expect(refused.headers.get('WWW-Authenticate')).toMatch(/^Bearer error="invalid_token"/)
      expect(await errorIn(refused)).toMatchObject({ status: 401, error: 'invalid_token' })
    }
    expect((await manage('GET', client)).status).toBe(200)
    expect((await manage('GET', other)).status).toBe(200)
  })

  it('a client whose registration access token an operator revoked cannot manage its registration and still gets tokens', async () => {
    const client = await registered(hostMetadata({ redirect_uris: ['https://app.example/cb'] }))
    await revokeRegistrationToken(admin(), client.client_id)
    expect((await manage('GET', client)).status).toBe(401)
    expect((await findClient(admin(), client.client_id)).hasRegistrationToken).toBe(false)
    expect((await tokensFor(client)).access_token).toMatch(/^reg_/)
    expect(await auditOf('client_id', client.client_id)).toContain(
      'client.revoke_registration_token',
    )
  })

  it('the management API refuses a registration access token', async () => {
    const { registration_access_token: token = '' } = await registered(hostMetadata())
    const response = await OPEN('/admin/v1/clients', {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(401)
  })
})

describe('an update', () => {
  it('an update replaces the metadata of a registration, and an omitted member gets its default', async () => {
    const first = await registered(
      hostMetadata({ client_uri: 'https://app.example/', contacts: ['a@app.example'] }),
    )
    const { client_id } = first
    const body = { client_id, client_name: 'Renamed', redirect_uris: ['https://new.example/cb'] }
    const updated = await informationIn(await manage('PUT', first, { body }))
    expect(updated).toMatchObject({
      client_name: 'Renamed',
      redirect_uris: ['https://new.example/cb'],
      grant_types: ['authorization_code'],
    })
    expect(updated).not.toHaveProperty('client_uri')
    expect(updated).not.toHaveProperty('contacts')
  })

  it('an update that removes a redirect URI revokes the tokens that were issued for this URI', async () => {
    const client = await registered(hostMetadata({ redirect_uris: ['https://app.example/cb'] }))
    const { access_token } = await tokensFor(client)
    expect(await sessionOf(access_token)).not.toBeNull()
    const body = bodyOf(client, { redirect_uris: ['https://new.example/cb'] })
    await informationIn(await manage('PUT', client, { body }))
    expect(await sessionOf(access_token)).toBeNull()
  })

  it('an update keeps an approved scope, and requests the scope again if it changes the name of the application', async () => {
    const client = await registered(hostMetadata({ scope: 'public:read submission:create' }))
    await authorizeClient(admin(), client.client_id, { scopes: ['submission:create'] })
    const same = await informationIn(
      await manage('PUT', client, {
        body: bodyOf(client, { scope: 'submission:create', software_version: '2' }),
      }),
    )
    expect(same.scope).toBe('submission:create')
    const other = await informationIn(
      await manage('PUT', same, { body: bodyOf(same, { client_name: 'Another application' }) }),
    )
    expect(other).not.toHaveProperty('scope')
    const { permissions } = await findClient(admin(), client.client_id)
    expect(permissions).toContainEqual(
      expect.objectContaining({ value: 'submission:create', authorizedAt: null }),
    )
  })

  it('a scope that a client gives up by an update is recorded as taken back, and not as withdrawn by an operator', async () => {
    const client = await registered(hostMetadata({ scope: 'public:read submission:create' }))
    const { client_id } = client
    await authorizeClient(admin(), client_id, { scopes: ['submission:create'] })
    await informationIn(
      await manage('PUT', client, { body: bodyOf(client, { scope: 'public:read' }) }),
    )
    const { decisions, scopes } = await findClient(admin(), client_id)
    expect(scopes).toEqual(['public:read'])
    expect(decisions).toMatchObject([{ value: 'submission:create', decision: 'taken_back' }])
    // Control: a scope that an operator removes is recorded as withdrawn.
    const fields = { fields: {}, lists: { scopes: [] }, mode: 'authorize', isDisabled: undefined }
    await updateClient(admin(), client_id, { ...fields, mode: 'authorize' })
    expect((await findClient(admin(), client_id)).decisions).toContainEqual(
      expect.objectContaining({ value: 'public:read', decision: 'withdrawn' }),
    )
  })

  it('an update keeps an endorsement, and requests it again if it changes the name of the application', async () => {
    const client = await registered(hostMetadata({ scope: 'public:read' }))
    await authorizeClient(admin(), client.client_id, { endorsements: ['cs.*'] })
    const endorsement = async () =>
      (await findClient(admin(), client.client_id)).permissions.find(
        ({ kind }) => kind === 'endorsement',
      )
    const same = await informationIn(
      await manage('PUT', client, { body: bodyOf(client, { software_version: '2' }) }),
    )
    expect(await endorsement()).toMatchObject({ value: 'cs.*', authorizedAt: expect.any(Number) })
    const other = await informationIn(
      await manage('PUT', same, { body: bodyOf(same, { client_name: 'Another application' }) }),
    )
    expect(await endorsement()).toMatchObject({ value: 'cs.*', authorizedAt: null })
    const again = { client_name: 'Yet another application' }
    await informationIn(await manage('PUT', other, { body: bodyOf(other, again) }))
    expect(await endorsement()).toMatchObject({ value: 'cs.*', authorizedAt: null })
  })

  it('an update does not change the settings that an operator made', async () => {
    const client = await registered(hostMetadata())
    const fields = {
      ...{ requirePkce: true, requireDpop: true },
      ...{ accessTokenLifetimeSeconds: 60, ownerId: 'ada' },
    }
    const given = { fields, lists: {}, mode: 'authorize' as const, isDisabled: undefined }
    await updateClient(admin(), client.client_id, given)
    const updated = await informationIn(await manage('PUT', client, { body: bodyOf(client) }))
    expect(updated.dpop_bound_access_tokens).toBe(true)
    expect(await findClient(admin(), client.client_id)).toMatchObject(fields)
  })

  it.each<[string, Record<string, unknown>]>([
    ['client_id', { client_id: 'another' }],
    ['client_id', { client_id: undefined }],
    ['registration_access_token', { registration_access_token: 'x' }],
    ['registration_client_uri', { registration_client_uri: 'x' }],
    ['client_secret_expires_at', { client_secret_expires_at: 0 }],
    ['client_id_issued_at', { client_id_issued_at: 1 }],
    ['client_secret', { client_secret: 'regs_of_my_own_choice' }],
    ['client_secret', { client_secret: 1 }],
    [
      'token_endpoint_auth_method',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/keys' },
    ],
    ['scope', { scope: '"' }],
  ])(
    'an update with a wrong %s is refused, and its registration access token stays valid',
    async (member, more) => {
      const client = await registered(hostMetadata())
      const refused = await errorIn(await manage('PUT', client, { body: bodyOf(client, more) }))
      expect(refused).toMatchObject({ status: 400, error: 'invalid_client_metadata' })
      expect(refused.description).toContain(member)
      expect((await findClient(admin(), client.client_id)).name).toBe(client.client_name)
      expect((await manage('GET', client)).status).toBe(200)
    },
  )

  it('a disabled client that manages its registration is refused with 403', async () => {
    const client = await registered(hostMetadata())
    await disableClient(admin(), client.client_id)
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const body = method === 'PUT' ? bodyOf(client) : undefined
      expect(await errorIn(await manage(method, client, { body }))).toMatchObject({
        status: 403,
        error: 'access_denied',
      })
    }
    expect((await findClient(admin(), client.client_id)).disabledAt).not.toBeNull()
  })

  it('an update by a client with a scope of the registry is refused with 403', async () => {
    const client = await registered(hostMetadata())
    await authorizeClient(admin(), client.client_id, { scopes: ['registry:read'] })
    const refused = await manage('PUT', client, { body: bodyOf(client) })
    expect(await errorIn(refused)).toMatchObject({ status: 403, error: 'access_denied' })
  })
})

describe('a deletion', () => {
  it('the deletion of a registration revokes the tokens of the client, and the client is unknown afterwards', async () => {
    const client = await registered(hostMetadata({ redirect_uris: ['https://app.example/cb'] }))
    const { access_token } = await tokensFor(client)
    expect((await manage('DELETE', client)).status).toBe(204)
    expect(await sessionOf(access_token)).toBeNull()
    expect((await manage('GET', client)).status).toBe(401)
    const asked = { grant_type: 'refresh_token', refresh_token: 'x', client_id: client.client_id }
    expect(await refusal(await post('/token', asked, {}, OPEN))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await auditOf('client_id', client.client_id)).toContain('client.delete')
  })

  it('scripts of any origin may manage a registration: the preflight allows the methods', async () => {
    const preflight = await OPEN('/register/some', {
      method: 'OPTIONS',
      headers: { 'Access-Control-Request-Method': 'DELETE', Origin: 'https://host.example' },
    })
    expect(preflight.headers.get('Access-Control-Allow-Methods')).toBe('GET,PUT,DELETE')
    expect((await OPEN('/register/some', { method: 'HEAD' })).status).toBe(405)
  })
})

describe('registration with an access token', () => {
  const withToken = async (...scopes: string[]) => ({
    fetch: TOKEN,
    headers: { Authorization: `Bearer ${(await newAdministrator(...scopes)).token}` },
  })

  it('a registration with registry:register creates a confidential client that gets tokens at once', async () => {
    const how = await withToken('registry:register')
    const client = await registered(
      {
        client_name: 'Machine',
        grant_types: ['client_credentials'],
        scope: 'public:read submission:create',
      },
      how,
    )
    expect(client).toMatchObject({
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret_expires_at: 0,
      grant_types: ['client_credentials'],
      scope: 'public:read',
    })
    const basic = basicOf({ id: client.client_id, secret: client.client_secret ?? '' })
    const token = await post('/token', { grant_type: 'client_credentials' }, basic, TOKEN)
    expect((await tokenIn(token)).scope).toBe('public:read')
    const row = await env.DB.prepare('SELECT actor FROM audit WHERE client_id = ?1')
      .bind(client.client_id)
      .first<{ actor: string }>()
    expect(row?.actor).toMatch(/^client:/)
  })

  it('a registered client that authenticates with its own key gets tokens at once, and each token records the day of use', async () => {
    const how = await withToken('registry:register')
    const key = await newKey()
    const client = await registered(
      {
        client_name: 'Machine with a key',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [key.jwk] },
      },
      how,
    )
    expect(client).toMatchObject({ jwks: { keys: [{ x: key.jwk.x }] } })
    expect(client).not.toHaveProperty('client_secret')
    const usedAt = async () => (await findClient(admin(), client.client_id)).selfRegistered?.usedAt
    expect(await usedAt()).toBeNull()
    for (let times = 0; times < 2; times += 1) {
      const assertion = asserting(await assertionOf(client.client_id, key))
      const asked = { grant_type: 'client_credentials', ...assertion }
      expect((await post('/token', asked, {}, TOKEN)).status).toBe(200)
      expect(await usedAt()).toSatisfy(isToday)
    }
  })

  it('the jwks_uri of a client_credentials client is fetched when it registers, and again when it updates its registration', async () => {
    const [key, other] = [await newKey(), await newKey()]
    const jwks_uri = `https://${newHost()}/keys`
    await publish(jwks_uri, served({ keys: [key.jwk] }))
    const machine = {
      client_name: 'Machine that publishes its keys',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri,
    }
    const client = await registered(machine, await withToken('registry:register'))
    // Without a cache, which would accept the old keys for ten seconds.
    const uncached = serve({ REGISTRATION: 'token', CLIENT_CACHE_SECONDS: '0' })
    const statusBy = async (by: typeof key) => {
      const assertion = asserting(await assertionOf(client.client_id, by))
      const asked = { grant_type: 'client_credentials', ...assertion }
      return (await post('/token', asked, {}, uncached)).status
    }
    expect([await statusBy(key), await statusBy(other)]).toEqual([200, 401])
    await publish(jwks_uri, served({ keys: [other.jwk] }))
    await env.DB.prepare('DELETE FROM document_attempt').run()
    const { client_id } = client
    const updated = await manage('PUT', client, { fetch: TOKEN, body: { ...machine, client_id } })
    expect(updated.status).toBe(200)
    expect([await statusBy(key), await statusBy(other)]).toEqual([401, 200])
  })

  it('with REGISTRATION=open a jwks_uri is not fetched before an operator approves the client', async () => {
    const jwks_uri = `https://${newHost()}/keys`
    const key = await newKey()
    await publish(jwks_uri, served({ keys: [key.jwk] }))
    const { client_id } = await registered({
      client_name: 'Waiting machine',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri,
    })
    const ask = async () => {
      const assertion = asserting(await assertionOf(client_id, key))
      return (await post('/token', { grant_type: 'client_credentials', ...assertion }, {}, OPEN))
        .status
    }
    expect(await ask()).toBe(401)
    expect(await requestsTo(new URL(jwks_uri).host)).toEqual([])
    const { token } = await newAdministrator('registry:clients')
    const approved = await OPEN(`/admin/v1/clients/${client_id}/permissions`, {
      method: 'POST',
      headers: {
        ...{ Authorization: `Bearer ${token}`, 'If-Match': '*' },
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ authorize: { grant_types: ['client_credentials'] } }),
    })
    expect(approved.status).toBe(200)
    expect(await requestsTo(new URL(jwks_uri).host)).toHaveLength(1)
    expect(await ask()).toBe(200)
  })

  it('the jwks_uri of a client for the code grant is not fetched when it registers', async () => {
    const jwks_uri = `https://${crypto.randomUUID()}.example/keys`
    const client = await registered(
      {
        redirect_uris: ['https://app.example/cb'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri,
      },
      await withToken('registry:register'),
    )
    expect(client.jwks_uri).toBe(jwks_uri)
    expect((await findClient(admin(), client.client_id)).jwks).toBeNull()
    expect(await requestsTo(new URL(jwks_uri).host)).toEqual([])
  })

  it('the secret of a client that registered itself is in no response to an update, and an update may contain it', async () => {
    const how = await withToken('registry:register')
    const client = await registered({ redirect_uris: ['https://app.example/cb'] }, how)
    const body = bodyOf(client, { client_name: 'With its secret' })
    const updated = await informationIn(await manage('PUT', client, { fetch: TOKEN, body }))
    expect(updated).not.toHaveProperty('client_secret')
    expect(updated.token_endpoint_auth_method).toBe('client_secret_basic')
  })

  it('a client with the method client_secret reads client_secret_basic in its registration', async () => {
    const how = await withToken('registry:register')
    const client = await registered({ redirect_uris: ['https://app.example/cb'] }, how)
    const fields = { authMethod: 'client_secret' as const }
    const given = { fields, lists: {}, mode: 'authorize' as const, isDisabled: undefined }
    await updateClient(admin(), client.client_id, given)
    const read = await informationIn(await manage('GET', client, { fetch: TOKEN }))
    expect(read.token_endpoint_auth_method).toBe('client_secret_basic')
  })

  it('with REGISTRATION=token a registration is 401 without a token and 403 without the scope', async () => {
    const anonymous = await askToRegister(hostMetadata(), { fetch: TOKEN })
    expect(anonymous.headers.get('WWW-Authenticate')).toMatch(/scope="registry:register"/)
    expect(await errorIn(anonymous)).toMatchObject({ status: 401, error: 'invalid_token' })
    const other = await askToRegister(hostMetadata(), await withToken('registry:read'))
    expect(await errorIn(other)).toMatchObject({ status: 403, error: 'insufficient_scope' })
    const junk = { fetch: TOKEN, headers: { Authorization: 'Bearer reg_x' } }
    expect((await askToRegister(hostMetadata(), junk)).status).toBe(401)
  })

  it('an access token that is bound to a key registers a client only with a proof of that key for /register', async () => {
    const { client } = await newAdministrator('registry:register')
    const key = await newKey()
    const issued = await post('/token', credentialsOf(client), { DPoP: await proofOf(key) }, TOKEN)
    const { access_token } = await tokenIn(issued)
    const Authorization = `DPoP ${access_token}`
    const proofFor = (by: typeof key) =>
      resourceProofOf(by, access_token, `${ISSUER}/register`, { claims: { htm: 'POST' } })
    const asking = (headers: Record<string, string>) =>
      askToRegister(hostMetadata(), { fetch: TOKEN, headers })
    const asBearer = await asking({ Authorization: `Bearer ${access_token}` })
    const byAnother = await asking({ Authorization, DPoP: await proofFor(await newKey()) })
    expect([asBearer.status, byAnother.status]).toEqual([401, 401])
    const DPoP = await proofFor(key)
    expect((await asking({ Authorization, DPoP })).status).toBe(201)
    // A proof is accepted once.
    expect((await asking({ Authorization, DPoP })).status).toBe(401)
  })

  it('with REGISTRATION=token an access token with registry:admin registers a client', async () => {
    const how = await withToken('registry:admin')
    expect((await askToRegister(hostMetadata(), how)).status).toBe(201)
  })
})
