/**
 * Clients of owners that sign with their own keys (`private_key_jwt`): registered, shown, replaced, and changed to a
 * secret and back.
 */

import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { asserting, assertionOf, type Key, keySetOf, newKey } from './keys.ts'
import { exceededFor } from './limits.ts'
import {
  minted,
  newOwnedClient,
  newOwner,
  type Owner,
  ownerWith,
  referencesIn,
  register,
} from './portal.ts'
import { auditOf, recordOf } from './registering.ts'
import { credentialsOf, newClient, post, serve } from './registry.ts'
import { newHost, publish, requestsTo, served } from './world.ts'

vi.spyOn(console, 'log').mockImplementation(() => {})

const MACHINE = { kind: 'machine', redirect_uris: '' }
const uncached = serve({ CLIENT_CACHE_SECONDS: '0' })

let key: Key
let other: Key
beforeAll(async () => {
  key = await newKey()
  other = await newKey('EdDSA')
})

const keySet = (...keys: Key[]) => keySetOf(...keys.map(({ jwk }) => jwk))

/** How `/token` answers a client that signs with this key. */
const signedBy = async (id: string, signer: Key) =>
  (
    await post(
      '/token',
      {
        grant_type: 'client_credentials',
        ...asserting(await assertionOf(id, signer, { claims: { jti: crypto.randomUUID() } })),
      },
      {},
      uncached,
    )
  ).status
const bySecret = async (id: string, secret: string) =>
  (await post('/token', credentialsOf({ id, secret }), {}, uncached)).status

const change = (owner: Owner, id: string, fields: Record<string, string>) =>
  owner.submit(`/clients/${id}/keys`, { jwks: '', jwks_uri: '', ...fields })

/** Keys at a URL at a new host. */
async function published(...keys: Key[]) {
  const uri = `https://${newHost()}/jwks.json`
  await publish(uri, served(JSON.parse(keySet(...keys))))
  return uri
}

describe('registering a client with keys', () => {
  it.each(['machine', 'server'])(
    'a client of the kind %s is registered with a JWK Set, keeps no secret, and gets a token by its signature',
    async (kind) => {
      const owner = await newOwner()
      const answer = await owner.submit('/new-client', {
        ...{ name: 'Signing', kind, jwks: keySet(key) },
        redirect_uris: kind === 'machine' ? '' : 'https://a.example/callback',
      })
      const page = await answer.text()
      const [id = '', secret] = referencesIn(page)
      expect([answer.status, secret]).toEqual([200, undefined])
      expect(page).toContain('it signs with keys of its own')
      const { authMethod, credentials, jwks } = await recordOf(id)
      expect([authMethod, credentials]).toEqual(['private_key_jwt', []])
      expect(JSON.parse(String(jwks)).keys).toHaveLength(1)
      if (kind === 'machine') {
        expect(await signedBy(id, key)).toBe(200)
        expect(await signedBy(id, other)).toBe(401)
      }
    },
  )

  it('the registration of a client with jwks_uri fetches the keys at once, and its owner sees their ids', async () => {
    const owner = await newOwner()
    const jwks_uri = await published(key, other)
    const { id } = await register(owner, { ...MACHINE, jwks_uri })
    expect(await requestsTo(new URL(jwks_uri).host)).toHaveLength(1)
    expect(await signedBy(id, other)).toBe(200)
    const page = await owner.page(`/clients/${id}/keys`)
    expect(page).toContain(`<code>${key.jkt}</code>`)
    expect(page).toContain(`<code>${other.jkt}</code>`)
    expect(page).toContain('its thumbprint')
    expect(page).toContain('OKP Ed25519')
    expect(await owner.page(`/clients/${id}`)).toContain('private_key_jwt')
  })

  it('an owner whose keys cannot be fetched is told why, and can send the form again', async () => {
    const owner = await newOwner()
    const jwks_uri = `https://${newHost()}/jwks.json`
    const answer = await owner.submit('/new-client', { name: 'Early', ...MACHINE, jwks_uri })
    const page = await answer.text()
    expect(page).toContain('The keys at jwks_uri were not read')
    const [id = ''] = referencesIn(page)
    expect(await owner.page(`/clients/${id}/keys`)).toContain('No key was read there yet')
    await publish(jwks_uri, served(JSON.parse(keySet(key))))
    await env.DB.prepare('DELETE FROM document_attempt').run()
    expect((await change(owner, id, { jwks_uri })).headers.get('Location')).toMatch(/done=keys$/)
    expect(await signedBy(id, key)).toBe(200)
  })

  it.each([
    ['that are not JSON', { jwks: '{' }, 'is not JSON'],
    ['without a key', { jwks: '{"keys":[]}' }, 'holds no key'],
    ['with another member', { jwks: '[]' }, 'is not a JWK Set'],
    ['at an address without https', { jwks_uri: 'http://a.example/k' }, 'https'],
    [
      'at an address without a name',
      { jwks_uri: 'https://10.0.0.1/k' },
      'must not name an IP address',
    ],
    [
      'twice',
      { jwks: '{"keys":[]}', jwks_uri: 'https://a.example/k' },
      'so Address of the public keys must be empty',
    ],
    ['for a public client', { kind: 'browser', jwks: 'PUBLIC' }, 'is public'],
  ])('keys %s are refused beside the field, and kept as typed', async (_, given, why) => {
    const owner = await newOwner()
    const typed = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        value === 'PUBLIC' ? keySet(key) : value,
      ]),
    )
    const redirect = typed.kind ? { redirect_uris: 'https://a.example/' } : MACHINE
    const answer = await owner.submit('/new-client', { name: 'Wrong', ...redirect, ...typed })
    const page = await answer.text()
    expect([answer.status, page]).toEqual([400, expect.stringContaining(why)])
    expect(page).toMatch(/id="jwks(_uri)?"[^>]*aria-invalid="true"/)
    expect(page).toContain('<details open')
    expect(await owner.page('/clients')).toContain('You have none yet')
  })

  it('a private key is refused and stored in no table', async () => {
    const owner = await newOwner()
    const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw'
    const jwks = keySetOf({ ...key.jwk, d: secret })
    const answer = await owner.submit('/new-client', { name: 'Private', ...MACHINE, jwks })
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('holds private members: register the public key alone'),
    ])
    const { everything } = await import('./registering.ts')
    expect(JSON.stringify(await everything())).not.toContain(secret)
  })
})

describe('changing keys', () => {
  it('an owner adds a key and removes another, and each is accepted for as long as it is in the set', async () => {
    const { owner, id } = await newOwnedClient({ ...MACHINE, jwks: keySet(key) })
    const shown = await owner.form(`/clients/${id}/keys`)
    expect(JSON.parse(new Map(shown).get('jwks') ?? '').keys).toHaveLength(1)
    expect((await change(owner, id, { jwks: keySet(key, other) })).status).toBe(303)
    expect([await signedBy(id, key), await signedBy(id, other)]).toEqual([200, 200])
    expect((await change(owner, id, { jwks: keySet(other) })).status).toBe(303)
    expect([await signedBy(id, key), await signedBy(id, other)]).toEqual([401, 200])
    expect(await auditOf('client_id', id)).toEqual([
      ...['client.create', 'client.update', 'client.update'],
    ])
  })

  it('an owner replaces a JWK Set by a jwks_uri and back', async () => {
    const { owner, id } = await newOwnedClient({ ...MACHINE, jwks: keySet(key) })
    const jwks_uri = await published(other)
    expect((await change(owner, id, { jwks_uri })).status).toBe(303)
    expect([await signedBy(id, key), await signedBy(id, other)]).toEqual([401, 200])
    expect((await change(owner, id, { jwks: keySet(key) })).status).toBe(303)
    expect(await recordOf(id)).toMatchObject({ jwksUri: '' })
    expect([await signedBy(id, key), await signedBy(id, other)]).toEqual([200, 401])
  })

  it('keys with an unsupported curve are left out, and the page says so', async () => {
    const { owner, id } = await newOwnedClient({ ...MACHINE, jwks: keySet(key) })
    const jwks = keySetOf(key.jwk, { kty: 'EC', crv: 'secp256k1', x: 'a', y: 'b' })
    const answer = await change(owner, id, { jwks })
    const page = await answer.text()
    expect(answer.status).toBe(200)
    expect(page).toContain('the key is left out.')
    const again = await owner.send(`/clients/${id}/keys`, [
      ...(await minted(owner, 'set_keys', id, (await recordOf(id)).version)),
      ['jwks', keySet(other)],
    ])
    expect(again.status).toBe(303)
  })

  it('a client changes from a secret to keys and back, and only its current credentials are accepted', async () => {
    const { owner, id, secret } = await newOwnedClient(MACHINE)
    expect(await bySecret(id, secret)).toBe(200)
    expect(await owner.page(`/clients/${id}/keys`)).toContain('Its secrets end at once')
    expect((await change(owner, id, { jwks: keySet(key) })).status).toBe(303)
    expect([await bySecret(id, secret), await signedBy(id, key)]).toEqual([401, 200])
    const answer = await owner.submit(`/clients/${id}/secrets`, {}, 'use_secret')
    const [, fresh = ''] = referencesIn(await answer.text())
    expect(await bySecret(id, fresh)).toBe(200)
    expect([await bySecret(id, secret), await signedBy(id, key)]).toEqual([401, 401])
    const { jwks, jwksUri, credentials } = await recordOf(id)
    expect([jwks, jwksUri, credentials.length]).toEqual([null, '', 1])
    expect(await auditOf('client_id', id)).toEqual([
      ...['client.create', 'client.update', 'client.update', 'client.rotate_secret'],
    ])
  })

  it('a change of the authentication method revokes the sessions of the old method in the same batch', async () => {
    const { owner, id } = await newOwnedClient(MACHINE)
    const isRevoked = async () =>
      (await env.DB.prepare('SELECT 1 FROM revocation WHERE subject = ?1').bind(id).first()) !==
      null
    expect(await isRevoked()).toBe(false)
    await change(owner, id, { jwks: keySet(key) })
    expect(await isRevoked()).toBe(true)
  })

  it('forged forms give a public client neither keys nor a secret, and a client with a secret no second method', async () => {
    const owner = await newOwner()
    const browser = (await register(owner, { kind: 'browser' })).id
    const page = await owner.page(`/clients/${browser}/keys`)
    expect(page).toContain('Its code is public, so it has no keys.')
    expect(await owner.page(`/clients/${browser}`)).not.toContain('/keys"')
    const forge = async (id: string, form: string, at: string, fields: [string, string][]) => {
      const { version } = await recordOf(id)
      const mark = await minted(owner, form, id, version)
      return (await owner.send(`/clients/${id}/${at}`, [...mark, ...fields])).status
    }
    expect(await forge(browser, 'set_keys', 'keys', [['jwks', keySet(key)]])).toBe(409)
    expect(await forge(browser, 'use_secret', 'secrets', [['act', 'use_secret']])).toBe(409)
    expect(await forge(browser, 'rotate_secret', 'secrets', [['overlap', '0']])).toBe(409)
    const machine = (await register(owner, MACHINE)).id
    expect(await forge(machine, 'use_secret', 'secrets', [['act', 'use_secret']])).toBe(409)
    expect((await recordOf(browser)).authMethod).toBe('none')
    expect((await recordOf(machine)).credentials).toHaveLength(1)
  })

  it('no form about keys changes a client of another owner or a client that has changed', async () => {
    const [owner, thief] = [await newOwner(), await newOwner()]
    const { id } = await register(owner, { ...MACHINE, jwks: keySet(key) })
    const { version } = await recordOf(id)
    const forged = async (who: Owner, form: string, at: string, of = version) =>
      (
        await who.send(`/clients/${id}/${at}`, [
          ...(await minted(who, form, id, of)),
          ...([
            ['act', 'use_secret'],
            ['jwks', keySet(other)],
          ] as [string, string][]),
        ])
      ).status
    expect(await forged(thief, 'set_keys', 'keys')).toBe(404)
    expect(await forged(thief, 'use_secret', 'secrets')).toBe(404)
    expect(await forged(owner, 'set_keys', 'keys', version - 1)).toBe(409)
    expect(await forged(owner, 'use_secret', 'secrets', version - 1)).toBe(409)
    expect((await recordOf(id)).version).toBe(version)
    expect(await signedBy(id, key)).toBe(200)
  })

  it('a jwks_uri is fetched no more often than LOGIN_LIMIT allows', async () => {
    const { user, cookie } = await newOwner()
    const limited = ownerWith(user, cookie, serve({ LOGIN_LIMIT: exceededFor(() => true) }))
    const { id } = await register(ownerWith(user, cookie), { ...MACHINE, jwks: keySet(key) })
    const jwks_uri = await published(other)
    const fields = await limited.form(`/clients/${id}/keys`)
    const sent = fields.map(([name, value]): [string, string] => [
      name,
      name === 'jwks' ? '' : name === 'jwks_uri' ? jwks_uri : value,
    ])
    const answer = await limited.send(`/clients/${id}/keys`, sent, {
      'CF-Connecting-IP': '192.0.2.7',
    })
    expect(answer.status).toBe(429)
    expect(await requestsTo(new URL(jwks_uri).host)).toEqual([])
    expect((await recordOf(id)).jwksUri).toBe('')
  })

  it('an owner cannot change the keys that a metadata document names', async () => {
    const owner = await newOwner()
    const { id } = await newClient({
      ownerId: owner.user.id,
      authMethod: 'private_key_jwt',
      jwks: keySet(key),
    })
    await env.DB.prepare(
      `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'document', 1)`,
    )
      .bind(id)
      .run()
    const answer = await change(owner, id, { jwks: keySet(other) })
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('only its author can change it'),
    ])
  })
})

describe('the logo of a client', () => {
  const GIF = { headers: { 'Content-Type': 'image/gif' }, body: 'GIF89a and more' }

  it('a logo that an owner names is fetched at once, and the page of the client names a logo that cannot be shown', async () => {
    const owner = await newOwner()
    const logo_uri = `https://${newHost()}/logo`
    await publish(logo_uri, { ...GIF, body: `GIF89a ${logo_uri}` })
    const { id } = await register(owner, { logo_uri })
    expect(await owner.page(`/clients/${id}`)).toMatch(/<img class="logo" src="\/logos\//)
    const broken = `https://${newHost()}/logo`
    await publish(broken, { headers: { 'Content-Type': 'image/svg+xml' }, body: '<svg/>' })
    await owner.submit(`/clients/${id}/edit`, { logo_uri: broken })
    const page = await owner.page(`/clients/${id}`)
    expect(page).not.toContain('<img class="logo" src="/logos/')
    expect(page).toContain('Not shown: no PNG')
    const told = await owner.submit('/new-client', { name: 'Told', ...MACHINE, logo_uri: broken })
    expect(await told.text()).toMatch(/is fetched later|is not shown/)
  })
})
